"""What one training step of `solo_instrument` costs.

python -m benchmarks.training_step

The network and the sizes of the shipped configuration: batch 4, 4 s at 16 kHz. Its
decoder is timed by turns with the same network of Keras's own layers, which is what
other machines can be compared by. Peak memory is that of a process that only trains.
"""

from __future__ import annotations

import argparse
import functools
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.measure import by_turns, peak_mb

BATCH, SECONDS, FRAMES, RATE = 4, 4, 1000, 16000
POLICIES = ('float32', 'mixed_bfloat16')
SPLITS = (('amps', 1), ('harmonic_distribution', 60), ('noise_magnitudes', 65))


def solo_model() -> Any:
    """The model of the shipped configuration."""
    import gin

    from ddsp.training import gin_files, models

    with gin.unlock_config():
        gin.clear_config()
        gin_files.add_search_paths()
        gin.parse_config_file('models/solo_instrument.gin')
    return models.get_model()


def batch() -> dict[str, Any]:
    """One batch of made-up features."""
    import numpy as np
    import tensorflow as tf

    rng = np.random.default_rng(0)
    frames = np.arange(FRAMES) / 250.0
    f0 = 220.0 + 6.0 * np.sin(2.0 * np.pi * 5.5 * frames)
    features = {
        'audio': 0.1 * rng.normal(size=[BATCH, SECONDS * RATE]),
        'f0_hz': np.tile(f0, [BATCH, 1]),
        'f0_confidence': np.ones([BATCH, FRAMES]),
        'loudness_db': -30.0 + rng.normal(size=[BATCH, FRAMES]),
    }
    return {name: tf.constant(x, tf.float32) for name, x in features.items()}


def training_step(policy: str) -> Callable[[], Any]:
    """The compiled step that `fit` runs, on one batch."""
    import keras
    import tensorflow as tf

    from ddsp.training import optimizers

    keras.config.set_dtype_policy(policy)
    model, features = solo_model(), batch()
    model(features)
    model.compile(optimizer=optimizers.ClippedAdam(3e-4))
    step = tf.function(model.train_step, jit_compile=False)
    return lambda: step(features)


def all_but_decoder() -> Callable[[], Any]:
    """What a step does besides the decoder: features, sound, loss, Adam."""
    import tensorflow as tf

    from ddsp.training import optimizers

    model, features = solo_model(), batch()
    outputs = model(features)
    model.compile(optimizer=optimizers.ClippedAdam(3e-4))
    controls = {name: outputs[name] for name, _ in SPLITS}
    weights = model.trainable_variables
    gradients = [tf.random.normal(weight.shape) for weight in weights]

    @functools.partial(tf.function, jit_compile=False)
    def run() -> Any:
        inputs = model.preprocessor(features)
        with tf.GradientTape() as tape:
            tape.watch(controls)
            played = model.processor_group({**features, **inputs, **controls})
            loss = model.loss_objs[0](features['audio'], played)
        model.optimizer.apply_gradients(zip(gradients, weights))
        return [loss, *tape.gradient(loss, list(controls.values()))]

    return run


def decoders() -> tuple[Callable, Callable]:
    """Forward pass and gradients of our decoder, and of one of Keras's layers."""
    import tensorflow as tf

    from ddsp.training.decoders import RnnFcDecoder

    decoder = RnnFcDecoder(input_keys=('ld_scaled', 'f0_scaled'), output_splits=SPLITS)

    def ours(ld_scaled: Any, f0_scaled: Any) -> Any:
        outputs = decoder({'ld_scaled': ld_scaled, 'f0_scaled': f0_scaled})
        return tf.concat([outputs[name] for name, _ in SPLITS], axis=-1)

    inputs = [tf.random.normal([BATCH, FRAMES, 1]) for _ in range(2)]
    return tuple(
        functools.partial(_with_gradients, decode, inputs)
        for decode in (ours, _keras_decoder())
    )


def _with_gradients(decoder: Callable, inputs: list) -> Any:
    import tensorflow as tf

    if not hasattr(decoder, 'compiled'):

        @functools.partial(tf.function, jit_compile=False)
        def run(*inputs: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(decoder(*inputs) ** 2)
            return [loss, *tape.gradient(loss, tape.watched_variables())]

        decoder(*(x[:, :2] for x in inputs))
        decoder.compiled = run
    return decoder.compiled(*inputs)


def _keras_decoder() -> Callable:
    """The same network of `keras.layers`."""
    import keras

    layers = keras.layers

    def stack() -> list:
        return [
            layer
            for _ in range(3)
            for layer in (
                layers.Dense(512),
                layers.LayerNormalization(epsilon=1e-3),
                layers.LeakyReLU(0.2),
            )
        ]

    inputs = [layers.Input([None, 1]) for _ in range(2)]
    stacked = []
    for x in inputs:
        for layer in stack():
            x = layer(x)
        stacked.append(x)
    x = layers.GRU(512, return_sequences=True)(layers.Concatenate()(stacked))
    x = layers.Concatenate()([*stacked, x])
    for layer in stack():
        x = layer(x)
    model = keras.Model(inputs, layers.Dense(126)(x))

    def decode(*inputs: Any) -> Any:
        return model(list(inputs))

    return decode


def seconds_of(run: Callable[[], Any], repeats: int) -> float:
    """The median of repeated calls, after two that warm up."""
    import tensorflow as tf

    times = []
    for i in range(repeats + 2):
        start = time.perf_counter()
        for x in tf.nest.flatten(run()):
            x.numpy()
        if i >= 2:
            times.append(time.perf_counter() - start)
    return sorted(times)[repeats // 2]


def measure(what: str, repeats: int) -> dict[str, float]:
    """Measures one thing in this process."""
    if what == 'decoder':
        return by_turns(*decoders(), repeats)
    run = all_but_decoder() if what == 'rest' else training_step(what)
    seconds = seconds_of(run, repeats)
    return {'seconds': seconds, 'peak_mb': peak_mb()}


def in_own_process(what: str, repeats: int) -> dict[str, float]:
    """Measures one thing in a fresh process."""
    command = [sys.executable, '-m', 'benchmarks.training_step', '--what', what]
    command += ['--repeats', str(repeats)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--what', choices=['decoder', 'rest', *POLICIES])
    parser.add_argument('--repeats', type=int, default=5)
    flags = parser.parse_args()
    if flags.what:
        print(json.dumps(measure(flags.what, flags.repeats)))
        return
    decoder = in_own_process('decoder', flags.repeats)
    print('| what | seconds | times the decoder of Keras layers | peak MB |')
    print('|---|---|---|---|')
    print(f'| decoder of Keras layers | {decoder["plain"]:.2f} | 1.00 | |')
    ours = decoder['ours']
    print(f'| our decoder | {ours:.2f} | {1.0 / decoder["ratio"]:.2f} | |')
    for what in ('rest', *POLICIES):
        title = f'whole step, {what}' if what in POLICIES else 'all but the decoder'
        step = in_own_process(what, flags.repeats)
        times = step['seconds'] / decoder['plain']
        row = f'| {title} | {step["seconds"]:.2f} | {times:.2f}'
        print(f'{row} | {step["peak_mb"]:.0f} |')


if __name__ == '__main__':
    main()
