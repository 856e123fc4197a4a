"""From a recording of any rate and length to f0 on the frame grid of the controls."""

from __future__ import annotations

from typing import Any

import numpy as np

from ddsp.optional import import_optional
from ddsp.pitch.base import PitchEstimator, get_estimator

# Seconds of audio that an estimator sees at once, without the overlap.
WINDOW_S = 20.0
# What is told of a recording without any pitch: the middle of the range of voices.
UNVOICED_F0_HZ = 220.0
# Quieter than the -80 dB of the loudness scale counts as silence.
SILENCE_PEAK = 1e-4
# Quiet recordings are made louder by up to 40 dB: networks were trained on loud ones.
LARGEST_GAIN = 100.0
# Neighbouring frames further apart than this (octaves) are a leap, not a glide.
LEAP_OCTAVES = 0.25


def estimate_f0(
    audio: Any,
    sample_rate: int,
    frame_rate: int = 250,
    method: str | PitchEstimator = 'swift-f0',
    *,
    padding: str = 'center',
    viterbi: bool = True,
    frame_size: int = 512,
    **options: Any,
) -> tuple[np.ndarray, np.ndarray]:
    """Estimates fundamental frequency, on the same frames as `compute_loudness`.

    Parameters
    ----------
    audio : `[samples]` or `[batch, samples]`, of any length: long recordings are read
        in overlapping windows.
    sample_rate : of the audio, in Hz; any rate.
    frame_rate : frames per second of the result; must divide `sample_rate`, the hop
        being `sample_rate / frame_rate` samples.
    method : `'swift-f0'` (46.9 to 2093 Hz, the default), `'pyin'` (slower, reaches
        down to 30 Hz), `'crepe'` (needs weights), a name that you gave to
        `register_estimator`, or a `PitchEstimator`.
    padding : which frames, as in `spectral_ops.compute_loudness`. `'center'`: frame
        `k` is at sample `k * hop`, `samples // hop + 1` of them. `'same'`: frame `k`
        begins at sample `k * hop` and is at its middle, half a `frame_size` later;
        `ceil(samples / hop)` of them. `'valid'`: the same frames, but only those that
        end within the audio.
    viterbi : whether `'crepe'`, or an estimator of yours whose constructor takes
        `viterbi`, is to find a smooth path of f0. SwiftF0 has none, pYIN always one.
    frame_size : samples of a frame for `'same'` and `'valid'`; the `n_fft` of
        `compute_loudness`, 512 as there.
    **options : of the estimator, such as `fmin` and `fmax` in Hz.

    Returns
    -------
    f0_hz : float32 `[frames]` or `[batch, frames]`, always finite and above 0: where
        no pitch is found, that of the nearest frame with one; 220 Hz in a recording
        without any.
    f0_confidence : float32 of the same shape, from 0 (no pitch, as in silence) to 1.

    Raises
    ------
    ValueError
        For audio of wrong rank, empty, or with NaN or infinity; for an unknown method,
        option or padding; for a frame rate that does not divide the sample rate.
    ImportError
        When the package that the method stands on is missing.

    Notes
    -----
    Between two frames of the estimator that both have a pitch, log f0 goes in a
    straight line; next to a frame without one, or at a leap of more than a minor
    third, the nearer frame holds. Confidence goes in a straight line everywhere.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(16000) / 16000
    >>> sawtooth = sum(np.sin(2 * np.pi * 330 * h * t) / h for h in range(1, 20))
    >>> f0_hz, f0_confidence = estimate_f0(0.2 * sawtooth, 16000, frame_rate=250)
    >>> f0_hz.shape, int(f0_hz[125].round()), bool(f0_confidence[125] > 0.9)
    ((251,), 330, True)
    """
    audio = _check_audio(audio)
    hop_size = _hop_size(sample_rate, frame_rate)
    n_frames, offset = _frame_grid(audio.shape[-1], hop_size, padding, frame_size)
    estimator = get_estimator(method, viterbi=viterbi, **options)
    seconds = (np.arange(n_frames) * hop_size + offset) / sample_rate
    rows = [
        _on_frames(estimator, row, sample_rate, seconds) for row in np.atleast_2d(audio)
    ]
    f0_hz, confidence = (np.stack(x).astype(np.float32) for x in zip(*rows))
    return (f0_hz[0], confidence[0]) if audio.ndim == 1 else (f0_hz, confidence)


