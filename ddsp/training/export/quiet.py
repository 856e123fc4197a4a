"""Silence for libraries that talk on stdout and stderr, whatever they are written in.

Converters print the whole graph where one operation is missing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Hides what is written on stdout and stderr, warnings and logs as well."""
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.ExitStack() as stack:
        hidden = stack.enter_context(tempfile.TemporaryFile())
        for number in (1, 2):
            try:
                kept = os.dup(number)
            except OSError:  # There is nothing to write on.
                continue
            os.dup2(hidden.fileno(), number)
            stack.callback(_restore, kept, number)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter('ignore')
        disabled = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        stack.callback(logging.disable, disabled)
        yield


def _restore(kept: int, number: int) -> None:
    (sys.stdout if number == 1 else sys.stderr).flush()
    os.dup2(kept, number)
    os.close(kept)
