"""Audio between arrays and the bytes of sound files, in memory."""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy as np

from ddsp.optional import import_optional
from ddsp.spectral_ops import CREPE_SAMPLE_RATE

_FULL_SCALE = 32767


def as_samples(audio: Any) -> np.ndarray:
    """Makes one recording of whatever holds one.

    Parameters
    ----------
    audio : `[samples]`, `[1, samples]` or `[1, samples, 1]`: a tensor, an array, a
        list. Integers are taken for samples of their type's full scale.

    Returns
    -------
    float32 `[samples]`, full scale [-1, 1].

    Raises
    ------
    ValueError
        For several recordings, none, or values that are NaN or infinite.

    Examples
    --------
    >>> as_samples([[0.5, -0.5]]).tolist()
    [0.5, -0.5]
    """
    audio = np.asarray(audio)
    if max(audio.shape, default=0) != audio.size or not audio.size:
        raise ValueError(
            f'audio has shape {list(audio.shape)}, expected one recording: [samples] '
            'or [1, samples]; pick one, as in audio[0].'
        )
    scale = 1.0
    if np.issubdtype(audio.dtype, np.integer):
        scale = 1.0 / (np.iinfo(audio.dtype).max + 1.0)
    samples = (scale * audio.reshape(-1)).astype(np.float32)
    if not np.isfinite(samples).all():
        raise ValueError('audio holds values that are NaN or infinite.')
    return samples


def audio_to_wav(audio: Any, sample_rate: int = CREPE_SAMPLE_RATE) -> bytes:
    """Writes one recording as a 16-bit WAV file in memory.

    Nothing is clipped: audio beyond full scale is turned down as a whole until its peak
    just fits, other audio is written as it is.

    Parameters
    ----------
    audio : one recording, `[samples]`, see `as_samples`.
    sample_rate : in Hz.

    Returns
    -------
    The bytes of the file.

    Raises
    ------
    ValueError
        As `as_samples` does.
    """
    samples = as_samples(audio)
    samples = samples / max(1.0, float(np.max(np.abs(samples))))
    file = io.BytesIO()
    with wave.open(file, 'wb') as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(int(sample_rate))
        writer.writeframes(np.round(_FULL_SCALE * samples).astype('<i2').tobytes())
    return file.getvalue()


def audio_bytes_to_np(
    wav_data: bytes,
    sample_rate: int = CREPE_SAMPLE_RATE,
    normalize_db: float | None = 0.1,
    mono: bool = True,
) -> np.ndarray:
    """Reads the bytes of a sound file.

    Parameters
    ----------
    wav_data : a file of any format that libsndfile reads: WAV, FLAC, OGG, MP3 ...
    sample_rate : of the result in Hz, whatever that of the file.
    normalize_db : how far below full scale the peak shall be, in dB; None leaves the
        level as it is. Silence stays silence.
    mono : whether to average the channels.

    Returns
    -------
    float32 `[samples]`, or `[samples, channels]` with `mono=False`.

    Raises
    ------
    ValueError
        When the bytes are no sound file, or hold no samples, NaN or infinity.
    ImportError
        When soundfile or soxr is missing.
    """
    soundfile = import_optional('soundfile', 'reading sound', 'ddsp[audio]')
    try:
        audio, file_rate = soundfile.read(
            io.BytesIO(wav_data), dtype='float32', always_2d=True
        )
    except (soundfile.LibsndfileError, TypeError) as error:
        raise ValueError(
            f'these {len(wav_data)} bytes are no sound file that can be read here '
            f'({error}); give WAV, FLAC, OGG, MP3 or AIFF.'
        ) from error
    if not audio.size or not np.isfinite(audio).all():
        raise ValueError('the recording is empty, or holds NaN or infinity.')
    if mono:
        audio = audio.mean(axis=1)
    if file_rate != sample_rate:
        soxr = import_optional('soxr', 'resampling', 'ddsp[audio]')
        audio = soxr.resample(audio, file_rate, sample_rate)
    return audio if normalize_db is None else normalize_peak(audio, normalize_db)


def normalize_peak(audio: np.ndarray, headroom_db: float = 0.1) -> np.ndarray:
    """Brings the peak to a level below full scale.

    Parameters
    ----------
    audio : of any shape, full scale [-1, 1].
    headroom_db : from the peak up to full scale, in dB.

    Returns
    -------
    float32 of the same shape; silence as it is.

    Examples
    --------
    >>> normalize_peak(np.array([0.25, -0.5]), headroom_db=0.0).tolist()
    [0.5, -1.0]
    """
    peak = float(np.max(np.abs(audio), initial=0.0))
    gain = 10.0 ** (-headroom_db / 20.0) / peak if peak > 0.0 else 1.0
    return np.asarray(gain * audio, np.float32)
