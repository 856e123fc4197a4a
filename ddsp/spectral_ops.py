"""Spectra and features of audio: STFT, mel, MFCC, energy, loudness, f0."""

from __future__ import annotations

from typing import Any

import gin
import numpy as np
import tensorflow as tf

from ddsp import core
from ddsp import spectral_tables as tables
from ddsp.framing import (
    audio_array,
    audio_tensor,
    frames_of,
    frames_of_np,
    get_framed_lengths,
    hop_of_overlap,
    pad,
    pad_or_trim_to_expected_length,
)
from ddsp.levels import compute_loudness, compute_power, compute_rms_energy

__all__ = [
    'CREPE_FRAME_SIZE',
    'CREPE_SAMPLE_RATE',
    'DB_RANGE',
    'F0_RANGE',
    'compute_f0',
    'compute_logmag',
    'compute_logmel',
    'compute_loudness',
    'compute_mag',
    'compute_mel',
    'compute_mfcc',
    'compute_power',
    'compute_rms_energy',
    'get_framed_lengths',
    'pad',
    'pad_or_trim_to_expected_length',
    'reset_crepe',
    'stft',
    'stft_np',
]

CREPE_SAMPLE_RATE = 16000  # Estimators of f0 listen at this rate.
CREPE_FRAME_SIZE = 1024
F0_RANGE = 127.0  # MIDI note numbers end here.
DB_RANGE = core.DB_RANGE


def __getattr__(name: str) -> Any:
    # Pitch estimators are loaded when they are asked for.
    if name == 'PretrainedCREPE':
        from ddsp.pitch.crepe import PretrainedCREPE

        return PretrainedCREPE
    raise AttributeError(f"module 'ddsp.spectral_ops' has no attribute {name!r}")


def stft(
    audio: Any, frame_size: int = 2048, overlap: float = 0.75, pad_end: bool = True
) -> tf.Tensor:
    """Computes the short-time Fourier transform under a periodic Hann window.

    Parameters
    ----------
    audio : `[samples]`, `[batch, samples]` or `[batch, samples, 1]`.
    frame_size : samples of a frame, and size of its FFT.
    overlap : part of a frame that the next one shares, at least 0 and below 1; 0.75
        makes a hop of a quarter of a frame.
    pad_end : whether zeros complete the last frames, which gives
        `ceil(samples / hop)` frames; `False` leaves incomplete frames out.

    Returns
    -------
    complex64 `[frames, frame_size // 2 + 1]` or
    `[batch, frames, frame_size // 2 + 1]`. Frame i starts at sample `i * hop`.

    Raises
    ------
    ValueError
        For audio of another rank, empty, or shorter than a frame without `pad_end`;
        for an overlap that leaves no hop.

    Examples
    --------
    >>> stft(tf.ones([8]), frame_size=4, overlap=0.5, pad_end=False).shape
    TensorShape([3, 3])
    """
    audio = audio_tensor(audio, 'stft')
    hop_size = hop_of_overlap(frame_size, overlap)
    padding = 'same' if pad_end else 'valid'
    frames = frames_of(audio, frame_size, hop_size, padding)
    return tf.signal.rfft(frames * tables.hann(frame_size))


def stft_np(
    audio: Any, frame_size: int = 2048, overlap: float = 0.75, pad_end: bool = True
) -> np.ndarray:
    """Computes in NumPy what `stft` computes.

    Parameters
    ----------
    audio : `[samples]`, `[batch, samples]` or `[batch, samples, 1]`.
    frame_size : samples of a frame, and size of its FFT.
    overlap : part of a frame that the next one shares, at least 0 and below 1.
    pad_end : whether zeros complete the last frames; `False` leaves incomplete frames
        out.

    Returns
    -------
    complex64 `[frames, frame_size // 2 + 1]` or
    `[batch, frames, frame_size // 2 + 1]`.

    Raises
    ------
    ValueError
        As `stft` does.

    Examples
    --------
    >>> import numpy as np
    >>> stft_np(np.ones(8), frame_size=4, overlap=0.5, pad_end=False)[1].real.tolist()
    [2.0, -1.0, 0.0]
    """
    audio = audio_array(audio, 'stft_np')
    hop_size = hop_of_overlap(frame_size, overlap)
    padding = 'same' if pad_end else 'valid'
    frames = frames_of_np(audio, frame_size, hop_size, padding)
    return np.fft.rfft(frames * tables.hann(frame_size)).astype(np.complex64)


