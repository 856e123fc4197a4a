"""Banks of oscillators on a grid: what harmonics and free sinusoids have in common.

A bank takes frequencies and amplitudes at the frame rate and gives audio, a block of
frames at a time, so that memory does not grow with length. Its gradient is written out:
what was computed for the audio is computed again, and nothing of the size of samples
times partials is kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from ddsp.core.blocks import frames_in_block, map_blocks
from ddsp.core.grids import FrameGrid, neighbour, neighbours, tap_weights
from ddsp.core.phase import frames_of_phase, steps_inside_frame, wrap_cycles
from ddsp.core.portable import is_portable
from ddsp.core.tensors import size
from ddsp.core.whole_phase import WholePhase, sum_whole_frames, whole_frequencies

TWO_PI = 2.0 * math.pi

# Numbers in the working set of a block: what is worked on stays in the cache.
BLOCK_ELEMENTS = 1 << 19
# Outside a graph each operation costs a call from Python, so there blocks are larger.
EAGER_FACTOR = 16


class Frames(NamedTuple):
    """What is known of each frame of a block.

    Attributes
    ----------
    starts : float64 `[batch, frames, oscillators]`, cycles before the first sample.
    hz, slope_hz : likewise, the frequency, and its change until the next frame.
    taps : float32 `[batch, frames, taps, partials]`, amplitudes at the neighbours.
    """

    starts: tf.Tensor
    hz: tf.Tensor
    slope_hz: tf.Tensor
    taps: tf.Tensor


class Places(NamedTuple):
    """What is known of each place inside a frame, `[1, frames or 1, hop, ...]`.

    Attributes
    ----------
    weights : float32 `[..., taps]`, of the neighbouring frames' amplitudes.
    steps, sums : float64 `[..., 1]`, what multiplies `hz` and `slope_hz` for cycles.
    fraction : float64 `[..., 1]`, what multiplies `slope_hz` to give frequency.
    """

    weights: tf.Tensor
    steps: tf.Tensor
    sums: tf.Tensor
    fraction: tf.Tensor


class Kernel(NamedTuple):
    """How a bank turns frames into audio.

    Attributes
    ----------
    forward : from `Frames` and `Places` to audio, float32 `[batch, frames, hop]`.
    backward : from these and the gradient of the audio to that of the cycles at each
        sample, `[batch, frames, hop, oscillators]`, and that of the taps.
    width : numbers that it works on at once, for each sample.
    portable : what `forward` is for runtimes without float64: from the phase, the taps
        of `Frames` and the weights of `Places` to audio. None where there is none.
    """

    forward: Callable[[Frames, Places], tf.Tensor]
    backward: Callable[[Frames, Places, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
    width: int
    portable: Callable[[WholePhase, tf.Tensor, tf.Tensor], tf.Tensor] | None = None


def cycles_of(frames: Frames, places: Places) -> tf.Tensor:
    """The phase at each sample, float64 `[batch, frames, hop, oscillators]`."""
    hz, slope_hz = frames.hz[:, :, tf.newaxis], frames.slope_hz[:, :, tf.newaxis]
    return frames.starts[:, :, tf.newaxis] + hz * places.steps + slope_hz * places.sums


def mixed_taps(taps: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Amplitudes at each sample, `[batch, frames, hop, partials]`."""
    # Weights sum to one, so the first tap is what the others differ from.
    first, *others = tf.unstack(taps[:, :, tf.newaxis], axis=3)
    mixed = first
    for tap, other in enumerate(others, start=1):
        mixed += weights[..., tap, tf.newaxis] * (other - first)
    return mixed


