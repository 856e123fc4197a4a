"""Work done a block of frames at a time, so that memory does not grow with length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from ddsp.core.tensors import size

BLOCKS_AT_ONCE = 4


def frames_in_block(
    n_batch: Any, n_frames: Any, elements_per_frame: Any, elements: int
) -> Any:
    """How many frames fit into a working set of about `elements` numbers.

    Parameters
    ----------
    n_batch, n_frames, elements_per_frame : integers, or scalar tensors if unknown.
    elements : size of the working set.

    Returns
    -------
    At least 1 and at most `n_frames`: an integer where all sizes are known.
    """
    per_frame = n_batch * elements_per_frame
    if isinstance(per_frame, int) and isinstance(n_frames, int):
        return min(n_frames, max(1, elements // max(1, per_frame)))
    block = tf.maximum(1, elements // tf.maximum(1, per_frame))
    return tf.minimum(tf.maximum(1, n_frames), block)


def map_blocks(
    fn: Callable[..., Any],
    tensors: Sequence[tf.Tensor],
    n_frames: Any,
    block: Any,
    signature: Any = tf.float32,
) -> Any:
    """Applies `fn` to blocks of frames and joins what it gives.

    Parameters
    ----------
    fn : takes one argument for each tensor, `[batch, block, ...]`, and gives a tensor
        or a list of tensors `[batch, block, ...]`. Gradients are not its affair.
    tensors : each `[batch, frames, ...]`; the batch may be 1.
    n_frames : length of axis 1.
    block : frames in a block.
    signature : the type of what `fn` gives, or a list of types.

    Returns
    -------
    What `fn` would give for all frames at once.
    """
    if isinstance(block, int) and isinstance(n_frames, int) and block >= n_frames:
        return fn(*tensors)
    n_blocks = -(-n_frames // block)
    blocks = [_split(x, n_frames, n_blocks, block) for x in tensors]
    joined = one_by_one(fn, blocks, signature)
    return tf.nest.map_structure(lambda x: _join(x, n_frames), joined)


def one_by_one(
    fn: Callable[..., Any],
    tensors: Sequence[Any],
    signature: Any,
    at_once: int = BLOCKS_AT_ONCE,
) -> Any:
    """Applies `fn` along axis 0 of all tensors, and stacks what it gives.

    Parameters
    ----------
    fn : takes one argument for each tensor.
    tensors : all of one length along axis 0.
    signature : the type of what `fn` gives, or a list of types.
    at_once : how many may be in memory at the same time, in a graph. More than there
        are cores, so that none waits for a block to end.
    """
    return tf.map_fn(
        lambda xs: fn(*xs),
        list(tensors),
        fn_output_signature=signature,
        # Outside a graph there is no parallelism, and TensorFlow warns when asked for.
        parallel_iterations=None if tf.executing_eagerly() else at_once,
    )


def _split(x: tf.Tensor, n_frames: Any, n_blocks: Any, block: Any) -> tf.Tensor:
    """`[batch, frames, ...]` to `[blocks, batch, block, ...]`, filled up with zeros."""
    batch = size(x, 0)
    inner = [size(x, axis) for axis in range(2, x.shape.rank)]
    fill = [[0, 0], [0, n_blocks * block - n_frames]] + [[0, 0]] * len(inner)
    x = tf.reshape(tf.pad(x, fill), [batch, n_blocks, block, *inner])
    return tf.transpose(x, [1, 0, 2, *range(3, x.shape.rank)])


def _join(x: tf.Tensor, n_frames: Any) -> tf.Tensor:
    inner = [size(x, axis) for axis in range(3, x.shape.rank)]
    x = tf.transpose(x, [1, 0, 2, *range(3, x.shape.rank)])
    x = tf.reshape(x, [size(x, 0), size(x, 1) * size(x, 2), *inner])
    return x[:, :n_frames]
