"""Loading TensorFlow without what its libraries write on stderr meanwhile."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hides what is written on stderr, by libraries in C as well, if no error comes.

    TensorFlow tells of missing GPUs and of rounding before it reads
    `TF_CPP_MIN_LOG_LEVEL`; a person who wants to hear singing need not know.
    """
    sys.stderr.flush()
    try:
        stderr = os.dup(2)
    except OSError:  # There is no stderr to write on.
        yield
        return
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except BaseException:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            hidden.seek(0)
            os.write(2, hidden.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
