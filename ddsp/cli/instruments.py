"""`ddsp instruments`: what there is to play on."""

from __future__ import annotations

import argparse
from typing import Any

from ddsp.cli.options import add_debug

ABORTED = 'nothing was changed'


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
    from ddsp.training.transfer import list_instruments
    from ddsp.training.transfer.adjust import note_name

    rows = [('NAME', 'NOTES', 'RATE', 'SOUND')]
    for info in list_instruments():
        notes = f'{note_name(info.lowest)} to {note_name(info.highest)}'
        sound = f'{info.source} ({info.licence})'
        rows.append((info.name, notes, f'{info.sample_rate} Hz', sound))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]
        print('  '.join([*cells, row[-1]]))
    return 0
