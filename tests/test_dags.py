"""Graphs of layers: the keys of inputs and results, and arguments of their modules."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from dag_parts import Split, crop, scale, x

import ddsp
from ddsp.dags import DAGLayer, split_keras_kwargs
from ddsp.processors import Add, Crop


def test_split_keras_kwargs() -> None:
    given = {'training': True, 'mask': None, 'name': 'n', 'gain': 2.0}
    assert split_keras_kwargs(given) == ({'training': True, 'name': 'n'}, {'gain': 2.0})
    assert len(given) == 4


def test_results_have_paths() -> None:
    layer = DAGLayer(
        [(Add(), ['a', 'inputs/b']), (scale(3.0, 'triple'), ['add/signal'])]
    )
    results = layer({'a': x, 'b': x, 'unused': x[:1]})
    keys = ['inputs/a', 'inputs/b', 'inputs/unused', 'add/signal']
    keys += ['add/controls/signal_one', 'add/controls/signal_two', 'triple', 'out']
    assert ddsp.core.nested_keys(results) == keys
    np.testing.assert_array_equal(results['triple'], 6.0 * x)
    np.testing.assert_array_equal(results['out'], 6.0 * x)


def test_controls_and_nested_inputs_are_keys() -> None:
    dag = [
        (Add(), ['inputs/deep/a', 'b']),
        (scale(2.0, 'twice'), ['add/controls/signal_one']),
    ]
    layer = DAGLayer(dag)
    assert layer.input_keys == ['deep/a', 'b']
    np.testing.assert_array_equal(layer({'deep': {'a': x}, 'b': x})['out'], 2.0 * x)


@pytest.mark.parametrize(
    ('node', 'keys'),
    [
        ((Split(name='split'), ['x']), ['split/0', 'split/1']),
        (
            (Split(name='split'), ['x'], ['left', 'right']),
            ['split/left', 'split/right'],
        ),
        ((Split(True, name='split'), ['x']), ['split/low', 'split/high']),
    ],
)
def test_layers_may_give_lists_and_dictionaries(node: tuple, keys: list[str]) -> None:
    layer = DAGLayer([node, (Add(), keys)])
    results = layer({'x': x})
    np.testing.assert_array_equal(results['out']['signal'], x[:, :2] + x[:, 2:])


def test_layers_that_merge_get_a_list() -> None:
    concatenate = keras.layers.Concatenate(name='both')
    layer = DAGLayer([(concatenate, ['x', 'y', 'x'])])
    results = layer({'x': x, 'y': x[:, :1]})
    np.testing.assert_array_equal(results['both'], np.hstack([x, x[:, :1], x]))


def test_output_keys_are_what_other_nodes_may_ask_for() -> None:
    node = (Split(True, name='split'), 'x', ['high'])
    layer = DAGLayer([node, (scale(2.0, 'twice'), ['split/high'])])
    np.testing.assert_array_equal(layer({'x': x})['out'], 2.0 * x[:, 2:])
    with pytest.raises(
        ValueError, match=r"'split/low', which is not one of \['split/h"
    ):
        DAGLayer([node, (scale(2.0, 'twice'), ['split/low'])])


def test_output_keys_must_fit() -> None:
    with pytest.raises(ValueError, match=r"'split' gave 2 results, .* keys \['one'\]"):
        DAGLayer([(Split(name='split'), ['x'], ['one'])])({'x': x})
    with pytest.raises(ValueError, match=r"'split' gave \['low', 'high'\], .*'one'"):
        DAGLayer([(Split(True, name='split'), ['x'], ['one'])])({'x': x})


def test_a_result_that_is_not_there() -> None:
    layer = DAGLayer([(Split(name='split'), ['x']), (scale(1.0, 's'), ['split/2'])])
    with pytest.raises(ValueError, match=r"asks for 'split/2', but .*\['split/0', 's"):
        layer({'x': x})
    layer = DAGLayer([(scale(1.0, 'r'), ['x']), (scale(1.0, 's'), ['r/signal'])])
    with pytest.raises(ValueError, match="asks for 'r/signal', but 'r' gave a tensor"):
        layer({'x': x})


def test_missing_inputs_are_named() -> None:
    layer = DAGLayer([(Add(), ['f0_hz', 'amplitudes'])], name='graph')
    message = (
        r"graph: the input 'amplitudes' is missing \(did you mean 'amplitude'\?\); "
        r"given are \['f0_hz', 'amplitude'\], needed are \['f0_hz', 'amplitudes'\]"
    )
    for call in (layer, layer.run_dag):
        with pytest.raises(ValueError, match=message):
            call({'f0_hz': x, 'amplitude': x})


def test_inputs_are_a_dictionary() -> None:
    with pytest.raises(TypeError, match=r"a dictionary with the inputs \['a', 'b'\]"):
        DAGLayer([(Add(), ['a', 'b'])])([x, x])


def test_an_input_of_none_is_not_given() -> None:
    layer = DAGLayer([(scale(1.0, 's'), ['a'])])
    np.testing.assert_array_equal(layer({'a': x, 'b': None})['out'], x)
    with pytest.raises(ValueError, match="'a' is missing"):
        layer({'a': None})


def test_lists_and_lists_of_tensors_are_inputs() -> None:
    layer = DAGLayer([(Add(), ['a', 'b']), (keras.layers.Add(name='sum'), ['c'])])
    results = layer({'a': x.tolist(), 'b': x, 'c': [tf.constant(x), tf.constant(x)]})
    assert results['inputs']['a'].dtype == tf.float32
    np.testing.assert_array_equal(results['out'], 2.0 * x)


def test_keyword_arguments_go_where_they_are_taken() -> None:
    dag = [(Split(name='split'), ['x']), (Add(), ['split/0', 'split/1'])]
    layer = DAGLayer(dag)
    for kwargs in ({'gain': 3.0}, {'gain': 3.0, 'training': True, 'mask': None}):
        results = layer({'x': x}, **kwargs)
        np.testing.assert_array_equal(results['split']['0'], 3.0 * x[:, :2])
    with pytest.raises(
        TypeError, match=r"no module takes .* 'gin'; .*\['split', 'add'\]"
    ):
        layer({'x': x}, gin=3.0)


def test_keyword_arguments_reach_graphs_inside() -> None:
    inner = DAGLayer([(Split(name='split'), ['x'])], name='inner')
    layer = DAGLayer([(inner, ['inputs'])])
    results = layer({'x': x}, gain=3.0)
    np.testing.assert_array_equal(results['inner']['split']['1'], 3.0 * x[:, 2:])


def test_an_argument_given_by_position_is_not_given_again() -> None:
    layer = DAGLayer([(Split(name='split'), ['x', 'loud'])])
    results = layer({'x': x, 'loud': np.array(2.0)}, gain=3.0)
    np.testing.assert_array_equal(results['split']['0'], 2.0 * x[:, :2])


def test_verbose_prints_nodes(capsys: pytest.CaptureFixture) -> None:
    DAGLayer([(Crop(1), ['x'])])({'x': x}, verbose=True)
    assert capsys.readouterr().out.startswith("crop: ['x'] -> {'signal': (2, 3)")


def test_unknown_sizes() -> None:
    layer = DAGLayer([(Add(), ['a', 'b']), crop])
    spec = tf.TensorSpec([None, None])
    run = tf.function(
        lambda a, b: layer({'a': a, 'b': b})['out']['signal'], [spec, spec]
    )
    np.testing.assert_array_equal(run(x, x), 2.0 * x[:, :3])
