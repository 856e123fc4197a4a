"""`ddsp train`: learn an instrument from recordings."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from ddsp.cli.options import (
    add_command,
    add_debug,
    add_gin_param,
    add_method,
    typed_again,
)
from ddsp.training.termination import TERMINATED

ABORTED = 'the same command, without --overwrite, goes on from the last checkpoint'

_DESCRIPTION = """\
Learns an instrument, or a voice, from recordings of nothing else: finds their pitch and
loudness, trains a network that plays oscillators and filtered noise from these two,
measures it on a part that was held out, and writes samples and a report.

The same command goes on where an earlier one was stopped; what is not given stays as
it was. Ctrl-C ends training early; what was learnt so far is saved, measured and shown
(exit status 0).
"""


def add_parser(subparsers: Any) -> None:
    """Adds `train` to the subcommands."""
    parser = add_command(
        subparsers, 'train', 'learn an instrument from recordings', _DESCRIPTION
    )
    add = parser.add_argument
    add(
        'audio',
        metavar='AUDIO_FOLDER',
        help='a folder with recordings, or one recording; 10 minutes are a good start',
    )
    add('--out', metavar='DIR', required=True, help='directory of the run')
    add(
        '--model',
        metavar='NAME',
        help='solo_instrument (default), tiny_instrument, small_instrument, vst, '
        'vst_32k, vst_48k, ae, or the path of a .gin file',
    )
    add(
        '--steps',
        type=int,
        metavar='N',
        help='steps of training in all (default: 5000)',
    )
    add(
        '--batch_size',
        type=int,
        metavar='N',
        help='examples of 4 s in a step (default: 8)',
    )
    add('--seed', type=int, metavar='N', help='random seed (default: 0)')
    add(
        '--eval_split',
        type=float,
        metavar='PART',
        help='part of the recordings to hold out and measure on (default: 0.1)',
    )
    add_method(parser)
    add_gin_param(parser, 'learning_rate = 1e-4')
    add('--overwrite', action='store_true', help='start again, replace an earlier run')
    add_debug(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    # What the extra `train` brings loads here, after the command line was understood.
    from ddsp.training.instrument import train_instrument

    metrics = train_instrument(
        arguments.audio,
        arguments.out,
        model=arguments.model,
        steps=arguments.steps,
        batch_size=arguments.batch_size,
        seed=arguments.seed,
        eval_split=arguments.eval_split,
        method=arguments.method,
        gin_params=arguments.gin_param,
        overwrite=arguments.overwrite,
        command=command_line(arguments),
    )
    if 'signal' in metrics:
        return TERMINATED
    print(summary(metrics, Path(arguments.out), arguments.audio))
    return 0


def command_line(arguments: argparse.Namespace) -> str:
    """The command as it could be typed again: to go on, not to start again."""
    return typed_again(
        arguments,
        ['train', arguments.audio, '--out', arguments.out],
        options=('model', 'steps', 'batch_size', 'seed', 'eval_split', 'method'),
        lists=('gin_param',),
    )


def summary(metrics: dict[str, Any], out: Path, audio: str) -> str:
    """What came of it, where to hear it, and how to go on: a line each."""
    from ddsp.training.instrument.report import few_steps

    found = metrics['metrics']
    names = {
        'f0_crepe/l1_semitones': 'pitch off by {:.2f} semitones',
        'loudness/l1_db': 'loudness by {:.1f} dB',
        'spectral/total': 'spectral loss {:.2f}',
    }
    told = [
        text.format(found[name])
        for name, text in names.items()
        if found.get(name) is not None
    ]
    step, asked = metrics['step'], metrics['steps_asked']
    words = ['ddsp', 'train', audio, '--out', str(out)]
    few = few_steps(metrics)
    if step >= asked:
        words += ['--steps', str(metrics['steps_default'] if few else 2 * step)]
    return '\n'.join(
        [
            f'step {step}: {", ".join(told)}',
            *([few] if few else []),
            f'Open {out / "report.html"} to hear what was learnt.',
            f'To learn on from here: {shlex.join(words)}',
        ]
    )
