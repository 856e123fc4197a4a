from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp import core
from ddsp.training.data_preparation import synthetic_data as synthetic

NAMES = ('f0_hz', 'harm_amp', 'harm_dist', 'sin_amps', 'sin_freqs', 'noise_magnitudes')
MAKERS = [synthetic.generate_notes, synthetic.generate_notes_v2]


@pytest.mark.parametrize('generate', MAKERS)
def test_notes_have_the_shapes_of_records(generate) -> None:
    notes = generate(3, 40, n_harmonics=7, n_mags=9, seed=1)
    channels = dict(zip(NAMES, (1, 1, 7, 7, 7, 9)))
    assert {k: v.shape.as_list() for k, v in notes.items()} == {
        name: [3, 40, n] for name, n in channels.items()
    }
    assert all(np.isfinite(v).all() for v in notes.values())


@pytest.mark.parametrize('generate', MAKERS)
def test_sinusoids_are_the_harmonics(generate) -> None:
    notes = generate(4, 30, n_harmonics=100, seed=2)
    f0_hz, amps = notes['f0_hz'].numpy(), notes['harm_amp'].numpy()
    numbers = np.arange(1, 101)
    np.testing.assert_allclose(notes['sin_freqs'], f0_hz * numbers, rtol=1e-5)
    np.testing.assert_allclose(notes['sin_amps'], amps * notes['harm_dist'], rtol=1e-5)
    np.testing.assert_allclose(notes['harm_dist'].numpy().sum(-1), 1.0, rtol=1e-5)
    # Nothing sounds from the Nyquist frequency on, which some of these harmonics pass.
    above = notes['sin_freqs'].numpy() >= 8000.0
    assert above.any() and notes['sin_amps'].numpy()[above].max() == 0.0


@pytest.mark.parametrize('generate', MAKERS)
def test_without_controls_harmonics_stay_above_nyquist(generate) -> None:
    notes = generate(2, 30, n_harmonics=100, get_controls=False, seed=2)
    above = notes['sin_freqs'].numpy() >= 8000.0
    assert above.any() and notes['sin_amps'].numpy()[above].min() > 0.0


@pytest.mark.parametrize('generate', MAKERS)
def test_seeds_give_the_same_notes(generate) -> None:
    first, again = (generate(2, 20, n_harmonics=5, n_mags=3, seed=7) for _ in range(2))
    other = generate(2, 20, n_harmonics=5, n_mags=3, seed=8)
    for name in NAMES:
        np.testing.assert_array_equal(first[name], again[name])
        assert not np.array_equal(first[name], other[name])
    with synthetic.seeded(7):
        outside = generate(2, 20, n_harmonics=5, n_mags=3)
    np.testing.assert_array_equal(outside['f0_hz'], first['f0_hz'])


def test_unseeded_notes_differ() -> None:
    first, second = (synthetic.generate_notes_v2(1, 10) for _ in range(2))
    assert not np.array_equal(first['f0_hz'], second['f0_hz'])


@settings(deadline=None, max_examples=25)
@given(shortest=st.integers(1, 6), longer=st.integers(0, 6), frames=st.integers(1, 30))
def test_notes_are_as_long_as_they_may_be(shortest, longer, frames) -> None:
    longest = shortest + longer
    with synthetic.seeded(frames):
        course = synthetic._draw_course(3, frames, shortest, longest)
    assert course.index.shape == (3, frames) and course.index.min() == 0
    for row in course.index:
        _, lengths = np.unique(row, return_counts=True)
        # The last one may be cut by the end.
        assert np.all(lengths[:-1] >= shortest) and np.all(lengths <= longest)
    assert course.position.min() >= 0.0 and course.position.max() <= 1.0


