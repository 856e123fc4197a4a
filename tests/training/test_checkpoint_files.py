from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf

from ddsp.training import checkpoint_files


def _make(folder: Path, *steps: int, data: bool = True, name: str = 'ckpt') -> None:
    for step in steps:
        (folder / f'{name}-{step}.index').touch()
        if data:
            (folder / f'{name}-{step}.data-00000-of-00001').touch()


def test_checkpoints_are_in_the_order_of_their_steps(tmp_path: Path):
    _make(tmp_path, 10, 9, 100)
    _make(tmp_path, 500, data=False)
    (tmp_path / 'ckpt-700.data-00000-of-00001').touch()
    (tmp_path / 'other.index').touch()
    paths = checkpoint_files.list_checkpoints(str(tmp_path))
    assert paths == [str(tmp_path / f'ckpt-{step}') for step in (9, 10, 100)]
    assert checkpoint_files.newest_complete(str(tmp_path)) == paths[-1]
    assert checkpoint_files.step_of(paths[-1]) == 100


def test_a_path_means_a_directory_or_a_checkpoint(tmp_path: Path):
    _make(tmp_path, 1, 2)
    newest = str(tmp_path / 'ckpt-2')
    assert checkpoint_files.latest(str(tmp_path)) == newest
    for path in ('ckpt-1', 'ckpt-1.index', 'ckpt-1.data-00000-of-00001'):
        assert checkpoint_files.latest(str(tmp_path / path)) == str(tmp_path / 'ckpt-1')


@pytest.mark.parametrize('name', ['', 'ckpt-3', 'nowhere'])
def test_a_path_without_a_checkpoint_is_an_error(tmp_path: Path, name: str):
    with pytest.raises(FileNotFoundError, match='there is no checkpoint'):
        checkpoint_files.latest(str(tmp_path / name))
    assert checkpoint_files.newest_complete(str(tmp_path / name)) is None


def test_only_the_newest_are_kept(tmp_path: Path):
    _make(tmp_path, 1, 2, 3, 10)
    checkpoint_files.keep_newest(str(tmp_path), 2)
    left = sorted(path.name for path in tmp_path.iterdir() if path.name != 'checkpoint')
    assert left == [
        'ckpt-10.data-00000-of-00001',
        'ckpt-10.index',
        'ckpt-3.data-00000-of-00001',
        'ckpt-3.index',
    ]
    assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / 'ckpt-10')
    state = tf.train.get_checkpoint_state(str(tmp_path))
    names = [Path(path).name for path in state.all_model_checkpoint_paths]
    assert names == ['ckpt-3', 'ckpt-10']


def test_none_is_removed_when_all_are_kept(tmp_path: Path):
    _make(tmp_path, 1, 2, 3)
    checkpoint_files.keep_newest(str(tmp_path), 0)
    assert len(checkpoint_files.list_checkpoints(str(tmp_path))) == 3


def test_a_damaged_checkpoint_lets_the_one_before_be_tried(
    tmp_path: Path, capsys: pytest.CaptureFixture
):
    _make(tmp_path, 1, 2, 3)
    tried = []

    def load(path: str) -> None:
        tried.append(Path(path).name)
        if path.endswith('3'):
            raise tf.errors.DataLossError(None, None, 'checksum does not match')

    loaded = checkpoint_files.load_newest(tmp_path, load)
    assert loaded == str(tmp_path / 'ckpt-2')
    assert tried == ['ckpt-3', 'ckpt-2']
    message = capsys.readouterr().err
    assert 'ckpt-3 is damaged (checksum does not match)' in message


