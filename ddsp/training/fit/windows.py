"""Random windows of a recording, for training."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ddsp.training.fit.features import Features
from ddsp.training.fit.settings import FitSettings

_SILENCE_DB = -80.0


def random_windows(features: Features, settings: FitSettings) -> tf.data.Dataset:
    """Endless batches of windows that start anywhere in the recording.

    A window is a lead-in and the part that the loss compares. Before the recording
    there is silence, so that its first sample is trained on as well as any other.

    Parameters
    ----------
    features : of the recording.
    settings : batch size, lengths and seed. A recording shorter than a window is
        taken whole.

    Returns
    -------
    Dataset of `({'f0_hz', 'loudness_db'}, audio)`: `[batch, frames, 1]` each with the
    lead-in, and `[batch, samples]` without.
    """
    hop = features.hop
    n_frames = len(features.f0_hz)
    n_heard = min(round(settings.window_seconds * features.frame_rate), n_frames)
    n_lead = round(settings.lead_in_seconds * features.frame_rate)
    f0_hz = tf.constant(np.pad(features.f0_hz, (n_lead, 0), mode='edge'))
    loudness_db = tf.constant(
        np.pad(features.loudness_db, (n_lead, 0), constant_values=_SILENCE_DB)
    )
    audio = tf.constant(features.audio)
    n_starts = n_frames - n_heard + 1

    def cut(random: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        start = random % n_starts
        frames = slice(start, start + n_lead + n_heard)
        heard = audio[start * hop : (start + n_heard) * hop]
        inputs = {
            'f0_hz': tf.reshape(f0_hz[frames], [n_lead + n_heard, 1]),
            'loudness_db': tf.reshape(loudness_db[frames], [n_lead + n_heard, 1]),
        }
        return inputs, tf.reshape(heard, [n_heard * hop])

    numbers = tf.data.Dataset.random(seed=settings.seed)
    windows = numbers.map(cut, num_parallel_calls=1)
    return windows.batch(settings.batch_size, drop_remainder=True).prefetch(2)
