from __future__ import annotations

from pathlib import Path

import gin
import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_training

from ddsp.training import checkpoint_files, checkpoints, decoders, trainers


def _batches(**kwargs: int) -> tf.data.Dataset:
    return tiny_training.TinyProvider().get_batch(4, seed=0, **kwargs)


def _built(**kwargs: object) -> trainers.Trainer:
    trainer = tiny_training.tiny_trainer(**kwargs)
    trainer.build(next(iter(_batches())))
    trainer.model.noise_seed = 0
    return trainer


def test_steps_make_the_loss_smaller():
    trainer = _built(learning_rate=0.02)
    # Always the same batch, and noise that is the same: only training can help.
    batch = next(iter(_batches()))
    losses = [trainer.train_step(batch) for _ in range(30)]
    assert set(losses[0]) == {'spectral_loss', 'total_loss'}
    assert float(losses[-1]['total_loss']) < 0.8 * float(losses[0]['total_loss'])
    assert int(trainer.step) == 30


def test_an_iterator_is_taken_a_batch_a_step():
    trainer, other = _built(), _built()
    iterator = iter(trainer.distribute_dataset(_batches()))
    batches = iter(_batches())
    for _ in range(3):
        expected = other.train_step(next(batches))
        losses = trainer.train_step(iterator)
        assert float(losses['total_loss']) == float(expected['total_loss'])


def test_fit_takes_the_same_steps():
    trainer, other = _built(), _built()
    curve = tiny_training.Curve()
    trainer.fit(_batches(), 5, [curve])
    iterator = iter(_batches())
    expected = [float(other.train_step(iterator)['total_loss']) for _ in range(5)]
    assert curve.losses == expected
    ours, theirs = map(tiny_training.weights_of, (trainer, other))
    assert tiny_training.all_close(ours, theirs, atol=0, rtol=0)


def test_steps_are_traced_once():
    trainer = _built()
    trainer.fit(_batches(), 8)
    trainer.fit(_batches(skip_batches=8), 8)
    assert trainer._train_function.experimental_get_tracing_count() == 1


def test_the_step_compiles():
    trainer, other = _built(jit_compile=True), _built()
    batch = next(iter(_batches()))
    for _ in range(2):
        compiled, plain = trainer.train_step(batch), other.train_step(batch)
        assert float(compiled['total_loss']) == pytest.approx(
            float(plain['total_loss']), rel=1e-3
        )


def test_the_learning_rate_decays():
    trainer = _built(learning_rate=0.01, lr_decay_steps=4, lr_decay_rate=0.5)
    assert trainer.learning_rate == pytest.approx(0.01)
    trainer.fit(_batches(), 6)
    assert trainer.learning_rate == pytest.approx(0.01 * 0.5 ** (6 / 4))


def test_saving_and_restoring_brings_back_everything(tmp_path: Path):
    trainer = _built()
    trainer.fit(_batches(), 3)
    path = trainer.save(tmp_path)
    assert path == str(tmp_path / 'ckpt-3')
    assert tf.train.latest_checkpoint(str(tmp_path)) == path
    again = _built(learning_rate=0.01)
    assert again.restore(tmp_path) == path
    assert int(again.step) == 3
    trainer.fit(_batches(skip_batches=3), 3)
    again.fit(_batches(skip_batches=3), 3)
    ours, theirs = map(tiny_training.weights_of, (trainer, again))
    assert tiny_training.all_close(ours, theirs, atol=0, rtol=0)


def test_only_named_parts_are_restored(tmp_path: Path):
    trainer = _built()
    trainer.fit(_batches(), 3)
    trainer.save(tmp_path)
    again = _built(restore_keys=['decoder'])
    again.restore(tmp_path)
    assert int(again.step) == 0
    ours, theirs = map(tiny_training.weights_of, (trainer, again))
    assert tiny_training.all_close(ours, theirs, atol=0, rtol=0)
    with pytest.raises(ValueError, match='encoder'):
        again.restore(tmp_path, restore_keys=['encoder'])


def test_what_is_not_restored_of_the_training_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture
):
    trainer = _built()
    checkpoints.save(tmp_path / 'ckpt-3', trainer.model)
    path = _built().restore(tmp_path)
    assert path == str(tmp_path / 'ckpt-3')
    said = capsys.readouterr().err
    assert said.startswith(f'{path}: the state of the optimizer, not in the checkpoint')


