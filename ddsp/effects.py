"""Effects: processors that take audio and give audio back."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ddsp import core, processors, registration


@registration.register('ddsp.effects')
class Reverb(processors.Processor):
    """Convolves audio with an impulse response as long as a room sounds.

    With `trainable=True` the response is a weight, the same for all audio; otherwise
    each call is given one. The first tap of it is the audio itself: it is set to 0, and
    with `add_dry` the audio is added as it was.

    Parameters
    ----------
    trainable : learn the response.
    reverb_length : taps of the learned response, in samples.
    add_dry : add the audio to what the response makes of it.
    name : name of the layer.

    Raises
    ------
    ValueError
        When `reverb_length` is below 1.
    """

    input_shapes = {
        'audio': '[batch, samples]',
        'ir': ('[taps]', '[batch, taps]', '[batch, taps, 1]'),
    }

    def __init__(
        self,
        trainable: bool = False,
        reverb_length: int = 48000,
        add_dry: bool = True,
        name: str = 'reverb',
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, trainable=trainable, **kwargs)
        if reverb_length < 1:
            raise ValueError(f'{name}: reverb_length is {reverb_length}, below 1.')
        self.reverb_length = reverb_length
        self.add_dry = add_dry
        # Freezing the layer later changes `trainable`, not what it has learned.
        self._has_weights = bool(trainable)

    def build(self, unused_input_shape: Any) -> None:
        """Makes the response, near silence, if it is to be learned."""
        if self._has_weights:
            near_silence = keras.initializers.RandomNormal(stddev=1e-6)
            self.ir = self.add_weight([self.reverb_length], near_silence, name='ir')
        self.built = True

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, and whether what it learned is frozen."""
        config = super().get_config()
        if 'trainable' in config:
            config['trainable'] = self._has_weights
        return {**config, 'frozen': self._has_weights and not self.trainable}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Makes the layer that `get_config` described."""
        config = dict(config)
        frozen = config.pop('frozen', False)
        layer = super().from_config(config)
        if frozen:
            layer.trainable = False
        return layer

    def get_controls(self, audio: Any, ir: Any = None) -> dict[str, tf.Tensor]:
        """Finds the impulse response: the one given, else the learned one.

        Parameters
        ----------
        audio : `[batch, samples]`.
        ir : `[batch, taps]`, `[taps]` or `[batch, taps, 1]`, or `None` when trainable.

        Returns
        -------
        `audio`, and `ir`, `[batch, taps]` with batch 1 where all audio shares it.

        Raises
        ------
        ValueError
            For other shapes, or when there is no response.
        """
        audio = core.tf_float32(audio)
        if ir is None:
            ir = self._weight('ir')
        return {'audio': audio, 'ir': _as_batch(ir)}

    def get_signal(self, audio: Any, ir: Any) -> tf.Tensor:
        """Convolves the audio with the response, all but its first tap.

        Parameters
        ----------
        audio : `[batch, samples]`.
        ir : `[batch, taps]`, `[taps]` or `[batch, taps, 1]`; a batch of 1 serves all.

        Returns
        -------
        Audio of the same length, `[batch, samples]`.
        """
        audio, ir = core.tf_float32(audio), _as_batch(ir)
        # The dry sound is a first tap of 1: it costs nothing beside the others.
        first = tf.fill([tf.shape(ir)[0], 1], 1.0 if self.add_dry else 0.0)
        response = tf.concat([first, ir[:, 1:]], axis=1)
        return core.fft_convolve(audio, response, padding='same', delay_compensation=0)

    def _weight(self, name: str) -> tf.Tensor:
        """A learned control, for want of one in the call."""
        if not self._has_weights:
            raise ValueError(
                f'{self.name}: no {name} was given. Give it in the call, or make the '
                'layer with trainable=True to learn it.'
            )
        if not self.built:
            self.build(None)
        return tf.convert_to_tensor(getattr(self, name))


def _as_batch(ir: Any) -> tf.Tensor:
    """A response of any allowed shape as `[batch, taps]`."""
    ir = core.tf_float32(ir)
    if ir.shape.rank == 3:
        return ir[..., 0]
    return ir[tf.newaxis] if ir.shape.rank == 1 else ir


@registration.register('ddsp.effects')
class TrainableReverb(Reverb):
    """A reverb that learns its impulse response, the same for all audio.

    Parameters
    ----------
    reverb_length : taps of the response, in samples.
    add_dry : add the audio to what the response makes of it.
    name : name of the layer.

    Examples
    --------
    >>> reverb = TrainableReverb(reverb_length=100)
    >>> reverb(tf.zeros([2, 1000])).shape
    TensorShape([2, 1000])

    """

    def __init__(
        self,
        reverb_length: int = 48000,
        add_dry: bool = True,
        name: str = 'trainable_reverb',
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault('trainable', True)
        super().__init__(
            reverb_length=reverb_length, add_dry=add_dry, name=name, **kwargs
        )
        self._has_weights = True


@registration.register('ddsp.effects')
class ExpDecayReverb(Reverb):
    """A reverb of noise that decays exponentially: two numbers make the room.

    The response is `gain * exp(-(2 + exp(decay)) * t) * noise`, for t from 0 to 1 over
    its length and noise uniform in [-1, 1].

    Parameters
    ----------
    trainable : learn gain and decay.
    reverb_length : taps of the response, in samples.
    scale_fn : function from any gain to a positive one.
    add_dry : add the audio to what the response makes of it.
    name : name of the layer.
    seed : an integer for the same noise in every call; by default it is drawn anew.
    """

    input_shapes = {
        'audio': '[batch, samples]',
        'gain': '[batch, 1]',
        'decay': '[batch, 1]',
    }

    def __init__(
        self,
        trainable: bool = False,
        reverb_length: int = 48000,
        scale_fn: Callable = core.exp_sigmoid,
        add_dry: bool = True,
        name: str = 'exp_decay_reverb',
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(trainable, reverb_length, add_dry, name, **kwargs)
        self.scale_fn = scale_fn
        self.seed = seed

    def build(self, unused_input_shape: Any) -> None:
        """Makes gain and decay, if they are to be learned."""
        if self._has_weights:
            constant = keras.initializers.Constant
            self.gain = self.add_weight([1], constant(2.0), name='gain')
            self.decay = self.add_weight([1], constant(4.0), name='decay')
        self.built = True

    def get_controls(
        self, audio: Any, gain: Any = None, decay: Any = None
    ) -> dict[str, tf.Tensor]:
        """Makes the impulse response.

        Parameters
        ----------
        audio : `[batch, samples]`.
        gain : `[batch, 1]`, before scaling, or `None` when trainable.
        decay : `[batch, 1]`, logarithm of the rate, or `None` when trainable.

        Returns
        -------
        `audio`, and `ir`, `[batch, taps]`, with batch 1 where it is learned.

        Raises
        ------
        ValueError
            For other shapes, or when a control is missing.
        """
        audio = core.tf_float32(audio)
        gain = self._weight('gain')[tf.newaxis] if gain is None else gain
        decay = self._weight('decay')[tf.newaxis] if decay is None else decay
        gain, decay = core.tf_float32(gain), core.tf_float32(decay)
        return {'audio': audio, 'ir': self._impulse_response(gain, decay)}

    def _impulse_response(self, gain: tf.Tensor, decay: tf.Tensor) -> tf.Tensor:
        # Beyond e**80 the response is gone after one tap, and float32 near its end.
        rate = 2.0 + tf.exp(tf.minimum(decay, 80.0))
        time = tf.linspace(0.0, 1.0, self.reverb_length)[tf.newaxis]
        noise = _uniform_noise(self.reverb_length, self.seed)
        return self.scale_fn(gain) * tf.exp(-rate * time) * noise


@registration.register('ddsp.effects')
class FilteredNoiseReverb(Reverb):
    """A reverb of noise through a filter that changes as the room dies away.

    Parameters
    ----------
    trainable : learn the magnitudes of the filter.
    reverb_length : taps of the response, in samples.
    window_size : length in samples of the window on the filter's own response.
    n_frames : frames of the learned filter over the length of the response.
    n_filter_banks : frequencies of the learned filter, from 0 Hz to Nyquist.
    scale_fn : function from any magnitude to a positive one.
    initial_bias : added to the magnitudes before scaling.
    add_dry : add the audio to what the response makes of it.
    name : name of the layer.
    seed : an integer for the same noise in every call; by default it is drawn anew.
    crossfade : fade from each frame's filter to the next instead of switching.
    """

    input_shapes = {
        'audio': '[batch, samples]',
        'magnitudes': '[batch, frames, bands]',
    }

    def __init__(
        self,
        trainable: bool = False,
        reverb_length: int = 48000,
        window_size: int = 257,
        n_frames: int = 1000,
        n_filter_banks: int = 16,
        scale_fn: Callable = core.exp_sigmoid,
        initial_bias: float = -3.0,
        add_dry: bool = True,
        name: str = 'filtered_noise_reverb',
        seed: int | None = None,
        crossfade: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(trainable, reverb_length, add_dry, name, **kwargs)
        self.window_size = window_size
        self.n_frames = n_frames
        self.n_filter_banks = n_filter_banks
        self.scale_fn = scale_fn
        self.initial_bias = initial_bias
        self.seed = seed
        self.crossfade = crossfade

    def build(self, unused_input_shape: Any) -> None:
        """Makes the magnitudes, if they are to be learned."""
        if self._has_weights:
            shape = [self.n_frames, self.n_filter_banks]
            near_bias = keras.initializers.RandomNormal(stddev=1e-2)
            self.magnitudes = self.add_weight(shape, near_bias, name='magnitudes')
        self.built = True

    def get_controls(self, audio: Any, magnitudes: Any = None) -> dict[str, tf.Tensor]:
        """Makes the impulse response.

        Parameters
        ----------
        audio : `[batch, samples]`.
        magnitudes : `[batch, frames, bands]`, before bias and scaling, or `None` when
            trainable.

        Returns
        -------
        `audio`, and `ir`, `[batch, taps]`, with batch 1 where it is learned.

        Raises
        ------
        ValueError
            For other shapes, or when the magnitudes are missing.
        """
        audio = core.tf_float32(audio)
        if magnitudes is None:
            magnitudes = self._weight('magnitudes')[tf.newaxis]
        magnitudes = core.tf_float32(magnitudes)
        response = core.frequency_filter(
            _uniform_noise(self.reverb_length, self.seed),
            self.scale_fn(magnitudes + self.initial_bias),
            window_size=self.window_size,
            crossfade=self.crossfade,
        )
        return {'audio': audio, 'ir': response}


def _uniform_noise(n_samples: int, seed: int | None) -> tf.Tensor:
    """Noise in [-1, 1], `[1, samples]`; the same each time for a given seed."""
    if seed is None:
        return core.uniform_noise([1, n_samples], shared=True)
    # TensorFlow's own generators differ between devices, and under XLA.
    noise = np.random.default_rng(seed).uniform(-1.0, 1.0, [1, n_samples])
    return tf.constant(noise, tf.float32)


@registration.register('ddsp.effects')
class FIRFilter(processors.Processor):
    """Filters audio by magnitudes over frequency that change from frame to frame.

    Parameters
    ----------
    window_size : length in samples of the window on the impulse response.
    scale_fn : function from any magnitude to a positive one.
    name : name of the layer.
    crossfade : fade from each frame's filter to the next instead of switching.
    """

    input_shapes = {
        'audio': '[batch, samples]',
        'magnitudes': ('[batch, frames, bins]', '[batch, bins]'),
    }

    def __init__(
        self,
        window_size: int = 257,
        scale_fn: Callable = core.exp_sigmoid,
        name: str = 'fir_filter',
        crossfade: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.window_size = window_size
        self.scale_fn = scale_fn
        self.crossfade = crossfade

    def get_controls(self, audio: Any, magnitudes: Any) -> dict[str, tf.Tensor]:
        """Scales the magnitudes.

        Parameters
        ----------
        audio : `[batch, samples]`.
        magnitudes : `[batch, frames, bins]`, or `[batch, bins]` for one filter.

        Returns
        -------
        `audio`, and `magnitudes`, linear gain of the same shape.

        Raises
        ------
        ValueError
            For other ranks, or for audio that is empty or not finite.
        """
        audio = core.tf_float32(audio)
        magnitudes = core.tf_float32(magnitudes)
        return {'audio': audio, 'magnitudes': self.scale_fn(magnitudes)}

    def get_signal(self, audio: Any, magnitudes: Any) -> tf.Tensor:
        """Filters the audio, without delay.

        Parameters
        ----------
        audio : `[batch, samples]`.
        magnitudes : `[batch, frames, bins]` or `[batch, bins]`, linear gain.

        Returns
        -------
        Audio of the same length, `[batch, samples]`.
        """
        return core.frequency_filter(
            audio, magnitudes, self.window_size, crossfade=self.crossfade
        )


@registration.register('ddsp.effects')
class ModDelay(processors.Processor):
    """Delays audio by a time that is modulated: chorus, flanger, vibrato.

    The delay is `center_ms + depth_ms * phase`. The default `phase_scale_fn` gives
    phases in [0, 1]; with `tf.math.tanh`, for one, phases go from -1 to 1, and the
    delay from `center_ms - depth_ms` to `center_ms + depth_ms`. The longest delay is
    reached, where the established library wraps around to none.

    Parameters
    ----------
    center_ms : delay at phase 0, in milliseconds.
    depth_ms : how far the phase moves the delay, in milliseconds.
    sample_rate : samples per second.
    gain_scale_fn : function from any gain to a positive one.
    phase_scale_fn : function from any phase to one in [0, 1] or [-1, 1].
    add_dry : add the audio to its delayed copy.
    name : name of the layer.

    Raises
    ------
    ValueError
        When a time is negative or there is no delay at all.
    """

    input_shapes = {
        'audio': '[batch, samples]',
        'gain': '[batch, samples, 1]',
        'phase': '[batch, samples, 1]',
    }

    def __init__(
        self,
        center_ms: float = 15.0,
        depth_ms: float = 10.0,
        sample_rate: int = 16000,
        gain_scale_fn: Callable = core.exp_sigmoid,
        phase_scale_fn: Callable = tf.nn.sigmoid,
        add_dry: bool = True,
        name: str = 'mod_delay',
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        if min(center_ms, depth_ms) < 0.0 or center_ms + depth_ms <= 0.0:
            raise ValueError(
                f'{name}: center_ms {center_ms} and depth_ms {depth_ms} should not be '
                'negative, nor both zero.'
            )
        self.center_ms = center_ms
        self.depth_ms = depth_ms
        self.sample_rate = sample_rate
        self.gain_scale_fn = gain_scale_fn
        self.phase_scale_fn = phase_scale_fn
        self.add_dry = add_dry

    def get_controls(self, audio: Any, gain: Any, phase: Any) -> dict[str, tf.Tensor]:
        """Scales gain and phase.

        Parameters
        ----------
        audio : `[batch, samples]`.
        gain : `[batch, samples, 1]`, of the delayed audio.
        phase : `[batch, samples, 1]`, of the modulation.

        Returns
        -------
        `audio`, and the scaled `gain` and `phase`, `[batch, samples, 1]`.

        Raises
        ------
        ValueError
            For other ranks, sizes that differ, or audio that is empty or not finite.
        """
        audio = core.tf_float32(audio)
        gain, phase = core.tf_float32(gain), core.tf_float32(phase)
        gain, phase = self.gain_scale_fn(gain), self.phase_scale_fn(phase)
        return {'audio': audio, 'gain': gain, 'phase': phase}

    def get_signal(self, audio: Any, gain: Any, phase: Any) -> tf.Tensor:
        """Adds a delayed copy of the audio.

        Parameters
        ----------
        audio : `[batch, samples]`.
        gain : `[batch, samples, 1]`, linear gain of the delayed audio.
        phase : `[batch, samples, 1]`, in [0, 1] or [-1, 1].

        Returns
        -------
        Audio of the same length, `[batch, samples]`.
        """
        audio, phase = core.tf_float32(audio), core.tf_float32(phase)
        longest_ms = self.center_ms + self.depth_ms
        samples_per_ms = self.sample_rate / 1000.0
        max_length = max(1, math.ceil(samples_per_ms * longest_ms))
        delay = samples_per_ms * (self.center_ms + self.depth_ms * phase)
        wet = core.variable_length_delay(delay / max_length, audio, max_length)
        wet *= core.tf_float32(gain)[..., 0]
        return wet + audio if self.add_dry else wet
