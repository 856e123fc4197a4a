"""`ddsp pitch`: the melody of a recording, as numbers, a picture and MIDI."""

from __future__ import annotations

import argparse
from typing import Any

from ddsp.cli.options import add_command, add_debug

ABORTED = 'nothing was written'

_DESCRIPTION = """\
Finds the pitch of a recording of one voice, frame by frame, and prints it as CSV: time
in seconds, f0 in Hz, confidence from 0 to 1, and f0 as a MIDI note number with
fractions. With --midi it finds the notes, too, and writes them as a MIDI file.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `pitch` to the subcommands."""
    parser = add_command(
        subparsers, 'pitch', 'find pitch and notes of a recording', _DESCRIPTION
    )
    add = parser.add_argument
    add('recording', metavar='RECORDING', help='a sound file of any format and length')
    add(
        '--method',
        metavar='NAME',
        default='swift-f0',
        help='pitch estimator: swift-f0 (default), pyin, crepe or ddsp-inv',
    )
    add(
        '--frame_rate',
        metavar='N',
        type=int,
        default=250,
        help='frames a second (50 to 1000, divides 16000; default: 250)',
    )
    add('--out', metavar='F0.csv', help='write the CSV there (default: print it)')
    add('--plot', metavar='F0.png', help='draw pitch and notes: .png, .svg or .pdf')
    add('--midi', metavar='OUT.mid', help='write the notes as a MIDI file')
    add(
        '--notes',
        metavar='hmm|heuristic',
        default='hmm',
        help='how to find notes: by a hidden Markov model (default) or by rules',
    )
    add('--overwrite', action='store_true', help='replace files that are there')
    add_debug(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    # What the extra `train` brings loads here, after the command line was understood.
    from ddsp.training.transcription.run import pitch_file

    pitch_file(
        arguments.recording,
        out=arguments.out,
        plot=arguments.plot,
        midi=arguments.midi,
        method=arguments.method,
        notes=arguments.notes,
        frame_rate=arguments.frame_rate,
        overwrite=arguments.overwrite,
    )
    return 0
