from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import ddsp
from ddsp.training import checkpoints
from ddsp.training.models import Model


@keras.saving.register_keras_serializable('test_models_model')
class Line(Model):
    """Fits y = a * x + b, with noise on demand."""

    loss_names = ['distance']

    def __init__(self, noisy: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.noisy = noisy
        self.dense = keras.layers.Dense(1)
        self.distance = ddsp.losses.ParamLoss(name='distance', loss_type='L2')

    def call(self, features, training=True):
        y = self.dense(features['x'])
        if self.noisy:
            y += ddsp.core.uniform_noise(tf.shape(y))
        self.update_losses(self.distance, y, features['y'])
        return {'y': y}

    def get_audio_from_outputs(self, outputs):
        return outputs['y'][..., 0]


def line_data(n: int = 8) -> dict[str, np.ndarray]:
    x = np.linspace(-1, 1, n, dtype=np.float32)[:, None]
    return {'x': x, 'y': 2 * x + 1}


def batches(n: int = 4) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(line_data()).batch(8).repeat(n)


def test_without_losses_the_total_is_zero():
    class Nothing(Model):
        def call(self, features, training=False):
            return features

    outputs, losses = Nothing()({'x': np.ones(3)}, return_losses=True)
    assert list(outputs) == ['x']
    assert {name: float(value) for name, value in losses.items()} == {'total_loss': 0}


def test_layers_may_add_losses_of_their_own():
    model = Line()
    model.dense.kernel_regularizer = keras.regularizers.L2(0.5)
    _, losses = model(line_data(), return_losses=True)
    penalty = 0.5 * np.sum(model.dense.kernel.numpy() ** 2)
    np.testing.assert_allclose(losses['layer_losses'], penalty, rtol=1e-6)
    np.testing.assert_allclose(losses['total_loss'], losses['distance'] + penalty)


def test_models_of_the_established_library_hand_over_their_losses():
    class Old(Line):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            # No `ddsp.losses.Loss`: a layer that gives one number.
            self.half = Half(name='half')

        def call(self, features, training=True):
            y = self.dense(features['x'])
            self._update_losses_dict([self.distance, self.half], y, features['y'])
            return {'y': y}

    _, losses = Old()(line_data(), return_losses=True)
    assert list(losses) == ['distance', 'half', 'total_loss']
    np.testing.assert_allclose(losses['half'], losses['distance'] / 2, rtol=1e-6)
    np.testing.assert_allclose(losses['total_loss'], losses['distance'] * 1.5)


class Half(keras.layers.Layer):
    """Half of the mean squared distance."""

    def call(self, prediction, target):
        return tf.reduce_mean((prediction - target) ** 2) / 2


def test_an_abstract_model_says_what_to_define():
    with pytest.raises(NotImplementedError, match='must define call'):
        Model()({'x': np.ones(3)})
    with pytest.raises(NotImplementedError, match='get_audio_from_outputs'):
        Model().get_audio_from_outputs({})


def test_not_a_number_is_passed_on_to_who_watches():
    model = Line()
    model(line_data())
    bad = {**line_data(), 'y': np.full([8, 1], np.nan, np.float32)}
    step = tf.function(lambda x: model(x, return_losses=True)[1])
    assert np.isnan(step(bad)['total_loss'])


def test_noise_is_a_function_of_seed_and_step():
    def losses_of(seed, n_steps, start=0):
        keras.utils.set_random_seed(0)
        model = Line(noisy=True)
        model.noise_seed = seed
        model.compile(optimizer=keras.optimizers.SGD(0.0))
        model(line_data())
        model.optimizer.build(model.trainable_variables)
        model.optimizer.iterations.assign(start)
        step = tf.function(model.train_step)
        batch = {key: tf.constant(value) for key, value in line_data().items()}
        return [float(step(batch)['total_loss']) for _ in range(n_steps)]

    first = losses_of(3, 4)
    assert len(set(first)) == 4
    assert losses_of(3, 4) == first
    assert losses_of(3, 2, start=2) == first[2:]
    assert losses_of(4, 4) != first
    assert losses_of(None, 4) != first


class Unnamed(Line):
    """Whose losses are not known before they come."""

    loss_names = ()


def train_on(devices: int, kind: type[Model], steps: int = 5) -> dict[str, list[float]]:
    """Losses of the steps, their mean, and the weights in the end."""
    strategy = tf.distribute.get_strategy()
    if devices > 1:
        strategy = tf.distribute.MirroredStrategy([f'CPU:{i}' for i in range(devices)])
    with strategy.scope():
        keras.utils.set_random_seed(1)
        model = kind()
        model.compile(optimizer=keras.optimizers.SGD(0.3))
        model({key: value[:1] for key, value in line_data().items()})
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(logs['total_loss'])
    )
    fitted = model.fit(batches(steps), verbose=0, shuffle=False, callbacks=[watch])
    return {
        'losses': [float(loss) for loss in seen],
        'mean': [float(loss) for loss in fitted.history['total_loss']],
        'weights': [float(np.ravel(w)[0]) for w in model.get_weights()],
    }


ON_TWO_DEVICES = """
import json
import tensorflow as tf
cpu = tf.config.list_physical_devices('CPU')[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)
import sys
sys.path[:0] = PATHS
from test_models_model import Line, Unnamed, train_on
print(json.dumps([train_on(2, Line), train_on(2, Unnamed)]))
"""


