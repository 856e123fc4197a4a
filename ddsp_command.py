"""Starts the commands: `ddsp`, `ddsp_run`, `ddsp_prepare_tfrecord`, `ddsp_export`.

A module beside the package, because importing anything of the package waits for
TensorFlow, which takes seconds and talks on stderr meanwhile. Here the version is told
at once, and TensorFlow is loaded in silence.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import os
import sys
import tempfile
import types
from collections.abc import Iterator


def main() -> int:
    """Runs the command line of this process; gives its exit status."""
    if sys.argv[1:] == ['--version']:
        print('ddsp', importlib.metadata.version('ddsp'))
        return 0
    try:
        return _quietly('ddsp.cli.main').main()
    except KeyboardInterrupt:  # While loading, before anything could be begun.
        print('\nddsp: aborted, nothing was done', file=sys.stderr)
        return 130


def run() -> int:
    """Runs `ddsp_run`; gives its exit status."""
    return _quietly('ddsp.training.ddsp_run').console_entry_point()


def prepare_tfrecord() -> int:
    """Runs `ddsp_prepare_tfrecord`; gives its exit status."""
    module = 'ddsp.training.data_preparation.ddsp_prepare_tfrecord'
    return _quietly(module).console_entry_point()


def generate_synthetic_dataset() -> int:
    """Runs `ddsp_generate_synthetic_dataset`; gives its exit status."""
    module = 'ddsp.training.data_preparation.ddsp_generate_synthetic_dataset'
    return _quietly(module).console_entry_point()


def export() -> int:
    """Runs `ddsp_export`; gives its exit status."""
    return _quietly('ddsp.training.ddsp_export').console_entry_point()


def _quietly(module: str) -> types.ModuleType:
    """Imports a module, and TensorFlow with it, in silence."""
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    with quiet_stderr():
        return importlib.import_module(module)


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
