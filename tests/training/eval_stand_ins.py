"""A model, data and checkpoints as small as evaluation can do with."""

from __future__ import annotations

import os
import types

import keras
import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing import event_file_loader
from tones import tone

from ddsp.training import checkpoint_files

F0_HZ = (220.0, 330.0, 440.0)
N_FRAMES, HOP = 100, 64


class GainModel(keras.Model):
    """Plays its data again, times a weight that checkpoints hold."""

    def __init__(self):
        super().__init__()
        self.gain = self.add_weight(name='gain', shape=[], initializer='ones')
        self.restored = []
        self.traced = 0

    def call(self, batch, training=False):
        self.traced += 1
        return {
            'audio_synth': batch['audio'] * self.gain,
            'f0_hz': batch['f0_hz'][..., tf.newaxis],
        }

    def __call__(self, batch, training=False, return_losses=False):
        outputs = super().__call__(batch, training=training)
        distance = tf.abs(outputs['audio_synth'] - batch['audio'])
        losses = {'total_loss': tf.reduce_mean(distance)}
        return (outputs, losses) if return_losses else outputs

    def get_audio_from_outputs(self, outputs):
        return outputs['audio_synth']

    def restore(self, checkpoint_path, verbose=True, restore_keys=None):
        self.gain.assign(tf.train.load_variable(checkpoint_path, KEY))
        self.restored.append(os.path.basename(checkpoint_path))


KEY = 'gain/.ATTRIBUTES/VARIABLE_VALUE'


def write_checkpoint(save_dir, step, gain):
    """Writes `ckpt-STEP`, as training does."""
    path = os.path.join(save_dir, f'ckpt-{step}')
    tf.train.Checkpoint(gain=tf.Variable(gain)).write(path)
    checkpoint_files.keep_newest(str(save_dir), 0)
    return path


def examples():
    """A tone for each f0, of 0.4 s."""
    f0_hz = np.array(F0_HZ, np.float32)[:, np.newaxis] * np.ones(N_FRAMES, np.float32)
    audio = [tone(np.full(N_FRAMES * HOP, f0), level=0.1) for f0 in F0_HZ]
    return {
        'audio': np.stack(audio),
        'f0_hz': f0_hz,
        'f0_confidence': np.ones_like(f0_hz),
    }


class Provider:
    """Gives the examples above, or others, in batches."""

    def __init__(self, features=None, sample_rate=16000, frame_rate=250):
        self.features = examples() if features is None else features
        self.sample_rate, self.frame_rate = sample_rate, frame_rate
        self.asked = types.SimpleNamespace()

    def get_batch(self, batch_size, shuffle=True, repeats=-1, drop_remainder=True):
        self.asked = types.SimpleNamespace(shuffle=shuffle, repeats=repeats)
        dataset = tf.data.Dataset.from_tensor_slices(self.features).repeat(repeats)
        return dataset.batch(batch_size, drop_remainder=drop_remainder)


def read_summaries(directory):
    """What was written for TensorBoard, `{tag: [(step, value)]}`."""
    found = {}
    for path in sorted(directory.iterdir()):
        for event in event_file_loader.EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                array = tf.make_ndarray(value.tensor)
                found.setdefault(value.tag, []).append((event.step, array))
    return found
