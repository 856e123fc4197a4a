from __future__ import annotations

import pathlib

import gin
import keras
import numpy as np
import pytest
import tensorflow as tf
from small_records import ARGUMENTS, features, numbers_of, write_file, write_records

from ddsp.training import data
from ddsp.training.data import dataset_info, record_files


@pytest.fixture
def provider(tmp_path):
    return data.TFRecordProvider(write_records(tmp_path, 10), **ARGUMENTS)


def flat(batches: list[list[int]]) -> list[int]:
    return [number for batch in batches for number in batch]


def test_examples_come_as_they_were_written(provider):
    found = {int(e['audio'][0]): e for e in provider.get_dataset(shuffle=False)}
    assert sorted(found) == list(range(10))
    for number, example in found.items():
        for name, value in features(number).items():
            np.testing.assert_array_equal(example[name], value)


def test_shapes_are_known(provider):
    spec = provider.get_batch(4).element_spec
    assert spec['audio'].shape == (4, 800)
    assert spec['f0_hz'].shape == (4, 25)


def test_each_pass_has_every_example_in_another_order(provider):
    numbers = flat(numbers_of(provider.get_batch(5, seed=3), 6))
    passes = [numbers[:10], numbers[10:20], numbers[20:]]
    assert all(sorted(numbers) == list(range(10)) for numbers in passes)
    assert passes[0] != passes[1] != passes[2]


def test_batches_go_on_over_the_end_of_a_pass(provider):
    numbers = flat(numbers_of(provider.get_batch(4, seed=3), 5))
    assert sorted(numbers[:10]) == sorted(numbers[10:]) == list(range(10))


def test_a_seed_makes_the_order(provider):
    once = numbers_of(provider.get_batch(4, seed=7), 8)
    keras.utils.set_random_seed(99)
    assert numbers_of(provider.get_batch(4, seed=7), 8) == once
    assert numbers_of(provider.get_batch(4, seed=8), 8) != once


def test_without_a_seed_the_global_one_counts(provider):
    keras.utils.set_random_seed(1)
    once = numbers_of(provider.get_batch(4), 5)
    assert numbers_of(provider.get_batch(4), 5) != once
    keras.utils.set_random_seed(1)
    assert numbers_of(provider.get_batch(4), 5) == once


@pytest.mark.parametrize('skip', [0, 1, 2, 3, 7, 25])
def test_skipping_goes_on_where_another_run_was(provider, skip):
    whole = numbers_of(provider.get_batch(4, seed=7), skip + 6)
    rest = numbers_of(provider.get_batch(4, seed=7, skip_batches=skip), 6)
    assert rest == whole[skip:]


def test_what_is_skipped_is_not_read(provider, monkeypatch):
    read = []
    index = provider._records()
    monkeypatch.setattr(
        type(index), 'read', lambda self, number: read.append(number) or b''
    )
    batches = provider.get_batch(1, False, 1, skip_batches=7)
    with pytest.raises(tf.errors.InvalidArgumentError):  # Nothing is no example.
        numbers_of(batches)
    assert set(read) <= {7, 8, 9}


def test_passes_can_be_counted(provider):
    assert flat(numbers_of(provider.get_batch(5, False, 2))) == 2 * order_of(provider)
    assert [len(b) for b in numbers_of(provider.get_batch(4, False, 1))] == [4, 4]
    kept = provider.get_batch(4, False, 1, drop_remainder=False)
    assert [len(b) for b in numbers_of(kept)] == [4, 4, 2]
    rest = provider.get_batch(4, False, 1, drop_remainder=False, skip_batches=2)
    assert [len(b) for b in numbers_of(rest)] == [2]
    assert numbers_of(provider.get_batch(4, repeats=1, skip_batches=5)) == []


def order_of(provider) -> list[int]:
    return flat(numbers_of(provider.get_dataset(False).batch(1)))


@pytest.mark.parametrize('skip', [0, 4])
def test_workers_share_the_batches_of_one(provider, skip):
    alone = numbers_of(provider.get_batch(6, seed=7, skip_batches=skip), 5)
    workers = [
        numbers_of(provider.shard(3, index).get_batch(2, seed=7, skip_batches=skip), 5)
        for index in range(3)
    ]
    for batch, *parts in zip(alone, *workers):
        assert sorted(batch) == sorted(flat(parts))


def test_workers_of_one_pass_have_equally_many_batches(provider):
    for index in range(3):
        part = provider.shard(3, index).get_batch(1, repeats=1)
        assert len(numbers_of(part)) == 3


