"""Streams: how late, how exact, how fast, and what exports weigh.

    python -m benchmarks --streaming

Three tables. Processors played in blocks of 20 ms beside the whole at once; the shipped
violin written for other runtimes, loaded back and compared; and `ddsp live` from a
file, one minute in blocks of 20 ms.
"""

from __future__ import annotations

import os
import pathlib
import tempfile
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

SECONDS, RATE, FRAME_RATE, BLOCK_FRAMES = 4, 16000, 250, 5
FORMATS = ('savedmodel', 'tflite', 'onnx', 'web')

PROCESSORS_HEAD = """\
| processor | latency samples | largest difference from the whole | ms for 20 ms |
|---|---|---|---|"""
EXPORTS_HEAD = """\
| export of violin | difference from Python | files | MB |
|---|---|---|---|"""
LIVE_HEAD = """\
| ddsp live, 20 ms blocks | cores | median ms | 99.9 % ms | longest ms | late blocks |
|---|---|---|---|---|---|"""


class Case(NamedTuple):
    """A processor, and the inputs of the whole."""

    name: str
    make: Callable[[], Any]
    inputs: dict[str, np.ndarray]


def cases() -> list[Case]:
    """What is played: one of each kind, and a whole voice."""
    from ddsp import effects, synths

    rng = np.random.default_rng(0)
    n_frames, n_samples = SECONDS * FRAME_RATE, SECONDS * RATE

    def frames(channels: int) -> np.ndarray:
        return rng.normal(size=[1, n_frames, channels]).astype(np.float32)

    f0_hz = np.full([1, n_frames, 1], 220.0, np.float32)
    noise = rng.uniform(-1.0, 1.0, [1, n_samples]).astype(np.float32)
    audio = {'audio': 0.5 * noise}
    turn = np.arange(n_samples)[np.newaxis, :, np.newaxis] / RATE
    slow = (0.5 + 0.5 * np.sin(2.0 * np.pi * turn)).astype(np.float32)
    response = 0.02 * rng.normal(size=[1, RATE]) * np.exp(-np.arange(RATE) / 3000)
    return [
        Case(
            'Harmonic, 60 harmonics',
            lambda: synths.Harmonic(n_samples=None),
            {
                'amplitudes': frames(1),
                'harmonic_distribution': frames(60),
                'f0_hz': f0_hz,
            },
        ),
        Case(
            'FilteredNoise, 65 bands',
            lambda: synths.FilteredNoise(n_samples=None, window_size=129, seed=1),
            {'magnitudes': frames(65)},
        ),
        Case(
            'Reverb, 1 s',
            lambda: effects.Reverb(),
            {**audio, 'ir': response.astype(np.float32)},
        ),
        Case(
            'ModDelay',
            lambda: effects.ModDelay(),
            {**audio, 'gain': slow, 'phase': slow},
        ),
    ]


def processors_table() -> None:
    """Prints a row for each processor."""
    for case in cases():
        latency, difference, milliseconds = play(case)
        print(
            f'| {case.name} | {latency} | {difference:.1e} | {milliseconds:.2f} |',
            flush=True,
        )


def play(case: Case) -> tuple[int, float, float]:
    """Latency in samples, difference from the whole, and ms for a block."""
    whole = case.make()(**case.inputs).numpy()
    processor = case.make()
    step = tf.function(processor.step, reduce_retracing=True)
    hop = RATE // FRAME_RATE
    parts, times = [], []
    first = _block(case.inputs, 0)
    state = processor.initial_state(1, first, hop_size=hop)
    for frame in range(0, SECONDS * FRAME_RATE, BLOCK_FRAMES):
        block = _block(case.inputs, frame)
        started = time.perf_counter()
        signal, state = step(block, state)
        parts.append(signal.numpy())
        times.append(time.perf_counter() - started)
    played = np.concatenate(parts, axis=1)[:, processor.latency :]
    length = min(played.shape[1], whole.shape[1])
    difference = np.abs(played[:, :length] - whole[:, :length]).max()
    return processor.latency, float(difference), 1000 * float(np.median(times))


def _block(inputs: dict[str, np.ndarray], frame: int) -> dict[str, np.ndarray]:
    """The part of controls and of audio that belongs to a block of frames."""
    block = {}
    for name, value in inputs.items():
        if name == 'ir':
            block[name] = value
            continue
        scale = value.shape[1] // (SECONDS * FRAME_RATE)
        block[name] = value[:, frame * scale : (frame + BLOCK_FRAMES) * scale]
    return block


def exports_table() -> None:
    """Prints a row for each format of the shipped violin."""
    from ddsp.training.export import export_instrument

    with tempfile.TemporaryDirectory() as folder:
        for form in FORMATS:
            made = export_instrument('violin', pathlib.Path(folder, form), form)
            total = sum(made.sizes.values()) / 1e6
            print(
                f'| {form} | {made.difference:.1e} | {len(made.sizes)} | {total:.2f} |',
                flush=True,
            )


def live_table(seconds: float = 60.0) -> None:
    """Prints how long blocks of the violin take, on one core."""
    from ddsp import recordings
    from ddsp.training import load_instrument
    from ddsp.training.live.performer import Performer
    from ddsp.training.live.run import latency_line, play_file
    from ddsp.training.live.voice import LiveVoice

    if hasattr(os, 'sched_setaffinity'):
        os.sched_setaffinity(0, {0})
    performer = Performer(LiveVoice(load_instrument('violin')), jit_compile=True)
    with tempfile.TemporaryDirectory() as folder:
        target = pathlib.Path(folder, 'played.wav')
        got = play_file(performer, recordings.singing_path(), target, seconds)
    print(
        f'| violin, {got.seconds:.0f} s | 1 | {got.median_ms:.2f} | {got.most_ms:.2f} '
        f'| {got.longest_ms:.2f} | {got.late} of {got.blocks} |'
    )
    print(f'\n{latency_line(performer)}')


def main() -> None:
    """Prints the three tables."""
    print(PROCESSORS_HEAD)
    processors_table()
    print(f'\n{EXPORTS_HEAD}')
    exports_table()
    print(f'\n{LIVE_HEAD}')
    live_table()
