"""Energy, power and loudness."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from quiet_sounds import quiet_noise, sine

from ddsp import levels, spectral_ops


@pytest.fixture
def noise():
    return quiet_noise()


def a_weighting_db(hz):
    """IEC 61672-1, equation E.1, with its corner frequencies worked out there."""
    hz = np.asarray(hz, np.float64)
    f1, f2, f3, f4 = 20.598997, 107.65265, 737.86223, 12194.217
    weight = f4**2 * hz**4
    weight /= (hz**2 + f1**2) * (hz**2 + f4**2)
    weight /= np.sqrt((hz**2 + f2**2) * (hz**2 + f3**2))
    return 20 * np.log10(weight) + 2.0


@pytest.mark.parametrize('padding', ['center', 'same', 'valid'])
def test_energy_agrees_with_float64(padding, noise):
    before, after = {'center': (200, 200), 'same': (0, 400), 'valid': (0, 0)}[padding]
    padded = np.pad(noise.astype(np.float64), [(0, 0), (before, after)])
    n_frames = {'center': 38, 'same': 38, 'valid': 33}[padding]
    square = np.stack(
        [np.mean(padded[:, 80 * i :][:, :400] ** 2, axis=1) for i in range(n_frames)], 1
    )
    kwargs = {'frame_rate': 200, 'frame_size': 400, 'padding': padding}
    rms = spectral_ops.compute_rms_energy(noise, **kwargs)
    np.testing.assert_allclose(rms, np.sqrt(square), rtol=1e-5)
    power = spectral_ops.compute_power(noise, **kwargs, ref_db=-3.0)
    np.testing.assert_allclose(power, 10 * np.log10(square) + 3.0, atol=1e-4)


def test_energy_of_a_sine():
    audio = sine(1000, 0.5)
    rms = spectral_ops.compute_rms_energy(audio, padding='valid')
    np.testing.assert_allclose(rms, 0.5 / np.sqrt(2), rtol=1e-5)
    power = spectral_ops.compute_power(audio, padding='valid')
    np.testing.assert_allclose(power, 10 * np.log10(0.125), atol=1e-4)


@pytest.mark.parametrize('rate', [16000, 48000])
@pytest.mark.parametrize('hz', [125, 1000, 4000])
def test_loudness_of_a_sine_is_a_weighted_at_any_sample_rate(hz, rate):
    n_fft = rate // 16
    audio = sine(hz, 0.5, rate // 2, rate)
    got = spectral_ops.compute_loudness(
        audio, rate, n_fft=n_fft, padding='valid', frame_rate=250
    )
    # A Hann window spreads the sine over three bins: 1, 1/2 and 1/2 of its peak.
    spread_hz = np.array([hz - 16, hz, hz + 16])
    power = (0.5 * n_fft / 4 * np.array([0.5, 1, 0.5])) ** 2
    weighted = np.sum(power * 10 ** (a_weighting_db(spread_hz) / 10))
    want = 10 * np.log10(weighted / (n_fft // 2 + 1))
    np.testing.assert_allclose(got, want, atol=2e-3)


def test_a_weighting_at_the_points_that_the_standard_lists():
    # Nominal values of IEC 61672-1, table 3, are rounded to a tenth.
    for hz, db in [(125, -16.1), (500, -3.2), (1000, 0.0), (2000, 1.2), (4000, 1.0)]:
        loud = spectral_ops.compute_loudness(
            sine(hz, 0.5), n_fft=2048, padding='valid', frame_rate=10
        )
        reference = spectral_ops.compute_loudness(
            sine(1000, 0.5), n_fft=2048, padding='valid', frame_rate=10
        )
        np.testing.assert_allclose(loud - reference, db, atol=0.1)


@pytest.mark.parametrize('padding', ['center', 'same', 'valid'])
@pytest.mark.parametrize('rate', [16000, 48000])
def test_numpy_loudness_agrees_with_tensorflow(padding, rate, noise):
    kwargs = {'sample_rate': rate, 'padding': padding, 'ref_db': 5.0, 'n_fft': 400}
    want = spectral_ops.compute_loudness(noise, **kwargs)
    for audio in (noise, tf.constant(noise)):
        got = spectral_ops.compute_loudness(audio, use_tf=False, **kwargs)
        assert isinstance(got, np.ndarray)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, want, atol=1e-4)


def test_numpy_loudness_of_a_long_recording_has_no_seams(monkeypatch, noise):
    whole = spectral_ops.compute_loudness(noise, use_tf=False)
    monkeypatch.setattr(levels, '_BLOCK_FRAMES', 7)
    blocks = spectral_ops.compute_loudness(noise, use_tf=False)
    np.testing.assert_allclose(blocks, whole, atol=1e-6)


@settings(deadline=None, max_examples=50)
@given(gain_db=st.floats(-20, 20))
def test_loudness_and_power_follow_the_gain(gain_db):
    audio = np.random.default_rng(3).normal(0, 0.1, 1500)
    louder = audio * 10 ** (gain_db / 20)
    for fn in (spectral_ops.compute_loudness, spectral_ops.compute_power):
        np.testing.assert_allclose(fn(louder) - fn(audio), gain_db, atol=1e-3)


@pytest.mark.parametrize('use_tf', [True, False])
def test_silence_lies_on_the_floor(use_tf):
    silence = np.zeros([2, 640], np.float32)
    got = spectral_ops.compute_loudness(silence, use_tf=use_tf)
    np.testing.assert_array_equal(got, np.full([2, 11], -80.0))
    got = spectral_ops.compute_loudness(silence, range_db=60.0, use_tf=use_tf)
    np.testing.assert_array_equal(got, np.full([2, 11], -60.0))
    np.testing.assert_array_equal(spectral_ops.compute_power(silence), -80.0)
    np.testing.assert_array_equal(spectral_ops.compute_rms_energy(silence), 0.0)


@pytest.mark.parametrize('use_tf', [True, False])
def test_audio_beyond_hearing_is_silent(use_tf):
    # A constant has no loudness, whatever its power.
    audio = np.full([1, 4000], 0.5, np.float32)
    got = spectral_ops.compute_loudness(audio, padding='valid', use_tf=use_tf)
    tone = spectral_ops.compute_loudness(sine(1000, 0.5), padding='valid')
    assert np.max(got) < np.min(tone) - 30


def test_numpy_loudness_inside_a_function(noise):
    @tf.function
    def of_tensor(audio):
        return spectral_ops.compute_loudness(audio, use_tf=False)

    @tf.function
    def of_constant():
        return tf.constant(spectral_ops.compute_loudness(noise, use_tf=False))

    with pytest.raises(ValueError, match=r'cannot run inside a tf.function'):
        of_tensor(tf.constant(noise))
    np.testing.assert_allclose(
        of_constant(), spectral_ops.compute_loudness(noise), atol=1e-4
    )