def test_an_input_context_makes_a_worker_read_its_part(provider):
    alone = numbers_of(provider.get_batch(4, seed=7), 5)
    parts = []
    for index in range(2):
        context = tf.distribute.InputContext(2, index, num_replicas_in_sync=4)
        batches = provider.get_batch(4, seed=7, input_context=context)
        # Each of the worker's two replicas takes a batch of one.
        parts.append(flat(numbers_of(batches, 10)))
    for number, batch in enumerate(alone):
        taken = [part[2 * number : 2 * number + 2] for part in parts]
        assert sorted(flat(taken)) == sorted(batch)


def test_two_replicas_share_a_batch(provider):
    strategy = tf.distribute.MirroredStrategy(['CPU:0'])
    batches = strategy.experimental_distribute_dataset(provider.get_batch(4, seed=7))
    iterator = iter(batches)
    found = [next(iterator)['audio'][:, 0].numpy().astype(int).tolist() for _ in 'abc']
    assert found == numbers_of(provider.get_batch(4, seed=7), 3)


def test_shard_out_of_range(provider):
    with pytest.raises(ValueError, match='index is 3, expected from 0 to 2'):
        provider.shard(3, 3)


@pytest.mark.parametrize(
    'arguments, message',
    [
        ({'batch_size': 11}, 'batch_size 11 is larger .* which has 10 examples'),
        ({'batch_size': 0}, 'batch_size is 0'),
        ({'batch_size': 2, 'repeats': 0}, 'repeats is 0'),
        ({'batch_size': 2, 'skip_batches': -1}, 'skip_batches is -1'),
    ],
)
def test_batches_that_cannot_be(provider, arguments, message):
    with pytest.raises(ValueError, match=message):
        provider.get_batch(**arguments)


def test_a_batch_of_all_that_there_is(provider):
    batches = provider.get_batch(32, False, 1, drop_remainder=False)
    assert [len(batch) for batch in numbers_of(batches)] == [10]


@pytest.mark.parametrize(
    'told, values',
    [
        (
            {'sample_rate': 3200},
            ['has 800 values', 'expects 1600', 'sample_rate = 1600'],
        ),
        ({'frame_rate': 100}, ['has 25 values', 'expects 50', 'frame_rate = 50']),
        ({'example_secs': 1}, ['has 800', 'expects 1600', 'example_secs = 0.5']),
        ({'centered': True}, ['has 25 values', 'expects 26', 'centered = False']),
    ],
)
def test_records_of_other_rates_or_lengths(tmp_path, told, values):
    pattern = write_records(tmp_path, 3)
    with pytest.raises(ValueError) as caught:
        data.TFRecordProvider(pattern, **{**ARGUMENTS, **told}).get_batch(1)
    for value in values:
        assert value in str(caught.value)
    (name,) = told
    assert f'set in gin: TFRecordProvider.{name} = ' in str(caught.value)


def test_centered_records(tmp_path):
    frames = {'f0_hz': 101, 'f0_confidence': 101, 'loudness_db': 101}
    sizes = {'audio': 3200, 'audio_16k': 32000}
    pattern = write_records(tmp_path, 3, **frames, **sizes)
    arguments = {**ARGUMENTS, 'example_secs': 2}
    with pytest.raises(ValueError, match='centered = True'):
        data.TFRecordProvider(pattern, **arguments).get_dataset()
    provider = data.TFRecordProvider(pattern, **arguments, centered=True)
    assert next(iter(provider.get_dataset()))['f0_hz'].shape == [101]
    assert provider.get_feature_length(True) == 101
    assert provider.get_feature_length(False) == 100


def test_records_of_the_older_form(tmp_path):
    pattern = write_records(tmp_path, 3, audio_16k=0)
    with pytest.raises(ValueError, match=r'no audio_16k; .*LegacyTFRecordProvider'):
        data.TFRecordProvider(pattern, **ARGUMENTS).get_batch(1)
    provider = data.LegacyTFRecordProvider(pattern, **ARGUMENTS)
    assert sorted(next(iter(provider.get_batch(1)))) == [
        'audio',
        'f0_confidence',
        'f0_hz',
        'loudness_db',
    ]


def test_no_examples_in_the_records(tmp_path):
    path = tmp_path / 'a.tfrecord'
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b'not an example')
    with pytest.raises(ValueError, match=r'no tf\.train\.Example'):
        data.TFRecordProvider(str(path)).get_batch(1)


def description(**values) -> dict:
    return {
        'format': 1,
        'name': 'a',
        'sample_rate': 1600,
        'frame_rate': 50,
        'example_secs': 0.5,
        'centered': False,
        'splits': {
            'train': {
                'file_pattern': 'a.tfrecord-*-of-00001',
                'num_examples': 2,
                'files': [
                    {
                        'name': 'a.tfrecord-00000-of-00001',
                        'num_examples': 2,
                        'bytes': 0,
                    }
                ],
            }
        },
        **values,
    }


