"""Oscillators against the textbook formula in float64."""

import numpy as np
import pytest
import reference
import tensorflow as tf

from ddsp import core

RATE = 16000


def random_amplitudes(n_frames, n_harmonics, batch=2, seed=0):
    rng = np.random.default_rng(seed)
    falling = 1.0 / np.arange(1, n_harmonics + 1)
    return (rng.random([batch, n_frames, n_harmonics]) * falling).astype(np.float32)


@pytest.mark.parametrize('method', ['window', 'linear', 'nearest'])
@pytest.mark.parametrize(
    'n_frames, n_samples, n_harmonics',
    [(50, 3200, 100), (50, 3200, 1), (20, 640, 7), (10, 40, 97), (1, 64, 5), (9, 9, 3)],
)
def test_harmonics_equal_the_textbook_sum(method, n_frames, n_samples, n_harmonics):
    # 220 Hz with wide vibrato: harmonics pass Nyquist in the middle of frames.
    f0 = reference.vibrato(n_frames, hz=220.0, depth=0.2, batch=2)
    amplitudes = random_amplitudes(n_frames, n_harmonics)
    ones = np.ones([2, n_frames, 1], np.float32)
    audio = core.harmonic_synthesis(
        f0, ones, None, amplitudes, n_samples, RATE, amp_resample_method=method
    )
    expected = reference.harmonics(f0, amplitudes, n_samples, RATE, method)
    assert audio.shape == (2, n_samples)
    assert reference.snr_db(expected, audio) > 120.0


@pytest.mark.parametrize('n_frames, n_samples', [(7, 100), (30, 1000), (50, 40)])
def test_a_hop_that_is_not_whole(n_frames, n_samples):
    f0 = reference.vibrato(n_frames, hz=900.0, depth=0.3, batch=2)
    amplitudes = random_amplitudes(n_frames, 20)
    audio = core.harmonic_synthesis(
        f0, amplitudes, n_samples=n_samples, amp_resample_method='linear'
    )
    expected = reference.harmonics(f0, amplitudes, n_samples, RATE, 'linear')
    assert reference.snr_db(expected, audio) > 120.0


@pytest.mark.parametrize('seconds, n_harmonics', [(60, 10), (600, 2)])
def test_phase_does_not_drift(seconds, n_harmonics):
    n_frames = 250 * seconds
    f0 = reference.vibrato(n_frames, hz=440.0)
    amplitudes = np.ones([1, n_frames, n_harmonics], np.float32) / n_harmonics
    audio = core.harmonic_synthesis(f0, amplitudes, n_samples=RATE * seconds)
    expected = reference.harmonics(f0, amplitudes, RATE * seconds, RATE)
    last = slice(-RATE, None)
    assert reference.snr_db(expected, audio) > 120.0
    assert reference.snr_db(expected[:, last], audio[:, last]) > 120.0


def test_oscillator_bank_does_not_drift():
    f0 = reference.upsample(reference.vibrato(250 * 60), RATE * 60).astype(np.float32)
    audio = core.oscillator_bank(f0, np.ones_like(f0), RATE)
    expected = np.sin(reference.phase(f0, RATE))[..., 0]
    assert reference.snr_db(expected, audio) > 120.0


def test_a_harmonic_at_nyquist_is_silent():
    f0 = np.full([1, 10, 1], 4000.0, np.float32)
    amplitudes = np.array([[[0.0, 1.0, 1.0]]] * 1, np.float32).repeat(10, axis=1)
    audio = core.harmonic_synthesis(f0, amplitudes, n_samples=640)
    assert np.all(audio.numpy() == 0.0)


def test_a_glissando_through_nyquist_is_cut_at_its_sample():
    f0 = np.linspace(100.0, 12000.0, 40, dtype=np.float32)[None, :, None]
    amplitudes = random_amplitudes(40, 80, batch=1)
    audio = core.harmonic_synthesis(f0, amplitudes, n_samples=2560)
    expected = reference.harmonics(f0, amplitudes, 2560, RATE)
    assert reference.snr_db(expected, audio) > 115.0
    above = reference.upsample(f0, 2560)[0, :, 0] >= 8000.0
    assert above.any() and np.all(audio.numpy()[0, above] == 0.0)


