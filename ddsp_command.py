"""Starts the commands: `ddsp`, `ddsp_run`, `ddsp_prepare_tfrecord`, `ddsp_export`.

A module beside the package, because importing anything of the package waits for
TensorFlow, which takes seconds and talks on stderr meanwhile. Here the command line is
read before that, so that help and mistakes are told at once, and TensorFlow is loaded
in silence.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import os
import sys
import tempfile
import types
from collections.abc import Iterator

# Packages with modules that the command line is read by, and that know no TensorFlow.
_READ_BY = (
    'ddsp',
    'ddsp.training',
    'ddsp.training.instrument',
    'ddsp.training.transfer',
)


def main() -> int:
    """Runs the command line of this process; gives its exit status."""
    if sys.argv[1:] == ['--version']:
        print('ddsp', importlib.metadata.version('ddsp'))
        return 0
    try:
        status = _answer_at_once()
        return _quietly('ddsp.cli.main').main() if status is None else status
    except KeyboardInterrupt:
        return _aborted('ddsp')


def run() -> int:
    """Runs `ddsp_run`; gives its exit status."""
    return _start('ddsp_run', 'ddsp.training.ddsp_run')


def prepare_tfrecord() -> int:
    """Runs `ddsp_prepare_tfrecord`; gives its exit status."""
    return _prepare_data('ddsp_prepare_tfrecord')


def generate_synthetic_dataset() -> int:
    """Runs `ddsp_generate_synthetic_dataset`; gives its exit status."""
    return _prepare_data('ddsp_generate_synthetic_dataset')


def export() -> int:
    """Runs `ddsp_export`; gives its exit status."""
    return _start('ddsp_export', 'ddsp.training.ddsp_export')


def _prepare_data(command: str) -> int:
    return _start(command, f'ddsp.training.data_preparation.{command}')


def _start(command: str, module: str) -> int:
    """Loads a command's module and runs it; gives its exit status."""
    try:
        loaded = _quietly(module)
    except KeyboardInterrupt:
        return _aborted(command)
    return loaded.console_entry_point()


def _aborted(command: str) -> int:
    """Tells of a Ctrl-C while loading, before anything could be begun."""
    print(f'\n{command}: aborted, nothing was done', file=sys.stderr)
    return 130


def _answer_at_once() -> int | None:
    """Tells what needs no TensorFlow; gives None where there is work to do."""
    if 'ddsp' in sys.modules:  # Somebody has waited for TensorFlow already.
        return None
    with _bare_packages():
        return importlib.import_module('ddsp.cli.main').answer_at_once()


@contextlib.contextmanager
def _bare_packages() -> Iterator[None]:
    """Lets modules be imported without what their packages import first.

    `import ddsp` loads everything, since gin files and saved models that name a layer
    rely on its being known from then on. Within this context, packages of ddsp are mere
    folders; afterwards, nothing of ddsp has been imported.
    """
    spec = importlib.util.find_spec('ddsp')
    for name in _READ_BY:
        _, *inner = name.split('.')
        folder = types.ModuleType(name)
        folder.__path__ = [
            os.path.join(place, *inner) for place in spec.submodule_search_locations
        ]
        sys.modules[name] = folder
    try:
        yield
    finally:
        for name in [n for n in sys.modules if n.split('.')[0] == 'ddsp']:
            del sys.modules[name]


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
        except Exception:
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