@pytest.mark.parametrize(
    'name, value', [('sample_rate', 48000), ('frame_rate', 100), ('centered', True)]
)
def test_a_description_of_other_rates(tmp_path, name, value):
    pattern = write_records(tmp_path, 2, n_files=1)
    dataset_info.write_json(
        str(tmp_path / 'dataset.json'), description(**{name: value})
    )
    with pytest.raises(ValueError) as caught:
        data.TFRecordProvider(pattern, **ARGUMENTS).get_batch(1)
    ours = ARGUMENTS.get(name, False)
    assert f'{name} is {value} in dataset.json' in str(caught.value)
    assert f'TFRecordProvider.{name} is {ours}' in str(caught.value)
    assert f'set in gin: TFRecordProvider.{name} = {value}' in str(caught.value)


def test_a_description_that_fits(tmp_path):
    pattern = write_records(tmp_path, 2, n_files=1)
    info = description()
    path = tmp_path / 'a.tfrecord-00000-of-00001'
    info['splits']['train']['files'][0]['bytes'] = path.stat().st_size
    dataset_info.write_json(str(tmp_path / 'dataset.json'), info)
    provider = data.TFRecordProvider(pattern, **ARGUMENTS)
    assert provider.dataset_info == info
    assert sorted(order_of(provider)) == [0, 1]
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match='is cut off'):
        data.TFRecordProvider(pattern, **ARGUMENTS).get_batch(1)


