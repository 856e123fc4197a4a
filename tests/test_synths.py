"""Synthesizers: what their controls become, and the audio they give."""

import numpy as np
import pytest
import reference
import tensorflow as tf

import ddsp
from ddsp import core, synths


def raw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_harmonic_scales_and_normalizes_its_controls():
    f0 = np.full([2, 10, 1], 1500.0, np.float32)
    amplitudes, distribution = raw(2, 10, 1), raw(2, 10, 20, seed=1)
    synth = synths.Harmonic(n_samples=640)
    controls = synth.get_controls(amplitudes, distribution, f0)
    sigmoid = 1.0 / (1.0 + np.exp(-amplitudes.astype(np.float64)))
    expected = 2.0 * sigmoid ** np.log(10.0) + 1e-7
    np.testing.assert_allclose(controls['amplitudes'], expected, rtol=1e-5)
    shares = controls['harmonic_distribution'].numpy()
    np.testing.assert_allclose(shares.sum(-1), 1.0, atol=1e-6)
    assert np.all(shares[..., 5:] == 0.0) and np.all(shares[..., :5] > 0.0)


def test_harmonic_without_nyquist_in_its_normalization():
    f0 = np.full([1, 10, 1], 6000.0, np.float32)
    synth = synths.Harmonic(n_samples=640, normalize_below_nyquist=False, scale_fn=None)
    shares = synth.get_controls(f0, np.ones([1, 10, 4]), f0)['harmonic_distribution']
    np.testing.assert_allclose(shares, 0.25)


def test_harmonic_plays_the_textbook_sum():
    f0 = reference.vibrato(50, batch=2)
    synth = synths.Harmonic(n_samples=3200)
    outputs = synth(raw(2, 50, 1), raw(2, 50, 60, seed=1), f0, return_outputs_dict=True)
    controls = outputs['controls']
    amplitudes = controls['amplitudes'].numpy().astype(np.float64)
    amplitudes = amplitudes * controls['harmonic_distribution'].numpy()
    expected = reference.harmonics(f0, amplitudes, 3200, 16000)
    assert reference.snr_db(expected, outputs['signal']) > 120.0


@pytest.mark.parametrize('sample_rate, frame_rate', [(16000, 250), (48000, 50)])
def test_any_length_when_n_samples_is_none(sample_rate, frame_rate):
    rates = {'n_samples': None, 'sample_rate': sample_rate, 'frame_rate': frame_rate}
    f0 = np.full([1, 7, 1], 200.0, np.float32)
    hop = sample_rate // frame_rate
    one, many = np.ones([1, 7, 1]), np.ones([1, 7, 9])
    assert synths.Harmonic(**rates)(one, many, f0).shape == (1, 7 * hop)
    assert synths.FilteredNoise(**rates)(many).shape == (1, 7 * hop)
    assert synths.Wavetable(**rates)(one, many, f0).shape == (1, 7 * hop)
    assert synths.Sinusoidal(**rates)(many, many).shape == (1, 7 * hop)


def test_rates_that_give_no_whole_hop():
    with pytest.raises(ValueError, match='44100 / 250 is not a whole number'):
        synths.Harmonic(n_samples=None, sample_rate=44100)


def test_noise_is_uniform_and_white_through_a_flat_filter():
    synth = synths.FilteredNoise(n_samples=64000, window_size=0, scale_fn=None, seed=3)
    audio = synth(np.ones([1, 1, 65], np.float32)).numpy()[0]
    # Uniform on [-1, 1]: variance 1/3; 64000 samples leave it within 2%.
    assert np.var(audio) == pytest.approx(1.0 / 3.0, rel=0.02)
    assert np.abs(audio).max() <= 1.0 + 1e-5
    neighbours = np.mean(audio[1:] * audio[:-1]) / np.var(audio)
    assert abs(neighbours) < 0.02


def test_noise_follows_its_bands():
    magnitudes = np.zeros([1, 1, 65], np.float32)
    magnitudes[..., 16:33] = 1.0  # 2 to 4 kHz
    synth = synths.FilteredNoise(n_samples=32000, window_size=0, scale_fn=None, seed=3)
    spectrum = np.abs(np.fft.rfft(synth(magnitudes).numpy()[0])) ** 2
    frequency = np.linspace(0.0, 8000.0, spectrum.size)
    inside = (frequency > 2100.0) & (frequency < 3900.0)
    outside = (frequency < 1500.0) | (frequency > 4500.0)
    assert spectrum[inside].mean() > 100.0 * spectrum[outside].mean()


def test_noise_bias_keeps_an_untrained_network_quiet():
    synth = synths.FilteredNoise(n_samples=640)
    controls = synth.get_controls(np.zeros([1, 10, 65], np.float32))
    expected = core.exp_sigmoid(np.float32(-5.0))
    np.testing.assert_allclose(controls['magnitudes'], expected, rtol=1e-6)


