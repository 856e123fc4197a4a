from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tiny_training

from ddsp import spectral_ops
from ddsp.training import models, train_util
from ddsp.training.sample_summaries import SampleSummaries

EVERYTHING = {'audio', 'audio_synth', 'spectrogram', 'f0_and_loudness'}


class Mute(models.Model):
    """A model that says what `call` gives, and not which of it is the audio."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = self.add_weight(name='gain', shape=(), initializer='ones')

    def call(self, features: dict, training: bool = False) -> dict[str, tf.Tensor]:
        return {'audio_synth': self.gain * features['audio']}


class Echo(Mute):
    """A model that plays its input, one channel of it."""

    def get_audio_from_outputs(self, outputs: dict) -> tf.Tensor:
        return outputs['audio_synth']


def _batch(sample_rate: int, *channels: int) -> dict[str, tf.Tensor]:
    rng = np.random.default_rng(0)
    audio = rng.uniform(-0.5, 0.5, [1, sample_rate // 8, *channels])
    return {'audio': tf.constant(audio, tf.float32), 'f0_hz': tf.ones([1, 25, 1])}


def _write(
    place: Path, model: models.Model, batch: dict, *rates: int, steps: int = 1
) -> set[str]:
    """The tags of what is written."""
    from tensorflow.core.util import event_pb2

    writer = tf.summary.create_file_writer(str(place))
    samples = SampleSummaries(model, batch, writer, *rates)
    for step in range(steps):
        samples(step)
    writer.close()
    return {
        value.tag.split('/')[0]
        for path in place.glob('events*')
        for record in tf.data.TFRecordDataset(str(path))
        for value in event_pb2.Event.FromString(record.numpy()).summary.value
    }


def test_loudness_is_measured_at_the_frame_rate_of_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    asked = []
    measure = spectral_ops.compute_loudness

    def noted(audio, **kwargs):
        asked.append((kwargs['sample_rate'], kwargs['frame_rate']))
        return measure(audio, **kwargs)

    monkeypatch.setattr(spectral_ops, 'compute_loudness', noted)
    assert _write(tmp_path, Echo(), _batch(22050), 22050, 225) == EVERYTHING
    assert set(asked) == {(22050, 225)}
    assert capsys.readouterr().err == ''


def test_audio_with_an_axis_for_its_channel_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture
):
    assert _write(tmp_path, Echo(), _batch(16000, 1), 16000, 250) == EVERYTHING
    assert capsys.readouterr().err == ''


def test_what_cannot_be_shown_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture
):
    assert not _write(tmp_path, Mute(), _batch(16000), 16000, 250, steps=3)
    error = capsys.readouterr().err
    assert error.count('\n') == 1
    assert 'Mute must define get_audio_from_outputs' in error


def test_rates_that_do_not_go_together_leave_the_sound(
    tmp_path: Path, capsys: pytest.CaptureFixture
):
    found = _write(tmp_path, Echo(), _batch(22050), 22050, 250, steps=2)
    assert found == EVERYTHING - {'f0_and_loudness'}
    error = capsys.readouterr().err
    assert error.count('\n') == 1
    assert 'frame_rate 250 does not divide sample_rate 22050' in error


def test_a_run_uses_the_rates_of_its_provider(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    given = []
    monkeypatch.setattr(
        train_util, 'SampleSummaries', lambda *args: given.append(args[3:])
    )
    train_util.train(
        tiny_training.TinyProvider(),
        tiny_training.tiny_trainer(),
        batch_size=4,
        num_steps=1,
        save_dir=str(tmp_path),
        restore_dir=str(tmp_path),
    )
    assert given == [(tiny_training.RATE, tiny_training.RATE // tiny_training.HOP)]


def test_matplotlib_is_asked_for_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, 'matplotlib', None)
    with pytest.raises(ImportError, match="training needs the package 'matplotlib'"):
        train_util.train(None, None, save_dir=str(tmp_path))
