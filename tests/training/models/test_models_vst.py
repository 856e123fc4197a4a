from __future__ import annotations

import gin
import keras
import numpy as np
import pytest
import tensorflow as tf

from ddsp.training import checkpoints, gin_files, models

FRAMES = 6  # Centred: one more than there are hops of audio.
HOP_16K = 320
SMALL = [
    'RnnFcDecoder.rnn_channels = 4',
    'RnnFcDecoder.ch = 4',
    'FilteredNoiseReverb.n_frames = 5',
    'FilteredNoiseReverb.reverb_length = 500',
]


def make_model(file: str, hop: int) -> models.Autoencoder:
    gin_files.parse_files([file])
    lengths = [f'{name}.n_samples = {hop * FRAMES}' for name in WITH_LENGTH]
    gin.parse_config([*SMALL, *lengths])
    return models.get_model()


WITH_LENGTH = ('Harmonic', 'FilteredNoise')


def features(hop: int) -> dict[str, tf.Tensor]:
    rng = np.random.default_rng(0)
    sizes = {'audio': hop * (FRAMES - 1), 'audio_16k': HOP_16K * (FRAMES - 1)}
    audio = {key: rng.normal(0, 0.1, [2, size]) for key, size in sizes.items()}
    f0_hz = np.full([2, FRAMES], 220.0)
    return {
        key: tf.constant(value, tf.float32)
        for key, value in {**audio, 'f0_hz': f0_hz}.items()
    }


@pytest.mark.parametrize(
    ('file', 'hop'),
    [
        ('models/vst/vst.gin', 320),
        ('models/vst/vst_32k.gin', 640),
        ('models/vst/vst_48k.gin', 960),
    ],
)
def test_streaming_models_play_train_and_are_kept(file, hop, tmp_path):
    model, given = make_model(file, hop), features(hop)
    outputs, losses = model(given, training=False, return_losses=True)
    assert outputs['pw_scaled'].shape == (2, FRAMES, 1)
    assert outputs['audio_synth'].shape == (2, hop * (FRAMES - 1))
    assert np.isfinite(losses['spectral_loss'])
    before = [np.array(w) for w in model.trainable_variables]
    model.compile(optimizer=keras.optimizers.SGD(1.0))
    model.train_step(given)
    for old, new in zip(before, model.trainable_variables, strict=True):
        assert np.isfinite(new).all()
        assert (old != np.array(new)).any(), new.path
    assert 'processor_group/reverb/magnitudes' in checkpoints.variables_by_path(model)
    restored = models.get_model()
    restored.restore(checkpoints.save(str(tmp_path / 'ckpt-1'), model), verbose=False)
    controls = [m(given, training=False)['noise_magnitudes'] for m in (model, restored)]
    np.testing.assert_array_equal(*controls)