def test_streamed_blocks_join_to_the_whole():
    f0 = reference.vibrato(40, hz=300.0, batch=2)
    amplitudes = random_amplitudes(40, 12)
    whole, final = core.streaming_harmonic_synthesis(f0, amplitudes, n_samples=40 * 64)
    first, phase = core.streaming_harmonic_synthesis(
        f0[:, :21], amplitudes[:, :21], n_samples=21 * 64
    )
    # A block holds its last frame, so the joint is compared up to that frame only.
    np.testing.assert_allclose(first[:, : 20 * 64], whole[:, : 20 * 64], atol=1e-6)
    expected = reference.phase(reference.upsample(f0[:, :21], 21 * 64), RATE)[:, -1:]
    difference = np.angle(np.exp(1j * (phase.numpy() - expected)))
    assert np.abs(difference).max() < 1e-6
    assert np.abs(final.numpy()).max() <= np.pi * (1 + 1e-6)


def test_streaming_starts_at_the_given_phase():
    f0 = np.full([1, 4, 1], 250.0, np.float32)
    initial = np.array([[[1.25]]], np.float32)
    audio, _ = core.streaming_harmonic_synthesis(
        f0, np.ones_like(f0), initial_phase=initial, n_samples=256
    )
    expected = reference.harmonics(f0, np.ones_like(f0), 256, RATE, initial=1.25)
    assert reference.snr_db(expected, audio) > 115.0


def test_harmonic_oscillator_bank_wraps_its_phase():
    rng = np.random.default_rng(0)
    f0 = rng.uniform(50.0, 3000.0, [2, 500, 1]).astype(np.float32)
    amplitudes = rng.random([2, 500, 30]).astype(np.float32)
    audio, final = core.harmonic_oscillator_bank(f0, amplitudes, sample_rate=RATE)
    numbers = np.arange(1, 31)
    phases = reference.phase(f0, RATE)
    waves = np.sin(numbers * phases) * (f0 * numbers < RATE / 2)
    assert reference.snr_db(np.sum(amplitudes * waves, axis=-1), audio) > 115.0
    assert np.abs(final.numpy()).max() <= np.pi * (1 + 1e-6)
    difference = np.angle(np.exp(1j * (final.numpy() - phases[:, -1:])))
    assert np.abs(difference).max() < 1e-6


@pytest.mark.parametrize('n_frames, n_samples', [(50, 3200), (1, 100), (13, 100)])
def test_sinusoids_equal_the_textbook_sum(n_frames, n_samples):
    rng = np.random.default_rng(1)
    frequencies = rng.uniform(0.0, 9000.0, [2, n_frames, 15]).astype(np.float32)
    amplitudes = rng.random([2, n_frames, 15]).astype(np.float32)
    audio = core.sinusoidal_synthesis(
        frequencies, amplitudes, n_samples, RATE, amp_resample_method='linear'
    )
    expected = reference.sinusoids(frequencies, amplitudes, n_samples, RATE, 'linear')
    assert reference.snr_db(expected, audio) > 115.0


def test_blocks_of_sinusoids_join_without_a_seam(monkeypatch):
    rng = np.random.default_rng(2)
    frequencies = rng.uniform(0.0, 9000.0, [2, 37, 5]).astype(np.float32)
    amplitudes = rng.random([2, 37, 5]).astype(np.float32)
    whole = core.sinusoidal_synthesis(frequencies, amplitudes, 37 * 16)
    monkeypatch.setattr('ddsp.core.banks.BLOCK_ELEMENTS', 60)
    blocks = core.sinusoidal_synthesis(frequencies, amplitudes, 37 * 16)
    np.testing.assert_allclose(whole, blocks, atol=1e-6)


def test_blocks_of_harmonics_join_without_a_seam(monkeypatch):
    f0 = reference.vibrato(37, batch=2)
    amplitudes = tf.constant(random_amplitudes(37, 30))

    def render():
        with tf.GradientTape() as tape:
            tape.watch(amplitudes)
            audio = core.harmonic_synthesis(f0, amplitudes, n_samples=37 * 16)
            loss = tf.reduce_sum(audio**2)
        return audio, tape.gradient(loss, amplitudes)

    whole, whole_gradient = render()
    monkeypatch.setattr('ddsp.core.banks.BLOCK_ELEMENTS', 600)
    blocks, blocks_gradient = render()
    np.testing.assert_allclose(whole, blocks, atol=1e-6)
    np.testing.assert_allclose(whole_gradient, blocks_gradient, rtol=1e-4, atol=1e-5)


