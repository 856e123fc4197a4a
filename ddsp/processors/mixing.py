"""Adding, mixing and cropping signals."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp import core, registration
from ddsp.core import tensors
from ddsp.core.streaming.memory import delay, join, last
from ddsp.processors.base import Processor
from ddsp.streaming import Memory, Span


@registration.register('ddsp.processors')
class Add(Processor):
    """Adds two signals.

    Parameters
    ----------
    name : name of the layer.

    Examples
    --------
    >>> Add()(tf.constant([[1.0, 2.0]]), tf.constant([[3.0, 4.0]])).numpy().tolist()
    [[4.0, 6.0]]
    """

    input_shapes = {
        'signal_one': ('[batch, samples]', '[batch, samples, channels]'),
        'signal_two': ('[batch, samples]', '[batch, samples, channels]'),
    }

    def __init__(self, name: str = 'add', **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def get_controls(
        self, signal_one: tf.Tensor, signal_two: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Passes two signals of one length as they are.

        Parameters
        ----------
        signal_one : `[batch, samples]` or `[batch, samples, channels]`.
        signal_two : of the same shape.

        Returns
        -------
        Both, by their names.

        Raises
        ------
        ValueError
            When one of them has channels and the other has not.
        """
        _check_same_rank(signal_one, signal_two, self.name)
        return {'signal_one': signal_one, 'signal_two': signal_two}

    def get_signal(self, signal_one: tf.Tensor, signal_two: tf.Tensor) -> tf.Tensor:
        """Gives the sum, `[batch, samples]`."""
        return signal_one + signal_two

    def stream_signal(
        self,
        memory: Memory,
        span: Span,
        signal_one: tf.Tensor,
        signal_two: tf.Tensor,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Gives the sum."""
        return signal_one + signal_two, {}


@registration.register('ddsp.processors')
class Mix(Processor):
    """Cross-fades two signals at constant power.

    With a level m between 0 and 1 the output is
    `sqrt(m) * signal_one + sqrt(1 - m) * signal_two`: signals that are not correlated
    keep their loudness at every level. The gains of the established library do not.

    Parameters
    ----------
    name : name of the layer.

    Examples
    --------
    >>> mix = Mix()
    >>> level = tf.fill([1, 1, 1], 100.0)  # All of the first.
    >>> mix(tf.ones([1, 2]), tf.zeros([1, 2]), level).numpy().tolist()
    [[1.0, 1.0]]
    """

    input_shapes = {
        'signal_one': ('[batch, samples]', '[batch, samples, channels]'),
        'signal_two': ('[batch, samples]', '[batch, samples, channels]'),
        'nn_out_mix_level': ('[batch, frames]', '[batch, frames, 1]'),
    }

    def __init__(self, name: str = 'mix', **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def get_controls(
        self, signal_one: tf.Tensor, signal_two: tf.Tensor, nn_out_mix_level: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Scales the mixing level and brings it to the length of the signals.

        Parameters
        ----------
        signal_one : `[batch, samples]` or `[batch, samples, channels]`.
        signal_two : of the same shape.
        nn_out_mix_level : raw output of a network, `[batch, frames, 1]` or
            `[batch, frames]`; its sigmoid is the share of `signal_one` in the power.

        Returns
        -------
        The signals and `mix_level`, between 0 and 1, with as many axes as the signals.

        Raises
        ------
        ValueError
            When one signal has channels and the other has not.
        """
        _check_same_rank(signal_one, signal_two, self.name)
        n_samples = tensors.size(signal_one, 1)
        level = core.resample(tf.math.sigmoid(nn_out_mix_level), n_samples)
        return {
            'signal_one': signal_one,
            'signal_two': signal_two,
            'mix_level': _like_signal(level, signal_one),
        }

    def get_signal(
        self, signal_one: tf.Tensor, signal_two: tf.Tensor, mix_level: tf.Tensor
    ) -> tf.Tensor:
        """Gives the mixture of two signals, of their shape."""
        first, second = _root(mix_level), _root(1.0 - mix_level)
        return first * signal_one + second * signal_two

    @property
    def latency(self) -> int:
        """One hop: the level between two frames needs the next one."""
        return self._hop()

    def start_stream(self, batch_size: Any) -> dict[str, tf.Tensor]:
        """Remembers a hop of each signal, and a level."""
        memory = {
            name: self.blank_input(name, batch_size, self._hop())
            for name in ('signal_one', 'signal_two')
        }
        return {
            **memory,
            'mix_level': self.blank_input('nn_out_mix_level', batch_size, 1),
        }

    def stream_controls(
        self,
        memory: Memory,
        signal_one: tf.Tensor,
        signal_two: tf.Tensor,
        nn_out_mix_level: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Scales the mixing level, which stays at the frame rate.

        Raises
        ------
        ValueError
            When one signal has channels and the other has not, or the block has another
            number of samples a frame than the hop size, or that is not known.
        """
        _check_same_rank(signal_one, signal_two, self.name)
        hop, n_frames = self._hop(), nn_out_mix_level.shape[1]
        if signal_one.shape[1] not in (None, hop * (n_frames or 0)) and n_frames:
            raise ValueError(
                f'{self.name}: a block has {signal_one.shape[1]} samples and '
                f'{n_frames} frames, expected {hop} samples a frame.'
            )
        return {
            'signal_one': signal_one,
            'signal_two': signal_two,
            'mix_level': tf.math.sigmoid(nn_out_mix_level),
        }

    def stream_signal(
        self,
        memory: Memory,
        span: Span,
        signal_one: tf.Tensor,
        signal_two: tf.Tensor,
        mix_level: tf.Tensor,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Gives the mixture, one hop late.

        Parameters
        ----------
        memory, span, signal_one, signal_two : see `Streamed.stream_signal`.
        mix_level : `[batch, frames, 1]` or `[batch, frames]`, between 0 and 1.
        """
        first, first_waits = delay(signal_one, memory['signal_one'])
        second, second_waits = delay(signal_two, memory['signal_two'])
        levels = join(memory['mix_level'], mix_level)
        n_samples = tensors.size(signal_one, 1)
        # With the next frame at hand, and cut before that one would be held.
        n_frames = tensors.size(levels, 1)
        level = core.resample(levels, n_frames * self._hop())[:, :n_samples]
        signal = self.get_signal(first, second, _like_signal(level, first))
        return signal, {
            'signal_one': first_waits,
            'signal_two': second_waits,
            'mix_level': last(levels, 1),
        }


def _like_signal(level: tf.Tensor, signal: tf.Tensor) -> tf.Tensor:
    """A level with as many axes as the signal."""
    if level.shape.rank < signal.shape.rank:
        return level[..., tf.newaxis]
    return level[..., 0] if level.shape.rank > signal.shape.rank else level


def _check_same_rank(signal_one: tf.Tensor, signal_two: tf.Tensor, where: str) -> None:
    """Refuses `[batch, samples]` beside `[batch, samples, channels]`."""
    if signal_one.shape.rank != signal_two.shape.rank:
        raise ValueError(
            f'{where}: signal_one has shape {list(signal_one.shape)} and signal_two '
            f'{list(signal_two.shape)}, expected the same number of axes.'
        )


def _root(x: tf.Tensor) -> tf.Tensor:
    """Square root with gradient 0, in place of infinity, where nothing is above 0."""
    positive = x > 0.0
    root = tf.sqrt(tf.where(positive, x, tf.ones_like(x)))
    return tf.where(positive, root, tf.zeros_like(x))


@registration.register('ddsp.processors')
class Crop(Processor):
    """Cuts samples off one end of the audio.

    Cutting off none gives all of it, and not an empty tensor as in the established
    library.

    Parameters
    ----------
    frame_size : number of samples to cut off; 0 leaves the audio whole.
    crop_location : the end where they go, `'front'` or `'back'`.
    name : name of the layer.

    Raises
    ------
    ValueError
        When `frame_size` is negative or there is no such end.

    Examples
    --------
    >>> Crop(frame_size=1)(tf.constant([[1.0, 2.0, 3.0]])).numpy().tolist()
    [[1.0, 2.0]]
    """

    input_shapes = {'audio': ('[batch, samples]', '[batch, samples, channels]')}

    def __init__(
        self,
        frame_size: int,
        crop_location: str = 'back',
        name: str = 'crop',
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        if frame_size < 0:
            raise ValueError(f'{name}: frame_size is {frame_size}, expected >= 0.')
        if crop_location not in ('front', 'back'):
            raise ValueError(
                f'{name}: crop_location is {crop_location!r}, '
                "expected 'front' or 'back'."
            )
        self.frame_size = frame_size
        self.crop_location = crop_location

    def get_controls(self, audio: tf.Tensor) -> dict[str, tf.Tensor]:
        """Passes audio `[batch, samples]` as it is.

        Raises
        ------
        ValueError
            When the audio is no longer than what is cropped.
        """
        n_samples = audio.shape[1]
        if n_samples is not None and n_samples <= self.frame_size:
            raise ValueError(
                f'{self.name}: cannot crop {self.frame_size} samples from audio '
                f'of {n_samples}.'
            )
        return {'audio': audio}

    def get_signal(self, audio: tf.Tensor) -> tf.Tensor:
        """Gives the rest, `[batch, samples - frame_size]`."""
        if self.crop_location == 'front':
            return audio[:, self.frame_size :]
        # A slice up to -0 would be empty.
        return audio[:, : tf.maximum(tensors.size(audio, 1) - self.frame_size, 0)]

    @property
    def shortening(self) -> int:
        """What is cut off, at either end."""
        return self.frame_size

    @property
    def latency(self) -> int:
        """What is cut off the front: it is the start of the stream that is dropped."""
        return self.frame_size if self.crop_location == 'front' else 0

    def stream_controls(self, memory: Memory, audio: tf.Tensor) -> dict[str, tf.Tensor]:
        """Passes audio `[batch, samples]` of any length as it is."""
        return {'audio': audio}

    def stream_signal(
        self, memory: Memory, span: Span, audio: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Gives the audio; where the end is known, what is cut off there is silent."""
        return audio, {}
