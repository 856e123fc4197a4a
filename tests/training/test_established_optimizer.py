from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tiny_training
from tensorflow.core.protobuf import trackable_object_graph_pb2

from ddsp.training import checkpoints, train_util, trainers

_SUFFIX = '/.ATTRIBUTES/VARIABLE_VALUE'


def _built() -> trainers.Trainer:
    trainer = tiny_training.tiny_trainer(lr_decay_steps=10, lr_decay_rate=0.9)
    trainer.build(next(iter(tiny_training.TinyProvider().get_batch(4))))
    return trainer


def _write(prefix: Path, slots: bool, name: Callable[[int], str]) -> None:
    """Writes a checkpoint with Adam's moments, as TensorFlow did at its two times.

    Numbered, they are told apart by the names of the weights; as slots, before
    TensorFlow 2.11, by the place where they stand. The moments of weight number i are
    2 * i and 2 * i + 1.
    """
    paths = checkpoints.variables_by_path(_built().model)
    tensors, graph = {}, trackable_object_graph_pb2.TrackableObjectGraph()

    def add(key: str, value: np.ndarray, full_name: str = '') -> None:
        tensors[key + _SUFFIX] = value
        graph.nodes.add().attributes.add(
            full_name=full_name, checkpoint_key=key + _SUFFIX
        )

    add('optimizer/iter' if slots else 'optimizer/_iterations', np.int64(8))
    for i, (path, weight) in enumerate(paths.items()):
        add(f'model/{path}', weight.numpy(), name(i))
        for j, kind in enumerate('mv'):
            value = np.full(weight.shape, 2 * i + j, np.float32)
            if slots:
                key = f'model/{path}/.OPTIMIZER_SLOT/optimizer/{kind}'
                tensors[key + _SUFFIX] = value
            else:
                # In an order that is not that of the weights here.
                number = 2 * (len(paths) - i) + j
                add(f'optimizer/_variables/{number}', value, f'Adam/{kind}/{name(i)}')
    tensors['_CHECKPOINTABLE_OBJECT_GRAPH'] = tf.constant(graph.SerializeToString())
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(tensors),
        shape_and_slices=[''] * len(tensors),
        tensors=list(tensors.values()),
    )


@pytest.mark.parametrize('slots', [True, False])
def test_moments_go_to_their_weights(
    tmp_path: Path, slots: bool, capsys: pytest.CaptureFixture
):
    _write(tmp_path / 'ckpt-8', slots, lambda i: f'layer_{i}/kernel')
    trainer = _built()
    trainer.restore(tmp_path)
    assert int(trainer.step) == 8
    assert trainer.learning_rate == pytest.approx(0.01 * 0.9**0.8)
    weights = checkpoints.variables_by_path(trainer.model).values()
    number = {id(weight): i for i, weight in enumerate(weights)}
    optimizer = trainer.optimizer
    assert len(optimizer._momentums) == len(number)
    for weight, momentum, velocity in zip(
        trainer.model.trainable_variables, optimizer._momentums, optimizer._velocities
    ):
        assert np.all(momentum.numpy() == 2 * number[id(weight)])
        assert np.all(velocity.numpy() == 2 * number[id(weight)] + 1)
    assert 'was not read' not in capsys.readouterr().err


def test_moments_that_may_be_of_several_weights_are_left(
    tmp_path: Path, capsys: pytest.CaptureFixture
):
    _write(tmp_path / 'ckpt-8', False, lambda i: f'layer_{i // 2}')
    trainer = _built()
    trainer.restore(tmp_path)
    assert int(trainer.step) == 0
    assert not np.any(trainer.optimizer._velocities[-1].numpy())
    assert f'{tmp_path / "ckpt-8"}: the state of the optimizer' in (
        capsys.readouterr().err
    )


def test_a_run_of_old_goes_on_in_its_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(train_util, 'SampleSummaries', lambda *args: lambda step: None)

    def train(save_dir: Path, restore_dir: Path) -> train_util.TrainingEnd:
        return train_util.train(
            tiny_training.TinyProvider(),
            _built(),
            batch_size=4,
            num_steps=9,
            save_dir=str(save_dir),
            restore_dir=str(restore_dir),
        )

    known, unknown = tmp_path / 'known', tmp_path / 'unknown'
    for folder, name in ((known, 'layer_{}'), (unknown, 'layer')):
        folder.mkdir()
        _write(folder / 'ckpt-8', False, name.format)
    assert train(known, known).step == 9
    assert (known / 'ckpt-9.index').exists()
    # Its first checkpoints would be taken for older ones, and be removed.
    with pytest.raises(
        ValueError, match=r'ckpt-8 does not say how .* Give it as resto'
    ):
        train(unknown, unknown)
    assert train(tmp_path / 'new', unknown).step == 9
