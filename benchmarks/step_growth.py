"""Whether training steps take longer as there are more of them.

python -m benchmarks.step_growth [--steps 1000]

A small autoencoder trains through the same `fit` as `ddsp_run` does, and each step is
timed: those at the beginning beside those at the end.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from typing import Any

FRAMES, SAMPLES = 125, 8000


def small_trainer() -> Any:
    """A trainer of a small model of half a second."""
    import tensorflow as tf

    import ddsp
    from ddsp.training import decoders, models, preprocessing, trainers

    dag = [
        (ddsp.synths.Harmonic(SAMPLES), ['amps', 'harmonic_distribution', 'f0_hz']),
        (ddsp.synths.FilteredNoise(SAMPLES), ['noise_magnitudes']),
        (ddsp.processors.Add(), ['filtered_noise/signal', 'harmonic/signal']),
    ]
    splits = (('amps', 1), ('harmonic_distribution', 20), ('noise_magnitudes', 33))
    model = models.Autoencoder(
        preprocessor=preprocessing.F0LoudnessPreprocessor(time_steps=FRAMES),
        decoder=decoders.RnnFcDecoder(
            32,
            ch=32,
            layers_per_stack=1,
            input_keys=('ld_scaled', 'f0_scaled'),
            output_splits=splits,
        ),
        processor_group=ddsp.processors.ProcessorGroup(dag),
        losses=[ddsp.losses.SpectralLoss(logmag_weight=1.0)],
    )
    return trainers.Trainer(model, tf.distribute.get_strategy())


def batches() -> Any:
    """Made-up features, a new batch at each step."""
    import tensorflow as tf

    def batch(number: Any) -> dict[str, Any]:
        seed = tf.stack([number, 0])
        return {
            'audio': 0.1 * tf.random.stateless_normal([2, SAMPLES], seed),
            'f0_hz': tf.fill([2, FRAMES], 220.0),
            'loudness_db': tf.random.stateless_uniform([2, FRAMES], seed, -60.0, -20.0),
        }

    return tf.data.Dataset.counter().map(batch)


def main() -> None:
    """Trains, and prints the medians of the first and of the last steps."""
    import keras

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--steps', type=int, default=1000)
    steps = parser.parse_args().steps
    times: list[float] = []

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            times.append(time.perf_counter())

    trainer, dataset = small_trainer(), batches()
    trainer.build(next(iter(dataset)))
    trainer.fit(dataset, steps, [Clock()])
    took = [1000.0 * (b - a) for a, b in itertools.pairwise(times)]
    early, late = statistics.median(took[50:100]), statistics.median(took[-50:])
    print(f'steps 50 to 100: {early:.2f} ms; the last 50 of {steps}: {late:.2f} ms')
    print(f'ratio {late / early:.3f}')


if __name__ == '__main__':
    main()
