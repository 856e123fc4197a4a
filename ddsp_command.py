"""Starts the `ddsp` command.

A module beside the package, because importing anything of the package waits for
TensorFlow, which takes seconds and talks on stderr meanwhile. Here the version is told
at once, and TensorFlow is loaded in silence.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import sys
import tempfile
from collections.abc import Iterator


def main() -> int:
    """Runs the command line of this process; gives its exit status."""
    if sys.argv[1:] == ['--version']:
        print('ddsp', importlib.metadata.version('ddsp'))
        return 0
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    with quiet_stderr():
        import ddsp.cli.main
    return ddsp.cli.main.main()


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


if __name__ == '__main__':
    sys.exit(main())
