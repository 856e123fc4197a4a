"""Records out of a folder of recordings, made once."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ddsp.training.data import dataset_info
from ddsp.training.data_preparation import decoding, prepare_tfrecord_lib

_NAME = 'instrument.tfrecord'
_SOURCES = 'sources.json'
# Recordings are held out in pieces: as long as these, or shorter where there is little,
# so that there are about so many.
_LONGEST_PIECE_SECS = 20.0
_PIECES = 10


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What records are to be.

    Parameters
    ----------
    sample_rate, frame_rate : in Hz.
    example_secs : length of an example.
    center : whether an example has one frame more.
    eval_split_fraction : part of the recordings that is held out.
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


def patterns(data_dir: Path, eval_split: float) -> tuple[str, str]:
    """Where the records to train on are, and those to evaluate on."""
    prefix = str(data_dir / _NAME.removesuffix('.tfrecord'))
    if not eval_split:
        return (f'{prefix}.tfrecord-*',) * 2
    return f'{prefix}-train.tfrecord-*', f'{prefix}-eval.tfrecord-*'


def prepare(
    audio: Path,
    out_dir: Path,
    wanted: Wanted,
    trained: bool,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Makes the records of a run, unless they are there.

    Parameters
    ----------
    audio : a folder, whose sound files are taken wherever they are in it, or one file.
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
        When no file can be read, there is less than one example of sound, too little to
        hold any out, or the run was trained on other recordings.
    """
    paths = _find(audio, out_dir)
    data_dir = out_dir / 'data'
    sources = {
        'recordings': _fingerprints(paths, audio),
        'wanted': dataclasses.asdict(wanted),
    }
    if _is_made_from(data_dir, sources):
        info = dataset_info.read_json(str(data_dir / dataset_info.FILE_NAME))
        if info is not None:
            say(f'records of {len(paths)} recordings are in {data_dir} already')
            return info
    if trained:
        raise ValueError(
            f'{out_dir} was trained on other recordings than {audio} holds now, or on '
            'records of other rates: name another directory, or start again with '
            '--overwrite.'
        )
    total, chunk_secs = _plan(paths, wanted)
    say(f'{len(paths)} recordings, {total:.0f} s; finding pitch and loudness')
    data_dir.mkdir(parents=True, exist_ok=True)
    (data_dir / _SOURCES).unlink(missing_ok=True)
    info = prepare_tfrecord_lib.prepare_tfrecord(
        paths,
        str(data_dir / _NAME),
        chunk_secs=chunk_secs,
        say=lambda line: None,
        **sources['wanted'],
    )
    dataset_info.write_json(str(data_dir / _SOURCES), sources)
    for line in prepare_tfrecord_lib.summary(info):
        say(line)
    return info


def _find(audio: Path, out_dir: Path) -> list[str]:
    if not audio.exists():
        raise FileNotFoundError(
            f'there is no {audio}; expected a folder with recordings, or one recording.'
        )
    out_dir = out_dir.resolve()
    found = [
        path
        for path in decoding.find_audio([str(audio)])
        if out_dir not in Path(path).resolve().parents
    ]
    if not found:
        raise FileNotFoundError(
            f'{audio} holds no sound files but those of the run itself; expected a '
            'folder with recordings in it.'
        )
    return found


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


def _is_made_from(data_dir: Path, sources: dict[str, Any]) -> bool:
    try:
        return json.loads((data_dir / _SOURCES).read_text('utf-8')) == sources
    except (OSError, ValueError):
        return False


def _plan(paths: Sequence[str], wanted: Wanted) -> tuple[float, float]:
    """How long all recordings are together, and the pieces to cut them into."""
    lengths = [_seconds(path) for path in paths]
    total, least = sum(lengths), wanted.example_secs
    if 0 < total < least:
        raise ValueError(
            f'there is too little sound: {total:.1f} s in {len(paths)} recordings, '
            f'expected at least one example of {least:g} s.'
        )
    piece = min(_LONGEST_PIECE_SECS, max(least, total / _PIECES))
    n_pieces = sum(max(1, int(x / piece + 1e-6)) for x in lengths if x > 0)
    if total and wanted.eval_split_fraction and n_pieces < 2:
        raise ValueError(
            f'there is too little sound to hold any out: {total:.1f} s, expected at '
            f'least two examples of {least:g} s. With --eval_split 0 all of it is '
            'trained on, and what is measured is how well that is remembered.'
        )
    return total, piece


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
