"""`dataset.json`: what stands beside records and says what they are.

A JSON object with

- `format`: 1, the version of this form;
- `name`: what the names of the record files begin with, without the split;
- `sample_rate`, `frame_rate` (Hz), `example_secs`, `hop_secs`, `chunk_secs` (seconds);
- `centered`: whether each example has one frame more than `example_secs * frame_rate`;
- `pitch_method`, `viterbi`: how f0 was found; `seed`, `eval_split_fraction`;
- `features`: name of each feature and how many numbers of it a record holds;
- `splits`: for each split (`train` and `eval`, or `train` alone) a `file_pattern`
  beside this file, `num_examples`, `num_chunks`, `seconds` of what was recorded,
  without overlaps, `files` (name, `num_examples` and `bytes` of each) and `statistics`;
- `recordings`: `num_read`, `seconds`, `skipped`, a list of `path` and `reason`, and
  `remarks`, a list of `path` and `remark` of those that are silent, quiet, clipped or
  perhaps damaged.

Statistics of a split count every frame of its recordings once, but not the silence that
fills up those shorter than an example. `loudness_db` and `f0_confidence` are of all
frames, `f0_hz` and `f0_midi` (MIDI note numbers) of voiced ones, or null where there
are none: `mean`, `std`, `min`, `max` and `quantiles` (`{'0.5': ...}`). A frame is
voiced when its confidence is at least `voiced_confidence` and it is louder than
silence. `voiced_fraction` and `silent_fraction` are of all frames; `audio` has `peak`
and `rms`.
"""

from __future__ import annotations

import fnmatch
import json
import os
from typing import Any

import tensorflow as tf

from ddsp.training.whole_files import write_text

FORMAT = 1
FILE_NAME = 'dataset.json'
_NAMES = (FILE_NAME, 'dataset-*.json')
_UNFINISHED = '.unfinished'


def info_path(folder: str, name: str) -> str:
    """Where the description of a dataset goes.

    `dataset.json`; when that describes a dataset of another name in the same folder,
    `dataset-NAME.json`.
    """
    path = os.path.join(folder, FILE_NAME)
    other = read_json(path)
    if other is None or other.get('name') == name:
        return path
    return os.path.join(folder, f'dataset-{name}.json')


def read_json(path: str) -> dict[str, Any] | None:
    """Reads a description; None where there is no such file.

    Raises
    ------
    ValueError
        When the file is no description of a dataset.
    """
    if not tf.io.gfile.exists(path):
        return None
    try:
        with tf.io.gfile.GFile(path) as file:
            info = json.loads(file.read())
    except ValueError as error:
        raise ValueError(
            f'{path} is not valid JSON ({error}); remove the file, and prepare '
            'the dataset again or read the records without it.'
        ) from error
    if not isinstance(info, dict) or info.get('format') != FORMAT:
        found = info.get('format') if isinstance(info, dict) else type(info).__name__
        raise ValueError(
            f'{path} has format {found!r}, expected {FORMAT}: it was written by '
            'another version, or is something else; remove the file, and prepare '
            'the dataset again or read the records without it.'
        )
    _check_files(info, path)
    return info


def _check_files(info: dict[str, Any], path: str) -> None:
    try:
        numbers = [[f['num_examples'], f['bytes']] for f in files_of(info).values()]
        whole = all(isinstance(number, int) for pair in numbers for number in pair)
    except (AttributeError, KeyError, TypeError):
        whole = False
    if not whole:
        raise ValueError(
            f'{path} does not say of each file in its splits the name, num_examples '
            'and bytes; remove the file, and prepare the dataset again or read the '
            'records without it.'
        )


def write_json(path: str, info: dict[str, Any]) -> None:
    """Writes a description, which appears whole or not at all."""
    write_text(path, json.dumps(info, indent=2, allow_nan=False) + '\n', _UNFINISHED)


def find_infos(
    files: list[str],
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """The descriptions of the datasets that record files belong to.

    Parameters
    ----------
    files : paths of record files.

    Returns
    -------
    What each `dataset.json` beside the files holds that names one of them, that of the
    first file first; and what they say of each file, by path.
    """
    told: dict[str, dict[str, Any]] = {}
    found: list[tuple[int, dict[str, Any]]] = []
    for folder in dict.fromkeys(os.path.dirname(path) for path in files):
        for path in infos_in(folder):
            info = read_json(path) or {}
            own = {os.path.join(folder, n): f for n, f in files_of(info).items()}
            new = [f for f in files if f in own and f not in told]
            if new:
                told.update({f: own[f] for f in new})
                found.append((files.index(new[0]), info))
    found.sort(key=lambda pair: pair[0])
    return [info for _, info in found], told


def infos_in(folder: str) -> list[str]:
    """Paths of all descriptions in a folder: `dataset.json` and `dataset-NAME.json`.

    Other files of similar names, such as `dataset_statistics.json`, describe none.
    """
    patterns = [os.path.join(glob_escape(folder), name) for name in _NAMES]
    return sorted(path for pattern in patterns for path in tf.io.gfile.glob(pattern))


def is_info(path: str) -> bool:
    """Whether a path is that of a description, perhaps one that is being written.

    What else is told of a dataset counts as well, such as `dataset_statistics.json`:
    where a wide pattern matches it, it is no record either.
    """
    name = os.path.basename(path).removesuffix(_UNFINISHED)
    return fnmatch.fnmatchcase(name, 'dataset*.json')


def files_of(info: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every record file that a description names, with its counts."""
    return {
        file['name']: file
        for split in info.get('splits', {}).values()
        for file in split['files']
    }


def split_of(info: dict[str, Any], files: list[str]) -> str | None:
    """Name of the split that the first of some record files belongs to."""
    name = os.path.basename(files[0])
    for split, content in info.get('splits', {}).items():
        if any(file['name'] == name for file in content['files']):
            return split
    return None


def glob_escape(path: str) -> str:
    """A path as a pattern that matches only itself."""
    return ''.join(f'[{c}]' if c in '*?[' else c for c in path)