def test_rests_and_vibrato_come_as_often_as_asked() -> None:
    def draw(**probabilities):
        notes = synthetic.generate_notes_v2(
            256, 50, n_harmonics=2, n_mags=2, seed=3, **probabilities
        )
        return {name: value.numpy()[..., 0] for name, value in notes.items()}

    silent = draw(p_silent=1.0)['harm_amp']
    np.testing.assert_allclose(20 * np.log10(silent), -100.0, atol=1e-3)
    assert draw(p_silent=0.0)['harm_amp'].min() > 1e-4
    quarter = np.mean(draw(p_silent=0.25)['harm_amp'] < 2e-5)
    assert abs(quarter - 0.25) < 0.04

    # Vibrato turns back and forth within a note: without it pitch bends once at most.
    def turns(p_vibrato: float) -> int:
        midi = core.hz_to_midi(draw(p_vibrato=p_vibrato)['f0_hz']).numpy()
        steps = np.diff(midi, axis=1)
        small = (np.abs(steps) > 0.02) & (np.abs(steps) < 1.0)
        return np.sum((steps[:, 1:] * steps[:, :-1] < 0) & small[:, 1:] & small[:, :-1])

    assert turns(1.0) > 10 * max(turns(0.0), 1)


def test_draws_stay_in_their_ranges() -> None:
    with synthetic.seeded(0):
        numbers = [synthetic.uniform_int(2, 4) for _ in range(200)]
        assert set(numbers) == {2, 3, 4}
        floats = [synthetic.uniform_float(-1.0, 1.0) for _ in range(200)]
        assert -1.0 <= min(floats) < -0.8 and 0.8 < max(floats) <= 1.0
        heads = sum(synthetic.flip(0.2) for _ in range(2000)) / 2000
        assert abs(heads - 0.2) < 0.04
        assert not synthetic.flip(0.0) and synthetic.flip(1.0)


def test_curves_have_the_moments_they_are_drawn_with() -> None:
    with synthetic.seeded(0):
        uniform = synthetic.uniform_generator([50, 11, 2], 30, 1.0, 3.0).numpy()
        normal = synthetic.normal_generator([500, 10, 1], 10, 5.0, 2.0).numpy()
        steady = synthetic.normal_generator([3, 4, 1], 9, 5.0, 0.0).numpy()
    assert uniform.shape == (50, 30, 2)
    assert uniform.min() >= 1.0 and uniform.max() <= 3.0
    assert abs(normal.mean() - 5.0) < 0.1 and abs(normal.std() - 2.0) < 0.1
    np.testing.assert_allclose(steady, 5.0)


def test_modulation_keeps_the_sign_and_needs_depth() -> None:
    signal = np.linspace(-1.0, 1.0, 40, dtype=np.float32).reshape(1, 40, 1)
    with synthetic.seeded(1):
        still = synthetic.modulate(signal, maxval=0.0).numpy()
        moved = synthetic.modulate(signal, maxval=0.5).numpy()
    np.testing.assert_allclose(still, signal, rtol=1e-6)
    assert not np.allclose(moved, signal)
    assert np.all(np.sign(moved) * np.sign(signal) >= 0)


def test_blends_go_from_start_to_end_and_only_forward() -> None:
    with synthetic.seeded(1):
        for _ in range(20):
            blend = synthetic.random_blend(30, 0.25, 1.0, exp_max=4.0)
            assert blend[0] == 0.25 and blend[-1] == 1.0
            assert np.all(np.diff(blend) >= 0)
        straight = synthetic.random_blend(5, exp_max=1.0)
    np.testing.assert_allclose(straight, [1.0, 0.75, 0.5, 0.25, 0.0])


def test_distributions_sum_to_one_and_fall() -> None:
    with synthetic.seeded(1):
        dists = np.stack([synthetic.random_harm_dist(60) for _ in range(100)])
    np.testing.assert_allclose(dists.sum(-1), 1.0, rtol=1e-5)
    assert dists.min() > 0.0
    assert dists[:, :10].sum() > 5 * dists[:, -10:].sum()


@pytest.mark.parametrize(
    ('wrong', 'said'),
    [
        ({'min_note_length': 0}, 'min_note_length is 0'),
        ({'min_note_length': 9, 'max_note_length': 8}, 'max_note_length 8'),
        ({'p_silent': 1.5}, 'p_silent is 1.5'),
        ({'p_vibrato': -0.1}, 'p_vibrato is -0.1'),
    ],
)
def test_impossible_notes_are_refused(wrong, said) -> None:
    with pytest.raises(ValueError, match=said):
        synthetic.generate_notes_v2(1, 10, **wrong)


def test_impossible_blends_are_refused() -> None:
    with pytest.raises(ValueError, match=r'exp_max is 0\.5'):
        synthetic.random_blend(10, exp_max=0.5)