# Nothing here needs AutoGraph, which would take a second to read it at the first call.
@tf.autograph.experimental.do_not_convert
def play(
    frequencies_hz: tf.Tensor,
    amplitudes: tf.Tensor,
    grid: FrameGrid,
    sample_rate: float,
    method: str,
    kernel: Kernel,
    initial_cycles: Any = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Plays a bank.

    Parameters
    ----------
    frequencies_hz : float32 `[batch, frames, oscillators]`, linear between frames.
    amplitudes : float32 `[batch, frames, partials]`.
    grid : the grid of the samples.
    sample_rate : samples a second.
    method : how amplitudes are interpolated, see `tap_weights`.
    kernel : the bank.
    initial_cycles : float64 `[batch, 1, oscillators]`, the phase at the start.

    Returns
    -------
    audio : float32 `[batch, samples]`.
    final_cycles : float64 `[batch, 1, oscillators]`, the phase after the last sample.
    """
    taps = tf.stack(neighbours(amplitudes, method), axis=2)
    if is_portable() and grid.place is None and initial_cycles is None:
        whole = whole_frequencies(frequencies_hz, grid.hop, sample_rate)
        slope = neighbour(whole, 1) - whole
        before = tf.zeros_like(whole[:, :1])
        phase, final = sum_whole_frames(whole, slope, grid, sample_rate, before)
        return play_portable(phase, taps, grid, method, kernel), final
    hz, slope_hz, starts, final_cycles = frames_of_phase(
        frequencies_hz, grid, sample_rate, initial_cycles
    )
    frames = Frames(starts, hz, slope_hz, taps)
    audio = play_frames(frames, grid, sample_rate, method, kernel)
    return audio, wrap_cycles(final_cycles)


@tf.autograph.experimental.do_not_convert
def play_frames(
    frames: Frames, grid: FrameGrid, sample_rate: float, method: str, kernel: Kernel
) -> tf.Tensor:
    """Plays frames of which everything is known; gives float32 `[batch, samples]`."""
    places = _places(grid, sample_rate, method)
    in_blocks = _blocks(grid, frames, places, kernel.width)

    @tf.custom_gradient
    def bank(*frames: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def forward(frames: Frames, places: Places, _: Any) -> tf.Tensor:
            return kernel.forward(frames, places)

        def gradient(upstream: tf.Tensor) -> list[tf.Tensor]:
            types = [tf.float64, tf.float64, tf.float64, tf.float32]
            return in_blocks(backward, frames, [upstream], types)

        def backward(frames: Frames, places: Places, upstream: list) -> list:
            d_cycles, d_taps = kernel.backward(frames, places, upstream[0])
            return [*_moments(d_cycles, places), d_taps]

        return in_blocks(forward, frames, [], tf.float32), gradient

    return grid.flatten(bank(*frames))


@tf.autograph.experimental.do_not_convert
def play_portable(
    phase: WholePhase, taps: tf.Tensor, grid: FrameGrid, method: str, kernel: Kernel
) -> tf.Tensor:
    """Plays frames as `play_frames` does, see `ddsp.core.portable`.

    Raises
    ------
    NotImplementedError
        When the kernel cannot.
    """
    if kernel.portable is None:
        raise NotImplementedError('this bank of oscillators has no portable form.')
    with tf.init_scope():  # A number by now, not computed in float64 again.
        weights = tap_weights(grid.fraction, method).numpy()
    return grid.flatten(kernel.portable(phase, taps, tf.constant(weights)))


def _places(grid: FrameGrid, sample_rate: float, method: str) -> Places:
    steps, sums = steps_inside_frame(grid, inclusive=True)
    weights = tap_weights(grid.fraction, method)
    fraction = tf.convert_to_tensor(grid.fraction, tf.float64)
    shape = [1, -1, grid.hop]
    return Places(
        tf.reshape(weights, [*shape, weights.shape[-1]]),
        tf.reshape(steps, [*shape, 1]) / sample_rate,
        tf.reshape(sums, [*shape, 1]) / sample_rate,
        tf.reshape(fraction, [*shape, 1]),
    )


def _blocks(grid: FrameGrid, frames: Frames, places: Places, width: int) -> Callable:
    """Makes the function that runs a kernel block by block."""
    batch, n_frames = size(frames.starts, 0), size(frames.starts, 1)
    elements = BLOCK_ELEMENTS * (EAGER_FACTOR if tf.executing_eagerly() else 1)
    block = frames_in_block(batch, n_frames, grid.hop * width, elements)
    # Places that differ from frame to frame are cut in blocks as well.
    own = [] if grid.place is None else [places.weights, places.sums, places.fraction]

    def places_of(cut: Sequence[tf.Tensor]) -> Places:
        if not own:
            return places
        weights, sums, fraction = cut
        return Places(weights, places.steps, sums, fraction)

    def in_blocks(
        fn: Callable, frames: Sequence[tf.Tensor], others: list, signature: Any
    ) -> Any:
        def on_block(*xs: tf.Tensor) -> Any:
            rest = xs[4:]
            cut, others = rest[: len(own)], list(rest[len(own) :])
            return fn(Frames(*xs[:4]), places_of(cut), others)

        return map_blocks(
            on_block, [*frames, *own, *others], n_frames, block, signature
        )

    return in_blocks


def _moments(d_cycles: tf.Tensor, places: Places) -> list[tf.Tensor]:
    """The gradients of `starts`, `hz` and `slope_hz`: sums over each frame."""
    # In float32: the gradient needs no more, and a matrix product does all three.
    steps, sums = (tf.cast(x, tf.float32) for x in (places.steps, places.sums))
    steps += tf.zeros_like(sums)
    rows = tf.concat([tf.ones_like(sums), steps, sums], axis=-1)
    moments = tf.matmul(rows, d_cycles, transpose_a=True)
    return [tf.cast(moments[:, :, i], tf.float64) for i in range(3)]