@pytest.mark.parametrize('left', [0, 1])
def test_a_file_cut_between_two_records(tmp_path, left):
    pattern = write_records(tmp_path, 4, n_files=2)
    info = description()
    path = tmp_path / 'a.tfrecord-00000-of-00002'
    content = path.read_bytes()
    file = {'name': path.name, 'num_examples': 2, 'bytes': len(content)}
    info['splits']['train']['files'] = [file]
    dataset_info.write_json(str(tmp_path / 'dataset.json'), info)
    assert data.TFRecordProvider(pattern, **ARGUMENTS).num_examples == 4
    path.write_bytes(content[: left * len(content) // 2])
    message = rf'{path.name} has {left} records in .* dataset.json .* says 2 in'
    with pytest.raises(ValueError, match=message):
        data.TFRecordProvider(pattern, **ARGUMENTS).get_batch(1)


@pytest.mark.parametrize(
    'text',
    [
        '{"format": 1,',
        '{"format": 2}',
        '[]',
        '{"format": 1, "splits": {"train": {}}}',
        '{"format": 1, "splits": {"train": {"files": [{"name": "a"}]}}}',
        '{"format": 1, "splits": []}',
    ],
)
def test_a_description_that_is_none(tmp_path, text):
    pattern = write_records(tmp_path, 2)
    (tmp_path / 'dataset.json').write_text(text)
    with pytest.raises(ValueError, match=r'dataset\.json .* remove the file'):
        data.TFRecordProvider(pattern, **ARGUMENTS).get_batch(1)


def test_a_spoilt_record_stops_reading_with_its_place(tmp_path):
    path = tmp_path / 'a.tfrecord'
    write_file(path, [features(number) for number in range(3)])
    content = bytearray(path.read_bytes())
    size = len(content) // 3
    content[size + 50] ^= 1
    path.write_bytes(content)
    provider = data.TFRecordProvider(str(path), **ARGUMENTS)
    with pytest.raises(tf.errors.OpError, match=rf'a\.tfrecord.* at byte {size} '):
        numbers_of(provider.get_batch(1, shuffle=False), 3)
    with pytest.raises(ValueError) as caught, record_files.telling_damage():
        numbers_of(provider.get_batch(1, shuffle=False), 3)
    assert str(caught.value).startswith(f'{path} is damaged: the record at byte {size}')
    assert 'Traceback' not in str(caught.value)


@pytest.mark.parametrize('folder', ['', 'file://'])
def test_files_that_go_while_they_are_read_stop_reading(tmp_path, folder):
    path = tmp_path / 'a.tfrecord'
    write_file(path, [features(number) for number in range(3)])
    provider = data.TFRecordProvider(f'{folder}{path}', **ARGUMENTS)
    batches = provider.get_batch(1)
    path.unlink()
    with pytest.raises(OSError) as caught, record_files.telling_damage():
        numbers_of(batches, 3)
    assert str(caught.value).startswith(f'{folder}{path} is gone or cannot be read')
    assert '\n' not in str(caught.value)


def test_files_that_go_before_they_are_looked_at(tmp_path, monkeypatch):
    def gone(index, record):
        raise OSError('a.tfrecord is gone or cannot be read')

    monkeypatch.setattr(record_files.RecordIndex, 'read', gone)
    with pytest.raises(OSError, match='is gone'):
        data.TFRecordProvider(write_records(tmp_path, 3), **ARGUMENTS).get_batch(1)


def test_errors_that_are_not_of_records_stay_as_they_are():
    with pytest.raises(tf.errors.InvalidArgumentError), record_files.telling_damage():
        tf.ensure_shape(tf.zeros([2]), [3])
    with pytest.raises(tf.errors.UnknownError), record_files.telling_damage():
        raise tf.errors.UnknownError(None, None, 'KeyError: the file is gone')


def test_nothing_is_read_before_it_is_asked_for():
    provider = data.TFRecordProvider('/nowhere/at/all*', 2, 8000, 50)
    assert (provider.sample_rate, provider.frame_rate) == (8000, 50)
    with pytest.raises(FileNotFoundError, match=r'set TFRecordProvider\.file_pattern'):
        provider.get_batch(1)


def test_no_pattern():
    with pytest.raises(ValueError, match=r'set TFRecordProvider\.file_pattern'):
        data.TFRecordProvider().get_dataset()


def test_several_patterns(tmp_path):
    patterns = [write_records(tmp_path, 3, name=name) for name in 'ab']
    provider = data.TFRecordProvider(patterns, **ARGUMENTS)
    assert sorted(order_of(provider)) == [0, 0, 1, 1, 2, 2]


def test_gin_makes_providers(tmp_path):
    gin.parse_config(
        f"""
        chosen.provider = @train/data.TFRecordProvider()
        train/TFRecordProvider.file_pattern = '{write_records(tmp_path, 3)}'
        TFRecordProvider.sample_rate = 1600
        TFRecordProvider.frame_rate = 50
        TFRecordProvider.example_secs = 0.5
        """
    )
    provider = gin.get_bindings('chosen')['provider']
    assert len(numbers_of(provider.get_batch(1, repeats=1))) == 3


@gin.configurable
def chosen(provider=gin.REQUIRED):
    """Stands for `train`, which is given a provider."""
    return provider


@pytest.mark.skipif(not pathlib.Path('/proc/self/status').exists(), reason='Linux only')
def test_reading_does_not_fill_the_memory(tmp_path):
    # Arrays of bytes, which an earlier version gave to TensorFlow, were never freed.
    pattern = write_records(tmp_path, 3, audio=200_000, audio_16k=2_000_000)
    sizes = {'example_secs': 125, 'sample_rate': 1600, 'frame_rate': 0.2}
    provider = data.TFRecordProvider(pattern, **sizes)

    def megabytes() -> float:
        lines = pathlib.Path('/proc/self/status').read_text().splitlines()
        (line,) = [line for line in lines if line.startswith('RssAnon')]
        return int(line.split()[1]) / 1024

    batches = iter(provider.get_batch(1, seed=0))
    for _ in range(10):
        next(batches)
    before = megabytes()
    for _ in range(40):  # 9 MB each.
        next(batches)
    assert megabytes() - before < 150


def test_each_of_several_datasets_is_compared(tmp_path):
    patterns = []
    for name, rate in (('a', 1600), ('b', 3200)):
        (tmp_path / name).mkdir()
        sizes = {'audio': rate // 2}
        patterns.append(write_records(tmp_path / name, 2, n_files=1, **sizes))
        info = description(name=name, sample_rate=rate)
        dataset_info.write_json(str(tmp_path / name / 'dataset.json'), info)
    with pytest.raises(ValueError, match=r"dataset 'b' .* sample_rate is 3200"):
        data.TFRecordProvider(patterns, **ARGUMENTS).get_batch(1)
    (tmp_path / 'b' / 'dataset.json').unlink()
    with pytest.raises(ValueError, match=r'/b/.* audio has 1600 values .* expects 800'):
        data.TFRecordProvider(patterns, **ARGUMENTS).get_batch(1)


def test_a_record_of_another_length_among_others(tmp_path):
    path = tmp_path / 'a.tfrecord'
    odd = {**features(1), 'f0_hz': np.zeros(30, np.float32)}
    write_file(path, [features(0), odd, features(2)])
    with pytest.raises(ValueError, match=r'f0_hz has 30 values .* at byte [1-9].* 25'):
        data.TFRecordProvider(str(path), **ARGUMENTS).get_batch(1)


def test_a_description_with_words_for_numbers(tmp_path):
    pattern = write_records(tmp_path, 2, n_files=1)
    info = description(sample_rate='1600')
    dataset_info.write_json(str(tmp_path / 'dataset.json'), info)
    with pytest.raises(ValueError, match="sample_rate is '1600' in dataset"):
        data.TFRecordProvider(pattern, **ARGUMENTS).get_batch(1)
