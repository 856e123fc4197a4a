from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp import core
from ddsp.training.fit.features import Features
from ddsp.training.quantiles import QuantileTransformer
from ddsp.training.transfer import CONTROLS, Controls
from ddsp.training.transfer.adjust import adjust, match_loudness, note_name
from ddsp.training.transfer.statistics import Statistics

RATE = 125
RNG = np.random.default_rng(0)


def features(midi, loudness_db, confidence):
    n_frames = len(midi)
    return Features(
        audio=np.zeros(n_frames * 128, np.float32),
        f0_hz=np.asarray(core.midi_to_hz(np.asarray(midi, float)), np.float32),
        f0_confidence=np.asarray(confidence, np.float32),
        loudness_db=np.asarray(loudness_db, np.float32),
        sample_rate=16000,
        frame_rate=RATE,
    )


def two_notes(low=45.0, high=52.0):
    """A second of a note, half of silence, a second of another."""
    midi = np.repeat([low, low, high], [125, 62, 125])
    loudness = np.repeat([-30.0, -75.0, -20.0], [125, 62, 125])
    loudness += RNG.uniform(-2.0, 2.0, len(loudness))
    confidence = np.repeat([1.0, 0.0, 1.0], [125, 62, 125])
    return features(midi, loudness, confidence)


def statistics(mean=74.0, lowest=55.0, highest=93.0):
    loudness = QuantileTransformer().fit(np.linspace(-25.0, -5.0, 500))
    return Statistics(mean, lowest, highest, loudness)


def midi_of(adjusted):
    return np.asarray(core.hz_to_midi(adjusted.f0_hz))


@pytest.mark.parametrize('mean, octaves', [(48.5, 0), (74.0, 2), (35.0, -1)])
def test_octaves_to_the_mean_pitch(mean, octaves):
    heard = two_notes()
    adjusted = adjust(heard, Controls(), statistics(mean, 20.0, 100.0))
    assert adjusted.octaves == octaves
    ratio = adjusted.f0_hz / heard.f0_hz
    np.testing.assert_allclose(ratio, 2.0**octaves, rtol=1e-5)
    assert not adjusted.warnings


@settings(deadline=None, max_examples=25)
@given(mean=st.floats(20.0, 110.0))
def test_never_more_than_half_an_octave_from_the_mean(mean):
    heard = two_notes()
    adjusted = adjust(heard, Controls(), statistics(mean))
    assert abs(midi_of(adjusted)[adjusted.notes].mean() - mean) <= 6.01


def test_loudness_of_notes_is_that_of_the_instrument():
    loudness = np.random.default_rng(1).uniform(-35.0, -20.0, 500)
    heard = features(np.full(500, 60.0), loudness, np.ones(500))
    # Where frames are softer than the mean, confidence makes up for it.
    adjusted = adjust(heard, Controls(threshold=0.5), statistics())
    assert adjusted.notes.all()
    played = adjusted.loudness_db[adjusted.notes]
    for q in (0.1, 0.5, 0.9):
        assert np.quantile(played, q) == pytest.approx(-25.0 + 20.0 * q, abs=0.5)
    # Louder stays louder.
    order = np.argsort(heard.loudness_db[adjusted.notes])
    assert (np.diff(played[order]) >= -1e-4).all()


def test_notes_are_where_it_is_loud_and_sure():
    notes = adjust(two_notes(), Controls(), statistics()).notes
    assert notes[10:110].all() and not notes[140:175].any()


def test_loudness_does_not_leap_where_a_note_begins():
    ramp = np.linspace(-80.0, -10.0, 400)
    notes = ramp > -40.0
    matched = match_loudness(ramp, notes, statistics())
    steps = np.diff(matched)
    assert steps.max() < 0.3 and steps.min() > -1e-6
    # Below the softest note it goes on as it was.
    np.testing.assert_allclose(steps[:200], np.diff(ramp)[:200], rtol=1e-5)


@pytest.mark.parametrize('ripple_db', [0.0, 0.01, 1.0])
def test_a_level_note_stays_level(ripple_db):
    loudness = -30.0 + ripple_db * np.sin(np.arange(300))
    matched = match_loudness(loudness, np.ones(300, bool), statistics())
    assert np.ptp(matched) <= 3.0 * np.ptp(loudness) + 1e-6
    # The middle of the instrument's.
    assert np.median(matched) == pytest.approx(-15.0, abs=0.5)


def test_soft_and_loud_notes_stay_apart():
    loudness = np.repeat([-40.0, -28.0], 200)
    matched = match_loudness(loudness, np.ones(400, bool), statistics())
    assert 6.0 - 1e-6 <= matched[-1] - matched[0] <= 36.0


