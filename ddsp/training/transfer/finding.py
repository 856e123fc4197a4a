"""Where a model is that somebody names: in the package, a directory, an archive."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import json
import math
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ddsp.training.transfer import archives
from ddsp.training.transfer.info import InstrumentInfo

#: Where instruments of the package are.
SHIPPED = Path(__file__).parents[1] / 'instruments'
_INFO = 'instrument.json'
_CHECKPOINT_FILE = re.compile(r'\.(index|data-\d+-of-\d+)$')


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a model is.

    Parameters
    ----------
    directory : with its description.
    checkpoint : the directory again, for the newest one in it, or one of them.
    shown : how people know it.
    name : of the model, as far as its place tells.
    archive : that it was taken out of; the directory is a temporary one then.
    shipped : whether it comes with the package.
    """

    directory: Path
    checkpoint: Path
    shown: str
    name: str
    archive: Path | None = None
    shipped: bool = False


def list_instruments() -> list[InstrumentInfo]:
    """The instruments that come with the package, by name."""
    found = [
        read_info(Place(path.parent, path.parent, path.parent.name, path.parent.name))
        for path in SHIPPED.glob(f'*/{_INFO}')
    ]
    return sorted(found, key=lambda info: info.name)


@contextlib.contextmanager
def located(instrument: str | Path) -> Iterator[Place]:
    """Gives the place of a model; an archive is unpacked while the context lasts.

    Parameters
    ----------
    instrument : as `load_instrument` takes it.

    Raises
    ------
    FileNotFoundError
        When there is no such instrument, directory or file.
    ValueError
        When a file is no archive, or a damaged or unsafe one.
    """
    shown = str(instrument)
    if _is_shipped(shown):
        yield Place(SHIPPED / shown, SHIPPED / shown, shown, shown, shipped=True)
        return
    path = Path(instrument).expanduser()
    prefix = Path(_CHECKPOINT_FILE.sub('', str(path)))
    if shown and path.is_dir():
        yield Place(path, path, shown, path.resolve().name)
    elif shown and Path(f'{prefix}.index').exists():
        yield Place(prefix.parent, prefix, shown, prefix.parent.resolve().name)
    elif path.is_file():
        if not zipfile.is_zipfile(path):
            raise ValueError(
                f'{path} is damaged, or no zip file; expected the directory of a '
                'model, a checkpoint in it, or a zip file of it.'
            )
        with archives.unpacked(path) as directory:
            yield Place(directory, directory, shown, path.stem, archive=path)
    else:
        raise FileNotFoundError(_not_found(shown))


def check_there(instrument: str | Path) -> None:
    """Refuses what is no instrument, without opening what is one.

    Parameters
    ----------
    instrument : as `load_instrument` takes it.

    Raises
    ------
    FileNotFoundError
        When there is no such instrument, directory or file.
    """
    shown = str(instrument)
    path = Path(instrument).expanduser()
    index = Path(f'{_CHECKPOINT_FILE.sub("", str(path))}.index')
    there = _is_shipped(shown) or path.exists() or index.exists()
    if not (shown and there):
        raise FileNotFoundError(_not_found(shown))


def _is_shipped(name: str) -> bool:
    """Whether an instrument of this name comes with the package."""
    is_name = bool(name) and Path(name).name == name
    return is_name and (SHIPPED / name / _INFO).exists()


def _not_found(name: str) -> str:
    names = [info.name for info in list_instruments()]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f'; did you mean {near[0]}?' if near else '.'
    return (
        f'there is no instrument {name!r}; expected one of {", ".join(names)}, or the '
        f'directory, checkpoint or zip file of a model{hint}'
    )


def read_info(place: Place) -> InstrumentInfo:
    """What is told of a model in `instrument.json`, as far as it is.

    Raises
    ------
    ValueError
        When that file is no JSON object, or its range of notes is none.
    """
    path, told = place.directory / _INFO, {}
    if path.exists():
        told = _read_json(path, place.shown)
    name = str(told.get('name') or place.name)
    fields = [field.name for field in dataclasses.fields(InstrumentInfo)]
    known = {key: told[key] for key in fields if key in told}
    known.setdefault('title', name)
    return InstrumentInfo(**{**known, 'name': name, 'path': place.directory})


def _read_json(path: Path, shown: str) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text('utf-8'))
    except ValueError as error:
        raise ValueError(f'{_INFO} of {shown} is not valid JSON ({error}).') from error
    if not isinstance(told, dict):
        raise ValueError(f'{_INFO} of {shown} is {told!r}, expected a JSON object.')
    notes = [told.get(key) for key in ('lowest', 'highest')]
    numbers = [isinstance(x, (int, float)) and math.isfinite(x) for x in notes]
    if notes != [None, None] and not all(numbers):
        raise ValueError(
            f'{_INFO} of {shown} says that notes go from {notes[0]!r} to {notes[1]!r}; '
            'expected MIDI note numbers for `lowest` and `highest`, or neither.'
        )
    return told
