"""Options that several commands have."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence


def add_gin_param(parser: argparse.ArgumentParser, example: str) -> None:
    """Adds `--gin_param`, which may be repeated."""
    parser.add_argument(
        '--gin_param',
        action='append',
        default=[],
        metavar='BINDING',
        help=f'one binding, such as {example!r}; may be repeated',
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
