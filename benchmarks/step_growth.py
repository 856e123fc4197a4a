"""Whether training steps take longer as there are more of them.

python -m benchmarks.step_growth [--steps 1000] [--runs 1]

Two small autoencoders train through the same `fit` as `ddsp_run` does. The second
begins when the first has a hundred steps left, and from there on they take turns, step
by step: the last 50 steps of a long training beside steps 50 to 100 of a new one, in
the same seconds of the same machine, so that its changes of speed meet both alike.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from typing import Any

import keras

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


class Baton:
    """Goes from runner to runner; who runs alone keeps it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._runners: list[Any] = []
        self._holder: Any = None

    def join(self, runner: Any) -> None:
        """Lines up, and waits for the baton."""
        with self._changed:
            self._runners.append(runner)
            self._holder = self._holder or runner
            self._changed.wait_for(lambda: self._holder is runner)

    def hand_over(self, runner: Any) -> None:
        """Gives the baton to the next, and waits until it is back."""
        with self._changed:
            self._give_to_next(runner)
            self._changed.wait_for(lambda: self._holder is runner)

    def leave(self, runner: Any) -> None:
        """Gives the baton away for good."""
        with self._changed:
            self._give_to_next(runner)
            self._runners.remove(runner)

    def _give_to_next(self, runner: Any) -> None:
        place = self._runners.index(runner)
        self._holder = self._runners[(place + 1) % len(self._runners)]
        self._changed.notify_all()


class Turns(keras.callbacks.Callback):
    """Trains when it has the baton, one step at a time, and times each.

    A step lasts from the beginning of one to the beginning of the next: all that `fit`
    does in between is in it.
    """

    def __init__(self, baton: Baton, start_at: int | None, start: Any) -> None:
        super().__init__()
        self.baton = baton
        self.start_at, self.start = start_at, start
        self.times_ms: list[float] = []
        self._began: float | None = None

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Ends the step before, and lets the other one have a step."""
        if self._began is None:
            self.baton.join(self)
        else:
            self.times_ms.append(1000.0 * (time.perf_counter() - self._began))
            if len(self.times_ms) == self.start_at:
                self.start()
            self.baton.hand_over(self)
        self._began = time.perf_counter()

    def on_train_end(self, logs: Any = None) -> None:
        """Leaves the rest to the other one."""
        self.times_ms.append(1000.0 * (time.perf_counter() - self._began))
        self.baton.leave(self)


def measure(steps: int) -> tuple[float, float]:
    """Medians in ms: steps 50 to 100 of one training, the last 50 of the other."""
    dataset, baton = batches(), Baton()
    trainers = [small_trainer() for _ in range(2)]
    for trainer in trainers:
        trainer.build(next(iter(dataset)))
    young = Turns(baton, None, None)
    thread = threading.Thread(target=trainers[1].fit, args=(dataset, 100, [young]))
    old = Turns(baton, steps - 100, thread.start)
    trainers[0].fit(dataset, steps, [old])
    thread.join()
    return statistics.median(young.times_ms[50:]), statistics.median(old.times_ms[-50:])


def main() -> None:
    """Trains, and prints the medians of the first and of the last steps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--steps', type=int, default=1000)
    parser.add_argument('--runs', type=int, default=1)
    flags = parser.parse_args()
    ratios = []
    for _ in range(flags.runs):
        early, late = measure(flags.steps)
        ratios.append(late / early)
        print(
            f'steps 50 to 100: {early:.2f} ms; the last 50 of {flags.steps}: '
            f'{late:.2f} ms; ratio {ratios[-1]:.3f}',
            flush=True,
        )
    print(f'median of {flags.runs}: {statistics.median(ratios):.3f}')


if __name__ == '__main__':
    main()
