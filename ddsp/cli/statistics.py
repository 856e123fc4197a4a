"""`ddsp statistics`: what pitch and loudness a model was trained on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ddsp.cli.options import add_command, add_debug, add_method

ABORTED = 'nothing was written'

_DESCRIPTION = """\
Measures the pitch and loudness of the recordings that a model was trained on, and keeps
them beside it as `dataset_statistics.json`, for `ddsp transfer` to bring melodies
there. Models of `ddsp train` have them already; others may have a pickle instead, which
is not read.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `statistics` to the subcommands."""
    parser = add_command(
        subparsers,
        'statistics',
        'measure the recordings that a model was trained on',
        _DESCRIPTION,
    )
    add = parser.add_argument
    add('recordings', metavar='RECORDINGS', help='a folder, or one recording')
    add(
        '--instrument',
        metavar='DIR|CHECKPOINT|ZIP',
        required=True,
        help='directory, checkpoint or zip file of the model',
    )
    add_method(parser)
    add_debug(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    from ddsp.training.transfer.adjust import note_name
    from ddsp.training.transfer.measuring import measure_recordings

    found = measure_recordings(
        Path(arguments.recordings),
        arguments.instrument,
        method=arguments.method or 'swift-f0',
    )
    print(
        f'notes from {note_name(found["min_pitch_note"])} to '
        f'{note_name(found["max_pitch_note"])}, on the average '
        f'{note_name(found["mean_pitch_note"])}; loudness on the average '
        f'{found["mean_loudness_note"]:.1f} dB'
    )
    return 0
