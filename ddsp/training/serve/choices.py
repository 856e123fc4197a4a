"""The instruments that the page offers."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable
from typing import Any

_NAMES = ('C', 'C♯', 'D', 'D♯', 'E', 'F', 'F♯', 'G', 'G♯', 'A', 'A♯', 'B')


class Choice:
    """An instrument that can be chosen, loaded when it is first played.

    Parameters
    ----------
    title : for people.
    note : a sentence about it; may be empty.
    load : gives the instrument, see `ddsp.training.transfer`.
    """

    def __init__(self, title: str, note: str, load: Callable[[], Any]) -> None:
        self.title = title
        self.note = note
        self._load = load
        self._lock = threading.Lock()
        self._instrument: Any = None

    def instrument(self) -> Any:
        """The instrument; only the first call takes time."""
        with self._lock:
            if self._instrument is None:
                self._instrument = self._load()
            return self._instrument


def find_choices(own: Iterable[str] = ()) -> dict[str, Choice]:
    """Lists what can be played: one's own models first, then those that ship.

    Parameters
    ----------
    own : directories, checkpoints or archives of models. They are loaded at once, so
        that a damaged one is told before the page opens.

    Returns
    -------
    By title.

    Raises
    ------
    ValueError, OSError
        When a model of one's own cannot be loaded, or when there is none at all.
    """
    from ddsp.training import transfer

    choices: dict[str, Choice] = {}
    for path in own:
        instrument = transfer.load_instrument(path)
        _add(
            choices, instrument.title, f'Your own, from {path}.', lambda i=instrument: i
        )
    for info in transfer.list_instruments():
        load = functools.partial(transfer.load_instrument, info.name)
        _add(choices, info.title, describe(info), load)
    if not choices:
        raise ValueError(
            'there is no instrument to play: none ships with this installation; name '
            'a model of your own by --instrument DIR, as `ddsp train` writes it.'
        )
    return choices


def describe(info: Any) -> str:
    """What to know about an instrument that ships: its range, where it is known."""
    if info.lowest is None or info.highest is None:
        return ''
    low, high = note_name(info.lowest), note_name(info.highest)
    return f'At home from {low} to {high}.'


def note_name(midi: float) -> str:
    """The name of a note, such as C4 for 60."""
    note = round(midi)
    return f'{_NAMES[note % 12]}{note // 12 - 1}'


def _add(
    choices: dict[str, Choice], title: str, note: str, load: Callable[[], Any]
) -> None:
    unique, number = title, 2
    while unique in choices:
        unique, number = f'{title} {number}', number + 1
    choices[unique] = Choice(unique, note, load)
