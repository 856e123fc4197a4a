"""`ddsp play`: a MIDI file, on an instrument."""

from __future__ import annotations

import argparse
from typing import Any

from ddsp.cli.options import add_command, add_debug, add_instrument

ABORTED = 'nothing was written'

_DESCRIPTION = """\
Plays a MIDI file on an instrument that learnt from recordings. All tracks and channels
are played on it but drums, whatever programs the file asks for. Each track and channel
is split into voices of one note at a time, which are mixed. Notes that the instrument
does not have are moved by octaves.

`ddsp instruments` lists those that come with the package; `ddsp train` makes others.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `play` to the subcommands."""
    parser = add_command(
        subparsers, 'play', 'play a MIDI file on an instrument', _DESCRIPTION
    )
    add = parser.add_argument
    add('midi', metavar='MIDI', help='a Standard MIDI File, of any type')
    add_instrument(parser)
    add('--out', metavar='OUT.wav', required=True, help='sound file to write')
    add(
        '--transpose',
        metavar='X',
        type=float,
        default=0.0,
        help='semitones up (-48 to 48; default: 0)',
    )
    add(
        '--tempo',
        metavar='X',
        type=float,
        default=1.0,
        help='times as fast (0.1 to 10; default: 1)',
    )
    add('--overwrite', action='store_true', help='replace a file that is there')
    add_debug(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    # What the extra `train` brings loads here, after the command line was understood.
    from ddsp.training.midi_playing import play_file

    played = play_file(
        arguments.midi,
        arguments.out,
        arguments.instrument,
        transpose=arguments.transpose,
        tempo=arguments.tempo,
        overwrite=arguments.overwrite,
    )
    voices = played['voices']
    print(
        f'{arguments.out}: {played["seconds"]:.1f} s, {played["notes"]} notes in '
        f'{voices} {"voice" if voices == 1 else "voices"}, in '
        f'{played["play_seconds"]:.1f} s'
    )
    return 0
