from __future__ import annotations

import errno
import os
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import ddsp
from ddsp.training import checkpoint_files, checkpoints, decoders, nn, preprocessing
from ddsp.training.models import Autoencoder, Model

FEATURES = {
    'loudness_db': np.linspace(-60, -10, 8, dtype=np.float32)[None],
    'f0_hz': np.linspace(200, 300, 8, dtype=np.float32)[None],
}


def make_model(ch: int = 4, rnn_type: str = 'gru', reverb: bool = True) -> Autoencoder:
    dag = [(ddsp.synths.Harmonic(64), ['amps', 'harmonic_distribution', 'f0_hz'])]
    if reverb:
        room = ddsp.effects.Reverb(trainable=True, reverb_length=20)
        dag.append((room, ['harmonic/signal']))
    model = Autoencoder(
        preprocessing.F0LoudnessPreprocessor(8, compute_loudness=False),
        None,
        decoders.RnnFcDecoder(
            rnn_channels=3,
            rnn_type=rnn_type,
            ch=ch,
            layers_per_stack=1,
            input_keys=('ld_scaled', 'f0_scaled'),
            output_splits=(('amps', 1), ('harmonic_distribution', 5)),
        ),
        ddsp.processors.ProcessorGroup(dag=dag),
        [],
    )
    model(FEATURES)
    return model


def scrambled(model: keras.Model, seed: int = 0) -> keras.Model:
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    return model


PATHS = [
    *(
        f'decoder/{stack}/layer_with_weights-0/layer_with_weights-{name}'
        for stack in ('input_stacks/0', 'input_stacks/1', 'out_stack')
        for name in ('0/kernel', '0/bias', '1/gamma', '1/beta')
    ),
    'decoder/rnn/rnn/cell/kernel',
    'decoder/rnn/rnn/cell/recurrent_kernel',
    'decoder/rnn/rnn/cell/bias',
    'decoder/dense_out/kernel',
    'decoder/dense_out/bias',
    'processor_group/reverb/ir',
]


@pytest.mark.parametrize('rnn_type', ['gru', 'lstm'])
def test_paths_are_those_of_established_checkpoints(rnn_type):
    found = checkpoints.variables_by_path(make_model(rnn_type=rnn_type))
    assert sorted(found) == sorted(PATHS)
    assert found['decoder/dense_out/kernel'].shape == (4, 6)


def test_paths_of_both_directions():
    layer = nn.Rnn(3, 'gru', bidir=True)
    layer(np.zeros([1, 2, 4]))
    assert list(checkpoints.variables_by_path(layer)) == [
        f'rnn/{direction}_layer/cell/{name}'
        for direction in ('forward', 'backward')
        for name in ('kernel', 'recurrent_kernel', 'bias')
    ]


class Odd(Model):
    """A shared layer, a layer in a dictionary, and one that is left out."""

    not_in_checkpoints = ('constant',)

    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(2)
        self.again = self.first
        self.table = {'a': keras.layers.Dense(2), 'b': [keras.layers.Dense(2)]}
        self._hidden = keras.layers.Dense(2)
        self.constant = keras.layers.Dense(2)
        self.own = self.add_weight(shape=[2], name='own')

    def call(self, features, training=False):
        x = self.again(self.first(features['x'])) * self.own
        x = self.table['a'](x) + self.table['b'][0](x)
        return {'x': self.constant(self._hidden(x))}


def test_each_weight_has_one_path():
    model = Odd()
    model({'x': np.ones([1, 2])})
    found = checkpoints.variables_by_path(model)
    layers = ['first', 'table/a', 'table/b/0', '_hidden']
    expected = [f'{layer}/{name}' for layer in layers for name in ('kernel', 'bias')]
    assert sorted(found) == sorted([*expected, 'own'])


def established(prefix: str, model: keras.Model) -> None:
    """Writes a checkpoint as `tf.train.Checkpoint(model=..., optimizer=...)` would."""

    def node(tree):
        holder = tf.train.Checkpoint()
        for key, value in tree.items():
            child = node(value) if isinstance(value, dict) else tf.Variable(value)
            setattr(holder, key, child)
        return holder

    tree: dict = {}
    for path, variable in checkpoints.variables_by_path(model).items():
        *parents, name = path.split('/')
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[name] = variable.numpy()
    moments = {'_iterations': 8, '_variables': {'1': np.ones(3, np.float32)}}
    tf.train.Checkpoint(model=node(tree), optimizer=node(moments)).write(prefix)


def test_an_established_checkpoint_is_read(tmp_path):
    source, target = scrambled(make_model()), make_model()
    prefix = str(tmp_path / 'ckpt-8')
    established(prefix, source)
    keys = [name for name, _, _ in checkpoints.inspect(prefix)]
    assert 'model/decoder/rnn/rnn/cell/kernel' in keys
    assert 'optimizer/_iterations' in keys
    optimizer = keras.optimizers.Adam()
    optimizer.build(target.trainable_variables)
    report = checkpoints.load(prefix, target, optimizer)
    assert sorted(report.restored) == sorted(PATHS)
    assert not report.optimizer_restored
    assert 'optimizer, of the established library, was not read' in str(report)
    for ours, theirs in zip(target.get_weights(), source.get_weights()):
        np.testing.assert_array_equal(ours, theirs)


