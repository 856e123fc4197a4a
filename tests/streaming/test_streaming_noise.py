"""Noise in blocks is new in each, the same for any split, or given."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from stream_inputs import BATCH, FRAMES, HOP, SPLITS, audio, blocks, frames_of_noise

from ddsp import processors, streaming, synths


def test_noise_is_new_in_each_block_unless_it_is_given() -> None:
    group = processors.ProcessorGroup(
        dag=[(synths.FilteredNoise(None), ['magnitudes'])]
    )
    block = {'magnitudes': tf.zeros([1, 8, 9])}
    state = group.initial_state(1, block)
    first, state = group.step(block, state)
    second, state = group.step(block, state)
    assert np.abs(first[:, 128:] - second[:, 128:]).max() > 1e-6
    _, state = group.step(block, state, noise=tf.zeros([1, 8 * HOP]))
    silent, _ = group.step(block, state, noise=tf.zeros([1, 8 * HOP]))
    assert np.abs(silent).max() == 0.0


def test_seeded_noise_does_not_repeat() -> None:
    synth = synths.FilteredNoise(None, window_size=0, scale_fn=None, seed=1)
    # A flat filter: what comes out is the noise.
    inputs = {'magnitudes': np.ones([3, FRAMES, 9], np.float32)}
    played = [
        np.concatenate(list(streaming.render(synth, blocks(inputs, s), 3)), axis=1)
        for s in (SPLITS, [FRAMES])
    ]
    np.testing.assert_allclose(played[0], played[1], atol=1e-6)
    pieces = played[0].reshape([-1, HOP])
    likeness = np.abs(np.corrcoef(pieces) - np.eye(len(pieces)))
    assert likeness.max() < 0.7


def test_noise_that_does_not_fit() -> None:
    synth = synths.FilteredNoise(None)
    block = {'magnitudes': frames_of_noise}
    with pytest.raises(ValueError, match='expected 768 samples for 12 frames'):
        synth.step(block, synth.initial_state(BATCH), noise=audio[:, :100])
