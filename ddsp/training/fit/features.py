"""What a decoder is told about a recording: f0 and loudness, frame by frame."""

from __future__ import annotations

import dataclasses

import numpy as np

from ddsp import pitch, spectral_ops
from ddsp.training.fit.pure_tones import SURE, believed_from

# f0 given to frames of a recording in which no frame has a pitch: A3.
_F0_WITHOUT_PITCH_HZ = 220.0
_LOUDNESS_FFT = 512
# Loudness is computed for this many frames at once.
_BLOCK_FRAMES = 15000


@dataclasses.dataclass(frozen=True)
class Features:
    """A recording and what was measured in it.

    Frame f describes the audio around sample `f * hop`, where synthesisers place it.

    Parameters
    ----------
    audio : `[samples]`, a whole number of frames.
    f0_hz : `[frames]`, interpolated where the recording has no pitch.
    f0_confidence : `[frames]`, in [0, 1].
    loudness_db : `[frames]`, A-weighted, in [-80, 0] or a little more.
    sample_rate : in Hz.
    frame_rate : in frames a second.
    believed_from : confidence of f0 below which it was interpolated.
    """

    audio: np.ndarray
    f0_hz: np.ndarray
    f0_confidence: np.ndarray
    loudness_db: np.ndarray
    sample_rate: int
    frame_rate: int
    believed_from: float = SURE

    @property
    def hop(self) -> int:
        """Samples in a frame."""
        return self.sample_rate // self.frame_rate

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return len(self.audio) / self.sample_rate

    @property
    def silent(self) -> bool:
        """Whether there is nothing to hear: the loudness is at its floor throughout."""
        return not self.audible.any()

    @property
    def audible(self) -> np.ndarray:
        """`[frames]`: where there is something to hear."""
        return self.loudness_db > -spectral_ops.DB_RANGE + 1e-3

    def confident(self, threshold: float | None = None) -> np.ndarray:
        """`[frames]`: where f0 is believed, and there is something to hear."""
        threshold = self.believed_from if threshold is None else threshold
        return (self.f0_confidence >= threshold) & self.audible


def extract_features(
    audio: np.ndarray,
    sample_rate: int,
    frame_rate: int,
    method: str = 'swift-f0',
    min_confidence: float | None = None,
) -> Features:
    """Measures f0 and loudness of a recording.

    Parameters
    ----------
    audio : `[samples]`; silence is added to fill the last frame.
    sample_rate : in Hz, a multiple of `frame_rate`.
    frame_rate : in frames a second.
    method : name of the pitch estimator.
    min_confidence : f0 of less confident frames is interpolated; what `believed_from`
        finds without it.

    Returns
    -------
    What was measured, with the padded audio.

    Raises
    ------
    ValueError
        When there is no such estimator.
    """
    hop = sample_rate // frame_rate
    audio = np.pad(audio, (0, -len(audio) % hop))
    f0_hz, confidence = measure_f0(audio, sample_rate, frame_rate, method)
    loudness_db = measure_loudness(audio, sample_rate, frame_rate)
    features = Features(audio, f0_hz, confidence, loudness_db, sample_rate, frame_rate)
    if min_confidence is None:
        heard = np.flatnonzero(features.audible)
        min_confidence = believed_from(
            audio, sample_rate, heard * hop, f0_hz[heard], confidence[heard]
        )
    return dataclasses.replace(
        features,
        f0_hz=fill_unvoiced(f0_hz, confidence, min_confidence),
        believed_from=min_confidence,
    )


def measure_f0(
    audio: np.ndarray, sample_rate: int, frame_rate: int, method: str
) -> tuple[np.ndarray, np.ndarray]:
    """f0 in Hz and its confidence, each `[frames]`, at samples 0, hop, 2 hop ..."""
    n_frames = len(audio) // (sample_rate // frame_rate)
    f0_hz, confidence = pitch.estimate_f0(
        audio, sample_rate, frame_rate=frame_rate, method=method, padding='center'
    )
    f0_hz, confidence = np.asarray(f0_hz), np.asarray(confidence)
    return f0_hz[:n_frames].astype('float32'), confidence[:n_frames].astype('float32')


def measure_loudness(
    audio: np.ndarray, sample_rate: int, frame_rate: int
) -> np.ndarray:
    """A-weighted loudness in dB `[frames]`, computed in blocks of bounded memory."""
    hop = sample_rate // frame_rate
    n_frames = len(audio) // hop
    padded = np.pad(audio, (_LOUDNESS_FFT // 2, _LOUDNESS_FFT // 2))
    blocks = []
    for start in range(0, n_frames, _BLOCK_FRAMES):
        end = min(start + _BLOCK_FRAMES, n_frames)
        block = padded[start * hop : (end - 1) * hop + _LOUDNESS_FFT]
        loudness = spectral_ops.compute_loudness(
            block[np.newaxis],
            sample_rate=sample_rate,
            frame_rate=frame_rate,
            n_fft=_LOUDNESS_FFT,
            padding='valid',
        )
        blocks.append(np.asarray(loudness)[0])
    return np.concatenate(blocks)


def fill_unvoiced(
    f0_hz: np.ndarray, confidence: np.ndarray, min_confidence: float
) -> np.ndarray:
    """Draws a line, in cents, over the frames where f0 is not to be trusted.

    Before the first and after the last confident frame f0 is held. Without it, a
    decoder would have to hide the leaps that estimators make in breath and silence.
    """
    sure = (confidence >= min_confidence) & (f0_hz > 0)
    if not sure.any():
        return np.full_like(f0_hz, _F0_WITHOUT_PITCH_HZ)
    frames = np.arange(len(f0_hz))
    log_f0 = np.interp(frames, frames[sure], np.log(f0_hz[sure]))
    return np.exp(log_f0).astype('float32')
