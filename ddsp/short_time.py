"""The short-time Fourier transform as a linear map, and its transpose.

Losses and features go back through it at every training step. Written out, the way back
is one inverse transform; what TensorFlow derives from framing and FFT is several passes
over all frames.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from ddsp import spectral_tables as tables
from ddsp.core import size as size_of
from ddsp.core.blocks import one_by_one
from ddsp.core.overlap import overlap_add

# Numbers in the frames of a block: what is worked on stays in the cache.
BLOCK_ELEMENTS = 1 << 19
# An FFT runs on one core, so that others want something to do meanwhile.
BLOCKS_AT_ONCE = 8


def analyse(audio: tf.Tensor, frame_size: int, hop_size: int) -> tf.Tensor:
    """Transforms Hann-windowed frames.

    Parameters
    ----------
    audio : float32 `[batch, samples]`, padded already.
    frame_size, hop_size : in samples.

    Returns
    -------
    complex64 `[batch, frames, frame_size // 2 + 1]`, of those frames that lie within
    the audio.
    """
    frames = tf.signal.frame(audio, frame_size, hop_size)
    return tf.signal.rfft(frames * tables.hann(frame_size))


def transpose(
    spectra: tf.Tensor, frame_size: int, hop_size: int, n_samples: int | tf.Tensor
) -> tf.Tensor:
    """Carries a gradient of `analyse` back to the audio.

    Parameters
    ----------
    spectra : complex64 `[batch, frames, frame_size // 2 + 1]`, the gradients of real
        and imaginary parts.
    frame_size, hop_size : in samples.
    n_samples : length of the audio.

    Returns
    -------
    float32 `[batch, samples]`.
    """
    # An inverse transform counts each bin twice, for its mirror image, except the first
    # and, of an even size, the last; and it divides by the size.
    bins = frame_size // 2 + 1
    share = [1.0] + [0.5] * (bins - 2) + [1.0 if frame_size % 2 == 0 else 0.5]
    shares = frame_size * tf.constant(share[:bins], tf.float32)
    spectra *= tf.complex(shares, tf.zeros_like(shares))
    frames = tf.signal.irfft(spectra, [frame_size]) * tables.hann(frame_size)
    audio = overlap_add(frames, hop_size)
    # Samples after the last frame have no part in it.
    missing = n_samples - size_of(audio, 1)
    return tf.pad(audio, [[0, 0], [0, missing]])


def weighted_power(
    audio: tf.Tensor, frame_size: int, hop_size: int, weights: np.ndarray
) -> tf.Tensor:
    """Sums the power of each frame over its bins, a block of frames at a time.

    Parameters
    ----------
    audio : float32 `[batch, samples]`, padded already.
    frame_size, hop_size : in samples.
    weights : `[frame_size // 2 + 1]`, of the bins.

    Returns
    -------
    float32 `[batch, frames]`, of those frames that lie within the audio.
    """
    weights = tf.constant(weights, tf.float32)
    n_batch, n_samples = size_of(audio, 0), size_of(audio, 1)
    n_frames = (n_samples - frame_size) // hop_size + 1
    block = _block_frames(audio.shape[0], n_frames, frame_size)
    stride, length = block * hop_size, (block - 1) * hop_size + frame_size

    def cut(audio: tf.Tensor) -> tf.Tensor:
        """What each block of frames covers, `[batch, blocks, length]`."""
        n_blocks = -(-n_frames // block)
        missing = (n_blocks - 1) * stride + length - n_samples
        audio = tf.pad(audio, [[0, 0], [0, tf.maximum(missing, 0)]])
        return tf.signal.frame(audio, length, stride)

    def forward(audio: tf.Tensor) -> tf.Tensor:
        audio = tf.ensure_shape(audio, [None, length])
        power = squared_magnitude(analyse(audio, frame_size, hop_size))
        # `matvec` would copy the weights for each example.
        return tf.tensordot(power, weights, axes=1)

    def backward(audio: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
        audio = tf.ensure_shape(audio, [None, length])
        spectra = analyse(audio, frame_size, hop_size)
        slope = 2.0 * weights * upstream[..., tf.newaxis]
        spectra *= tf.complex(slope, tf.zeros_like(slope))
        return transpose(spectra, frame_size, hop_size, length)

    @tf.custom_gradient
    def power(audio: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            missing = -n_frames % block
            upstream = tf.pad(upstream, [[0, 0], [0, missing]])
            shape = [n_batch, size_of(blocks, 1), block]
            upstream = tf.reshape(upstream, shape)
            d_blocks = _each_block(backward, blocks, upstream)
            d_audio = tf.signal.overlap_and_add(d_blocks, stride)
            missing = tf.maximum(n_samples - size_of(d_audio, 1), 0)
            return tf.pad(d_audio, [[0, 0], [0, missing]])[:, :n_samples]

        blocks = cut(audio)
        frames = _each_block(forward, blocks)
        return tf.reshape(frames, [n_batch, -1])[:, :n_frames], gradient

    return power(audio)


def _block_frames(
    n_batch: int | None, n_frames: int | tf.Tensor, frame_size: int
) -> int:
    """How many frames make a block: a number that compilers know."""
    frames = max(1, BLOCK_ELEMENTS // (frame_size * (n_batch or 1)))
    return min(frames, n_frames) if isinstance(n_frames, int) else frames


def _each_block(fn: Callable, *tensors: tf.Tensor) -> tf.Tensor:
    """Applies `fn` to each `[batch, ...]` of `[batch, blocks, ...]`."""
    if tensors[0].shape[1] == 1:
        return fn(*(x[:, 0] for x in tensors))[:, tf.newaxis]
    turned = [tf.transpose(x, [1, 0, 2]) for x in tensors]
    return tf.transpose(one_by_one(fn, turned, tf.float32, BLOCKS_AT_ONCE), [1, 0, 2])


def squared_magnitude(spectra: tf.Tensor) -> tf.Tensor:
    """`re**2 + im**2`, of any shape."""
    return tf.square(tf.math.real(spectra)) + tf.square(tf.math.imag(spectra))


def magnitude(spectra: tf.Tensor) -> tf.Tensor:
    """`|x|`, by a square root: `tf.abs` guards against overflow and is twice as slow.

    The gradient at 0 is not defined; use it where the gradient is written out.
    """
    return tf.sqrt(squared_magnitude(spectra))
