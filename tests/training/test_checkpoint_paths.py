"""Weights of layers that others write: none may be lost in a checkpoint."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf

from ddsp.training import checkpoints

DENSE = ('kernel', 'bias')


class Called(keras.layers.Layer):
    """A layer that runs what it holds."""

    def parts(self) -> list[keras.layers.Layer]:
        raise NotImplementedError

    def call(self, x, training=False):
        for part in self.parts():
            x = part(x, training=training)
        return x


class Private(Called):
    """A list, a dictionary and a layer under names with an underscore."""

    def __init__(self, blocks: int = 2):
        super().__init__()
        self._blocks = [keras.layers.Dense(2) for _ in range(blocks)]
        self._table = {'a': [keras.layers.Dense(2)]}
        self._single = keras.layers.Dense(2)
        self.open = keras.layers.Dense(2)

    def parts(self):
        return [*self._blocks, *self._table['a'], self._single, self.open]


class OneBlock(Called):
    def __init__(self):
        super().__init__()
        self._blocks = [keras.layers.Dense(2)]

    def parts(self):
        return self._blocks


class Net(keras.Model):
    """A functional model of one's own."""

    def __init__(self):
        given = keras.Input([2])
        self_made = keras.layers.Dense(2)(given)
        super().__init__(given, keras.layers.Dense(2)(self_made))


class NetWithAttributes(keras.Model):
    """One that checkpoints had all weights of before."""

    def __init__(self):
        given = keras.Input([2])
        first, second = keras.layers.Dense(2), keras.layers.Dense(2)
        super().__init__(given, second(first(given)))
        self.second, self.first = second, first


class Twins(keras.layers.Layer):
    """Two weights of one name."""

    def build(self, input_shape):
        self.first = self.add_weight(shape=[2], name='w')
        self.second = self.add_weight(shape=[2], name='w')
        self.rest = [self.add_weight(shape=[2], name='w')]

    def call(self, x):
        return x * self.first * self.second * self.rest[0]


class Unnamed(keras.layers.Layer):
    """Weights that Keras gives a number."""

    def build(self, input_shape):
        self.gain = self.add_weight(shape=[2])
        self._shifts = [self.add_weight(shape=[2]) for _ in range(2)]
        self.add_weight(shape=[2])

    def call(self, x):
        return x * self.gain + self._shifts[0] + self._shifts[1]


class Keys(Called):
    """Two keys that are one as text."""

    def __init__(self):
        super().__init__()
        self.table = {1: keras.layers.Dense(2), '1': keras.layers.Dense(2)}

    def parts(self):
        return list(self.table.values())


def made(make: Callable[[], keras.layers.Layer], seed: int = 0) -> keras.layers.Layer:
    layer = make()
    layer(np.ones([1, 2], np.float32))
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    return layer


def assert_same(ours: keras.layers.Layer, theirs: keras.layers.Layer) -> None:
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def of(*layers: str) -> list[str]:
    return sorted(f'{layer}/{name}' for layer in layers for name in DENSE)


NUMBERED = of('layer_with_weights-0', 'layer_with_weights-1')
PATHS = {
    Private: of('_blocks/0', '_blocks/1', '_table/a/0', '_single', 'open'),
    Net: NUMBERED,
    NetWithAttributes: NUMBERED,
    Twins: ['rest/0', 'second', 'w'],
    Unnamed: ['_shifts/0', '_shifts/1', 'gain', 'variable'],
}


@pytest.mark.parametrize('make', PATHS, ids=lambda make: make.__name__)
def test_no_weight_is_lost(make, tmp_path):
    source, target = made(make), made(make, seed=1)
    assert sorted(checkpoints.variables_by_path(source)) == PATHS[make]
    prefix = checkpoints.save(tmp_path / 'ckpt-1', source)
    report = checkpoints.load(prefix, target)
    assert len(report.restored) == len(source.weights)
    assert_same(target, source)


def test_two_weights_of_one_path_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"hold both .*'table/1/kernel'.*keys"):
        checkpoints.save(tmp_path / 'ckpt-1', made(Keys))
    assert not list(tmp_path.iterdir())


def written_before(prefix: str, values: dict[str, np.ndarray]) -> None:
    """A checkpoint with the weights under paths of older versions."""
    names = [f'model/{path}/.ATTRIBUTES/VARIABLE_VALUE' for path in values]
    slices = [''] * len(names)
    tensors = [tf.constant(value) for value in values.values()]
    tf.raw_ops.SaveV2(
        prefix=prefix, tensor_names=names, shape_and_slices=slices, tensors=tensors
    )


