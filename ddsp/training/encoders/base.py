"""What encoders share: a latent with a name, and as many frames as the controls."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from ddsp import core
from ddsp.training import nn

# The input whose frames the latent is to have, whatever it was computed from.
TIME_KEY = 'f0_scaled'


class ZEncoder(nn.DictLayer):
    """Abstract base class of encoders that give one latent, `'z'`.

    To make your own, write `compute_z`; its arguments are the input keys. One more
    input, `'f0_scaled'`, only tells how many frames `z` is to have. Without it `z`
    keeps the frames that it was computed in.

    Parameters
    ----------
    input_keys : names of the inputs of `compute_z`, if they are not its argument names.
    **kwargs : passed on to `DictLayer`.

    Examples
    --------
    >>> import tensorflow as tf
    >>> class Level(ZEncoder):
    ...     def compute_z(self, audio):
    ...         return tf.reduce_mean(audio**2, axis=-1, keepdims=True)
    >>> features = {'audio': tf.ones([1, 800]), 'f0_scaled': tf.zeros([1, 50, 1])}
    >>> Level()(features)['z'].shape.as_list()
    [1, 50, 1]
    """

    output_keys = ('z',)
    _inputs_of = 'compute_z'

    def __init__(self, input_keys: Sequence[str] | None = None, **kwargs: Any) -> None:
        super().__init__(input_keys=input_keys, **kwargs)

    def _arguments(self, method: str) -> list[inspect.Parameter]:
        """Adds the input that tells the number of frames, where it is none already."""
        found = super()._arguments(method)
        if method == self._inputs_of and TIME_KEY not in [p.name for p in found]:
            kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
            found.append(inspect.Parameter(TIME_KEY, kind, default=None))
        return found

    def _rename_inputs(self, keys: list[str], required: list[str]) -> None:
        super()._rename_inputs(keys, required)
        if self._takes_any_number() and TIME_KEY not in keys:
            self.default_input_keys, self.default_input_values = [TIME_KEY], [None]

    def get_config(self) -> dict[str, Any]:
        """Everything the constructor needs to make this layer again, as plain data."""
        config = super().get_config()
        # The constructor adds the input that tells the number of frames itself.
        if 'input_keys' in config and self._takes_any_number():
            config['input_keys'] = list(self.input_keys)
        return config

    def call(self, *inputs: Any, **optional: Any) -> tf.Tensor:
        """Encodes, and gives the latent the frames of the controls.

        Parameters
        ----------
        *inputs, **optional : what `compute_z` takes, and `f0_scaled`.

        Returns
        -------
        The latent, float32 `[batch, frames, z_dims]`.
        """
        frames_of = self._find_time(inputs, optional)
        if TIME_KEY not in inspect.signature(self.compute_z).parameters:
            optional.pop(TIME_KEY, None)
        z = tf.cast(self.compute_z(*inputs, **optional), tf.float32)
        if frames_of is None:
            return z
        return self.expand_z(z, core.tensors.size(frames_of, 1))

    def _find_time(
        self, inputs: Sequence[Any], optional: Mapping[str, Any]
    ) -> tf.Tensor | None:
        if TIME_KEY in optional:
            return optional[TIME_KEY]
        arguments = self.get_argument_names(self._inputs_of) or self.input_keys
        return dict(zip(arguments, inputs)).get(TIME_KEY)

    def expand_z(self, z: tf.Tensor, time_steps: int | tf.Tensor) -> tf.Tensor:
        """Gives a latent the number of frames of other controls.

        Parameters
        ----------
        z : `[batch, frames, z_dims]`, or `[batch, z_dims]` for one that stays the same.
        time_steps : number of frames, a scalar tensor where it is unknown.

        Returns
        -------
        `[batch, time_steps, z_dims]`.
        """
        if z.shape.rank == 2:
            z = z[:, tf.newaxis, :]
        if isinstance(time_steps, int) and z.shape[1] == time_steps:
            return z
        if z.shape[1] == 1:
            return tf.repeat(z, time_steps, axis=1)
        return core.resample(z, time_steps)

    def compute_z(self, *inputs: Any) -> tf.Tensor:
        """Gives a latent `[batch, frames, z_dims]` or `[batch, z_dims]`."""
        raise NotImplementedError(f'{type(self).__name__} must define compute_z.')


def run_net(net: keras.layers.Layer | None, x: tf.Tensor) -> tf.Tensor:
    """Runs a network inside a layer; None changes nothing.

    Raises
    ------
    ValueError
        When it gives several tensors, none of them named `'out'`.
    """
    if net is None:
        return x
    y = net(x)
    if not isinstance(y, Mapping):
        return y
    if 'out' in y:
        return y['out']
    if len(y) == 1:
        return next(iter(y.values()))
    raise ValueError(
        f"net {net.name!r} gives {list(y)}, expected one tensor, or 'out' among them."
    )
