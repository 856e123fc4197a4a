from __future__ import annotations

import json

import pytest

from ddsp.training.instrument import Settings
from ddsp.training.instrument.directory import has_checkpoint, open_run


def fake_checkpoint(out) -> None:
    for name in ('ckpt-5.index', 'ckpt-5.data-00000-of-00001'):
        (out / name).write_bytes(b'')


def test_a_new_directory(tmp_path):
    out = tmp_path / 'deep' / 'run'
    settings = open_run(out, {'model': 'ae', 'steps': 4})
    assert settings == Settings(model='ae', steps=4)
    assert json.loads((out / 'run.json').read_text())['model'] == 'ae'
    assert not has_checkpoint(out)


def test_a_run_goes_on_with_its_settings(tmp_path):
    open_run(tmp_path, {'model': 'ae', 'seed': 3, 'gin_params': ['a = 1']})
    fake_checkpoint(tmp_path)
    found = open_run(tmp_path, {'model': None, 'steps': 9, 'gin_params': ['b = 2']})
    assert found == Settings(model='ae', steps=9, seed=3, gin_params=('a = 1', 'b = 2'))
    assert open_run(tmp_path, {}) == found


@pytest.mark.parametrize(
    'name, value',
    [('model', 'vst'), ('seed', 1), ('eval_split', 0.5), ('method', 'pyin')],
)
def test_what_cannot_change_any_more(name, value, tmp_path):
    open_run(tmp_path, {})
    # As long as there is no checkpoint, everything can.
    open_run(tmp_path, {name: value})
    open_run(tmp_path, {name: getattr(Settings(), name)})
    fake_checkpoint(tmp_path)
    before = (tmp_path / 'run.json').read_text()
    with pytest.raises(ValueError, match=rf'holds a run of --{name} .*--overwrite'):
        open_run(tmp_path, {name: value})
    assert (tmp_path / 'run.json').read_text() == before
    assert has_checkpoint(tmp_path)


def test_starting_again(tmp_path):
    open_run(tmp_path, {'model': 'ae', 'steps': 3})
    fake_checkpoint(tmp_path)
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data' / 'a').touch()
    found = open_run(tmp_path, {'model': 'vst'}, overwrite=True)
    assert found == Settings(model='vst')
    assert [path.name for path in tmp_path.iterdir()] == ['run.json']


@pytest.mark.parametrize('overwrite', [False, True])
@pytest.mark.parametrize('names', [['song.wav'], ['run.json', 'song.wav'], ['ckpt-1']])
def test_what_others_have_written_is_kept(names, overwrite, tmp_path):
    for name in names:
        (tmp_path / name).write_text('precious')
    with pytest.raises(FileExistsError, match=f'has not written, such as {names[-1]}'):
        open_run(tmp_path, {}, overwrite)
    for name in names:
        assert (tmp_path / name).read_text() == 'precious'


def test_a_file_in_the_way(tmp_path):
    (tmp_path / 'run').touch()
    with pytest.raises(NotADirectoryError, match='is a file'):
        open_run(tmp_path / 'run', {}, overwrite=True)


def test_a_directory_that_cannot_be_written(tmp_path):
    (tmp_path / 'words.txt').touch()
    said = rf'run cannot be written: {tmp_path}/words\.txt is no folder'
    with pytest.raises(PermissionError, match=said):
        open_run(tmp_path / 'words.txt' / 'run', {})


@pytest.mark.parametrize('text', ['{', '[]', '{"colour": 1, "gin_params": []}'])
def test_a_damaged_description(text, tmp_path):
    (tmp_path / 'run.json').write_text(text)
    with pytest.raises(ValueError, match='no description of a run'):
        open_run(tmp_path, {})
    open_run(tmp_path, {}, overwrite=True)
