"""A model and a dataset so small that training them takes no time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ddsp import losses, processors, synths
from ddsp.training import decoders, models, preprocessing, trainers

FRAMES, HOP, RATE = 10, 64, 16000
SAMPLES = FRAMES * HOP


def tiny_model(harmonic: bool = True, **kwargs: Any) -> models.Autoencoder:
    """An autoencoder with a few hundred weights.

    It plays noise, and harmonics, unless it is to be traced in half the time.
    """
    noise = synths.FilteredNoise(n_samples=SAMPLES, window_size=0)
    dag: list = [(noise, ['noise_magnitudes'])]
    if harmonic:
        sines = synths.Harmonic(n_samples=SAMPLES, sample_rate=RATE)
        dag = [
            (sines, ['amps', 'harmonic_distribution', 'f0_hz']),
            *dag,
            (processors.Add(), ['filtered_noise/signal', 'harmonic/signal']),
        ]
    return models.Autoencoder(
        preprocessor=preprocessing.F0LoudnessPreprocessor(
            time_steps=FRAMES, compute_loudness=False
        ),
        decoder=decoders.RnnFcDecoder(
            rnn_channels=4,
            ch=4,
            layers_per_stack=1,
            input_keys=('ld_scaled', 'f0_scaled'),
            output_splits=(
                ('amps', 1),
                ('harmonic_distribution', 3),
                ('noise_magnitudes', 5),
            ),
        ),
        processor_group=processors.ProcessorGroup(dag=dag),
        losses=[losses.SpectralLoss(fft_sizes=(64,), logmag_weight=1.0)],
        **kwargs,
    )


class TinyProvider:
    """Examples of sines, in an order that a seed decides.

    Parameters
    ----------
    examples : how many there are.
    bad_batch : the number of a batch whose f0 is NaN, or None.
    """

    sample_rate, frame_rate = RATE, RATE // HOP

    def __init__(self, examples: int = 24, bad_batch: int | None = None) -> None:
        rng = np.random.default_rng(0)
        f0_hz = rng.uniform(200, 800, [examples, 1]) * np.ones([1, FRAMES])
        phase = 2 * np.pi * f0_hz[:, :1] * np.arange(SAMPLES) / RATE
        self.examples = {
            'audio': (0.5 * np.sin(phase)).astype(np.float32),
            'f0_hz': f0_hz.astype(np.float32),
            'loudness_db': rng.uniform(-60, 0, [examples, FRAMES]).astype(np.float32),
        }
        self.bad_batch = bad_batch

    def get_batch(
        self,
        batch_size: int,
        shuffle: bool = True,
        repeats: int = -1,
        drop_remainder: bool = True,
        seed: int | None = None,
        skip_batches: int = 0,
    ) -> tf.data.Dataset:
        """As `ddsp.training.data.DataProvider.get_batch`."""
        signature = {
            key: tf.TensorSpec([batch_size, *value.shape[1:]], tf.float32)
            for key, value in self.examples.items()
        }
        return tf.data.Dataset.from_generator(
            lambda: self._batches(batch_size, shuffle, seed, skip_batches),
            output_signature=signature,
        )

    def _batches(
        self, batch_size: int, shuffle: bool, seed: int | None, skip_batches: int
    ) -> Iterator[Mapping[str, np.ndarray]]:
        count = len(self.examples['audio'])
        number = skip_batches
        while True:
            rng = np.random.default_rng([seed or 0, number])
            chosen = rng.integers(0, count, batch_size)
            batch = {key: value[chosen] for key, value in self.examples.items()}
            if number == self.bad_batch and shuffle:
                batch['f0_hz'] = np.full_like(batch['f0_hz'], np.nan)
            yield batch
            number += 1


def tiny_trainer(
    strategy: tf.distribute.Strategy | None = None,
    model: keras.Model | None = None,
    harmonic: bool = False,
    **kwargs: Any,
) -> trainers.Trainer:
    """A trainer of a new tiny model, whose weights are the same each time."""
    keras.utils.set_random_seed(1)
    strategy = strategy or tf.distribute.get_strategy()
    with strategy.scope():
        model = model or tiny_model(harmonic)
    return trainers.Trainer(model, strategy, **{'learning_rate': 0.01, **kwargs})


class Curve(keras.callbacks.Callback):
    """Keeps the total loss of each step."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.losses.append(float(logs['total_loss']))


def weights_of(trainer: trainers.Trainer) -> list[np.ndarray]:
    return [weight.numpy() for weight in trainer.model.weights]


def start_python(
    code: str, *arguments: str, devices: int = 1, **environment: str
) -> subprocess.Popen:
    """Runs code in a process of its own, on some logical processors."""
    first = f"""
import os, sys
import tensorflow as tf
cpu = tf.config.list_physical_devices('CPU')[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * {devices}
)
"""
    tests = str(Path(__file__).parent)
    environment = {
        **os.environ,
        'CUDA_VISIBLE_DEVICES': '-1',
        'TF_CPP_MIN_LOG_LEVEL': '3',
        'PYTHONPATH': os.pathsep.join([tests, str(Path(tests).parent)]),
        **environment,
    }
    return subprocess.Popen(
        [sys.executable, '-c', first + code, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_python(code: str, *arguments: str, devices: int = 1, **environment: str) -> Any:
    """Runs code in a process of its own; gives what it printed last, read as JSON."""
    with start_python(code, *arguments, devices=devices, **environment) as process:
        try:
            out, error = process.communicate(timeout=300)
        finally:
            process.kill()
    assert process.returncode == 0, error[-5000:]
    return json.loads(out.splitlines()[-1])


def all_close(a: Sequence[Any], b: Sequence[Any], **tolerance: float) -> bool:
    return len(a) == len(b) and all(
        np.allclose(x, y, **tolerance) for x, y in zip(a, b)
    )
