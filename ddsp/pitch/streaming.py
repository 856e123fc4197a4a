"""Pitch of audio that comes block by block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp.pitch.likeness import Lags, Likeness, Regularity, largest
from ddsp.pitch.tracking import Tracker, hold
from ddsp.streaming.frames import FrameStream

# Pitch is looked for in audio of about this rate, in Hz.
_INNER_RATE = 16000
# A frame looks at so many seconds: 3.2 periods of 50 Hz.
_WINDOW_SECONDS = 0.064
# Samples of the inner rate that a filter reaches to either side.
_FILTER_REACH = 8
# So many frames of a block are looked at together; of more, one after the other.
_TOGETHER = 8
# What is told before the first pitch: the middle of the range of voices.
_FIRST_F0_HZ = 220.0


class PitchStream(FrameStream):
    """f0 and confidence of audio that comes block by block.

    A frame is compared with itself some time earlier, by autocorrelation, and the
    course of f0 follows what is most alike without leaping between octaves. Frame `m`
    that comes out is the pitch at sample `m * hop_size - latency`. It needs no FFT, and
    runs in ONNX and, with `dtype='float32'`, in TFLite on built-in operations.

    It hears 32 ms around the pitch it tells: with a hop of 4 ms, frames are 28 ms late.
    `ddsp.pitch.estimate_f0` needs the recording, and is more accurate.

    Parameters
    ----------
    sample_rate : of the audio, in Hz. Twice or three times 16 kHz is filtered down to
        it first, by 0.5 ms of audio to either side.
    frame_rate : frames per second; divides the sample rate.
    fmin, fmax : range of f0, in Hz.
    latency : samples by which frames are later than what they describe; a multiple of
        the hop size. None for the least there can be.
    dtype : that it computes in. Runtimes round float32 otherwise each, and what plays
        in tune with f0 drifts apart by that; with `'float64'` f0, which is given as
        float32, is the same to the last bit.

    Raises
    ------
    ValueError
        When the rates do not fit, the range is not one, the latency is less than can
        be, or for another type.

    Examples
    --------
    >>> import tensorflow as tf
    >>> from ddsp import pitch
    >>> stream = pitch.PitchStream(sample_rate=16000, frame_rate=250)
    >>> audio = tf.sin(0.4 * tf.range(4000.0) / 4.0) + tf.sin(0.2 * tf.range(4000.0))
    >>> audio = audio[tf.newaxis, :3840]
    >>> found, state = stream.step(audio, stream.initial_state())
    >>> found['f0_hz'].shape, stream.latency
    (TensorShape([1, 60]), 448)
    >>> float(found['f0_confidence'][0, 50]) > 0.9
    True
    """

    def __init__(
        self,
        sample_rate: int = 16000,
        frame_rate: float = 250,
        fmin: float = 50.0,
        fmax: float = 2000.0,
        latency: int | None = None,
        dtype: str = 'float32',
    ) -> None:
        every = max(round(sample_rate / _INNER_RATE), 1)
        inner_rate = sample_rate / every
        if not 40.0 <= fmin < fmax <= inner_rate / 4.0:
            raise ValueError(
                f'PitchStream: f0 from {fmin} to {fmax} Hz, expected a range within 40 '
                f'to {inner_rate / 4.0:g} Hz.'
            )
        size = 2 * round(_WINDOW_SECONDS * inner_rate / 2)
        self._every, self._filter = every, _low_pass(every).astype(dtype)
        reach = size * every + len(self._filter) - 1
        super().__init__(sample_rate, frame_rate, reach, latency, dtype)
        self.fmin, self.fmax = fmin, fmax
        lags = Lags(inner_rate, fmin, fmax)
        self._likeness = Likeness(lags, size, dtype)
        self._regularity = Regularity(lags, size, dtype)
        self._tracker = Tracker(lags, self.hop_size / sample_rate, dtype)
        # The samples that each one of the inner rate is made of.
        places = every * np.arange(size)[:, np.newaxis]
        self._around = places + np.arange(len(self._filter))

    def initial_state(self, batch_size: Any = 1) -> dict[str, tf.Tensor]:
        """Makes the state of a stream that begins, after silence; see `FrameStream`."""
        return {
            **super().initial_state(batch_size),
            'scores': self._tracker.start(batch_size),
            'f0_hz': tf.fill([batch_size], _FIRST_F0_HZ),
        }

    def _features(
        self, windows: tf.Tensor, state: Mapping[str, tf.Tensor]
    ) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        before = tuple(tf.cast(state[x], self.dtype) for x in ('scores', 'f0_hz'))
        n_frames = windows.shape[1]
        if n_frames is not None and n_frames <= _TOGETHER:
            outputs, before = self._together(windows, before)
        else:
            outputs, before = self._one_by_one(windows, before)
        f0_hz, confidence = outputs
        scores, held_hz = (tf.cast(x, tf.float32) for x in before)
        memory = {'scores': scores, 'f0_hz': held_hz}
        return {'f0_hz': f0_hz, 'f0_confidence': confidence}, memory

    def _together(
        self, windows: tf.Tensor, before: tuple[tf.Tensor, tf.Tensor]
    ) -> tuple[tuple[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
        """f0 and confidence `[batch, n]` of a few windows, and what is known then."""
        windows = self._filtered(windows)
        windows -= tf.reduce_sum(windows, -1, keepdims=True) / windows.shape[-1]
        likeness = self._likeness(windows)
        sure = largest(likeness, keepdims=True)
        salience = self._tracker.salience(likeness, self._regularity(windows))
        (scores, held_hz), f0_hz, confidence = before, [], []
        for i in range(windows.shape[1]):
            scores = self._tracker.follow(salience[:, i], sure[:, i], scores)
            found_hz, how_sure = self._tracker.read(likeness[:, i], scores)
            held_hz = hold(found_hz, how_sure, held_hz)
            f0_hz.append(held_hz)
            confidence.append(how_sure)
        return (tf.stack(f0_hz, 1), tf.stack(confidence, 1)), (scores, held_hz)

    def _one_by_one(
        self, windows: tf.Tensor, before: tuple[tf.Tensor, tf.Tensor]
    ) -> tuple[tuple[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
        """Does the same for any number of windows, in a loop."""

        def step(known: tuple, window: tf.Tensor) -> tuple:
            (_, confidence), known = self._together(window[:, tf.newaxis], known[:2])
            return (*known, confidence[:, 0])

        batch = tf.shape(windows)[0]
        first = (*before, tf.zeros([batch], self.dtype))
        scan = tf.scan(step, tf.transpose(windows, [1, 0, 2]), first)
        scores, f0_hz, confidence = scan
        outputs = tf.transpose(f0_hz), tf.transpose(confidence)
        return outputs, (scores[-1], f0_hz[-1])

    def _filtered(self, windows: tf.Tensor) -> tf.Tensor:
        """Brings windows `[batch, n, window_size]` to the inner rate."""
        if self._every == 1:
            return windows
        # No convolution: onnxruntime has none in float64.
        around = tf.gather(windows, self._around, axis=-1)
        return tf.tensordot(around, self._filter, 1)


def _low_pass(every: int) -> np.ndarray:
    """A filter before of `every` samples one is kept, of an odd length."""
    if every == 1:
        return np.ones(1)
    place = np.arange(-_FILTER_REACH * every, _FILTER_REACH * every + 1) / every
    window = np.cos(np.pi * place / (2 * _FILTER_REACH + 2)) ** 2
    taps = np.sinc(0.8 * place) * window
    return taps / taps.sum()
