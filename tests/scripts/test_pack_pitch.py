"""From pretrained encoders to fine-tuning on recordings, by the command, in small."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import gin
import numpy as np
import pack_pitch
import pytest
import tensorflow as tf
from small_records import write_file

from ddsp.training import checkpoint_files, checkpoints, ddsp_run
from ddsp.training.inverse_pitch import (
    calibrate,
    load_confidence,
    load_weights,
    weights,
)

SAMPLES, FRAMES = 1024, 16
TINY = (
    'batch_size = 2',
    'models.InverseSynthesis.n_samples = 1024',
    'GeneratedNotes.n_timesteps = 2',
    'generate_notes_v2.min_note_length = 1',
    'generate_notes_v2.max_note_length = 2',
    'SpectralLoss.fft_sizes = (64,)',
    'train_util.train.steps_per_summary = 1',
    'train_util.train.num_steps = 2',
)


def recording(f0_hz: float) -> dict[str, np.ndarray]:
    audio = 0.3 * np.sin(2 * np.pi * f0_hz * np.arange(SAMPLES) / 16000)
    frames = {name: np.ones(FRAMES) for name in ('f0_confidence', 'loudness_db')}
    return {
        'audio': audio,
        'audio_16k': audio,
        'f0_hz': np.full(FRAMES, f0_hz),
        **frames,
    }


def train(file: str, save_dir: Path, *arguments: str) -> int:
    gin.clear_config()
    given = [f'--gin_file=models/{file}', f'--save_dir={save_dir}', *arguments]
    return ddsp_run.main([*given, *(f'--gin_param={line}' for line in TINY)])


def encoder_weights(checkpoint: Path) -> list[np.ndarray]:
    model = weights.make_model()
    model({'audio': tf.zeros([1, SAMPLES * 16])}, training=False)
    parts = ['sinusoidal_encoder', 'harmonic_encoder']
    model.restore(str(checkpoint), verbose=False, restore_keys=parts)
    return [x.numpy() for x in model.trainable_variables]


@pytest.fixture(scope='module')
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """The shipped weights, a run that went on from them, and what it said."""
    folder = tmp_path_factory.mktemp('pitch')
    write_file(folder / 'sines.tfrecord', [recording(hz) for hz in (220, 330, 440)])
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            ddsp_run.train_util, 'SampleSummaries', lambda *args: lambda step: None
        )
        (folder / 'first').mkdir()
        checkpoints.save(str(folder / 'first' / 'ckpt-9'), load_weights())
        with contextlib.redirect_stdout(said):
            status = train(
                'small_inverse_synthesis_finetune.gin',
                folder / 'second',
                f'--restore_dir={folder}/first',
                f'--gin_param=TFRecordProvider.file_pattern = "{folder}/*.tfrecord"',
                '--gin_param=TFRecordProvider.example_secs = 0.064',
            )
        assert status == 0
    gin.clear_config()
    return folder / 'first', folder / 'second', said.getvalue()


def test_notes_and_recordings_both_count(runs) -> None:
    assert 'finished at step 2' in runs[2]
    assert 'synthetic_harmonic_consistency_loss' in runs[2]
    for kind in ('synthetic', 'recorded'):
        for part in ('sinusoidal_spectral_loss', 'kde_consistency_loss'):
            assert f'{kind}_{part}' in runs[2]


def test_it_begins_with_the_pretrained_encoders_at_step_0(runs) -> None:
    first, second, _ = runs
    steps = [
        checkpoint_files.step_of(p) for p in checkpoint_files.list_checkpoints(second)
    ]
    assert steps == [2]
    before, after = encoder_weights(first), encoder_weights(second)
    moved = [np.abs(a - b).max() for a, b in zip(before, after)]
    # Two steps of Adam move a weight by at most two learning rates.
    assert 0.0 < max(moved) < 2.1 * 0.0002
    fresh = weights.make_model()
    fresh({'audio': tf.zeros([1, 16384])}, training=False)
    strange = [
        np.abs(a - b.numpy()).max() for a, b in zip(before, fresh.trainable_variables)
    ]
    assert max(strange) > 0.1


def test_the_run_can_be_packed(runs, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(weights, 'calibrate', lambda model: calibrate(model, 64))
    path = tmp_path / 'weights.npz'
    pack_pitch.pack(str(runs[1]), path)
    packed, expected = load_weights(path).trainable_variables, encoder_weights(runs[1])
    for variable, value in zip(packed, expected, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert np.isfinite(load_confidence(path)).all()