def test_hardly_a_melody_is_told():
    confidence = np.where(np.arange(500) < 60, 1.0, 0.1)
    heard = features(np.full(500, 60.0), np.full(500, -30.0), confidence)
    adjusted = adjust(heard, Controls(), None)
    assert 0 < adjusted.notes.mean() < 0.2
    assert 'of the sound; expected one voice' in adjusted.warnings[0]


def test_quiet_turns_down_what_is_no_note():
    heard = two_notes()
    loud = adjust(heard, Controls(quiet=0.0), None)
    np.testing.assert_allclose(loud.loudness_db, heard.loudness_db, atol=1e-5)
    soft = adjust(heard, Controls(quiet=20.0), None)
    rest = slice(140, 175)
    np.testing.assert_allclose(
        soft.loudness_db[rest], np.maximum(heard.loudness_db[rest] - 20.0, -80.0)
    )
    on = soft.notes
    np.testing.assert_array_equal(soft.loudness_db[on], heard.loudness_db[on])


def test_threshold_finds_fewer_notes():
    heard = two_notes()
    parts = [
        adjust(heard, Controls(threshold=t), None).notes.mean() for t in (0, 1, 1.2, 2)
    ]
    assert parts[0] == 1.0
    assert sorted(parts, reverse=True) == parts
    assert parts[-1] < parts[1]


def test_no_notes_are_told():
    heard = features(np.full(200, 60.0), np.full(200, -30.0), np.full(200, 0.1))
    adjusted = adjust(heard, Controls(threshold=2.0), statistics())
    assert not adjusted.notes.any()
    assert 'No notes were found' in adjusted.warnings[0]


def test_shifts():
    heard = two_notes()
    plain = adjust(heard, Controls(), statistics())
    moved = adjust(heard, Controls(pitch_shift=-1.0, loudness_shift=6.0), statistics())
    np.testing.assert_allclose(moved.f0_hz, plain.f0_hz / 2.0, rtol=1e-5)
    louder = moved.loudness_db - plain.loudness_db
    np.testing.assert_allclose(louder[plain.loudness_db > -70.0], 6.0, atol=1e-4)
    left = adjust(heard, Controls(adjust=False), statistics())
    np.testing.assert_allclose(left.f0_hz, heard.f0_hz, rtol=1e-5)


def test_beyond_the_range_is_told():
    heard = two_notes()
    high = adjust(heard, Controls(pitch_shift=2.0), statistics(), 'the kazoo')
    (warning,) = high.warnings
    assert 'above what the kazoo was trained on (G3 to A6)' in warning
    assert warning.startswith('50%') or warning.startswith('100%')
    low = adjust(heard, Controls(adjust=False), statistics(), 'the kazoo')
    assert 'below' in low.warnings[0]


def test_autotune_goes_to_the_tuning_of_the_recording():
    # Two notes that are 30 cents sharp, one of which wobbles.
    wobble = 0.2 * np.sin(np.linspace(0.0, 30.0, 125))
    midi = np.concatenate([60.3 + wobble, np.full(125, 64.3)])
    heard = features(midi, np.full(250, -20.0), np.ones(250))
    tuned = midi_of(adjust(heard, Controls(autotune=1.0), None))
    assert np.abs(tuned[10:115] - 60.3).max() < 0.05
    assert np.abs(tuned[135:240] - 64.3).max() < 0.05
    half = midi_of(adjust(heard, Controls(autotune=0.5), None))
    np.testing.assert_allclose(half - midi, (tuned - midi) / 2.0, atol=1e-3)


@pytest.mark.parametrize('control', CONTROLS, ids=lambda control: control.name)
def test_controls_have_ranges(control):
    for value in (control.low, control.high):
        Controls(**{control.name: value})
        Controls(**{control.name: np.float32(value)})
    assert control.low <= getattr(Controls(), control.name) <= control.high
    for value in (control.low - 0.1, control.high + 0.1, float('nan'), 'loud'):
        with pytest.raises(ValueError, match=f'{control.name} is .*expected a number'):
            Controls(**{control.name: value})


def test_adjust_is_true_or_false():
    with pytest.raises(ValueError, match="adjust is 'no', expected True or False"):
        Controls(adjust='no')


def test_classic_defaults():
    values = Controls()
    assert (values.adjust, values.threshold, values.quiet) == (True, 1.0, 20.0)
    assert (values.autotune, values.pitch_shift, values.loudness_shift) == (0, 0, 0)


def test_note_names():
    assert [note_name(x) for x in (60, 69.2, 57.6, 21)] == ['C4', 'A4', 'A#3', 'A0']
