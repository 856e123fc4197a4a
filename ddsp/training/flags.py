"""Command lines as absl writes them: `--flag=value`, `--flag`, `--noflag`."""

from __future__ import annotations

import argparse
from typing import Any

_TRUE = ('true', 't', '1', 'yes', 'y')
_FALSE = ('false', 'f', '0', 'no', 'n')


def add_switch(
    parser: argparse.ArgumentParser, name: str, default: bool, help: str
) -> None:
    """Adds a boolean flag: `--name`, `--noname`, `--name=true` or `--name=false`."""
    parser.add_argument(
        f'--{name}',
        nargs='?',
        const=True,
        default=default,
        type=_boolean,
        metavar='BOOL',
        help=f'{help} (default: {str(default).lower()}; --no{name} turns it off)',
    )
    parser.add_argument(
        f'--no{name}', dest=name, action='store_false', help=argparse.SUPPRESS
    )


def add_list(parser: argparse.ArgumentParser, name: str, help: str) -> None:
    """Adds a flag that may be given several times and gathers a list."""
    parser.add_argument(
        f'--{name}', action='append', default=[], metavar='VALUE', help=help
    )


def split_commas(values: list[str] | str) -> list[str]:
    """The parts of comma-separated values, without empty ones."""
    values = [values] if isinstance(values, str) else values
    parts = [part.strip() for value in values for part in value.split(',')]
    return [part for part in parts if part]


def _boolean(text: str) -> Any:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise argparse.ArgumentTypeError(f'{text!r} is neither true nor false')
