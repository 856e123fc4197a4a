"""What `fit` and `evaluate` report is the mean over batches, whatever losses come."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from ddsp.training.models import Model


class Square(keras.layers.Layer):
    """The mean square of what it is given."""

    def call(self, x):
        return tf.reduce_mean(x**2)


class Plain(Model):
    """Does not tell the names of its losses; a second one comes in training only."""

    def __init__(self, in_training: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.in_training = in_training
        # Kept at 1, so that the losses are known.
        self.scale = keras.layers.Dense(
            1, use_bias=False, kernel_initializer='ones', trainable=False
        )
        self.bias = keras.layers.Dense(1, kernel_initializer='zeros')
        self.square, self.half = Square(name='sq'), Square(name='half')

    def call(self, features, training=False):
        y = self.scale(features['x']) + 0.0 * self.bias(features['x'])
        self.update_losses(self.square, y)
        if training and self.in_training:
            self.update_losses(self.half, y * 0.5**0.5)
        return {'y': y}


BATCHES = tf.data.Dataset.from_tensor_slices({'x': [[1.0], [2.0], [3.0]]}).batch(1)
# Of the losses 1, 4 and 9.
MEAN = 14 / 3


def compiled(model: Model | None = None, **kwargs) -> Model:
    model = model or Plain()
    model.compile(optimizer='sgd', **kwargs)
    return model


def test_evaluate_gives_means_of_losses_that_have_no_name_beforehand():
    found = compiled().evaluate(BATCHES, verbose=0, return_dict=True)
    assert found == {'sq': pytest.approx(MEAN), 'total_loss': pytest.approx(MEAN)}


@pytest.mark.parametrize(
    'options', [{}, {'steps_per_execution': 3}, {'jit_compile': True}]
)
def test_the_history_of_fit_has_means_of_each_epoch_alone(options):
    twice = BATCHES.map(lambda batch: {'x': 2.0 * batch['x']})
    fitted = compiled(**options).fit(
        BATCHES, validation_data=twice, epochs=2, verbose=0
    )
    assert {name: np.round(x, 4).tolist() for name, x in fitted.history.items()} == {
        'sq': [4.6667] * 2,
        'total_loss': [4.6667] * 2,
        'val_sq': [18.6667] * 2,
        'val_total_loss': [18.6667] * 2,
    }


def test_what_layers_add_is_averaged_too():
    class Regularised(Plain):
        def __init__(self):
            super().__init__()
            self.bias.activity_regularizer = lambda x: tf.reduce_sum(0.0 * x) + 2.0

    found = compiled(Regularised()).evaluate(BATCHES, verbose=0, return_dict=True)
    assert set(found) == {'sq', 'layer_losses', 'total_loss'}
    assert found['sq'] == pytest.approx(MEAN)
    assert found['total_loss'] == pytest.approx(MEAN + 2.0)


def test_losses_of_training_alone_do_not_hinder_those_of_validation():
    fitted = compiled(Plain(in_training=True)).fit(
        BATCHES, validation_data=BATCHES, epochs=2, verbose=0
    )
    assert set(fitted.history) == {
        'sq',
        'half',
        'total_loss',
        'val_sq',
        'val_total_loss',
    }
    for name in ('sq', 'val_sq', 'val_total_loss'):
        assert fitted.history[name] == pytest.approx([MEAN, MEAN])
    assert fitted.history['half'] == pytest.approx([MEAN / 2, MEAN / 2])
