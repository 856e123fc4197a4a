"""Recurrent layers, in one or both directions, with their state kept or passed on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from ddsp import registration
from ddsp.training.nn import basic
from ddsp.training.nn.fully_connected import FcStack
from ddsp.training.nn.gru import GRU

_TYPES = ('gru', 'lstm')
_IMPLEMENTATIONS = ('auto', 'loop', 'keras')


def _make_rnn(
    rnn_type: str, implementation: str, where: str, **kwargs: Any
) -> keras.layers.Layer:
    """Makes one of the layers, which have the same weights whatever the implementation.

    Keras's own are the fastest where it runs them by cuDNN, and nowhere else.
    """
    if rnn_type not in _TYPES:
        raise ValueError(
            f'{where}: rnn_type is {rnn_type!r}, expected one of {list(_TYPES)}.'
        )
    if implementation not in _IMPLEMENTATIONS:
        raise ValueError(
            f'{where}: implementation is {implementation!r}, expected one of '
            f'{list(_IMPLEMENTATIONS)}.'
        )
    if rnn_type == 'lstm':
        return keras.layers.LSTM(**kwargs)
    if implementation == 'auto':
        has_gpu = bool(tf.config.list_physical_devices('GPU'))
        implementation = 'keras' if has_gpu else 'loop'
    return keras.layers.GRU(**kwargs) if implementation == 'keras' else GRU(**kwargs)


class Bidirectional(keras.layers.Layer):
    """Two recurrent layers, one from the start and one from the end, side by side."""

    def __init__(self, forward_layer: Any, backward_layer: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.forward_layer = forward_layer
        self.backward_layer = backward_layer

    def build(self, x_shape: Sequence[int | None]) -> None:
        """Makes the weights of both."""
        self.forward_layer.build(x_shape)
        self.backward_layer.build(x_shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Gives the outputs of both directions at each time, side by side."""
        backward = self.backward_layer(x)
        if self.backward_layer.return_sequences:
            backward = tf.reverse(backward, [1])
        return tf.concat([self.forward_layer(x), backward], axis=-1)

    def compute_output_shape(self, x_shape: Any) -> tuple:
        """The shape of one direction with twice the channels."""
        shape = self.forward_layer.compute_output_shape(x_shape)
        return (*shape[:-1], 2 * shape[-1])


