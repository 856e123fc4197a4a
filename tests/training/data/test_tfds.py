"""NSynth as TensorFlow Datasets reads it, from a few notes that it wrote itself."""

from __future__ import annotations

import sys
import types

import gin
import numpy as np
import pytest
import tensorflow as tf

from ddsp.training import data, gin_files

NAME = 'nsynth/gansynth_subset.f0_and_loudness'
VERSION = '2.3.0'


def note(number: int) -> dict:
    """All features of a note; its audio, frames and labels tell its number."""
    frames = np.full(1000, number, np.float32)
    qualities = 'bright dark distortion fast_decay long_release multiphonic '
    qualities += 'nonlinear_env percussive reverb tempo-synced'
    return {
        'id': f'note {number}',
        'audio': np.full(64000, number, np.float32),
        'f0': {'hz': frames, 'midi': frames, 'confidence': frames},
        'loudness': {'db': frames},
        'pitch': number + 60,
        'velocity': 100,
        'instrument': {'label': number, 'family': number + 1, 'source': number % 3},
        'qualities': dict.fromkeys(qualities.split(), False),
    }


@pytest.fixture(scope='module')
def notes(tmp_path_factory):
    """A folder with eight notes to train on and two to test on."""
    tfds = pytest.importorskip('tensorflow_datasets')
    folder = tmp_path_factory.mktemp('tensorflow_datasets')
    here = folder / NAME / VERSION
    here.mkdir(parents=True)
    identity = tfds.core.dataset_info.DatasetIdentity(
        name='nsynth',
        version=tfds.core.Version(VERSION),
        data_dir=str(here),
        module_name=__name__,
        config_name=NAME.split('/')[1],
    )
    features = tfds.builder(NAME, data_dir=str(folder)).info.features
    info = tfds.core.DatasetInfo(builder=identity, features=features)
    writer = tfds.core.SequentialWriter(info, max_examples_per_shard=3)
    writer.initialize_splits(['train', 'test'])
    writer.add_examples({'train': [note(n) for n in range(8)]})
    writer.add_examples({'test': [note(n) for n in range(8, 10)]})
    writer.close_all()
    return str(folder)


def test_nsynth(notes):
    provider = data.NSynthTfds(data_dir=notes)
    batch = next(iter(provider.get_batch(8, shuffle=False)))
    assert batch['audio'].shape == [8, 64000]
    assert batch['f0_hz'].shape == batch['f0_confidence'].shape == [8, 1000]
    numbers = batch['audio'][:, 0].numpy()
    assert sorted(numbers) == list(range(8))
    np.testing.assert_array_equal(batch['loudness_db'][:, 0], numbers)
    np.testing.assert_array_equal(batch['pitch'], numbers + 60)
    np.testing.assert_array_equal(batch['instrument'], numbers)
    np.testing.assert_array_equal(batch['instrument_family'], numbers + 1)
    np.testing.assert_array_equal(batch['instrument_source'], numbers % 3)
    with pytest.raises(ValueError, match='which has 8 examples'):
        provider.get_batch(9)


def test_a_dataset_is_opened_once(notes, monkeypatch):
    tfds = pytest.importorskip('tensorflow_datasets')
    opened = []
    builder = tfds.builder
    monkeypatch.setattr(
        tfds,
        'builder',
        lambda *args, **kwargs: opened.append(1) or builder(*args, **kwargs),
    )
    provider = data.NSynthTfds(data_dir=notes)
    provider.get_batch(4)
    provider.shard(2, 1).get_batch(2)
    assert provider.num_examples == 8
    assert len(opened) == 1


def test_nsynth_without_labels(notes):
    provider = data.NSynthTfds(data_dir=notes, include_note_labels=False)
    (example, *_) = provider.get_dataset()
    assert sorted(example) == ['audio', 'f0_confidence', 'f0_hz', 'loudness_db']


def test_a_part_of_a_split(notes):
    provider = data.NSynthTfds(data_dir=notes, split='train[:50%]+test')
    assert provider.num_examples == 6
    assert len(list(provider.get_dataset())) == 6


@pytest.mark.parametrize('global_seed', [0, 7])
def test_a_run_goes_on_in_the_middle_of_a_pass(notes, global_seed):
    tf.random.set_seed(global_seed)
    provider = data.NSynthTfds(data_dir=notes)

    def numbers(**kwargs):
        batches = provider.get_batch(3, **{'seed': 5, **kwargs}).take(8)
        return [n for batch in batches for n in batch['instrument'].numpy().tolist()]

    whole = numbers()
    passes = [whole[i : i + 8] for i in (0, 8, 16)]
    assert all(sorted(one) == list(range(8)) for one in passes)
    assert len({tuple(one) for one in passes}) == 3
    assert numbers(skip_batches=5)[:9] == whole[15:]
    assert numbers(seed=6) != whole


def test_what_a_run_skips_is_not_read(notes):
    read = []

    class Counted(data.NSynthTfds):
        def get_dataset(self, shuffle=True):
            dataset = super().get_dataset(shuffle)
            return dataset.map(lambda note: (self._count(), note)[1])

        def _count(self):
            tf.py_function(lambda: read.append(1), [], [])

    next(iter(Counted(data_dir=notes).get_batch(8, skip_batches=10**6)))
    assert 8 <= len(read) < 100


def test_gin_knows_where_it_is(notes):
    gin_files.add_search_paths()
    gin_files.parse_files(['datasets/nsynth.gin'])
    gin_files.parse_params([f'NSynthTfds.data_dir = {notes!r}'])
    provider = gin.get_configurable('ddsp.training.data.NSynthTfds')
    with gin.config_scope('test'):
        assert provider().num_examples == 2


@pytest.mark.parametrize(
    'arguments, match',
    [
        ({'name': f'{NAME}:2.3.3'}, f'That folder has {NAME}:2.3.0: set NSynthTfds'),
        ({'name': f'{NAME}:1.0.0'}, r'at version 1\.0\.0.* That folder has'),
        ({'name': 'nsinth'}, r'Dataset nsinth not found\. Copy it there'),
        ({'split': 'valid'}, "no split 'valid', expected one of test, train: set"),
        ({'data_dir': 'nowhere'}, 'There is nothing of it.* NSynthTfds.data_dir'),
    ],
)
def test_what_is_not_there_is_named(notes, arguments, match):
    provider = data.NSynthTfds(**{'data_dir': notes, **arguments})
    with pytest.raises(FileNotFoundError, match=match):
        provider.get_batch(1)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'tensorflow_datasets', None)
    with pytest.raises(ImportError, match=r"pip install 'ddsp\[tfds\]'"):
        data.NSynthTfds().get_batch(1)


def test_one_that_does_not_go_with_protobuf(monkeypatch):
    """It is imported all the same, without its contents."""
    monkeypatch.setitem(sys.modules, 'tensorflow_datasets', types.ModuleType('empty'))
    monkeypatch.setitem(sys.modules, 'tensorflow_datasets.core', None)
    with pytest.raises(ImportError, match="'tensorflow-metadata<1"):
        _ = data.NSynthTfds().num_examples
