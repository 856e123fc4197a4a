"""What is measured of the examples that a model is trained on."""

from __future__ import annotations

import itertools
import json

import pytest
import small_records

from ddsp.training import data, postprocessing
from ddsp.training.instrument import statistics


@pytest.fixture
def provider(tmp_path):
    """Of 24 examples."""
    pattern = small_records.write_records(tmp_path, 24)
    return data.TFRecordProvider(pattern, **small_records.ARGUMENTS)


def measured(folder, provider, monkeypatch) -> list[int]:
    """Numbers of the examples that are measured."""

    def numbers(provider, batch_size):
        batches = provider.get_batch(
            batch_size, shuffle=False, repeats=1, drop_remainder=False
        )
        return list(itertools.chain(*small_records.numbers_of(batches)))

    monkeypatch.setattr(postprocessing, 'compute_dataset_statistics', numbers)
    statistics.write_statistics(folder, provider)
    return json.loads((folder / 'dataset_statistics.json').read_text())


def test_of_a_large_dataset_a_part_is_measured(provider, tmp_path, monkeypatch):
    monkeypatch.setattr(statistics, '_MOST_EXAMPLES', 20)
    for name in 'ab':
        (tmp_path / name).mkdir()
    first, second = (measured(tmp_path / n, provider, monkeypatch) for n in 'ab')
    assert first == second
    assert len(set(first)) == len(first) == 20
    # The first 20 would be none from the end.
    assert max(first) >= 20


def test_a_small_dataset_is_measured_whole(provider, tmp_path, monkeypatch):
    found = measured(tmp_path, provider, monkeypatch)
    assert sorted(found) == list(range(24))


def test_a_part_is_measured_as_a_dataset_is(provider, tmp_path, monkeypatch):
    monkeypatch.setattr(statistics, '_MOST_EXAMPLES', 20)
    statistics.write_statistics(tmp_path, provider)
    path = tmp_path / 'dataset_statistics.json'
    assert json.loads(path.read_text())['n_examples'] == 20
    # What was measured is not measured again.
    path.write_text('kept')
    statistics.write_statistics(tmp_path, provider)
    assert path.read_text() == 'kept'