@pytest.mark.parametrize(
    ('make', 'paths'),
    [(OneBlock, DENSE), (NetWithAttributes, of('first', 'second')[::-1])],
)
def test_checkpoints_with_paths_of_before_are_read(make, paths, tmp_path):
    source, target = made(make), made(make, seed=1)
    now = sorted(checkpoints.variables_by_path(source).items())
    former = sorted(paths, key=lambda path: (path.split('/')[0], path))
    values = {then: v.numpy() for then, (_, v) in zip(former, now, strict=True)}
    written_before(str(tmp_path / 'ckpt-1'), values)
    report = checkpoints.load(tmp_path / 'ckpt-1', target)
    assert sorted(report.restored) == [path for path, _ in now]
    assert_same(target, source)


def test_unnamed_weights_of_before_are_read(tmp_path):
    source, target = made(Unnamed), made(Unnamed, seed=1)
    values = {
        v.name: source_v.numpy() for v, source_v in zip(target.weights, source.weights)
    }
    written_before(str(tmp_path / 'ckpt-1'), values)
    checkpoints.load(tmp_path / 'ckpt-1', target)
    assert_same(target, source)


def test_weights_that_were_lost_before_are_missed(tmp_path):
    source = made(lambda: Twins())
    written_before(str(tmp_path / 'ckpt-1'), {'w': source.second.numpy()})
    with pytest.raises(ValueError, match='the checkpoint lacks:\n  rest/0\n  second'):
        checkpoints.load(tmp_path / 'ckpt-1', source)


def test_the_optimizer_of_before_is_read(tmp_path, monkeypatch):
    source, target = made(OneBlock), made(OneBlock, seed=1)
    optimizer, other = keras.optimizers.Adam(0.1), keras.optimizers.Adam(0.1)
    gradients = [tf.ones(w.shape) for w in source.trainable_variables]
    optimizer.apply(gradients, source.trainable_variables)
    former = dict(zip(DENSE, source.weights, strict=True))
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, 'variables_by_path', lambda model: former)
        checkpoints.save(tmp_path / 'ckpt-1', source, optimizer)
    report = checkpoints.load(tmp_path / 'ckpt-1', target, other)
    assert report.optimizer_restored
    assert int(other.iterations) == 1
    assert_same(target, source)


class Noisy(Called):
    """Dropouts: of one's own, in a sequence, in a list, and one reached twice."""

    def __init__(self):
        super().__init__()
        self.dropout = keras.layers.Dropout(0.5)
        self.again = self.dropout
        self.stack = keras.Sequential(
            [keras.layers.Dropout(0.5), keras.layers.Dense(2)]
        )
        self._more = [keras.layers.GaussianNoise(1.0)]

    def parts(self):
        return [self.dropout, self.stack, *self._more]


SEEDS = [
    f'seeds/{layer}/seed_generator/state'
    for layer in ('_more/0', 'dropout', 'stack/layer-0')
]


def test_seeds_go_on_where_they_were(tmp_path):
    source, target = made(Noisy), made(Noisy, seed=1)
    x = np.ones([8, 2], np.float32)
    for _ in range(3):
        source(x, training=True)
    prefix = checkpoints.save(tmp_path / 'ckpt-1', source)
    names = [name for name, _, _ in checkpoints.inspect(prefix)]
    assert [name for name in names if name.startswith('seeds/')] == SEEDS
    report = checkpoints.load(prefix, target)
    assert sorted(report.restored) == of('stack/layer_with_weights-0')
    for _ in range(2):
        np.testing.assert_array_equal(
            source(x, training=True), target(x, training=True)
        )


def test_checkpoints_without_seeds_are_read(tmp_path):
    source, target = made(Noisy), made(Noisy, seed=1)
    variables = checkpoints.variables_by_path(source)
    written_before(
        str(tmp_path / 'ckpt-1'), {path: v.numpy() for path, v in variables.items()}
    )
    report = checkpoints.load(tmp_path / 'ckpt-1', target)
    assert sorted(report.restored) == sorted(variables)
    assert report.note == ''
    assert_same(target, source)


def test_named_parts_keep_their_own_seeds(tmp_path):
    source, target = made(Noisy), made(Noisy, seed=1)
    before = target.dropout.seed_generator.state.numpy()
    prefix = checkpoints.save(tmp_path / 'ckpt-1', source)
    checkpoints.load(prefix, target, restore_keys=['stack'])
    assert_same(target, source)
    np.testing.assert_array_equal(target.dropout.seed_generator.state, before)


def test_what_is_left_out_may_not_be_there_yet():
    class Part(keras.layers.Layer):
        not_in_checkpoints = ('estimator',)

        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2)

    part = Part()
    part.dense.build([None, 3])
    paths = {'dense/kernel', 'dense/bias'}
    assert set(checkpoints.variables_by_path(part)) == paths
    part.estimator = keras.layers.Dense(2)
    part.estimator.build([None, 3])
    assert set(checkpoints.variables_by_path(part)) == paths
