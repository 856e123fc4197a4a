"""What a block leaves for the next, against theory."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import ddsp
from ddsp.core.streaming import convolution, delays, filters, memory, noise, oscillators

HOP = 16


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def whole_stream() -> memory.Span:
    return memory.Span(tf.constant(0, tf.int64), tf.constant(memory.NO_END, tf.int64))


@pytest.mark.parametrize('most_hops', [0, 16])
@pytest.mark.parametrize('taps', [1, HOP, HOP + 1, 100])
def test_convolution_is_that_of_numpy(
    taps: int, most_hops: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both ways give the same, and one goes on where the other stopped.
    audio, response = random(2, 20 * HOP), random(1, taps, seed=1)
    state = convolution.start_convolution(2, taps, HOP)
    parts = convolution.partition(tf.constant(response), HOP)
    played, start = [], 0
    for i, n_hops in enumerate([1, 2, 5, 9, 3]):
        most = most_hops if i % 2 else 16 - most_hops
        monkeypatch.setattr(convolution, '_MOST_HOPS', most)
        block = tf.constant(audio[:, start : start + n_hops * HOP])
        signal, state = convolution.step_convolution(block, parts, state, HOP)
        played.append(signal)
        start += n_hops * HOP
    expected = [np.convolve(x.astype(float), response[0])[: len(x)] for x in audio]
    np.testing.assert_allclose(np.concatenate(played, 1), expected, atol=1e-4)


def test_a_response_may_grow_and_shrink() -> None:
    audio = tf.constant(random(1, 4 * HOP))
    short, long = random(1, 10), random(1, 3 * HOP, seed=1)
    state = convolution.start_convolution(1, 1, HOP)
    for response in (long, short, long):
        before = state
        parts = convolution.partition(tf.constant(response), HOP)
        signal, state = convolution.step_convolution(audio, parts, before, HOP)
    # What the short response did not need is gone, so the long one begins anew.
    expected = np.convolve(audio[0], long[0])[: 4 * HOP]
    np.testing.assert_allclose(signal[0, 3 * HOP :], expected[3 * HOP :], atol=1e-4)
    assert state['line'].shape == [1, HOP + 1, 2]


def test_noise_of_a_seed_goes_on() -> None:
    # For a batch of one it is the noise of one call.
    expected = ddsp.core.uniform_noise([1, 50], seed=7)
    played = [
        noise.noise_from(tf.constant(start, tf.int64), 1, end - start, 7)
        for start, end in [(0, 3), (3, 4), (4, 21), (21, 50)]
    ]
    np.testing.assert_array_equal(tf.concat(played, 1), expected)


def test_noise_of_a_batch_does_not_depend_on_blocks() -> None:
    whole = noise.noise_from(tf.constant(0, tf.int64), 3, 40, 7)
    part = noise.noise_from(tf.constant(13, tf.int64), 3, 11, 7)
    np.testing.assert_array_equal(part, whole[:, 13:24])
    assert len(np.unique(whole)) == 120


def test_noise_is_the_same_when_compiled() -> None:
    compiled = tf.function(noise.noise_from, jit_compile=True)
    position = tf.constant(5, tf.int64)
    np.testing.assert_array_equal(
        compiled(position, 2, 30, 7), noise.noise_from(position, 2, 30, 7)
    )


def test_a_bank_begins_and_ends_with_the_stream() -> None:
    frequencies = tf.fill([1, 6, 1], 1000.0)
    amplitudes = tf.ones([1, 6, 1])
    kernel = ddsp.core.sinusoid_bank.sinusoid_kernel(1, 16000)
    state = oscillators.start_bank(1, 1, 1, 'linear')
    # Two hops of waiting, two frames that sound, and what is held after them.
    span = memory.Span(tf.constant(-2 * HOP, tf.int64), tf.constant(2 * HOP, tf.int64))
    audio, _ = oscillators.step_bank(
        frequencies, amplitudes, state, span, HOP, 16000, 'linear', kernel
    )
    expected = np.sin(2.0 * np.pi * 1000.0 / 16000 * np.arange(1, 2 * HOP + 1))
    np.testing.assert_allclose(audio[0, 3 * HOP : 5 * HOP], expected, atol=1e-6)
    assert np.abs(audio[0, : 3 * HOP]).max() == np.abs(audio[0, 5 * HOP :]).max() == 0


def test_phase_is_kept_wrapped() -> None:
    frequencies = tf.constant(
        np.linspace(3000.0, 5000.0, 50)[None, :, None], tf.float32
    )
    kernel = ddsp.core.sinusoid_bank.sinusoid_kernel(1, 16000)
    state = oscillators.start_bank(1, 1, 1, 'window')
    for _ in range(5):
        _, state = oscillators.step_bank(
            frequencies,
            tf.ones_like(frequencies),
            state,
            whole_stream(),
            HOP,
            16000,
            'window',
            kernel,
        )
        assert state['cycles'].dtype == tf.float64
        assert np.abs(state['cycles']).max() <= 0.5


def test_look_around() -> None:
    around = {m: oscillators.look_around(m) for m in ddsp.core.grids.TAP_OFFSETS}
    assert around == {
        'nearest': (0, 1),
        'linear': (0, 1),
        'window': (0, 1),
        'cubic': (1, 2),
    }


@pytest.mark.parametrize(
    ('window_size', 'n_bins', 'latency'),
    [(0, None, None), (0, 65, 64), (257, None, 128), (257, 65, 128), (10, 3, 4)],
)
def test_filter_latency(
    window_size: int, n_bins: int | None, latency: int | None
) -> None:
    assert filters.filter_latency(window_size, n_bins, False, None) == latency
    if latency is not None:
        assert filters.filter_latency(window_size, n_bins, True, HOP) == latency + HOP


@pytest.mark.parametrize('crossfade', [False, True])
def test_an_impulse_comes_out_after_the_latency(crossfade: bool) -> None:
    # A flat filter of fewer taps than its window.
    responses = ddsp.core.filters.centred_response(np.ones([1, 4, 5]), 21, 'test')
    state = filters.start_filter(1, 21, None, HOP if crossfade else None)
    audio = np.zeros([1, 4 * HOP], np.float32)
    audio[0, 9] = 1.0
    played, _ = filters.step_filter(tf.constant(audio), responses, state, 21, crossfade)
    latency = filters.filter_latency(21, None, crossfade, HOP)
    expected = np.roll(audio, latency)
    np.testing.assert_allclose(played, expected, atol=1e-6)


def test_a_delay_remembers() -> None:
    audio = random(1, 30)
    state = delays.start_delay(1, 12)
    played = []
    for start in range(0, 30, 10):
        block = tf.constant(audio[:, start : start + 10])
        delay = tf.fill([1, 10], 11.5)
        signal, state = delays.step_delay(block, delay, state, 12)
        played.append(signal)
    padded = np.pad(audio[0], [12, 0])[:30]
    before = np.pad(audio[0], [11, 0])[:30]
    np.testing.assert_allclose(
        np.concatenate(played, 1)[0], (padded + before) / 2, 1e-5
    )


def test_a_span() -> None:
    span = memory.Span(tf.constant(-4, tf.int64), tf.constant(6, tf.int64))
    inside = span.inside(3, step=4, late=0).numpy().tolist()
    assert inside == [False, True, True]
    assert span.inside(12, late=2).numpy().tolist() == [False] * 6 + [True] * 6
    muted = memory.mute(tf.constant([[np.nan, 1.0, 2.0]]), tf.constant(inside))
    assert muted.numpy().tolist() == [[0.0, 1.0, 2.0]]


def test_joining_and_delaying() -> None:
    kept, new = tf.zeros([2, 1, 1]), tf.ones([2, 3, 4])
    assert memory.join(kept, new).shape == [2, 4, 4]
    assert memory.join(tf.zeros([1, 2, 1]), tf.ones([3, 2])).shape == [3, 4]
    late, waiting = memory.delay(tf.constant([[1.0, 2.0, 3.0]]), tf.zeros([1, 2]))
    assert late.numpy().tolist() == [[0.0, 0.0, 1.0]]
    assert waiting.numpy().tolist() == [[2.0, 3.0]]
    assert memory.fit(tf.constant([[1.0, 2.0]]), 3).numpy().tolist() == [[1.0, 2.0, 0]]
    assert memory.fit(tf.constant([[1.0, 2.0]]), 1).numpy().tolist() == [[1.0]]
