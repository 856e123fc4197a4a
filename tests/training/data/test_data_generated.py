from __future__ import annotations

import itertools

import numpy as np
import pytest
from small_records import write_records

from ddsp.training.data import (
    GeneratedNotes,
    MixedProvider,
    TFRecordProvider,
    ZippedProvider,
)
from ddsp.training.postprocessing import compute_dataset_statistics


def provider() -> GeneratedNotes:
    return GeneratedNotes(n_timesteps=6, n_harmonics=3, n_mags=2)


def pitches(batches, count: int) -> np.ndarray:
    taken = itertools.islice(batches, count)
    return np.concatenate([batch['f0_hz'].numpy()[:, 0, 0] for batch in taken])


def test_batches_have_the_features_of_synthetic_notes() -> None:
    batch = next(iter(provider().get_batch(5, seed=0)))
    shapes = {name: value.shape.as_list() for name, value in batch.items()}
    assert shapes == {
        'f0_hz': [5, 6, 1],
        'harm_amp': [5, 6, 1],
        'harm_dist': [5, 6, 3],
        'sin_amps': [5, 6, 3],
        'sin_freqs': [5, 6, 3],
        'noise_magnitudes': [5, 6, 2],
    }


def test_a_seed_gives_the_same_notes_and_no_note_twice() -> None:
    first = pitches(provider().get_batch(7, seed=1), 10)
    again = pitches(provider().get_batch(7, seed=1), 10)
    other = pitches(provider().get_batch(7, seed=2), 10)
    np.testing.assert_array_equal(first, again)
    assert not np.intersect1d(first, other).size
    assert len(np.unique(first)) == 70


def test_training_goes_on_where_it_stopped() -> None:
    whole = pitches(provider().get_batch(7, seed=1), 10)
    rest = pitches(provider().get_batch(7, seed=1, skip_batches=6), 4)
    np.testing.assert_array_equal(rest, whole[42:])


def test_shards_share_the_notes_of_one_worker() -> None:
    whole = pitches(provider().get_batch(8, seed=1), 2)
    parts = [
        pitches(provider().shard(2, index).get_batch(4, seed=1), 2)
        for index in range(2)
    ]
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.sort(whole))


def test_one_pass_never_ends() -> None:
    assert provider().num_examples is None
    assert len(list(provider().get_dataset().take(70))) == 70


@pytest.mark.parametrize('kind', [ZippedProvider, MixedProvider])
def test_passes_of_notes_are_refused(kind) -> None:
    match = r'repeats is 1, but the examples of \w+ never end: set repeats = -1'
    with pytest.raises(ValueError, match=f'{match}.* SyntheticNotes'):
        provider().get_batch(2, repeats=1)
    with pytest.raises(ValueError, match=match):
        kind([provider(), provider()]).get_batch(2, repeats=1)


def test_statistics_of_notes_are_refused() -> None:
    with pytest.raises(ValueError, match='GeneratedNotes never end'):
        compute_dataset_statistics(provider())


def test_notes_last_as_long_as_what_they_are_zipped_with(tmp_path) -> None:
    rates = {'sample_rate': 16000, 'frame_rate': 250, 'example_secs': 0.004}
    sizes = {'audio': 64, 'audio_16k': 64}
    frames = dict.fromkeys(('f0_hz', 'f0_confidence', 'loudness_db'), 1)
    records = TFRecordProvider(write_records(tmp_path, 5, **sizes, **frames), **rates)
    zipped = ZippedProvider([provider(), records])
    assert len(list(zipped.get_batch(4, repeats=2))) == 5


def test_a_seed_below_0_is_refused() -> None:
    match = 'GeneratedNotes was given the seed -1, expected 0 or more'
    with pytest.raises(ValueError, match=match):
        provider().get_batch(2, seed=-1)
