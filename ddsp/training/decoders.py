"""Decoders: from features and latent variables to the raw controls of processors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ddsp import core, registration
from ddsp.core import tensors
from ddsp.training import nn
from ddsp.training.nn.splits import check_splits

# Of note numbers and velocities.
_HALF_RANGE = 63.5


@registration.register('ddsp.training.decoders')
class RnnFcDecoder(nn.DictLayer):
    """A recurrent layer between stacks of dense layers, one stack for each input.

    The outputs of the stacks go into the recurrent layer, and around it into one more
    stack.

    Parameters
    ----------
    rnn_channels : number of channels of the recurrent layer.
    rnn_type : `'gru'` or `'lstm'`.
    ch : number of channels of the dense layers.
    layers_per_stack : number of dense layers in each stack.
    stateless : whether the state of the recurrent layer is an input and an output,
        `'state'`, for streams.
    input_keys : names of the inputs `[batch, time, channels]`.
    output_splits : names and numbers of channels of the outputs.
    **kwargs : passed on to `DictLayer`.

    Raises
    ------
    ValueError
        For an unknown `rnn_type`, no inputs, or malformed `output_splits`.
    """

    def __init__(
        self,
        rnn_channels: int = 512,
        rnn_type: str = 'gru',
        ch: int = 512,
        layers_per_stack: int = 3,
        stateless: bool = False,
        input_keys: Sequence[str] = ('ld_scaled', 'f0_scaled', 'z'),
        output_splits: Sequence[tuple[str, int]] = (
            ('amps', 1),
            ('harmonic_distribution', 40),
        ),
        **kwargs: Any,
    ) -> None:
        output_splits = check_splits(output_splits, type(self).__name__)
        input_keys = [key for key in input_keys if key != 'state' or not stateless]
        if not input_keys:
            raise ValueError(f'{type(self).__name__}: input_keys is empty.')
        output_keys = [key for key, _ in output_splits]
        n_stacks = len(input_keys)
        if stateless:
            input_keys, output_keys = [*input_keys, 'state'], [*output_keys, 'state']
        super().__init__(input_keys=input_keys, output_keys=output_keys, **kwargs)
        self.rnn_channels, self.rnn_type = rnn_channels, rnn_type
        self.ch, self.layers_per_stack = ch, layers_per_stack
        self.stateless = stateless
        self.output_splits = output_splits
        self.n_out = sum(size for _, size in output_splits)
        dtype = self.dtype_policy
        self.input_stacks = [
            nn.FcStack(ch, layers_per_stack, dtype=dtype) for _ in range(n_stacks)
        ]
        make_rnn = nn.StatelessRnn if stateless else nn.Rnn
        self.rnn = make_rnn(rnn_channels, rnn_type, dtype=dtype)
        self.out_stack = nn.FcStack(ch, layers_per_stack, dtype=dtype)
        self.dense_out = keras.layers.Dense(self.n_out, dtype=dtype)

    @property
    def state_dims(self) -> int:
        """Number of channels of the state, where it is an input."""
        return self.rnn_channels * (2 if self.rnn_type == 'lstm' else 1)

    def call(self, *inputs: tf.Tensor, **unused_kwargs: Any) -> dict[str, tf.Tensor]:
        """Decodes.

        Parameters
        ----------
        *inputs : tensors `[batch, time, channels]`, in the order of `input_keys`; the
            last of a stateless decoder is the state `[batch, state_dims]`.

        Returns
        -------
        A dictionary of raw controls `[batch, time, channels]`, float32, and of the
        state, if it is stateless.

        Raises
        ------
        ValueError
            When inputs are not of rank 3, or have different numbers of frames.
        """
        inputs = list(inputs)
        state = inputs.pop() if self.stateless else None
        _check_frames(inputs, self.input_keys, self.name)
        inputs = [stack(x) for stack, x in zip(self.input_stacks, inputs)]
        x = tf.concat(inputs, axis=-1)
        if self.stateless:
            x, state = self.rnn(x, state)
        else:
            x = self.rnn(x)
        x = self.dense_out(self.out_stack(tf.concat([*inputs, x], axis=-1)))
        outputs = nn.split_to_dict(tf.cast(x, tf.float32), self.output_splits)
        if self.stateless:
            outputs['state'] = tf.cast(state, tf.float32)
        return outputs


@registration.register('ddsp.training.decoders')
class DilatedConvDecoder(nn.OutputSplitsLayer):
    """Dilated convolutions along time, with or without a condition.

    Parameters
    ----------
    ch : number of channels of the convolutions.
    kernel_size : frames that a convolution joins.
    layers_per_stack : layers of a stack, each hearing further than the one before.
    stacks : number of stacks.
    dilation : growth of the dilation from layer to layer.
    norm_type : normalisation after each convolution, see `nn.normalize_op`.
    resample_stride : above 1, factor by which the frame rate grows at each step up.
    stacks_per_resample : stacks for each step up.
    resample_after_convolve : whether it comes after these stacks or before them.
    input_keys : names of the inputs `[batch, time, channels]`.
    output_splits : names and numbers of channels of the outputs.
    conditioning_keys : names of inputs that scale and shift each layer; none for
        `None`.
    precondition_stack : layer that the conditions go through first.
    spectral_norm : whether kernels are normalised, see `nn.SpectralNormalization`.
    ortho_init : whether kernels start orthogonal.
    **kwargs : passed on to `OutputSplitsLayer`.

    Raises
    ------
    ValueError
        When there is a `precondition_stack`, but no condition.
    """

    def __init__(
        self,
        ch: int = 256,
        kernel_size: int = 3,
        layers_per_stack: int = 5,
        stacks: int = 2,
        dilation: int = 2,
        norm_type: str | None = 'layer',
        resample_stride: int = 1,
        stacks_per_resample: int = 1,
        resample_after_convolve: bool = True,
        input_keys: Sequence[str] = ('ld_scaled', 'f0_scaled'),
        output_splits: Sequence[tuple[str, int]] = (
            ('amps', 1),
            ('harmonic_distribution', 60),
        ),
        conditioning_keys: Sequence[str] | str | None = 'z',
        precondition_stack: keras.layers.Layer | None = None,
        spectral_norm: bool = False,
        ortho_init: bool = False,
        **kwargs: Any,
    ) -> None:
        conditions = list(tensors.make_iterable(conditioning_keys))
        if precondition_stack is not None and not conditions:
            raise ValueError(
                f'{type(self).__name__}: there is a precondition_stack, but '
                'conditioning_keys is empty.'
            )
        # A configuration that was read names the conditions among the inputs, too.
        plain = [k for k in tensors.make_iterable(input_keys) if k not in conditions]
        super().__init__([*plain, *conditions], output_splits, **kwargs)
        self.ch, self.kernel_size, self.dilation = ch, kernel_size, dilation
        self.layers_per_stack, self.stacks = layers_per_stack, stacks
        self.norm_type, self.resample_stride = norm_type, resample_stride
        self.stacks_per_resample = stacks_per_resample
        self.resample_after_convolve = resample_after_convolve
        self.conditioning_keys = conditions
        self.precondition_stack = precondition_stack
        self.spectral_norm, self.ortho_init = spectral_norm, ortho_init
        self.dilated_conv_stack = nn.DilatedConvStack(
            ch=ch,
            layers_per_stack=layers_per_stack,
            stacks=stacks,
            kernel_size=kernel_size,
            dilation=dilation,
            norm_type=norm_type,
            resample_type='upsample' if resample_stride > 1 else None,
            resample_stride=resample_stride,
            stacks_per_resample=stacks_per_resample,
            resample_after_convolve=resample_after_convolve,
            conditional=bool(conditions),
            spectral_norm=spectral_norm,
            ortho_init=ortho_init,
            dtype=self.dtype_policy,
        )

    def compute_output(self, *inputs: tf.Tensor) -> tf.Tensor:
        """Gives `[batch, time, ch]`.

        Parameters
        ----------
        *inputs : tensors `[batch, time, channels]` in the order of `input_keys`, the
            conditions last.

        Raises
        ------
        ValueError
            When inputs are not of rank 3, or have different numbers of frames.
        """
        n_plain = len(inputs) - len(self.conditioning_keys)
        _check_frames(inputs[:n_plain], self.input_keys, self.name)
        x = tf.concat(inputs[:n_plain], axis=-1)
        if not self.conditioning_keys:
            return self.dilated_conv_stack(x)
        z = tf.concat(inputs[n_plain:], axis=-1)
        if self.precondition_stack is not None:
            z = self.precondition_stack(z)
        return self.dilated_conv_stack([x, z])


class _NoteDecoder(nn.DictLayer):
    """What decoders of notes share: a network on pitch, a norm, a dense layer."""

    def __init__(
        self,
        net: keras.layers.Layer | None,
        norm: bool,
        n_out: int,
        scale_inputs: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if net is None:
            name = type(self).__name__
            raise ValueError(
                f'{name}: give it a net, such as {name}.net = @nn.DilatedConvStack().'
            )
        self.net, self.scale_inputs = net, scale_inputs
        # Under this name checkpoints have its weights.
        self.norm = nn.Normalize('layer', dtype=self.dtype_policy) if norm else None
        self.dense_out = keras.layers.Dense(n_out, dtype=self.dtype_policy)

    def _decode(
        self, z_pitch: tf.Tensor, z_vel: tf.Tensor | None, z: tf.Tensor | None
    ) -> tf.Tensor:
        x = z_pitch
        if self.use_velocity:
            if z_vel is None:
                raise ValueError(
                    f"{self.name}: the input 'z_vel' is missing: use_velocity is True."
                )
            x = tf.concat([z_pitch, z_vel], axis=-1)
        if self.scale_inputs:
            x = x / _HALF_RANGE - 1.0
        x = self.net(x) if z is None else self.net([x, z])
        if self.norm is not None:
            x = self.norm(x)
        return tf.cast(self.dense_out(x), tf.float32)

    def get_config(self) -> dict[str, Any]:
        """Everything the constructor needs, as plain data."""
        return {**super().get_config(), 'norm': self.norm is not None}


@registration.register('ddsp.training.decoders')
class MidiDecoder(_NoteDecoder):
    """Decodes notes to f0 and loudness.

    Parameters
    ----------
    net : layer from `[batch, time, 1]` to `[batch, time, channels]`, of a list
        `[x, z]` where there is a `z`.
    f0_residual : whether the network gives f0 relative to the pitch of the note.
    center_loudness : whether loudness starts around -70 dB, in units of 30 dB.
    norm : whether to normalise what the network gives.
    use_velocity : whether the network gets the velocity beside the pitch.
    scale_inputs : whether the network gets numbers from -1 to 1 in place of those from
        0 to 127. Beside these, what normalised layers add is too small to be learned
        soon.
    **kwargs : passed on to `DictLayer`.

    Raises
    ------
    ValueError
        Without a net.
    """

    output_keys = ('f0_midi', 'loudness')

    def __init__(
        self,
        net: keras.layers.Layer | None = None,
        f0_residual: bool = True,
        center_loudness: bool = True,
        norm: bool = True,
        use_velocity: bool = False,
        scale_inputs: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(net, norm, 2, scale_inputs, **kwargs)
        self.f0_residual, self.center_loudness = f0_residual, center_loudness
        self.use_velocity = use_velocity

    def call(
        self,
        z_pitch: tf.Tensor,
        z_vel: tf.Tensor | None = None,
        z: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Decodes.

        Parameters
        ----------
        z_pitch : pitch in MIDI, `[batch, time, 1]`.
        z_vel : velocity in MIDI, `[batch, time, 1]`; of use with `use_velocity`.
        z : other latent variables, `[batch, time, channels]`.

        Returns
        -------
        f0 in MIDI and loudness in dB, each `[batch, time, 1]`.
        """
        f0_midi, loudness = tf.split(self._decode(z_pitch, z_vel, z), 2, axis=-1)
        if self.f0_residual:
            f0_midi += z_pitch
        if self.center_loudness:
            loudness = loudness * 30.0 - 70.0
        return f0_midi, loudness


