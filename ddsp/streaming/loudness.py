"""Loudness and power of audio that comes block by block."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ddsp import core
from ddsp import spectral_tables as tables
from ddsp.core.portable import log
from ddsp.streaming.frames import FrameStream
from ddsp.streaming.spectra import fold, folded_transform

# The smallest whose logarithm is taken, far below any range.
_LEAST_POWER = 1e-20


class LoudnessStream(FrameStream):
    """What `compute_loudness` and `compute_power` give, block by block.

    Frame `m` that comes out is frame `m - latency / hop_size` of
    `spectral_ops.compute_loudness` and `compute_power` with `padding='center'`; audio
    before the stream is silence there and here. For the last frames, feed
    `latency + hop_size` zeros. It needs no FFT, and runs in ONNX and, with
    `dtype='float32'`, in TFLite on built-in operations.

    Parameters
    ----------
    sample_rate : of the audio, in Hz.
    frame_rate : frames per second; divides the sample rate.
    n_fft : samples that a frame of loudness looks at; even.
    frame_size : samples that a frame of power looks at.
    range_db : levels stop at `-range_db`, silence included.
    ref_db : the level that becomes 0 dB.
    latency : samples by which frames are later than what they describe; a multiple of
        the hop size. None for the least there can be, which with 512 samples at 16 kHz
        and 250 frames per second is 192. More makes it as late as a `PitchStream`.
    dtype : that it computes in: with `'float64'` levels, which are given as float32,
        are the same in every runtime to the last bit.

    Raises
    ------
    ValueError
        When the rates do not fit, `n_fft` is odd, the latency is less than can be, or
        for another type.

    Examples
    --------
    >>> import numpy as np
    >>> import tensorflow as tf
    >>> from ddsp import spectral_ops, streaming
    >>> stream = streaming.LoudnessStream(sample_rate=16000, frame_rate=250)
    >>> audio = np.sin(np.arange(6400) * 0.2)[np.newaxis].astype(np.float32)
    >>> state = stream.initial_state()
    >>> first, state = stream.step(audio[:, :640], state)
    >>> second, state = stream.step(audio[:, 640:], state)
    >>> heard = tf.concat([first['loudness_db'], second['loudness_db']], axis=1)
    >>> whole = spectral_ops.compute_loudness(audio)
    >>> late = stream.latency // stream.hop_size
    >>> error = tf.reduce_max(tf.abs(heard[:, late:] - whole[:, : 100 - late]))
    >>> late, bool(error < 1e-3)
    (3, True)
    """

    def __init__(
        self,
        sample_rate: int = 16000,
        frame_rate: float = 250,
        n_fft: int = 512,
        frame_size: int = 512,
        range_db: float = core.DB_RANGE,
        ref_db: float = 0.0,
        latency: int | None = None,
        dtype: str = 'float32',
    ) -> None:
        if n_fft < 2 or n_fft % 2 or frame_size < 1:
            raise ValueError(
                f'LoudnessStream: n_fft is {n_fft} and frame_size {frame_size}; '
                'expected an even n_fft and a frame_size of at least 1.'
            )
        reach = max(n_fft, frame_size)
        super().__init__(sample_rate, frame_rate, reach, latency, dtype)
        self.n_fft, self.frame_size = n_fft, frame_size
        self.range_db, self.ref_db = range_db, ref_db

    def _features(
        self, windows: tf.Tensor, state: Mapping[str, tf.Tensor]
    ) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        power = tf.reduce_sum(tf.square(self._middle(windows, self.frame_size)), -1)
        weighted = weighted_power(self._middle(windows, self.n_fft), self.sample_rate)
        levels = {'loudness_db': weighted, 'power_db': power / self.frame_size}
        return {name: self._decibels(x) for name, x in levels.items()}, {}

    def _decibels(self, power: tf.Tensor) -> tf.Tensor:
        """`core.power_to_db`, which goes by way of float32, in the type of `power`."""
        level_db = log(tf.maximum(power, _LEAST_POWER)) * (10.0 / math.log(10.0))
        return tf.maximum(level_db - self.ref_db, -self.range_db)

    def _middle(self, windows: tf.Tensor, size: int) -> tf.Tensor:
        start = self.window_size // 2 - size // 2
        return windows[..., start : start + size]


def weighted_power(frames: tf.Tensor, sample_rate: float) -> tf.Tensor:
    """A-weighted power of frames under a Hann window, without an FFT.

    Parameters
    ----------
    frames : `[batch, n, n_fft]`, of an even size.
    sample_rate : in Hz.

    Returns
    -------
    `[batch, n]`, what `spectral_ops.compute_loudness` takes the logarithm of.
    """
    cosines, sines = _weighted_transform(
        frames.shape[-1], float(sample_rate), frames.dtype.name
    )
    sums, differences = fold(frames)
    real = tf.tensordot(sums, cosines, 1)
    imaginary = tf.tensordot(differences, sines, 1)
    return tf.reduce_sum(tf.square(real), -1) + tf.reduce_sum(tf.square(imaginary), -1)


@functools.lru_cache(maxsize=8)
def _weighted_transform(
    n_fft: int, sample_rate: float, dtype: str
) -> tuple[np.ndarray, ...]:
    """`folded_transform` with each bin weighted; the bin at 0 Hz weighs nothing."""
    weights = tables.a_weighting(n_fft, sample_rate).astype(np.float64)
    scale = np.sqrt(weights / len(weights))[1:]
    cosines, sines = folded_transform(n_fft, n_fft // 2)
    return (cosines * scale).astype(dtype), (sines * scale).astype(dtype)
