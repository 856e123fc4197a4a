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
        print(f'{command}: {_one_line(error, foreseen)}', file=sys.stderr)
        return 1


def _one_line(error: Exception, foreseen: tuple[type[Exception], ...]) -> str:
    # Gin adds which of its functions was called, to each error that comes out of one.
    text = str(error).split('\n  In call to configurable')[0]
    text = ' '.join(text.split())
    if text and type(error).__module__ == 'builtins' and isinstance(error, foreseen):
        return f'error: {text}'
    kind = type(error).__name__
    return f'error: {kind}: {text[:300]} (--debug shows where)'
