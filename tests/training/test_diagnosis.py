from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_training

from ddsp.training import diagnosis


@pytest.fixture
def batch() -> dict:
    return dict(next(iter(tiny_training.TinyProvider().get_batch(2, seed=0))))


@pytest.fixture
def model(batch: dict):
    model = tiny_training.tiny_model()
    model(batch)
    return model


def _spoil(model, key: str, value: float = np.nan) -> None:
    """Lets the decoder give something that is not finite."""
    decode = model.decoder.call

    def call(*inputs, **kwargs):
        outputs = dict(decode(*inputs, **kwargs))
        outputs[key] = tf.concat([outputs[key][:1], outputs[key][1:] + value], 0)
        return outputs

    model.decoder.call = call


def test_nothing_is_named_when_all_is_well(model, batch: dict):
    assert diagnosis.first_not_finite(model, batch, seed=0) is None


def test_a_feature_is_named(model, batch: dict):
    batch['loudness_db'] = tf.fill([2, tiny_training.FRAMES], np.inf)
    found = diagnosis.first_not_finite(model, batch)
    assert found == "the feature 'loudness_db' (100 % of it)"


def test_a_weight_is_named(model, batch: dict):
    weight = model.trainable_weights[0]
    weight.assign(weight * np.nan)
    found = diagnosis.first_not_finite(model, batch)
    assert found == f"the weight '{weight.path}' (100 % of it)"


@pytest.mark.parametrize(
    ('key', 'value'), [('harmonic_distribution', np.nan), ('noise_magnitudes', np.inf)]
)
def test_the_output_that_was_made_first_is_named(
    model, batch: dict, key: str, value: float
):
    _spoil(model, key, value)
    found = diagnosis.first_not_finite(model, batch)
    assert found == f"the output '{key}' (50 % of it)"


def test_a_loss_is_named(model, batch: dict):
    model.loss_objs[0].call = lambda target, audio: tf.reduce_sum(audio) * np.nan
    found = diagnosis.first_not_finite(model, batch)
    assert found == "the loss 'spectral_loss' (100 % of it)"


def test_a_gradient_is_named(model, batch: dict):
    group = model.processor_group
    play = group.get_signal
    # The root of zero has a value, and no slope. A compiler would see a constant zero.
    zero = tf.Variable(0.0, trainable=False)
    group.get_signal = lambda outputs: play(outputs) + tf.sqrt(zero * play(outputs))
    found = diagnosis.first_not_finite(model, batch)
    assert found.startswith("the gradient of '")


class Counting(keras.layers.Layer):
    """Counts the steps of training."""

    def __init__(self):
        super().__init__()
        self.steps = self.add_weight((), 'zeros', trainable=False, name='steps')

    def call(self, x, training=False):
        if training:
            self.steps.assign_add(1.0)
        return x


def test_weights_that_the_forward_pass_writes_stay(batch: dict):
    model = tiny_training.tiny_model()
    counting = model.decoder.counting = Counting()
    decode = model.decoder.call
    model.decoder.call = lambda *inputs, **kwargs: {
        key: counting(x) for key, x in decode(*inputs, **kwargs).items()
    }
    model(batch, training=True)
    before = [weight.numpy() for weight in model.weights]
    assert counting.steps.numpy() > 0.0
    diagnosis.first_not_finite(model, batch, seed=0)
    for weight, old in zip(model.weights, before):
        np.testing.assert_array_equal(weight.numpy(), old)