def test_a_checkpoint_writes_and_reads_a_path(tmp_path: Path):
    trainer = _built()
    trainer.fit(_batches(), 2)
    path = trainer.get_checkpoint().write(tmp_path / 'mine')
    again = _built()
    again.get_checkpoint().restore(path)
    assert int(again.step) == 2


def test_old_checkpoints_are_removed(tmp_path: Path):
    trainer = _built(checkpoints_to_keep=2)
    for _ in range(4):
        trainer.fit(_batches(), 1)
        trainer.save(tmp_path)
    names = sorted(path.name for path in tmp_path.glob('*.index'))
    assert names == ['ckpt-3.index', 'ckpt-4.index']


def _cut_short(checkpoint: Path) -> None:
    data = checkpoint.with_name(f'{checkpoint.name}.data-00000-of-00001')
    data.write_bytes(data.read_bytes()[:100])


def test_a_damaged_checkpoint_does_not_cost_the_one_just_written(tmp_path: Path):
    trainer = _built()
    for steps in (4, 2):
        trainer.fit(_batches(), steps)
        trainer.save(tmp_path)
    _cut_short(tmp_path / 'ckpt-6')
    again = _built(checkpoints_to_keep=1)
    assert again.restore(f'{tmp_path}/') == str(tmp_path / 'ckpt-4')
    # What was only read is left as it was.
    assert (tmp_path / 'ckpt-6.index').exists()
    again.fit(_batches(), 1)
    path = again.save(tmp_path)
    assert path == again.last_checkpoint == str(tmp_path / 'ckpt-5')
    assert checkpoint_files.list_checkpoints(str(tmp_path)) == [path]
    assert tf.train.latest_checkpoint(str(tmp_path)) == path
    assert (tmp_path / 'damaged-ckpt-6.index').exists()


def test_a_damaged_checkpoint_is_written_anew(tmp_path: Path):
    trainer = _built()
    for _ in range(2):
        trainer.fit(_batches(), 1)
        trainer.save(tmp_path)
    _cut_short(tmp_path / 'ckpt-2')
    again = _built()
    assert again.restore(tmp_path) == str(tmp_path / 'ckpt-1')
    again.fit(_batches(), 1)
    assert again.save(tmp_path) == str(tmp_path / 'ckpt-2')
    assert _built().restore(tmp_path) == str(tmp_path / 'ckpt-2')


def test_what_cannot_be_put_in_order_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    trainer = _built()

    def full(*args: object) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, 'No space left')

    monkeypatch.setattr(checkpoint_files, 'write_state', full)
    with pytest.raises(OSError, match=r'ckpt-0 was written, but .*No space left'):
        trainer.save(tmp_path)
    assert trainer.last_checkpoint == str(tmp_path / 'ckpt-0')
    assert _built().restore(tmp_path) == str(tmp_path / 'ckpt-0')


