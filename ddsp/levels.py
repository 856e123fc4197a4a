"""How loud audio is, frame by frame: root mean square, power, loudness.

Their public names are in `ddsp.spectral_ops`.
"""

from __future__ import annotations

from typing import Any

import gin
import numpy as np
import tensorflow as tf

from ddsp import core, short_time
from ddsp import spectral_tables as tables
from ddsp.framing import (
    audio_array,
    audio_tensor,
    frames_of,
    frames_of_np,
    hop_of_rate,
    pad,
)

DB_RANGE = core.DB_RANGE

# Frames that NumPy transforms at once.
_BLOCK_FRAMES = 4096


def compute_rms_energy(
    audio: Any,
    sample_rate: int = 16000,
    frame_rate: int = 250,
    frame_size: int = 512,
    padding: str = 'center',
) -> tf.Tensor:
    """Computes the root of the mean square of each frame.

    Parameters
    ----------
    audio : `[samples]` or `[batch, samples]`.
    sample_rate : of the audio, in Hz.
    frame_rate : frames per second; divides the sample rate.
    frame_size : samples of a frame, all of one weight.
    padding : `'center'`, `'same'` or `'valid'`, see `get_framed_lengths`.

    Returns
    -------
    `[frames]` or `[batch, frames]`, linear amplitude. At silence the gradient is zero.

    Raises
    ------
    ValueError
        For audio of another rank, empty, NaN or infinite; for an unknown padding; for a
        frame rate that does not divide the sample rate.

    Examples
    --------
    >>> half = tf.fill([64], -0.5)
    >>> rms = compute_rms_energy(half, frame_rate=1000, frame_size=16, padding='valid')
    >>> rms.numpy().tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    power = _mean_square(
        audio, sample_rate, frame_rate, frame_size, padding, 'compute_rms_energy'
    )
    # The slope of a root at zero is infinite: no gradient flows from silent frames.
    silent = power <= 0.0
    root = tf.sqrt(tf.where(silent, tf.ones_like(power), power))
    return tf.where(silent, tf.zeros_like(power), root)


def compute_power(
    audio: Any,
    sample_rate: int = 16000,
    frame_rate: int = 250,
    frame_size: int = 512,
    ref_db: float = 0.0,
    range_db: float = DB_RANGE,
    padding: str = 'center',
) -> tf.Tensor:
    """Computes the mean square of each frame, in dB.

    Parameters
    ----------
    audio : `[samples]` or `[batch, samples]`.
    sample_rate : of the audio, in Hz.
    frame_rate : frames per second; divides the sample rate.
    frame_size : samples of a frame, all of one weight.
    ref_db : the level that becomes 0 dB; a constant 1 has 0 dB before that.
    range_db : levels stop at `-range_db`, silence included.
    padding : `'center'`, `'same'` or `'valid'`, see `get_framed_lengths`.

    Returns
    -------
    `[frames]` or `[batch, frames]`, in dB.

    Raises
    ------
    ValueError
        As `compute_rms_energy` does.

    Examples
    --------
    >>> tenth = tf.fill([64], 0.1)
    >>> power_db = compute_power(tenth, frame_rate=1000, frame_size=16, padding='valid')
    >>> power_db.numpy().round(3).tolist()
    [-20.0, -20.0, -20.0, -20.0]
    """
    power = _mean_square(
        audio, sample_rate, frame_rate, frame_size, padding, 'compute_power'
    )
    return core.power_to_db(power, ref_db, range_db)


@gin.register(module='ddsp.spectral_ops')
def compute_loudness(
    audio: Any,
    sample_rate: int = 16000,
    frame_rate: int = 250,
    n_fft: int = 512,
    range_db: float = DB_RANGE,
    ref_db: float = 0.0,
    use_tf: bool = True,
    padding: str = 'center',
) -> Any:
    """Computes perceived loudness: A-weighted power of each frame, in dB.

    The power of each bin of a Hann-windowed FFT is weighted by the ear's sensitivity
    at that frequency (A-weighting of IEC 61672-1), at the audio's own sample rate, and
    averaged over bins.

    Parameters
    ----------
    audio : `[samples]` or `[batch, samples]`.
    sample_rate : of the audio, in Hz.
    frame_rate : frames per second; divides the sample rate.
    n_fft : samples of a frame, and size of its FFT.
    range_db : levels stop at `-range_db`, silence included.
    ref_db : the level that becomes 0 dB.
    use_tf : `False` computes in NumPy and returns an array.
    padding : `'center'`, `'same'` or `'valid'`, see `get_framed_lengths`.

    Returns
    -------
    float32 `[frames]` or `[batch, frames]`, in dB. At silence the gradient is zero.

    Raises
    ------
    ValueError
        For audio of another rank, empty, NaN or infinite; for an unknown padding; for a
        frame rate that does not divide the sample rate.

    Examples
    --------
    >>> import numpy as np
    >>> compute_loudness(np.zeros(64), frame_rate=1000, use_tf=False).tolist()
    [-80.0, -80.0, -80.0, -80.0, -80.0]
    """
    where = 'compute_loudness'
    hop_size = hop_of_rate(sample_rate, frame_rate, where)
    if not use_tf:
        audio = audio_array(audio, where)
        power = _weighted_power_np(audio, sample_rate, n_fft, hop_size, padding)
        db = core.power_to_db(power, ref_db, range_db, use_tf=False)
        return db.astype(np.float32)
    padded = pad(audio_tensor(audio, where), n_fft, hop_size, padding, axis=-1)
    weights = tables.a_weighting(n_fft, float(sample_rate))
    batch = padded if padded.shape.rank == 2 else padded[tf.newaxis]
    power = short_time.weighted_power(batch, n_fft, hop_size, weights / len(weights))
    power = power if padded.shape.rank == 2 else power[0]
    return core.power_to_db(power, ref_db, range_db)


def _weighted_power_np(
    audio: np.ndarray, sample_rate: float, n_fft: int, hop_size: int, padding: str
) -> np.ndarray:
    """A-weighted power of each frame, float64 `[..., frames]`."""
    frames = frames_of_np(audio, n_fft, hop_size, padding)
    window = tables.hann(n_fft).astype(np.float64)
    weights = tables.a_weighting(n_fft, float(sample_rate))
    power = np.empty(frames.shape[:-1])
    # Frames overlap: all of them at once would take many times a recording's memory.
    for first in range(0, frames.shape[-2], _BLOCK_FRAMES):
        block = slice(first, first + _BLOCK_FRAMES)
        spectra = np.fft.rfft(frames[..., block, :] * window)
        squares = spectra.real**2 + spectra.imag**2
        power[..., block] = np.mean(squares * weights, axis=-1)
    return power


def _mean_square(
    audio: Any,
    sample_rate: float,
    frame_rate: float,
    frame_size: int,
    padding: str,
    where: str,
) -> tf.Tensor:
    """Mean power of each frame, `[..., frames]`."""
    hop_size = hop_of_rate(sample_rate, frame_rate, where)
    frames = frames_of(audio_tensor(audio, where), frame_size, hop_size, padding)
    return tf.reduce_mean(tf.square(frames), axis=-1)
