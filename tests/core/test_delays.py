from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ddsp.core.delays import variable_length_delay

RNG = np.random.default_rng(22)


def delayed(phase: np.ndarray, audio: np.ndarray, max_length: int) -> np.ndarray:
    """Each sample by numpy's interpolation in float64."""
    phase = np.clip(np.asarray(phase, np.float64)[..., 0], 0.0, 1.0)
    out = []
    for delay, row in zip(phase * max_length, np.asarray(audio, np.float64)):
        padded = np.concatenate([np.zeros(max_length + 1), row])
        time = np.arange(len(padded)) - (max_length + 1)
        out.append(np.interp(np.arange(len(row)) - delay, time, padded))
    return np.array(out)


def inputs(batch: int = 2, samples: int = 100) -> tuple[np.ndarray, np.ndarray]:
    phase = RNG.uniform(size=[batch, samples, 1])
    audio = RNG.normal(size=[batch, samples])
    return phase.astype(np.float32), audio.astype(np.float32)


@pytest.mark.parametrize('max_length', [1, 2, 31, 250])
def test_agrees_with_interpolation(max_length: int) -> None:
    phase, audio = inputs()
    got = variable_length_delay(phase, audio, max_length)
    np.testing.assert_allclose(got, delayed(phase, audio, max_length), atol=1e-4)


@pytest.mark.parametrize('delay', [0, 1, 7, 16])
def test_whole_delays_only_move_the_audio(delay: int) -> None:
    _, audio = inputs(samples=40)
    got = variable_length_delay(np.full([2, 40, 1], delay / 16), audio, 16)
    want = np.pad(audio, ((0, 0), (delay, 0)))[:, :40]
    np.testing.assert_array_equal(got, want)


def test_phase_outside_is_clipped() -> None:
    _, audio = inputs()
    ones = np.ones([2, 100, 1])
    for wild, tame in ((1.5, 1.0), (-0.2, 0.0), (np.inf, 1.0)):
        got = variable_length_delay(wild * ones, audio, 10)
        np.testing.assert_array_equal(
            got, variable_length_delay(tame * ones, audio, 10)
        )


def test_delay_longer_than_the_audio_is_silence() -> None:
    _, audio = inputs(samples=20)
    got = variable_length_delay(np.ones([2, 20, 1]), audio, 20)
    np.testing.assert_array_equal(got, np.zeros([2, 20]))


@pytest.mark.parametrize('jit', [False, True])
def test_phase_that_is_no_number_gives_none(jit: bool) -> None:
    phase, audio = inputs(samples=30)
    want = variable_length_delay(phase, audio, 10).numpy()
    phase[1, 7] = want[1, 7] = np.nan
    got = tf.function(variable_length_delay, jit_compile=jit)(phase, audio, 10)
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_batch_of_one_serves_all() -> None:
    phase, audio = inputs()
    one_phase = variable_length_delay(phase[:1], audio, 9)
    np.testing.assert_array_equal(
        one_phase, variable_length_delay(np.repeat(phase[:1], 2, 0), audio, 9)
    )
    one_audio = variable_length_delay(phase, audio[:1], 9)
    np.testing.assert_array_equal(
        one_audio, variable_length_delay(phase, np.repeat(audio[:1], 2, 0), 9)
    )


@pytest.mark.parametrize('jit', [False, True])
def test_unknown_sizes(jit: bool) -> None:
    specs = [tf.TensorSpec([None, None, 1]), tf.TensorSpec([None, None])]
    traced = tf.function(variable_length_delay, input_signature=specs, jit_compile=jit)
    for batch, samples in ((2, 50), (3, 70)):
        phase, audio = inputs(batch, samples)
        want = variable_length_delay(phase, audio)
        np.testing.assert_allclose(traced(phase, audio), want, atol=1e-5)


@pytest.mark.parametrize('jit', [False, True])
def test_gradients_by_differences(jit: bool) -> None:
    phase, audio = inputs(samples=12)
    # Differences must not cross a sample, where the slope changes.
    phase = ((np.floor(phase * 5) + 0.5) / 5).astype(np.float32)
    weights = RNG.normal(size=[2, 12])

    @tf.function(jit_compile=jit)
    def grads(phase: tf.Tensor, audio: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch([phase, audio])
            out = variable_length_delay(phase, audio, 5)
            value = tf.reduce_sum(tf.constant(weights, tf.float32) * out)
        return tape.gradient(value, [phase, audio])

    got = grads(tf.constant(phase), tf.constant(audio))
    for i, step in enumerate((0.05, 1.0)):
        for index in np.ndindex(tuple(got[i].shape)):
            up = [phase.astype('d'), audio.astype('d')]
            down = [phase.astype('d'), audio.astype('d')]
            up[i][index] += step
            down[i][index] -= step
            slope = np.sum(weights * (delayed(*up, 5) - delayed(*down, 5))) / (2 * step)
            np.testing.assert_allclose(got[i].numpy()[index], slope, atol=1e-4)


def test_no_tensor_grows_with_the_longest_delay() -> None:
    traced = tf.function(variable_length_delay).get_concrete_function(
        tf.TensorSpec([2, 1000, 1]), tf.TensorSpec([2, 1000]), max_length=512
    )
    sizes = [
        out.shape.num_elements() or 0
        for op in traced.graph.get_operations()
        for out in op.outputs
    ]
    assert max(sizes) <= 2 * (1000 + 512 + 1)


@pytest.mark.parametrize(
    'phase_shape, audio_shape, message',
    [
        ((2, 10), (2, 10), r'phase has shape \[2, 10\]'),
        ((2, 10, 1), (2, 10, 1), 'audio has shape'),
        ((2, 10, 2), (2, 10), 'expected one channel'),
        ((2, 10, 1), (3, 10), 'batch sizes differ'),
        ((2, 9, 1), (2, 10), 'phase has 9 samples, audio 10'),
    ],
)
def test_wrong_shapes(
    phase_shape: tuple[int, ...], audio_shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        variable_length_delay(np.ones(phase_shape), np.ones(audio_shape))


def test_wrong_length() -> None:
    with pytest.raises(ValueError, match='max_length is 0'):
        variable_length_delay(np.ones([1, 5, 1]), np.ones([1, 5]), 0)