def test_shifted_harmonics_leave_their_places():
    f0 = reference.vibrato(20, hz=200.0, batch=1)
    amplitudes = random_amplitudes(20, 6, batch=1)
    shifts = np.full([1, 20, 6], 0.01, np.float32) * np.arange(6, dtype=np.float32)
    ones = np.ones_like(f0)
    audio = core.harmonic_synthesis(f0, ones, shifts, amplitudes, n_samples=1280)
    frequencies = f0 * np.arange(1, 7) * (1.0 + shifts)
    expected = reference.sinusoids(frequencies, amplitudes, 1280, RATE)
    assert reference.snr_db(expected, audio) > 110.0


def directional_slopes(function, inputs, seed=0):
    """The gradient along a random direction, by autodiff and by differences."""
    rng = np.random.default_rng(seed)
    tensors = [tf.constant(x, tf.float32) for x in inputs]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = function(*tensors)
    gradients = tape.gradient(value, tensors)
    for i, gradient in enumerate(gradients):
        direction = rng.normal(size=inputs[i].shape) * np.abs(inputs[i]).mean()
        step = 1e-3
        moved = [
            [
                x + sign * step * direction if j == i else x
                for j, x in enumerate(tensors)
            ]
            for sign in (1.0, -1.0)
        ]
        up, down = (np.float64(function(*x)) for x in moved)
        numeric = (up - down) / (2.0 * step)
        yield np.sum(gradient.numpy().astype(np.float64) * direction), numeric


@pytest.mark.parametrize('n_samples', [120, 110])
def test_gradients_by_finite_differences(n_samples):
    rng = np.random.default_rng(3)
    target = rng.normal(size=[2, n_samples]).astype(np.float32)
    # Low frequencies keep the phase, and so the loss, close to linear over a step.
    f0 = rng.uniform(20.0, 60.0, [2, 6, 1])
    amplitudes = rng.random([2, 6, 11])
    frequencies = rng.uniform(20.0, 600.0, [2, 6, 11])

    def harmonic(f0, amplitudes):
        audio = core.harmonic_synthesis(
            f0, amplitudes, n_samples=n_samples, amp_resample_method='linear'
        )
        return tf.reduce_sum(audio * target)

    def sinusoidal(frequencies, amplitudes):
        audio = core.sinusoidal_synthesis(
            frequencies, amplitudes, n_samples, amp_resample_method='linear'
        )
        return tf.reduce_sum(audio * target)

    for function, inputs in (
        (harmonic, (f0, amplitudes)),
        (sinusoidal, (frequencies, amplitudes)),
    ):
        for ours, numeric in directional_slopes(function, inputs):
            assert ours == pytest.approx(numeric, rel=2e-2, abs=1e-2)


def test_gradient_of_amplitudes_where_harmonics_pass_nyquist():
    # Linear in the amplitudes, so the gradient is the audio of each amplitude alone.
    f0 = np.linspace(300.0, 900.0, 8, dtype=np.float32)[None, :, None]
    amplitudes = random_amplitudes(8, 40, batch=1)
    direction = random_amplitudes(8, 40, batch=1, seed=9)
    target = np.random.default_rng(4).normal(size=[1, 512])
    with tf.GradientTape() as tape:
        x = tf.constant(amplitudes)
        tape.watch(x)
        audio = core.harmonic_synthesis(f0, x, n_samples=512)
        loss = tf.reduce_sum(audio * target.astype(np.float32))
    ours = np.sum(tape.gradient(loss, x).numpy() * direction)
    expected = np.sum(reference.harmonics(f0, direction, 512, RATE) * target)
    assert ours == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize('jit', [False, True])
@pytest.mark.parametrize('hop_size', [None, 16])
def test_unknown_batch_and_time(jit, hop_size):
    f0 = reference.vibrato(25, batch=3)
    amplitudes = random_amplitudes(25, 20, batch=3)
    n_samples = None if hop_size else 400
    expected = core.harmonic_synthesis(f0, amplitudes, n_samples=400)
    unknown = tf.TensorSpec([None, None, 1]), tf.TensorSpec([None, None, 20])

    @tf.function(input_signature=unknown, jit_compile=jit)
    def harmonic(f0, amplitudes):
        with tf.GradientTape() as tape:
            tape.watch(f0)
            audio = core.harmonic_synthesis(
                f0, amplitudes, n_samples=n_samples, hop_size=hop_size
            )
        return audio, tape.gradient(audio, f0)

    audio, gradient = harmonic(f0, amplitudes)
    np.testing.assert_allclose(audio, expected, atol=2e-6)
    assert np.all(np.isfinite(gradient)) and gradient.shape == f0.shape


