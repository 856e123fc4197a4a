"""Filters that change from frame to frame, block by block: overlap and add."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp.core.convolution import fade_between, overlap_add_convolve
from ddsp.core.filters import window_taps
from ddsp.core.streaming.memory import Memory, fit, join, last
from ddsp.core.tensors import pad_axis, size


def filter_latency(
    window_size: int, n_bins: int | None, crossfade: bool, hop: int | None
) -> int | None:
    """How late a filter without phase shift is, in samples.

    Half its response; with a crossfade, one hop more. A window sets it whatever the
    number of bins, so that it is known before they are.

    Parameters
    ----------
    window_size : samples of the response, see `frequency_filter`.
    n_bins : bins of the magnitudes, which count where there is no window.
    crossfade : see `frequency_filter`.
    hop : samples a frame, for a crossfade.

    Returns
    -------
    The latency, or None where a size that it depends on is not known.
    """
    taps = window_taps(window_size, n_bins if window_size < 1 else None)
    if taps is None or (crossfade and hop is None):
        return None
    return taps // 2 + (hop if crossfade else 0)


def start_filter(
    batch_size: Any, window_size: int, n_bins: int | None, hop: int | None
) -> dict[str, tf.Tensor]:
    """The memory of a filter that has heard nothing yet.

    Parameters
    ----------
    batch_size : a number or a scalar tensor.
    window_size : see `frequency_filter`.
    n_bins : bins of the magnitudes, None where not known.
    hop : samples a frame, for a crossfade; None is without.
    """
    taps = window_taps(window_size, n_bins if window_size < 1 else None) or 1
    memory = {'tail': tf.zeros([batch_size, taps - 1])}
    if hop is not None:
        memory['audio'] = tf.zeros([batch_size, hop])
        memory['response'] = tf.zeros([batch_size, 1, taps])
    return memory


def step_filter(
    audio: tf.Tensor,
    responses: tf.Tensor,
    memory: Memory,
    window_size: int,
    crossfade: bool,
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Filters one block.

    Parameters
    ----------
    audio : float32 `[batch, samples]`.
    responses : float32 `[batch, frames, taps]`, lag 0 at tap `taps // 2`; as many
        samples a frame in each block.
    memory : of `start_filter`, or what the block before gave.
    window_size, crossfade : see `frequency_filter`.

    Returns
    -------
    audio : float32 `[batch, samples]`, later by `filter_latency`.
    memory : for the next block.
    """
    n_samples, taps = size(audio, 1), size(responses, 2)
    # A response shorter than the window lies in its middle.
    all_taps = window_taps(window_size) or taps
    late = all_taps // 2 - taps // 2
    tail = fit(memory['tail'], all_taps - 1)
    frames = _cut(audio, responses)
    if crossfade:
        convolved, memory = _crossfaded(frames, responses, memory, all_taps)
    else:
        convolved = overlap_add_convolve(frames, responses, size(frames, 2))
    length = n_samples + all_taps - 1
    convolved = pad_axis(convolved, (late, all_taps), axis=1)[:, :length]
    total = convolved + pad_axis(tail, (0, n_samples), axis=1)
    return total[:, :n_samples], {**memory, 'tail': last(total, all_taps - 1)}


def _crossfaded(
    frames: tf.Tensor, responses: tf.Tensor, memory: Memory, taps: int
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Convolves the frames before those of the block, each fading to its next."""
    hop = size(frames, 2)
    all_frames = join(memory['audio'][:, tf.newaxis], frames)
    all_responses = join(memory['response'][..., : size(responses, 2)], responses)
    rising, falling = fade_between(all_frames[:, :-1], hop)
    convolved = overlap_add_convolve(falling, all_responses[:, :-1], hop)
    convolved += overlap_add_convolve(rising, all_responses[:, 1:], hop)
    memory = {
        'audio': all_frames[:, -1],
        'response': fit(last(all_responses, 1), taps),
    }
    return convolved, memory


def _cut(audio: tf.Tensor, responses: tf.Tensor) -> tf.Tensor:
    """As many frames as there are responses, `[batch, frames, hop]`."""
    n_samples, n_frames = size(audio, 1), size(responses, 1)
    if (
        isinstance(n_samples, int)
        and isinstance(n_frames, int)
        and n_samples % n_frames
    ):
        raise ValueError(
            f'a block of {n_samples} samples cannot be cut into {n_frames} frames of '
            'equal length, one for each impulse response.'
        )
    return tf.reshape(audio, [size(audio, 0), n_frames, n_samples // n_frames])
