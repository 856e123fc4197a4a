"""What a training run begins with: its own last checkpoint, another one, or nothing."""

from __future__ import annotations

import contextlib
import os
import time

from ddsp.training import checkpoint_files, save_directory
from ddsp.training.telling import tell
from ddsp.training.trainers import Trainer

#: Where runs go that name no directory, as programs written for it expect.
DEFAULT_DIR = '/tmp/ddsp'


class _NotNamed(str):
    """A default, told from the same path when somebody names it."""


NOT_NAMED = _NotNamed(DEFAULT_DIR)


def find_beginning(save_dir: str, restore_dir: str) -> str | None:
    """The path of what a run starts from that has no checkpoint of its own yet.

    Raises
    ------
    FileNotFoundError
        When one is named that has none, and is needed.
    """
    if not restore_dir or isinstance(restore_dir, _NotNamed):
        return None
    path = save_directory.expand_path(restore_dir)
    if os.path.realpath(path) == os.path.realpath(save_dir):
        return None
    try:
        checkpoint_files.latest(path)
    except FileNotFoundError as error:
        # Configurations that were written down name the default, too.
        needed = checkpoint_files.newest_complete(save_dir) is None
        if needed and restore_dir != DEFAULT_DIR:
            raise FileNotFoundError(
                f'train.restore_dir: {error} To train from step 0, leave restore_dir '
                'out.'
            ) from error
        return None
    return path


def held(save_dir: str, chief: bool) -> contextlib.AbstractContextManager:
    """Keeps other runs from a directory; of the workers of one run, the chief does.

    Raises
    ------
    OSError
        When nothing can be written there, or another process is training there.
    """
    if not chief:
        return contextlib.nullcontext()
    save_directory.make_writable(save_dir)
    return save_directory.held(save_dir)


def start(trainer: Trainer, save_dir: str, beginning: str | None) -> None:
    """Fills the model from a checkpoint, if there is one to go on from.

    Parameters
    ----------
    trainer : built, to be filled.
    save_dir : of the run; what is there comes first.
    beginning : what `find_beginning` found.

    Raises
    ------
    ValueError
        When the checkpoints are of another model, or do not say at which step they are.
    OSError
        When none of those there are can be read.
    """
    began = time.monotonic()
    if checkpoint_files.newest_complete(save_dir) is not None:
        try:
            # A run that goes on needs all of the model, whatever it was started from.
            trainer.restore_keys, keys = None, trainer.restore_keys
            path = trainer.restore(save_dir)
        except ValueError as error:
            raise ValueError(
                f'save_dir {save_dir} has checkpoints of another model: {error} Name '
                'another save_dir to train this one.'
            ) from error
        finally:
            trainer.restore_keys = keys
        _check_step(trainer, path)
        what = 'going on from'
    elif beginning is not None:
        path = trainer.restore(beginning)
        what = 'starting from'
    else:
        tell(f'no checkpoint in {save_dir}: training from step 0')
        return
    seconds = time.monotonic() - began
    tell(f'{what} {path}, step {int(trainer.step)} (read in {seconds:.1f} s)')


def _check_step(trainer: Trainer, path: str) -> None:
    """Refuses to write checkpoints of steps below those that are there."""
    step, named = int(trainer.step), checkpoint_files.step_of(path)
    if step < named:
        raise ValueError(
            f'{path} does not say how its training stood, so that training would begin '
            f'again at step {step}, and its checkpoints be older than this one. Give '
            f'it as restore_dir, and another save_dir.'
        )
