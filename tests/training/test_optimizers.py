from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_training

from ddsp.training import optimizers

# First moments and norm after one step, of gradients that two replicas share.
_STEP = """
import json
import numpy as np, keras, tensorflow as tf
from ddsp.training import optimizers

def train(devices):
    strategy = tf.distribute.MirroredStrategy(devices)
    replicas = strategy.num_replicas_in_sync
    parts = tf.constant([[3.0, -1.0], [1.0, 5.0]])
    with strategy.scope():
        weight = keras.Variable([1.0, 2.0])
        optimizer = optimizers.ClippedAdam(0.1, clip_norm=1.0)
        optimizer.build([weight])

    @tf.function
    def step():
        def replica():
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            grad = parts[number] if replicas == 2 else tf.reduce_sum(parts, 0)
            optimizer.apply_gradients([(grad, weight)])
        strategy.run(replica)

    step()
    moments = [v for v in optimizer.variables if v.path.endswith('momentum')]
    return {
        'norm': float(optimizer.gradient_norm), 'weight': weight.numpy().tolist(),
        'moment': moments[0].numpy().tolist(), 'replicas': replicas,
    }

print(json.dumps([train(['CPU:0']), train(['CPU:0', 'CPU:1'])]))
"""


def _step(clip_norm: float | None, *grads: np.ndarray) -> tuple:
    weights = [keras.Variable(np.zeros_like(grad)) for grad in grads]
    optimizer = optimizers.ClippedAdam(0.1, clip_norm=clip_norm)
    optimizer.apply_gradients(
        [(tf.constant(grad), weight) for grad, weight in zip(grads, weights)]
    )
    moments = [v for v in optimizer.variables if v.path.endswith('momentum')]
    return optimizer, weights, moments


@pytest.mark.parametrize('size', [0.5, 40.0])
def test_gradients_are_clipped_by_their_global_norm(size: float):
    grads = np.float32([3.0, 4.0]) * size, np.float32([[12.0]]) * size
    norm = 13.0 * size
    optimizer, _, moments = _step(10.0, *grads)
    assert float(optimizer.gradient_norm) == pytest.approx(norm)
    for grad, moment in zip(grads, moments):
        # Adam keeps a tenth of the first gradient.
        assert np.allclose(moment, 0.1 * grad * min(1.0, 10.0 / norm), rtol=1e-5)


def test_none_is_clipped_without_a_norm():
    _, _, moments = _step(None, np.float32([300.0]))
    assert np.allclose(moments[0], [30.0])


def _trained(optimizer: keras.optimizers.Optimizer, jit: bool | None) -> list:
    """Weights and moments after a few steps; eagerly for None."""
    weights = [keras.Variable(np.ones(shape, np.float32)) for shape in ([3], [2, 5])]
    optimizer.build(weights)
    step = optimizer.apply
    if jit is not None:
        step = tf.function(step, jit_compile=jit, autograph=False)
    rng = np.random.default_rng(0)
    for _ in range(5):
        step([tf.constant(rng.normal(size=x.shape), tf.float32) for x in weights])
    return [np.array(x) for x in (*weights, *optimizer.variables)]


@pytest.mark.parametrize('jit', [None, False, True])
@pytest.mark.parametrize(
    'settings', [{}, {'amsgrad': True}, {'weight_decay': 0.1, 'beta_1': 0.5}]
)
def test_it_is_keras_adam_when_nothing_is_clipped(jit: bool | None, settings: dict):
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    found = _trained(optimizers.ClippedAdam(rate, 100.0, **settings), jit)
    expected = _trained(keras.optimizers.Adam(rate, **settings), None)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected):
        # 1 - 0.999 is 1.3e-5 less in float32, in which the kernel has it.
        np.testing.assert_allclose(ours, theirs, rtol=2e-5)


@pytest.mark.parametrize('dtype', ['float64', 'float16'])
def test_weights_of_other_precisions_are_moved(dtype: str):
    weight = keras.Variable(np.zeros(2), dtype=dtype)
    optimizer = optimizers.ClippedAdam(0.125)
    optimizer.apply_gradients([(tf.constant([1.0, -0.5]), weight)])
    # The first step of Adam goes by the learning rate, whatever the gradient.
    np.testing.assert_allclose(np.float32(weight), [-0.125, 0.125], rtol=2e-2)


