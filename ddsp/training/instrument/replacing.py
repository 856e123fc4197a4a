"""An earlier run in the directory of a new one: it stays until that has been trained.

Until then, the earlier one is in a folder of its own:

- `overwritten_run.unfinished`: some of its files are in there, the others where they
  were; nothing of a new run is.
- `overwritten_run`: all of it is in there, and what is outside is of the new run.

So whoever comes next knows what to do, whenever a command was killed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from ddsp.training.instrument import directory
from ddsp.training.termination import sigterm_raises

_ASIDE = 'overwritten_run'
_MOVING = 'overwritten_run.unfinished'


@contextlib.contextmanager
def replaced_run(
    out_dir: Path, overwrite: bool, say: Callable[[str], None]
) -> Iterator[None]:
    """Puts an earlier run aside, and settles in the end which of both is to stay.

    That is also when an error, Ctrl-C or SIGTERM ends the context: the new one, if it
    has a checkpoint by then, or else the earlier one.

    Parameters
    ----------
    out_dir : of the run that is begun within the context.
    overwrite : whether that is to replace an earlier one; if not, nothing is done.
    say : is told where the earlier run is.

    Raises
    ------
    FileExistsError
        When the one before that is still aside, as it could not be removed.
    """
    if not overwrite or not (out_dir / directory.SETTINGS).exists():
        yield
        return
    if (out_dir / _ASIDE).exists():
        raise FileExistsError(
            f'{out_dir / _ASIDE} is in the way of what is to be overwritten: remove '
            'it, or name another directory.'
        )
    with sigterm_raises():
        try:
            _put_aside(out_dir)
            say(f'the earlier run stays in {out_dir / _ASIDE} until training ends')
            yield
        finally:
            settle(out_dir, say)


def settle_earlier(out_dir: Path, locked: bool, say: Callable[[str], None]) -> None:
    """Settles what a command has left that was killed.

    Parameters
    ----------
    out_dir : of the runs; it need not be there.
    locked : whether no other command can be at work in there.
    say : is told when the earlier run was put back.

    Raises
    ------
    OSError
        When there is something to settle, and another command may be about to.
    """
    if locked:
        settle(out_dir, say)
        return
    for name in (_MOVING, _ASIDE):
        if (out_dir / name).exists():
            raise OSError(
                f'{out_dir / name} holds an earlier run, and {out_dir} cannot be '
                'locked: another ddsp train may be replacing that run. Wait for it; if '
                f'there is none, move what is in {name} back, or move {name} away to '
                'go on with a newer run beside it.'
            )


def settle(out_dir: Path, say: Callable[[str], None]) -> None:
    """Removes a run that was put aside, if the new one has a checkpoint.

    If it has none, it is the new one that is removed, and the other put back. Where
    nothing was put aside, nothing is done.

    Parameters
    ----------
    out_dir : of the runs.
    say : is told when the earlier run was put back.
    """
    aside, moving = out_dir / _ASIDE, out_dir / _MOVING
    if aside.is_dir() and not moving.is_dir():
        if directory.has_checkpoint(out_dir):
            _remove_old(aside, say)
            return
        for path in directory.outputs(out_dir):
            directory.remove(path)
        aside.rename(moving)
    if moving.is_dir():
        for path in list(moving.iterdir()):
            path.rename(out_dir / path.name)
        moving.rmdir()
        say(f'{out_dir} holds the earlier run again: no other came to a checkpoint')


def _remove_old(aside: Path, say: Callable[[str], None]) -> None:
    try:
        directory.remove(aside)
    except OSError as error:  # No reason to give up what was learnt.
        say(f'{aside} cannot be removed ({error}); the new run does not need it')


def _put_aside(out_dir: Path) -> None:
    moving = out_dir / _MOVING
    moving.mkdir()
    for path in directory.outputs(out_dir):
        path.rename(moving / path.name)
    moving.rename(out_dir / _ASIDE)
