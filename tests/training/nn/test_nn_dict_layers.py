# No `from __future__ import annotations` here: return annotations are read as lists.
import keras
import numpy as np
import pytest
import tensorflow as tf

from ddsp.training import nn

X, Y = tf.constant([[1.0]]), tf.constant([[10.0]])


class Annotated(nn.DictLayer):
    def call(self, a, b, gain=1.0) -> ['total', 'difference']:  # noqa: F821
        return gain * (a + b), gain * (a - b)


class Quoted(nn.DictLayer):
    def call(self, a) -> "['same']":  # noqa: F821
        return a


class Attribute(nn.DictLayer):
    output_keys = ('same',)

    def call(self, a) -> tf.Tensor:
        return a


class AsDictionary(nn.DictLayer):
    def call(self, a) -> dict[str, tf.Tensor]:
        return {'one': a, 'two': 2.0 * a}


class AnyNumber(nn.DictLayer):
    def __init__(self, input_keys=('a', 'b'), **kwargs):
        super().__init__(input_keys, ['sum'], **kwargs)

    def call(self, *inputs, **unused_kwargs):
        return tf.add_n(inputs)


class Derived(Annotated):
    def call(self, a, b):
        total, difference = super().call(a, b)
        return difference, total


class Trained(nn.DictLayer):
    output_keys = ('mode',)

    def call(self, a, training=False):
        return a if training else -a


def values(outputs):
    return {key: float(value[0, 0]) for key, value in outputs.items()}


@pytest.mark.parametrize(
    'layer, keys',
    [
        (Annotated(), ['total', 'difference']),
        (Quoted(), ['same']),
        (Attribute(), ['same']),
        (Attribute(output_keys=['other']), ['other']),
        (Annotated(output_keys=['p', 'q']), ['p', 'q']),
        (AsDictionary(), []),
    ],
)
def test_output_keys(layer, keys):
    assert list(layer.output_keys) == keys
    outputs = layer({'a': X, 'b': Y})
    assert list(outputs) == (keys or ['one', 'two'])


def test_input_keys_are_the_arguments():
    layer = Annotated()
    assert layer.input_keys == ['a', 'b']
    assert layer.default_input_keys == ['gain']
    assert layer.default_input_values == [1.0]
    assert layer.all_input_keys == ['a', 'b', 'gain']
    assert layer.n_inputs == 3
    assert layer.get_argument_names('call') == ['a', 'b']
    assert layer.get_default_argument_names('call') == ['gain']
    assert layer.get_default_argument_values('call') == [1.0]
    assert layer.get_return_annotations('call') == ['total', 'difference']


GAIN = tf.constant(2.0)


@pytest.mark.parametrize(
    'args, kwargs, total',
    [
        ([X, Y], {}, 11),
        ([{'a': X, 'b': Y, 'more': X}], {}, 11),
        ([{'a': X}, {'b': Y}], {}, 11),
        ([{'a': X, 'b': X}, {'b': Y}], {}, 11),
        ([X, {'b': Y}], {}, 11),
        ([X, {'a': Y, 'b': Y}], {}, 11),
        ([], {'a': X, 'b': Y}, 11),
        ([X], {'b': Y}, 11),
        ([{'a': X, 'b': X}], {'b': Y}, 11),
        ([X, Y, GAIN], {}, 22),
        ([X, Y], {'gain': GAIN}, 22),
        ([{'a': X, 'b': Y, 'gain': GAIN}], {}, 22),
        ([{'a': X, 'b': Y, 'gain': None}], {}, 11),
        ([np.array([[1.0]]), [[10.0]]], {'gain': 2.0}, 22),
        ([X, Y], {'training': True, 'mask': None}, 11),
    ],
)
def test_tensors_dictionaries_or_both(args, kwargs, total):
    outputs = Annotated()(*args, **kwargs)
    assert float(outputs['total'][0, 0]) == total
    assert outputs['total'].dtype == tf.float32


def test_other_input_keys_and_nested_ones():
    layer = Annotated(input_keys=['net/left', 'right', 'level'])
    outputs = layer({'net': {'left': X}, 'right': Y, 'level': GAIN})
    assert values(outputs) == {'total': 22, 'difference': -18}
    layer = Annotated(['left', 'right'])
    assert layer.all_input_keys == ['left', 'right', 'gain']
    assert values(layer({'left': X, 'right': Y}))['total'] == 11


def test_any_number_of_inputs():
    assert values(AnyNumber()({'a': X, 'b': Y, 'c': X}))['sum'] == 11
    assert values(AnyNumber(['a', 'b', 'c'])({'a': X, 'b': Y, 'c': X}))['sum'] == 12
    assert values(AnyNumber()(X, Y))['sum'] == 11


def test_a_subclass_sees_what_its_base_returns():
    swapped = Derived(output_keys=['total', 'difference'])
    assert values(swapped(X, Y)) == {'total': -9, 'difference': 11}


def test_training_is_no_input():
    assert Trained().all_input_keys == ['a']
    assert values(Trained()({'a': X}, training=True))['mode'] == 1
    assert values(Trained()({'a': X}))['mode'] == -1


def test_integers_stay_integers():
    assert Attribute()({'a': np.array([3])})['same'].dtype == tf.int64


def test_f0_is_not_cast_by_a_mixed_policy():
    keras.mixed_precision.set_dtype_policy('mixed_float16')
    exact = tf.constant([[440.123]])
    np.testing.assert_array_equal(Attribute()(exact)['same'], exact)


