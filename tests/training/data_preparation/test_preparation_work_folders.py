"""Working folders of preparations that run, were killed, or are left behind."""

from __future__ import annotations

import contextlib
import os
import socket
import threading

import pytest
import tensorflow as tf
from small_preparation import prepare

from ddsp.training.data_preparation import work_folders
from ddsp.training.data_preparation.work_folders import work_folder

DAY = 86_400


@pytest.fixture
def output(tmp_path) -> str:
    return str(tmp_path / 'a.tfrecord')


@pytest.fixture(params=['.a.tfrecord.unfinished', '.a.tfrecord.unfinished-0f3a'])
def left(request, tmp_path):
    """A working folder that is there already; versions before gave it a fixed name."""
    folder = tmp_path / request.param
    folder.mkdir()
    (folder / 'audio-000000').touch()
    return folder


def own_by(folder, *words) -> None:
    (folder / 'owner').write_text(' '.join(str(word) for word in words))


def make_old(folder, seconds: float) -> None:
    for path in folder.iterdir():
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))


def test_each_call_has_a_folder_of_its_own(output):
    with work_folder(output) as first:
        assert os.listdir(first) == ['owner']
    with work_folder(output) as second:
        # As from a worker that outlives the first call, as after Ctrl-C in a notebook.
        os.makedirs(first)
        assert os.path.isdir(second)
    assert first != second and not os.path.exists(second)


def test_the_same_records_are_not_prepared_twice_at_once(output, tmp_path):
    (tmp_path / 'link').symlink_to(tmp_path)
    for same in (output, str(tmp_path / 'link' / 'a.tfrecord')):
        with work_folder(output) as first:
            with (
                pytest.raises(RuntimeError, match='this process is preparing'),
                work_folder(same),
            ):
                pytest.fail('two at once')
            assert os.listdir(first) == ['owner']
    with work_folder(output), work_folder(f'{output}.b'):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ['link']


def test_folders_of_other_records_are_let_be(output, tmp_path):
    names = ['.a.tfrecord.unfinished-x.unfinished-12', '.b.tfrecord.unfinished']
    for name in names:
        (tmp_path / name).mkdir()
    with work_folder(output):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_the_number_of_a_process_may_go_to_another(left, output):
    host, parent = socket.gethostname(), os.getppid()
    own_by(left, host, parent, 1, 'of-another-boot')
    with work_folder(output):
        assert not left.exists()
    left.mkdir()
    own_by(left, host, *work_folders._process(parent))
    with pytest.raises(RuntimeError, match='is preparing'), work_folder(output):
        pytest.fail('two at once')
    assert left.exists()


@pytest.mark.parametrize('content', [None, '', 'words of no sense'])
def test_a_folder_of_nobody_is_removed(left, output, content):
    if content is not None:
        (left / 'owner').write_text(content)
    with work_folder(output):
        assert not left.exists()


def test_a_folder_that_this_process_has_left_is_removed(left, output):
    own_by(left, socket.gethostname(), *work_folders._process(os.getpid()))
    with work_folder(output):
        assert not left.exists()


def test_a_folder_that_cannot_be_removed_is_in_nobodys_way(left, output, monkeypatch):
    def refuse(path):
        raise tf.errors.FailedPreconditionError(None, None, 'Directory not empty')

    with monkeypatch.context() as patched:
        patched.setattr(tf.io.gfile, 'rmtree', refuse)
        with work_folder(output) as path:
            assert path != str(left)


@pytest.mark.parametrize(
    'seconds, kept', [(0, True), (DAY - 60, True), (DAY + 60, False)]
)
def test_a_folder_of_another_machine_is_removed_after_a_day(
    left, output, seconds, kept
):
    own_by(left, 'elsewhere', 1)
    make_old(left, seconds)
    with work_folder(output):
        assert left.exists() == kept


def test_one_file_that_was_just_written_is_enough(left, output):
    own_by(left, 'elsewhere', 1)
    make_old(left, 2 * DAY)
    (left / 'audio-000001').touch()
    with work_folder(output):
        assert left.exists()


def test_no_process_is_sent_a_signal_where_that_means_ctrl_c(left, output, monkeypatch):
    monkeypatch.setattr(work_folders.os, 'kill', lambda *_: pytest.fail('a signal'))
    own_by(left, socket.gethostname(), os.getppid())
    with monkeypatch.context() as patched:
        patched.setattr(work_folders, '_process', lambda number: (str(number),))
        patched.setattr(work_folders.os, 'name', 'nt')
        with work_folder(output) as path:
            there = tf.io.gfile.exists(str(left)), tf.io.gfile.exists(path)
    assert there == (True, True)


def test_two_processes_that_start_together_go_one_after_the_other(output, monkeypatch):
    # The first is held where it has found no folder and made none; the second has to
    # wait, and then finds it.
    found, go_on = threading.Event(), threading.Event()
    makedirs = tf.io.gfile.makedirs

    def makedirs_later(path):
        found.set()
        assert go_on.wait(60)
        makedirs(path)

    monkeypatch.setattr(tf.io.gfile, 'makedirs', makedirs_later)
    monkeypatch.setattr(work_folders, '_is_running', lambda process: True)
    # As in two processes, of which each knows its own outputs only.
    monkeypatch.setattr(
        work_folders, '_only_one_here', lambda _: contextlib.nullcontext()
    )
    entered, refused = [], []
    leave = threading.Event()

    def start():
        try:
            with work_folder(output):
                entered.append(True)
                assert leave.wait(60)
        except RuntimeError as error:
            refused.append(str(error))

    first, second = threading.Thread(target=start), threading.Thread(target=start)
    first.start()
    assert found.wait(60)
    second.start()
    go_on.set()
    second.join(5)
    leave.set()
    first.join()
    second.join()
    assert len(entered) == len(refused) == 1


def test_two_preparations_at_once(sounds, tmp_path):
    folder = tmp_path / '.a.tfrecord.unfinished'
    folder.mkdir()
    own_by(folder, socket.gethostname(), os.getppid())
    with pytest.raises(RuntimeError, match=r'is preparing .*a\.tfrecord already'):
        prepare(sounds / 'mono.wav', tmp_path)
