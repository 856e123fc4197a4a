"""What may be given to the page: how large, how long, and in which form."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from ddsp.optional import import_optional
from ddsp.training.data_preparation import decoding

FORMATS = 'WAV, FLAC, OGG, MP3 or AIFF'
# As Gradio counts, which says the first word about an upload that is too large.
_BYTES_IN_MB = 1 << 20
_GONE = 'The recording is no longer kept here; please record or upload it again.'


@dataclasses.dataclass(frozen=True)
class Limits:
    """How much sound the page takes at once.

    Parameters
    ----------
    max_mb : size of an uploaded file, in megabytes of 2**20 bytes.
    max_minutes : length of a recording.

    Raises
    ------
    ValueError
        For a limit that is no number above zero.
    """

    max_mb: float = 200.0
    max_minutes: float = 10.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not math.isfinite(value) or value <= 0:
                raise ValueError(
                    f'{field.name} is {value:g}, expected a number above 0.'
                )

    @property
    def max_bytes(self) -> int:
        """Size of an uploaded file."""
        return max(1, int(self.max_mb * _BYTES_IN_MB))

    @property
    def max_seconds(self) -> float:
        """Length of a recording."""
        return 60.0 * self.max_minutes

    def __str__(self) -> str:
        return f'up to {in_words(self.max_seconds)} and {self.max_mb:g} MB'


def check_recording(path: Path, limits: Limits) -> float:
    """Sees whether a recording can be taken, without keeping it in memory.

    The samples are counted rather than believed from the header, and no more of them
    than are allowed.

    Returns
    -------
    Its length in seconds.

    Raises
    ------
    ValueError
        When it is too large, too long, empty, or no audio; in words that name the file
        as its owner knows it.
    """
    with _open(path, limits) as (sample_rate, blocks):
        return sum(len(block) for block in blocks) / sample_rate


def load_recording(path: Path, sample_rate: int, limits: Limits) -> np.ndarray:
    """Reads a recording that is within the limits, mono, at the rate asked for.

    Parameters
    ----------
    path : of any format that libsndfile reads, or ffmpeg where it is installed.
    sample_rate : of the result, in Hz.
    limits : for its size and length.

    Returns
    -------
    float32 array `[samples]`.

    Raises
    ------
    ValueError
        As `check_recording` does.
    """
    soxr = import_optional('soxr', 'ddsp serve', 'ddsp[audio]')
    with _open(path, limits) as (rate, blocks):
        stream = soxr.ResampleStream(rate, sample_rate, 1, dtype='float32')
        # Blocks are resampled as they come: the whole is never there at its own rate.
        pieces = [stream.resample_chunk(np.ascontiguousarray(b)) for b in blocks]
        pieces.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    return np.concatenate(pieces)


@contextlib.contextmanager
def _open(path: Path, limits: Limits) -> Iterator[tuple[int, Iterator[np.ndarray]]]:
    """Opens a recording: its rate, and blocks that end in an error at the limit."""
    if not path.is_file():
        raise ValueError(_GONE)
    if path.stat().st_size > limits.max_bytes:
        raise ValueError(_too_large(path, limits))
    try:
        with decoding.open_any(str(path)) as (sample_rate, blocks):
            yield sample_rate, _counted(blocks, sample_rate, path, limits)
    except (ValueError, OSError) as error:
        # The owner knows the name of the file, but not where it was put.
        raise ValueError(str(error).replace(str(path), _quoted(path))) from error


def _counted(
    blocks: Iterable[np.ndarray], sample_rate: int, path: Path, limits: Limits
) -> Iterator[np.ndarray]:
    samples = 0
    for block in blocks:
        samples += len(block)
        if samples > limits.max_seconds * sample_rate:
            raise ValueError(
                f'{path} is longer than {in_words(limits.max_seconds)}, which is the '
                'most that this page takes; cut out the part that you want (the '
                'scissors under the waveform do that).'
            )
        yield block
    if not samples:
        raise ValueError(f'{path} is empty: it has no samples in it.')


def in_words(seconds: float) -> str:
    """A length of time as people say it."""
    if seconds < 90:
        number = f'{seconds:.3g}'
        return f'{number} second' if number == '1' else f'{number} seconds'
    minutes, rest = divmod(round(seconds), 60)
    return f'{minutes} minutes' if not rest else f'{minutes} min {rest} s'


def _quoted(path: Path) -> str:
    return f'“{path.name}”'


def _too_large(path: Path, limits: Limits) -> str:
    megabytes = path.stat().st_size / _BYTES_IN_MB
    return (
        f'{_quoted(path)} has {megabytes:.1f} MB, and this page takes at most '
        f'{limits.max_mb:g} MB; give a shorter recording, or the same one as FLAC or '
        'MP3.'
    )
