"""What `import ddsp` costs on top of `import tensorflow`.

    python benchmarks/import_time.py [--runs N]

Each import runs in an interpreter of its own; the two take turns, so that a busy
machine slows both alike. The table gives medians in seconds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

PROGRAM = """
import time
start = time.perf_counter()
import {module}
print(time.perf_counter() - start)
"""


def seconds(module: str) -> float:
    """Imports a module in a fresh interpreter and gives the time it took."""
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM.format(module=module)],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL='3'),
    )
    return float(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--runs', type=int, default=7, help='imports of each')
    runs = parser.parse_args().runs
    seconds('ddsp')  # The first one fills the caches of the file system.
    pairs = [(seconds('tensorflow'), seconds('ddsp')) for _ in range(runs)]
    tensorflow, ddsp = (statistics.median(column) for column in zip(*pairs))
    extra = statistics.median(b - a for a, b in pairs)
    print(f'{"import tensorflow":<20}{tensorflow:7.2f} s')
    print(f'{"import ddsp":<20}{ddsp:7.2f} s')
    print(f'{"difference":<20}{extra:7.2f} s')


if __name__ == '__main__':
    main()
