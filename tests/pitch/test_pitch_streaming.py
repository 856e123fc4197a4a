"""Pitch block by block: right, in time, and the same however blocks are cut."""

import numpy as np
import pytest
import tensorflow as tf
import tones

from ddsp import pitch

STREAM = pitch.PitchStream()
# Blocks of one size, so that one trace serves all tests.
BLOCK = 64 * 8
STEP = tf.function(STREAM.step)
# One more for blocks of any size.
ANY_STEP = tf.function(
    STREAM.step,
    input_signature=[
        tf.TensorSpec([None, None]),
        {
            name: tf.TensorSpec([None, *x.shape[1:]])
            for name, x in STREAM.initial_state().items()
        },
    ],
)


def listen(audio, stream=STREAM, step=STEP, block=BLOCK):
    """f0 and confidence of frames in the places where their sound is."""
    audio = np.pad(audio, (0, stream.latency + stream.hop_size))
    audio = np.pad(audio, (0, -len(audio) % block))
    state, f0_hz, confidence = stream.initial_state(), [], []
    for start in range(0, len(audio), block):
        found, state = step(audio[np.newaxis, start : start + block], state)
        f0_hz.append(found['f0_hz'][0])
        confidence.append(found['f0_confidence'][0])
    late = stream.latency // stream.hop_size
    return np.concatenate(f0_hz)[late:], np.concatenate(confidence)[late:]


def with_noise(audio, snr_db):
    noise = np.random.default_rng(0).normal(size=len(audio))
    gain = np.sqrt(np.mean(audio**2) / np.mean(noise**2)) * 10 ** (-snr_db / 20)
    return (audio + gain * noise).astype(np.float32)


@pytest.mark.parametrize(
    'f0_hz, snr_db, part, cents',
    [
        (tones.glissando(100, 800, 1.5), None, 0.99, 3.0),
        (tones.vibrato(440.0, 1.0), None, 0.99, 4.0),
        (tones.glissando(55, 80, 1.0), None, 0.98, 3.0),
        (tones.glissando(800, 1500, 1.0), None, 0.99, 4.0),
        (tones.glissando(100, 800, 1.5), 10.0, 0.98, 5.0),
        (tones.glissando(100, 800, 1.5), 0.0, 0.95, 15.0),
    ],
    ids=['glissando', 'vibrato', 'low', 'high', '10 dB', '0 dB'],
)
def test_tones_of_known_pitch(f0_hz, snr_db, part, cents):
    audio = tones.tone(f0_hz)
    audio = audio if snr_db is None else with_noise(audio, snr_db)
    found, confidence = listen(audio)
    n_frames = len(audio) // 64
    # The first and last frames see but half of the tone.
    inside = slice(8, n_frames - 8)
    off = np.abs(tones.cents_off(found[:n_frames], f0_hz, 64))[inside]
    assert np.mean(off < 50.0) >= part
    assert np.median(off) < cents
    if snr_db is None:
        assert np.mean(confidence[:n_frames][inside] >= 0.5) > 0.98