def train(model, optimizer, seed):
    rng = np.random.default_rng(seed)
    weights = model.trainable_variables
    optimizer.apply_gradients(
        (tf.constant(rng.normal(size=w.shape), tf.float32), w) for w in weights
    )


def test_optimizer_and_arrays_come_back_too(tmp_path):
    source, target = scrambled(make_model()), scrambled(make_model(), seed=1)
    optimizer, other = keras.optimizers.Adam(0.1), keras.optimizers.Adam(0.1)
    for seed in range(3):
        train(source, optimizer, seed)
    prefix = str(tmp_path / 'ckpt-3')
    extra = {'position': np.arange(3), 'nested/rate': np.float32(0.5)}
    checkpoints.save(prefix, source, optimizer, extra)
    report = checkpoints.load(prefix, target, other)
    assert report.optimizer_restored and report.note == ''
    np.testing.assert_array_equal(report.extra['position'], [0, 1, 2])
    assert report.extra['nested/rate'] == 0.5
    assert int(other.iterations) == 3
    train(source, optimizer, 9)
    train(target, other, 9)
    for ours, theirs in zip(target.get_weights(), source.get_weights()):
        np.testing.assert_array_equal(ours, theirs)


def test_tensorflow_finds_the_files(tmp_path):
    model = scrambled(make_model())
    prefix = checkpoints.save(str(tmp_path / 'ckpt-5'), model)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        'ckpt-5.data-00000-of-00001',
        'ckpt-5.index',
    ]
    value = tf.train.load_variable(
        prefix, 'model/decoder/dense_out/bias/.ATTRIBUTES/VARIABLE_VALUE'
    )
    np.testing.assert_array_equal(value, model.decoder.dense_out.bias)


def test_all_that_does_not_fit_is_listed_and_nothing_is_filled(tmp_path):
    prefix = checkpoints.save(str(tmp_path / 'ckpt-1'), make_model(reverb=False))
    target = scrambled(make_model(ch=7))
    before = target.get_weights()
    with pytest.raises(ValueError) as error:
        checkpoints.load(prefix, target)
    message = str(error.value)
    assert 'that the checkpoint lacks:\n  processor_group/reverb/ir' in message
    assert 'decoder/dense_out/kernel: [4, 6] in the checkpoint, [7, 6]' in message
    assert 'restore_keys' in message
    for now, then in zip(target.get_weights(), before):
        np.testing.assert_array_equal(now, then)
    prefix = checkpoints.save(str(tmp_path / 'ckpt-2'), make_model())
    with pytest.raises(ValueError, match='the model lacks:\n  processor_group'):
        checkpoints.load(prefix, make_model(reverb=False))


def test_restore_keys(tmp_path):
    source, target = scrambled(make_model()), scrambled(make_model(reverb=False), 1)
    prefix = checkpoints.save(str(tmp_path / 'ckpt-1'), source)
    before = target.decoder.dense_out.get_weights()
    report = checkpoints.load(prefix, target, restore_keys=['decoder/rnn'])
    assert len(report.restored) == 3
    np.testing.assert_array_equal(
        target.decoder.rnn.get_weights()[0], source.decoder.rnn.get_weights()[0]
    )
    np.testing.assert_array_equal(target.decoder.dense_out.get_weights()[0], before[0])
    assert len(checkpoints.load(prefix, target, restore_keys='decoder').restored) == 17
    with pytest.raises(ValueError, match=r"'decodre'.*Did you mean 'decoder'"):
        checkpoints.load(prefix, target, restore_keys=['decodre'])
    with pytest.raises(ValueError, match='the model has no weights there'):
        checkpoints.load(prefix, target, restore_keys=['processor_group'])


def test_another_optimizer_is_refused(tmp_path):
    model = make_model()
    prefix = str(tmp_path / 'ckpt-1')
    checkpoints.save(prefix, model, keras.optimizers.Adam())
    with pytest.raises(ValueError, match=r'state of Adam.*not that of SGD'):
        checkpoints.load(prefix, model, keras.optimizers.SGD(momentum=0.9))


def test_a_model_without_weights_is_neither_saved_nor_filled(tmp_path):
    empty = Autoencoder(decoder=decoders.RnnFcDecoder())
    with pytest.raises(ValueError, match='no weights yet: call it once'):
        checkpoints.save(str(tmp_path / 'ckpt-1'), empty)
    prefix = checkpoints.save(str(tmp_path / 'ckpt-2'), make_model())
    with pytest.raises(ValueError, match='no weights to fill'):
        checkpoints.load(prefix, empty)