def test_all_damaged_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture):
    _make(tmp_path, 1, 2)

    def load(path: str) -> None:
        raise checkpoint_files.DamagedCheckpointError('cut short')

    with pytest.raises(OSError, match='all 2 are damaged'):
        checkpoint_files.load_newest(tmp_path, load)
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith('ckpt-2 is damaged (cut short); trying the one before')
    assert second.endswith('ckpt-1 is damaged (cut short)')
    with pytest.raises(OSError, match='it is damaged'):
        checkpoint_files.load_newest(tmp_path / 'ckpt-1', load)
    assert 'the one before' not in capsys.readouterr().err


@pytest.mark.parametrize(
    'error',
    [
        tf.errors.UnavailableError(None, None, 'HTTP response code 503'),
        tf.errors.ResourceExhaustedError(None, None, 'no memory'),
        tf.errors.PermissionDeniedError(None, None, 'not yours'),
        tf.errors.UnknownError(None, None, 'ckpt-2.index; Permission denied'),
        PermissionError('not yours'),
        OSError('input/output error'),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_no_damage_is_raised(
    tmp_path: Path, error: Exception, capsys: pytest.CaptureFixture
):
    _make(tmp_path, 1, 2)

    def load(path: str) -> None:
        raise error

    damaged: list[str] = []
    with pytest.raises(type(error)) as caught:
        checkpoint_files.load_newest(tmp_path, load, damaged)
    assert caught.value is error
    assert not damaged
    assert 'damaged' not in capsys.readouterr().err


def test_what_was_just_written_is_never_removed(tmp_path: Path):
    _make(tmp_path, 3, 4, 5, 6)
    checkpoint_files.keep_newest(str(tmp_path), 1, str(tmp_path / 'ckpt-5'))
    names = sorted(path.name for path in tmp_path.glob('*.index'))
    # Of a later step, whoever wrote it: not of those counted.
    assert names == ['ckpt-5.index', 'ckpt-6.index']


def test_files_of_other_names_are_neither_removed_nor_taken_for_the_newest(
    tmp_path: Path,
):
    _make(tmp_path, 1, 2, 4)
    _make(tmp_path, 3, 9, name='best')
    assert checkpoint_files.newest_complete(str(tmp_path)) == str(tmp_path / 'ckpt-4')
    assert checkpoint_files.latest(str(tmp_path / 'best-9')) == str(tmp_path / 'best-9')
    checkpoint_files.keep_newest(str(tmp_path), 1)
    names = sorted(path.name for path in tmp_path.glob('*.index'))
    assert names == ['best-3.index', 'best-9.index', 'ckpt-4.index']


def test_a_directory_of_other_names_alone_has_a_newest(tmp_path: Path):
    _make(tmp_path, 3, 20, name='model.ckpt')
    newest = str(tmp_path / 'model.ckpt-20')
    assert checkpoint_files.latest(str(tmp_path)) == newest
    checkpoint_files.keep_newest(str(tmp_path), 1)
    assert len(checkpoint_files.list_checkpoints(str(tmp_path))) == 2


def test_a_damaged_checkpoint_that_is_set_aside_is_none_any_more(
    tmp_path: Path, capsys: pytest.CaptureFixture
):
    _make(tmp_path, 1, 10)
    checkpoint_files.set_aside(str(tmp_path / 'ckpt-1'))
    assert 'damaged-ckpt-1' in capsys.readouterr().err
    assert checkpoint_files.list_checkpoints(str(tmp_path)) == [
        str(tmp_path / 'ckpt-10')
    ]
    checkpoint_files.set_aside(str(tmp_path / 'ckpt-10'))
    assert checkpoint_files.newest_complete(str(tmp_path)) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        'damaged-ckpt-1.data-00000-of-00001',
        'damaged-ckpt-1.index',
        'damaged-ckpt-10.data-00000-of-00001',
        'damaged-ckpt-10.index',
    ]


def test_another_model_is_no_damage(tmp_path: Path):
    _make(tmp_path, 1, 2)

    def load(path: str) -> None:
        raise ValueError('other weights')

    with pytest.raises(ValueError, match='other weights'):
        checkpoint_files.load_newest(tmp_path, load)
