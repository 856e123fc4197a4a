"""Graphs are tracked, cloned and saved with the modules that they share."""

from __future__ import annotations

import json
import pathlib

import gin
import h5py
import keras
import numpy as np
import tensorflow as tf
from dag_parts import x

import ddsp
from ddsp.dags import DAGLayer
from ddsp.processors import Crop, ProcessorGroup


def test_keyword_modules_are_tracked_by_keras_and_by_checkpoints(
    tmp_path: pathlib.Path,
) -> None:
    def make() -> DAGLayer:
        return DAGLayer(
            [('first', ['x']), (keras.layers.Dense(3, name='second'), ['first'])],
            first=keras.layers.Dense(5),
        )

    layer = make()
    expected = layer({'x': x})['out']
    assert isinstance(layer.first, keras.layers.Dense)
    assert layer.modules == [layer.first, layer.second]
    assert len(layer.trainable_weights) == 4
    tf.train.Checkpoint(layer=layer).write(str(tmp_path / 'checkpoint'))
    other = make()
    other({'x': x})
    status = tf.train.Checkpoint(layer=other).read(str(tmp_path / 'checkpoint'))
    status.assert_existing_objects_matched()
    np.testing.assert_array_equal(other({'x': x})['out'], expected)


def test_a_function_may_be_a_module() -> None:
    layer = DAGLayer([('root', ['x']), (ddsp.core.midi_to_hz, ['root'])], root=tf.sqrt)
    results = layer({'x': x})
    np.testing.assert_allclose(results['root'], np.sqrt(x), rtol=1e-6)
    clone = DAGLayer.from_config(json.loads(json.dumps(layer.get_config())))
    np.testing.assert_array_equal(clone({'x': x})['out'], results['out'])


def shared() -> keras.Model:
    reverb = ddsp.effects.TrainableReverb(reverb_length=8, name='reverb')
    inputs = {'x': keras.Input((16,), name='x')}
    dry = ProcessorGroup(dag=[('room', ['x'])], room=reverb, name='dry')
    wet = ProcessorGroup(
        dag=[(reverb, ['x']), (Crop(1), ['reverb/signal'])], name='wet'
    )
    return keras.Model(inputs, [dry(inputs), wet(inputs)])


def test_shared_modules_stay_shared(tmp_path: pathlib.Path) -> None:
    model = shared()
    assert len(model.weights) == 1
    model.save(tmp_path / 'model.keras')
    loaded = keras.saving.load_model(tmp_path / 'model.keras')
    assert len(loaded.weights) == 1
    assert loaded.get_layer('dry').room is loaded.get_layer('wet').reverb
    given = {'x': np.ones((1, 16))}
    for ours, theirs in zip(loaded(given), model(given)):
        np.testing.assert_array_equal(ours, theirs)


@keras.saving.register_keras_serializable('tests')
class Player(keras.Model):
    """A subclassed model around a graph."""

    def __init__(self, group: DAGLayer | None = None, **kwargs):
        super().__init__(**kwargs)
        self.group = group or DAGLayer(
            [(keras.layers.Dense(4, name='dense'), ['x']), (Crop(1), ['dense'])],
            name='group',
        )

    def call(self, features):
        return self.group(features)['out']['signal']

    def get_config(self):
        group = keras.saving.serialize_keras_object(self.group)
        return {**super().get_config(), 'group': group}

    @classmethod
    def from_config(cls, config):
        group = keras.saving.deserialize_keras_object(config.pop('group'))
        return cls(group, **config)


def test_weights_are_stored_under_the_names_of_modules(tmp_path: pathlib.Path) -> None:
    dag = [('zoom', ['x']), (keras.layers.Dense(2, name='dense'), ['zoom'])]
    group = ProcessorGroup(dag=dag, zoom=keras.layers.Dense(2))
    inputs = {'x': keras.Input((4,), name='x')}
    keras.Model(inputs, group(inputs)).save_weights(tmp_path / 'a.weights.h5')
    with h5py.File(tmp_path / 'a.weights.h5') as file:
        names = set(file['layers/processor_group'])
    assert names == {'zoom', 'dense', 'vars'}


def test_a_subclassed_model_trains_and_is_saved(tmp_path: pathlib.Path) -> None:
    model = Player()
    model.compile('sgd', 'mse')
    model.fit({'x': x}, np.zeros((2, 3)), verbose=0)
    assert len(model.trainable_weights) == 2
    model.save(tmp_path / 'model.keras')
    loaded = keras.saving.load_model(tmp_path / 'model.keras')
    np.testing.assert_array_equal(loaded({'x': x}), model({'x': x}))


def test_a_clone_is_its_own() -> None:
    layer = DAGLayer([(keras.layers.Dense(2, name='dense'), ['x'])])
    layer({'x': x})
    clone = DAGLayer.from_config(layer.get_config())
    clone({'x': x})
    clone.set_weights(layer.get_weights())
    np.testing.assert_array_equal(clone({'x': x})['out'], layer({'x': x})['out'])
    clone.set_weights([0.0 * weight for weight in clone.get_weights()])
    assert np.abs(layer({'x': x})['out']).max() > 0.0


def test_gin_makes_layers_that_are_saved() -> None:
    with gin.unlock_config():
        gin.parse_config("""
            DAGLayer.dag = [(@processors.Crop(), ['x'])]
            Crop.frame_size = 1
        """)
    layer = gin.get_configurable('ddsp.dags.DAGLayer')()
    assert type(layer) is DAGLayer
    clone = DAGLayer.from_config(json.loads(json.dumps(layer.get_config())))
    assert clone.crop.frame_size == 1
