"""What a model remembers of its first calls, the failed ones among them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from test_models_model import Line, line_data

from ddsp.training import checkpoints

ONLY_X = {'x': line_data()['x']}


@keras.saving.register_keras_serializable('test_models_first_call')
class Shifted(Line):
    """Needs a feature beside x."""

    def call(self, features, training=True):
        return {'y': self.dense(features['x']) + features['shift']}


def batch() -> dict[str, np.ndarray]:
    return {**ONLY_X, 'shift': np.ones([8, 1], np.float32)}


def failed() -> Shifted:
    model = Shifted()
    with pytest.raises(KeyError, match='shift'):
        model(ONLY_X)
    return model


def test_a_model_is_saved_with_the_inputs_of_the_call_that_succeeded(tmp_path):
    model = failed()
    expected = model(batch())['y']
    model.save(str(tmp_path / 'model.keras'))
    loaded = keras.models.load_model(str(tmp_path / 'model.keras'))
    np.testing.assert_array_equal(loaded(batch())['y'], expected)


def test_a_failed_call_leaves_a_model_waiting_for_its_weights(tmp_path):
    expected = Shifted()
    expected(batch())
    checkpoints.save(str(tmp_path / 'ckpt-1'), expected)
    model = Shifted()
    with pytest.raises(KeyError, match=r'features=\{\}'):
        model({})
    assert model.restore(str(tmp_path), verbose=False) is None
    np.testing.assert_array_equal(model(batch())['y'], expected(batch())['y'])


def test_a_checkpoint_that_waits_outlives_a_failed_call(tmp_path):
    expected = Shifted()
    expected(batch())
    checkpoints.save(str(tmp_path / 'ckpt-1'), expected)
    model = Shifted()
    model.restore(str(tmp_path), verbose=False)
    with pytest.raises(KeyError, match='shift'):
        model(ONLY_X)
    np.testing.assert_array_equal(model(batch())['y'], expected(batch())['y'])


def test_a_checkpoint_is_found_by_a_path_and_by_a_tilde(tmp_path, monkeypatch):
    expected = Line()
    expected(line_data())
    checkpoints.save(str(tmp_path / 'run' / 'ckpt-1'), expected)
    monkeypatch.setenv('HOME', str(tmp_path))
    for path in (tmp_path / 'run', '~/run', '~/run/ckpt-1'):
        model = Line()
        model(line_data())
        model.restore(path, verbose=False)
        np.testing.assert_array_equal(model.dense.kernel, expected.dense.kernel)
