"""Parts of several providers, and parts of parts, as workers read them."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf
from small_records import ARGUMENTS, numbers_of, write_records

from ddsp.training import data


def make(tmp_path, count: int, name: str = 'a') -> data.TFRecordProvider:
    return data.TFRecordProvider(write_records(tmp_path, count, name=name), **ARGUMENTS)


def flat(batches: list[list[int]]) -> list[int]:
    return [number for batch in batches for number in batch]


def pairs_of(batches: tf.data.Dataset) -> list[tuple[int, int]]:
    """Numbers of the two examples that come together."""
    return [
        pair
        for batch in batches
        for pair in zip(*([int(n) for n in part['audio'][:, 0]] for part in batch))
    ]


def as_shard(provider, index: int, **arguments) -> tf.data.Dataset:
    return provider.shard(2, index).get_batch(2, **arguments)


def as_zip_of_shards(provider, index: int, **arguments) -> tf.data.Dataset:
    parts = [part.shard(2, index) for part in provider._data_providers]
    return data.ZippedProvider(parts).get_batch(2, **arguments)


def with_context(provider, index: int, **arguments) -> tf.data.Dataset:
    context = tf.distribute.InputContext(2, index, num_replicas_in_sync=2)
    return provider.get_batch(4, input_context=context, **arguments)


@pytest.mark.parametrize('read', [as_shard, as_zip_of_shards, with_context])
def test_workers_without_a_seed_read_no_example_twice(tmp_path, read):
    zipped = data.ZippedProvider([make(tmp_path, 8), make(tmp_path, 8, 'b')])
    found = []
    for index in range(2):
        keras.utils.set_random_seed(index)
        found += pairs_of(read(zipped, index, repeats=1))
    first, second = zip(*found)
    assert sorted(first) == sorted(second) == list(range(8))
    assert first != second


def test_one_worker_without_a_seed_takes_the_global_one(tmp_path):
    zipped = data.ZippedProvider([make(tmp_path, 8), make(tmp_path, 8, 'b')])
    orders = []
    for seed in (1, 2, 1):
        keras.utils.set_random_seed(seed)
        orders.append(pairs_of(zipped.get_batch(2, repeats=1)))
    assert orders[0] == orders[2] != orders[1]


def test_a_shard_of_a_shard(tmp_path):
    provider = make(tmp_path, 12)
    whole = flat(numbers_of(provider.get_batch(12, seed=1, repeats=1)))
    part = provider.shard(3, 1).shard(2, 1)
    assert flat(numbers_of(part.get_batch(1, seed=1, repeats=1))) == whole[4::6]


@pytest.mark.parametrize('skipped', [0, 2])
def test_workers_of_a_shard_share_its_batches(tmp_path, skipped):
    half = make(tmp_path, 16).shard(2, 1)
    alone = numbers_of(half.get_batch(4, seed=1, skip_batches=skipped), 5)
    workers = [
        numbers_of(with_context(half, i, seed=1, skip_batches=skipped), 5)
        for i in range(2)
    ]
    assert [sorted(a + b) for a, b in zip(*workers)] == [sorted(b) for b in alone]
    with pytest.raises(ValueError, match=r'12 \(24 for 2 shards together\)'):
        context = tf.distribute.InputContext(2, 0, num_replicas_in_sync=2)
        half.get_batch(12, input_context=context)


def test_a_shard_of_a_zip_of_shards(tmp_path):
    parts = [make(tmp_path, 8, name).shard(2, 1) for name in 'ab']
    part = data.ZippedProvider(parts).shard(2, 0)
    found = pairs_of(part.get_batch(2, shuffle=False, repeats=1))
    whole = flat(numbers_of(make(tmp_path, 8).get_dataset(False).batch(1)))
    assert found == [(n, n) for n in whole[1::4]]


def test_a_mix_of_shards(tmp_path):
    halves = [make(tmp_path, 8).shard(2, index) for index in range(2)]
    mixes = [data.MixedProvider([half]) for half in halves]
    read = [flat(numbers_of(mix.get_batch(4, seed=1), 4)) for mix in mixes]
    assert sorted(read[0][:4] + read[1][:4]) == list(range(8))
    assert [len(set(numbers[:4])) for numbers in read] == [4, 4]
    later = flat(numbers_of(mixes[0].get_batch(4, seed=1, skip_batches=2), 2))
    assert later == read[0][8:]


def test_one_pass_of_a_mix_of_shards(tmp_path):
    thirds = [make(tmp_path, 8).shard(3, index) for index in range(3)]
    mixes = [data.MixedProvider([third]) for third in thirds]
    assert [mix.num_examples for mix in mixes] == [3, 3, 2]
    read = [
        flat(numbers_of(mix.get_batch(1, shuffle=False, repeats=1))) for mix in mixes
    ]
    assert [len(numbers) for numbers in read] == [3, 3, 2]
    assert sorted(flat(read)) == list(range(8))


def test_workers_share_a_mix_of_shards(tmp_path):
    parts = [make(tmp_path, 8, name).shard(2, 1) for name in 'ab']
    mix = data.MixedProvider(parts)
    alone = numbers_of(mix.get_batch(4, seed=1), 5)
    workers = [numbers_of(mix.shard(2, i).get_batch(2, seed=1), 5) for i in range(2)]
    assert [sorted(a + b) for a, b in zip(*workers)] == [sorted(b) for b in alone]


@pytest.mark.parametrize('pipelines', [None, 1])
def test_workers_of_mixes_of_shards_need_no_seed(tmp_path, pipelines):
    context = pipelines and tf.distribute.InputContext(pipelines, 0, 1)
    found = []
    for index in range(2):
        keras.utils.set_random_seed(index)
        mix = data.MixedProvider([make(tmp_path, 8).shard(2, index)])
        found += flat(numbers_of(mix.get_batch(4, input_context=context), 1))
    assert sorted(found) == list(range(8))