@pytest.mark.parametrize(
    'act, error, message',
    [
        (lambda: Annotated()({'a': X}), ValueError, "'b' is missing.*given are"),
        (lambda: Annotated()({'a': X, 'bb': Y}), ValueError, "did you mean 'bb'"),
        (lambda: Annotated()({'a': X, 'b': None}), ValueError, r"given are \['a'\]"),
        (lambda: Annotated()(X, Y, X, X), TypeError, '4 tensors for 3 inputs'),
        (lambda: Annotated()(X, Y, b=X), TypeError, "'b' is given twice"),
        (lambda: Annotated(['a']), ValueError, r"input_keys are \['a'\]"),
        (lambda: Annotated(['a', 'a']), ValueError, 'more than once'),
        (lambda: Annotated(output_keys=['p'])(X, Y), ValueError, 'gave 2 outputs'),
    ],
)
def test_mistakes(act, error, message):
    with pytest.raises(error, match=message):
        act()


@pytest.mark.parametrize('jit', [False, True])
def test_in_a_function_and_a_functional_model(jit):
    layer = Annotated()
    run = tf.function(lambda a, b: layer({'a': a, 'b': b}), jit_compile=jit)
    assert values(run(X, Y))['total'] == 11
    inputs = {key: keras.Input([1], name=key) for key in ('a', 'b')}
    model = keras.Model(inputs, layer(inputs))
    assert values(model({'a': X, 'b': Y}))['total'] == 11


def test_configuration_keeps_the_keys():
    layer = Annotated(input_keys=['p', 'q', 'g'], output_keys=['s', 'd'], name='n')
    again = Annotated.from_config(layer.get_config())
    assert again.all_input_keys == ['p', 'q', 'g']
    assert again.name == 'n'
    assert values(again({'p': X, 'q': Y, 'g': GAIN})) == {'s': 22, 'd': -18}


class Doubled(nn.OutputSplitsLayer):
    def compute_output(self, x, y=None):
        return 2.0 * x if y is None else x + y


def test_output_splits_layer():
    layer = Doubled(output_splits=(('p', 1), ('q', 2)))
    assert layer.all_input_keys == ['x', 'y']
    outputs = layer({'x': tf.ones([2, 3, 4])})
    kernel, bias = layer.dense_out.get_weights()
    expected = 2.0 * np.ones([2, 3, 4]) @ kernel + bias
    np.testing.assert_allclose(outputs['p'], expected[..., :1], rtol=1e-5)
    np.testing.assert_allclose(outputs['q'], expected[..., 1:], rtol=1e-5)
    again = Doubled.from_config(layer.get_config())
    assert again.output_splits == [('p', 1), ('q', 2)]
    assert list(again({'x': tf.ones([2, 3, 4]), 'y': tf.ones([2, 3, 4])})) == ['p', 'q']


@pytest.mark.parametrize('splits', [(), (('p', 0),), ('p', 'q'), (('p',),)])
def test_malformed_splits(splits):
    with pytest.raises(ValueError, match='output_splits is'):
        Doubled(output_splits=splits)


class Dropping(nn.DictLayer):
    """One that leaves `training` to the layers inside."""

    output_keys = ('dropped',)

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dropout = keras.layers.Dropout(0.5)

    def call(self, a):
        return self.dropout(a)


class DroppingAny(Dropping):
    def call(self, *inputs, **unused_kwargs):
        return self.dropout(inputs[0])


class DroppingInTraining(Dropping):
    def call(self, a, training=False):
        return self.dropout(a) if training else a


class DroppingSplits(nn.OutputSplitsLayer):
    def __init__(self, **kwargs):
        super().__init__(output_splits=(('dropped', 300),), **kwargs)
        self.dense_out = keras.layers.Dropout(0.5)

    def compute_output(self, a):
        return a


def outer_of(layer, **outer):
    """A plain layer that calls another one without telling it of training."""

    class Outer(keras.layers.Layer):
        def call(self, a):
            return layer(a, **outer)['dropped']

    return Outer()


def is_zero_somewhere(x):
    return bool(np.any(np.asarray(x) == 0.0))


@pytest.mark.parametrize(
    'make', [Dropping, DroppingAny, DroppingInTraining, DroppingSplits]
)
@pytest.mark.parametrize('compiled', [False, True])
def test_layers_inside_learn_of_training(make, compiled):
    layer, x = make(input_keys=['a']), tf.ones([2, 300])
    run = tf.function(layer) if compiled else layer
    assert is_zero_somewhere(run(x, training=True)['dropped'])
    assert not is_zero_somewhere(run(x, training=False)['dropped'])
    assert not is_zero_somewhere(run(x)['dropped'])
    assert is_zero_somewhere(outer_of(layer)(x, training=True))


@pytest.mark.parametrize('make', [Dropping, DroppingAny, DroppingSplits])
def test_training_of_none_is_that_of_the_layer_around(make):
    around = outer_of(make(input_keys=['a']), training=None)
    assert is_zero_somewhere(around(tf.ones([2, 300]), training=True))


@pytest.mark.parametrize('given', [{}, {'training': True}])
def test_training_of_a_functional_model_reaches_the_layers_inside(given):
    inputs = {'a': keras.Input([300], name='a')}
    model = keras.Model(inputs, Dropping()(inputs, **given))
    x = {'a': tf.ones([2, 300])}
    assert is_zero_somewhere(model(x)['dropped']) is bool(given)
    assert is_zero_somewhere(model(x, training=True)['dropped'])
