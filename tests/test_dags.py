"""Graphs of layers: keys, validation, saving, and how they are shown."""

from __future__ import annotations

import itertools
import json
import pathlib
import shutil
import xml.etree.ElementTree as ElementTree

import gin
import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

import ddsp
from ddsp import dag_drawing, dag_svg
from ddsp.dags import DAGLayer, split_keras_kwargs
from ddsp.processors import Add, Crop, Processor, ProcessorGroup


@keras.saving.register_keras_serializable('tests')
class Split(keras.layers.Layer):
    """Gives a list, or a dictionary."""

    def __init__(self, named: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.named = named

    def call(self, x, gain=1.0, training=False):
        low, high = gain * x[:, :2], gain * x[:, 2:]
        return {'low': low, 'high': high} if self.named else [low, high]

    def get_config(self):
        return {**super().get_config(), 'named': self.named}


def scale(factor: float, name: str) -> keras.layers.Layer:
    return keras.layers.Rescaling(factor, name=name)


x = np.arange(8.0).reshape(2, 4)


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


def test_format_dag_writes_plain_nodes() -> None:
    add = Add()
    assert DAGLayer.format_dag(((add, ('a', 'b')), ['named', 'a', ('b',)])) == [
        (add, ['a', 'b']),
        ('named', ['a'], ['b']),
    ]


def add() -> Processor:
    return Add()


crop = (Crop(1), ['add/signal'])

MISTAKES = [
    ('add', 'a dag is a list of nodes'),
    (None, 'a dag is a list of nodes, not None'),
    ([], 'the dag is empty'),
    ([(Add(),)], r'node 0 of the dag is .* expected \(module, \[input keys\]\)'),
    ([(Add, ['a', 'b'])], r'node 0 of the dag: Add is a class; make one: Add\(\)'),
    ([(Add(), ['a', 'b']), (3.0, ['a'])], 'node 1 of the dag: the module is 3.0'),
    ([(Add(), ['a', 2])], 'node 0 of the dag: keys are'),
    ([(Add(), ['a', 'b//c'])], "the key 'b//c' has an empty part"),
    ([('sum', ['a'])], "names the module 'sum', but the modules .* are "),
    ([(Add(), ['a', 'b']), (Add(), ['a', 'b'])], "the name 'add' of node 1 is used tw"),
    ([(Add(name='out'), ['a', 'b'])], "called 'out', which stands for"),
    ([(Add(name='losses'), ['a', 'b'])], "cannot be called 'losses'"),
    ([(Add(name='weights'), ['a', 'b'])], "cannot be called 'weights'"),
    ([(Add(), ['a', 'harmonic/signal'])], "no earlier node is called 'harmonic'"),
    ([(Add(), ['a', 'b']), (Crop(1), ['ad/signal'])], "did you mean 'add'"),
    ([crop, (Add(), ['a', 'b'])], "node 'crop' .* but 'add' stands after it"),
    ([(Add(), ['a', 'add/signal'])], "'add' is that node itself"),
    (
        [(Add(), ['a', 'b']), (Crop(1), ['add/sinal'])],
        r"one of \['add/signal', .*did you",
    ),
    ([(Add(), ['a', 'b']), (Crop(1), ['add/controls/one'])], 'add/controls/signal_one'),
    ([(Add(), ['a', 'b']), (Crop(1), ['add'])], r"'add', which is not one of \['add/s"),
    ([(Add(), ['a', 'b']), (Crop(1), ['add/signal/0'])], 'which is not one of'),
    ([(Add(), ['a'])], r"'add' is given \['a'\], but takes .*missing a required arg"),
    ([(Add(), ['a', 'b', 'c'])], 'too many positional arguments'),
    ([(Add(), ['a', 'b'], ['sum'])], r"output key 'sum', but gives \['signal', "),
]


@pytest.mark.parametrize(('dag', 'message'), MISTAKES)
def test_mistakes_are_found_when_it_is_made(dag, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DAGLayer(dag)


def test_mistakes_with_keyword_modules() -> None:
    with pytest.raises(
        ValueError, match=r"'sun', .*\['sum'\] \(did you mean 'sum'\?\)"
    ):
        DAGLayer([('sun', ['a', 'b'])], sum=Add())
    with pytest.raises(ValueError, match="keyword argument 'sum' is 3 of type int"):
        DAGLayer([('sum', ['a', 'b'])], sum=3)
    with pytest.raises(ValueError, match="the name 'add' of node 0 is used twice"):
        DAGLayer([(Add(), ['a', 'b'])], add=Add())
    with pytest.raises(ValueError, match="the name 'sum' of node 1 is used twice"):
        DAGLayer([('sum', ['a', 'b']), ('sum', ['a', 'a'])], sum=Add())


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


def example() -> ProcessorGroup:
    dag = [
        (scale(2.0, 'twice'), ['x']),
        (keras.layers.Dense(4, name='dense'), ['twice']),
        (Add(), ['dense', 'x']),
        (Crop(1), ['add/signal']),
        (Split(True, name='split'), ['add/signal']),
        (Add(name='sum'), ['split/low', 'split/high']),
    ]
    return ProcessorGroup(dag=dag, name='example')


def printed(group: DAGLayer, **kwargs) -> list[str]:
    lines: list[str] = []
    group.summary(print_fn=lines.append, **kwargs)
    return [' '.join(line.split()) for line in lines[0].splitlines()]


def test_summary_before_and_after_a_call() -> None:
    group = example()
    assert 'dense Dense twice ? 0' in printed(group)
    group({'x': x})
    lines = printed(group)
    assert lines[0] == 'example'
    assert lines[2] == 'node type inputs output shape parameters'
    assert lines[4:-1] == [
        'inputs/x input [2, 4]',
        'twice Rescaling x [2, 4] 0',
        'dense Dense twice [2, 4] 20',
        'add Add dense [2, 4] 0',
        'x',
        'crop Crop add/signal [2, 3] 0',
        'split Split add/signal low [2, 2] 0',
        'high [2, 2]',
        'sum Add split/low [2, 2] 0',
        'split/high',
        lines[-2],
    ]
    assert lines[-1] == '20 parameters'


def test_summary_from_input_shapes_builds_the_layers() -> None:
    group = example()
    lines = printed(group, input_shapes={'x': (None, 4)})
    assert 'dense Dense twice [?, 4] 20' in lines
    assert 'crop Crop add/signal [?, 3] 0' in lines
    np.testing.assert_array_equal(group({'x': x}).shape, (2, 2))


def test_summary_prints(capsys: pytest.CaptureFixture) -> None:
    example().summary()
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) == len(lines[1])


def without_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, 'which', lambda _: None)


