"""Opens the page to a browser on this machine, and clears up after it."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ddsp.training.serve.choices import find_choices
from ddsp.training.serve.desk import Desk
from ddsp.training.serve.limits import Limits
from ddsp.training.serve.page import build_page, import_gradio, launch_options
from ddsp.training.termination import Terminated, sigterm_raises

LOCALHOST = '127.0.0.1'
_FIRST_PORT, _PORTS = 7860, 100
# Gradio is to ask the network for nothing, and to keep no history in the browser.
_ENVIRONMENT = {
    'GRADIO_ANALYTICS_ENABLED': 'False',
    'GRADIO_RUN_HISTORY': 'False',
    'HF_HUB_DISABLE_TELEMETRY': '1',
}


def serve_page(
    instruments: Sequence[str] = (),
    host: str = LOCALHOST,
    port: int | None = None,
    open_browser: bool = True,
    limits: Limits | None = None,
    say: Callable[[str], None] = print,
) -> int:
    """Serves the page until Ctrl-C or SIGTERM.

    Recordings and sounds stand in a temporary directory that is removed at the end;
    old ones go earlier.

    Parameters
    ----------
    instruments : models of one's own: directories, checkpoints or archives.
    host : address to listen on; that of this machine alone by default.
    port : to listen on. 0 takes any free one; `None` the first free one from 7860 on.
    open_browser : whether to open the page in a browser.
    limits : for recordings.
    say : is given lines for people.

    Returns
    -------
    The number of the signal that ended it.

    Raises
    ------
    ImportError
        Without `pip install 'ddsp[web]'`.
    ValueError, OSError
        When an instrument cannot be loaded, or the address cannot be used.
    """
    with (
        _own_folder(host) as folder,
        sigterm_raises(),
        contextlib.ExitStack() as stack,
    ):
        try:
            gr = import_gradio()
            port = free_port(host, port)
            desk = Desk(find_choices(instruments), limits or Limits(), folder)
            page = build_page(desk)
            stack.callback(page.close, verbose=False)
            page.launch(
                server_name=_bracketed(host),
                server_port=port,
                inbrowser=open_browser,
                **launch_options(gr, desk),
            )
            for line in greeting(host, port):
                say(line)
            threading.Event().wait()
        except KeyboardInterrupt:
            return signal.SIGINT
        except Terminated:
            return signal.SIGTERM
    raise AssertionError('the page ended by itself')


def free_port(host: str, port: int | None) -> int:
    """Finds a port on which nobody listens.

    Parameters
    ----------
    host : address to listen on.
    port : see `serve_page`.

    Raises
    ------
    OSError
        When the port is taken or not allowed, or `host` is no address of this machine.
    """
    tried = range(_FIRST_PORT, _FIRST_PORT + _PORTS) if port is None else [port]
    reason: Exception | None = None
    for number in tried:
        try:
            return _bind(host, number)
        except (OSError, OverflowError) as error:
            reason = error
    asked = f'ports {tried[0]} to {tried[-1]}' if port is None else f'port {port}'
    raise OSError(
        f'cannot listen on {asked} of {host}: {reason}. Name another --port (0 takes '
        f'any that is free), and a --host that is an address of this machine.'
    ) from reason


def greeting(host: str, port: int) -> list[str]:
    """What to say once the page is there: a line each.

    Parameters
    ----------
    host, port : where it is.
    """
    wildcard = host in ('0.0.0.0', '::')
    shown = 'localhost' if wildcard else _bracketed(host)
    lines = [f'Open http://{shown}:{port} in a browser. Ctrl-C ends it.']
    if not _is_local(host):
        lines.append(
            f'It listens on {host}: everyone who reaches this machine over the network '
            'can use it. Browsers let them upload, but not record, without HTTPS.'
        )
    return lines


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'


def _bracketed(host: str) -> str:
    """An address as it stands in a URL."""
    return f'[{host}]' if ':' in host else host


def _bind(host: str, port: int) -> int:
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        return listener.getsockname()[1]


@contextlib.contextmanager
def _own_folder(host: str) -> Iterator[Path]:
    """A folder in which Gradio keeps all files, removed with everything in it."""
    with tempfile.TemporaryDirectory(
        prefix='ddsp-serve-', ignore_cleanup_errors=True
    ) as folder:
        # A link in the path would make Gradio take its own files for those of others.
        folder = os.path.realpath(folder)
        changed = {
            **_ENVIRONMENT,
            'GRADIO_TEMP_DIR': folder,
            'no_proxy': _no_proxy(host),
        }
        before = {name: os.environ.get(name) for name in changed}
        os.environ.update(changed)
        try:
            yield Path(folder)
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def _no_proxy(host: str) -> str:
    """Hosts that no proxy stands before; Gradio sees whether its own page is there."""
    given = os.environ.get('no_proxy') or os.environ.get('NO_PROXY') or ''
    return ','.join(filter(None, [given, 'localhost', LOCALHOST, host]))