class Dropping(decoders.RnnFcDecoder):
    """A decoder that drops some of what it is given."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.dropout = keras.layers.Dropout(0.5)

    def call(self, *inputs: tf.Tensor, training: bool = False) -> dict:
        return super().call(*(self.dropout(x, training=training) for x in inputs))


def test_dropouts_go_on_where_they_were(tmp_path: Path):
    def built() -> trainers.Trainer:
        model = tiny_training.tiny_model()
        settings = model.decoder.get_config()
        del settings['name']
        model.decoder = Dropping(**settings)
        trainer = tiny_training.tiny_trainer(model=model)
        trainer.build(next(iter(_batches())))
        trainer.model.noise_seed = 0
        return trainer

    trainer = built()
    trainer.fit(_batches(), 3)
    trainer.save(tmp_path)
    again = built()
    again.restore(tmp_path)
    curves = tiny_training.Curve(), tiny_training.Curve()
    for each, curve in zip((trainer, again), curves):
        each.fit(_batches(skip_batches=3), 2, [curve])
    assert curves[0].losses == curves[1].losses


@pytest.mark.parametrize('policy', ['mixed_float16', 'float16', 'bfloat16'])
def test_policies_that_do_not_train_are_refused(policy: str):
    with pytest.raises(ValueError, match=rf"'{policy}'.*Use 'mixed_bfloat16'"):
        tiny_training.tiny_trainer(model=tiny_training.tiny_model(dtype=policy))


def test_mixed_bfloat16_trains():
    model = tiny_training.tiny_model(dtype='mixed_bfloat16')
    trainer = tiny_training.tiny_trainer(model=model)
    batch = next(iter(_batches()))
    for step in range(2):
        assert int(trainer.step) == step
        assert np.isfinite(float(trainer.train_step(batch)['total_loss']))


def test_sums_and_runs_go_over_the_replicas():
    strategy = tf.distribute.MirroredStrategy()
    trainer = tiny_training.tiny_trainer(strategy)
    value = trainer.run(lambda x, y: x + y, tf.constant([1.0, 2.0]), y=1.0)
    assert np.allclose(trainer.psum(value), [2.0, 3.0])
    assert float(trainer.psum(value, axis=0)) == 5.0


def test_building_comes_first(tmp_path: Path):
    trainer = tiny_training.tiny_trainer()
    with pytest.raises(ValueError, match=r'call build\(batch\) before the first'):
        trainer.train_step(iter(_batches()))
    with pytest.raises(ValueError, match=r'call build\(batch\) before restore'):
        trainer.restore(tmp_path)
    # A batch, unlike an iterator, tells what there is to build.
    assert float(trainer.train_step(next(iter(_batches())))['total_loss']) > 0


@pytest.mark.parametrize(
    'setting', [{'learning_rate': 0.0}, {'lr_decay_steps': 0}, {'lr_decay_rate': -1.0}]
)
def test_settings_without_sense_are_refused(setting: dict):
    (name,) = setting
    with pytest.raises(ValueError, match=f'Trainer.{name} is'):
        tiny_training.tiny_trainer(**setting)


def test_a_model_made_outside_the_scope_is_refused():
    model = tiny_training.tiny_model()
    with pytest.raises(ValueError, match='make the model inside'):
        trainers.Trainer(model, tf.distribute.MirroredStrategy())


def test_gin_configures_trainer_and_class():
    gin.parse_config("""
        trainers.Trainer.learning_rate = 0.25
        get_trainer_class.trainer_class = @trainers.Trainer
    """)
    assert trainers.get_trainer_class() is trainers.Trainer
    model = tiny_training.tiny_model()
    trainer = trainers.Trainer(model, tf.distribute.get_strategy())
    assert trainer.learning_rate == 0.25


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path):
    result = tiny_training.run_python(
        """
import json, resource, sys
import tiny_training
trainer = tiny_training.tiny_trainer()
batches = tiny_training.TinyProvider().get_batch(4, seed=0)
trainer.build(next(iter(batches)))
trainer.fit(batches, 1)
trainer.save(sys.argv[1])
trainer.fit(batches, 1)
# Files cannot grow beyond this: as on a full disk.
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    trainer.save(sys.argv[1])
    message = ''
except OSError as error:
    message = str(error)
print(json.dumps(message))
""",
        str(tmp_path),
    )
    assert f'{tmp_path / "ckpt-2"} could not be written' in result
    assert f'{tmp_path / "ckpt-1"} is intact' in result
    again = _built()
    assert again.restore(tmp_path) == str(tmp_path / 'ckpt-1')
    left = {path.name.split('.')[0] for path in tmp_path.iterdir()}
    assert left == {'checkpoint', 'ckpt-1'}


def test_a_step_of_ones_own():
    """As programs for the established library write it."""

    class Own(trainers.Trainer):
        @tf.function
        def step_fn(self, batch):
            with tf.GradientTape() as tape:
                _, losses = self.model(batch, return_losses=True, training=True)
            weights = self.model.trainable_variables
            grads = tape.gradient(losses['total_loss'], weights)
            grads, _ = tf.clip_by_global_norm(grads, self.grad_clip_norm)
            self.optimizer.apply_gradients(zip(grads, weights))
            return losses

    strategy = tf.distribute.get_strategy()
    trainer = Own(tiny_training.tiny_model(), strategy, grad_clip_norm=0.5)
    losses = trainer.train_step(next(iter(_batches())))
    assert set(losses) == {'spectral_loss', 'total_loss'}
    assert int(trainer.step) == 1
    # Clipped by what the step asked for, before the optimizer saw it.
    assert float(trainer.optimizer.gradient_norm) == pytest.approx(0.5, rel=1e-4)
