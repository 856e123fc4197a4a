from __future__ import annotations

import itertools

import numpy as np

from ddsp.training.data import GeneratedNotes


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
