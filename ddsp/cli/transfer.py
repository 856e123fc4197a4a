"""`ddsp transfer`: sing, and hear a violin."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ddsp.cli.options import (
    CONTROLS,
    add_command,
    add_controls,
    add_debug,
    add_instrument,
    add_method,
    chosen_controls,
    typed_again,
)

ABORTED = 'nothing was written'

_DESCRIPTION = """\
Plays the melody of a recording on another instrument. Finds pitch and loudness, moves
them by octaves and in loudness to where the instrument plays, and has it play as long
as the recording is. The recording should hold one voice, or one instrument that plays
one note at a time.

`ddsp instruments` lists those that come with the package; `ddsp train` makes others.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `transfer` to the subcommands."""
    parser = add_command(
        subparsers,
        'transfer',
        'play the melody of a recording on another instrument',
        _DESCRIPTION,
    )
    add = parser.add_argument
    add('recording', metavar='INPUT', help='a sound file of any format and length')
    add_instrument(parser)
    add('--out', metavar='OUT.wav', required=True, help='sound file to write')
    add_controls(parser)
    add_method(parser)
    add(
        '--report',
        metavar='PAGE.html',
        nargs='?',
        const='',
        help='write a page to hear and see it, too (default: OUT.html)',
    )
    add(
        '--add_to_report',
        action='store_true',
        help='if PAGE.html is a report of ddsp fit, ddsp train or ddsp transfer, add a '
        'chapter to it',
    )
    add('--overwrite', action='store_true', help='replace files that are there')
    add_debug(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    # What the extra `train` brings loads here, after the command line was understood.
    from ddsp.training.transfer.run import transfer_file

    report = arguments.report
    if report == '':
        report = str(Path(arguments.out).with_suffix('.html'))
    if arguments.add_to_report and report is None:
        raise ValueError('--add_to_report goes with --report PAGE.html.')
    metrics = transfer_file(
        arguments.recording,
        arguments.out,
        arguments.instrument,
        chosen_controls(arguments),
        method=arguments.method or 'swift-f0',
        report=report,
        add_to=arguments.add_to_report,
        overwrite=arguments.overwrite,
        command=command_line(arguments),
    )
    print(summary(metrics, arguments.out, report))
    return 0


def command_line(arguments: argparse.Namespace) -> str:
    """The command as it could be typed again."""
    return typed_again(
        arguments,
        ['transfer', arguments.recording, '--out', arguments.out],
        options=('instrument', *CONTROLS, 'method', 'report'),
        switches=('no_adjust', 'add_to_report', 'overwrite'),
    )


def summary(metrics: dict[str, Any], out: str, report: str | None) -> str:
    """What came of it, in a few lines."""
    lines = []
    octaves = metrics['octaves']
    if octaves:
        way = 'up' if octaves > 0 else 'down'
        word = 'octave' if abs(octaves) == 1 else 'octaves'
        lines.append(f'moved {abs(octaves)} {word} {way}, to where it plays')
    if metrics['within_50_cents'] is not None:
        lines.append(
            f'in tune within 50 cents on {metrics["within_50_cents"]:.1%} of '
            f'{metrics["confident_frames"]} frames of notes'
        )
    seconds, took = metrics['seconds'], metrics['transfer_seconds']
    speed = ''
    if seconds > took:
        speed = f' ({seconds / took:.1f} times faster than it plays)'
    lines.append(f'{out}: {seconds:.1f} s, in {took:.1f} s{speed}')
    if report is not None:
        lines.append(f'report: {report}')
    return '\n'.join(lines)
