"""`ddsp serve`: timbre transfer on a web page."""

from __future__ import annotations

import argparse
import signal
from typing import Any

from ddsp.cli.options import add_command, add_debug
from ddsp.training.termination import TERMINATED

ABORTED = 'nothing is left behind'

_DESCRIPTION = """\
Opens a web page on which recordings are played by instruments: record or upload a
melody, choose an instrument, listen, look, download. It runs on this machine alone and
needs no network.

Ctrl-C ends it (exit status 0); recordings and sounds are removed then.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `serve` to the subcommands."""
    parser = add_command(
        subparsers,
        'serve',
        'a web page that plays recordings on instruments',
        _DESCRIPTION,
    )
    add = parser.add_argument
    add(
        '--instrument',
        action='append',
        default=[],
        metavar='DIR',
        help='a model of your own, as `ddsp train` writes it; may be repeated',
    )
    add(
        '--host',
        default='127.0.0.1',
        metavar='ADDRESS',
        help='address to listen on (default: 127.0.0.1, this machine alone; 0.0.0.0 '
        'lets in everyone who reaches this machine over the network)',
    )
    add(
        '--port',
        type=int,
        metavar='N',
        help='port to listen on; 0 takes any free one (default: the first free one '
        'from 7860 on)',
    )
    opening = parser.add_mutually_exclusive_group()
    opening.add_argument(
        '--open',
        action='store_true',
        default=True,
        help='open the page in a browser (this is the default)',
    )
    opening.add_argument(
        '--no_open',
        dest='open',
        action='store_false',
        help='only say where the page is',
    )
    add(
        '--max_mb',
        type=float,
        metavar='MB',
        help='largest file to take (default: 200)',
    )
    add(
        '--max_minutes',
        type=float,
        metavar='MINUTES',
        help='longest recording to take (default: 10)',
    )
    add_debug(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    # What the extra `web` brings loads here, after the command line was understood.
    from ddsp.training import serve

    given = {
        name: getattr(arguments, name)
        for name in ('max_mb', 'max_minutes')
        if getattr(arguments, name) is not None
    }
    ended = serve.serve_page(
        arguments.instrument,
        host=arguments.host,
        port=arguments.port,
        open_browser=arguments.open,
        limits=serve.Limits(**given),
        say=lambda line: print(line, flush=True),
    )
    return TERMINATED if ended == signal.SIGTERM else 0