def _check_audio(audio: Any) -> np.ndarray:
    try:
        audio = np.asarray(audio)
    except NotImplementedError as error:
        raise ValueError(
            'estimate_f0: inside a tf.function there are no values to listen to; '
            'estimate f0 before, as part of the data.'
        ) from error
    if audio.ndim not in (1, 2):
        raise ValueError(
            f'estimate_f0: audio has shape {list(audio.shape)}, expected [samples] or '
            '[batch, samples].'
        )
    if audio.size == 0:
        raise ValueError(
            f'estimate_f0: audio is empty, its shape is {list(audio.shape)}.'
        )
    if audio.ndim == 2 and audio.shape[1] <= 8 < audio.shape[0]:
        raise ValueError(
            f'estimate_f0: audio has shape {list(audio.shape)}, which looks like '
            '[samples, channels]; average the channels to [samples], or transpose it '
            'to [batch, samples].'
        )
    if not np.issubdtype(audio.dtype, np.floating):
        raise ValueError(
            f'estimate_f0: audio is of type {audio.dtype}, expected floating point '
            'numbers in [-1, 1]; divide 16 bit samples by 32768.'
        )
    audio = audio.astype(np.float32)
    bad = int((~np.isfinite(audio)).sum())
    if bad:
        raise ValueError(
            f'estimate_f0: audio holds {bad} values that are NaN or infinite; '
            'clean the recording first.'
        )
    return audio


def _hop_size(sample_rate: float, frame_rate: float) -> int:
    if not (sample_rate > 0 and frame_rate > 0):
        raise ValueError(
            f'estimate_f0: sample_rate {sample_rate} and frame_rate {frame_rate} must '
            'be above 0.'
        )
    hop = sample_rate / frame_rate
    if round(hop) < 1 or not np.isclose(hop, round(hop), rtol=1e-9):
        raise ValueError(
            f'estimate_f0: frame_rate {frame_rate} does not divide sample_rate '
            f'{sample_rate}: a frame would be {hop:.6g} samples long. Take a frame '
            'rate that divides it, or resample the audio (to 16000 or 48000 Hz for '
            '250 frames per second).'
        )
    return round(hop)


