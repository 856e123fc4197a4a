"""One recording of any format, as samples in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ddsp import audio_files


def read_recording(
    path: Path, sample_rate: int, min_seconds: float = 0.0
) -> np.ndarray:
    """Reads a sound file as one channel, with ffmpeg where libsndfile cannot.

    Parameters
    ----------
    path : of the file.
    sample_rate : of the result in Hz.
    min_seconds : refuse a recording that is shorter than this.

    Returns
    -------
    float32 array `[samples]`.

    Raises
    ------
    OSError, ValueError
        When it cannot be read, or is too short.
    """
    if path.suffix.lower() not in audio_files.FFMPEG_SUFFIXES:
        return audio_files.load_audio(path, sample_rate, min_seconds=min_seconds)
    # It brings TensorFlow, which other formats can do without.
    from ddsp.optional import import_optional
    from ddsp.training.data_preparation import decoding

    soxr = import_optional('soxr', 'resampling', 'ddsp[audio]')
    with decoding.open_any(str(path)) as (rate, blocks):
        audio = np.concatenate([np.zeros(0, np.float32), *blocks])
    audio = soxr.resample(audio, rate, sample_rate)
    audio_files.check_length(len(audio), sample_rate, min_seconds, path)
    return audio
