"""`ddsp instruments`: what there is to play on."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Sequence
from typing import Any

from ddsp.cli.options import add_debug

ABORTED = 'nothing was changed'
#: Names and what is told of them stand in small files.
NEEDS_TENSORFLOW = False

_WIDEST = 80
_NARROWEST_COLUMN = 8


def add_parser(subparsers: Any) -> None:
    """Adds `instruments` to the subcommands."""
    parser = subparsers.add_parser(
        'instruments',
        help='list the instruments that come with the package',
        description='Lists the instruments that `ddsp transfer` and `ddsp serve` know '
        'by name, and the notes that they were trained on.',
    )
    add_debug(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    from ddsp.training.transfer.finding import list_instruments
    from ddsp.training.transfer.info import note_name

    rows = [('NAME', 'NOTES', 'RATE', 'SOUND')]
    for info in list_instruments():
        notes = f'{note_name(info.lowest)} to {note_name(info.highest)}'
        sound = f'{info.source}\nlicence: {info.licence}'
        rows.append((info.name, notes, f'{info.sample_rate} Hz', sound))
    width = min(_WIDEST, shutil.get_terminal_size().columns)
    print('\n'.join(table(rows, width)))
    return 0


def table(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Lines of a table whose last column wraps.

    Parameters
    ----------
    rows : of texts, as many in each. The last may be of several paragraphs.
    width : of the lines in characters, if that leaves a little for the last column.
    """
    *firsts, _ = zip(*rows)
    widths = [max(map(len, column)) for column in firsts]
    left = sum(widths) + 2 * len(widths)
    lines = []
    for *cells, last in rows:
        begin = ''.join(f'{cell:<{w}}  ' for cell, w in zip(cells, widths))
        rest = max(width - left, _NARROWEST_COLUMN)
        wrapped = [x for part in last.splitlines() for x in textwrap.wrap(part, rest)]
        first, *others = wrapped or ['']
        lines += [f'{begin}{first}'.rstrip(), *(' ' * left + x for x in others)]
    return lines