@registration.register('ddsp.training.decoders')
class MidiToHarmonicDecoder(_NoteDecoder):
    """Decodes notes to the controls of a harmonic synthesiser with noise.

    Parameters
    ----------
    net : layer from `[batch, time, 1]` to `[batch, time, channels]`, of a list
        `[x, z]` where there is a `z`.
    f0_residual : whether the network gives f0 relative to the pitch of the note.
    norm : whether to normalise what the network gives.
    output_splits : names and numbers of channels of the outputs, `'f0_midi'` among
        them.
    midi_zero_silence : whether a pitch of 0 is no note, with 0 Hz.
    use_velocity : whether the network gets the velocity beside the pitch.
    scale_inputs : whether the network gets numbers from -1 to 1 in place of those from
        0 to 127. Beside these, what normalised layers add is too small to be learned
        soon.
    **kwargs : passed on to `DictLayer`.

    Raises
    ------
    ValueError
        Without a net, or without `'f0_midi'` among the outputs.
    """

    def __init__(
        self,
        net: keras.layers.Layer | None = None,
        f0_residual: bool = True,
        norm: bool = True,
        output_splits: Sequence[tuple[str, int]] = (
            ('f0_midi', 1),
            ('amplitudes', 1),
            ('harmonic_distribution', 60),
            ('magnitudes', 65),
        ),
        midi_zero_silence: bool = True,
        use_velocity: bool = False,
        scale_inputs: bool = False,
        **kwargs: Any,
    ) -> None:
        output_splits = check_splits(output_splits, type(self).__name__)
        keys = [key for key, _ in output_splits]
        if 'f0_midi' not in keys:
            raise ValueError(
                f"{type(self).__name__}: output_splits has {keys}, but no 'f0_midi'."
            )
        kwargs = {'output_keys': [*keys, 'f0_hz'], **kwargs}
        n_out = sum(size for _, size in output_splits)
        super().__init__(net, norm, n_out, scale_inputs, **kwargs)
        self.f0_residual, self.midi_zero_silence = f0_residual, midi_zero_silence
        self.output_splits, self.use_velocity = output_splits, use_velocity

    def call(
        self,
        z_pitch: tf.Tensor,
        z_vel: tf.Tensor | None = None,
        z: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Decodes.

        Parameters
        ----------
        z_pitch : pitch in MIDI, `[batch, time, 1]`.
        z_vel : velocity in MIDI, `[batch, time, 1]`; of use with `use_velocity`.
        z : other latent variables, `[batch, time, channels]`.

        Returns
        -------
        The raw controls `[batch, time, channels]`, and `'f0_hz'`, `[batch, time, 1]`.
        """
        outputs = nn.split_to_dict(self._decode(z_pitch, z_vel, z), self.output_splits)
        if self.f0_residual:
            outputs['f0_midi'] += z_pitch
        f0_midi = outputs['f0_midi']
        if self.midi_zero_silence:
            f0_midi = tf.where(z_pitch == 0.0, tf.zeros_like(f0_midi), f0_midi)
        f0_hz = core.midi_to_hz(f0_midi, midi_zero_silence=self.midi_zero_silence)
        return {**outputs, 'f0_hz': f0_hz}


def _check_frames(inputs: Sequence[tf.Tensor], keys: Sequence[str], where: str) -> None:
    """Refuses inputs that do not lie side by side in time, and names them."""
    given = list(zip(keys, inputs))
    for key, x in given:
        if x.shape.rank not in (3, None):
            raise ValueError(
                f'{where}: the input {key!r} has the shape {x.shape.as_list()}, '
                'expected [batch, time, channels].'
            )
    frames = {key: x.shape[1] for key, x in given if x.shape.rank is not None}
    if len(set(frames.values()) - {None}) > 1:
        raise ValueError(
            f'{where}: the inputs have different numbers of frames, {frames}; make the '
            'frame rates of data, preprocessor and encoder agree, and whether frames '
            'are centered (TFRecordProvider.centered, padding of the preprocessor).'
        )
