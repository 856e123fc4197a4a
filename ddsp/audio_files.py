"""Sound files in and out: any format, any rate, any number of channels.

Needs the extra `audio` (soundfile and soxr), which loads on use.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ddsp.optional import import_optional

# Frames read at once: 3 s at 44.1 kHz, so that memory beyond the result stays small.
_BLOCK_FRAMES = 1 << 17

#: What libsndfile does not read, and ffmpeg does.
FFMPEG_SUFFIXES = ('.m4a', '.aac', '.mp4', '.wma')

# Of headers that can be true; resampling from others takes for ever, or crashes.
_LOWEST_RATE, _HIGHEST_RATE = 1000, 10_000_000

_SUBTYPES = {'pcm16': 'PCM_16', 'float32': 'FLOAT'}


def load_audio(
    path: str | os.PathLike[str],
    sample_rate: int = 16000,
    mono: bool = True,
    min_seconds: float = 0.0,
) -> np.ndarray:
    """Reads a sound file at the rate you ask for.

    The file is read and resampled block by block: a recording of hours needs little
    memory beyond the samples it returns.

    Parameters
    ----------
    path : a file of any format that libsndfile reads: WAV, FLAC, OGG, MP3, AIFF ...
    sample_rate : rate of the result in Hz, whatever the rate of the file.
    mono : average the channels. Without it, all of them are kept.
    min_seconds : refuse a recording that is shorter than this.

    Returns
    -------
    float32 array `[samples]`, or `[samples, channels]` with `mono=False`. Full scale is
    [-1, 1]; a file of floating-point samples may go beyond it.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError
        When there is no file to read.
    ValueError
        When the file is no audio, is empty, too short, or holds NaN or infinity.
    ImportError
        When soundfile or soxr is missing.
    """
    if sample_rate <= 0:
        raise ValueError(f'load_audio: sample_rate is {sample_rate} Hz, expected > 0.')
    path = Path(path)
    # A bytearray grows in place and numpy reads it without another copy.
    samples = bytearray()
    with open_blocks(path, mono) as (file_rate, channels, blocks):
        check_rate(file_rate, path)
        if file_rate != sample_rate:
            blocks = _resampled(blocks, file_rate, sample_rate, channels)
        for block in blocks:
            samples += block.tobytes()
    audio = np.frombuffer(samples, np.float32)
    check_length(audio.size // channels, sample_rate, min_seconds, path)
    return audio if mono else audio.reshape(-1, channels)


def save_audio(
    path: str | os.PathLike[str],
    audio: np.ndarray,
    sample_rate: int,
    encoding: str = 'pcm16',
) -> None:
    """Writes a WAV file.

    Nothing is ever clipped. In 16-bit form, audio whose peak is beyond full scale is
    turned down as a whole until the peak just fits; other audio is written as it is.
    The form `'float32'` keeps every value.

    Parameters
    ----------
    path : where to write; an existing file is replaced.
    audio : `[samples]` or `[samples, channels]`, full scale [-1, 1].
    sample_rate : in Hz.
    encoding : `'pcm16'` or `'float32'`.

    Raises
    ------
    ValueError
        For a wrong shape, no samples, NaN or infinity, or an unknown encoding.
    ImportError
        When soundfile is missing.
    """
    if encoding not in _SUBTYPES:
        raise ValueError(
            f'save_audio: unknown encoding {encoding!r}, choose from {list(_SUBTYPES)}.'
        )
    audio = np.asarray(audio, np.float32)
    if audio.ndim not in (1, 2) or not audio.size:
        raise ValueError(
            f'save_audio: audio has shape {list(audio.shape)}, '
            'expected [samples] or [samples, channels].'
        )
    peak = float(np.max(np.abs(audio)))
    if not np.isfinite(peak):
        raise ValueError('save_audio: audio holds values that are NaN or infinite.')
    if encoding == 'pcm16' and peak > 1.0:
        audio = audio / peak
    _soundfile().write(
        os.fspath(path), audio, sample_rate, _SUBTYPES[encoding], format='WAV'
    )


@contextlib.contextmanager
def open_blocks(
    path: str | os.PathLike[str], mono: bool = True
) -> Iterator[tuple[int, int, Iterator[np.ndarray]]]:
    """Opens a sound file to read it block by block, at its own rate.

    Parameters
    ----------
    path : a file of any format that libsndfile reads.
    mono : average the channels.

    Returns
    -------
    Its sample rate in Hz, the number of channels, and an iterator over float32 blocks
    `[samples]`, or `[samples, channels]` with `mono=False`.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError
        When there is no file to read.
    ValueError
        When the file is no audio; while reading, when it is damaged or holds NaN or
        infinity.
    ImportError
        When soundfile is missing.
    """
    path = _check_readable(path)
    with _open(path) as file:
        channels = 1 if mono else file.channels
        yield file.samplerate, channels, _checked_blocks(file, path, mono)


def _checked_blocks(file: Any, path: Path, mono: bool) -> Iterator[np.ndarray]:
    """The file as blocks `[frames]` or `[frames, channels]`; refuses NaN, infinity."""
    position = 0
    for block in _raw_blocks(file, path):
        if not np.isfinite(block).all():
            frame = position + int(np.argmin(np.isfinite(block).all(axis=1)))
            raise ValueError(
                f'{path} holds samples that are NaN or infinite, the first at '
                f'{frame / file.samplerate:.3f} s; clean the recording first.'
            )
        position += len(block)
        yield block.mean(axis=1) if mono else block


def _resampled(
    blocks: Iterator[np.ndarray], rate_in: int, rate_out: int, channels: int
) -> Iterator[np.ndarray]:
    stream = _soxr().ResampleStream(rate_in, rate_out, channels, dtype='float32')
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block))
    rest = np.zeros((0,) if channels == 1 else (0, channels), np.float32)
    yield stream.resample_chunk(rest, last=True)


def _raw_blocks(file: Any, path: Path) -> Iterator[np.ndarray]:
    position = 0
    try:
        # Not by soundfile's own blocks: where a file has less than its header says, as
        # an MP3 that is cut off, these go on with what was left in memory.
        while len(block := file.read(_BLOCK_FRAMES, 'float32', always_2d=True)):
            position += len(block)
            yield block
    except _soundfile().LibsndfileError as error:
        raise ValueError(
            f'{path} is damaged: reading it stopped after '
            f'{position / file.samplerate:.1f} s ({error}).'
        ) from error


def _check_readable(path: str | os.PathLike[str]) -> Path:
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f'there is no file {path}.')
    if not os.access(path, os.R_OK):
        raise PermissionError(f'{path} may not be read; check its permissions.')
    if path.is_dir():
        raise IsADirectoryError(f'{path} is a directory, expected a sound file.')
    if path.stat().st_size == 0:
        raise ValueError(f'{path} is empty: it has no bytes in it.')
    return path


def check_rate(sample_rate: int, path: str | os.PathLike[str]) -> None:
    """Refuses a sample rate that only a damaged header can name.

    Parameters
    ----------
    sample_rate : in Hz, of the file.
    path : for the message.

    Raises
    ------
    ValueError
        With the rate.
    """
    if not _LOWEST_RATE <= sample_rate <= _HIGHEST_RATE:
        raise ValueError(
            f'{path} is damaged: its header gives a sample rate of {sample_rate} Hz, '
            f'expected {_LOWEST_RATE} to {_HIGHEST_RATE}.'
        )


def check_length(
    samples: int, sample_rate: int, min_seconds: float, path: Path
) -> None:
    """Refuses a recording that is shorter than `min_seconds`, or empty.

    Parameters
    ----------
    samples : how many it has.
    sample_rate : in Hz.
    min_seconds : the least that it has to last.
    path : for the message.

    Raises
    ------
    ValueError
        With the length that it has.
    """
    seconds = samples / sample_rate
    if not samples:
        raise ValueError(f'{path} is empty: it has no samples in it.')
    # Resampling may round a recording of exactly the right length down by a sample.
    if samples + 1 < min_seconds * sample_rate:
        raise ValueError(
            f'{path} is {seconds:.2f} s long; '
            f'a recording of at least {min_seconds:g} s is needed.'
        )


def _open(path: Path) -> Any:
    soundfile = _soundfile()
    try:
        return soundfile.SoundFile(os.fspath(path))
    except (soundfile.LibsndfileError, TypeError) as error:
        # A raw file without a header makes soundfile ask for its rate by a TypeError.
        raise ValueError(
            f'{path} is not audio that can be read here{_what_to_do(path)}'
        ) from error


def _what_to_do(path: Path) -> str:
    if path.suffix.lower() not in FFMPEG_SUFFIXES:
        return '; give a file in a format such as WAV, FLAC, OGG, MP3 or AIFF.'
    command = shlex.join(['ffmpeg', '-i', str(path), str(path.with_suffix('.wav'))])
    return f': libsndfile does not read {path.suffix}; convert it first: {command}'


def _soundfile() -> Any:
    return import_optional('soundfile', 'reading and writing sound', 'ddsp[audio]')


def _soxr() -> Any:
    return import_optional('soxr', 'resampling', 'ddsp[audio]')