@registration.register('ddsp.training.nn')
class Rnn(registration.Configured, keras.layers.Layer):
    """A recurrent layer along time.

    Parameters
    ----------
    dims : number of channels, in each direction.
    rnn_type : `'gru'` or `'lstm'`.
    return_sequences : whether to give the output at all times, or only the last.
    bidir : whether to run in both directions, which gives `2 * dims` channels.
    implementation : of the GRU. `'loop'` is that of this library, the fastest on CPU,
        which XLA compiles too; `'keras'` is Keras's, for cuDNN; `'auto'` takes this one
        where there is a GPU. All have the same weights.
    **kwargs : passed on to `keras.layers.Layer`.

    Raises
    ------
    ValueError
        When `rnn_type` or `implementation` is unknown.
    """

    def __init__(
        self,
        dims: int,
        rnn_type: str,
        return_sequences: bool = True,
        bidir: bool = False,
        implementation: str = 'auto',
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dims, self.rnn_type = dims, rnn_type
        self.return_sequences, self.bidir = return_sequences, bidir
        self.implementation = implementation
        shared = {
            'units': dims,
            'return_sequences': return_sequences,
            'dtype': self.dtype_policy,
        }
        rnn = _make_rnn(rnn_type, implementation, self.name, **shared)
        if bidir:
            back = _make_rnn(
                rnn_type, implementation, self.name, go_backwards=True, **shared
            )
            rnn = Bidirectional(rnn, back, dtype=self.dtype_policy)
        self.rnn = rnn

    def build(self, x_shape: Sequence[int | None]) -> None:
        """Makes the weights."""
        self.rnn.build(x_shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Gives `[batch, time, dims]` for `[batch, time, channels]`."""
        return self.rnn(x)

    def compute_output_shape(self, x_shape: Any) -> tuple:
        """The shape of what `call` gives."""
        return self.rnn.compute_output_shape(x_shape)


@registration.register('ddsp.training.nn')
class StatelessRnn(registration.Configured, keras.layers.Layer):
    """A recurrent layer that is given its state and gives it back, for streams.

    Parameters
    ----------
    dims : number of channels.
    rnn_type : `'gru'`, or `'lstm'`, whose state is its two states side by side.
    implementation : of the GRU, see `Rnn`.
    **kwargs : passed on to `keras.layers.Layer`.

    Raises
    ------
    ValueError
        When `rnn_type` or `implementation` is unknown.
    """

    def __init__(
        self, dims: int, rnn_type: str, implementation: str = 'auto', **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.dims, self.rnn_type = dims, rnn_type
        self.implementation = implementation
        self.rnn = _make_rnn(
            rnn_type,
            implementation,
            self.name,
            units=dims,
            return_sequences=True,
            return_state=True,
            dtype=self.dtype_policy,
        )

    @property
    def state_dims(self) -> int:
        """Number of channels of the state."""
        return self.dims * (2 if self.rnn_type == 'lstm' else 1)

    def build(self, x_shape: Sequence[int | None], state_shape: Any = None) -> None:
        """Makes the weights."""
        self.rnn.build(x_shape)

    def call(self, x: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Goes on from a state.

        Parameters
        ----------
        x : `[batch, time, channels]`.
        state : `[batch, state_dims]`, zeros at the start of a stream.

        Returns
        -------
        The outputs `[batch, time, dims]` and the state after them.

        Raises
        ------
        ValueError
            When the state has another number of channels.
        """
        if not state.shape[-1:].is_compatible_with([self.state_dims]):
            raise ValueError(
                f'{self.name}: the state has the shape {state.shape.as_list()}, '
                f'expected [batch, {self.state_dims}].'
            )
        if self.rnn_type == 'lstm':
            state = tf.split(state, 2, axis=-1)
        x, *states = self.rnn(x, initial_state=state)
        return x, tf.concat(states, axis=-1)

    def compute_output_shape(self, x_shape: Any, state_shape: Any) -> tuple:
        """The shapes of outputs and state."""
        return (*x_shape[:-1], self.dims), (x_shape[0], self.state_dims)


@registration.register('ddsp.training.nn')
class RnnFc(basic.Stack):
    """Recurrent layers, then one dense layer with a nonlinearity.

    Parameters
    ----------
    rnn_feat : number of channels of the recurrent layers, in each direction.
    out_feat : number of channels of the output.
    rnn_type : `'gru'` or `'lstm'`.
    nonlinearity : a function, or its name in `keras.activations` or `tf.nn`.
    bidir : whether the recurrent layers run in both directions.
    n_rnn : number of recurrent layers.
    **kwargs : `name`, `trainable` and `dtype`.
    """

    def __init__(
        self,
        rnn_feat: int,
        out_feat: int,
        rnn_type: str = 'lstm',
        nonlinearity: str | Callable = 'sigmoid',
        bidir: bool = False,
        n_rnn: int = 1,
        **kwargs: Any,
    ) -> None:
        dtype = kwargs.get('dtype')
        activation = basic.get_nonlinearity(nonlinearity)
        layers = [
            *(Rnn(rnn_feat, rnn_type, bidir=bidir, dtype=dtype) for _ in range(n_rnn)),
            keras.layers.Dense(out_feat, dtype=dtype),
            keras.layers.Activation(activation, dtype=dtype),
        ]
        super().__init__(layers, **kwargs)
        self.rnn_feat, self.out_feat, self.rnn_type = rnn_feat, out_feat, rnn_type
        self.nonlinearity, self.bidir, self.n_rnn = nonlinearity, bidir, n_rnn


@registration.register('ddsp.training.nn')
class RnnSandwich(basic.Stack):
    """A recurrent layer between two stacks of dense layers.

    Parameters
    ----------
    fc_stack_ch : number of channels of the dense layers.
    fc_stack_layers : number of dense layers in each stack.
    rnn_ch : number of channels of the recurrent layer.
    rnn_type : `'gru'` or `'lstm'`.
    **kwargs : `name`, `trainable` and `dtype`.
    """

    def __init__(
        self,
        fc_stack_ch: int = 256,
        fc_stack_layers: int = 2,
        rnn_ch: int = 512,
        rnn_type: str = 'gru',
        **kwargs: Any,
    ) -> None:
        dtype = kwargs.get('dtype')
        layers = [
            FcStack(fc_stack_ch, fc_stack_layers, dtype=dtype),
            Rnn(rnn_ch, rnn_type, dtype=dtype),
            FcStack(fc_stack_ch, fc_stack_layers, dtype=dtype),
        ]
        super().__init__(layers, **kwargs)
        self.fc_stack_ch, self.fc_stack_layers = fc_stack_ch, fc_stack_layers
        self.rnn_ch, self.rnn_type = rnn_ch, rnn_type


@registration.register('ddsp.training.nn')
class SingleGru(basic.Stack):
    """One gated recurrent unit along time.

    Parameters
    ----------
    gru_dim : number of channels.
    **kwargs : `name`, `trainable` and `dtype`.
    """

    def __init__(self, gru_dim: int = 128, **kwargs: Any) -> None:
        gru = GRU(gru_dim, return_sequences=True, dtype=kwargs.get('dtype'))
        super().__init__([gru], **kwargs)
        self.gru_dim = gru_dim
