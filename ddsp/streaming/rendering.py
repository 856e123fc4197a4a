"""From blocks to a signal without latency."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import tensorflow as tf

from ddsp.core import noise
from ddsp.tracing import compile_apart

# Seeds one after the other have this many blocks each, before one is that of the next.
_BLOCKS = 1 << 32


class Streamable(Protocol):
    """What `render` plays: a processor or a graph of them."""

    latency: int
    shortening: int
    hop_size: int | None

    def initial_state(
        self, batch_size: Any, inputs: Any, hop_size: int | None
    ) -> dict[str, Any]:
        """See `Streamed`."""

    def step(self, inputs: Any, state: Mapping[str, Any]) -> tuple[Any, dict]:
        """See `Streamed`."""

    def flush(self, inputs: Any, state: Mapping[str, Any]) -> tuple[Any, dict]:
        """See `Streamed`."""


def compile_step(processor: Streamable) -> Callable:
    """Compiles `step`, with the seed of its noise as a third argument.

    What is compiled draws the same noise at every call, unless it is told otherwise.
    Without a seed, None, it draws anew.
    """

    def step(inputs: Any, state: Mapping[str, Any], seed: tf.Tensor | None) -> Any:
        if seed is None:
            return processor.step(inputs, state)
        with noise.reproducible_noise(seed):
            return processor.step(inputs, state)

    return compile_apart(step, reduce_retracing=True)


def numbered(compiled: Callable) -> Callable:
    """A step of a stream that begins; within `reproducible_noise`, each has its own.

    Parameters
    ----------
    compiled : by `compile_step`.
    """
    around, numbers = noise.seed_around(), itertools.count(1)

    def step(inputs: Any, state: Mapping[str, Any]) -> Any:
        seed = None if around is None else around * _BLOCKS + next(numbers)
        return compiled(inputs, state, seed)

    return step


def render(
    processor: Streamable,
    blocks: Iterable[Any],
    batch_size: int = 1,
    hop_size: int | None = None,
    compiled: bool = True,
    step: Callable | None = None,
) -> Iterator[tf.Tensor]:
    """Plays blocks as they come; what it yields, joined, is what the whole would give.

    Memory holds one block at a time, so the whole may be as long as it likes.

    Parameters
    ----------
    processor : a processor or a `ProcessorGroup`.
    blocks : inputs such as `step` takes, one block after the other.
    batch_size : examples in each block.
    hop_size : samples a frame, see `Streamed.initial_state`.
    compiled : whether to run in a `tf.function`, which pays when most blocks have one
        size.
    step : takes inputs and a state, like `processor.step`; by `numbered` of what a
        program that renders again and again has compiled once.

    Yields
    ------
    The signal, `[batch, samples]`, without latency.

    Examples
    --------
    >>> import ddsp
    >>> synth = ddsp.synths.Harmonic(n_samples=None)
    >>> ones = tf.ones([1, 100, 1])
    >>> block = {'amplitudes': ones, 'harmonic_distribution': ones, 'f0_hz': 440 * ones}
    >>> blocks = [block] * 3
    >>> [signal.shape[1] for signal in render(synth, blocks)]
    [6336, 6400, 6400, 64]
    """
    if step is None:
        step = numbered(compile_step(processor)) if compiled else processor.step
    state, inputs, held = None, None, None
    to_drop = to_hold = 0
    for inputs in blocks:
        if state is None:
            state = processor.initial_state(batch_size, inputs, hop_size)
            to_drop = processor.latency
            # What a graph cuts off the end has to wait for it.
            to_hold = max(processor.shortening - processor.latency, 0)
        signal, state = step(inputs, state)
        dropped = min(to_drop, signal.shape[1])
        to_drop -= dropped
        signal = signal[:, dropped:]
        if held is not None:
            signal = tf.concat([held, signal], axis=1)
        ready = max(signal.shape[1] - to_hold, 0)
        held = signal[:, ready:]
        if ready:
            yield signal[:, :ready]
    if state is None:
        return
    rest = processor.flush(inputs, state)[0][:, to_drop:]
    if rest.shape[1]:
        yield rest