@gin.register(module='ddsp.spectral_ops')
def compute_mag(
    audio: Any, size: int = 2048, overlap: float = 0.75, pad_end: bool = True
) -> tf.Tensor:
    """Computes the magnitude of `stft`.

    Parameters
    ----------
    audio : `[samples]` or `[batch, samples]`.
    size : samples of a frame, and size of its FFT.
    overlap : part of a frame that the next one shares.
    pad_end : whether zeros complete the last frames.

    Returns
    -------
    `[frames, size // 2 + 1]` or `[batch, frames, size // 2 + 1]`, linear. At silence
    the gradient is zero.

    Raises
    ------
    ValueError
        As `stft` does.

    Examples
    --------
    >>> mag = compute_mag(tf.ones([8]), size=4, overlap=0.5, pad_end=False)
    >>> mag[0].numpy().round(4).tolist()  # Of the window (0, 0.5, 1, 0.5).
    [2.0, 1.0, 0.0]
    """
    return tf.abs(stft(audio, size, overlap, pad_end))


@gin.register(module='ddsp.spectral_ops')
def compute_mel(
    audio: Any,
    lo_hz: float = 0.0,
    hi_hz: float = 8000.0,
    bins: int = 64,
    fft_size: int = 2048,
    overlap: float = 0.75,
    pad_end: bool = True,
    sample_rate: int = 16000,
) -> tf.Tensor:
    """Sums magnitudes in triangles that stand evenly on the mel scale.

    Parameters
    ----------
    audio : `[samples]` or `[batch, samples]`.
    lo_hz, hi_hz : where the first triangle begins and the last one ends.
    bins : number of triangles.
    fft_size : samples of a frame.
    overlap : part of a frame that the next one shares.
    pad_end : whether zeros complete the last frames.
    sample_rate : of the audio, in Hz.

    Returns
    -------
    `[frames, bins]` or `[batch, frames, bins]`, linear magnitude. A triangle that is
    narrower than the FFT's bins may hold none, and then stays 0.

    Raises
    ------
    ValueError
        As `stft` does, or when the range is empty or passes the Nyquist frequency.

    Examples
    --------
    >>> compute_mel(tf.zeros([1, 16000])).shape  # A hop of 512 samples.
    TensorShape([1, 32, 64])
    """
    mag = compute_mag(audio, fft_size, overlap, pad_end)
    weights = tables.mel_weights(
        bins, fft_size // 2 + 1, float(sample_rate), float(lo_hz), float(hi_hz)
    )
    return tf.matmul(mag, weights)


@gin.register(module='ddsp.spectral_ops')
def compute_logmag(
    audio: Any, size: int = 2048, overlap: float = 0.75, pad_end: bool = True
) -> tf.Tensor:
    """Takes the natural logarithm of `compute_mag`, with the floor of `core.safe_log`.

    Parameters
    ----------
    audio : `[samples]` or `[batch, samples]`.
    size : samples of a frame, and size of its FFT.
    overlap : part of a frame that the next one shares.
    pad_end : whether zeros complete the last frames.

    Returns
    -------
    `[frames, size // 2 + 1]` or `[batch, frames, size // 2 + 1]`, nepers.

    Raises
    ------
    ValueError
        As `stft` does.

    Examples
    --------
    >>> import math
    >>> log_of_silence = compute_logmag(tf.zeros([8]), size=4)[0, 0]
    >>> round(math.exp(log_of_silence), 7)
    1e-05
    """
    return core.safe_log(compute_mag(audio, size, overlap, pad_end))


