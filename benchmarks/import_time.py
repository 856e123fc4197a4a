"""What `import ddsp` costs on top of `import tensorflow`.

    python benchmarks/import_time.py [--runs N]

Each import runs in an interpreter of its own; the two take turns, so that a busy
machine slows both alike. The table gives medians in seconds: of the clock, and of the
processor, which other programs disturb less. Run it with the package installed, or from
the top of the repository.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

PROGRAM = """
import time
wall, cpu = time.perf_counter(), time.process_time()
import {module}
print(time.perf_counter() - wall, time.process_time() - cpu)
"""


def measure(module: str) -> tuple[float, float]:
    """Imports a module in a fresh interpreter; gives seconds of clock and processor."""
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM.format(module=module)],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL='3'),
    )
    wall, cpu = done.stdout.splitlines()[-1].split()
    return float(wall), float(cpu)


def row(name: str, values: list[tuple[float, float]]) -> str:
    """Formats one line of the table: the medians of the columns."""
    wall, cpu = (statistics.median(column) for column in zip(*values))
    return f'{name:<20}{wall:10.2f}{cpu:14.2f}'


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--runs', type=int, default=7, help='imports of each')
    runs = parser.parse_args().runs
    measure('ddsp')  # The first import writes byte code and warms the file system.
    tensorflow, ddsp = [], []
    for _ in range(runs):
        tensorflow.append(measure('tensorflow'))
        ddsp.append(measure('ddsp'))
    difference = [
        (b[0] - a[0], b[1] - a[1]) for a, b in zip(tensorflow, ddsp, strict=True)
    ]
    print(f'{"":<20}{"clock (s)":>10}{"processor (s)":>14}')
    print(row('import tensorflow', tensorflow))
    print(row('import ddsp', ddsp))
    print(row('difference', difference))


if __name__ == '__main__':
    main()
