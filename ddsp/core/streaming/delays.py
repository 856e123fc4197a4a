"""Delays whose length changes from sample to sample, block by block."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp.core.delays import read_back
from ddsp.core.streaming.memory import Memory, join, last


def start_delay(batch_size: Any, max_length: int) -> dict[str, tf.Tensor]:
    """The memory of a delay that has heard nothing: `max_length + 1` samples."""
    return {'audio': tf.zeros([batch_size, max_length + 1])}


def step_delay(
    audio: tf.Tensor, delay: tf.Tensor, memory: Memory, max_length: int
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Delays one block.

    Parameters
    ----------
    audio : float32 `[batch, samples]`.
    delay : float32 `[batch, samples]`, in samples; clipped to [0, max_length].
    memory : of `start_delay`, or what the block before gave.
    max_length : the longest delay, in samples.

    Returns
    -------
    audio : float32 `[batch, samples]`.
    memory : for the next block.
    """
    heard = join(memory['audio'], audio)
    delay = tf.clip_by_value(delay, 0.0, float(max_length))
    return read_back(heard, delay, max_length), {'audio': last(heard, max_length + 1)}
