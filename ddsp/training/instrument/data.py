"""Records out of a folder of recordings, made once."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ddsp.training.data import dataset_info
from ddsp.training.data_preparation import decoding, prepare_tfrecord_lib
from ddsp.training.instrument import statistics
from ddsp.training.instrument.directory import SOURCES, is_run

_NAME = 'instrument.tfrecord'
# What is held out are pieces this long, or shorter where there is little, for there to
# be about so many of them; but no shorter than two examples, which are cut from pieces.
_LONGEST_PIECE_SECS = 20.0
_PIECES = 10
# With fewer, too little would be left to train on.
_FEWEST_PIECES = 4
# Of little sound, examples are cut closer to each other, for there to be about so many.
_HOP_SECS = 1.0, 0.1
_EXAMPLES = 64


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What records are to be.

    Parameters
    ----------
    sample_rate, frame_rate : in Hz.
    example_secs : length of an example.
    center : whether an example has one frame more.
    eval_split_fraction : part of the recordings that is held out, if there is enough.
    pitch_method : pitch estimator.
    seed : of the choice of what is held out.
    """

    sample_rate: int
    frame_rate: int
    example_secs: float
    center: bool
    eval_split_fraction: float
    pitch_method: str
    seed: int


def prepare(
    audio: Path,
    out_dir: Path,
    wanted: Wanted,
    trained: bool,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Makes the records of a run, unless they are there.

    Those that are there already stay until others are complete; what was measured of
    them goes with them.

    Parameters
    ----------
    audio : a folder, whose sound files are taken wherever they are in it, or one file.
        Those that runs have written into folders in it are not.
    out_dir : of the run; records go to `data` in it, and sounds in it are not taken.
    wanted : of the records.
    trained : whether the run has a checkpoint, and so no choice of its records.
    say : is told what is going on.

    Returns
    -------
    The content of `dataset.json`.

    Raises
    ------
    FileNotFoundError
        When there is no such folder, or no sound file in it.
    ValueError
        When no file can be read, there is less than one example of sound, all of it is
        silent, or the records that the run was trained on are there, and of other
        recordings.
    """
    paths = find(audio, out_dir)
    data_dir = out_dir / 'data'
    sources = {
        'recordings': _fingerprints(paths, audio),
        'wanted': dataclasses.asdict(wanted),
    }
    before = _read_sources(data_dir)
    if before == sources:
        info = dataset_info.read_json(str(data_dir / dataset_info.FILE_NAME))
        if info is not None:
            say(f'records of {_counted(len(paths))} are in {data_dir} already')
            return info
    if trained and before not in (None, sources):
        raise ValueError(
            f'{out_dir} was trained on other recordings than {audio} holds now, or on '
            'records of other rates: name another directory, or start again with '
            '--overwrite.'
        )
    cuts = _plan(paths, wanted, say)
    with _complete_folder(data_dir) as unfinished:
        info = prepare_tfrecord_lib.prepare_tfrecord(
            paths,
            str(unfinished / _NAME),
            say=lambda line: None,
            **{**sources['wanted'], **cuts},
        )
        found = info['splits']['train']['statistics']
        if found['silent_fraction'] == 1:
            raise ValueError(
                f'{audio} is silent throughout: there is nothing to learn.'
            )
        dataset_info.write_json(str(unfinished / SOURCES), sources)
        (out_dir / statistics.FILE_NAME).unlink(missing_ok=True)
    for line in prepare_tfrecord_lib.summary(info):
        say(line)
    if not found['voiced_fraction']:
        say(
            f'note: the pitch estimator was sure of no pitch in {audio}; a model '
            'learns to play notes from recordings of one note at a time.'
        )
    return info


@contextlib.contextmanager
def _complete_folder(path: Path) -> Iterator[Path]:
    """Gives a folder to write into, which takes the place of another when complete."""
    unfinished = path.with_name(f'{path.name}.unfinished')
    shutil.rmtree(unfinished, ignore_errors=True)  # Of a command that was killed.
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        shutil.rmtree(path, ignore_errors=True)
        unfinished.rename(path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def find(audio: Path, out_dir: Path) -> list[str]:
    """The sound files of a folder, or the one recording; not those that runs write.

    Parameters
    ----------
    audio : the folder, or the recording.
    out_dir : of the run itself; other runs are known by what is in their directories.

    Returns
    -------
    Their paths.

    Raises
    ------
    FileNotFoundError
        When there is no such folder, or no sound file in it.
    """
    if not audio.exists():
        raise FileNotFoundError(
            f'there is no {audio}; expected a folder with recordings, or one recording.'
        )
    try:
        found = decoding.find_audio([str(audio)])
    except FileNotFoundError:
        raise FileNotFoundError(
            f'{audio} holds no sound files: none of its files has a name that ends in '
            f'one of {", ".join(decoding.AUDIO_SUFFIXES)}.'
        ) from None
    out_dir = out_dir.resolve()
    found = [path for path in found if out_dir not in Path(path).resolve().parents]
    found = _outside_runs(found, audio)
    if not found:
        raise FileNotFoundError(
            f'{audio} holds no sound files but those of runs of ddsp train; expected a '
            'folder with recordings in it.'
        )
    return found


def _outside_runs(paths: Sequence[str], folder: Path) -> list[str]:
    """Leaves out what is in directories of runs below a folder."""
    known = functools.cache(is_run)
    return [
        path
        for path in paths
        if not any(
            known(parent) for parent in Path(path).parents if folder in parent.parents
        )
    ]


def _counted(n_recordings: int) -> str:
    return f'{n_recordings} recording{"s" if n_recordings != 1 else ""}'


def _fingerprints(paths: Sequence[str], audio: Path) -> dict[str, str]:
    """What each file holds, by its name in the folder."""
    folder = audio if audio.is_dir() else audio.parent
    found = {}
    for path in paths:
        content = hashlib.blake2b(digest_size=16)
        # A file that may not be read is left out, and told of, where it is decoded.
        with contextlib.suppress(OSError), open(path, 'rb') as file:
            while block := file.read(1 << 20):
                content.update(block)
        found[os.path.relpath(path, folder)] = content.hexdigest()
    return found


def _read_sources(data_dir: Path) -> Any:
    """What records were made from; None where there are none."""
    try:
        return json.loads((data_dir / SOURCES).read_text('utf-8'))
    except (OSError, ValueError):
        return None


def _plan(
    paths: Sequence[str], wanted: Wanted, say: Callable[[str], None]
) -> dict[str, float]:
    """How recordings are cut, by the names of arguments of `prepare_tfrecord`."""
    lengths = [_seconds(path) for path in paths]
    total, least = sum(lengths), wanted.example_secs
    if 0 < total < least:
        raise ValueError(
            f'there is too little sound: {total:.1f} s in {_counted(len(paths))}, '
            f'expected at least one example of {least:g} s.'
        )
    piece = max(2 * least, min(_LONGEST_PIECE_SECS, total / _PIECES))
    n_pieces = sum(max(1, int(x / piece + 1e-6)) for x in lengths if x > 0)
    if total > 0:  # If not, why none can be read is all there is to say, later.
        say(f'{_counted(len(paths))}, {total:.0f} s; finding pitch and loudness')
    part = wanted.eval_split_fraction
    if total > 0 and part and n_pieces < _FEWEST_PIECES:
        say(
            f'fewer than {_FEWEST_PIECES} pieces of {piece:g} s: nothing is held out, '
            'and what is measured is how well the recordings are remembered'
        )
        part = 0.0
    if not part:
        piece = max(_LONGEST_PIECE_SECS, least)
    longest, shortest = _HOP_SECS
    hop = min(longest, max(shortest, total / _EXAMPLES))
    rate = wanted.frame_rate
    return {
        'chunk_secs': round(piece * rate) / rate,
        'hop_secs': round(hop * rate) / rate,
        'eval_split_fraction': part,
    }


def _seconds(path: str) -> float:
    """Length of a recording; 0 for one that cannot be read, which is told later."""
    import soundfile

    try:
        return float(soundfile.info(path).duration)
    except (OSError, RuntimeError, TypeError):
        pass  # One that only ffmpeg can read has to be gone through.
    try:
        with decoding.open_any(path) as (rate, blocks):
            return sum(len(block) for block in blocks) / rate
    except (OSError, ValueError):
        return 0.0


def patterns(out_dir: Path, info: dict[str, Any]) -> tuple[str, str]:
    """Where the records to train on are, and those to measure on."""
    splits = info['splits']
    train = splits['train']['file_pattern']
    held_out = splits.get('eval', splits['train'])['file_pattern']
    folder = dataset_info.glob_escape(str(out_dir / 'data'))
    return os.path.join(folder, train), os.path.join(folder, held_out)