def test_seeded_noise_repeats_and_unseeded_does_not():
    magnitudes = np.ones([2, 10, 65], np.float32)
    seeded = synths.FilteredNoise(n_samples=640, seed=1)
    np.testing.assert_array_equal(seeded(magnitudes), seeded(magnitudes))
    free = synths.FilteredNoise(n_samples=640)
    assert np.any(free(magnitudes).numpy() != free(magnitudes).numpy())
    example = seeded(magnitudes).numpy()
    assert np.any(example[0] != example[1])


def test_wavetable_plays_a_sine_table():
    f0 = reference.vibrato(50)
    ones = np.ones([1, 50, 1], np.float32)
    table = np.sin(2 * np.pi * np.arange(2048) / 2048)[None].astype(np.float32)
    audio = synths.Wavetable(n_samples=3200, scale_fn=None)(ones, table, f0)
    # Its first sample is at phase 0, a harmonic's at the phase of its own first step.
    frequency = reference.upsample(f0, 3200)
    cycles = reference.phase(frequency, 16000) - 2 * np.pi * frequency / 16000
    assert reference.snr_db(np.sin(cycles)[..., 0], audio) > 80.0


def test_sinusoidal_frequencies_and_nyquist():
    synth = synths.Sinusoidal(n_samples=640, freq_scale_fn=None, amp_scale_fn=None)
    frequencies = np.tile([100.0, 7999.0, 8000.0], [1, 10, 1])
    controls = synth.get_controls(np.ones([1, 10, 3]), frequencies)
    np.testing.assert_array_equal(controls['amplitudes'][0, 0], [1.0, 1.0, 0.0])


def test_sinusoids_must_be_as_many_as_frequencies():
    with pytest.raises(ValueError, match='amplitudes 3, frequencies 4'):
        synths.Sinusoidal(n_samples=640)(np.ones([1, 10, 3]), np.ones([1, 10, 4]))


def test_tensor_to_audio():
    samples = raw(2, 100, 1)
    np.testing.assert_array_equal(synths.TensorToAudio()(samples), samples[..., 0])
    np.testing.assert_array_equal(
        synths.TensorToAudio()(samples[..., 0]), samples[..., 0]
    )


def test_silence_in_gives_silence_out():
    f0 = np.zeros([1, 10, 1], np.float32)
    audio = synths.Harmonic(n_samples=640, scale_fn=None)(f0, np.zeros([1, 10, 5]), f0)
    assert np.all(audio.numpy() == 0.0)


@pytest.mark.parametrize(
    'shapes, message',
    [
        (([2, 10], [2, 10, 5], [2, 10, 1]), r'amplitudes has shape \[2, 10\]'),
        (([2, 10, 1], [3, 10, 5], [2, 10, 1]), 'batch sizes differ'),
        (([2, 10, 1], [2, 10, 5], [2, 11, 1]), 'frames sizes differ'),
    ],
)
def test_harmonic_names_shapes_that_do_not_fit(shapes, message):
    with pytest.raises(ValueError, match=message):
        synths.Harmonic(n_samples=640)(*(np.ones(shape) for shape in shapes))


def test_half_precision_controls_do_not_lower_the_phase():
    f0 = np.full([1, 50, 1], 441.0, np.float32)
    one, many = raw(1, 50, 1), raw(1, 50, 9)
    expected = synths.Harmonic(n_samples=3200)(one, many, f0)
    half = synths.Harmonic(n_samples=3200, dtype='mixed_bfloat16')(one, many, f0)
    assert half.dtype == tf.float32
    np.testing.assert_allclose(half, expected, atol=1e-5)


def test_names_are_those_of_the_library():
    assert ddsp.synths.Harmonic().name == 'harmonic'
    assert ddsp.synths.FilteredNoise().name == 'filtered_noise'


@pytest.mark.parametrize(
    'arguments, message',
    [
        ({'n_samples': -5}, 'n_samples is -5'),
        ({'n_samples': 1000.5}, 'n_samples is 1000.5'),
        ({'n_samples': None, 'frame_rate': 0}, 'frame_rate 0'),
        ({'sample_rate': 0}, 'sample_rate is 0'),
    ],
)
def test_lengths_and_rates_that_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        synths.Harmonic(**arguments)


def test_an_unknown_way_to_resample_amplitudes():
    ones = np.ones([1, 10, 1], np.float32)
    synth = synths.Harmonic(n_samples=100, amp_resample_method='foo')
    with pytest.raises(ValueError, match="no resampling method 'foo'"):
        synth(ones, ones, ones)


def test_a_window_wants_a_whole_hop_of_any_integer():
    ones = np.ones([1, 10, 1], np.float32)
    with pytest.raises(ValueError, match='from 10 frames to 1005 samples'):
        synths.Harmonic(n_samples=np.int64(1005))(ones, ones, ones)
