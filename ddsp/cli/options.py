"""How commands describe themselves, and options that several of them have."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from typing import Any

#: Options of `add_controls` that have a number.
CONTROLS = ('threshold', 'quiet', 'autotune', 'pitch_shift', 'loudness_shift')


def add_command(
    subparsers: Any, name: str, help: str, description: str
) -> argparse.ArgumentParser:
    """Adds a subcommand, whose description keeps its lines as they are."""
    return subparsers.add_parser(
        name,
        help=help,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_gin_param(parser: argparse.ArgumentParser, example: str) -> None:
    """Adds `--gin_param`, which may be repeated."""
    parser.add_argument(
        '--gin_param',
        action='append',
        default=[],
        metavar='BINDING',
        help=f'one binding, such as {example!r}; may be repeated',
    )


def add_instrument(parser: argparse.ArgumentParser) -> None:
    """Adds `--instrument`, of commands that play on one."""
    parser.add_argument(
        '--instrument',
        metavar='NAME|DIR|CHECKPOINT|ZIP',
        default='violin',
        help='a name (default: violin), or the directory, checkpoint or zip file of a '
        'model',
    )


def add_method(parser: argparse.ArgumentParser) -> None:
    """Adds `--method`, which is None where it is not given."""
    parser.add_argument(
        '--method', metavar='NAME', help='pitch estimator (default: swift-f0)'
    )


def add_controls(parser: argparse.ArgumentParser) -> None:
    """Adds `--no_adjust` and the numbers of `ddsp.training.transfer.Controls`."""
    from ddsp.training.transfer.controls import CONTROLS, Controls

    parser.add_argument(
        '--no_adjust',
        action='store_true',
        help='neither shift by octaves nor match loudness to the instrument',
    )
    defaults = Controls()
    for control in CONTROLS:
        unit = f' {control.unit}' if control.unit else ''
        default = getattr(defaults, control.name)
        parser.add_argument(
            f'--{control.name}',
            type=float,
            metavar='X',
            help=f'{control.help} ({control.low:g} to {control.high:g}{unit}; '
            f'default: {default:g})',
        )


def chosen_controls(arguments: argparse.Namespace) -> Any:
    """The `Controls` that options of `add_controls` describe.

    Raises
    ------
    ValueError
        For a value outside its range.
    """
    from ddsp.training.transfer.controls import Controls

    given = {name: getattr(arguments, name) for name in CONTROLS}
    return Controls(
        adjust=not arguments.no_adjust,
        **{name: value for name, value in given.items() if value is not None},
    )


def add_debug(parser: argparse.ArgumentParser) -> None:
    """Adds `--debug`."""
    parser.add_argument(
        '--debug', action='store_true', help='show where an error came from'
    )


def typed_again(
    arguments: argparse.Namespace,
    words: Sequence[str],
    options: Sequence[str] = (),
    lists: Sequence[str] = (),
    switches: Sequence[str] = (),
) -> str:
    """A command as it could be typed again.

    Parameters
    ----------
    arguments : of the command.
    words : what it begins with, after `ddsp`.
    options : names of options with one value; None was not given.
    lists : names of options that may be repeated.
    switches : names of options without a value.
    """
    words = ['ddsp', *words]
    for name in options:
        value = getattr(arguments, name)
        if value is not None:
            is_number = isinstance(value, float)
            words += [f'--{name}', f'{value:g}' if is_number else str(value)]
    for name in lists:
        for value in getattr(arguments, name):
            words += [f'--{name}', value]
    words += [f'--{name}' for name in switches if getattr(arguments, name)]
    return shlex.join(words)
