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
    with _silence():
        import ddsp.cli.main
    return ddsp.cli.main.main()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Holds back what this process writes on stderr, and tells it when all fails."""
    # TensorFlow's libraries write to the file descriptor, past Python's sys.stderr.
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(kept, 2)
            held_back.seek(0)
            sys.stderr.write(held_back.read().decode(errors='replace'))
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)


if __name__ == '__main__':
    sys.exit(main())
