from __future__ import annotations

import collections

import pytest
from small_records import ARGUMENTS, numbers_of, write_records

from ddsp.training import data


def make(tmp_path, *counts: int) -> list[data.TFRecordProvider]:
    """Providers whose examples are numbered from 0, in the order of their counts."""
    patterns = [
        write_records(tmp_path, count, name=f'n{i}') for i, count in enumerate(counts)
    ]
    return [data.TFRecordProvider(pattern, **ARGUMENTS) for pattern in patterns]


class Shifted(data.TFRecordProvider):
    """Adds 100 to the numbers of its examples."""

    def get_dataset(self, shuffle=True):
        dataset = super().get_dataset(shuffle)
        return dataset.map(lambda e: {**e, 'audio': e['audio'] + 100})


@pytest.fixture
def mixed(tmp_path):
    first, second = make(tmp_path, 6, 8)
    second = Shifted(second.file_pattern, **ARGUMENTS)
    return data.MixedProvider([first, second], batch_size_ratios=(3, 1))


def test_zipped_batches(tmp_path):
    provider = data.ZippedProvider(make(tmp_path, 6, 8), batch_size_ratios=[1, 2])
    first, second = next(iter(provider.get_batch(6)))
    assert first['audio'].shape[0] == 2
    assert second['audio'].shape[0] == 4
    assert provider.sample_rate == 1600
    assert provider.num_examples == len(list(provider.get_dataset())) == 6


@pytest.mark.parametrize(
    'ratios, size, expected',
    [
        ((), 8, [4, 4]),
        ((), 7, [4, 3]),
        ((2, 1), 9, [6, 3]),
        ((0.9, 0.1), 4, [3, 1]),
        ((1, 1000), 2, [1, 1]),
    ],
)
def test_a_batch_is_divided(tmp_path, ratios, size, expected):
    provider = data.ZippedProvider(make(tmp_path, 6, 8), ratios)
    assert provider.batch_sizes(size) == expected


def test_zipped_batches_go_on(tmp_path):
    provider = data.ZippedProvider(make(tmp_path, 6, 8))

    def pairs(count, **kwargs):
        batches = provider.get_batch(4, seed=3, **kwargs).take(count)
        return [[part['audio'][:, 0].numpy().tolist() for part in b] for b in batches]

    assert pairs(3, skip_batches=4) == pairs(7)[4:]
    workers = [
        [
            [part['audio'][:, 0].numpy().tolist() for part in batch]
            for batch in provider.shard(2, index).get_batch(2, seed=3).take(4)
        ]
        for index in range(2)
    ]
    for batch, *parts in zip(pairs(4), *workers):
        for source in range(2):
            both = parts[0][source] + parts[1][source]
            assert sorted(both) == sorted(batch[source])


def test_a_zipped_batch_without_an_example_for_each(tmp_path):
    provider = data.ZippedProvider(make(tmp_path, 6, 8))
    with pytest.raises(ValueError, match='batch_size is 1, expected at least one'):
        provider.get_batch(1)


def test_a_mix_keeps_its_proportions(mixed):
    numbers = [
        n for batch in numbers_of(mixed.get_batch(8, seed=1), 100) for n in batch
    ]
    first = sum(number < 100 for number in numbers) / len(numbers)
    # 800 draws: four standard deviations are 0.06.
    assert first == pytest.approx(0.75, abs=0.06)
    counts = collections.Counter(numbers)
    assert len(counts) == 14


def test_a_mix_goes_on(mixed):
    whole = numbers_of(mixed.get_batch(4, seed=1), 12)
    assert numbers_of(mixed.get_batch(4, seed=1, skip_batches=5), 7) == whole[5:]
    assert numbers_of(mixed.get_batch(4, seed=2), 12) != whole


def test_a_mix_is_shared_by_workers(mixed):
    alone = numbers_of(mixed.get_batch(4, seed=1), 6)
    parts = [
        numbers_of(mixed.shard(2, index).get_batch(2, seed=1), 6) for index in range(2)
    ]
    assert [sorted(a + b) for a, b in zip(*parts)] == [sorted(b) for b in alone]


def test_one_pass_of_a_mix_has_everything(mixed):
    once = numbers_of(mixed.get_batch(7, repeats=1))
    expected = [*range(6), *range(100, 108)]
    assert sorted(n for batch in once for n in batch) == expected
    assert mixed.num_examples == 14


def test_a_mix_of_other_features(tmp_path):
    first = data.TFRecordProvider(write_records(tmp_path, 3), **ARGUMENTS)
    second = data.LegacyTFRecordProvider(write_records(tmp_path, 3), **ARGUMENTS)
    with pytest.raises(ValueError, match=r'only some .*audio_16k'):
        data.MixedProvider([first, second]).get_batch(2)


def test_other_rates(tmp_path):
    (first,) = make(tmp_path, 3)
    second = data.TFRecordProvider('b', sample_rate=16000)
    with pytest.raises(ValueError, match=r'sample_rate .* differs, .* 1600, 16000'):
        data.MixedProvider([first, second])


@pytest.mark.parametrize('ratios', [(1,), (1, 0), (1, -1)])
def test_ratios_that_cannot_be(tmp_path, ratios):
    with pytest.raises(ValueError, match='batch_size_ratios'):
        data.MixedProvider(make(tmp_path, 3, 3), ratios)


def test_no_providers():
    with pytest.raises(ValueError, match='data_providers is empty'):
        data.ZippedProvider([])