def test_plot_svg(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_graphviz(monkeypatch)
    path = tmp_path / 'graph.svg'
    assert example().plot(path) == str(path)
    root = ElementTree.parse(path).getroot()
    texts = [element.text for element in root.iter('{http://www.w3.org/2000/svg}text')]
    for name in ('x', 'twice', 'dense', 'add', 'crop', 'split', 'sum', 'Split', 'low'):
        assert name in texts
    paths = root.findall('{http://www.w3.org/2000/svg}path')
    assert len(paths) == 8


def test_boxes_of_the_picture_do_not_overlap() -> None:
    boxes, arrows = dag_drawing.boxes_and_arrows(example())
    rows, routes = dag_svg._rows_and_routes(boxes, arrows)
    widths = {box.name: dag_svg._box_width(box, arrows) for box in boxes}
    places = dag_svg._lay_out(rows, routes, widths)
    for row in rows:
        left_to_right = sorted(
            (places[name] for name in row), key=lambda place: place.x
        )
        for left, right in itertools.pairwise(left_to_right):
            assert left.x + left.width / 2 < right.x - right.width / 2
    for arrow in arrows:
        assert places[arrow.start].y < places[arrow.end].y


def test_plot_mermaid(tmp_path: pathlib.Path) -> None:
    group = DAGLayer([(Add(), ['a', 'inputs/b']), crop])
    group.plot(tmp_path / 'graph.mmd')
    text = (tmp_path / 'graph.mmd').read_text()
    assert text == (
        'flowchart TD\n'
        '  n0(["a"])\n'
        '  n1(["b"])\n'
        '  n2["add<br/>Add"]\n'
        '  n3["crop<br/>Crop"]\n'
        '  n0 --> n2\n'
        '  n1 --> n2\n'
        '  n2 -->|"signal"| n3\n'
    )
    group.plot(tmp_path / 'graph.md')
    assert (tmp_path / 'graph.md').read_text() == f'```mermaid\n{text}```\n'


def test_plot_dot(tmp_path: pathlib.Path) -> None:
    DAGLayer([(Add(name='a "sum"'), ['a', 'inputs'])]).plot(tmp_path / 'graph.dot')
    text = (tmp_path / 'graph.dot').read_text()
    assert '"a \\"sum\\"" [label="a \\"sum\\"\\nAdd"];' in text
    assert '"inputs" -> "a \\"sum\\"" [label=""];' in text


def test_plot_without_graphviz_draws_an_svg_in_place_of_a_png(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_graphviz(monkeypatch)
    with pytest.warns(UserWarning, match='Graphviz, whose command dot is not inst'):
        drawn = example().plot(tmp_path / 'graph.png')
    assert drawn == str(tmp_path / 'graph.svg')
    assert [path.name for path in tmp_path.iterdir()] == ['graph.svg']
    assert ElementTree.parse(drawn).getroot().tag.endswith('svg')


def test_plot_runs_graphviz(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / 'dot'
    script.write_text('#!/bin/sh\necho "drawn with $1"; cat\n')
    script.chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path), prepend=':')
    example().plot(tmp_path / 'graph.pdf')
    text = (tmp_path / 'graph.pdf').read_text()
    assert text.startswith('drawn with -Tpdf\ndigraph dag {')
    script.write_text('#!/bin/sh\necho "syntax error" >&2; exit 1\n')
    with pytest.raises(RuntimeError, match='could not draw the graph: syntax error'):
        example().plot(tmp_path / 'other.pdf')
    assert not (tmp_path / 'other.pdf').exists()


def test_plot_refuses_other_formats(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match=r'none of the known formats: \.svg, \.png'):
        example().plot(tmp_path / 'graph.gif')