def test_pure_tones_are_not_an_octave_away():
    f0_hz = tones.glissando(100, 1500, 2.0)
    found, _ = listen(tones.tone(f0_hz, n_partials=1))
    off = np.abs(tones.cents_off(found[: len(f0_hz) // 64], f0_hz, 64))
    assert np.mean(off[8:-8] < 50.0) > 0.98


def test_even_harmonics_may_be_the_stronger():
    seconds = np.arange(16000) / 16000
    audio = sum(
        (1.0 if h % 2 == 0 else 0.15) * np.sin(2 * np.pi * 150.0 * h * seconds + h)
        for h in range(1, 20)
    )
    found, _ = listen((0.1 * audio).astype(np.float32))
    assert np.mean(np.abs(1200 * np.log2(found[8:-16] / 150.0)) < 50.0) > 0.98


def test_f0_is_in_time():
    f0_hz = tones.vibrato(300.0, 2.0, cents=80.0)
    found, _ = listen(tones.tone(f0_hz))
    frames = np.arange(20, 480)
    errors = [
        np.mean(np.abs(np.log2(found[frames + late] / f0_hz[frames * 64])))
        for late in range(-3, 4)
    ]
    assert np.argmin(errors) == 3


@pytest.mark.parametrize('sample_rate', [32000, 48000])
def test_other_rates(sample_rate):
    stream = pitch.PitchStream(sample_rate)
    assert stream.latency + stream.hop_size <= 0.04 * sample_rate
    f0_hz = tones.glissando(80, 1000, 1.0, sample_rate)
    audio = tones.tone(f0_hz, sample_rate)
    hop = stream.hop_size
    found, _ = listen(audio, stream, tf.function(stream.step), 8 * hop)
    off = np.abs(tones.cents_off(found[:250], f0_hz, hop))[8:-8]
    assert np.mean(off < 50.0) > 0.98 and np.median(off) < 4.0


@pytest.mark.parametrize('sample_rate', [16000, 48000])
def test_float64_gives_the_same_bits_however_it_is_computed(sample_rate):
    exact = pitch.PitchStream(sample_rate, dtype='float64')
    hop = exact.hop_size
    audio = tones.tone(tones.vibrato(220.0, 0.3, sample_rate=sample_rate), sample_rate)
    step = tf.function(exact.step)
    # Products of other shapes are added up in another order.
    by_one, by_eight = (listen(audio, exact, step, n * hop) for n in (1, 8))
    for one, eight in zip(by_one, by_eight):
        assert one.dtype == np.float32
        np.testing.assert_array_equal(one[:72], eight[:72])
    assert len(np.unique(by_one[0])) > 50
    usual = pitch.PitchStream(sample_rate)
    f0_hz, confidence = listen(audio, usual, tf.function(usual.step), 8 * hop)
    np.testing.assert_allclose(f0_hz[8:64], by_eight[0][8:64], rtol=1e-5)
    np.testing.assert_allclose(confidence[8:64], by_eight[1][8:64], atol=1e-5)


def test_blocks_do_not_matter():
    audio = np.concatenate(
        [
            tones.tone(tones.vibrato(220.0, 0.2)),
            np.zeros(640, np.float32),
            with_noise(tones.tone(tones.glissando(300, 500, 0.2)), 20.0),
        ]
    )[np.newaxis, : 64 * 100]
    whole, end = ANY_STEP(audio, STREAM.initial_state())
    rng = np.random.default_rng(0)
    for _ in range(3):
        cuts = np.sort(rng.choice(np.arange(1, 100), 9, replace=False))
        state, parts = STREAM.initial_state(), []
        for first, last in zip([0, *cuts], [*cuts, 100]):
            found, state = ANY_STEP(audio[:, 64 * first : 64 * last], state)
            parts.append(found)
        for name, expected in whole.items():
            joined = np.concatenate([x[name] for x in parts], 1)
            np.testing.assert_allclose(joined, expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(state['scores'], end['scores'], atol=1e-4)


def test_few_frames_and_many_go_the_same_way():
    audio = tones.tone(tones.vibrato(220.0, 0.2))[np.newaxis, :BLOCK]
    few, few_state = STEP(audio, STREAM.initial_state())
    many, many_state = ANY_STEP(audio, STREAM.initial_state())
    for name, x in few.items():
        np.testing.assert_allclose(x, many[name], rtol=1e-4, atol=1e-4)
    for name, x in few_state.items():
        np.testing.assert_allclose(x, many_state[name], rtol=1e-4, atol=1e-4)


def test_examples_of_a_batch_are_on_their_own():
    low, high = (tones.tone(np.full(6400, x)) for x in (110.0, 700.0))
    both, _ = ANY_STEP(np.stack([low, high]), STREAM.initial_state(2))
    for row, audio in enumerate((low, high)):
        alone, _ = ANY_STEP(audio[np.newaxis], STREAM.initial_state())
        np.testing.assert_allclose(both['f0_hz'][row], alone['f0_hz'][0], rtol=1e-4)


@pytest.mark.parametrize(
    'audio',
    [
        np.zeros(8000, np.float32),
        np.full(8000, 0.5, np.float32),
        1e-6 * np.sin(np.arange(8000) * 0.1).astype(np.float32),
        np.random.default_rng(0).normal(size=8000).astype(np.float32),
    ],
    ids=['silence', 'offset', 'below -90 dB', 'noise'],
)
def test_without_a_pitch(audio):
    f0_hz, confidence = listen(audio)
    # Where a constant begins and ends there is a step.
    inside = slice(16, len(audio) // 64 - 16)
    assert np.all(confidence[inside] < 0.5)
    assert np.all(np.isfinite(f0_hz)) and np.all((f0_hz > 40) & (f0_hz < 2100))
    if np.abs(audio).max() < 1e-3:
        np.testing.assert_array_equal(f0_hz, np.float32(220.0))


def test_silence_holds_the_last_pitch_and_confidence_ends():
    audio = np.concatenate([tones.tone(np.full(8000, 330.0)), np.zeros(8000)])
    f0_hz, confidence = listen(audio.astype(np.float32))
    assert np.abs(1200 * np.log2(f0_hz[8:240] / 330.0)).max() < 20.0
    assert confidence[8:110].min() > 0.9
    assert confidence[140:250].max() == 0.0


def test_clipping_keeps_the_pitch():
    f0_hz = np.full(16000, 261.6)
    found, confidence = listen(np.clip(20 * tones.tone(f0_hz), -1.0, 1.0))
    assert np.abs(1200 * np.log2(found[8:240] / 261.6)).max() < 20.0
    assert confidence[8:240].min() > 0.9


def test_it_recovers_from_what_is_no_number():
    audio = tones.tone(np.full(16000, 440.0))
    bad = audio.copy()
    bad[4000:5000], bad[6000], bad[6001] = np.nan, np.inf, -np.inf
    found, confidence = listen(bad)
    assert np.isfinite(found).all() and np.isfinite(confidence).all()
    after = slice(120, 240)
    assert np.abs(1200 * np.log2(found[after] / 440.0)).max() < 20.0
    assert confidence[after].min() > 0.9


def test_state_neither_grows_nor_drifts():
    audio = tones.tone(tones.vibrato(300.0, 0.128))[np.newaxis, : BLOCK * 4]
    state = STREAM.initial_state()
    shapes = {name: x.shape for name, x in state.items()}
    for i in range(60):
        start = i % 4 * BLOCK
        _, state = STEP(audio[:, start : start + BLOCK], state)
    assert {name: x.shape for name, x in state.items()} == shapes
    scores = state['scores'].numpy()
    assert scores.max() == 0.0 and scores.min() > -3.0


def test_options_that_make_no_sense():
    with pytest.raises(ValueError, match='f0 from 500 to 100 Hz, expected a range'):
        pitch.PitchStream(fmin=500, fmax=100)
    with pytest.raises(ValueError, match='within 40 to 4000 Hz'):
        pitch.PitchStream(fmax=5000)
    with pytest.raises(ValueError, match='at least 448'):
        pitch.PitchStream(latency=64)
    with pytest.raises(ValueError, match="dtype is 'float16', expected one of float32"):
        pitch.PitchStream(dtype='float16')
