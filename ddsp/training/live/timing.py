"""How long blocks take, in memory that does not grow."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

# Times are counted in classes 1 % wide, from a microsecond on.
_LEAST_MS, _RATIO, _CLASSES = 1e-3, 1.01, 1700


@dataclasses.dataclass(frozen=True)
class Timings:
    """What there is to tell of the time that blocks took.

    Parameters
    ----------
    blocks : how many there were.
    seconds : of sound.
    median_ms, most_ms, longest_ms : median, 99.9th percentile and maximum, in ms.
    late : blocks that took longer than they last, or that the device lost.
    """

    blocks: int
    seconds: float
    median_ms: float
    most_ms: float
    longest_ms: float
    late: int


class Clock:
    """Counts the times of blocks.

    Parameters
    ----------
    block_ms : how long a block lasts.

    Examples
    --------
    >>> clock = Clock(block_ms=20.0)
    >>> for ms in (2.0, 3.0, 25.0):
    ...     clock.add(ms)
    >>> timings = clock.timings()
    >>> round(timings.median_ms, 1), timings.longest_ms, timings.late
    (3.0, 25.0, 1)
    """

    def __init__(self, block_ms: float) -> None:
        self.block_ms = block_ms
        self.lost = 0
        self._counts = np.zeros(_CLASSES, np.int64)
        self._late = 0
        self._longest_ms = 0.0

    def add(self, milliseconds: float) -> None:
        """Counts a block that took so long."""
        place = math.log(max(milliseconds, _LEAST_MS) / _LEAST_MS) / math.log(_RATIO)
        self._counts[min(int(place), _CLASSES - 1)] += 1
        self._late += milliseconds > self.block_ms
        self._longest_ms = max(self._longest_ms, milliseconds)

    def timings(self) -> Timings:
        """What there is to tell so far, to 1 %."""
        blocks = int(self._counts.sum())
        return Timings(
            blocks=blocks,
            seconds=blocks * self.block_ms / 1000.0,
            median_ms=self._within(0.5),
            most_ms=self._within(0.999),
            longest_ms=self._longest_ms,
            late=self._late + self.lost,
        )

    def _within(self, part: float) -> float:
        """The time within which a part of the blocks was done."""
        sums = np.cumsum(self._counts)
        if not sums[-1]:
            return 0.0
        place = int(np.searchsorted(sums, part * sums[-1]))
        return min(_LEAST_MS * _RATIO ** (place + 0.5), self._longest_ms)