def _frame_grid(
    n_samples: int, hop_size: int, padding: str, frame_size: int
) -> tuple[int, int]:
    """How many frames there are, and at which sample the first has its middle."""
    if padding == 'center':
        return n_samples // hop_size + 1, 0
    if padding == 'same':
        return -(-n_samples // hop_size), frame_size // 2
    if padding == 'valid':
        if n_samples < frame_size:
            raise ValueError(
                f"estimate_f0: {n_samples} samples are fewer than one 'valid' frame "
                f"of {frame_size}; take padding='center'."
            )
        return (n_samples - frame_size) // hop_size + 1, frame_size // 2
    raise ValueError(
        f"estimate_f0: padding is {padding!r}, expected 'center', 'same' or 'valid'."
    )


def _on_frames(
    estimator: PitchEstimator, audio: np.ndarray, sample_rate: float, seconds: Any
) -> tuple[np.ndarray, np.ndarray]:
    """f0 and confidence of one recording at the given times."""
    gain = _gain(audio)
    audio = _resample(audio, sample_rate, estimator.sample_rate)
    silent = _is_silent(audio, estimator.hop_size)
    f0_hz, confidence = _estimate_all(estimator, audio * gain)
    confidence = np.where(silent, 0.0, confidence)
    f0_hz, voiced = _fill_unvoiced(f0_hz, confidence, estimator.voiced_threshold)
    position = seconds * estimator.sample_rate / estimator.hop_size
    return _interpolate(f0_hz, confidence, voiced, position)


def _resample(audio: np.ndarray, sample_rate: float, wanted: float) -> np.ndarray:
    if sample_rate == wanted:
        return audio
    soxr = import_optional(
        'soxr', f'estimate_f0: audio at {sample_rate} Hz', 'ddsp[pitch]'
    )
    return soxr.resample(audio, sample_rate, wanted)


def _gain(audio: np.ndarray) -> np.float32:
    """What brings the loudest sample to 1, so that a recording's level does not tell.

    It is the whole recording's: a gain for each window would show at its seams.
    """
    peak = float(np.abs(audio).max())
    return np.float32(min(1.0 / max(peak, 1e-9), LARGEST_GAIN))


def _estimate_all(
    estimator: PitchEstimator, audio: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The estimator's frames of a whole recording, read window by window."""
    hop_size, n_samples = estimator.hop_size, len(audio)
    per_window = max(int(WINDOW_S * estimator.sample_rate) // hop_size, 1)
    n_frames = n_samples // hop_size + 1
    overlap = -(-estimator.context // hop_size)
    parts = []
    for first in range(0, n_frames, per_window):
        last = min(first + per_window, n_frames)
        begin = max(first - overlap, 0)
        window = audio[begin * hop_size : (last + overlap) * hop_size]
        window = np.pad(window, (0, max(hop_size - len(window), 0)))
        found = _checked(estimator, *estimator.estimate(window), last - begin)
        parts.append(found[:, first - begin : last - begin])
    f0_hz, confidence = np.concatenate(parts, axis=-1)
    return f0_hz, confidence


def _checked(
    estimator: PitchEstimator, f0_hz: Any, confidence: Any, n_frames: int
) -> np.ndarray:
    """What an estimator gave, float64 `[2, frames]`, refused where it cannot be."""
    f0_hz = np.asarray(f0_hz, np.float64)
    confidence = np.asarray(confidence, np.float64)
    if f0_hz.shape != confidence.shape or f0_hz.ndim != 1 or len(f0_hz) < n_frames:
        raise ValueError(
            f'{type(estimator).__name__}.estimate gave f0_hz of shape '
            f'{list(f0_hz.shape)} and confidence of shape {list(confidence.shape)}; '
            f'expected [frames] each, at least {n_frames}.'
        )
    known = np.isfinite(f0_hz) & (f0_hz > 0)
    confidence = np.where(known, np.clip(np.nan_to_num(confidence), 0, 1), 0)
    return np.stack([np.where(known, f0_hz, UNVOICED_F0_HZ), confidence])


def _is_silent(audio: np.ndarray, hop_size: int) -> np.ndarray:
    """Which frames of a hop to either side hold nothing to hear, `[frames]`."""
    n_frames = len(audio) // hop_size + 1
    padded = np.pad(np.abs(audio), (0, n_frames * hop_size - len(audio)))
    peaks = np.pad(padded.reshape(n_frames, hop_size).max(axis=1), (1, 0))
    return np.maximum(peaks[:-1], peaks[1:]) < SILENCE_PEAK


def _fill_unvoiced(
    f0_hz: np.ndarray, confidence: np.ndarray, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Gives frames without a pitch that of the nearest frame with one."""
    voiced = confidence >= threshold
    if not voiced.any():
        # A weak guess is better than none.
        voiced = confidence > 0
    if not voiced.any():
        return np.full_like(f0_hz, UNVOICED_F0_HZ), voiced
    where = np.flatnonzero(voiced)
    frames = np.arange(len(f0_hz))
    middles = (where[1:] + where[:-1]) / 2
    return f0_hz[where[np.searchsorted(middles, frames)]], voiced


def _interpolate(
    f0_hz: np.ndarray, confidence: np.ndarray, voiced: np.ndarray, position: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Reads f0 and confidence at fractional frames, both `[positions]`."""
    last = len(f0_hz) - 1
    position = np.clip(position, 0, last)
    before = np.minimum(position.astype(int), max(last - 1, 0))
    after = np.minimum(before + 1, last)
    part = position - before
    octaves = np.log2(f0_hz)
    step = octaves[after] - octaves[before]
    glides = voiced[before] & voiced[after] & (np.abs(step) < LEAP_OCTAVES)
    part_f0 = np.where(glides, part, np.round(part))
    return (
        2 ** (octaves[before] + part_f0 * step),
        confidence[before] + part * (confidence[after] - confidence[before]),
    )
