"""Files and directories that are complete, or as they were."""

from __future__ import annotations

import itertools
import os

import pytest
from killed import Killed, contents, killed_at

from ddsp.training.output_paths import (
    check_directory,
    check_file,
    new_directory,
    new_files,
    write_text,
)


def foreign(path):
    others = sorted({p.name for p in path.iterdir()} - {'new', 'old'})
    return f'what is no work of ours, such as {others[0]}' if others else None


def made(out, overwrite=False):
    return new_directory(out, overwrite, foreign)


def check(out, overwrite=False):
    check_directory(out, overwrite, foreign)


def names(path):
    return sorted(p.name for p in path.iterdir())


def test_a_directory_appears_when_complete(tmp_path):
    out = tmp_path / 'a' / 'out'
    with made(out) as partial:
        (partial / 'new').write_text('1')
        assert not out.exists()
    assert names(out) == ['new']
    assert names(out.parent) == ['out']


def test_its_permissions_are_ordinary(tmp_path):
    with made(tmp_path / 'out'):
        pass
    (tmp_path / 'ordinary').mkdir()
    modes = [os.stat(tmp_path / name).st_mode for name in ('out', 'ordinary')]
    assert modes[0] == modes[1]


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
def test_an_error_leaves_nothing(tmp_path, error):
    with pytest.raises(error), made(tmp_path / 'out') as partial:
        (partial / 'new').write_text('1')
        raise error
    assert names(tmp_path) == []


def test_an_empty_directory_is_used(tmp_path):
    (tmp_path / 'out').mkdir()
    with made(tmp_path / 'out') as partial:
        (partial / 'new').touch()
    assert names(tmp_path / 'out') == ['new']
    assert names(tmp_path) == ['out']


def test_a_full_directory_is_kept(tmp_path):
    (tmp_path / 'old').touch()
    with pytest.raises(FileExistsError, match=r'is not empty; .* --overwrite'):
        check(tmp_path)
    with pytest.raises(FileExistsError), made(tmp_path):
        pass
    assert names(tmp_path) == ['old']


def test_overwriting_keeps_the_old_until_the_new_is_complete(tmp_path):
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'old').touch()
    with pytest.raises(ValueError), made(out, overwrite=True):
        raise ValueError
    assert names(out) == ['old']
    with made(out, overwrite=True) as partial:
        (partial / 'new').touch()
        assert names(out) == ['old']
    assert names(out) == ['new']
    assert names(tmp_path) == ['out']


def test_a_link_goes_on_leading_to_the_directory(tmp_path):
    target, link = tmp_path / 'far' / 'target', tmp_path / 'link'
    target.mkdir(parents=True)
    (target / 'old').touch()
    link.symlink_to(target)
    with made(link, overwrite=True) as partial:
        (partial / 'new').touch()
    assert link.readlink() == target
    assert names(target) == ['new']
    assert names(target.parent) == ['target']
    assert names(tmp_path) == ['far', 'link']


def test_overwriting_takes_nothing_that_is_foreign(tmp_path):
    for name in ('old', 'song.wav'):
        (tmp_path / name).touch()
    said = r'no work of ours, such as song\.wav, and would be lost; name another'
    with pytest.raises(FileExistsError, match=said):
        check(tmp_path, overwrite=True)
    with pytest.raises(FileExistsError), made(tmp_path, overwrite=True):
        pass
    assert names(tmp_path) == ['old', 'song.wav']


def test_whenever_it_is_killed_one_of_both_is_there(tmp_path):
    """The next command finds the old directory or the new one, whole."""
    found = []
    for change in itertools.count():
        out = tmp_path / str(change) / 'out'
        (out / 'old').mkdir(parents=True)
        (out / 'old' / 'a').write_text('1')
        complete = False
        try:
            with killed_at(change), made(out, overwrite=True) as partial:
                (partial / 'new').write_text('2')
            complete = True
        except Killed:
            pass
        with pytest.raises(ValueError), made(out, overwrite=True):
            raise ValueError
        found.append(contents(out))
        if complete:
            break
    old, new = {'old': None, 'old/a': '1'}, {'new': '2'}
    assert found[0] == old and found[-1] == new
    assert all(x in (old, new) for x in found)
    assert len(found) > 4


def test_a_folder_that_cannot_be_written_into(tmp_path):
    (tmp_path / 'words.txt').touch()
    out = tmp_path / 'words.txt' / 'deep' / 'out'
    said = rf'out cannot be written: {tmp_path}/words\.txt is no folder'
    for overwrite in (False, True):
        with pytest.raises(PermissionError, match=said):
            check(out, overwrite)
        with pytest.raises(PermissionError, match=said):
            check_file(out, overwrite, tmp_path / 'source', 'recording')


def test_asking_leaves_nothing(tmp_path):
    check(tmp_path / 'deep' / 'out')
    check_file(tmp_path / 'deep' / 'a.wav', False, tmp_path / 'b.wav', 'recording')
    assert names(tmp_path) == []


def test_a_file_is_in_the_way(tmp_path):
    (tmp_path / 'out').touch()
    with pytest.raises(NotADirectoryError, match='is a file'):
        check(tmp_path / 'out', overwrite=True)


def test_files_that_may_not_be_written(tmp_path):
    source, other = tmp_path / 'source.mid', tmp_path / 'other.wav'
    for path in (source, other):
        path.touch()
    with pytest.raises(FileExistsError, match=r'other\.wav is there.*--overwrite'):
        check_file(other, False, source, 'MIDI file')
    check_file(other, True, source, 'MIDI file')
    with pytest.raises(ValueError, match=r'source\.mid is the MIDI file itself'):
        check_file(source, True, source, 'MIDI file')
    with pytest.raises(IsADirectoryError, match='is a directory'):
        check_file(tmp_path, True, source, 'MIDI file')


def test_files_appear_together_or_not_at_all(tmp_path):
    paths = [tmp_path / 'a.wav', tmp_path / 'deep' / 'b.csv']
    paths[0].write_text('old')
    with pytest.raises(ValueError), new_files(*paths) as partial:
        for path in partial:
            path.write_text('half')
        raise ValueError
    assert contents(tmp_path) == {'a.wav': 'old', 'deep': None}
    with new_files(*paths) as partial:
        assert [path.suffix for path in partial] == ['.wav', '.csv']
        for path in partial:
            path.write_text('new')
        assert paths[0].read_text() == 'old'
    assert contents(tmp_path) == {'a.wav': 'new', 'deep': None, 'deep/b.csv': 'new'}


@pytest.mark.parametrize('links', [True, False])
def test_files_that_cannot_be_put_in_place_take_none_along(
    links, tmp_path, monkeypatch
):
    def refuse(*args, **kwargs):
        raise OSError('no links on this disk')

    if not links:
        monkeypatch.setattr(os, 'link', refuse)
    old, new, wrong = (tmp_path / name for name in ('a.wav', 'b.csv', 'c.mid'))
    old.write_text('old')
    with pytest.raises(OSError), new_files(old, new, wrong) as partial:
        for path in partial:
            path.write_text('new')
        wrong.mkdir()
    assert contents(tmp_path) == {'a.wav': 'old', 'c.mid': None}


def test_text_is_complete_or_stays_as_it_was(tmp_path):
    path = tmp_path / 'deep' / 'page.html'
    write_text(path, 'Größe')
    assert path.read_text('utf-8') == 'Größe'
    with pytest.raises(Killed), killed_at(1):  # The first is the folder, `exist_ok`.
        write_text(path, 'else')
    assert path.read_text('utf-8') == 'Größe'
