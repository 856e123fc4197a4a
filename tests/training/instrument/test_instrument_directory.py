from __future__ import annotations

import dataclasses
import json

import pytest

from ddsp.training.instrument import Settings
from ddsp.training.instrument.directory import (
    begun_run,
    find_run,
    has_checkpoint,
    made_folder,
)
from ddsp.training.instrument.replacing import replaced_run


def fake_checkpoint(out, step=5) -> None:
    for name in (f'ckpt-{step}.index', f'ckpt-{step}.data-00000-of-00001'):
        (out / name).write_bytes(b'')


def open_run(out, given, overwrite=False) -> Settings:
    """A run that is begun, or goes on, and meets no error."""
    settings, _ = find_run(out, given, overwrite)
    with (
        made_folder(out),
        replaced_run(out, overwrite, lambda line: None),
        begun_run(out, settings),
    ):
        if overwrite:
            fake_checkpoint(out, step=1)
    return settings


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
    found = open_run(tmp_path, {'model': 'vst'}, overwrite=True)
    assert found == Settings(model='vst')
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ['ckpt-1.data-00000-of-00001', 'ckpt-1.index', 'run.json']
    # The new run goes on by the same command, without --overwrite.
    assert open_run(tmp_path, {'model': 'vst'}) == found


@pytest.mark.parametrize('overwrite', [False, True])
@pytest.mark.parametrize(
    'names', [['song.wav'], ['run.json', 'song.wav'], ['ckpt-1'], ['data/sources.json']]
)
def test_what_others_have_written_is_kept(names, overwrite, tmp_path):
    (tmp_path / 'data').mkdir()
    for name in names:
        (tmp_path / name).write_text('{"precious": 1}')
    found = 'song.wav' if 'song.wav' in names else names[0].split('/')[0]
    with pytest.raises(FileExistsError, match=f'has not written, such as {found};'):
        open_run(tmp_path, {}, overwrite)
    for name in names:
        assert (tmp_path / name).read_text() == '{"precious": 1}'


@pytest.mark.parametrize('overwrite', [False, True])
@pytest.mark.parametrize('name', ['.DS_Store', 'notes.txt'])
def test_what_others_have_put_beside_a_run_is_no_obstacle(name, overwrite, tmp_path):
    open_run(tmp_path, {'steps': 3})
    fake_checkpoint(tmp_path)
    (tmp_path / name).write_text('precious')
    found = open_run(tmp_path, {'batch_size': 2}, overwrite)
    assert found == Settings(steps=None if overwrite else 3, batch_size=2)
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


def test_looking_changes_nothing(tmp_path):
    find_run(tmp_path / 'deep' / 'run', {})
    assert list(tmp_path.iterdir()) == []
    open_run(tmp_path, {'model': 'ae'})
    before = (tmp_path / 'run.json').read_text()
    settings, found = find_run(tmp_path, {'steps': 3})
    assert (settings, found) == (Settings(model='ae', steps=3), Settings(model='ae'))
    assert find_run(tmp_path, {}, overwrite=True) == (Settings(), None)
    assert (tmp_path / 'run.json').read_text() == before


def fail(out, settings, error=ValueError, step=None) -> None:
    """A run that meets an error, after a checkpoint or before."""
    with pytest.raises(error), made_folder(out), begun_run(out, settings):
        (out / 'data').mkdir(exist_ok=True)
        if step is not None:
            fake_checkpoint(out, step)
        raise error


def test_an_error_leaves_the_records_of_a_new_run(tmp_path):
    out = tmp_path / 'deep' / 'run'
    with pytest.raises(ValueError), made_folder(out), begun_run(out, Settings()):
        (out / 'data').mkdir()
        (out / 'dataset.json').touch()
        (out / 'summaries').mkdir()
        raise ValueError
    assert sorted(path.name for path in out.iterdir()) == ['data', 'run.json']


def test_what_was_wrong_with_a_new_run_is_forgotten(tmp_path):
    told = Settings(model='ae', seed=2, eval_split=0.2, method='pyin')
    wrong = dataclasses.replace(
        told, steps=7, batch_size=9999, gin_params=('learning_rate = 1e9',)
    )
    fail(tmp_path, wrong)
    # The records were made by these, so the next command can do with them.
    assert find_run(tmp_path, {})[0] == told


def test_an_error_before_there_is_anything_leaves_nothing(tmp_path):
    with pytest.raises(ValueError), made_folder(tmp_path / 'deep' / 'run'):
        raise ValueError
    assert list(tmp_path.iterdir()) == []


def test_an_error_leaves_an_earlier_run_as_it_was(tmp_path):
    open_run(tmp_path, {'steps': 5})
    fake_checkpoint(tmp_path)
    fail(tmp_path, Settings(steps=9, gin_params=('wrong = 1',)))
    assert find_run(tmp_path, {})[1] == Settings(steps=5)
    # But not when it has come further.
    fail(tmp_path, Settings(steps=9), step=7)
    assert find_run(tmp_path, {})[1] == Settings(steps=9)


@pytest.mark.parametrize('error, step', [(KeyboardInterrupt, None), (OSError, 3)])
def test_what_can_go_on_is_kept(error, step, tmp_path):
    out = tmp_path / 'run'
    fail(out, Settings(steps=9), error, step)
    assert find_run(out, {})[1] == Settings(steps=9)
    assert (out / 'data').is_dir()


def test_records_that_were_not_completed_are_no_obstacle(tmp_path):
    (tmp_path / 'data.unfinished').mkdir()
    assert find_run(tmp_path, {}) == (Settings(), None)


def test_records_of_a_run_that_was_not_begun_are_no_obstacle(tmp_path):
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data' / 'sources.json').write_text('{"recordings": {}, "wanted": {}}')
    assert find_run(tmp_path, {}) == (Settings(), None)


def test_files_whose_writing_was_killed_are_no_obstacle(tmp_path):
    open_run(tmp_path, {'steps': 5})
    fake_checkpoint(tmp_path)
    (tmp_path / '.writing-71-ckpt-300.data-00000-of-00001').touch()
    (tmp_path / '.report.html.unfinished-71').touch()
    assert find_run(tmp_path, {})[1] == Settings(steps=5)


def test_an_error_takes_nothing_that_others_have_written(tmp_path):
    with pytest.raises(ValueError), begun_run(tmp_path, Settings()):
        (tmp_path / 'song.wav').write_text('precious')
        raise ValueError
    assert (tmp_path / 'song.wav').read_text() == 'precious'
