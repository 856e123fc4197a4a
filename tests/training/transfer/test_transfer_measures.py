from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats
from sine_performances import FRAME_RATE, HOP, make_performance, sine

from ddsp.training.transfer.measures import (
    Heard,
    compared,
    correlation,
    hear,
    measure,
    passages,
)

N = 2 * FRAME_RATE


@pytest.fixture(scope='module')
def glide() -> np.ndarray:
    """A third upwards."""
    return 300 * 2 ** (np.linspace(0, 4, N) / 12)


def heard_as(f0_hz, loudness_db=None) -> Heard:
    loudness = np.zeros(len(f0_hz)) if loudness_db is None else loudness_db
    return Heard(np.asarray(f0_hz, np.float64), np.asarray(loudness, np.float64))


def test_what_was_asked_is_heard(glide):
    metrics = measure(make_performance(glide, octaves=1))
    assert metrics['octaves'] == 1
    assert metrics['seconds'] == 2.0
    # The first and last windows are half empty.
    assert metrics['within_50_cents'] > 0.97
    assert metrics['median_cents'] < 10
    assert metrics['silent'] is False
    json.dumps(metrics, allow_nan=False)


def test_another_melody_is_heard_as_such(glide):
    wrong = sine(glide * 2 ** (1 / 12))
    metrics = measure(make_performance(glide, wrong))
    assert metrics['within_50_cents'] < 0.03
    assert metrics['median_cents'] == pytest.approx(100, abs=10)
    octave = measure(make_performance(glide, sine(2 * glide)))
    assert octave['within_50_cents'] < 0.03
    assert octave['within_50_cents_any_octave'] > 0.97


def test_loudness_is_heard(glide):
    fade_db = np.linspace(-30, 0, N)
    played = sine(np.full(N, 1000.0), 10 ** (fade_db / 20))
    asked = np.full(N, 1000.0)
    same = measure(make_performance(asked, played, loudness_db=fade_db))
    opposite = measure(make_performance(asked, played, loudness_db=fade_db[::-1]))
    assert same['loudness_correlation'] > 0.99
    assert opposite['loudness_correlation'] < -0.99
    # A-weighting leaves 1 kHz as it is, so that 10 dB stay 10 dB.
    heard = hear(make_performance(asked, played))
    rise = heard.loudness_db[2 * N // 3] - heard.loudness_db[N // 3]
    assert rise == pytest.approx(10, abs=0.5)


def test_only_sure_frames_of_notes_count_for_pitch():
    f0_hz = np.full(6, 200.0)
    notes = np.array([True, True, True, True, False, False])
    confidence = np.array([1, 1, 0.95, 0.5, 1, 1], np.float32)
    performance = make_performance(f0_hz, notes=notes, confidence=confidence)
    assert compared(performance).tolist() == [True] * 3 + [False] * 3
    cents = np.array([0, 49, 51, 700, 700, 700])
    metrics = measure(performance, heard=heard_as(f0_hz * 2 ** (cents / 1200)))
    assert metrics['confident_frames'] == 3
    assert metrics['within_50_cents'] == pytest.approx(2 / 3)
    assert metrics['median_cents'] == pytest.approx(49)
    assert metrics['notes'] == 1
    assert metrics['note_ratio'] == pytest.approx(4 / 6)


def test_loudness_in_notes_and_over_all():
    rng = np.random.default_rng(0)
    asked, played = rng.normal(size=(2, 50)) * 10 - 30
    notes = np.arange(50) % 3 > 0
    performance = make_performance(np.full(50, 200.0), notes=notes, loudness_db=asked)
    metrics = measure(performance, heard=heard_as(np.full(50, 200.0), played))
    asked = performance.adjusted.loudness_db
    expected = stats.pearsonr(asked[notes], played[notes]).statistic
    assert metrics['loudness_correlation'] == pytest.approx(expected)
    expected = stats.pearsonr(asked, played).statistic
    assert metrics['loudness_correlation_all'] == pytest.approx(expected)
    expected = np.abs(asked - played)[notes].mean()
    assert metrics['loudness_distance_db'] == pytest.approx(expected)


def test_samples():
    audio = np.zeros(10 * HOP, np.float32)
    audio[100:104] = [0.5, -0.75, -1.0, 1.5]
    performance = make_performance(np.full(10, 200.0), audio)
    metrics = measure(performance, heard=heard_as(np.full(10, 200.0)))
    assert metrics['peak'] == 1.5
    assert metrics['largest_step'] == 2.5
    assert metrics['clipped_ratio'] == 1 / len(audio)  # -1 just fits.


def test_silence_played(glide):
    metrics = measure(make_performance(glide, np.zeros(N * HOP, np.float32)))
    assert metrics['silent'] is True
    assert metrics['peak'] == metrics['largest_step'] == 0
    assert metrics['within_50_cents'] < 0.5
    assert metrics['loudness_correlation'] is None
    json.dumps(metrics, allow_nan=False)


def test_no_notes(glide):
    metrics = measure(make_performance(glide, notes=np.zeros(N, bool)))
    assert metrics['notes'] == metrics['confident_frames'] == 0
    for name in ('within_50_cents', 'within_50_cents_any_octave', 'median_cents'):
        assert metrics[name] is None
    assert metrics['loudness_correlation'] is None
    assert metrics['loudness_distance_db'] is None


@pytest.mark.parametrize('change', [-3 * HOP - 7, 5])
def test_a_little_more_or_less_audio_than_the_recording(change, glide):
    audio = np.pad(sine(glide), (0, 5))[: N * HOP + change]
    heard = hear(make_performance(glide, audio))
    assert heard.f0_hz.shape == heard.loudness_db.shape == (N,)
    assert np.all(heard.f0_hz > 0)


def test_an_unknown_estimator_is_refused(glide):
    with pytest.raises(ValueError, match='no-such'):
        hear(make_performance(glide), 'no-such')


@pytest.mark.parametrize(
    ('notes', 'expected'),
    [
        ([], []),
        ([0, 0], []),
        ([1, 1], [(0, 2)]),
        ([0, 1, 0, 1, 1], [(1, 2), (3, 5)]),
    ],
)
def test_passages(notes, expected):
    assert passages(np.array(notes, bool)) == expected


def test_correlation_of_what_never_moves():
    rising = np.arange(5.0)
    assert correlation(rising, np.full(5, 0.1)) is None
    assert correlation(rising[:1], rising[:1]) is None
    assert correlation(rising, 3 - 2 * rising) == pytest.approx(-1)
