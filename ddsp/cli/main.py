"""The `ddsp` command."""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
import traceback
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
    """Runs a part of a command; gives its status, or tells the error in one line."""
    try:
        return run(arguments)
    except KeyboardInterrupt:
        left = _COMMANDS[arguments.command].ABORTED
        print(f'\nddsp: aborted, {left}', file=sys.stderr)
        return 130
    except Exception as error:
        if arguments.debug:
            traceback.print_exc()
        print(f'ddsp {arguments.command}: {_one_line(error)}', file=sys.stderr)
        return 1


def _one_line(error: Exception) -> str:
    """What an error says, in one line; its kind as well where that is unforeseen."""
    # Gin adds which of its functions was called, to each error that comes out of one.
    text = str(error).split('\n  In call to configurable')[0]
    text = ' '.join(text.split())
    foreseen = (OSError, ValueError, ImportError, FloatingPointError)
    if text and type(error).__module__ == 'builtins' and isinstance(error, foreseen):
        return f'error: {text}'
    kind = type(error).__name__
    return f'error: {kind}: {text[:300]} (--debug shows where)'


if __name__ == '__main__':
    sys.exit(main())
