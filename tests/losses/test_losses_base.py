from __future__ import annotations

import gin
import numpy as np
import pytest
import tensorflow as tf

import ddsp
from ddsp import losses


def pair(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape), rng.normal(size=shape)


def test_mean_difference_of_each_type():
    target, value = pair(3, 5, 4)
    np.testing.assert_allclose(
        losses.mean_difference(target, value), np.abs(target - value).mean(), rtol=1e-6
    )
    np.testing.assert_allclose(
        losses.mean_difference(target, value, 'l2'),
        np.square(target - value).mean(),
        rtol=1e-6,
    )
    norms = np.linalg.norm(target, axis=-1) * np.linalg.norm(value, axis=-1)
    cosine = (target * value).sum(-1) / norms
    np.testing.assert_allclose(
        losses.mean_difference(target, value, 'COSINE'), (1 - cosine).mean(), rtol=1e-5
    )


@pytest.mark.parametrize(
    'shape', [(), (4,), (5, 1), (5, 4), (3, 1, 1), (3, 5, 4), (3,), (3, 5)]
)
def test_weights_broadcast_or_follow_the_first_axes(shape):
    target, value = pair(3, 5, 4)
    weights = np.random.default_rng(1).uniform(size=shape)
    full = weights
    if shape in ((3,), (3, 5)):
        full = weights.reshape(shape + (1,) * (3 - len(shape)))
    want = (full * np.abs(target - value)).mean()
    got = losses.mean_difference(target, value, weights=weights)
    np.testing.assert_allclose(got, want, rtol=1e-6)


def test_weights_of_frames_weigh_channels_when_sizes_are_unknown():
    target, value = pair(3, 5, 1)
    weights = np.random.default_rng(1).uniform(size=(3, 5))
    spec = tf.TensorSpec([None, None, 1], tf.float32)
    weighted = tf.function(
        lambda a, b, w: losses.mean_difference(a, b, weights=w),
        input_signature=[spec, spec, tf.TensorSpec([None, None], tf.float32)],
    )
    got = weighted(*(tf.constant(x, tf.float32) for x in (target, value, weights)))
    want = (weights[..., None] * np.abs(target - value)).mean()
    np.testing.assert_allclose(got, want, rtol=1e-6)


def test_mean_difference_explains_what_it_cannot_do():
    target, value = pair(3, 5, 4)
    with pytest.raises(ValueError, match="'L3', expected 'L1', 'L2' or 'COSINE'"):
        losses.mean_difference(target, value, 'L3')
    with pytest.raises(ValueError, match=r'target has shape \[3, 5\]'):
        losses.mean_difference(target[..., 0], value)
    with pytest.raises(ValueError, match='axis 1 sizes differ: target 4, value 5'):
        losses.mean_difference(target[:, :4], value)
    with pytest.raises(ValueError, match='is empty'):
        losses.mean_difference(target[:0], value[:0])
    with pytest.raises(ValueError, match=r'weights of shape \[2, 5\] do not fit'):
        losses.mean_difference(target, value, weights=np.ones([2, 5]))


@pytest.mark.parametrize('loss_type', ['L1', 'L2', 'COSINE'])
def test_gradients_are_finite_where_nothing_is(loss_type):
    value = tf.zeros([2, 3, 4])
    with tf.GradientTape() as tape:
        tape.watch(value)
        loss = losses.mean_difference(tf.zeros([2, 3, 4]), value, loss_type)
    assert np.isfinite(tape.gradient(loss, value)).all()


class Quietness(losses.Loss):
    def call(self, audio, weights=None):
        squares = audio**2 if weights is None else weights * audio**2
        return tf.reduce_mean(squares)


def test_a_loss_takes_arrays_numbers_and_nothing():
    loss = Quietness(name='quietness')
    assert float(loss([[1.0, 3.0]])) == 5.0
    assert float(loss(np.array([[1.0, 3.0]]), None)) == 5.0
    assert float(loss(np.array([[1.0, 3.0]]), 2)) == 10.0
    assert float(loss(audio=tf.Variable([[1.0, 3.0]]), weights=None)) == 5.0
    assert list(loss.get_losses_dict([[1.0]])) == ['quietness']


def test_a_loss_names_a_missing_input():
    with pytest.raises(TypeError, match="quietness: missing a required argument: 'au"):
        Quietness(name='quietness')()


def test_a_loss_stays_in_float32_under_mixed_precision():
    import keras

    keras.mixed_precision.set_dtype_policy('mixed_float16')
    # 70000 is infinite in float16.
    loss = Quietness(name='quietness')(tf.constant([[70000.0, 0.0]]))
    assert loss.dtype == tf.float32
    np.testing.assert_allclose(loss, 70000.0**2 / 2, rtol=1e-6)


def test_group_gives_a_flat_dictionary_of_its_losses():
    group = losses.LossGroup(
        [
            (losses.ParamLoss(weight=3.0, name='f0'), ['synth/f0_hz', 'f0_hz']),
            ('by_name', ['audio', 'synth/audio']),
        ],
        by_name=losses.SpectralLoss(fft_sizes=(64,), name='inner_name'),
    )
    audio, synth = (np.float32(x) for x in pair(2, 400))
    outputs = {
        'audio': audio,
        'f0_hz': np.full([2, 5, 1], 440.0),
        'synth': {'audio': synth, 'f0_hz': np.full([2, 5, 1], 441.0)},
    }
    got = group(outputs)
    assert len(got) == 2
    assert float(got['f0']) == 3.0
    want = losses.SpectralLoss(fft_sizes=(64,))(audio, synth)
    (spectral,) = (value for name, value in got.items() if name != 'f0')
    np.testing.assert_allclose(spectral, want)
    assert [type(x).__name__ for x in group.losses] == ['ParamLoss', 'SpectralLoss']
    assert set(group.get_losses_dict(outputs)) == set(got)


def test_a_model_with_a_group_keeps_its_penalties():
    import keras

    group = losses.LossGroup([(losses.ParamLoss(name='x'), ['pred', 'target'])])

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1, kernel_regularizer='l2')
            self.group = group

        def call(self, x):
            return self.group({'pred': self.dense(x), 'target': x})['x']

    model = Model()
    model(np.ones([2, 1], np.float32))
    assert len(model.losses) == 1
    assert np.isfinite(float(model.losses[0]))


def test_gin_finds_losses_by_their_module():
    assert issubclass(losses.SpectralLoss, ddsp.losses.Loss)

    @gin.configurable
    def holder(loss=None):
        return loss

    gin.parse_config(
        """
        holder.loss = @losses.SpectralLoss()
        SpectralLoss.loss_type = 'L2'
        losses.SpectralLoss.logmag_weight = 0.5
        """
    )
    loss = holder()
    assert isinstance(loss, losses.SpectralLoss)
    assert (loss.loss_type, loss.logmag_weight) == ('L2', 0.5)


@pytest.mark.parametrize('name', sorted(losses.__all__))
def test_every_offered_name_is_there(name):
    assert getattr(losses, name).__doc__


def test_losses_of_one_name_are_told_apart_by_their_nodes():
    group = losses.LossGroup(
        [('x', ['a', 'b']), ('y', ['a', 'c'])],
        x=losses.ParamLoss(name='same'),
        y=losses.ParamLoss(name='same', weight=2.0),
    )
    one, zero = np.ones([1, 3], np.float32), np.zeros([1, 3], np.float32)
    found = group({'a': one, 'b': zero, 'c': zero})
    assert {name: float(x) for name, x in found.items()} == {'x': 1.0, 'y': 2.0}
