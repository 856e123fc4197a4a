"""Figures that stand alone: a long render, and how long a first call takes to trace.

python -m benchmarks.single long_render_in_graph
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

from benchmarks.measure import peak_mb

HEAD = """\
| what | seconds | peak MB |
|---|---|---|"""


def long_render() -> float:
    """Renders 10 minutes at 48 kHz with 100 harmonics in one eager call."""
    return _long_render(in_graph=False)


def long_render_in_graph() -> float:
    """Renders 10 minutes at 48 kHz with 100 harmonics in one call of a graph."""
    return _long_render(in_graph=True)


def _long_render(in_graph: bool) -> float:
    import numpy as np
    import tensorflow as tf

    import ddsp

    synth = ddsp.synths.Harmonic(n_samples=None, sample_rate=48000)

    def render(amplitudes: tf.Tensor, distribution: tf.Tensor, f0_hz: tf.Tensor):
        return synth(amplitudes, distribution, f0_hz)

    render = tf.function(render, jit_compile=False) if in_graph else render
    n_frames = 600 * 250
    rng = np.random.default_rng(0)
    turn = np.arange(n_frames) / 250.0 * 5.5 * 2.0 * np.pi
    controls = [
        rng.normal(size=[1, n_frames, 1]),
        rng.normal(size=[1, n_frames, 100]),
        220.0 + 6.0 * np.sin(turn)[np.newaxis, :, np.newaxis],
    ]
    controls = [tf.constant(x, tf.float32) for x in controls]
    start = time.perf_counter()
    audio = render(*controls).numpy()
    assert audio.shape == (1, 600 * 48000) and np.all(np.isfinite(audio))
    return time.perf_counter() - start


def trace() -> float:
    """Traces the harmonic synthesizer, with known sizes."""
    import tensorflow as tf

    import ddsp

    synth = ddsp.synths.Harmonic()
    # What TensorFlow sets up once for its own first graph is no affair of ours.
    tf.function(lambda x: tf.while_loop(lambda y: y < 1.0, lambda y: y + 1.0, [x]))(0.0)
    controls = [tf.zeros([4, 1000, n]) for n in (1, 100, 1)]
    start = time.perf_counter()
    tf.function(lambda *x: synth(*x)).get_concrete_function(*controls)
    return time.perf_counter() - start


FIGURES = {f.__name__: f for f in (long_render, long_render_in_graph, trace)}


def table() -> list[dict]:
    """Measures each figure in a process of its own."""
    rows = []
    for name, figure in FIGURES.items():
        command = [sys.executable, '-m', 'benchmarks.single', name]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            error = (done.stderr.strip().splitlines() or ['killed'])[-1]
            rows.append({'what': name, 'error': error})
            print(f'| {name} | {error} | |')
            continue
        rows.append({'what': name, **json.loads(done.stdout.splitlines()[-1])})
        title = figure.__doc__.rstrip('.')
        seconds, megabytes = rows[-1]['seconds'], rows[-1]['peak_mb']
        print(f'| {title} | {seconds:.2f} | {megabytes:.0f} |', flush=True)
    return rows


if __name__ == '__main__':
    seconds = FIGURES[sys.argv[1]]()
    print(json.dumps({'seconds': seconds, 'peak_mb': peak_mb()}))
