"""Loudness and power block by block are those of the whole recording."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp import spectral_ops, streaming


def noise(n_samples, seed=0, batch=2):
    """Noise that grows from below the range of loudness to full scale."""
    values = np.random.default_rng(seed).normal(size=[batch, n_samples])
    return (values * np.geomspace(1e-6, 1.0, n_samples)).astype(np.float32)


def listen(stream, audio, blocks):
    """Feeds blocks of so many frames; gives features, joined, and the last state."""
    step = tf.function(stream.step)
    state, parts, start = stream.initial_state(len(audio)), [], 0
    for n in blocks:
        stop = start + n * stream.hop_size
        features, state = step(tf.constant(audio[:, start:stop]), state)
        parts.append(features)
        start = stop
    joined = {name: np.concatenate([x[name] for x in parts], 1) for name in parts[0]}
    return joined, state


@pytest.mark.parametrize(
    'sample_rate, frame_rate, n_fft, frame_size, latency',
    [
        (16000, 250, 512, 512, 192),
        (16000, 125, 512, 256, 128),
        (16000, 50, 1024, 1024, 320),
        (16000, 250, 256, 64, 64),
        (16000, 50, 256, 64, 0),
        (48000, 250, 512, 512, 192),
        (32000, 250, 1024, 63, 384),
    ],
)
def test_frames_are_those_of_the_whole(
    sample_rate, frame_rate, n_fft, frame_size, latency
):
    stream = streaming.LoudnessStream(sample_rate, frame_rate, n_fft, frame_size)
    assert stream.latency == latency
    n_frames = 24
    audio = noise(n_frames * stream.hop_size)
    heard, _ = listen(stream, audio, [1, 5, 5, 1, 12])
    late = latency // stream.hop_size
    loudness = spectral_ops.compute_loudness(audio, sample_rate, frame_rate, n_fft)
    power = spectral_ops.compute_power(audio, sample_rate, frame_rate, frame_size)
    for name, whole in [('loudness_db', loudness), ('power_db', power)]:
        assert heard[name].shape == (2, n_frames)
        np.testing.assert_allclose(
            heard[name][:, late:], whole[:, : n_frames - late], atol=1e-3
        )
        # Before the recording there is silence.
        np.testing.assert_array_equal(heard[name][:, :late], -80.0)


def test_zeros_give_the_last_frames():
    stream = streaming.LoudnessStream()
    audio = noise(640)
    padded = np.pad(audio, ((0, 0), (0, stream.latency + stream.hop_size)))
    heard, _ = listen(stream, padded, [14])
    whole = spectral_ops.compute_loudness(audio)
    np.testing.assert_allclose(heard['loudness_db'][:, 3:], whole, atol=1e-3)


def test_later_frames_are_the_same():
    stream = streaming.LoudnessStream(latency=448)
    audio = noise(64 * 20)
    heard, _ = listen(stream, audio, [20])
    whole = spectral_ops.compute_loudness(audio)
    np.testing.assert_allclose(heard['loudness_db'][:, 7:], whole[:, :13], atol=1e-3)


def test_reference_and_range():
    stream = streaming.LoudnessStream(ref_db=20.0, range_db=60.0)
    audio = noise(64 * 40, batch=1)
    heard, _ = listen(stream, audio, [40])
    whole = spectral_ops.compute_loudness(audio, ref_db=20.0, range_db=60.0)
    np.testing.assert_allclose(heard['loudness_db'][:, 3:], whole[:, :37], atol=1e-3)
    assert heard['loudness_db'].min() == -60.0


@settings(max_examples=15, deadline=None)
@given(blocks=st.lists(st.integers(1, 40), min_size=1, max_size=5))
def test_blocks_do_not_matter(blocks):
    stream = streaming.LoudnessStream()
    audio = noise(sum(blocks) * stream.hop_size, batch=1)
    heard, state = stream.step(audio, stream.initial_state())
    start, split = 0, stream.initial_state()
    parts = []
    for n in blocks:
        stop = start + n * stream.hop_size
        features, split = stream.step(audio[:, start:stop], split)
        parts.append(features['loudness_db'])
        start = stop
    np.testing.assert_allclose(
        np.concatenate(parts, 1), heard['loudness_db'], atol=1e-4
    )
    np.testing.assert_array_equal(split['audio'], state['audio'])


def test_what_is_no_number_is_silence():
    stream = streaming.LoudnessStream()
    bad = noise(640, batch=1)
    bad[0, 100:200] = np.nan
    bad[0, 300], bad[0, 301] = np.inf, -np.inf
    clean = np.where(np.isfinite(bad), bad, 0.0)
    heard, state = listen(stream, bad, [10])
    expected, _ = listen(stream, clean, [10])
    for name in heard:
        np.testing.assert_array_equal(heard[name], expected[name])
    assert np.isfinite(state['audio']).all()


def test_state_keeps_its_shape():
    stream = streaming.LoudnessStream()
    state = stream.initial_state(3)
    _, later = stream.step(tf.zeros([3, 640]), state)
    assert {k: v.shape for k, v in later.items()} == {
        k: v.shape for k, v in state.items()
    }


def test_unknown_sizes():
    stream = streaming.LoudnessStream()
    audio = noise(640)
    step = tf.function(
        lambda x, kept: stream.step(x, {'audio': kept})[0]['loudness_db'],
        input_signature=[
            tf.TensorSpec([None, None]),
            tf.TensorSpec([None, stream.latency + 256]),
        ],
    )
    expected, _ = stream.step(audio, stream.initial_state(2))
    found = step(audio, stream.initial_state(2)['audio'])
    np.testing.assert_allclose(found, expected['loudness_db'], atol=1e-4)


@pytest.mark.parametrize(
    'options, message',
    [
        ({'frame_rate': 300}, 'frame_rate 300 does not divide'),
        ({'n_fft': 511}, 'n_fft is 511'),
        ({'frame_size': 0}, 'frame_size 0'),
        ({'latency': 128}, 'a multiple of the hop size, 64, and at least 192'),
        ({'latency': 200}, 'latency is 200 samples'),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        streaming.LoudnessStream(**options)


@pytest.mark.parametrize(
    'shape, message',
    [
        ([1, 100], 'audio has 100 samples, expected a multiple of the hop size, 64'),
        ([1, 0], 'audio has 0 samples'),
        ([64], r'audio has shape \[64\], expected \[batch, samples\]'),
    ],
)
def test_a_block_of_the_wrong_size(shape, message):
    stream = streaming.LoudnessStream()
    with pytest.raises(ValueError, match=message):
        stream.step(tf.zeros(shape), stream.initial_state())
