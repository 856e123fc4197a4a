"""What is said of batches that cannot be filled."""

from __future__ import annotations

import pytest
import tensorflow as tf
from small_records import ARGUMENTS, numbers_of, write_records

from ddsp.training import data


def make(tmp_path, count: int, name: str = 'a') -> data.TFRecordProvider:
    return data.TFRecordProvider(write_records(tmp_path, count, name=name), **ARGUMENTS)


@pytest.mark.parametrize('size', [3, 5])
def test_what_a_shard_was_given_is_named(tmp_path, size):
    shard = make(tmp_path, 5).shard(2, 0)
    match = (
        rf'^batch_size {size} \({2 * size} for 2 shards together\) is larger than .*, '
        r'which has 5 examples: take .* of at most 2, or'
    )
    with pytest.raises(ValueError, match=match):
        shard.get_batch(size)
    assert len(numbers_of(shard.get_batch(2), 3)) == 3


def test_shards_for_which_there_are_not_enough_examples(tmp_path):
    shard = make(tmp_path, 3, 'a').shard(4, 0)
    with pytest.raises(ValueError, match=r'has 3 examples: make more examples'):
        shard.get_batch(1)


def test_passes_that_fill_a_batch_together(tmp_path):
    provider = make(tmp_path, 5)
    (batch,) = numbers_of(provider.get_batch(8, repeats=2))
    assert len(batch) == 8
    match = r'^batch_size 11 is larger than 2 passes over .* 5 examples.* at most 10,'
    with pytest.raises(ValueError, match=match):
        provider.get_batch(11, repeats=2)


def test_for_ever_a_batch_is_no_more_than_a_pass(tmp_path):
    with pytest.raises(ValueError, match=r'^batch_size 8 is larger .* at most 5,'):
        make(tmp_path, 5).get_batch(8)


def test_what_a_zip_was_given_is_named(tmp_path):
    parts = [make(tmp_path, 5), make(tmp_path, 8, 'b')]
    zipped = data.ZippedProvider(parts, batch_size_ratios=(2, 1))
    match = (
        r'^batch_size 9, of which 6 is larger than the dataset of .*/a\.tfrecord\*, '
        r'which has 5 examples: take a batch_size .* of 8, or make more'
    )
    with pytest.raises(ValueError, match=match):
        zipped.get_batch(9, drop_remainder=True)
    (batch,) = zipped.get_batch(8, drop_remainder=True, repeats=1)
    assert [part['audio'].shape[0] for part in batch] == [5, 3]


def test_what_a_zip_of_shards_was_given_is_named(tmp_path):
    parts = [make(tmp_path, 5), make(tmp_path, 9, 'b')]
    shard = data.ZippedProvider(parts).shard(2, 1)
    match = r'^batch_size 6, of which 3 \(6 for 2 shards together\) is .* of 4, or'
    with pytest.raises(ValueError, match=match):
        shard.get_batch(6, drop_remainder=True)


def test_a_zip_in_a_zip(tmp_path):
    inner = data.ZippedProvider([make(tmp_path, 5), make(tmp_path, 5, 'b')])
    zipped = data.ZippedProvider([inner, make(tmp_path, 9, 'c')])
    assert next(iter(zipped.get_batch(18, drop_remainder=True)))
    with pytest.raises(ValueError, match=r'^batch_size 20, .* 11, of which 6 .* of 19'):
        data.ZippedProvider([inner, make(tmp_path, 12, 'd')], (11, 9)).get_batch(
            20, drop_remainder=True
        )


def test_a_zip_names_arguments_before_sizes(tmp_path):
    zipped = data.ZippedProvider([make(tmp_path, 5), make(tmp_path, 5, 'b')])
    with pytest.raises(ValueError, match='repeats is 0'):
        zipped.get_batch(4, repeats=0, drop_remainder=True)


def test_a_batch_of_all_workers(tmp_path):
    context = tf.distribute.InputContext(2, 0, num_replicas_in_sync=2)
    with pytest.raises(ValueError, match=r'^batch_size 6 is larger .* at most 5,'):
        make(tmp_path, 5).get_batch(6, input_context=context)
