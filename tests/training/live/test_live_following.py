"""Bringing a melody to an instrument, frame by frame."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tensorflow as tf
from live_tiny import statistics

from ddsp.training.live import Controls, Follower, control_tensors
from ddsp.training.live.following import within_ranges

FRAME_RATE, FRAMES = 125, 5
# Of all tests, so that few functions have to be compiled.
STATISTICS = statistics(mean_pitch=70.0, mean_db=-15.0, deviation_db=6.0)


@functools.lru_cache
def compiled(with_statistics):
    follower = Follower(STATISTICS if with_statistics else None, FRAME_RATE)
    return follower, tf.function(follower.step, autograph=False)


def hz(midi):
    return 440.0 * 2.0 ** ((np.asarray(midi, np.float64) - 69.0) / 12.0)


def midi(f0_hz):
    return 69.0 + 12.0 * np.log2(f0_hz / 440.0)


def follow(notes, loudness_db=-20.0, confidence=1.0, stats=None, state=None, **changed):
    """Follows frames; gives f0, loudness, notes and the last state, as arrays."""
    follower, step = compiled(stats is not None)
    frames = [np.broadcast_to(x, np.shape(notes)) for x in (loudness_db, confidence)]
    inputs = [tf.constant(x[None], tf.float32) for x in (hz(notes), *frames[::-1])]
    controls = control_tensors(Controls(**changed))
    state = state or follower.initial_state()
    parts = []
    for first in range(0, len(notes), FRAMES):
        block = [x[:, first : first + FRAMES] for x in inputs]
        followed, state = step(*block, controls, state)
        parts.append(followed)
    joined = [np.concatenate([x.numpy()[0] for x in y]) for y in zip(*parts)]
    return (*joined[:3], {k: float(v[0, 0]) for k, v in state.items()})


def test_the_first_note_chooses_the_octave():
    f0_hz, _, note, _ = follow(np.full(50, 47.0), stats=STATISTICS)
    # From B2 two octaves up is nearest to 70.
    np.testing.assert_allclose(f0_hz, hz(47.0 + 24.0), rtol=1e-5)
    assert note.all()


def test_the_octave_stays_within_a_note():
    glide = np.concatenate([np.full(25, 60.0), np.linspace(60.0, 90.0, 500)])
    f0_hz, _, _, state = follow(glide, stats=STATISTICS)
    assert state['octaves'] == 1
    np.testing.assert_allclose(midi(f0_hz), glide + 12.0, atol=1e-3)


def test_the_octave_changes_between_notes_when_the_voice_does():
    notes = np.concatenate([np.full(125, 60.0), np.full(50, 60.0), np.full(2000, 84.0)])
    rest = np.concatenate([np.ones(125), np.zeros(50), np.ones(2000)])
    rest[1500:1550] = 0.0
    f0_hz, _, note, _ = follow(notes, confidence=rest, stats=STATISTICS)
    played = midi(f0_hz) - notes
    assert np.round(played[100]) == 12
    assert set(np.round(played[200:1500])) == {12.0}, 'not within the long note'
    assert set(np.round(played[1560:])) == {-12.0}
    assert not note[140:175].any()


def test_loudness_gets_mean_and_spread_of_the_instrument():
    rng = np.random.default_rng(0)
    loudness_db = -40.0 + 4.0 * rng.standard_normal(5000)
    _, played_db, note, _ = follow(np.full(5000, 60.0), loudness_db, stats=STATISTICS)
    assert note.mean() > 0.99
    assert np.mean(played_db[2500:]) == pytest.approx(-15.0, abs=0.5)
    assert np.std(played_db[2500:]) == pytest.approx(6.0, abs=0.5)


def test_a_level_note_stays_level():
    loudness_db = -30.0 + 0.1 * np.sin(np.arange(4000) / 10)
    _, played_db, _, _ = follow(np.full(4000, 60.0), loudness_db, stats=STATISTICS)
    # Differences grow by 2 at most.
    assert np.ptp(played_db[3700:]) < 0.2 * 2.0 + 0.05


@pytest.mark.parametrize('adjust', [False, True])
def test_without_statistics_only_controls_move(adjust):
    f0_hz, loudness_db, _, state = follow(
        np.full(50, 50.0), -25.0, pitch_shift=1.5, loudness_shift=-4.0, adjust=adjust
    )
    np.testing.assert_allclose(midi(f0_hz), 50.0 + 18.0, atol=1e-3)
    np.testing.assert_allclose(loudness_db, -29.0, atol=1e-4)
    assert state['octaves'] == 0


def test_breath_is_quietened_and_its_pitch_held():
    notes = np.concatenate([np.full(50, 60.0), np.full(100, 77.0)])
    confidence = np.concatenate([np.ones(50), np.full(100, 0.1)])
    f0_hz, loudness_db, note, _ = follow(notes, -30.0, confidence, quiet=40.0)
    np.testing.assert_allclose(midi(f0_hz), 60.0, atol=1e-3)
    assert note[:50].all() and not note[75:].any()
    assert loudness_db[40] == pytest.approx(-30.0)
    # Strength is confidence squared times the level above silence, by 0.49 times the
    # notes' level above it, which lies between -30 dB and the -15 dB of the beginning.
    weakest, strongest = 0.01 * 50 / (0.49 * 65), 0.01 * 50 / (0.49 * 50)
    played = loudness_db[-1] + 30.0
    assert -40.0 * (1.0 - weakest) <= played <= -40.0 * (1.0 - strongest)


def test_a_higher_threshold_finds_fewer_notes():
    confidence = np.linspace(1.0, 0.0, 200)
    counts = [
        follow(np.full(200, 60.0), -20.0, confidence, threshold=threshold)[2].sum()
        for threshold in (0.25, 1.0, 1.75)
    ]
    assert 200 > counts[0] > counts[1] > counts[2] > 0


def test_autotune_draws_to_semitones():
    f0_hz, _, _, _ = follow(np.full(200, 60.3), autotune=1.0)
    assert midi(f0_hz[-1]) == pytest.approx(60.0, abs=0.01)
    half, _, _, _ = follow(np.full(200, 60.3), autotune=0.5)
    assert midi(half[-1]) == pytest.approx(60.15, abs=0.01)
    assert np.abs(np.diff(midi(f0_hz))).max() < 0.1, 'without a leap'


def test_blocks_do_not_matter():
    rng = np.random.default_rng(2)
    heard = [
        tf.constant(x[None], tf.float32)
        for x in (hz(rng.uniform(50, 60, 20)), rng.random(20), rng.uniform(-60, 0, 20))
    ]
    follower = Follower(STATISTICS, FRAME_RATE)
    controls = control_tensors(Controls(autotune=0.5))
    whole, last = follower.step(*heard, controls, follower.initial_state())
    state, parts = follower.initial_state(), []
    for first, end in ((0, 1), (1, 8), (8, 10), (10, 20)):
        block = [x[:, first:end] for x in heard]
        followed, state = follower.step(*block, controls, state)
        parts.append(followed)
    for name in whole._fields:
        joined = tf.concat([getattr(part, name) for part in parts], axis=1)
        np.testing.assert_array_equal(joined, getattr(whole, name))
    for name, value in last.items():
        np.testing.assert_array_equal(state[name], value)


def test_what_is_no_number_is_silence():
    nan = np.full(30, np.nan)
    notes = np.full(30, 60.0)
    _, _, _, before = follow(notes, stats=STATISTICS)
    state = {k: tf.fill([1, 1], v) for k, v in before.items()}
    broken = follow(nan, nan, nan, STATISTICS, state)
    silent = follow(np.full(30, 90.0), -80.0, 0.0, STATISTICS, state)
    for one, other in zip(broken[:3], silent[:3]):
        np.testing.assert_array_equal(one, other)
    assert broken[3] == silent[3]


def test_controls_are_brought_into_their_ranges():
    given = control_tensors(Controls())
    given['pitch_shift'] = tf.constant(9.0)
    given['quiet'] = tf.constant(float('nan'))
    given['threshold'] = tf.constant(float('-inf'))
    given['adjust'] = tf.constant(7.0)
    good = {name: float(x) for name, x in within_ranges(given).items()}
    expected = {'pitch_shift': 2.0, 'quiet': 20.0, 'threshold': 1.0, 'adjust': 1.0}
    assert {name: good[name] for name in expected} == expected