def test_there_is_no_such_checkpoint(tmp_path):
    with pytest.raises(FileNotFoundError, match='there is no checkpoint'):
        checkpoints.load(str(tmp_path / 'ckpt-1'), make_model())


@pytest.mark.parametrize('fails_at', ['data', 'index'])
def test_a_full_disk_leaves_the_one_before_intact(tmp_path, monkeypatch, fails_at):
    first, second = scrambled(make_model()), scrambled(make_model(), seed=1)
    old = checkpoints.save(str(tmp_path / 'ckpt-1'), first)
    rename = tf.io.gfile.rename

    def full(*args, **kwargs):
        if fails_at in os.path.basename(args[0]):
            raise OSError(errno.ENOSPC, 'No space left on device')
        rename(*args, **kwargs)

    monkeypatch.setattr(tf.io.gfile, 'rename', full)
    with pytest.raises(OSError, match='No space left on device'):
        checkpoints.save(str(tmp_path / 'ckpt-2'), second)
    assert not list(tmp_path.glob('ckpt-2.index'))
    assert not [p for p in tmp_path.iterdir() if 'writing' in p.name]
    target = make_model()
    checkpoints.load(old, target)
    for ours, theirs in zip(target.get_weights(), first.get_weights()):
        np.testing.assert_array_equal(ours, theirs)


def test_writing_where_nothing_can_be_written(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError, match='cannot write the checkpoint'):
        checkpoints.save(str(tmp_path / 'file' / 'ckpt-1'), make_model())


def test_a_checkpoint_of_the_same_name_is_replaced(tmp_path: pathlib.Path):
    prefix = str(tmp_path / 'ckpt-1')
    checkpoints.save(prefix, scrambled(make_model()))
    second = scrambled(make_model(), seed=1)
    checkpoints.save(prefix, second)
    target = make_model()
    checkpoints.load(prefix, target)
    np.testing.assert_array_equal(target.get_weights()[0], second.get_weights()[0])


def test_a_model_restores_the_newest_of_a_directory(tmp_path, capsys):
    for step in (9, 10):
        source = scrambled(make_model(), seed=step)
        checkpoints.save(str(tmp_path / f'ckpt-{step}'), source)
    target = make_model()
    report = target.restore(str(tmp_path))
    assert report.prefix.endswith('ckpt-10')
    assert 'ckpt-10' in capsys.readouterr().out
    np.testing.assert_array_equal(target.get_weights()[0], source.get_weights()[0])


@pytest.mark.parametrize('name', ['run[1]', 'a*b?', 'new/and deep'])
def test_folders_of_any_name(tmp_path, name):
    source, target = scrambled(make_model()), make_model()
    prefix = tmp_path / name / 'ckpt-1'
    checkpoints.save(prefix, source)
    assert sorted(path.name for path in prefix.parent.iterdir()) == [
        'ckpt-1.data-00000-of-00001',
        'ckpt-1.index',
    ]
    checkpoints.load(prefix, target)
    np.testing.assert_array_equal(target.get_weights()[0], source.get_weights()[0])


def test_a_path_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source, target = scrambled(make_model()), make_model()
    assert checkpoints.save('ckpt-1', source) == 'ckpt-1'
    checkpoints.load('ckpt-1', target)
    np.testing.assert_array_equal(target.get_weights()[0], source.get_weights()[0])


@pytest.mark.parametrize('ending', ['.index', '.data-00000-of-00001'])
@pytest.mark.parametrize('damage', ['cut', 'garbled', 'gone'])
def test_damaged_files_are_named_and_change_nothing(tmp_path, ending, damage):
    prefix = checkpoints.save(str(tmp_path / 'ckpt-1'), scrambled(make_model()))
    path = tmp_path / f'ckpt-1{ending}'
    content = path.read_bytes()
    if damage == 'cut':
        path.write_bytes(content[: len(content) // 2])
    elif damage == 'garbled':
        path.write_bytes(content[:90] + b'garbled' + content[97:])
    else:
        path.unlink()
    model = make_model()
    before = model.get_weights()
    with pytest.raises(OSError, match='ckpt-1') as caught:
        checkpoints.load(prefix, model)
    assert checkpoint_files.is_damage(caught.value)
    for now, then in zip(model.get_weights(), before):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize(
    'error',
    [
        tf.errors.UnavailableError(None, None, 'HTTP response code 503'),
        tf.errors.OpError(None, None, 'x.index; Permission denied', tf.errors.UNKNOWN),
    ],
)
def test_what_cannot_be_read_just_now_is_not_called_damaged(
    tmp_path, monkeypatch, error
):
    prefix = checkpoints.save(tmp_path / 'ckpt-1', scrambled(make_model()))

    def fail(path):
        raise error

    monkeypatch.setattr(tf.train, 'load_checkpoint', fail)
    with pytest.raises(OSError, match=r'cannot read the checkpoint .*ckpt-1: ') as told:
        checkpoints.inspect(prefix)
    assert not checkpoint_files.is_damage(told.value)
    assert 'damaged' not in str(told.value)
