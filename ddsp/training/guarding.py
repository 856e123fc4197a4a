"""How commands end that are aborted, or fail."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable

from ddsp.training.termination import ABORTED, TERMINATED, Terminated

#: Errors whose message says it all.
FORESEEN = (OSError, ValueError, ImportError, FloatingPointError)


def guarded(
    run: Callable[[], int],
    command: str,
    left: str,
    debug: bool,
    foreseen: tuple[type[Exception], ...] = FORESEEN,
) -> int:
    """Runs a command; Ctrl-C, SIGTERM and errors are told in one line on stderr.

    Parameters
    ----------
    run : gives the exit status.
    command : what was typed, such as `'ddsp fit'`.
    left : what there is after Ctrl-C, such as `'nothing was written'`.
    debug : whether to show where an error came from, too.
    foreseen : errors whose message says it all; of others the kind is told as well.

    Returns
    -------
    The exit status: that of the command, 1 for an error, 130 after Ctrl-C, 143 after a
    SIGTERM that the command lets raise `Terminated`.
    """
    try:
        return run()
    except (KeyboardInterrupt, Terminated) as stop:
        print(f'\n{command.split()[0]}: aborted, {left}', file=sys.stderr)
        return TERMINATED if isinstance(stop, Terminated) else ABORTED
    except Exception as error:
        if debug:
            traceback.print_exc()
        print(f'{command}: {told(error, foreseen)}', file=sys.stderr)
        return 1


def told(
    error: Exception,
    foreseen: tuple[type[Exception], ...] = FORESEEN,
    keep_lines: bool = False,
) -> str:
    """What a command says of an error.

    Parameters
    ----------
    error : what came.
    foreseen : see `guarded`.
    keep_lines : whether a message of several lines, such as a list, stays one.

    Returns
    -------
    `'error: '` and the message, in one line unless lines are kept.
    """
    # Gin adds which of its functions was called, to each error that comes out of one.
    lines = str(error).split('\n  In call to configurable')[0].splitlines()
    text = ('\n' if keep_lines else ' ').join(
        ' '.join(line.split()) for line in lines if line.strip()
    )
    if text and type(error).__module__ == 'builtins' and isinstance(error, foreseen):
        return f'error: {text}'
    kind = type(error).__name__
    return f'error: {kind}: {text[:300]} (--debug shows where)'