def test_two_replicas_clip_the_sum_of_their_gradients():
    one, two = tiny_training.run_python(_STEP, devices=2)
    assert (one['replicas'], two['replicas']) == (1, 2)
    norm = np.hypot(4.0, 4.0)
    for result in (one, two):
        assert result['norm'] == pytest.approx(norm, rel=1e-5)
        assert np.allclose(result['moment'], 0.1 * np.array([4.0, 4.0]) / norm)
    assert np.allclose(one['weight'], two['weight'], rtol=1e-6)


@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_gradients_that_are_not_finite_leave_the_weights_alone(bad: float):
    optimizer, weights, moments = _step(1.0, np.float32([bad, 1.0]), np.float32([2.0]))
    assert not np.isfinite(float(optimizer.gradient_norm))
    for variable in [*weights, *moments]:
        assert np.array_equal(variable, np.zeros_like(variable))
    assert int(optimizer.iterations) == 1


def test_sparse_gradients_are_clipped_too():
    table = keras.Variable(np.zeros([4, 2]))
    optimizer = optimizers.ClippedAdam(0.1, clip_norm=5.0)
    grad = tf.IndexedSlices(tf.constant([[6.0, 8.0]]), tf.constant([2]), [4, 2])
    optimizer.apply_gradients([(grad, table)])
    assert float(optimizer.gradient_norm) == pytest.approx(10.0)
    moment = next(v for v in optimizer.variables if v.path.endswith('momentum'))
    assert np.allclose(moment[2], [0.3, 0.4])


def test_a_scaled_loss_is_clipped_by_the_norm_of_the_gradient_itself():
    weight = keras.Variable(np.zeros(2, np.float32))
    optimizer = optimizers.ClippedAdam(0.1, clip_norm=5.0, loss_scale_factor=1024.0)
    loss_gradient = tf.constant([6.0, 8.0])
    optimizer.apply_gradients([(optimizer.scale_loss(loss_gradient), weight)])
    assert float(optimizer.gradient_norm) == pytest.approx(10.0)
    moment = next(v for v in optimizer.variables if v.path.endswith('momentum'))
    assert np.allclose(moment, [0.3, 0.4])


@pytest.mark.parametrize('jit', [False, True])
def test_rows_that_a_gradient_has_twice_are_summed(jit: bool):
    table, plain = (keras.Variable(np.zeros([4, 2], np.float32)) for _ in range(2))
    optimizer = optimizers.ClippedAdam(0.1, clip_norm=5.0, loss_scale_factor=2.0)
    reference = optimizers.ClippedAdam(0.1, clip_norm=5.0)
    optimizer.build([table])
    ids = tf.constant([2, 0, 2])

    @tf.function(jit_compile=jit)
    def step() -> None:
        with tf.GradientTape() as tape:
            rows = tf.gather(tf.convert_to_tensor(table), ids)
            loss = optimizer.scale_loss(10.0 * tf.reduce_sum(rows))
        optimizer.apply_gradients([(tape.gradient(loss, table.value), table)])

    dense = np.float32([[10.0, 10.0], [0.0, 0.0], [20.0, 20.0], [0.0, 0.0]])
    step()
    reference.apply_gradients([(tf.constant(dense), plain)])
    assert float(optimizer.gradient_norm) == pytest.approx(np.linalg.norm(dense))
    for found, expected in zip(optimizer.variables, reference.variables):
        assert np.allclose(found, expected)
    assert np.allclose(table, plain)


def test_its_configuration_makes_it_again():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    optimizer = optimizers.ClippedAdam(schedule, clip_norm=2.0)
    clone = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(optimizer)
    )
    assert type(clone) is optimizers.ClippedAdam
    assert clone.get_config() == optimizer.get_config()


def test_a_norm_of_nothing_is_refused():
    with pytest.raises(ValueError, match='clip_norm is 0'):
        optimizers.ClippedAdam(0.1, clip_norm=0)
