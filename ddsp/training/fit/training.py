"""Training a model on one recording."""

from __future__ import annotations

import dataclasses
import signal
import time

import keras

from ddsp.training.fit.features import Features
from ddsp.training.fit.model import FitModel
from ddsp.training.fit.progress import Progress, StopAtNaN
from ddsp.training.fit.settings import FitSettings
from ddsp.training.fit.windows import random_windows
from ddsp.training.stop_signals import catch_signals

_INTERRUPTED = (
    'stopping after this step and writing what there is; press Ctrl-C again to abort'
)


@dataclasses.dataclass(frozen=True)
class TrainingRun:
    """What happened: the loss of each step, how long it took, and why it ended."""

    losses: list[float]
    seconds: float
    interrupted: bool


def train(model: FitModel, features: Features, settings: FitSettings) -> TrainingRun:
    """Trains with Adam and Keras `fit` on random windows of the recording.

    Ctrl-C ends it early, with what it has.

    Raises
    ------
    FloatingPointError
        When the loss becomes NaN or infinite.
    """
    # Silence has no shape to learn: whatever the loss asked for would be an accident.
    if settings.steps == 0 or features.silent:
        return TrainingRun(losses=[], seconds=0.0, interrupted=False)
    decay = (settings.learning_rate_end / settings.learning_rate) ** (
        1.0 / settings.steps
    )
    schedule = keras.optimizers.schedules.ExponentialDecay(
        settings.learning_rate, decay_steps=1, decay_rate=decay
    )
    optimizer = keras.optimizers.Adam(schedule, global_clipnorm=settings.clip_norm)
    model.compile(optimizer=optimizer, jit_compile=False)
    progress = Progress(settings.steps)
    started = time.monotonic()
    try:
        with catch_signals([signal.SIGINT], _INTERRUPTED) as interrupt:
            model.fit(
                random_windows(features, settings),
                epochs=1,
                steps_per_epoch=settings.steps,
                verbose=0,
                shuffle=False,
                callbacks=[progress, StopAtNaN(), interrupt],
            )
    finally:
        progress.close()
    return TrainingRun(
        losses=progress.losses,
        seconds=time.monotonic() - started,
        interrupted=interrupt.received is not None
        and len(progress.losses) < settings.steps,
    )
