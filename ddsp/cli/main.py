"""The `ddsp` command."""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import sys
from collections.abc import Callable, Sequence

from ddsp.cli import (
    export,
    fit,
    instruments,
    live,
    pitch,
    play,
    serve,
    statistics,
    train,
    transfer,
)
from ddsp.cli.checks import check
from ddsp.training.guarding import guarded

# One module a subcommand, each with `add_parser`, `run`, and what is left after Ctrl-C.
_COMMANDS = {
    'transfer': transfer,
    'play': play,
    'pitch': pitch,
    'serve': serve,
    'live': live,
    'export': export,
    'instruments': instruments,
    'train': train,
    'statistics': statistics,
    'fit': fit,
}


def make_parser() -> argparse.ArgumentParser:
    """The parser of the command line, with all subcommands."""
    parser = argparse.ArgumentParser(
        prog='ddsp', description='Differentiable digital signal processing.'
    )
    parser.add_argument(
        '--version',
        action='version',
        version=f'ddsp {importlib.metadata.version("ddsp")}',
    )
    subparsers = parser.add_subparsers(dest='command', metavar='COMMAND', required=True)
    for command in _COMMANDS.values():
        command.add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Parameters
    ----------
    argv : the command line without the program's name; that of the process by default.

    Returns
    -------
    The exit status: 0 when all went well, 1 for an error, which is told in one line on
    stderr, 130 when aborted by Ctrl-C. A wrong command line exits with 2.
    """
    arguments = make_parser().parse_args(argv)
    return _guarded(_COMMANDS[arguments.command].run, arguments)


def answer_at_once(argv: Sequence[str] | None = None) -> int | None:
    """Reads a command line, and answers what needs no TensorFlow: help and mistakes.

    Parameters
    ----------
    argv : as for `main`.

    Returns
    -------
    The exit status, as that of `main`, or None where there is work for `main`.
    """
    arguments = make_parser().parse_args(argv)
    command = _COMMANDS[arguments.command]
    if status := _guarded(check, arguments):
        return status
    needs_tensorflow = getattr(command, 'NEEDS_TENSORFLOW', True)
    return None if needs_tensorflow else _guarded(command.run, arguments)


def _guarded(
    run: Callable[[argparse.Namespace], int], arguments: argparse.Namespace
) -> int:
    """Runs a part of a command; gives its status."""
    return guarded(
        functools.partial(run, arguments),
        f'ddsp {arguments.command}',
        _COMMANDS[arguments.command].ABORTED,
        arguments.debug,
    )


if __name__ == '__main__':
    sys.exit(main())