def test_two_replicas_train_like_one_device():
    paths = [str(pathlib.Path(__file__).parent), *sys.path]
    program = ON_TWO_DEVICES.replace('PATHS', repr(paths))
    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    two = json.loads(done.stdout.splitlines()[-1])
    one = train_on(1, Line)
    assert len(one['losses']) == 5
    assert one['losses'][0] > 2 * one['losses'][-1]
    np.testing.assert_allclose(one['mean'], np.mean(one['losses']), rtol=1e-5)
    for found in two:
        for key, expected in one.items():
            np.testing.assert_allclose(found[key], expected, rtol=1e-5)


@pytest.fixture
def saved(tmp_path):
    model = Line()
    model(line_data())
    model.dense.set_weights([np.array([[2.5]]), np.array([-1.5])])
    checkpoints.save(str(tmp_path / 'ckpt-7'), model)
    return model, tmp_path


def test_restore_of_a_model_that_has_weights(saved, capsys):
    expected, folder = saved
    model = Line()
    model(line_data())
    report = model.restore(str(folder))
    assert report.restored == ('dense/kernel', 'dense/bias')
    assert 'Restored 2 weights' in capsys.readouterr().out
    np.testing.assert_array_equal(model(line_data())['y'], expected(line_data())['y'])


@pytest.mark.parametrize('traced', [False, True])
def test_restore_before_the_first_call_fills_before_it_computes(saved, capsys, traced):
    expected, folder = saved
    model = Line()
    assert model.restore(str(folder / 'ckpt-7'), verbose=False) is None
    run = tf.function(model) if traced else model
    np.testing.assert_allclose(
        run({k: tf.constant(v) for k, v in line_data().items()})['y'],
        expected(line_data())['y'],
    )
    assert capsys.readouterr().out == ''


def test_restore_of_what_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match='there is no checkpoint'):
        Line().restore(str(tmp_path))


def test_restore_says_at_the_first_call_what_does_not_fit(saved):
    class Other(Line):
        def __init__(self):
            super().__init__()
            self.another = keras.layers.Dense(1)

        def call(self, features, training=True):
            return {'y': self.another(self.dense(features['x']))}

    model = Other()
    model.restore(str(saved[1]), verbose=False)
    with pytest.raises(ValueError, match=r'(?s)lacks.*another/bias.*another/kernel'):
        model(line_data())


def test_restore_keys_fill_the_named_parts_only(saved):
    _, folder = saved
    model = Line()
    model(line_data())
    model.restore(str(folder), restore_keys=['dense'])
    np.testing.assert_array_equal(model.dense.bias, [-1.5])
    with pytest.raises(ValueError, match=r"'dens'.*Did you mean 'dense'"):
        model.restore(str(folder), restore_keys=['dens'])


class Noise(Line):
    """Gives the noise that it draws."""

    def call(self, features, training=True):
        return {'y': self.dense(features['x']) + ddsp.core.uniform_noise([8, 1])}


def test_restore_before_the_first_call_leaves_its_noise(saved):
    _, folder = saved
    model = Noise()
    model.restore(str(folder), verbose=False)
    found = []
    for _ in range(2):
        with ddsp.core.reproducible_noise(3):
            found.append(model(line_data())['y'])
    np.testing.assert_array_equal(*found)


def test_a_model_that_was_saved_goes_on_training_where_it_stood(tmp_path):
    path = str(tmp_path / 'line.keras')
    model = Line()
    model.compile(optimizer=keras.optimizers.Adam(0.1))
    model.fit(batches(), verbose=0)
    model.save(path)
    loaded = keras.models.load_model(path)  # A warning would be an error.
    assert int(loaded.optimizer.iterations) == 4
    expected = model.fit(batches(), verbose=0).history
    assert set(expected) == {'distance', 'total_loss'}
    assert loaded.fit(batches(), verbose=0).history == expected


@keras.saving.register_keras_serializable('test_models_model')
class Pair(Line):
    """Takes x from one source and y from another."""

    def call(self, features, training=True):
        first, second = features
        return super().call({'x': first['x'], 'y': second['y']}, training=training)


def pairs(n: int = 4) -> tf.data.Dataset:
    return batches(n).map(lambda x: ({'x': x['x']}, {'y': x['y']}))


def compiled(model: Model) -> Model:
    keras.utils.set_random_seed(0)
    model.compile(optimizer=keras.optimizers.SGD(0.3))
    return model


def test_zipped_features_reach_the_model_whole():
    single, double = compiled(Line()), compiled(Pair())
    for data, model in ((batches(), single), (pairs(), double)):
        keras.utils.set_random_seed(1)
        model.first_epoch = model.fit(data, validation_data=data, verbose=0).history
    assert double.first_epoch == single.first_epoch
    assert double.first_epoch['val_distance'][0] < double.first_epoch['distance'][0]
    assert double.evaluate(pairs(), verbose=0) == single.evaluate(batches(), verbose=0)
    np.testing.assert_array_equal(
        double.predict(pairs(), verbose=0)['y'],
        single.predict(batches(), verbose=0)['y'],
    )


def test_zipped_features_in_a_saved_model_and_a_checkpoint(tmp_path):
    data = line_data()
    pair = ({'x': data['x']}, {'y': data['y']})
    model = Pair()
    expected = model(pair)['y']
    model.save(str(tmp_path / 'pair.keras'))
    loaded = keras.models.load_model(str(tmp_path / 'pair.keras'))
    np.testing.assert_array_equal(loaded(pair)['y'], expected)
    checkpoints.save(str(tmp_path / 'ckpt-1'), model)
    restored = Pair()
    restored.restore(str(tmp_path), verbose=False)
    np.testing.assert_array_equal(restored(pair)['y'], expected)
