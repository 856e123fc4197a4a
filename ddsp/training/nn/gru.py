"""The gated recurrent unit: all inputs in one matrix product, then a loop over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from ddsp import registration
from ddsp.core import portable, tensors
from ddsp.training.nn.weights import orthogonal

# Timed by hand, two halves took 0.6 of the time for 512 units, and longer for 128.
_LEAST_UNITS_TO_HALVE = 256


@registration.register('ddsp.training.nn')
class GRUCell(registration.Configured, keras.layers.Layer):
    """One step of a gated recurrent unit, and its weights.

    With the input x, the state h, and the rows of the kernels in the order z, r, n:

        z = sigmoid(x Wz + bz + h Uz + cz)
        r = sigmoid(x Wr + br + h Ur + cr)
        n = tanh(x Wn + bn + r * (h Un + cn))
        h' = z * h + (1 - z) * n

    which is Keras's and cuDNN's form (`reset_after=True`) of Cho et al. 2014, "Learning
    phrase representations using RNN encoder-decoder".

    Parameters
    ----------
    units : number of channels of the state.
    **kwargs : passed on to `keras.layers.Layer`.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Makes kernel, recurrent kernel and the two biases, as Keras would."""
        width = 3 * self.units
        # Cast where they are used: what the state adds up to stays float32.
        self.kernel = self.add_weight(
            (input_shape[-1], width), 'glorot_uniform', autocast=False, name='kernel'
        )
        self.recurrent_kernel = self.add_weight(
            (self.units, width), orthogonal, autocast=False, name='recurrent_kernel'
        )
        self.bias = self.add_weight((2, width), 'zeros', autocast=False, name='bias')

    def call(self, x: tf.Tensor, h: tf.Tensor) -> tf.Tensor:
        """Gives the next state `[batch, units]` for an input `[batch, channels]`."""
        into = tf.matmul(x, tf.cast(self.kernel, x.dtype))
        into = tf.cast(into, self.bias.dtype) + self.bias[0]
        h = tf.cast(h, self.bias.dtype)
        recurrent = tf.convert_to_tensor(self.recurrent_kernel)
        h = _step(into, h, [recurrent], [self.bias[1]])
        return tf.cast(h, self.compute_dtype)

    def compute_output_shape(self, x_shape: Any, h_shape: Any = None) -> tuple:
        """The shape of the state."""
        return (x_shape[0], self.units)


@registration.register('ddsp.training.nn')
class GRU(registration.Configured, keras.layers.Layer):
    """A gated recurrent unit along time, equal to `keras.layers.GRU`.

    Its weights have the names, shapes and order of Keras's.

    Parameters
    ----------
    units : number of channels.
    return_sequences : whether to give the output at all times, or only the last.
    return_state : whether to give the last state, too.
    go_backwards : whether to go from the last time to the first; the output is then in
        the order in which it was made, as with Keras.
    **kwargs : passed on to `keras.layers.Layer`.
    """

    def __init__(
        self,
        units: int,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.cell = GRUCell(units, name='cell', dtype=self.dtype_policy)

    def build(self, x_shape: Sequence[int | None], initial_state_shape: Any = None):
        """Makes the weights."""
        self.cell.build(x_shape)
        self.cell.built = True

    def call(
        self, x: tf.Tensor, initial_state: tf.Tensor | None = None
    ) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
        """Runs along time.

        Parameters
        ----------
        x : `[batch, time, channels]`.
        initial_state : `[batch, units]`; zeros without it.

        Returns
        -------
        `[batch, time, units]`, or `[batch, units]` where only the last is returned;
        with `return_state` a pair of it and the last state `[batch, units]`.
        """
        if self.go_backwards:
            x = tf.reverse(x, [1])
        # Mixed precision is for the product of the inputs: rounding the state at each
        # time would add up.
        kernel = tf.cast(self.cell.kernel, x.dtype)
        bias, dtype = self.cell.bias, self.cell.bias.dtype
        into = _product(tf.transpose(x, [1, 0, 2]), kernel)
        into = tf.cast(into, dtype) + bias[0]
        if initial_state is None:
            initial_state = tf.zeros([tensors.size(x, 0), self.units], dtype)
        recurrent = tf.convert_to_tensor(self.cell.recurrent_kernel)
        states = recurrence(into, tf.cast(initial_state, dtype), recurrent, bias[1])
        states = tf.cast(states, self.compute_dtype)
        last = states[-1]
        out = tf.transpose(states, [1, 0, 2]) if self.return_sequences else last
        return (out, last) if self.return_state else out

    def compute_output_shape(
        self, x_shape: Any, initial_state_shape: Any = None
    ) -> Any:
        """The shape, or pair of shapes, of what `call` gives."""
        batch, time = x_shape[:2]
        last = (batch, self.units)
        out = (batch, time, self.units) if self.return_sequences else last
        return (out, last) if self.return_state else out


def _step(
    into: tf.Tensor,
    h: tf.Tensor,
    kernels: Sequence[tf.Tensor],
    biases: Sequence[tf.Tensor],
) -> tf.Tensor:
    """The next state from what the input gives, `[batch, 3 * units]`.

    Each kernel and bias gives a part of the units, see `_parts_of`.
    """
    n_parts = len(kernels)
    inputs = tf.split(into, 3 * n_parts, axis=-1)
    after = []
    for i, part in enumerate(tf.split(h, n_parts, axis=-1)):
        inner = tf.matmul(h, kernels[i]) + biases[i]
        z, _, n, _ = _gates(inputs[i::n_parts], tf.split(inner, 3, axis=-1))
        after.append(n + z * (part - n))
    return tf.concat(after, axis=-1)


def _gates(into: Sequence[tf.Tensor], inner: Sequence[tf.Tensor]) -> tuple:
    """What is kept, what is reset, the new candidate, and what the state gives to it.

    From what input and state give to each of the three, `[..., units]`.
    """
    (xz, xr, xn), (hz, hr, hn) = into, inner
    z, r = tf.sigmoid(xz + hz), tf.sigmoid(xr + hr)
    return z, r, tf.tanh(xn + r * hn), hn


def _n_parts(units: int) -> int:
    """Into how many parts a step is cut.

    A product with so few rows runs on one core, which reads the whole kernel. Halves
    run on two, and each stays in the cache of its core; for few units it is not worth
    it.
    """
    return 2 if units >= _LEAST_UNITS_TO_HALVE and units % 2 == 0 else 1


def _parts_of(x: tf.Tensor) -> list[tf.Tensor]:
    """Cuts `[..., 3 * units]` into parts of the units, of each of the three."""
    outer, units = x.shape[:-1], x.shape[-1] // 3
    n_parts = _n_parts(units)
    parts = tf.split(tf.reshape(x, [*outer, 3, units]), n_parts, axis=-1)
    return [tf.reshape(part, [*outer, 3 * units // n_parts]) for part in parts]


@tf.custom_gradient
def recurrence(
    into: tf.Tensor, h: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor
) -> tuple[tf.Tensor, Any]:
    """Runs along time.

    The way back is written out. Only what goes from one time to the one before needs a
    loop, which holds one product; the gradients of the weights are one product over all
    times. So are the gates, which are not kept but found again from the states. Left to
    TensorFlow, each step would add to the gradients anew. Gradients of gradients are
    not defined.

    Parameters
    ----------
    into : what the inputs give, `[time, batch, 3 * units]`.
    h : state before the first step, `[batch, units]`.
    recurrent : `[units, 3 * units]`.
    bias : `[3 * units]`.

    Returns
    -------
    The states after each step, `[time, batch, units]`.
    """
    states = _forward(into, h, recurrent, bias)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
        # Not before they are wanted: until then they would only take memory.
        with tf.control_dependencies([upstream]):
            before = tf.concat([h[tf.newaxis], states[:-1]], axis=0)
        inner = _product(before, recurrent) + bias
        both = (tf.split(x, 3, axis=-1) for x in (into, inner))
        z, r, n, inner_n = _gates(*both)
        # By how much a change of a state after a step changes the arguments of z, r, n.
        to_n = (1.0 - z) * (1.0 - n * n)
        to_r = to_n * inner_n * r * (1.0 - r)
        to_z = (before - n) * z * (1.0 - z)
        to_inner = tf.concat([to_z, to_r, to_n * r], axis=-1)
        d_states, d_h = _backward(upstream, z, to_inner, recurrent)
        d_inner = _times(to_inner, d_states)
        d_recurrent = tf.matmul(_rows(before), _rows(d_inner), transpose_a=True)
        d_into = [d_inner[..., : -h.shape[-1]], d_states * to_n]
        d_bias = tf.reduce_sum(d_inner, axis=[0, 1])
        return tf.concat(d_into, axis=-1), d_h, d_recurrent, d_bias

    return states, gradient


def _times(three: tf.Tensor, one: tf.Tensor) -> tf.Tensor:
    """Multiplies `[time, batch, 3 * units]` by `[time, batch, units]`, three times."""
    units = one.shape[-1]
    parts = tf.reshape(three, [-1, 3, units]) * tf.reshape(one, [-1, 1, units])
    return tf.reshape(parts, tf.shape(three))


def _forward(
    into: tf.Tensor, h: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor
) -> tf.Tensor:
    """The states after each step."""
    n_steps = tensors.size(into, 0)
    if portable.is_portable() and isinstance(n_steps, int):
        return _forward_without_loop(into, h, recurrent, bias)
    states = _array(into, n_steps, h)
    kernels, biases = _parts_of(recurrent), _parts_of(bias)

    def step(i: tf.Tensor, h: tf.Tensor, states: Any) -> tuple:
        # A row of a tensor is no copy, unlike an element of a tensor array.
        h = _step(into[i], h, kernels, biases)
        return i + 1, h, states.write(i, h)

    *_, states = _loop(n_steps, step, (0, h, states))
    return states.stack()


def _forward_without_loop(
    into: tf.Tensor, h: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor
) -> tf.Tensor:
    """`_forward` for a known number of steps, see `ddsp.core.portable`."""
    states = []
    for step_into in tf.unstack(into):
        h = _step(step_into, h, [recurrent], [bias])
        states.append(h)
    return tf.stack(states)


def _backward(
    upstream: tf.Tensor, z: tf.Tensor, to_inner: tf.Tensor, recurrent: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Gradients of the states after each step, `[time, batch, units]`, and before."""
    n_steps = tensors.size(upstream, 0)
    backs = tf.split(tf.transpose(recurrent), _n_parts(recurrent.shape[0]), axis=-1)
    gradients = _array(upstream, n_steps, upstream[0])

    def step(i: tf.Tensor, carried: tf.Tensor, gradients: Any) -> tuple:
        at = n_steps - 1 - i
        d_h = upstream[at] + carried
        d_inner = tf.concat([d_h] * 3, axis=-1) * to_inner[at]
        through = tf.concat([tf.matmul(d_inner, back) for back in backs], axis=-1)
        carried = d_h * z[at] + through
        return i + 1, carried, gradients.write(at, d_h)

    start = (0, tf.zeros_like(upstream[0]), gradients)
    _, d_h, gradients = _loop(n_steps, step, start)
    return gradients.stack(), d_h


def _loop(n_steps: Any, step: Callable[..., tuple], start: tuple) -> tuple:
    return tf.while_loop(
        lambda i, *_: i < n_steps,
        step,
        start,
        maximum_iterations=n_steps,
        parallel_iterations=1,
    )


def _array(like: tf.Tensor, n_steps: Any, element: tf.Tensor) -> tf.TensorArray:
    return tf.TensorArray(like.dtype, n_steps, element_shape=element.shape)


def _product(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """One product for all times: `[time, batch, channels]` by `[channels, width]`.

    In rows, since the gradient of a product of three axes makes one matrix for each
    time before it sums them.
    """
    time, batch = tensors.size(x, 0), tensors.size(x, 1)
    return tf.reshape(tf.matmul(_rows(x), kernel), [time, batch, kernel.shape[-1]])


def _rows(x: tf.Tensor) -> tf.Tensor:
    """All times and batches in one axis: `[time * batch, channels]`."""
    return tf.reshape(x, [-1, x.shape[-1]])
