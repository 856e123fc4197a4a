"""Reverbs: audio convolved with a response as long as a room sounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ddsp import core, processors, registration
from ddsp.core.streaming.convolution import (
    partition,
    start_convolution,
    step_convolution,
)
from ddsp.streaming import Memory, Span


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

    Examples
    --------
    >>> reverb = Reverb()
    >>> echo = tf.constant([0.0, 0.0, 0.5])  # Two samples later.
    >>> reverb(tf.constant([[1.0, 0.0, 0.0, 0.0]]), echo).numpy().round(4).tolist()
    [[1.0, 0.0, 0.5, 0.0]]
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
        audio, response = core.tf_float32(audio), self._response(ir)
        return core.fft_convolve(audio, response, padding='same', delay_compensation=0)

    def start_stream(self, batch_size: Any) -> dict[str, tf.Tensor]:
        """Remembers audio as long as the response, and a learned response."""
        hop, taps = self._hop(), self._channels('ir') or 1
        if not self._has_weights:
            return start_convolution(batch_size, taps, hop)
        response = self._response(self.get_controls(tf.zeros([1, 1]))['ir'])
        return {
            **start_convolution(batch_size, core.size(response, 1), hop),
            'response': partition(response, hop),
        }

    def stream_controls(
        self, memory: Memory, audio: tf.Tensor, **controls: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Finds the response of this block, if it is not that of the whole stream."""
        if not controls and 'response' in memory:
            return {'audio': audio}
        return self.get_controls(audio, **controls)

    def stream_signal(
        self, memory: Memory, span: Span, audio: tf.Tensor, ir: Any = None
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Convolves a block, without latency.

        A block that is long beside the response, or whose length is not known, is
        convolved at once, others hop by hop.

        Raises
        ------
        ValueError
            For a block that is not a multiple of the hop size, or when that is not
            known.
        """
        hop, memory = self._hop(), dict(memory)
        kept = {key: memory.pop(key) for key in ('response', 'noise') if key in memory}
        response = (
            kept['response'] if ir is None else partition(self._response(ir), hop)
        )
        if audio.shape[1] is not None and audio.shape[1] % hop:
            raise ValueError(
                f'{self.name}: a block has {audio.shape[1]} samples, expected a '
                f'multiple of its hop_size {hop}.'
            )
        audio, memory = step_convolution(audio, response, memory, hop)
        return audio, {**memory, **kept}

    def _response(self, ir: Any) -> tf.Tensor:
        """What the audio is convolved with, `[batch, taps]`."""
        ir = _as_batch(ir)
        # The dry sound is a first tap of 1: it costs nothing beside the others.
        first = tf.fill([tf.shape(ir)[0], 1], 1.0 if self.add_dry else 0.0)
        return tf.concat([first, ir[:, 1:]], axis=1)

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


class _NoiseReverb(Reverb):
    """A reverb whose response is made of noise, the same in all of a stream."""

    def start_stream(self, batch_size: Any) -> dict[str, tf.Tensor]:
        """Remembers audio as long as the response, and the response or its noise."""
        if self._has_weights:
            return super().start_stream(batch_size)
        return {
            **start_convolution(batch_size, self.reverb_length, self._hop()),
            'noise': _uniform_noise(self.reverb_length, self.seed),
        }

    def stream_controls(
        self, memory: Memory, audio: tf.Tensor, **controls: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Finds the response of this block, if it is not that of the whole stream."""
        if 'noise' not in memory:
            return super().stream_controls(memory, audio, **controls)
        ir = self._impulse_response(memory['noise'], **controls)
        return {'audio': audio, 'ir': ir}


@registration.register('ddsp.effects')
class ExpDecayReverb(_NoiseReverb):
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
        noise = _uniform_noise(self.reverb_length, self.seed)
        ir = self._impulse_response(noise, gain, decay)
        return {'audio': core.tf_float32(audio), 'ir': ir}

    def _impulse_response(
        self, noise: tf.Tensor, gain: Any = None, decay: Any = None
    ) -> tf.Tensor:
        gain = self._weight('gain')[tf.newaxis] if gain is None else gain
        decay = self._weight('decay')[tf.newaxis] if decay is None else decay
        gain, decay = core.tf_float32(gain), core.tf_float32(decay)
        # Beyond e**80 the response is gone after one tap, and float32 near its end.
        rate = 2.0 + tf.exp(tf.minimum(decay, 80.0))
        time = tf.linspace(0.0, 1.0, self.reverb_length)[tf.newaxis]
        return self.scale_fn(gain) * tf.exp(-rate * time) * noise


@registration.register('ddsp.effects')
class FilteredNoiseReverb(_NoiseReverb):
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
    stream_constants = ('magnitudes',)

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
        noise = _uniform_noise(self.reverb_length, self.seed)
        ir = self._impulse_response(noise, magnitudes)
        return {'audio': core.tf_float32(audio), 'ir': ir}

    def _impulse_response(self, noise: tf.Tensor, magnitudes: Any = None) -> tf.Tensor:
        if magnitudes is None:
            magnitudes = self._weight('magnitudes')[tf.newaxis]
        magnitudes = core.tf_float32(magnitudes)
        return core.frequency_filter(
            noise,
            self.scale_fn(magnitudes + self.initial_bias),
            window_size=self.window_size,
            crossfade=self.crossfade,
        )


def _uniform_noise(n_samples: int, seed: int | None) -> tf.Tensor:
    """Noise in [-1, 1], `[1, samples]`; the same each time for a given seed."""
    if seed is None:
        return core.uniform_noise([1, n_samples], shared=True)
    # TensorFlow's own generators differ between devices, and under XLA.
    noise = np.random.default_rng(seed).uniform(-1.0, 1.0, [1, n_samples])
    return tf.constant(noise, tf.float32)
