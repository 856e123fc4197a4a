from __future__ import annotations

import collections
import json
import os
import signal
from pathlib import Path

import gin
import numpy as np
import pytest
import tensorflow as tf
import tiny_training
from busy_directory import held_elsewhere

from ddsp.training import train_util

# Trains, and kills itself without a chance to tidy up.
_KILLED = """
import os, signal, sys
import keras, tiny_training
from ddsp.training import train_util

class Kill(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == 23:
            os.kill(os.getpid(), signal.SIGKILL)

trainer = tiny_training.tiny_trainer(harmonic=True)
fit = trainer.fit
trainer.fit = lambda dataset, steps, watching: fit(dataset, steps, [*watching, Kill()])
train_util.train(
    tiny_training.TinyProvider(), trainer, batch_size=4, num_steps=40,
    steps_per_save=20, steps_per_summary=10, save_dir=sys.argv[1],
    restore_dir=sys.argv[1],
)
"""


@pytest.fixture(autouse=True)
def without_samples(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sounds and pictures take longer than all the rest."""
    if 'writes_checkpoints_summaries' not in request.node.name:
        monkeypatch.setattr(
            train_util, 'SampleSummaries', lambda *args: lambda step: None
        )


def _train(save_dir: Path, trainer=None, provider=None, **kwargs):
    trainer = trainer or tiny_training.tiny_trainer()
    settings = {
        'batch_size': 4,
        'num_steps': 6,
        'steps_per_summary': 2,
        'steps_per_save': 4,
        'save_dir': str(save_dir),
        'restore_dir': str(save_dir),
        **kwargs,
    }
    end = train_util.train(
        provider or tiny_training.TinyProvider(), trainer, **settings
    )
    return trainer, end


def _at_step(trainer, step: int, action) -> None:
    """Lets something happen after a step of the run to come."""
    fit = trainer.fit

    class Then(tiny_training.Curve):
        def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
            if batch + 1 == step:
                action()

    def wrapped(dataset, steps, watching):
        # Before the others, as a signal would come.
        fit(dataset, steps, [Then(), *watching])

    trainer.fit = wrapped


def _summaries(save_dir: Path) -> dict[str, list[tuple[int, object]]]:
    """What is in the event files, by tag."""
    from tensorflow.core.util import event_pb2

    found = collections.defaultdict(list)
    for path in sorted((save_dir / 'summaries').rglob('events*')):
        for record in tf.data.TFRecordDataset(str(path)):
            event = event_pb2.Event.FromString(record.numpy())
            for value in event.summary.value:
                found[value.tag].append((event.step, tf.make_ndarray(value.tensor)))
    return found


def test_a_run_writes_checkpoints_summaries_and_its_configuration(tmp_path: Path):
    trainer, end = _train(tmp_path)
    assert (end.step, end.reason) == (6, 'finished')
    assert set(end.losses) == {'spectral_loss', 'total_loss'}
    names = {path.name for path in tmp_path.iterdir()}
    assert {'ckpt-4.index', 'ckpt-6.index', 'operative_config-0.gin'} <= names
    assert (
        'train.num_steps = 6' not in (tmp_path / 'operative_config-0.gin').read_text()
    )
    found = _summaries(tmp_path)
    for tag in ('losses/total_loss', 'losses/spectral_loss', 'learning_rate'):
        assert [step for step, _ in found[tag]] == [2, 4, 6]
    assert found['steps_per_second']
    assert 'gin/operative_config' in found
    for tag in ('audio_synth/sample_0', 'f0_and_loudness/0', 'spectrogram/1'):
        near = [known for known in found if known.startswith(tag.rsplit('/', 1)[0])]
        assert near, sorted(found)
    norm = found['gradient_norm'][-1][1]
    assert norm == pytest.approx(float(trainer.optimizer.gradient_norm))


def test_scalars_are_means_since_the_last_ones(tmp_path: Path):
    trainer = tiny_training.tiny_trainer()
    curve = tiny_training.Curve()
    fit = trainer.fit
    trainer.fit = lambda data, steps, watching: fit(data, steps, [*watching, curve])
    _train(tmp_path, trainer, num_steps=5)
    found = [float(value) for _, value in _summaries(tmp_path)['losses/total_loss']]
    losses = curve.losses
    expected = [np.mean(losses[:2]), np.mean(losses[2:4]), losses[4]]
    assert np.allclose(found, expected, rtol=1e-6)


def test_a_run_killed_and_resumed_is_one_that_was_never_stopped(tmp_path: Path):
    whole = tiny_training.tiny_trainer(harmonic=True)
    _train(tmp_path / 'whole', whole, num_steps=40, steps_per_save=100)
    process = tiny_training.start_python(_KILLED, str(tmp_path / 'parts'))
    _, error = process.communicate(timeout=200)
    assert process.returncode == -signal.SIGKILL, error[-3000:]
    assert not (tmp_path / 'parts' / 'ckpt-40.index').exists()
    curve = tiny_training.Curve()
    resumed = tiny_training.tiny_trainer(harmonic=True)
    fit = resumed.fit
    resumed.fit = lambda data, steps, watching: fit(data, steps, [*watching, curve])
    _, end = _train(tmp_path / 'parts', resumed, num_steps=40, steps_per_save=100)
    assert len(curve.losses) == 20
    assert end.step == 40
    assert resumed.learning_rate == whole.learning_rate
    ours, theirs = map(tiny_training.weights_of, (resumed, whole))
    assert tiny_training.all_close(ours, theirs, rtol=0, atol=1e-5)
    moments = [[v.numpy() for v in t.optimizer.variables] for t in (resumed, whole)]
    assert tiny_training.all_close(*moments, rtol=0, atol=1e-5)


def test_seeds_decide_data_and_noise(tmp_path: Path):
    losses = [
        _train(tmp_path / str(i), seed=seed, num_steps=2)[1].losses['total_loss']
        for i, seed in enumerate((3, 3, 4))
    ]
    assert losses[0] == losses[1] != losses[2]


def test_a_run_that_is_complete_is_left_alone(tmp_path: Path):
    _train(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    _, end = _train(tmp_path)
    assert (end.step, end.losses) == (6, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_training_can_start_from_another_run(tmp_path: Path):
    _train(tmp_path / 'a')
    second, end = _train(
        tmp_path / 'b', restore_dir=str(tmp_path / 'a' / 'ckpt-4'), num_steps=5
    )
    assert end.step == 5
    assert int(second.step) == 5
    # Started again, it goes on from its own checkpoint.
    _, end = _train(tmp_path / 'b', restore_dir=str(tmp_path / 'a'), num_steps=5)
    assert end.losses == {}


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_stops(tmp_path: Path, number: signal.Signals):
    trainer = tiny_training.tiny_trainer()
    before = signal.getsignal(number)
    _at_step(trainer, 3, lambda: os.kill(os.getpid(), number))
    _, end = _train(tmp_path, trainer, num_steps=100, steps_per_save=100)
    assert (end.step, end.reason) == (3, number.name)
    assert (tmp_path / 'ckpt-3.index').exists()
    assert signal.getsignal(number) == before


def test_a_second_signal_aborts(tmp_path: Path):
    trainer = tiny_training.tiny_trainer()

    def press_twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    _at_step(trainer, 2, press_twice)
    with pytest.raises(KeyboardInterrupt):
        _train(tmp_path, trainer, num_steps=100)


def test_training_stops_at_a_loss_low_enough(tmp_path: Path):
    _, end = _train(tmp_path, early_stop_loss_value=1e6)
    assert (end.step, end.reason) == (1, 'early stop')
    assert (tmp_path / 'ckpt-1.index').exists()


def test_a_loss_that_is_no_number_ends_training(tmp_path: Path):
    provider = tiny_training.TinyProvider(bad_batch=5)
    with pytest.raises(FloatingPointError) as caught:
        _train(tmp_path, provider=provider, num_steps=10)
    message = str(caught.value)
    assert 'the loss became nan at step 6' in message
    assert "the feature 'f0_hz' (100 % of it)" in message
    # The checkpoint before it is the last, and good.
    assert train_util.get_latest_checkpoint(tmp_path) == str(tmp_path / 'ckpt-4')
    trainer, _ = _train(tmp_path, num_steps=5)
    assert all(
        np.isfinite(weight).all() for weight in tiny_training.weights_of(trainer)
    )


def test_gradients_that_are_no_numbers_end_training(tmp_path: Path):
    trainer = tiny_training.tiny_trainer(harmonic=True)
    decode = trainer.model.decoder.call
    # A compiler would see a constant zero.
    zero = tf.Variable(0.0, trainable=False)

    def call(*inputs, **kwargs):
        outputs = decode(*inputs, **kwargs)
        # The root of zero has a value, and no slope.
        amps = outputs['amps']
        outputs['amps'] = amps + tf.sqrt(amps * zero)
        return outputs

    trainer.model.decoder.call = call
    with pytest.raises(FloatingPointError) as caught:
        _train(tmp_path, trainer)
    message = str(caught.value)
    assert 'the gradients became nan at step 1' in message
    assert "the first that is not finite is the gradient of '" in message
    assert not list(tmp_path.glob('*.index'))


def test_a_directory_of_another_model_is_refused(tmp_path: Path):
    _train(tmp_path)
    other = tiny_training.tiny_model()
    other.decoder = type(other.decoder)(
        rnn_channels=6,
        ch=4,
        layers_per_stack=1,
        input_keys=('ld_scaled', 'f0_scaled'),
        output_splits=other.decoder.output_splits,
    )
    trainer = tiny_training.tiny_trainer(model=other)
    with pytest.raises(ValueError) as caught:
        _train(tmp_path, trainer, num_steps=8)
    message = str(caught.value)
    assert 'has checkpoints of another model' in message
    assert 'recurrent_kernel' in message
    assert 'Name another save_dir' in message


@pytest.mark.parametrize('damage', ['cut', 'garbled', 'index'])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    tmp_path: Path, damage: str, capsys: pytest.CaptureFixture
):
    _train(tmp_path)
    capsys.readouterr()
    (tmp_path / '.writing-1-ckpt-7.index').touch()
    data = tmp_path / 'ckpt-6.data-00000-of-00001'
    content = data.read_bytes()
    if damage == 'cut':
        data.write_bytes(content[: len(content) // 2])
    elif damage == 'garbled':
        data.write_bytes(bytes(255 - byte for byte in content))
    else:
        (tmp_path / 'ckpt-6.index').write_bytes(b'no index')
    _, end = _train(tmp_path, num_steps=7)
    error = capsys.readouterr().err
    assert f'{tmp_path / "ckpt-6"} is damaged' in error
    assert f'going on from {tmp_path / "ckpt-4"}, step 4' in error
    assert end.step == 7
    # Nor is what a killed process left taken for anything.
    assert not list(tmp_path.glob('.writing-*'))


@pytest.mark.parametrize('name', ['batch_size', 'num_steps', 'steps_per_save'])
def test_settings_without_sense_are_refused(tmp_path: Path, name: str):
    with pytest.raises(ValueError, match=f'train.{name} is 0, expected an integer'):
        _train(tmp_path, **{name: 0})


def test_an_empty_dataset_is_refused(tmp_path: Path):
    class Empty(tiny_training.TinyProvider):
        def get_batch(self, *args, **kwargs):
            return super().get_batch(*args, **kwargs).take(0)

    with pytest.raises(ValueError, match='gives not even one batch of 4'):
        _train(tmp_path, provider=Empty())


def test_data_that_end_are_told(tmp_path: Path):
    class Short(tiny_training.TinyProvider):
        def get_batch(self, *args, **kwargs):
            return super().get_batch(*args, **kwargs).take(3)

    with pytest.raises(ValueError, match='the data ended at step 3 of 6'):
        _train(tmp_path, provider=Short())
    assert (tmp_path / 'ckpt-3.index').exists()


def test_a_provider_that_knows_no_seed_will_do(
    tmp_path: Path, capsys: pytest.CaptureFixture
):
    class Old(tiny_training.TinyProvider):
        def get_batch(self, batch_size, shuffle=True, repeats=-1, drop_remainder=True):
            return super().get_batch(batch_size)

    _, end = _train(tmp_path, provider=Old())
    assert end.step == 6
    assert 'knows no seed' in capsys.readouterr().err


def test_the_description_of_the_data_goes_with_the_model(tmp_path: Path):
    class Described(tiny_training.TinyProvider):
        dataset_info = {'sample_rate': 16000}

    _train(tmp_path, provider=Described(), num_steps=1)
    assert json.loads((tmp_path / 'dataset.json').read_text())['sample_rate'] == 16000


def test_gin_configures_a_run(tmp_path: Path):
    gin.external_configurable(tiny_training.TinyProvider, 'TinyProvider')
    gin.parse_config("""
        train_util.train.data_provider = @TinyProvider()
        train.num_steps = 2
        train.batch_size = 3
        train.seed = 8
    """)
    assert train_util.configured_seed() == 8
    trainer = tiny_training.tiny_trainer()
    end = train_util.train(trainer=trainer, save_dir=str(tmp_path))
    assert end.step == 2
    text = (tmp_path / 'operative_config-0.gin').read_text()
    assert 'train.num_steps = 2' in text
    assert 'train.seed = 8' in text
    assert trainer.model.noise_seed == 8


def test_the_newest_file_is_found_by_its_number(tmp_path: Path):
    for step in (9, 10, 100):
        (tmp_path / f'operative_config-{step}.gin').touch()
    (tmp_path / 'operative_config-x.gin').touch()
    (tmp_path / 'operative_config-200.gin.tmp').touch()
    expected = str(tmp_path / 'operative_config-100.gin')
    assert train_util.get_latest_file(tmp_path) == expected
    assert train_util.get_latest_operative_config(tmp_path) == expected
    assert train_util.get_latest_operative_config(tmp_path / 'ckpt-9') == expected
    with pytest.raises(FileNotFoundError, match='no file a-<number>'):
        train_util.get_latest_file(tmp_path, 'a-', '.b')
    with pytest.raises(FileNotFoundError):
        train_util.get_latest_operative_config(tmp_path / 'nowhere' / 'deeper')


def test_paths_are_expanded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('HOME', '/home/me')
    monkeypatch.setenv('RUN', 'seven')
    assert train_util.expand_path('~/$RUN') == '/home/me/seven'


def test_a_save_dir_that_is_a_file_is_an_error(tmp_path: Path):
    (tmp_path / 'taken').write_text('not a directory')
    with pytest.raises(OSError, match=r'save_dir .*taken cannot be made'):
        _train(tmp_path / 'taken')
    with pytest.raises(OSError, match=r'save_dir .*run cannot be made'):
        _train(tmp_path / 'taken' / 'run')


def test_two_cannot_train_in_one_directory(tmp_path: Path):
    _train(tmp_path)
    unfinished = tmp_path / '.writing-1-ckpt-8.index'
    unfinished.write_text('of the other one')
    trainer = tiny_training.tiny_trainer()
    with (
        held_elsewhere(tmp_path),
        pytest.raises(OSError, match='something else is training there'),
    ):
        _train(tmp_path, trainer, num_steps=8)
    # What the other one is about to replace was not read.
    assert int(trainer.step) == 0
    assert unfinished.exists()
    _, end = _train(tmp_path, num_steps=8)
    assert end.step == 8
    assert not unfinished.exists()
