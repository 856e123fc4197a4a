"""Providers of one's own that do something with the examples of records."""

from __future__ import annotations

import pytest
from small_records import ARGUMENTS, count_reads, numbers_of, write_records

from ddsp.training import data


class Louder(data.TFRecordProvider):
    def get_dataset(self, shuffle=True):
        dataset = super().get_dataset(shuffle)
        return dataset.map(lambda e: {**e, 'audio': e['audio'] + 100})


@pytest.fixture
def provider(tmp_path):
    return Louder(write_records(tmp_path, 6), **ARGUMENTS)


def flat(batches: list[list[int]]) -> list[int]:
    return [number for batch in batches for number in batch]


def test_they_change_examples(provider):
    once = numbers_of(provider.get_batch(2, seed=1), 6)
    assert sorted(flat(once[:3])) == list(range(100, 106))
    assert numbers_of(provider.get_batch(2, seed=1, skip_batches=2), 4) == once[2:]
    parts = [numbers_of(provider.shard(2, i).get_batch(1, seed=1), 6) for i in (0, 1)]
    assert [sorted(flat(p)) for p in zip(*parts)] == [sorted(b) for b in once]


def test_what_they_skip_is_not_read(provider, monkeypatch):
    whole = numbers_of(provider.get_batch(4, seed=1), 9)
    assert numbers_of(provider.get_batch(4, seed=1, skip_batches=7), 2) == whole[7:]
    read = count_reads(monkeypatch)
    assert len(numbers_of(provider.get_batch(2, seed=1, skip_batches=500), 1)) == 1
    assert len(read) < 500


def test_a_pass_knows_its_length(provider):
    assert int(provider.get_dataset().cardinality()) == 6
    once = data.TFRecordProvider(provider.file_pattern, **ARGUMENTS)
    batches = once.get_batch(4, repeats=2, drop_remainder=False, skip_batches=1)
    assert int(batches.cardinality()) == len(list(batches)) == 2


def test_they_may_leave_examples_out(tmp_path):
    class Even(data.TFRecordProvider):
        def get_dataset(self, shuffle=True):
            dataset = super().get_dataset(shuffle)
            return dataset.filter(lambda e: e['audio'][0] % 2 == 0)

    provider = Even(write_records(tmp_path, 6), **ARGUMENTS)
    assert sorted(flat(numbers_of(provider.get_batch(1, repeats=1)))) == [0, 2, 4]
