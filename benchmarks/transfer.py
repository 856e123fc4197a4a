"""Timbre transfer of a long recording: how long it takes, and in how much memory.

    python -m benchmarks.transfer --instrument violin --minutes 10 --cores 2

The bundled singing, again and again, is written to a file, and the installed command
`ddsp transfer` plays it on the instrument. Its start, reading and writing count.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

HEAD = """\
| instrument | minutes of input | seconds | times real time | peak MB |
|---|---|---|---|---|"""


class Figures(NamedTuple):
    """What one transfer took.

    Attributes
    ----------
    seconds : from the start of the command to its end.
    peak_mb : the largest resident memory of its process, in megabytes.
    """

    seconds: float
    peak_mb: float


def write_recording(path: pathlib.Path, minutes: float) -> None:
    """Writes the bundled singing over and over, at its own rate."""
    import numpy as np
    import soundfile

    from ddsp.recordings import singing_path

    singing, rate = soundfile.read(singing_path(), dtype='float32')
    soundfile.write(path, np.resize(singing, round(60 * minutes * rate)), rate)


def measure(instrument: str, recording: pathlib.Path, folder: pathlib.Path) -> Figures:
    """Runs the command in a process of its own."""
    command = [sys.executable, '-m', 'ddsp_command', 'transfer', str(recording)]
    command += ['--instrument', instrument, '--out', str(folder / 'played.wav')]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f'{" ".join(command)} failed: {said[-2000:]}')
    return Figures(seconds, _megabytes(usage))


def _megabytes(usage: resource.struct_rusage) -> float:
    unit = 1 if sys.platform == 'darwin' else 1024
    return usage.ru_maxrss * unit / 1e6


def main() -> None:
    """Prints a table of the instruments that the command line names."""
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--instrument', nargs='+', default=['violin'])
    parser.add_argument('--minutes', type=float, default=10.0)
    parser.add_argument('--cores', type=int, help='use no more than so many (Linux)')
    flags = parser.parse_args()
    if flags.cores:
        # Processes that this one starts inherit it.
        mine = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, mine[: flags.cores])
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        recording = folder / 'singing.wav'
        write_recording(recording, flags.minutes)
        print(HEAD)
        for instrument in flags.instrument:
            figures = measure(instrument, recording, folder)
            ratio = 60 * flags.minutes / figures.seconds
            cells = [instrument, f'{flags.minutes:g}', f'{figures.seconds:.1f}']
            cells += [f'{ratio:.1f}', f'{figures.peak_mb:.0f}']
            print('| ' + ' | '.join(cells) + ' |', flush=True)
            (folder / 'played.wav').unlink()


if __name__ == '__main__':
    main()
