"""What a stream is given after its end, until all of it has come out."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf


def hold(
    inputs: Mapping[str, tf.Tensor],
    kinds: Mapping[str, str | None],
    hop_size: int | None,
    latency: int,
) -> dict[str, tf.Tensor]:
    """Makes the block that follows the last one: held controls and silence.

    Parameters
    ----------
    inputs : the last block.
    kinds : `'samples'`, `'frames'` or `'constant'` for each.
    hop_size : samples a frame, or None where nothing has frames.
    latency : samples that shall come out.
    """
    hop_size = hop_size or max(latency, 1)
    n_frames = max(-(-latency // hop_size), 1)
    held = dict(inputs)
    for name, x in inputs.items():
        if kinds[name] == 'frames':
            held[name] = tf.repeat(x[:, -1:], n_frames, axis=1)
        elif kinds[name] == 'samples':
            shape = tf.concat(
                [[tf.shape(x)[0], n_frames * hop_size], tf.shape(x)[2:]], 0
            )
            held[name] = tf.ensure_shape(
                tf.zeros(shape, x.dtype),
                [x.shape[0], n_frames * hop_size, *x.shape[2:]],
            )
    return held


def hop_of(
    inputs: Mapping[str, tf.Tensor], kinds: Mapping[str, str | None]
) -> int | None:
    """Samples a frame of a block that has both."""
    lengths = {
        kinds[name]: x.shape[1] for name, x in inputs.items() if x.shape.rank > 1
    }
    if lengths.get('samples') and lengths.get('frames'):
        return lengths['samples'] // lengths['frames']
    return None


def guess_kinds(
    inputs: Mapping[str, tf.Tensor], kinds: Mapping[str, str | None]
) -> dict[str, str]:
    """Finds kinds that are not known, by a length that others have, or by the axes."""
    known = {
        x.shape[1]: kinds[name]
        for name, x in inputs.items()
        if kinds[name] in ('frames', 'samples') and x.shape[1] is not None
    }

    def guess(x: tf.Tensor) -> str:
        if x.shape.rank < 2:
            return 'constant'
        by_axes = 'frames' if x.shape.rank > 2 else 'constant'
        return known.get(x.shape[1], by_axes)

    return {name: kinds[name] or guess(x) for name, x in inputs.items()}
