"""Blocks of any size and rate, around steps of one hop at the instrument's rate."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from ddsp.training.live.resampling import StreamResampler

# Blocks that are counted beforehand, to find how many samples have to wait.
_REHEARSED_SECONDS = 4.0


class BlockLoop:
    """Takes blocks of one size, runs steps of another, and gives blocks of the first.

    Parameters
    ----------
    step : takes and gives float32 `[hop_size]`, at `step_rate`.
    hop_size : samples of a step.
    step_rate : in Hz.
    block_size : samples of a block.
    sample_rate : of blocks, in Hz.

    Examples
    --------
    >>> loop = BlockLoop(lambda x: x, 128, 16000, block_size=320, sample_rate=16000)
    >>> played = np.concatenate([loop.process(np.ones(320)) for _ in range(3)])
    >>> loop.latency, int(played.argmax())
    (64, 64)
    """

    def __init__(
        self,
        step: Callable[[np.ndarray], np.ndarray],
        hop_size: int,
        step_rate: int,
        block_size: int,
        sample_rate: int,
    ) -> None:
        self.block_size = block_size
        self.sample_rate = sample_rate
        self._step = step
        self._hop_size, self._step_rate = hop_size, step_rate
        self._waiting = self._rehearse()
        #: Samples, at `sample_rate`, by which sound comes later than out of `step`.
        self.latency = self._waiting + _resampling_samples(sample_rate, step_rate)
        self.restart()

    def restart(self) -> None:
        """Forgets what waits."""
        self._down = make_resampler(self.sample_rate, self._step_rate)
        self._up = make_resampler(self._step_rate, self.sample_rate)
        self._heard, self._played = Queue(), Queue()
        self._played.put(np.zeros(self._waiting, np.float32))

    def process(self, block: Any) -> np.ndarray:
        """Plays a block.

        Parameters
        ----------
        block : `[samples]`, full scale [-1, 1]; what is not finite counts as silence.

        Returns
        -------
        float32 of the same shape.

        Raises
        ------
        ValueError
            When the block has another size than was said.
        """
        block = np.asarray(block, np.float32)
        if block.shape != (self.block_size,):
            raise ValueError(
                f'the block has shape {list(block.shape)}, expected '
                f'[{self.block_size}]: samples of one channel, the size that the loop '
                'was made for.'
            )
        # Here, because a filter never loses a NaN again.
        block = np.where(np.isfinite(block), block, np.float32(0.0))
        self._heard.put(self._down(block))
        while self._heard.size >= self._hop_size:
            self._played.put(self._up(self._step(self._heard.take(self._hop_size))))
        return self._played.take(self.block_size)

    def _rehearse(self) -> int:
        """Samples that must wait so that there is always a block to give."""
        down = make_resampler(self.sample_rate, self._step_rate)
        up = make_resampler(self._step_rate, self.sample_rate)
        if self.sample_rate == self._step_rate:
            return self._hop_size - math.gcd(self._hop_size, self.block_size)
        block = np.zeros(self.block_size, np.float32)
        hop = np.zeros(self._hop_size, np.float32)
        n_blocks = math.ceil(_REHEARSED_SECONDS * self.sample_rate / self.block_size)
        heard = played = least = 0
        for _ in range(n_blocks):
            heard += len(down(block))
            while heard >= self._hop_size:
                heard -= self._hop_size
                played += len(up(hop))
            played -= self.block_size
            least = min(least, played)
        return -least


class Queue:
    """Samples that wait, first in, first out."""

    def __init__(self) -> None:
        self.size = 0
        self._parts: deque[np.ndarray] = deque()

    def put(self, samples: np.ndarray) -> None:
        """Adds samples at the end."""
        if len(samples):
            self._parts.append(samples)
            self.size += len(samples)

    def take(self, n_samples: int) -> np.ndarray:
        """Takes samples off the beginning, of which there must be enough."""
        taken, missing = [], n_samples
        while missing:
            part = self._parts.popleft()
            if len(part) > missing:
                self._parts.appendleft(part[missing:])
                part = part[:missing]
            taken.append(part)
            missing -= len(part)
        self.size -= n_samples
        return taken[0] if len(taken) == 1 else np.concatenate(taken)


def make_resampler(given: int, wanted: int) -> Callable[[np.ndarray], np.ndarray]:
    """Makes what brings block after block from one rate to another."""
    if given == wanted:
        return lambda block: block
    return StreamResampler(given, wanted).process


def _resampling_samples(sample_rate: int, step_rate: int) -> int:
    """Samples by which resampling there and back makes sound later."""
    if sample_rate == step_rate:
        return 0
    there = StreamResampler(sample_rate, step_rate).delay
    back = StreamResampler(step_rate, sample_rate).delay
    return round((there + back) * sample_rate)
