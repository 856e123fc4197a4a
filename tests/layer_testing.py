"""What every layer of the library must do, in one place for processors and losses."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf


@dataclasses.dataclass
class Case:
    """A layer, and what to expect of it.

    Parameters
    ----------
    make_layer : gives a new layer at each call, of the same noise if it makes any.
    inputs : arguments of the call by name; axes 0 and 1 are tried with unknown size.
    shape : shape of the signal or loss; None for any.
    gradients : inputs through which gradients must come.
    snr_db : how alike eager, compiled, saved and mixed-precision outputs must be.
    silent : inputs for a silent or empty sound, zeros by default.
    takes_dictionary : whether the layer takes its inputs in one dictionary.
    """

    make_layer: Callable[[], keras.layers.Layer]
    inputs: Mapping[str, np.ndarray]
    shape: Sequence[int] | None = None
    gradients: Sequence[str] = ()
    snr_db: float = 60.0
    silent: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    takes_dictionary: bool = False

    def __post_init__(self) -> None:
        self.inputs = {
            key: np.asarray(value, np.float32) for key, value in self.inputs.items()
        }

    def call(self, layer: Any, inputs: Mapping[str, Any], **kwargs: Any) -> Any:
        if self.takes_dictionary:
            return layer(dict(inputs), **kwargs)
        return layer(**inputs, **kwargs)


def run_layer_test(
    make_layer: Callable[[], keras.layers.Layer],
    inputs: Mapping[str, np.ndarray],
    tmp_path: pathlib.Path,
    **expected: Any,
) -> None:
    """Runs all checks on a layer; further keywords are those of `Case`."""
    case = Case(make_layer, inputs, **expected)
    for check in CHECKS.values():
        check(case, tmp_path)


def check_eager(case: Case, _: pathlib.Path) -> None:
    """Gives finite float32 of the right shape, from float64 and lists as well."""
    layer = case.make_layer()
    output = case.call(layer, case.inputs)
    for leaf in tf.nest.flatten(output):
        assert leaf.dtype == tf.float32
        assert np.isfinite(leaf).all()
    if case.shape is not None:
        assert tuple(output.shape) == tuple(case.shape)
    doubles = {key: value.astype(np.float64) for key, value in case.inputs.items()}
    assert_alike(case.call(layer, doubles), output, case.snr_db)
    lists = {key: value.tolist() for key, value in case.inputs.items()}
    assert_alike(case.call(layer, lists), output, case.snr_db)


def check_function(case: Case, _: pathlib.Path) -> None:
    """Gives the same in a `tf.function` that knows neither batch nor time."""
    _compare_compiled(case, jit_compile=False)


def check_jit(case: Case, _: pathlib.Path) -> None:
    """Gives the same when XLA compiles it."""
    _compare_compiled(case, jit_compile=True)


def _compare_compiled(case: Case, jit_compile: bool) -> None:
    layer = case.make_layer()
    expected = case.call(layer, case.inputs)
    function = tf.function(
        lambda inputs: case.call(layer, inputs),
        input_signature=[unknown_sizes(case.inputs)],
        jit_compile=jit_compile,
    )
    inputs = {key: tf.constant(value) for key, value in case.inputs.items()}
    assert_alike(function(inputs), expected, case.snr_db)


def unknown_sizes(inputs: Mapping[str, np.ndarray]) -> dict[str, tf.TensorSpec]:
    return {
        key: tf.TensorSpec(
            [None, None][: value.ndim] + list(value.shape[2:]), tf.float32
        )
        for key, value in inputs.items()
    }


def check_config(case: Case, _: pathlib.Path) -> None:
    """Its configuration, written as JSON and read, makes the same layer again."""
    layer = case.make_layer()
    expected = case.call(layer, case.inputs)
    config = json.loads(json.dumps(layer.get_config()))
    clone = type(layer).from_config(config)
    assert type(clone) is type(layer)
    assert clone.name == layer.name
    case.call(clone, case.inputs)
    clone.set_weights(layer.get_weights())
    assert_alike(case.call(clone, case.inputs), expected, case.snr_db)
    again = json.loads(json.dumps(clone.get_config()))
    assert without_identities(again) == without_identities(config)


def without_identities(config: Any) -> Any:
    """Drops the numbers by which Keras knows shared layers."""
    if isinstance(config, list):
        return [without_identities(item) for item in config]
    if not isinstance(config, dict):
        return config
    return {
        key: without_identities(value)
        for key, value in config.items()
        if key != 'shared_object_id'
    }


def check_save(case: Case, tmp_path: pathlib.Path) -> None:
    """A model with it is saved as `.keras` and loads without further knowledge."""
    model = as_model(case, case.make_layer())
    expected = model(dict(case.inputs))
    path = tmp_path / 'model.keras'
    model.save(path)
    loaded = keras.saving.load_model(path)
    assert_alike(loaded(dict(case.inputs)), expected, case.snr_db)


def as_model(case: Case, layer: keras.layers.Layer) -> keras.Model:
    """A functional model that knows neither batch nor time."""
    inputs = {
        key: keras.Input([None][: value.ndim - 1] + list(value.shape[2:]), name=key)
        for key, value in case.inputs.items()
    }
    return keras.Model(inputs, case.call(layer, inputs))


def check_mixed_precision(case: Case, _: pathlib.Path) -> None:
    """A mixed policy leaves it float32, and exact."""
    layer = case.make_layer()
    expected = case.call(layer, case.inputs)
    for policy in ('mixed_float16', 'mixed_bfloat16'):
        with dtype_policy(policy):
            mixed = case.make_layer()
            case.call(mixed, case.inputs)
            mixed.set_weights(layer.get_weights())
            output = case.call(mixed, case.inputs)
        assert all(leaf.dtype == tf.float32 for leaf in tf.nest.flatten(output))
        assert_alike(output, expected, case.snr_db)


@contextmanager
def dtype_policy(policy: str) -> Iterator[None]:
    keras.mixed_precision.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.mixed_precision.set_dtype_policy('float32')


def check_gradients(case: Case, _: pathlib.Path) -> None:
    """Gradients reach the inputs and weights, and are finite, in silence as well."""
    layer = case.make_layer()
    for gradient in gradients_of(case, layer, case.inputs):
        assert gradient is not None
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() > 0.0
    silence = {key: np.zeros_like(value) for key, value in case.inputs.items()}
    silence |= case.silent
    for leaf in tf.nest.flatten(case.call(layer, silence)):
        assert np.isfinite(leaf).all()
    for gradient in gradients_of(case, layer, silence):
        assert gradient is None or np.isfinite(gradient).all()


def gradients_of(
    case: Case, layer: keras.layers.Layer, inputs: Mapping[str, np.ndarray]
) -> list[tf.Tensor | None]:
    case.call(layer, inputs)  # Makes the weights.
    inputs = {key: tf.constant(value) for key, value in inputs.items()}
    sources = [inputs[key] for key in case.gradients]
    sources += [weight.value for weight in layer.trainable_weights]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        total = sum(
            tf.reduce_sum(leaf + leaf**2)
            for leaf in tf.nest.flatten(case.call(layer, inputs))
        )
    return tape.gradient(total, sources)


def check_training(case: Case, _: pathlib.Path) -> None:
    """A step of `fit` moves each weight that is to be trained."""
    layer = case.make_layer()
    model = as_model(case, layer)
    if not model.trainable_weights:
        return
    before = [weight.numpy() for weight in model.trainable_weights]
    target = np.ones(case.shape, np.float32)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss='mse')
    model.fit(dict(case.inputs), target, batch_size=len(target), verbose=0)
    for old, weight in zip(before, model.trainable_weights):
        assert np.isfinite(weight.numpy()).all()
        assert np.abs(weight.numpy() - old).max() > 0.0


def check_outputs(case: Case, _: pathlib.Path) -> None:
    """A processor gives its controls on demand, a loss gives its name."""
    layer = case.make_layer()
    if hasattr(layer, 'get_losses_dict'):
        losses = case.call(layer.get_losses_dict, case.inputs)
        assert losses
        assert all(loss.shape == () for loss in losses.values())
        return
    if not hasattr(layer, 'get_controls'):
        return
    outputs = case.call(layer, case.inputs, return_outputs_dict=True)
    assert set(outputs) == {'signal', 'controls'}
    assert_alike(outputs['signal'], case.call(layer, case.inputs), case.snr_db)
    controls = outputs['controls']
    signal_of = layer.get_signal
    again = signal_of(controls) if case.takes_dictionary else signal_of(**controls)
    assert_alike(again, outputs['signal'], case.snr_db)


def assert_alike(actual: Any, expected: Any, snr_db: float) -> None:
    """Compares nested outputs: the difference lies `snr_db` below the expected."""
    actual, expected = tf.nest.flatten(actual), tf.nest.flatten(expected)
    assert len(actual) == len(expected)
    for ours, theirs in zip(actual, expected):
        ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
        assert ours.shape == theirs.shape
        error = np.linalg.norm(ours - theirs)
        assert error <= np.linalg.norm(theirs) * 10 ** (-snr_db / 20) + 1e-12


CHECKS = {
    'eager': check_eager,
    'function': check_function,
    'jit': check_jit,
    'config': check_config,
    'save': check_save,
    'mixed_precision': check_mixed_precision,
    'gradients': check_gradients,
    'training': check_training,
    'outputs': check_outputs,
}
