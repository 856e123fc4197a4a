from __future__ import annotations

import json

import gin
import h5py
import numpy as np
import pytest
import soundfile

from ddsp import audio_files
from ddsp.recordings import singing_path
from ddsp.training.fit import FitSettings, fit_recording, render, run
from ddsp.training.fit.features import extract_features
from ddsp.training.fit.settings import gin_settings

SMALL = ['FitSettings.window_seconds = 0.5', 'FitSettings.lead_in_seconds = 0.1']


def quiet(line: str) -> None:
    pass


def names(path) -> list[str]:
    return sorted(p.name for p in path.iterdir())


@pytest.fixture(scope='module')
def one_second(tmp_path_factory):
    """The shortest recording there may be, at 48 kHz."""
    audio = audio_files.load_audio(singing_path(), 48000)[48000:96000]
    path = tmp_path_factory.mktemp('recordings') / 'short.flac'
    soundfile.write(path, audio, 48000)
    return path


@pytest.fixture(scope='module')
def fitted(one_second, tmp_path_factory):
    out = tmp_path_factory.mktemp('run') / 'out'
    metrics = fit_recording(
        one_second, out, steps=3, transpose=-2, gin_params=SMALL, seed=4, say=quiet
    )
    return out, metrics


def test_one_second_is_enough(fitted):
    out, metrics = fitted
    assert metrics['seconds'] == 1
    assert metrics['steps'] == 3
    assert metrics['transpose_semitones'] == -2
    assert metrics == json.loads((out / 'metrics.json').read_text())
    assert len(names(out)) == 8


def test_weights_and_configuration_make_the_same_sound_again(fitted, one_second):
    out, _ = fitted
    with gin_settings([str(out / 'operative_config.gin')]):
        settings = FitSettings()
        assert (settings.steps, settings.seed) == (3, 4)
        audio = audio_files.load_audio(one_second, settings.sample_rate)
        features = extract_features(audio, settings.sample_rate, settings.frame_rate)
        model = run.build_model(features)
        other = render(model, features, settings)
        model.load_weights(out / 'model.weights.h5')
        again = render(model, features, settings)
    written = audio_files.load_audio(out / 'resynthesis.wav')
    # Only the noise is drawn anew.
    assert np.corrcoef(written, again)[0, 1] > 0.99
    assert np.abs(again - written).mean() < 0.1 * np.abs(other - written).mean()


def test_the_weights_are_those_of_the_model_alone(fitted):
    out, _ = fitted
    with h5py.File(out / 'model.weights.h5') as file:
        assert 'optimizer' not in file


def test_gin_is_empty_again(fitted):
    assert 'FitSettings' not in gin.config_str()


def test_silence_gives_silence(tmp_path):
    soundfile.write(tmp_path / 'silence.wav', np.zeros(24000), 16000)
    said = []
    metrics = fit_recording(
        tmp_path / 'silence.wav', tmp_path / 'out', steps=5, say=said.append
    )
    assert metrics['silent']
    assert metrics['steps'] == 0
    assert metrics['spectral_loss']['ratio'] is None
    assert metrics['f0']['within_50_cents'] is None
    assert 'the recording is silent: nothing to train on' in said
    assert len(names(tmp_path / 'out')) == 8
    for name in ('resynthesis', 'transposed'):
        audio, _ = soundfile.read(tmp_path / 'out' / f'{name}.wav')
        assert audio.shape == (24000,)
        assert not audio.any()


def test_a_loss_gone_wrong_leaves_no_directory(one_second, tmp_path):
    with pytest.raises(FloatingPointError, match='try a lower learning rate'):
        fit_recording(
            one_second,
            tmp_path / 'out',
            steps=20,
            gin_params=[*SMALL, 'FitSettings.learning_rate = 1e38'],
            say=quiet,
        )
    assert names(tmp_path) == []


def test_a_failure_at_the_end_keeps_the_old_directory(tmp_path, monkeypatch):
    def fail(*unused):
        raise OSError('the disk is full')

    soundfile.write(tmp_path / 'silence.wav', np.zeros(16000), 16000)
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'report.html').touch()
    monkeypatch.setattr(run, 'write_report', fail)
    with pytest.raises(OSError, match='the disk is full'):
        fit_recording(
            tmp_path / 'silence.wav', tmp_path / 'out', overwrite=True, say=quiet
        )
    assert names(tmp_path) == ['out', 'silence.wav']
    assert names(tmp_path / 'out') == ['report.html']
