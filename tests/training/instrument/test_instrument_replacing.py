"""An earlier run is there until the new one has a checkpoint, whatever happens."""

from __future__ import annotations

import itertools
import os
import signal

import pytest
from killed import Killed, contents, killed_at

from ddsp.training.instrument import Settings, directory
from ddsp.training.instrument.replacing import (
    replaced_run,
    settle,
    settle_earlier,
)
from ddsp.training.termination import Terminated


def write_run(out, text, step=None) -> dict:
    """A run of a few files; gives what is in the directory then."""
    (out / 'data').mkdir(parents=True)
    for name in ('run.json', 'data/records', *ckpt_names(step)):
        (out / name).write_text(text)
    return contents(out)


def ckpt_names(step):
    if step is None:
        return []
    return [f'ckpt-{step}.data-00000-of-00001', f'ckpt-{step}.index']


@pytest.fixture
def said():
    return []


@pytest.fixture
def out(tmp_path):
    return tmp_path / 'run'


def test_a_new_run_that_comes_to_a_checkpoint(out, said):
    old = write_run(out, 'old', step=9)
    with replaced_run(out, True, said.append):
        assert contents(out / 'overwritten_run') == old
        assert [path.name for path in out.iterdir()] == ['overwritten_run']
        write_run(out, 'new', step=2)
    assert said == [
        f'the earlier run stays in {out}/overwritten_run until training ends'
    ]
    assert set(contents(out)) == {'data', 'data/records', 'run.json', *ckpt_names(2)}
    assert set(contents(out).values()) == {'new', None}


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def interrupt():
    raise KeyboardInterrupt


def fail():
    raise ValueError


ENDS = [(fail, ValueError), (interrupt, KeyboardInterrupt), (terminate, Terminated)]


@pytest.mark.parametrize('end, error', ENDS)
@pytest.mark.parametrize('step', [None, 2])
def test_a_new_run_that_is_stopped(end, error, step, out, said):
    old = write_run(out, 'old', step=9)
    with pytest.raises(error), replaced_run(out, True, said.append):
        write_run(out, 'new', step)
        end()
    if step is None:
        assert contents(out) == old
        assert said[1:] == [
            f'{out} holds the earlier run again: no other came to a checkpoint'
        ]
    else:
        assert set(contents(out).values()) == {'new', None}
        assert said[1:] == []


@pytest.mark.parametrize('step', [None, 2])
def test_whenever_it_is_killed_the_next_command_finds_a_whole_run(step, tmp_path, said):
    new = write_run(tmp_path / 'new', 'new', step)
    for change in itertools.count():
        out = tmp_path / str(change)
        old = write_run(out, 'old', step=9)
        begun = complete = False
        try:
            with killed_at(change), replaced_run(out, True, said.append):
                begun = True
                write_run(out, 'new', step)
            complete = True
        except Killed:
            pass
        settle(out, said.append)
        has_checkpoint = begun and step is not None and (out / 'ckpt-2.index').exists()
        assert contents(out) == (new if has_checkpoint else old)
        if complete:
            break
    assert has_checkpoint == (step is not None)
    assert change > 8


def test_an_earlier_run_that_cannot_be_removed(out, said, monkeypatch):
    def refuse(path):
        raise PermissionError('it is read-only')

    write_run(out, 'old', step=9)
    monkeypatch.setattr(directory, 'remove', refuse)
    with replaced_run(out, True, said.append):
        new = write_run(out, '{"gin_params": []}', step=2)
    assert 'overwritten_run cannot be removed (it is read-only)' in said[-1]
    # The next command goes on from there,
    assert directory.find_run(out, {}, overwrite=True) == (Settings(), None)
    # but has no room for one more.
    with (
        pytest.raises(FileExistsError, match=r'overwritten_run .* remove it'),
        replaced_run(out, True, said.append),
    ):
        pass
    found = contents(out)
    assert {name: found[name] for name in new} == new


@pytest.mark.parametrize('name', ['overwritten_run', 'overwritten_run.unfinished'])
def test_where_nobody_knows_who_is_at_work(name, out, said):
    """A directory that cannot be held may be another one's, in the midst of it."""
    write_run(out / name, 'old', step=9)
    (out / 'summaries').mkdir()
    before = contents(out)
    with pytest.raises(OSError, match=rf'{name} .*cannot be locked.*move'):
        settle_earlier(out, False, said.append)
    assert contents(out) == before
    settle_earlier(out, True, said.append)
    assert not (out / name).exists()


def test_where_nothing_was_put_aside_it_does_not_matter(out, said):
    settle_earlier(out, False, said.append)
    before = write_run(out, 'new')
    settle_earlier(out, False, said.append)
    assert contents(out) == before
    assert said == []


def test_where_there_is_no_earlier_run(out, said):
    out.mkdir()
    (out / 'data.unfinished').mkdir()
    with replaced_run(out, True, said.append):
        assert contents(out) == {'data.unfinished': None}
    settle(out, said.append)
    assert contents(out) == {'data.unfinished': None}
    assert said == []


def test_a_run_that_goes_on_stays_where_it_is(out, said):
    old = write_run(out, 'old', step=9)
    with pytest.raises(Terminated), replaced_run(out, False, said.append):
        assert contents(out) == old
        raise Terminated
    settle(out, said.append)
    assert contents(out) == old
    assert said == []


def test_what_others_have_put_there_is_kept(out, said):
    write_run(out, 'old', step=9)
    with pytest.raises(ValueError), replaced_run(out, True, said.append):
        (out / 'notes.txt').write_text('precious')
        raise ValueError
    assert (out / 'notes.txt').read_text() == 'precious'
    assert (out / 'ckpt-9.index').read_text() == 'old'
