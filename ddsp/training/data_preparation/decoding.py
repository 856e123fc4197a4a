"""Sound files of any format and length to plain samples on disk, in bounded memory."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import glob
import os
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp import audio_files
from ddsp.optional import import_optional
from ddsp.training.data_preparation.level import Level
from ddsp.training.data_preparation.settings import RATE_16K, Settings
from ddsp.training.flags import split_commas

AUDIO_SUFFIXES = (
    '.wav',
    '.flac',
    '.mp3',
    '.ogg',
    '.opus',
    '.aif',
    '.aiff',
    '.m4a',
    '.aac',
    '.mp4',
    '.wma',
)
_BLOCK_SAMPLES = 1 << 17
# Sun's AU format: a header that can be read from a pipe, then samples.
_AU_HEADER = struct.Struct('>4s5I')
_AU_FLOAT = 6


@dataclasses.dataclass(frozen=True)
class Recording:
    """One input file, decoded; or why it was not.

    Parameters
    ----------
    index : its number.
    path : where it came from.
    seconds : its length.
    n_frames : its length in frames, filled with silence to at least one example.
    n_filled : how many of these are the silence.
    failure : None, or what was wrong with it.
    remark : None, or what to know of one that could be read.
    """

    index: int
    path: str
    seconds: float = 0.0
    n_frames: int = 0
    n_filled: int = 0
    failure: str | None = None
    remark: str | None = None


def decode(numbered_path: tuple[int, str], settings: Settings) -> Recording:
    """Writes a file's samples, mono float32, at the dataset's rate and at 16 kHz.

    Only what is wrong with the input is reported by `Recording.failure`; errors of
    writing are raised.
    """
    index, path = numbered_path
    try:
        with local_copy(path) as local:
            seconds, remark = _decode(local, index, settings)
    except (OSError, ValueError) as error:
        return Recording(index, path, failure=_reason(error, path))
    hop, rate = settings.hop, settings.sample_rate
    n_recorded = -(-round(seconds * rate) // hop)
    n_frames = max(n_recorded, settings.example_frames)
    return Recording(
        index, path, seconds, n_frames, n_frames - n_recorded, remark=remark
    )


def _decode(path: str, index: int, settings: Settings) -> tuple[float, str | None]:
    """Writes the samples; gives the length in seconds, and a remark if there is one."""
    rate, level = settings.sample_rate, Level()
    remarks: list[str] = []
    with contextlib.ExitStack() as stack:
        file_rate, blocks = stack.enter_context(open_any(path, remarks))
        writers = [_Writer(settings.work_path('audio', index), file_rate, rate)]
        if rate != RATE_16K:
            name = settings.work_path('audio16k', index)
            writers.append(_Writer(name, file_rate, RATE_16K))
        for writer in writers:
            stack.enter_context(writer)
        for block in blocks:
            level.add(block)
            for writer in writers:
                writer.write(block)
        for writer in writers:
            writer.finish()
    if not writers[0].n_samples:
        raise ValueError(f'{path} is empty: it has no samples in it.')
    remarks += filter(None, [level.remark()])
    return writers[0].n_samples / rate, ' '.join(remarks) or None


class _Writer:
    """Resamples blocks and writes them."""

    def __init__(self, path: str, rate_in: int, rate_out: int) -> None:
        self._file = tf.io.gfile.GFile(path, 'wb')
        self._stream: Any = None
        self.n_samples = 0
        if rate_in != rate_out:
            soxr = import_optional('soxr', 'resampling', 'ddsp[audio]')
            self._stream = soxr.ResampleStream(rate_in, rate_out, 1, dtype='float32')

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.close()

    def write(self, block: np.ndarray, last: bool = False) -> None:
        if self._stream is not None:
            block = self._stream.resample_chunk(np.ascontiguousarray(block), last=last)
        self._file.write(block.astype('<f4').tobytes())
        self.n_samples += len(block)

    def finish(self) -> None:
        self.write(np.zeros(0, np.float32), last=True)


@contextlib.contextmanager
def open_any(
    path: str, remarks: list[str] | None = None
) -> Iterator[tuple[int, Iterator[np.ndarray]]]:
    """Opens a file with libsndfile, or, where that cannot, with ffmpeg.

    Parameters
    ----------
    path : of the file.
    remarks : what ffmpeg had to say of a file that it read nevertheless is added to it
        when all blocks have been read.

    Returns
    -------
    Its sample rate and an iterator over mono blocks `[samples]`.
    """
    with contextlib.ExitStack() as stack:
        try:
            rate, _, blocks = stack.enter_context(audio_files.open_blocks(path))
        except ValueError as error:
            if not os.path.getsize(path):
                raise
            if shutil.which('ffmpeg') is None:
                hint = ' With ffmpeg on the PATH, m4a and other formats can be read.'
                raise ValueError(f'{error}{hint}') from error
            rate, blocks = stack.enter_context(
                _open_ffmpeg(path, [] if remarks is None else remarks)
            )
        audio_files.check_rate(rate, path)
        yield rate, blocks


@contextlib.contextmanager
def _open_ffmpeg(
    path: str, remarks: list[str]
) -> Iterator[tuple[int, Iterator[np.ndarray]]]:
    command = ['ffmpeg', '-nostdin', '-v', 'error', '-i', f'file:{path}', '-vn']
    command += ['-f', 'au', '-c:a', 'pcm_f32be', 'pipe:1']
    # On disk, since a pipe that nobody reads would stop a talkative ffmpeg.
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints)
        try:
            yield _read_au(process, path, complaints, remarks)
        finally:
            process.kill()
            process.stdout.close()
            process.wait()


def _read_au(
    process: Any, path: str, complaints: Any, remarks: list[str]
) -> tuple[int, Iterator[np.ndarray]]:
    header = process.stdout.read(_AU_HEADER.size)
    if len(header) < _AU_HEADER.size:
        process.wait()
        raise ValueError(
            f'{path} is not audio that can be read here; it cannot be read by ffmpeg: '
            f'{_tail(complaints)}'
        )
    magic, offset, _, encoding, rate, channels = _AU_HEADER.unpack(header)
    if magic != b'.snd' or encoding != _AU_FLOAT or not channels:
        raise ValueError(f'{path}: ffmpeg gave samples of another form than asked for.')
    process.stdout.read(offset - _AU_HEADER.size)
    blocks = _au_blocks(process, path, channels)
    return rate, _watched(blocks, process, path, complaints, remarks, rate)


def _au_blocks(process: Any, path: str, channels: int) -> Iterator[np.ndarray]:
    while data := process.stdout.read(4 * channels * _BLOCK_SAMPLES):
        data = data[: len(data) // (4 * channels) * (4 * channels)]
        block = np.frombuffer(data, '>f4').astype(np.float32).reshape(-1, channels)
        if not np.isfinite(block).all():
            raise ValueError(f'{path} holds samples that are NaN or infinite.')
        yield block.mean(axis=1)


def _watched(
    blocks: Iterator[np.ndarray],
    process: Any,
    path: str,
    complaints: Any,
    remarks: list[str],
    rate: int,
) -> Iterator[np.ndarray]:
    """Passes blocks on; tells at their end how it went for ffmpeg."""
    position = 0
    for block in blocks:
        position += len(block)
        yield block
    seconds = f'{position / rate:.1f} s'
    if process.wait():
        raise ValueError(
            f'{path} is damaged: ffmpeg stopped after {seconds} ({_tail(complaints)}).'
        )
    # It also ends well where the rest of a file is missing.
    if complaint := _last_line(complaints):
        remarks.append(
            f'may be damaged: ffmpeg read {seconds} of it, but complained '
            f'({complaint}).'
        )


def _tail(complaints: Any) -> str:
    return _last_line(complaints) or 'it gave no reason'


def _last_line(complaints: Any) -> str:
    """What ffmpeg said last, without the part of it that did, at a changing address."""
    complaints.seek(0)
    text = complaints.read().decode('utf-8', 'replace').strip()
    return re.sub(r'^\[[^]]*\] *', '', text.splitlines()[-1]) if text else ''


@contextlib.contextmanager
def local_copy(path: str) -> Iterator[str]:
    """Gives the path itself, or that of a copy while a file is on another machine."""
    if '://' not in path:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        local = os.path.join(folder, os.path.basename(path))
        try:
            tf.io.gfile.copy(path, local)
        except tf.errors.OpError as error:
            raise OSError(f'{path} cannot be fetched: {error.message}') from error
        yield local


def find_audio(patterns: list[str]) -> list[str]:
    """Files that patterns name, each once, in order of their names.

    Parameters
    ----------
    patterns : paths with `*`, `?`, `[...]` and a leading `~`; a folder means every
        sound file in it and in the folders in it, known by suffix.

    Raises
    ------
    FileNotFoundError
        When a pattern or folder has nothing to offer.
    """
    found: set[str] = set()
    for pattern in patterns:
        matched = _match(pattern)
        if not matched:
            what = 'holds no sound files' if os.path.isdir(pattern) else 'no such file'
            raise FileNotFoundError(
                f'{pattern}: {what}; expected a file, a pattern such as '
                "'recordings/*.wav', or a folder with recordings in it."
            )
        found.update(matched)
    return distinct(sorted(found))


def distinct(paths: Sequence[str]) -> list[str]:
    """Leaves out what is a file that came before, by another path or by a link.

    A recording that counts twice could be trained on and evaluated on.
    """
    by_file: dict[Any, str] = {}
    for path in paths:
        by_file.setdefault(_identity(path), path)
    return list(by_file.values())


def _identity(path: str) -> Any:
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # On another machine, or not there at all.
        return path
    return status.st_dev, status.st_ino


def split_patterns(values: Sequence[str]) -> list[str]:
    """Patterns with commas between them; a comma may also be part of a name.

    Parameters
    ----------
    values : each a pattern that matches something, commas and all, or several.
    """
    return [
        pattern
        for value in values
        for pattern in ([value] if _match(value) else split_commas(value))
    ]


def _match(pattern: str) -> list[str]:
    pattern = os.path.expanduser(pattern)
    if '://' in pattern:
        if tf.io.gfile.isdir(pattern):
            walk = tf.io.gfile.walk(pattern)
            inside = [
                os.path.join(here, name) for here, _, names in walk for name in names
            ]
            return [path for path in inside if is_audio(path)]
        return _globbed(pattern, tf.io.gfile.glob, tf.io.gfile.isdir)
    if os.path.isfile(pattern):
        return [pattern]
    if os.path.isdir(pattern):
        return _inside(pattern)
    return _globbed(
        pattern, functools.partial(glob.glob, recursive=True), os.path.isdir
    )


def _globbed(
    pattern: str, search: Callable[[str], list[str]], is_folder: Callable[[str], bool]
) -> list[str]:
    """Files that match; brackets may be a choice of characters, or part of a name."""
    found: list[str] = []
    for form in dict.fromkeys([pattern, pattern.replace('[', '[[]')]):
        found = found or [path for path in search(form) if not is_folder(path)]
    return found


def _inside(folder: str) -> list[str]:
    """Sound files in a folder, also behind links, and folders that may not be read.

    These, and links that lead nowhere, are told of when they are to be decoded.
    """
    found: list[str] = []
    seen: set[str] = set()

    def keep(error: OSError) -> None:
        found.append(str(Path(error.filename)))

    for here, folders, names in os.walk(folder, onerror=keep, followlinks=True):
        if os.path.realpath(here) in seen:  # A link to where it is in.
            folders.clear()
            continue
        seen.add(os.path.realpath(here))
        found += [str(Path(here) / name) for name in names if is_audio(name)]
    return found


def is_audio(path: str) -> bool:
    """Whether a name looks like that of a sound file."""
    name = os.path.basename(path)
    return name.lower().endswith(AUDIO_SUFFIXES) and not name.startswith('.')


def _reason(error: Exception, path: str) -> str:
    """What an error says, in one line, without the path that stands beside it."""
    text = ' '.join(str(error).split())
    return text.removeprefix(path).removeprefix(':').strip() or type(error).__name__
