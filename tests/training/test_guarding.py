from __future__ import annotations

import pytest

from ddsp.training.guarding import FORESEEN, guarded, told
from ddsp.training.termination import Terminated


class OwnError(ValueError):
    """A kind that comes from elsewhere."""


def _ends(error: BaseException | None, debug: bool = False, **options: tuple) -> int:
    def run() -> int:
        if error is not None:
            raise error
        return 3

    return guarded(run, 'tool job', 'nothing was written', debug, **options)


def test_a_command_gives_its_own_status(capsys: pytest.CaptureFixture):
    assert _ends(None) == 3
    assert capsys.readouterr() == ('', '')


@pytest.mark.parametrize(
    'stop, status', [(KeyboardInterrupt(), 130), (Terminated(), 143)]
)
def test_a_stop_tells_what_is_left(
    stop: BaseException, status: int, capsys: pytest.CaptureFixture
):
    assert _ends(stop) == status
    assert capsys.readouterr().err == '\ntool: aborted, nothing was written\n'


@pytest.mark.parametrize(
    'error, told',
    [
        (ValueError('too\n  short'), 'too short'),
        (OSError("no\n  In call to configurable 'f'"), 'no'),
        (ValueError(), 'ValueError:  (--debug shows where)'),
        (RuntimeError('lost'), 'RuntimeError: lost (--debug shows where)'),
        (OwnError('odd'), 'OwnError: odd (--debug shows where)'),
    ],
)
def test_an_error_is_told_in_one_line(
    error: Exception, told: str, capsys: pytest.CaptureFixture
):
    assert _ends(error) == 1
    assert capsys.readouterr().err == f'tool job: error: {told}\n'


def test_a_command_may_foresee_more(capsys: pytest.CaptureFixture):
    assert _ends(RuntimeError('lost'), foreseen=(*FORESEEN, RuntimeError)) == 1
    assert capsys.readouterr().err == 'tool job: error: lost\n'


def test_debug_shows_where(capsys: pytest.CaptureFixture):
    assert _ends(ValueError('short'), debug=True) == 1
    told = capsys.readouterr().err
    assert told.startswith('Traceback') and 'in run' in told
    assert told.endswith('tool job: error: short\n')


def test_a_list_may_stay_one():
    error = ValueError("missing:\n\n    one\n  two\n  In call to configurable 'f'")
    assert told(error) == 'error: missing: one two'
    assert told(error, keep_lines=True) == 'error: missing:\none\ntwo'
