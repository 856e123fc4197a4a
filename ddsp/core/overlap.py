"""Frames added up where they overlap."""

from __future__ import annotations

import tensorflow as tf

from ddsp.core.tensors import size


def overlap_add(frames: tf.Tensor, hop: int | tf.Tensor) -> tf.Tensor:
    """Adds frames `[batch, frames, size]` that start every `hop` samples.

    The transpose of `tf.signal.frame`; gives `[batch, (frames - 1) * hop + size]`.
    """
    frame_size = frames.shape[-1]
    if not isinstance(hop, int) or frame_size is None or frame_size % hop:
        return tf.signal.overlap_and_add(frames, hop)
    # By pieces of a hop: fewer passes than the general way.
    n_pieces, n_frames = frame_size // hop, size(frames, 1)
    hops = tf.add_n(
        [
            tf.pad(piece, [[0, 0], [i, n_pieces - 1 - i], [0, 0]])
            for i, piece in enumerate(tf.split(frames, n_pieces, axis=-1))
        ]
    )
    n_samples = (n_frames + n_pieces - 1) * hop
    return tf.reshape(hops, [size(frames, 0), n_samples])
