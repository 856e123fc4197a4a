"""A server for a folder, on this machine alone."""

from __future__ import annotations

import functools
import http.server
from pathlib import Path
from typing import Any


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, with their right types whatever this system says of them."""

    extensions_map = {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        '.js': 'text/javascript',
        '.wasm': 'application/wasm',
        '.json': 'application/json',
        '.onnx': 'application/octet-stream',
    }

    def end_headers(self) -> None:
        """An export made anew is seen at once."""
        self.send_header('Cache-Control', 'no-cache')
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing of each file."""


def serve_folder(folder: str | Path, port: int = 0) -> http.server.ThreadingHTTPServer:
    """Makes a server of an exported page; `serve_forever` runs it.

    Parameters
    ----------
    folder : with `index.html`.
    port : to listen on; 0 takes any free one.

    Returns
    -------
    The server, which listens on 127.0.0.1 alone; its `server_port` is the port.

    Raises
    ------
    FileNotFoundError
        When there is no page in the folder.
    OSError
        When the port is taken.
    """
    folder = Path(folder)
    if not (folder / 'index.html').is_file():
        raise FileNotFoundError(
            f'there is no index.html in {folder}; expected a folder that `ddsp export '
            '--format web` wrote.'
        )
    handler = functools.partial(_Handler, directory=str(folder))
    return http.server.ThreadingHTTPServer(('127.0.0.1', port), handler)
