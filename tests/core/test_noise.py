from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tiny_training

from ddsp import core

# The noise of two draws as one device and as two replicas have it, and a shared one.
_REPLICAS = """
import json
import tensorflow as tf
from ddsp import core

def draw(devices):
    strategy = tf.distribute.MirroredStrategy(devices)
    replicas = strategy.num_replicas_in_sync
    step = tf.Variable(5, dtype=tf.int64)

    @tf.function
    def step_of_all():
        def replica():
            with core.reproducible_noise(step):
                first = core.uniform_noise([4 // replicas, 8])
                room = core.uniform_noise([1, 8], shared=True)
                second = core.uniform_noise([4 // replicas, 8])
            return first, room, second
        return strategy.run(replica)

    def rows(value):
        local = strategy.experimental_local_results(value)
        return tf.concat(local, axis=0).numpy().tolist()

    return {'replicas': replicas, 'noise': [rows(x) for x in step_of_all()]}

print(json.dumps([draw(['CPU:0']), draw(['CPU:0', 'CPU:1'])]))
"""


def _draw(seed: int, shape: list[int], draws: int = 1, **kwargs: bool) -> np.ndarray:
    with core.reproducible_noise(seed):
        return np.stack([core.uniform_noise(shape, **kwargs) for _ in range(draws)])


def test_noise_is_uniform_in_its_range():
    noise = _draw(3, [100, 1000])
    assert noise.dtype == np.float32
    assert noise.min() >= -1.0
    assert noise.max() < 1.0
    assert abs(noise.mean()) < 0.01
    # The variance of a uniform distribution of width 2.
    assert noise.var() == pytest.approx(4 / 12, rel=0.01)
    # White: no sample knows its neighbour.
    assert abs(np.mean(noise[..., 1:] * noise[..., :-1])) < 0.01


def test_without_a_seed_every_draw_is_new():
    assert not np.array_equal(core.uniform_noise([8]), core.uniform_noise([8]))


@pytest.mark.parametrize('jit_compile', [False, True])
def test_a_seed_plays_the_same_in_graphs(jit_compile: bool):
    # Of a size that is not known, so that nothing is computed ahead.
    @tf.function(
        jit_compile=jit_compile, input_signature=[tf.TensorSpec([None], tf.float32)]
    )
    def draw(like: tf.Tensor) -> tf.Tensor:
        return core.uniform_noise(tf.shape(like), seed=3)

    assert np.array_equal(draw(tf.zeros([9])), core.uniform_noise([9], seed=3))


def test_a_seed_of_its_own_wins():
    inside = [core.uniform_noise([8], seed=1)]
    with core.reproducible_noise(7):
        inside.append(core.uniform_noise([8], seed=1))
    assert np.array_equal(*inside)


def test_the_same_step_plays_the_same_noise():
    assert np.array_equal(_draw(7, [2, 50]), _draw(7, [2, 50]))


def test_steps_and_draws_differ():
    first, second = _draw(7, [2, 50], draws=2)
    other = _draw(8, [2, 50])[0]
    for one, another in ((first, second), (first, other), (second, other)):
        assert not np.isin(one, another).any()


def test_the_noise_ends_with_its_context():
    with core.reproducible_noise(7):
        pass
    assert not np.array_equal(core.uniform_noise([8]), core.uniform_noise([8]))


def test_contexts_nest():
    with core.reproducible_noise(7):
        with core.reproducible_noise(8):
            inner = core.uniform_noise([8])
        outer = core.uniform_noise([8])
    assert np.array_equal(inner, _draw(8, [8])[0])
    assert np.array_equal(outer, _draw(7, [8])[0])


@pytest.mark.parametrize('jit_compile', [False, True])
def test_graphs_play_what_eager_code_plays(jit_compile: bool):
    @tf.function(jit_compile=jit_compile)
    def draw(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with core.reproducible_noise(step):
            return core.uniform_noise([3, 7]), core.uniform_noise([3, 7])

    for step in (0, 1, 2**40):
        compiled = np.stack(draw(tf.constant(step, tf.int64)))
        assert np.array_equal(compiled, _draw(step, [3, 7], draws=2))
    assert draw.experimental_get_tracing_count() == 1


def test_a_size_may_be_known_only_when_it_runs():
    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32)])
    def draw(like: tf.Tensor) -> tf.Tensor:
        with core.reproducible_noise(7):
            return core.uniform_noise(tf.shape(like))

    assert np.array_equal(draw(tf.zeros([3, 5])), _draw(7, [3, 5])[0])


def test_replicas_play_the_rows_of_the_whole_batch():
    one, two = tiny_training.run_python(_REPLICAS, devices=2)
    assert (one['replicas'], two['replicas']) == (1, 2)
    for batch, of_replicas in zip(one['noise'][::2], two['noise'][::2]):
        assert batch == of_replicas
    # What is shared is the same for all.
    assert two['noise'][1] == 2 * one['noise'][1]
