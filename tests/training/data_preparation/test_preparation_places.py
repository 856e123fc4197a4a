"""Where records may go, and which belong to another dataset."""

from __future__ import annotations

import pytest

from ddsp.training.data import dataset_info
from ddsp.training.data_preparation import places


def describe(folder, name: str, *files: str) -> None:
    shards = [{'name': file, 'num_examples': 0, 'bytes': 0} for file in files]
    info = {'format': 1, 'name': name, 'splits': {'train': {'files': shards}}}
    dataset_info.write_json(dataset_info.info_path(str(folder), name), info)


@pytest.fixture
def violin(tmp_path):
    """A dataset that is divided."""
    describe(tmp_path, 'cello', 'cello.tfrecord-00000-of-00001')
    describe(tmp_path, 'violin', 'violin-train.tfrecord-00000-of-00010')
    return tmp_path


@pytest.mark.parametrize(
    'name, splits',
    [
        ('violin-train.tfrecord', ['']),
        ('cello', ['']),
        ('cello.tfrecord', ['']),
    ],
)
def test_its_own_records_may_be_replaced(tmp_path, name, splits):
    describe(tmp_path, name.removesuffix('.tfrecord'), f'{name}-00000-of-00001')
    places.check_free(str(tmp_path / name), splits)


def test_records_of_another_dataset_may_not(violin):
    with pytest.raises(ValueError) as caught:
        places.check_free(str(violin / 'violin-train.tfrecord'), [''])
    assert f"{violin}/violin-train.tfrecord-00000-of-00010 is of dataset 'violin'" in (
        str(caught.value)
    )
    assert f'{violin}/dataset-violin.json' in str(caught.value)
    assert "'violin-train'" in str(caught.value)


def test_a_dataset_beside_splits_of_another_is_let_be(violin):
    places.check_free(str(violin / 'violin-train.tfrecord'), ['train', 'eval'])
    places.check_free(str(violin / 'viola.tfrecord'), [''])


def test_a_split_may_not_take_the_name_of_a_dataset(tmp_path):
    describe(tmp_path, 'violin-eval', 'violin-eval.tfrecord-00000-of-00001')
    with pytest.raises(ValueError, match="is of dataset 'violin-eval'"):
        places.check_free(str(tmp_path / 'violin.tfrecord'), ['train', 'eval'])
    places.check_free(str(tmp_path / 'violin.tfrecord'), [''])


@pytest.mark.parametrize('given', ['{}', '{}/', '{}/new/'])
def test_a_folder_is_no_beginning_of_names(tmp_path, given):
    with pytest.raises(ValueError, match='is a folder, expected the beginning'):
        places.output_path(given.format(tmp_path))


def test_forms_of_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))
    assert places.output_path('ram://bucket/x') == 'ram://bucket/x'
    assert places.output_path('~/x') == str(tmp_path / 'home' / 'x')
    assert places.output_path(tmp_path.__class__('x')) == str(tmp_path / 'x')
