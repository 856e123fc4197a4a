"""Measures one case in a process of its own and prints the figures as JSON.

python -m benchmarks.measure harmonic ours --modes graph eager jit
"""

from __future__ import annotations

import argparse
import functools
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any


def in_own_process(
    case: str,
    which: str,
    modes: Sequence[str],
    repeats: int = 9,
    memory_limit_mb: int | None = None,
    **sizes: float,
) -> dict[str, float]:
    """Measures a case in a fresh process.

    Parameters
    ----------
    case : name of a case.
    which : 'ours' or 'plain'; of no meaning for the mode 'pair'.
    modes : of 'graph', 'eager', 'jit', 'forward_only', 'snr' and 'pair', which times
        ours and plain by turns.
    repeats : how often each is timed, after a first call; the median counts.
    memory_limit_mb : limit of the process's address space.
    sizes : fields of `Sizes` other than the defaults.

    Returns
    -------
    Seconds and processor seconds by mode, and 'peak_mb'; an 'error' where the process
    failed.
    """
    command = [sys.executable, '-m', 'benchmarks.measure', case, which]
    command += ['--modes', *modes, '--repeats', str(repeats)]
    command += [f'--{name}={value}' for name, value in sizes.items()]
    if memory_limit_mb:
        command.append(f'--memory_limit_mb={memory_limit_mb}')
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return {'error': (done.stderr.strip().splitlines() or ['killed'])[-1][:200]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def peak_mb() -> float:
    """The largest resident memory this process has had, in megabytes."""
    unit = 1 if sys.platform == 'darwin' else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def seconds(fn: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """How long calls take whose results are fetched; a first call warms up.

    Returns
    -------
    The median time, and the least processor time, which neighbours of a virtual machine
    disturb less.
    """
    import tensorflow as tf

    def run() -> None:
        for x in tf.nest.flatten(fn()):
            x.numpy()

    run()
    times, processor_times = [], []
    for _ in range(repeats):
        start, processor_start = time.perf_counter(), time.process_time()
        run()
        times.append(time.perf_counter() - start)
        processor_times.append(time.process_time() - processor_start)
    return statistics.median(times), min(processor_times)


def measure(
    name: str, which: str, modes: Sequence[str], repeats: int, **sizes: float
) -> dict[str, float]:
    """Measures a case in this process; see `in_own_process`."""
    import numpy as np
    import tensorflow as tf

    from benchmarks.cases import CASES, Sizes

    case = CASES[name]
    arrays = case.inputs(np.random.default_rng(0), Sizes(**sizes))
    inputs = [tf.constant(x, tf.float32) for x in arrays]
    forward, gradient = _passes(case.ours if which == 'ours' else case.plain, case)
    figures = {}
    if 'pair' in modes:
        for key, ours, plain in zip(
            ('forward', 'gradient'), _passes(case.ours, case), _passes(case.plain, case)
        ):
            both = [
                functools.partial(tf.function(f, jit_compile=False), *inputs)
                for f in (ours, plain)
            ]
            pairs = by_turns(*both, repeats)
            figures |= {f'{key}_{name}': x for name, x in pairs.items()}

    def time_it(key: str, fn: Callable, **options: bool) -> None:
        fn = tf.function(fn, **options) if options else fn
        figures[key], figures[f'{key}_processor'] = seconds(
            lambda: fn(*inputs), repeats
        )

    if 'graph' in modes or 'forward_only' in modes:
        time_it('forward', forward, jit_compile=False)
    if 'graph' in modes:
        time_it('gradient', gradient, jit_compile=False)
    # Before compilers add theirs: what a training program would hold.
    figures['peak_mb'] = peak_mb()
    if 'eager' in modes:
        time_it('eager', forward)
    if 'jit' in modes:
        time_it('jit_forward', forward, jit_compile=True)
        time_it('jit_gradient', gradient, jit_compile=True)
    if 'snr' in modes:
        figures['snr_db'] = _snr_db(tf.function(forward)(*inputs), case.plain, inputs)
    return figures


def _passes(function: Callable, case: Any) -> tuple[Callable, Callable]:
    """The forward pass, and the loss with its gradients."""
    import tensorflow as tf

    def forward(*inputs: tf.Tensor) -> tf.Tensor:
        return function(*inputs)

    def gradient(*inputs: tf.Tensor) -> list[tf.Tensor]:
        trained = [inputs[i] for i in case.trained]
        with tf.GradientTape() as tape:
            tape.watch(trained)
            output = function(*inputs)
            loss = output if output.shape.rank == 0 else tf.reduce_mean(output**2)
        return [loss, *tape.gradient(loss, trained)]

    return forward, gradient


def by_turns(
    ours: Callable[[], Any], plain: Callable[[], Any], repeats: int
) -> dict[str, float]:
    """Times two functions one after the other, again and again.

    Whatever slows the machine for a while slows both, so the ratio of each turn is
    steadier than the times; the median of the ratios counts, and that of the times.
    """
    import tensorflow as tf

    def run(fn: Callable[[], Any]) -> float:
        start = time.perf_counter()
        for x in tf.nest.flatten(fn()):
            x.numpy()
        return time.perf_counter() - start

    for _ in range(2):
        run(ours), run(plain)
    turns = [(run(ours), run(plain)) for _ in range(repeats)]
    ratios = sorted(slow / fast for fast, slow in turns)
    return {
        'ours': statistics.median(fast for fast, _ in turns),
        'plain': statistics.median(slow for _, slow in turns),
        'ratio': statistics.median(ratios),
        'ratio_low': ratios[repeats // 4],
        'ratio_high': ratios[-1 - repeats // 4],
    }


def _snr_db(output: Any, plain: Callable, inputs: list) -> float:
    """Against the plain formula in float64, on the very same float32 inputs."""
    import numpy as np
    import tensorflow as tf

    exact = plain(*[tf.cast(x, tf.float64) for x in inputs]).numpy()
    noise = np.sum((np.float64(output.numpy()) - exact) ** 2)
    return float(10.0 * np.log10(np.sum(exact**2) / noise))


def main() -> None:
    """Measures what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('case')
    parser.add_argument('which', choices=['ours', 'plain'])
    parser.add_argument('--modes', nargs='+', default=['graph'])
    parser.add_argument('--repeats', type=int, default=9)
    parser.add_argument('--memory_limit_mb', type=int)
    parser.add_argument('--batch', type=int, default=4)
    parser.add_argument('--seconds', type=float, default=4.0)
    parser.add_argument('--harmonics', type=int, default=100)
    flags = parser.parse_args()
    if flags.memory_limit_mb:
        limit = flags.memory_limit_mb * 1_000_000
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    figures = measure(
        flags.case,
        flags.which,
        flags.modes,
        flags.repeats,
        batch=flags.batch,
        seconds=flags.seconds,
        harmonics=flags.harmonics,
    )
    print(json.dumps(figures))


if __name__ == '__main__':
    main()
