"""Frames of a stream of audio: where they stand, and what is kept for the next."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from ddsp.core import tensors
from ddsp.core.checks import check_rank
from ddsp.framing import hop_of_rate

# Above it nothing is a sample: infinity and NaN do not compare as below it.
_LARGEST = 1e6
_DTYPES = ('float32', 'float64')
# So many frames are cut one by one, which any runtime can do; more are gathered.
_MANY = 32


class FrameStream(abc.ABC):
    """Features of audio that comes block by block, one of each for a frame.

    Frame `m` that comes out is frame `m - latency / hop_size` of the whole recording,
    whose middle is at sample `(m - latency / hop_size) * hop_size`, as `'center'` pads
    it. A block ends one hop after its last frame begins: the last sound heard is
    `latency + hop_size` samples younger than what the last frame describes.

    Parameters
    ----------
    sample_rate : of the audio, in Hz.
    frame_rate : frames per second; divides the sample rate.
    window_size : samples around the middle of a frame that it needs.
    latency : samples; a multiple of the hop size. None for the least there can be.
    dtype : that features are computed in, `'float32'` or `'float64'`. They are given as
        float32.

    Raises
    ------
    ValueError
        When the rates do not fit, the latency is less than can be, or for another type.
    """

    def __init__(
        self,
        sample_rate: int,
        frame_rate: float,
        window_size: int,
        latency: int | None = None,
        dtype: str = 'float32',
    ) -> None:
        where = type(self).__name__
        if dtype not in _DTYPES:
            raise ValueError(
                f'{where}: dtype is {dtype!r}, expected one of {", ".join(_DTYPES)}.'
            )
        self.dtype = dtype
        self.sample_rate, self.frame_rate = sample_rate, frame_rate
        self.hop_size = hop_of_rate(sample_rate, frame_rate, where)
        self.window_size = window_size
        least = least_latency(window_size, self.hop_size)
        self.latency = least if latency is None else latency
        if self.latency < least or self.latency % self.hop_size:
            raise ValueError(
                f'{where}: latency is {latency} samples, expected a multiple of the '
                f'hop size, {self.hop_size}, and at least {least}.'
            )
        self._kept = self.latency + window_size // 2

    def initial_state(self, batch_size: Any = 1) -> dict[str, tf.Tensor]:
        """Makes the state of a stream that begins, after silence.

        Parameters
        ----------
        batch_size : a number or a scalar tensor.

        Returns
        -------
        A dictionary of float32 tensors, whose shapes stay the same.
        """
        return {'audio': tf.zeros([batch_size, self._kept])}

    @tf.autograph.experimental.do_not_convert
    def step(
        self, audio: Any, state: Mapping[str, tf.Tensor]
    ) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        """Listens to one block.

        Samples that are NaN or infinite count as 0.

        Parameters
        ----------
        audio : `[batch, n * hop_size]`, of any n.
        state : of `initial_state`, or what the step before gave.

        Returns
        -------
        The features, float32 `[batch, n]` each, and the next state.

        Raises
        ------
        ValueError
            When the audio is not a whole number of hops.
        """
        audio = self._checked(audio)
        audio = tf.where(tf.abs(audio) <= _LARGEST, audio, tf.zeros_like(audio))
        heard = tf.concat([state['audio'], audio], axis=1)
        windows = self._windows(heard, tensors.size(audio, 1) // self.hop_size)
        windows = tf.cast(windows, self.dtype)
        features, memory = self._features(windows, state)
        features = {name: tf.cast(x, tf.float32) for name, x in features.items()}
        kept = heard[:, tensors.size(audio, 1) :]
        kept = tf.ensure_shape(kept, [audio.shape[0], self._kept])
        return features, {**memory, 'audio': kept}

    @abc.abstractmethod
    def _features(
        self, windows: tf.Tensor, state: Mapping[str, tf.Tensor]
    ) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        """Makes features of windows `[batch, n, window_size]`, and the next state.

        Windows are of `dtype`, and features may be.
        """

    def _checked(self, audio: Any) -> tf.Tensor:
        where = f'{type(self).__name__}.step'
        audio = tensors.tf_float32(audio)
        check_rank(audio, 2, 'audio', where, '[batch, samples]')
        length = audio.shape[1]
        if length is not None and (length == 0 or length % self.hop_size):
            raise ValueError(
                f'{where}: audio has {length} samples, expected a multiple of the hop '
                f'size, {self.hop_size} (sample_rate {self.sample_rate} / frame_rate '
                f'{self.frame_rate:g}).'
            )
        return audio

    def _windows(self, heard: tf.Tensor, n_frames: Any) -> tf.Tensor:
        """The window of each frame, `[batch, n, window_size]`."""
        if not isinstance(n_frames, int) or n_frames > _MANY:
            length = (n_frames - 1) * self.hop_size + self.window_size
            return tf.signal.frame(heard[:, :length], self.window_size, self.hop_size)
        starts = [i * self.hop_size for i in range(n_frames)]
        return tf.stack([heard[:, i : i + self.window_size] for i in starts], axis=1)


def least_latency(window_size: int, hop_size: int) -> int:
    """The least latency of frames that need a window around them, in samples.

    It is a multiple of the hop size, so that frames stand where they always do.
    """
    after = window_size - window_size // 2
    return (-(-after // hop_size) - 1) * hop_size
