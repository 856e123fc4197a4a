"""Frames and their padding, and lengths that are nearly right."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from quiet_sounds import quiet_noise

from ddsp import spectral_ops


@pytest.fixture
def noise():
    return quiet_noise()


@settings(deadline=None, max_examples=50)
@given(
    length=st.integers(1, 3000),
    frame=st.integers(1, 700),
    hop=st.integers(1, 300),
    padding=st.sampled_from(['center', 'same', 'valid']),
)
def test_frames_cover_what_their_padding_promises(length, frame, hop, padding):
    if padding == 'valid' and length < frame:
        return
    n_frames, padded = spectral_ops.get_framed_lengths(length, frame, hop, padding)
    if padding == 'center':
        assert n_frames == length // hop + 1
    elif padding == 'same':
        assert (n_frames - 1) * hop < length <= n_frames * hop
    else:
        assert (n_frames - 1) * hop + frame <= length < n_frames * hop + frame
    assert (n_frames - 1) * hop + frame <= padded


@pytest.mark.parametrize('padding', ['center', 'same', 'valid'])
@pytest.mark.parametrize('frame_size', [5, 8])
def test_padding_puts_frames_where_it_says(padding, frame_size):
    x = np.arange(1, 41, dtype=np.float32)[np.newaxis]
    n_frames, _ = spectral_ops.get_framed_lengths(40, frame_size, 4, padding)
    padded = spectral_ops.pad(x, frame_size, 4, padding)
    frames = tf.signal.frame(padded, frame_size, 4)[0].numpy()
    assert len(frames) == n_frames
    # Sample i * hop, whose value is one more, is the frame's middle or its start.
    at = frame_size // 2 if padding == 'center' else 0
    samples = 4 * np.arange(n_frames)
    np.testing.assert_array_equal(frames[:, at], np.where(samples < 40, samples + 1, 0))


def test_pad_takes_any_axis_mode_and_value():
    x = np.arange(12.0).reshape(4, 3)
    padded = spectral_ops.pad(x, 4, 2, axis=0, constant_values=7).numpy()
    assert padded.shape == (8, 3)
    np.testing.assert_array_equal(padded[[0, 1, -2, -1]], 7)
    padded = spectral_ops.pad(x[:, 0], 4, 2, axis=-1, mode='REFLECT')
    np.testing.assert_array_equal(padded, [6, 3, 0, 3, 6, 9, 6, 3])
    with pytest.raises(ValueError, match=r'axis 1 is not one of x'):
        spectral_ops.pad(x[:, 0], 4, 2)


@pytest.mark.parametrize('name', ['rms', 'power', 'loudness'])
def test_frame_grids_that_cannot_be_are_explained(name, noise):
    fn = {
        'rms': spectral_ops.compute_rms_energy,
        'power': spectral_ops.compute_power,
        'loudness': spectral_ops.compute_loudness,
    }[name]
    with pytest.raises(ValueError, match=r"padding is 'centre', expected 'center'"):
        fn(noise, padding='centre')
    with pytest.raises(ValueError, match='frame_rate 250 does not divide sample_rate'):
        fn(noise, sample_rate=44100)
    with pytest.raises(ValueError, match='frame_rate 0 does not divide'):
        fn(noise, frame_rate=0)
    with pytest.raises(
        ValueError, match=r"50 samples are fewer than one 'valid' frame"
    ):
        fn(noise[:, :50], padding='valid')


@pytest.mark.parametrize('use_tf', [False, True])
@pytest.mark.parametrize('shape', [[7], [2, 7]])
def test_pad_or_trim(use_tf, shape):
    x = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    fix = spectral_ops.pad_or_trim_to_expected_length
    longer = np.asarray(fix(x, 9, pad_value=-3, use_tf=use_tf))
    np.testing.assert_array_equal(longer[..., :7], x)
    np.testing.assert_array_equal(longer[..., 7:], np.full([*shape[:-1], 2], -3.0))
    shorter = np.asarray(fix(x, 4, use_tf=use_tf))
    np.testing.assert_array_equal(shorter, x[..., :4])
    np.testing.assert_array_equal(fix(x, 7, use_tf=use_tf), x)
    assert tf.is_tensor(fix(x, 9, use_tf=use_tf)) == use_tf


@pytest.mark.parametrize('use_tf', [False, True])
def test_pad_or_trim_refuses_what_it_cannot_mend(use_tf):
    fix = spectral_ops.pad_or_trim_to_expected_length
    with pytest.raises(ValueError, match=r'expected 100 by at most 20.*It is 79'):
        fix(np.zeros(79), 100, use_tf=use_tf)
    assert fix(np.zeros(80), 100, use_tf=use_tf).shape == (100,)
    with pytest.raises(
        ValueError, match=r'vector has shape \[1, 2, 3\], expected \[time'
    ):
        fix(np.zeros([1, 2, 3]), 3, use_tf=use_tf)


def test_pad_or_trim_of_unknown_length():
    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32)])
    def fix(x):
        fixed = spectral_ops.pad_or_trim_to_expected_length(x, 30, use_tf=True)
        assert fixed.shape.as_list() == [None, 30]
        return fixed

    for length in (25, 30, 42):
        got = fix(tf.ones([2, length]))
        np.testing.assert_array_equal(np.sum(got, axis=1), min(length, 30))
    with pytest.raises(tf.errors.InvalidArgumentError, match='at most 20'):
        fix(tf.ones([2, 51]))
