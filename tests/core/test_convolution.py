from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
import scipy.signal
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp.core.convolution import (
    crop_and_compensate_delay,
    fft_convolve,
    get_fft_size,
)

RNG = np.random.default_rng(20)


def noise(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def convolved_frames(audio: np.ndarray, responses: np.ndarray) -> np.ndarray:
    """Each frame with its own response, sample by sample, in float64."""
    n_samples, (n_frames, taps) = len(audio), responses.shape
    hop = -(-n_samples // n_frames)
    out = np.zeros(n_samples + taps - 1)
    for n, sample in enumerate(audio.astype(np.float64)):
        out[n : n + taps] += sample * responses[n // hop].astype(np.float64)
    return out


# Sizes of transforms.


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 10**6), st.integers(1, 10**5))
def test_fft_size_is_the_next_fast_one(frame_size: int, ir_size: int) -> None:
    needed = frame_size + ir_size - 1
    fast = get_fft_size(frame_size, ir_size, power_of_2=False)
    assert fast == scipy.fft.next_fast_len(needed, real=True)
    assert get_fft_size(frame_size, ir_size) == 2 ** int(np.ceil(np.log2(needed)))


@pytest.mark.parametrize('power_of_2', [True, False])
@pytest.mark.parametrize('needed', [1, 2, 7, 191, 4097, 111_999])
def test_fft_size_of_a_tensor_is_that_of_an_integer(
    needed: int, power_of_2: bool
) -> None:
    size = get_fft_size(tf.constant(needed), 1, power_of_2)
    assert int(size) == get_fft_size(needed, 1, power_of_2)


def test_fft_size_by_default_is_a_power_of_2() -> None:
    assert get_fft_size(64, 128) == 256
    assert get_fft_size(64, 128, power_of_2=False) == 192


# Cropping.


@pytest.mark.parametrize('ir_size', [1, 2, 7, 8])
@pytest.mark.parametrize('delay', [-1, 0, 3])
@pytest.mark.parametrize('padding', ['same', 'valid'])
@pytest.mark.parametrize('extra', [0, 5])
def test_crop_takes_the_wanted_samples(
    ir_size: int, delay: int, padding: str, extra: int
) -> None:
    full = 20 + ir_size - 1
    audio = np.arange(1.0, full + extra + 1.0, dtype=np.float32)[None]
    start = ir_size // 2 if delay < 0 else delay
    length = 20 if padding == 'same' else full
    want = np.pad(audio[0], (0, 100))[start : start + length]
    got = crop_and_compensate_delay(audio, 20, ir_size, padding, delay)
    np.testing.assert_array_equal(got[0], want)


def test_crop_of_nothing_keeps_everything() -> None:
    audio = noise(1, 20)
    np.testing.assert_array_equal(
        crop_and_compensate_delay(audio, 20, 1, 'same', 0), audio
    )


# One response.


@pytest.mark.parametrize('taps', [1, 2, 33, 300, 5000])
@pytest.mark.parametrize('n_samples', [1, 100, 20_000])
def test_constant_response_agrees_with_scipy(n_samples: int, taps: int) -> None:
    audio, ir = noise(2, n_samples), noise(2, taps) / np.sqrt(taps).astype('f')
    got = fft_convolve(audio, ir, padding='valid', delay_compensation=0)
    want = scipy.signal.fftconvolve(audio.astype('d'), ir.astype('d'), axes=1)
    np.testing.assert_allclose(got, want, atol=2e-5)


def test_recursive_filter_by_its_long_response() -> None:
    # lfilter goes sample by sample, and has nothing in common with a transform.
    audio = noise(1, 3000)
    ir = 0.9 ** np.arange(3000)
    got = fft_convolve(audio, ir, delay_compensation=0)
    want = scipy.signal.lfilter([1.0], [1.0, -0.9], audio.astype('d'))
    np.testing.assert_allclose(got, want, atol=1e-4)


@pytest.mark.parametrize('taps', [1, 2, 31, 32])
def test_centred_impulse_stays_at_its_sample(taps: int) -> None:
    audio, ir = np.zeros([1, 100]), np.zeros(taps)
    audio[0, 37], ir[taps // 2] = 1.0, 1.0
    got = fft_convolve(audio, ir)
    np.testing.assert_allclose(got, audio, atol=1e-6)


# A response for each frame.


@pytest.mark.parametrize(
    'n_samples, n_frames', [(120, 6), (120, 120), (119, 6), (7, 2)]
)
@pytest.mark.parametrize('taps', [1, 9, 50])
def test_frames_agree_with_the_direct_sum(
    n_samples: int, n_frames: int, taps: int
) -> None:
    audio, irs = noise(3, n_samples), noise(3, n_frames, taps)
    got = fft_convolve(audio, irs, padding='valid', delay_compensation=0)
    want = [convolved_frames(a, h) for a, h in zip(audio, irs)]
    np.testing.assert_allclose(got, want, atol=2e-5)


def test_delay_is_cut_off_the_front() -> None:
    audio, irs = noise(1, 60), noise(1, 6, 15)
    want = convolved_frames(audio[0], irs[0])
    for delay, start in ((0, 0), (4, 4), (-1, 7)):
        got = fft_convolve(audio, irs, delay_compensation=delay)
        np.testing.assert_allclose(got[0], want[start : start + 60], atol=1e-5)


@pytest.mark.parametrize('crossfade', [False, True])
@pytest.mark.parametrize('shape', [(24,), (1, 24), (1, 5, 24)])
def test_one_response_serves_the_batch_as_copies_would(
    shape: tuple[int, ...], crossfade: bool
) -> None:
    audio, ir = noise(3, 100), noise(*shape)
    tiled = np.broadcast_to(ir, (3, *shape[1:]) if len(shape) > 1 else (3, 24))
    got = fft_convolve(audio, ir, crossfade=crossfade)
    np.testing.assert_allclose(
        got, fft_convolve(audio, tiled, crossfade=crossfade), atol=1e-6
    )


def test_many_responses_on_one_audio() -> None:
    audio, irs = noise(1, 50), noise(3, 8)
    tiled = np.broadcast_to(audio, (3, 50))
    np.testing.assert_allclose(
        fft_convolve(audio, irs), fft_convolve(tiled, irs), atol=1e-6
    )


def test_response_of_one_is_transformed_once() -> None:
    traced = tf.function(fft_convolve).get_concrete_function(
        tf.TensorSpec([8, 100]), tf.TensorSpec([1, 30])
    )
    ffts = [op for op in traced.graph.get_operations() if op.type == 'RFFT']
    assert sorted(op.inputs[0].shape[0] for op in ffts) == [1, 8]


# Cross-fades.


@pytest.mark.parametrize('n_samples', [80, 77])
def test_crossfade_of_a_constant_filter_changes_nothing(n_samples: int) -> None:
    audio, ir = noise(2, n_samples), noise(2, 1, 13)
    irs = np.repeat(ir, 8, axis=1)
    for padding in ('same', 'valid'):
        faded = fft_convolve(audio, irs, padding, crossfade=True)
        np.testing.assert_allclose(faded, fft_convolve(audio, irs, padding), atol=3e-6)
        np.testing.assert_allclose(
            faded, fft_convolve(audio, ir[:, 0], padding), atol=3e-6
        )


def test_crossfade_is_a_raised_cosine_between_frames() -> None:
    gains = np.array([[[1.0], [3.0], [-2.0]]])
    got = fft_convolve(np.ones([1, 24]), gains, crossfade=True)[0]
    turn = 0.5 - 0.5 * np.cos(np.pi * np.arange(8) / 8)
    want = [1.0 + 2.0 * turn, 3.0 - 5.0 * turn, np.full(8, -2.0)]
    np.testing.assert_allclose(got, np.concatenate(want), atol=1e-5)


def test_crossfade_agrees_with_the_direct_sum() -> None:
    audio, irs = noise(1, 48), noise(1, 6, 11)
    turn = np.tile(0.5 - 0.5 * np.cos(np.pi * np.arange(8) / 8), 6)
    turn[-8:] = 0.0
    later = np.concatenate([irs[0, 1:], irs[0, -1:]])
    want = convolved_frames(audio[0] * (1 - turn), irs[0])
    want += convolved_frames(audio[0] * turn, later)
    got = fft_convolve(audio, irs, 'valid', 0, crossfade=True)
    np.testing.assert_allclose(got[0], want, atol=1e-5)


def test_crossfade_takes_the_click_out_of_a_switch() -> None:
    # Half a sine wave at +1, half at -1: switching jumps by twice the amplitude.
    sine = np.sin(2 * np.pi * 0.01 * np.arange(1000))[None]
    gains = np.repeat([1.0, -1.0], [5, 5])[None, :, None]
    sine = np.roll(sine, 25, axis=1)
    hard = np.diff(fft_convolve(sine, gains)[0])
    soft = np.diff(fft_convolve(sine, gains, crossfade=True)[0])
    assert np.abs(hard).max() > 1.9
    assert np.abs(soft).max() < 0.1


# Tracing, compiling, gradients.


@pytest.mark.parametrize('jit', [False, True])
@pytest.mark.parametrize('crossfade', [False, True])
@pytest.mark.parametrize('ir_shape', [(30,), (2, 30), (1, 30), (2, 5, 30)])
def test_unknown_sizes(ir_shape: tuple[int, ...], crossfade: bool, jit: bool) -> None:
    def filtered(audio: tf.Tensor, ir: tf.Tensor) -> tf.Tensor:
        return fft_convolve(audio, ir, crossfade=crossfade)

    specs = [tf.TensorSpec([None] * 2), tf.TensorSpec([None] * len(ir_shape))]
    compiled = tf.function(filtered, input_signature=specs, jit_compile=jit)
    for n_samples in (100, 60):
        audio, ir = noise(2, n_samples), noise(*ir_shape)
        np.testing.assert_allclose(compiled(audio, ir), filtered(audio, ir), atol=1e-5)


@pytest.mark.parametrize('jit', [False, True])
def test_known_length_survives_unknown_batch(jit: bool) -> None:
    specs = [tf.TensorSpec([None, 100]), tf.TensorSpec([None, None, 30])]
    traced = tf.function(fft_convolve, input_signature=specs, jit_compile=jit)
    assert traced.get_concrete_function().output_shapes[1] == 100


@pytest.mark.parametrize('crossfade', [False, True])
def test_gradients_are_the_transposed_filter(crossfade: bool) -> None:
    # The operation is linear in either argument: its gradient is exact by differences.
    audio, irs = noise(1, 12), noise(1, 3, 4)
    weights = noise(1, 12)

    def objective(audio: tf.Tensor, irs: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(weights * fft_convolve(audio, irs, crossfade=crossfade))

    with tf.GradientTape() as tape:
        inputs = [tf.constant(audio), tf.constant(irs)]
        tape.watch(inputs)
        value = objective(*inputs)
    grads = tape.gradient(value, inputs)
    for i, array in enumerate((audio, irs)):
        for index in np.ndindex(array.shape):
            moved = [audio.copy(), irs.copy()]
            moved[i][index] += 1.0
            want = objective(*moved) - value
            np.testing.assert_allclose(grads[i].numpy()[index], want, atol=2e-5)


def test_silence_has_finite_gradients() -> None:
    audio, irs = tf.zeros([2, 20]), tf.zeros([2, 4, 6])
    with tf.GradientTape() as tape:
        tape.watch([audio, irs])
        out = fft_convolve(audio, irs, crossfade=True)
    for grad in tape.gradient(out, [audio, irs]):
        assert np.isfinite(grad).all()


# Errors.


@pytest.mark.parametrize(
    'audio_shape, ir_shape, message',
    [
        ((100,), (5,), r'audio has shape \[100\], expected \[batch, samples\]'),
        ((2, 100, 1), (2, 5), 'audio has shape'),
        ((2, 100), (2, 4, 5, 1), 'impulse_response has shape'),
        ((2, 100), (), 'impulse_response has shape'),
        ((2, 100), (3, 5), 'batch sizes differ: audio 2, impulse_response 3'),
        ((2, 100), (2, 60, 5), '100 samples of audio cannot be cut into 60 frames'),
        ((2, 0), (2, 5), 'audio is empty'),
        ((2, 100), (2, 0), 'impulse_response is empty'),
    ],
)
def test_wrong_shapes(
    audio_shape: tuple[int, ...], ir_shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        fft_convolve(np.ones(audio_shape), np.ones(ir_shape))


def test_wrong_frames_of_unknown_number() -> None:
    specs = [tf.TensorSpec([None, None]), tf.TensorSpec([None, None, None])]
    traced = tf.function(fft_convolve, input_signature=specs)
    with pytest.raises(tf.errors.InvalidArgumentError, match='cannot be cut'):
        traced(np.ones([2, 100], 'f'), np.ones([2, 60, 5], 'f'))


def test_wrong_padding() -> None:
    with pytest.raises(ValueError, match="'full', expected 'same' or 'valid'"):
        fft_convolve(np.ones([1, 10]), np.ones(3), padding='full')
