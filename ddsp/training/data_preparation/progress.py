"""How far a preparation is, read off the files it has made on the way."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator

from ddsp.training.data_preparation.features import N_FEATURES
from ddsp.training.data_preparation.settings import Settings
from ddsp.training.data_preparation.splitting import SHARD_NUMBERS

_INTERVAL_SECS = 10.0
_FLOAT_BYTES = 4


@contextlib.contextmanager
def telling_progress(
    settings: Settings, n_recordings: int, say: Callable[[str], None]
) -> Iterator[None]:
    """Says from time to time how far the work is, while it goes on.

    Where the working folder is on another machine, the runner there has its own way of
    telling.

    Parameters
    ----------
    settings : of the preparation; `work_dir` is looked into.
    n_recordings : how many there are.
    say : is told, line by line.
    """
    if '://' in settings.work_dir:
        yield
        return
    done = threading.Event()

    def tell() -> None:
        progress, told = Progress(settings, n_recordings), None
        while not done.wait(_INTERVAL_SECS):
            line = progress.line(time.monotonic())
            if line and line != told:
                say(line)
                told = line

    thread = threading.Thread(target=tell, name='progress', daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class Progress:
    """Words for how far the work is.

    Parameters
    ----------
    settings : of the preparation.
    n_recordings : how many there are.
    """

    def __init__(self, settings: Settings, n_recordings: int) -> None:
        self._settings = settings
        self._n_recordings = n_recordings
        # When measuring was first seen, in s, and how much was done then.
        self._began: tuple[float, float] | None = None

    def line(self, now: float) -> str | None:
        """What is being done, and how much of it is; None before anything is.

        Parameters
        ----------
        now : time in s, from any beginning.
        """
        sizes = _sizes(self._settings.work_dir)
        n_shards = sum(SHARD_NUMBERS.search(name) is not None for name in sizes)
        audio = [size for name, size in sizes.items() if name.startswith('audio-')]
        seconds = sum(audio) / _FLOAT_BYTES / self._settings.sample_rate
        if n_shards:
            return f'writing records: file {n_shards}'
        frame_bytes = _FLOAT_BYTES * N_FEATURES * self._settings.frame_rate
        features = [size for name, size in sizes.items() if name.startswith('feat')]
        if features:
            measured = min(sum(features) / frame_bytes, seconds)
            left = self._left(measured, seconds, now)
            return f'found f0 and loudness of {measured:.0f} of {seconds:.0f} s{left}'
        if audio:
            return (
                f'reading recordings: {len(audio)} of {self._n_recordings} begun, '
                f'{seconds:.0f} s read'
            )
        return None

    def _left(self, measured: float, seconds: float, now: float) -> str:
        """How long the rest will take, judging by what was seen so far."""
        if self._began is None:
            self._began = now, measured
            return ''
        then, before = self._began
        if measured <= before:
            return ''
        left = (seconds - measured) * (now - then) / (measured - before)
        return f', about {duration(left)} left'


def duration(seconds: float) -> str:
    """Seconds as people say them: `45 s`, `12 min`, `3 h 05 min`."""
    if seconds < 100:
        return f'{seconds:.0f} s'
    minutes = round(seconds / 60)
    if minutes < 100:
        return f'{minutes} min'
    return f'{minutes // 60} h {minutes % 60:02d} min'


def _sizes(folder: str) -> dict[str, int]:
    """Bytes of each file in a folder."""
    sizes = {}
    # Either may be gone by the time that it is asked for.
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                sizes[entry.name] = entry.stat().st_size
    return sizes
