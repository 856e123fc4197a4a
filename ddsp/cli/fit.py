"""`ddsp fit`: learn one recording and play it again."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ddsp.cli.options import (
    add_command,
    add_debug,
    add_gin_param,
    add_method,
    typed_again,
)

_DESCRIPTION = """\
Learns one recording: estimates its pitch and loudness, trains a small network that
plays oscillators, filtered noise and a room from these two, and writes the resynthesis,
a transposed version and a report into a directory.

Ctrl-C ends training early; everything is still written, from what was learnt so far
(exit status 0). A second Ctrl-C aborts and writes nothing (exit status 130).
"""

ABORTED = 'nothing was written'


def add_parser(subparsers: Any) -> None:
    """Adds `fit` to the subcommands."""
    parser = add_command(
        subparsers, 'fit', 'learn one recording and play it again', _DESCRIPTION
    )
    parser.add_argument(
        'recording', metavar='RECORDING', help='a sound file of at least 1 s'
    )
    parser.add_argument(
        '--out', metavar='DIR', required=True, help='directory to write'
    )
    parser.add_argument('--steps', type=_steps, metavar='N', help='training steps')
    parser.add_argument(
        '--transpose',
        type=float,
        metavar='SEMITONES',
        help='how far transposed.wav is moved (default: 5 semitones up)',
    )
    add_method(parser)
    parser.add_argument('--seed', type=int, metavar='N', help='random seed')
    parser.add_argument(
        '--gin_file',
        action='append',
        default=[],
        metavar='FILE',
        help='a .gin file that overrides the shipped configuration; may be repeated',
    )
    add_gin_param(parser, 'FitSettings.batch_size = 8')
    parser.add_argument(
        '--overwrite', action='store_true', help='replace a directory that is not empty'
    )
    add_debug(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    # What the extra `train` brings loads here, after the command line was understood.
    from ddsp.training.fit import fit_recording

    metrics = fit_recording(
        arguments.recording,
        arguments.out,
        steps=arguments.steps,
        transpose=arguments.transpose,
        gin_files=arguments.gin_file,
        gin_params=arguments.gin_param,
        method=arguments.method,
        seed=arguments.seed,
        overwrite=arguments.overwrite,
        command=command_line(arguments),
    )
    print(summary(metrics, Path(arguments.out) / 'report.html'))
    return 0


def command_line(arguments: argparse.Namespace) -> str:
    """The command as it could be typed again."""
    return typed_again(
        arguments,
        ['fit', arguments.recording, '--out', arguments.out],
        options=('steps', 'transpose', 'method', 'seed'),
        lists=('gin_file', 'gin_param'),
        switches=('overwrite',),
    )


def summary(metrics: dict[str, Any], report: Path) -> str:
    """What came of it, in a few lines."""
    lines = []
    loss = metrics['spectral_loss']
    if loss['ratio'] is not None:
        magnitude = metrics['spectral_loss_magnitude']
        lines.append(
            f'spectral loss {loss["before"]:.2f} -> {loss["after"]:.2f} '
            f'({loss["ratio"]:.1f} times smaller; '
            f'its magnitude part {magnitude["ratio"]:.1f} times)'
        )
    f0 = metrics['f0']
    if f0['within_50_cents'] is not None:
        lines.append(
            f'pitch within 50 cents on {100 * f0["within_50_cents"]:.1f} % of '
            f'{f0["confident_frames"]} confident frames'
        )
    lines.append(f'report: {report}')
    return '\n'.join(lines)


def _steps(text: str) -> int:
    steps = int(text)
    if steps < 0:
        raise argparse.ArgumentTypeError(f'{steps} steps: expected 0 or more')
    return steps