@gin.register(module='ddsp.spectral_ops')
def compute_logmel(
    audio: Any,
    lo_hz: float = 80.0,
    hi_hz: float = 7600.0,
    bins: int = 64,
    fft_size: int = 2048,
    overlap: float = 0.75,
    pad_end: bool = True,
    sample_rate: int = 16000,
) -> tf.Tensor:
    """Takes the natural logarithm of `compute_mel`, with the floor of `core.safe_log`.

    Parameters
    ----------
    audio : `[samples]` or `[batch, samples]`.
    lo_hz, hi_hz : where the first triangle begins and the last one ends.
    bins : number of triangles.
    fft_size : samples of a frame.
    overlap : part of a frame that the next one shares.
    pad_end : whether zeros complete the last frames.
    sample_rate : of the audio, in Hz.

    Returns
    -------
    `[frames, bins]` or `[batch, frames, bins]`, nepers.

    Raises
    ------
    ValueError
        As `compute_mel` does.

    Examples
    --------
    >>> compute_logmel(tf.zeros([1, 16000]), bins=40).shape
    TensorShape([1, 32, 40])
    """
    mel = compute_mel(
        audio, lo_hz, hi_hz, bins, fft_size, overlap, pad_end, sample_rate
    )
    return core.safe_log(mel)


@gin.register(module='ddsp.spectral_ops')
def compute_mfcc(
    audio: Any,
    lo_hz: float = 20.0,
    hi_hz: float = 8000.0,
    fft_size: int = 1024,
    mel_bins: int = 128,
    mfcc_bins: int = 13,
    overlap: float = 0.75,
    pad_end: bool = True,
    sample_rate: int = 16000,
) -> tf.Tensor:
    """Computes mel-frequency cepstral coefficients.

    They are the first terms of the cosine transform (DCT-II) of `compute_logmel`, as
    HTK scales it: by `sqrt(2 / mel_bins)`, the constant term too.

    Parameters
    ----------
    audio : `[samples]` or `[batch, samples]`.
    lo_hz, hi_hz : the range of the mel triangles.
    fft_size : samples of a frame.
    mel_bins : number of triangles.
    mfcc_bins : coefficients to keep.
    overlap : part of a frame that the next one shares.
    pad_end : whether zeros complete the last frames.
    sample_rate : of the audio, in Hz.

    Returns
    -------
    `[frames, mfcc_bins]` or `[batch, frames, mfcc_bins]`.

    Raises
    ------
    ValueError
        As `compute_mel` does, or for more coefficients than triangles.

    Examples
    --------
    >>> compute_mfcc(tf.zeros([1, 16000]), mfcc_bins=13).shape  # A hop of 256 samples.
    TensorShape([1, 63, 13])
    """
    if not 1 <= mfcc_bins <= mel_bins:
        raise ValueError(
            f'compute_mfcc: mfcc_bins must be from 1 to mel_bins, {mel_bins}; '
            f'got {mfcc_bins}.'
        )
    logmel = compute_logmel(
        audio, lo_hz, hi_hz, mel_bins, fft_size, overlap, pad_end, sample_rate
    )
    return tf.matmul(logmel, tables.cosine_transform(mel_bins, mfcc_bins))


@gin.register(module='ddsp.spectral_ops')
def compute_f0(
    audio: Any,
    frame_rate: int,
    viterbi: bool = True,
    padding: str = 'center',
    method: str = 'swift-f0',
) -> tuple[np.ndarray, np.ndarray]:
    """Estimates fundamental frequency; `ddsp.pitch.estimate_f0` has more to choose.

    Parameters
    ----------
    audio : `[samples]` or `[batch, samples]` at 16 kHz.
    frame_rate : frames per second; divides 16000.
    viterbi : whether a method that can prefers a smooth course of pitch.
    padding : `'center'`, `'same'` or `'valid'`, as in `compute_loudness`.
    method : name of the estimator, see `ddsp.pitch`.

    Returns
    -------
    f0_hz : `[frames]` or `[batch, frames]`, in Hz.
    f0_confidence : the same shape, from 0 to 1.

    Raises
    ------
    ValueError
        For audio of another rank, empty, NaN or infinite; inside a `tf.function`; for
        an unknown method or padding; for a frame rate that does not divide 16000.
    ImportError
        When the package of the method is missing; it says how to install it.
    """
    from ddsp import pitch

    return pitch.estimate_f0(
        audio_array(audio, 'compute_f0'),
        CREPE_SAMPLE_RATE,
        frame_rate=frame_rate,
        method=method,
        padding=padding,
        viterbi=viterbi,
    )


def reset_crepe() -> None:
    """Lets go of CREPE networks that were kept for the next call."""
    from ddsp.pitch import crepe

    crepe.reset_cache()