@pytest.mark.parametrize('jit', [False, True])
def test_sinusoids_of_unknown_batch_and_time(jit):
    rng = np.random.default_rng(5)
    frequencies = rng.uniform(0.0, 9000.0, [3, 25, 4]).astype(np.float32)
    amplitudes = rng.random([3, 25, 4]).astype(np.float32)
    unknown = [tf.TensorSpec([None, None, 4])] * 2

    @tf.function(input_signature=unknown, jit_compile=jit)
    def sinusoidal(frequencies, amplitudes):
        return core.sinusoidal_synthesis(frequencies, amplitudes, None, hop_size=16)

    expected = core.sinusoidal_synthesis(frequencies, amplitudes, 400)
    np.testing.assert_allclose(sinusoidal(frequencies, amplitudes), expected, atol=5e-6)


@pytest.mark.parametrize('f0_hz', [0.0, 8000.0, 20000.0])
def test_gradients_are_finite_at_the_edges(f0_hz):
    f0 = tf.fill([1, 5, 1], f0_hz)
    amplitudes = tf.zeros([1, 5, 4])
    with tf.GradientTape() as tape:
        tape.watch([f0, amplitudes])
        audio = core.harmonic_synthesis(f0, amplitudes, n_samples=80)
    for gradient in tape.gradient(audio, [f0, amplitudes]):
        assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize(
    'shapes, message',
    [
        (([2, 5], [2, 5, 3]), r'frequencies has shape \[2, 5\]'),
        (([2, 5, 1], [3, 5, 3]), 'batch sizes differ'),
        (([2, 5, 1], [2, 6, 3]), 'frame sizes differ'),
        (([2, 5, 2], [2, 5, 2]), 'one fundamental a frame'),
        (([2, 0, 1], [2, 0, 3]), 'is empty'),
    ],
)
def test_shapes_that_do_not_fit_are_named(shapes, message):
    f0, amplitudes = (np.ones(shape, np.float32) for shape in shapes)
    with pytest.raises(ValueError, match=message):
        core.harmonic_synthesis(f0, amplitudes, n_samples=100)


def test_a_window_wants_a_whole_hop():
    ones = np.ones([1, 7, 1], np.float32)
    with pytest.raises(ValueError, match='from 7 frames to 100 samples'):
        core.harmonic_synthesis(ones, ones, n_samples=100)


def test_n_samples_none_needs_a_hop():
    ones = np.ones([1, 7, 1], np.float32)
    with pytest.raises(ValueError, match='give hop_size'):
        core.harmonic_synthesis(ones, ones, n_samples=None)


def test_a_single_frame_lasts_for_all():
    f0 = np.full([1, 1, 1], 440.0, np.float32)
    amplitudes = random_amplitudes(10, 5, batch=1)
    audio = core.harmonic_synthesis(f0, amplitudes, n_samples=640)
    expected = reference.harmonics(f0.repeat(10, 1), amplitudes, 640, RATE)
    assert reference.snr_db(expected, audio) > 115.0


def test_angular_cumsum_of_unknown_batch_and_many_channels():
    rng = np.random.default_rng(6)
    omega = rng.uniform(0.0, 3.0, [2, 3000, 2, 3]).astype(np.float32)
    summed = tf.function(
        core.angular_cumsum, input_signature=[tf.TensorSpec([None, None, 2, 3])]
    )(omega)
    expected = np.cumsum(omega.astype(np.longdouble), axis=1)
    difference = np.angle(
        np.exp(1j * np.float64((summed.numpy() - expected) % (2 * np.pi)))
    )
    assert np.abs(difference).max() < 1e-6


def test_the_number_of_harmonics_must_be_known():
    unknown = [tf.TensorSpec([None, None, 1]), tf.TensorSpec([None, None, None])]
    trace = tf.function(
        lambda f, a: core.harmonic_synthesis(f, a, n_samples=64),
        input_signature=unknown,
    )
    with pytest.raises(ValueError, match='number of harmonics must be known'):
        trace.get_concrete_function()
