import numpy as np
import pytest
import tones

from ddsp import pitch
from ddsp.pitch import estimate


def noisy(audio, snr_db, seed=0):
    noise = np.random.default_rng(seed).normal(size=len(audio))
    gain = np.std(audio) / np.std(noise) / 10 ** (snr_db / 20)
    return (audio + gain * noise).astype(np.float32)


@pytest.mark.parametrize('snr_db', [60, 10])
@pytest.mark.parametrize(
    'f0_hz',
    [
        tones.glissando(80, 1200, 6.0),
        tones.glissando(1000, 70, 6.0),
        tones.vibrato(440, 3.0),
        tones.vibrato(110, 3.0, cents=40),
    ],
    ids=['up', 'down', 'vibrato-a4', 'vibrato-a2'],
)
def test_pitch_is_right(f0_hz, snr_db):
    audio = noisy(tones.tone(f0_hz), snr_db)
    found, confidence = pitch.estimate_f0(audio, 16000)
    off = np.abs(tones.cents_off(found, f0_hz, 64))
    voiced = confidence >= 0.5
    assert voiced.mean() > 0.9
    assert (off[voiced] < 50).mean() >= 0.98
    assert np.median(off[voiced]) < 10


def test_frames_are_in_time():
    # Two octaves per second, up and down: a delay of 1 ms is 2.4 cents of both signs,
    # a detuned estimator the same sign twice.
    delays_ms, detuning = [], []
    for start, end in ((110, 880), (880, 110)):
        f0_hz = tones.glissando(start, end, 1.5)
        found, _ = pitch.estimate_f0(tones.tone(f0_hz), 16000)
        delays_ms.append(np.median(tones.cents_off(found, f0_hz, 64)[50:-50]))
    up, down = delays_ms
    delay_ms = (down - up) / 2 / 2.4
    detuning = (up + down) / 2
    assert abs(delay_ms) < 2
    assert abs(detuning) < 5


def test_a_note_begins_and_ends_in_time():
    audio = np.zeros(32000, np.float32)
    audio[8000:24000] = tones.tone(np.full(16000, 220.0))
    _, confidence = pitch.estimate_f0(audio, 16000)
    voiced = np.flatnonzero(confidence >= 0.5) / 250
    # The network wants to hear more than the edge of a note.
    assert voiced[0] == pytest.approx(0.5, abs=0.05)
    assert voiced[-1] == pytest.approx(1.5, abs=0.05)


@pytest.mark.parametrize('rate', [8000, 22000, 48000])
def test_other_sample_rates(rate):
    f0_hz = tones.glissando(150, 600, 2.0, rate)
    found, confidence = pitch.estimate_f0(tones.tone(f0_hz, rate), rate)
    voiced = confidence >= 0.5
    assert voiced.mean() > 0.9
    off = tones.cents_off(found, f0_hz, rate // 250)[voiced]
    assert (np.abs(off) < 50).mean() >= 0.98


def test_long_audio_has_no_seams(monkeypatch):
    f0_hz = tones.vibrato(300, 90.0, cents=300, rate_hz=0.7)
    audio = noisy(tones.tone(f0_hz, n_partials=5), 20)
    expected = pitch.estimate_f0(audio, 16000)
    monkeypatch.setattr(estimate, 'WINDOW_S', 7.0)
    found = pitch.estimate_f0(audio, 16000)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-4)
    np.testing.assert_allclose(found[1], expected[1], atol=1e-3)


def test_windows_are_bounded(monkeypatch):
    estimator = pitch.get_estimator('swift-f0')
    lengths, estimate_one = [], estimator.estimate

    def counted(audio):
        lengths.append(len(audio))
        return estimate_one(audio)

    monkeypatch.setattr(estimator, 'estimate', counted)
    pitch.estimate_f0(np.ones(16000 * 90), 16000, method=estimator)
    assert len(lengths) == 5
    assert max(lengths) <= 20.5 * 16000


def test_silence_and_noise():
    f0_hz, confidence = pitch.estimate_f0(np.zeros((2, 16000)), 16000)
    np.testing.assert_array_equal(f0_hz, np.full((2, 251), 220.0))
    np.testing.assert_array_equal(confidence, np.zeros((2, 251)))
    noise = np.random.default_rng(0).normal(size=32000)
    f0_hz, confidence = pitch.estimate_f0(noise, 16000)
    assert np.all(np.isfinite(f0_hz) & (f0_hz > 0))
    assert (confidence >= 0.5).mean() < 0.1


def test_a_quiet_recording():
    audio = tones.tone(tones.glissando(100, 400, 3.0))
    expected, _ = pitch.estimate_f0(audio, 16000)
    found, confidence = pitch.estimate_f0(0.003 * audio, 16000)
    assert (confidence >= 0.5).mean() > 0.9
    assert np.median(np.abs(1200 * np.log2(found / expected))) < 5


def test_range():
    audio = tones.tone(np.full(16000, 200.0))
    f0_hz, confidence = pitch.estimate_f0(audio, 16000, fmin=300, fmax=1000)
    assert f0_hz[confidence >= 0.5].min(initial=1000) > 290
    with pytest.raises(ValueError, match='fmin < fmax'):
        pitch.estimate_f0(audio, 16000, fmin=1000, fmax=300)
