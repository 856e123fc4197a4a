"""Notes are found, measured and pooled as loops in NumPy do it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp.training import nn


def regions(pitch: list[int], onset: list[int] | None = None) -> list[list[int]]:
    """Frames of each region, in order."""
    onset = onset or [0] * len(pitch)
    found = [[0]]
    for i in range(1, len(pitch)):
        if pitch[i] != pitch[i - 1] or (onset[i] and not onset[i - 1]):
            found.append([])
        found[-1].append(i)
    return found


def as_mask(found: list[list[int]], n_frames: int, max_regions: int) -> np.ndarray:
    mask = np.zeros((n_frames, max_regions))
    for i, frames in enumerate(found[:max_regions]):
        mask[frames, i] = 1.0
    return mask


melodies = st.lists(st.integers(0, 3), min_size=1, max_size=12)


@settings(max_examples=30, deadline=None)
@given(melodies, st.integers(1, 14))
def test_mask(pitch: list[int], max_regions: int) -> None:
    expected = as_mask(regions(pitch), len(pitch), max_regions)
    mask = nn.get_note_mask([pitch], max_regions, note_on_only=False)
    np.testing.assert_array_equal(mask[0], expected)
    expected[np.equal(pitch, 0)] = 0.0
    mask = nn.get_note_mask(np.reshape(pitch, [1, -1, 1]), max_regions)
    np.testing.assert_array_equal(mask[0], expected)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), min_size=1))
def test_mask_from_onset(frames: list[tuple[int, int]]) -> None:
    pitch, onset = [f[0] for f in frames], [f[1] for f in frames]
    expected = as_mask(regions(pitch, onset), len(pitch), 100)
    expected[np.equal(pitch, 0)] = 0.0
    mask = nn.get_note_mask_from_onset([pitch], [onset])
    np.testing.assert_array_equal(mask[0], expected)


def test_examples_of_a_batch_are_apart() -> None:
    mask = nn.get_note_mask([[5, 5, 6], [7, 0, 0]], max_regions=2).numpy()
    assert mask[0].T.tolist() == [[1, 1, 0], [0, 0, 1]]
    assert mask[1].T.tolist() == [[1, 0, 0], [0, 0, 0]]


def test_lengths() -> None:
    mask = nn.get_note_mask([[5, 5, 6, 0, 0, 0, 7]], max_regions=5)
    assert nn.get_note_lengths(mask).numpy().tolist() == [[2, 1, 0, 1, 0]]


PITCH = np.array([[60, 60, 60, 0, 62, 62], [60, 61, 61, 61, 61, 0]])


@pytest.mark.parametrize('shape', [(2, 6), (2, 6, 3)])
def test_moments_and_pooling(shape: tuple[int, ...]) -> None:
    x = 60.0 + np.random.default_rng(0).normal(size=shape)
    mask = nn.get_note_mask(PITCH, max_regions=4)
    mean, std = nn.get_note_moments(x, mask)
    pooled_mean, pooled_std = nn.pool_over_notes(x, mask)
    assert mean.shape == std.shape == (2, 4, *shape[2:])
    expected_mean, expected_std = np.zeros(shape), np.zeros(shape)
    for example, region in itertools.product(range(2), range(4)):
        frames = np.flatnonzero(mask[example, :, region])
        if len(frames) == 0:
            assert not np.any(mean[example, region])
            assert not np.any(std[example, region])
            continue
        values = x[example, frames]
        np.testing.assert_allclose(mean[example, region], values.mean(0), rtol=1e-6)
        np.testing.assert_allclose(std[example, region], values.std(0), atol=1e-4)
        expected_mean[example, frames] = values.mean(0)
        expected_std[example, frames] = values.std(0)
    np.testing.assert_allclose(pooled_mean, expected_mean, rtol=1e-6)
    np.testing.assert_allclose(pooled_std, expected_std, atol=1e-4)
    only_mean = nn.get_note_moments(x, mask, return_std=False)
    np.testing.assert_array_equal(only_mean, mean)
    only_pooled = nn.pool_over_notes(x, mask, return_std=False)
    np.testing.assert_array_equal(only_pooled, pooled_mean)


def test_short_notes() -> None:
    pitch = [[60, 60, 60, 0, 62, 62, 0, 0]]
    mask = nn.get_note_mask(pitch, 6, note_on_only=False)
    lengths = nn.get_note_lengths(mask)
    pitches = nn.get_note_moments(pitch, mask, return_std=False)
    short = nn.get_short_note_loss_mask(mask, lengths, pitches, min_length=3)
    assert short.numpy().tolist() == [[0, 0, 0, 0, 1, 1, 0, 0]]


def test_gradients_of_steady_and_missing_notes_are_finite() -> None:
    mask = nn.get_note_mask(PITCH, max_regions=8)
    x = tf.ones([2, 6, 1])
    with tf.GradientTape() as tape:
        tape.watch(x)
        mean, std = nn.pool_over_notes(x, mask)
        total = tf.reduce_sum(mean + std)
    gradient = tape.gradient(total, x)
    # A mean passes on one for each frame of a note, a steady note's spread nothing.
    np.testing.assert_allclose(gradient[..., 0], PITCH > 0, atol=1e-6)


@pytest.mark.parametrize('jit_compile', [False, True])
def test_sizes_may_be_unknown(jit_compile: bool) -> None:
    @tf.function(
        jit_compile=jit_compile,
        input_signature=[tf.TensorSpec([None, None]), tf.TensorSpec([None, None])],
    )
    def pool(pitch: tf.Tensor, onset: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return nn.pool_over_notes(pitch, nn.get_note_mask_from_onset(pitch, onset, 9))

    pitch = PITCH.astype(np.float32)
    mean, std = pool(pitch, np.zeros_like(pitch))
    np.testing.assert_allclose(mean, pitch, rtol=1e-6)
    np.testing.assert_allclose(std, np.zeros_like(pitch), atol=1e-4)


def test_errors_say_what_was_expected() -> None:
    with pytest.raises(ValueError, match=r'q_pitch has shape \[1, 2, 3\]'):
        nn.get_note_mask(np.zeros([1, 2, 3]))
    with pytest.raises(ValueError, match='max_regions is 0'):
        nn.get_note_mask([[1, 2]], max_regions=0)
    with pytest.raises(ValueError, match='note_mask has shape'):
        nn.get_note_lengths([[1.0]])
