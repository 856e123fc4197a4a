"""Resampling against interpolation in float64, and what it must keep."""

import hypothesis
import numpy as np
import pytest
import reference
import tensorflow as tf
from hypothesis import strategies as st

from ddsp import core


@pytest.mark.parametrize('method', ['nearest', 'linear', 'window'])
@pytest.mark.parametrize('n_frames, n_samples', [(50, 800), (1, 16), (5, 5)])
def test_whole_hops(method, n_frames, n_samples):
    if method == 'window' and n_samples == 5:
        n_samples = 10
    frames = np.random.default_rng(0).normal(size=[2, n_frames, 3])
    expected = reference.upsample(frames, n_samples, method)
    ours = core.resample(frames, n_samples, method)
    np.testing.assert_allclose(ours, expected, atol=1e-6)


@pytest.mark.parametrize('n_frames, n_samples', [(7, 100), (100, 7), (13, 12)])
def test_any_length_by_interpolation(n_frames, n_samples):
    frames = np.random.default_rng(1).normal(size=[1, n_frames, 1])
    place = np.arange(n_samples) * n_frames / n_samples
    expected = np.interp(place, np.arange(n_frames), frames[0, :, 0])
    ours = core.resample(frames, n_samples)[0, :, 0]
    np.testing.assert_allclose(ours, expected, atol=1e-5)
    place = np.linspace(0, n_frames - 1, n_samples)
    expected = np.interp(place, np.arange(n_frames), frames[0, :, 0])
    ours = core.resample(frames, n_samples, add_endpoint=False)[0, :, 0]
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_cubic_is_a_sum_of_kernels():
    # Keys (1981) with a = -3/4: two polynomials, for distances up to 1 and up to 2.
    def kernel(d):
        near = 1.25 * d**3 - 2.25 * d**2 + 1.0
        far = -0.75 * (d**3 - 5.0 * d**2 + 8.0 * d - 4.0)
        return np.where(d <= 1.0, near, np.where(d < 2.0, far, 0.0))

    frames = np.random.default_rng(5).normal(size=12)
    ours = core.resample(frames, 96, 'cubic')
    place = np.arange(96) / 8.0
    held = np.concatenate([[frames[0]] * 2, frames, [frames[-1]] * 2])
    distance = np.abs(place[:, None] - np.arange(-2, 14))
    np.testing.assert_allclose(ours, kernel(distance) @ held, atol=1e-5)


def test_cubic_by_hand():
    # Keys' kernel with a = -3/4 half way between frames: -3/32, 19/32, 19/32, -3/32.
    frames = np.array([[1.0, 2.0, 4.0, 8.0]])[..., None]
    ours = core.resample(frames, 8, 'cubic')[0, 3, 0]
    expected = (-3 * 1 + 19 * 2 + 19 * 4 - 3 * 8) / 32
    assert float(ours) == pytest.approx(expected)


def test_window_ends_where_the_last_frame_begins():
    frames = np.random.default_rng(2).normal(size=[1, 6, 2])
    ours = core.resample(frames, 50, 'window', add_endpoint=False)
    expected = reference.upsample(frames, 60, 'window')[:, :50]
    np.testing.assert_allclose(ours, expected, atol=1e-6)


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(
    n_frames=st.integers(1, 12),
    n_samples=st.integers(1, 40),
    method=st.sampled_from(['nearest', 'linear', 'cubic']),
    add_endpoint=st.booleans(),
    value=st.floats(-10.0, 10.0, width=32),
)
def test_a_constant_stays_constant(n_frames, n_samples, method, add_endpoint, value):
    frames = np.full([1, n_frames, 1], value, np.float32)
    ours = core.resample(frames, n_samples, method, add_endpoint)
    np.testing.assert_allclose(ours, np.full([1, n_samples, 1], value), atol=1e-5)


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(
    n_frames=st.integers(1, 9),
    hop=st.integers(2, 9),
    method=st.sampled_from(['nearest', 'linear', 'window']),
    seed=st.integers(0, 1000),
)
def test_up_and_down_again_gives_the_frames(n_frames, hop, method, seed):
    frames = np.random.default_rng(seed).normal(size=[1, n_frames]).astype(np.float32)
    up = core.resample(frames, n_frames * hop, method)
    assert float(tf.reduce_max(up)) <= frames.max() + 1e-5
    assert float(tf.reduce_min(up)) >= frames.min() - 1e-5
    np.testing.assert_allclose(
        core.resample(up, n_frames, 'nearest'), frames, atol=1e-6
    )


def test_ranks_are_kept():
    frames = np.random.default_rng(3).normal(size=[2, 5, 3, 4])
    four = core.resample(frames, 20)
    assert four.shape == (2, 20, 3, 4)
    np.testing.assert_allclose(four[..., 1, 2], core.resample(frames[..., 1, 2], 20))
    np.testing.assert_allclose(
        core.resample(frames[0, :, 1, 2], 20), four[0, :, 1, 2], atol=1e-6
    )


@pytest.mark.parametrize('jit', [False, True])
@pytest.mark.parametrize('method', ['nearest', 'linear', 'cubic', 'window'])
def test_unknown_sizes(jit, method):
    frames = np.random.default_rng(4).normal(size=[2, 10, 3]).astype(np.float32)
    unknown = [tf.TensorSpec([None, None, 3])]
    resample = tf.function(
        lambda x: core.resample(x, 40, method),
        input_signature=unknown,
        jit_compile=jit,
    )
    np.testing.assert_allclose(
        resample(frames), core.resample(frames, 40, method), atol=1e-5
    )


def test_gradient_spreads_to_both_neighbours():
    frames = tf.zeros([1, 3, 1])
    with tf.GradientTape() as tape:
        tape.watch(frames)
        value = core.resample(frames, 12)[0, 1, 0]
    gradient = tape.gradient(value, frames)
    np.testing.assert_allclose(gradient[0, :, 0], [0.75, 0.25, 0.0], atol=1e-6)


@pytest.mark.parametrize(
    'shape, n_timesteps, method, message',
    [
        ([1, 4, 1], 10, 'window', 'from 4 frames to 10 samples'),
        ([1, 10, 1], 5, 'window', 'only goes up'),
        ([1, 4, 1], 8, 'sinc', "no resampling method 'sinc'"),
        ([1, 1, 4, 1, 1], 8, 'linear', 'inputs has shape'),
        ([1, 0, 1], 8, 'linear', 'inputs is empty'),
    ],
)
def test_errors(shape, n_timesteps, method, message):
    with pytest.raises(ValueError, match=message):
        core.resample(np.zeros(shape, np.float32), n_timesteps, method)


def test_center_crop():
    audio = np.arange(20.0)[None]
    np.testing.assert_array_equal(core.center_crop(audio, 8)[0], np.arange(4.0, 16.0))


def test_what_cannot_be_resampled_or_cropped():
    with pytest.raises(ValueError, match='n_timesteps is 0'):
        core.resample([1.0, 2.0], 0)
    with pytest.raises(ValueError, match='audio has 10 samples'):
        core.center_crop(np.zeros([1, 10]), 50)
