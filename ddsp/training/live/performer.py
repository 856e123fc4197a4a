"""Plays blocks of any size and rate on an instrument, and takes the time."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp.training.live.blocks import BlockLoop
from ddsp.training.live.following import control_tensors
from ddsp.training.live.noise import counted_noise
from ddsp.training.live.timing import Clock, Timings
from ddsp.training.live.voice import LiveVoice, Played
from ddsp.training.transfer.controls import Controls

_BLOCK_MS = (1.0, 1000.0)
# Played before anybody listens: the first steps compile and reserve memory.
_WARM_UP_SECONDS = 0.5


@dataclasses.dataclass(frozen=True)
class Moment:
    """What a level meter shows.

    Parameters
    ----------
    heard_peak, played_peak : of the last block, full scale is 1.
    heard_hz, played_hz : pitch.
    note : whether a note sounds.
    milliseconds : that the block took.
    """

    heard_peak: float = 0.0
    played_peak: float = 0.0
    heard_hz: float = 0.0
    played_hz: float = 0.0
    note: bool = False
    milliseconds: float = 0.0


class Performer:
    """A voice whose blocks are those of a sound card, or of whom you like.

    Parameters
    ----------
    voice : what plays.
    block_ms : how long a block lasts, 1 to 1000 ms.
    sample_rate : of blocks, in Hz; None for the voice's own.
    controls : see `ddsp.training.transfer.Controls`; may be changed while it plays, by
        `control`.
    seed : of the noise in the sound of the instrument.
    jit_compile : whether XLA compiles the step.

    Raises
    ------
    ValueError
        For blocks that are too short or too long.
    """

    def __init__(
        self,
        voice: LiveVoice,
        block_ms: float = 20.0,
        sample_rate: int | None = None,
        controls: Controls | None = None,
        seed: int = 0,
        jit_compile: bool = False,
    ) -> None:
        low, high = _BLOCK_MS
        if not low <= block_ms <= high:
            raise ValueError(
                f'block_ms is {block_ms:g}, expected {low:g} to {high:g} ms.'
            )
        self.voice = voice
        self.sample_rate = sample_rate or voice.sample_rate
        self.block_size = max(1, round(block_ms * self.sample_rate / 1000))
        self.block_ms = 1000.0 * self.block_size / self.sample_rate
        self._seed = seed
        # One function of known shapes: to choose among several takes time at each call.
        hop = tf.TensorSpec([1, voice.hop_size])
        self._compiled = tf.function(
            voice.step, autograph=False, jit_compile=jit_compile
        ).get_concrete_function(
            hop, hop, control_tensors(Controls()), voice.initial_state()
        )
        self._loop = BlockLoop(
            self._step,
            voice.hop_size,
            voice.sample_rate,
            self.block_size,
            self.sample_rate,
        )
        self.control(controls or Controls())
        self.restart()

    @property
    def latency(self) -> int:
        """Samples, at `sample_rate`, by which blocks are later than what was heard.

        A block has to be there before it is played; so beside it comes the time of one
        block, and what the sound card needs.
        """
        own = self.voice.latency * self.sample_rate / self.voice.sample_rate
        return round(own) + self._loop.latency

    @property
    def timings(self) -> Timings:
        """Of all blocks since the last `restart`."""
        return self._clock.timings()

    @property
    def moment(self) -> Moment:
        """Of the last block."""
        told, (heard, played, milliseconds) = self._played, self._block
        if told is None:
            return Moment()
        return Moment(
            heard_peak=float(np.nan_to_num(np.abs(heard)).max()),
            played_peak=float(np.abs(played).max()),
            heard_hz=float(told.heard_hz.numpy()[0, -1]),
            played_hz=float(told.f0_hz.numpy()[0, -1]),
            note=bool(told.note.numpy()[0, -1] > 0.5),
            milliseconds=milliseconds,
        )

    def control(self, controls: Controls) -> None:
        """Plays otherwise from the next block on."""
        self._controls = control_tensors(controls)

    def lose(self) -> None:
        """Counts a block that the sound card lost."""
        self._clock.lost += 1

    def restart(self) -> None:
        """Begins anew, as if nothing had been heard."""
        self._state = self.voice.initial_state()
        self._position = 0
        self._played: Played | None = None
        self._block = (np.zeros(1), np.zeros(1), 0.0)
        self._loop.restart()
        self._clock = Clock(self.block_ms)

    def warm_up(self) -> None:
        """Does all that takes long once, and begins anew."""
        steps = _WARM_UP_SECONDS * self.voice.sample_rate / self.voice.hop_size
        for _ in range(round(steps)):
            self._step(np.zeros(self.voice.hop_size, np.float32))
        self.process(np.zeros(self.block_size, np.float32))
        self.restart()

    def process(self, block: Any) -> np.ndarray:
        """Plays a block.

        Parameters
        ----------
        block : `[samples]`, full scale [-1, 1]; what is not finite counts as silence.

        Returns
        -------
        float32 `[samples]`, within [-1, 1].

        Raises
        ------
        ValueError
            When the block has another size than `block_size`.
        """
        started = time.perf_counter()
        played = self._loop.process(block)
        milliseconds = 1000.0 * (time.perf_counter() - started)
        self._clock.add(milliseconds)
        self._block = block, played, milliseconds
        return played

    def _step(self, audio: np.ndarray) -> np.ndarray:
        noise = counted_noise(self._position, len(audio), self._seed)
        self._position += len(audio)
        played, self._state = self._compiled(
            tf.constant(audio[np.newaxis]),
            tf.constant(noise[np.newaxis]),
            self._controls,
            self._state,
        )
        self._played = played
        # What TensorFlow would index itself takes longer than the network.
        return played.audio.numpy()[0]


@contextlib.contextmanager
def steady() -> Iterator[None]:
    """Keeps the garbage collector from stopping a stream for long.

    What is there already is not looked at again while the context lasts.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
