"""Resampling block by block, almost at once.

Streams of soxr hold back 40 ms, as they filter in large blocks; this one 1.5 ms.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

# Zero crossings of the sinc on each side: 1.5 ms at 16 kHz.
_CROSSINGS = 24
# Of the lower Nyquist frequency; the window makes the edge about 0.1 wide each way.
_CUTOFF = 0.94
_KAISER_BETA = 8.0


class StreamResampler:
    """Brings a signal from one rate to another, as it comes.

    Each sample is a windowed sinc over those around it, one of a table of as many
    phases as the two rates need (Smith, "Digital Audio Resampling", CCRMA 2002).

    Parameters
    ----------
    given, wanted : rates in Hz.

    Examples
    --------
    >>> resampler = StreamResampler(48000, 16000)
    >>> played = [resampler.process(np.ones(960)) for _ in range(3)]
    >>> [len(block) for block in played], float(played[2].round(3)[0])
    ([320, 320, 320], 1.0)
    """

    def __init__(self, given: int, wanted: int) -> None:
        common = math.gcd(given, wanted)
        #: Samples that come for as many that go.
        self.given, self.wanted = given // common, wanted // common
        self.half, self._table = sinc_table(self.given, self.wanted)
        #: Seconds by which the signal comes later.
        self.delay = self.half / given
        self._kept = np.zeros(2 * self.half, np.float32)
        # Where the next sample stands, in `wanted` parts of a sample that came.
        self._next = 0

    def process(self, block: Any) -> np.ndarray:
        """Takes a block, gives what it completes.

        Parameters
        ----------
        block : `[samples]`.
        """
        x = np.concatenate([self._kept, np.asarray(block, np.float32)])
        end = (len(x) - 2 * self.half) * self.wanted
        places = np.arange(self._next, end, self.given)
        first, phases = np.divmod(places, self.wanted)
        windows = np.lib.stride_tricks.sliding_window_view(x, 2 * self.half)
        # A window begins one sample later: `half` before, the place itself is the last
        # of its first half.
        played = np.einsum('kt,kt->k', windows[first + 1], self._table[phases])
        self._next = self._next + len(places) * self.given - end
        self._kept = x[len(x) - 2 * self.half :]
        return played.astype(np.float32)


def sinc_table(given: int, wanted: int) -> tuple[int, np.ndarray]:
    """Half the length of the filters, and a filter for each phase.

    Parameters
    ----------
    given, wanted : rates without a common divisor.

    Returns
    -------
    half, float32 `[wanted, 2 * half]`.
    """
    scale = min(1.0, wanted / given)
    half = math.ceil(_CROSSINGS / scale)
    offsets = np.arange(2 * half) - (half - 1.0)
    times = offsets - np.arange(wanted)[:, np.newaxis] / wanted
    window = np.i0(
        _KAISER_BETA * np.sqrt(np.maximum(1.0 - (times / half) ** 2, 0.0))
    ) / np.i0(_KAISER_BETA)
    table = np.sinc(_CUTOFF * scale * times) * window
    # A level signal keeps its level in all phases.
    table /= table.sum(axis=1, keepdims=True)
    return half, table.astype(np.float32)
