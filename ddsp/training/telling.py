"""What commands say as they work: lines on stderr, at once."""

from __future__ import annotations

import sys


def tell(line: str) -> None:
    """Writes a line to stderr; what is piped out of a command stays clean of it."""
    print(line, file=sys.stderr, flush=True)
