"""Tensors, nested dictionaries and shapes."""

import numpy as np
import pytest
import tensorflow as tf

from ddsp import core


@pytest.mark.parametrize(
    'x', [1, 2.5, [1, 2], np.arange(3), np.arange(3.0), tf.constant([1], tf.float64)]
)
def test_tf_float32(x):
    ours = core.tf_float32(x)
    assert ours.dtype == tf.float32
    np.testing.assert_allclose(ours, np.asarray(x, np.float32))


def test_tf_float32_of_variables_and_dictionaries():
    x = {'a': tf.Variable([1.0]), 'b': {'c': np.ones(2)}}
    ours = core.tf_float32(x)
    assert ours['a'].dtype == ours['b']['c'].dtype == tf.float32


@pytest.mark.parametrize(
    'x, expected',
    [
        ('word', ['word']),
        (3, [3]),
        ([1, 2], [1, 2]),
        ((1,), (1,)),
        (None, []),
        ({'a': 1}, [{'a': 1}]),
    ],
)
def test_make_iterable(x, expected):
    assert core.make_iterable(x) == expected


def test_make_iterable_keeps_a_tensor_whole():
    x = tf.zeros([2, 3])
    assert core.make_iterable(x)[0] is x


def test_to_dict():
    assert core.to_dict([1, 2], ['a', 'b']) == {'a': 1, 'b': 2}
    assert core.to_dict(1, 'a') == {'a': 1}
    assert core.to_dict({'c': 3}, ['a']) == {'c': 3}
    with pytest.raises(ValueError, match='2 values cannot be named by 1 keys'):
        core.to_dict([1, 2], ['a'])


def test_nested_dictionaries():
    nested = {'a': {'b': 1, 'c': {'d': 2}}, 'e': 3}
    assert core.nested_keys(nested) == ['a/b', 'a/c/d', 'e']
    assert core.nested_keys(nested, delimiter=':') == ['a:b', 'a:c:d', 'e']
    for key, value in (('a/c/d', 2), ('e', 3), ('a/b', 1)):
        assert core.nested_lookup(key, nested) == value
    assert core.leaf_key('a/c/d') == 'd'
    with pytest.raises(KeyError, match=r"no 'a/x'.*'a/b', 'a/c/d', 'e'"):
        core.nested_lookup('a/x', nested)


def test_copy_only_while_tracing():
    nested = {'a': {'b': 1}}
    assert core.copy_if_tf_function(nested) is nested
    copies = []

    @tf.function
    def trace():
        copies.append(core.copy_if_tf_function(nested))

    trace()
    assert copies[0] == nested
    assert copies[0] is not nested and copies[0]['a'] is not nested['a']


def test_map_shape():
    x = {'a': tf.zeros([2, 3]), 'b': {'c': tf.zeros([4])}}
    assert core.map_shape(x) == {'a': [2, 3], 'b': {'c': [4]}}


@pytest.mark.parametrize('axis', [0, 1, -1])
def test_pad_axis(axis):
    x = np.arange(6.0).reshape(2, 3)
    paddings = [(0, 0), (0, 0)]
    paddings[axis] = (1, 2)
    np.testing.assert_array_equal(
        core.pad_axis(x, (1, 2), axis, constant_values=7.0),
        np.pad(x, paddings, constant_values=7.0),
    )


@pytest.mark.parametrize('axis', [0, 1, -1])
def test_diff(axis):
    x = np.random.default_rng(0).normal(size=[4, 5])
    np.testing.assert_allclose(core.diff(x, axis), np.diff(x, axis=axis))


def test_diff_names_a_missing_axis():
    with pytest.raises(ValueError, match='axis 2 is not one of the 2'):
        core.diff(np.zeros([2, 2]), 2)


def test_size_is_an_integer_where_known():
    seen = []

    @tf.function(input_signature=[tf.TensorSpec([None, 3])])
    def trace(x):
        seen.append((core.size(x, 0), core.size(x, 1)))
        return core.size(x, 0)

    assert int(trace(tf.zeros([5, 3]))) == 5
    assert tf.is_tensor(seen[0][0]) and seen[0][1] == 3
