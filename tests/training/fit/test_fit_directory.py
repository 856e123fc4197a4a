from __future__ import annotations

import os

import pytest

from ddsp.training.fit.directory import check_free, new_directory


def names(path):
    return sorted(p.name for p in path.iterdir())


def test_it_appears_when_complete(tmp_path):
    out = tmp_path / 'a' / 'out'
    with new_directory(out, overwrite=False) as partial:
        (partial / 'x').write_text('1')
        assert not out.exists()
    assert names(out) == ['x']
    assert names(out.parent) == ['out']


def test_its_permissions_are_ordinary(tmp_path):
    with new_directory(tmp_path / 'out', overwrite=False):
        pass
    (tmp_path / 'ordinary').mkdir()
    modes = [os.stat(tmp_path / name).st_mode for name in ('out', 'ordinary')]
    assert modes[0] == modes[1]


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
def test_an_error_leaves_nothing(tmp_path, error):
    with pytest.raises(error), new_directory(tmp_path / 'out', overwrite=False) as part:
        (part / 'x').write_text('1')
        raise error
    assert names(tmp_path) == []


def test_an_empty_directory_is_used(tmp_path):
    (tmp_path / 'out').mkdir()
    with new_directory(tmp_path / 'out', overwrite=False) as partial:
        (partial / 'x').touch()
    assert names(tmp_path / 'out') == ['x']
    assert names(tmp_path) == ['out']


def test_a_full_directory_is_kept(tmp_path):
    (tmp_path / 'old').touch()
    with pytest.raises(FileExistsError, match='--overwrite'):
        check_free(tmp_path, overwrite=False)
    with pytest.raises(FileExistsError), new_directory(tmp_path, overwrite=False):
        pass
    assert names(tmp_path) == ['old']


def test_overwriting_keeps_the_old_until_the_new_is_complete(tmp_path):
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'report.html').touch()
    with pytest.raises(ValueError), new_directory(out, overwrite=True):
        raise ValueError
    assert names(out) == ['report.html']
    with new_directory(out, overwrite=True) as partial:
        (partial / 'new').touch()
        assert names(out) == ['report.html']
    assert names(out) == ['new']
    assert names(tmp_path) == ['out']


def test_overwriting_takes_nothing_that_no_fit_has_written(tmp_path):
    for name in ('report.html', 'song.wav'):
        (tmp_path / name).touch()
    with pytest.raises(FileExistsError, match=r'such as song\.wav'):
        check_free(tmp_path, overwrite=True)
    with pytest.raises(FileExistsError), new_directory(tmp_path, overwrite=True):
        pass
    assert names(tmp_path) == ['report.html', 'song.wav']


def test_a_folder_that_cannot_be_written_into(tmp_path):
    (tmp_path / 'words.txt').touch()
    out = tmp_path / 'words.txt' / 'deep' / 'out'
    said = rf'out cannot be written: {tmp_path}/words\.txt is no folder'
    with pytest.raises(PermissionError, match=said):
        check_free(out, overwrite=False)
    with pytest.raises(PermissionError, match=said):
        check_free(out, overwrite=True)


def test_asking_leaves_nothing(tmp_path):
    check_free(tmp_path / 'deep' / 'out', overwrite=False)
    assert names(tmp_path) == []


def test_a_file_is_in_the_way(tmp_path):
    (tmp_path / 'out').touch()
    with pytest.raises(NotADirectoryError, match='is a file'):
        check_free(tmp_path / 'out', overwrite=True)
