"""Spectra of frames as products of matrices, for runtimes that have no FFT."""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from ddsp import spectral_tables as tables


def fold(frames: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Windows frames by Hann and folds them about their middle.

    Samples as far before the middle as others are after it share their cosine, and
    their sine but for its sign: folded, they need half as many products. The window is
    0 at the first sample, which has no partner.

    Parameters
    ----------
    frames : `[..., size]`, of an even size.

    Returns
    -------
    Sums `[..., size / 2]`, of which the last is the middle itself, and differences
    `[..., size / 2 - 1]`.
    """
    size = frames.shape[-1]
    half = size // 2
    frames = frames * tables.hann(size)
    left = frames[..., 1:half]
    right = tf.gather(frames, np.arange(size - 1, half, -1), axis=-1)
    sums = tf.concat([left + right, frames[..., half : half + 1]], axis=-1)
    return sums, left - right


@functools.lru_cache(maxsize=16)
def folded_transform(size: int, n_bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Tables that make a spectrum of what `fold` gives.

    Parameters
    ----------
    size : samples of a frame, even.
    n_bins : bins 1 to `n_bins` are made; at most `size / 2`.

    Returns
    -------
    Cosines `[size / 2, n_bins]` and sines `[size / 2 - 1, n_bins]`, float64. The real
    part is `sums @ cosines`, the imaginary part, but for its sign,
    `differences @ sines`.
    """
    half = size // 2
    turns = np.outer(np.arange(1, half + 1), np.arange(1, n_bins + 1)) % size
    angles = turns * (2.0 * np.pi / size)
    return np.cos(angles), np.sin(angles[:-1])
