"""Long responses, block by block, without latency: partitioned overlap and save.

The response is cut into partitions of one hop each. So is the audio, whose spectra
stand in a line: the sound of a hop is the sum of the products of the line with the
spectra of the response (G. Garcia, "Optimal filter partition for efficient convolution
with short input/output delay", AES 2002).
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp.core import portable
from ddsp.core.convolution import fft_convolve
from ddsp.core.streaming.memory import Memory, join, last
from ddsp.core.tensors import pad_axis, size

# From here on it is faster to convolve a block as a whole, with all that it remembers.
_MOST_HOPS = 16


def start_convolution(batch_size: Any, taps: Any, hop: int) -> dict[str, tf.Tensor]:
    """The memory of a convolution that has heard nothing yet.

    Parameters
    ----------
    batch_size : a number or a scalar tensor.
    taps : of the response.
    hop : samples in a partition.

    Returns
    -------
    `audio`, the last hop of it, and `line`, the spectra of as many pairs of hops before
    the block as the response has partitions, less one, the newest last.
    """
    n = -(-taps // hop) - 1
    if portable.is_portable():
        line = tf.zeros([batch_size, 2 * (hop + 1), n])
    else:
        line = tf.zeros([batch_size, hop + 1, n], tf.complex64)
    return {'audio': tf.zeros([batch_size, hop]), 'line': line}


def partition(response: tf.Tensor, hop: int) -> tf.Tensor:
    """Spectra of the partitions of a response.

    Parameters
    ----------
    response : float32 `[batch, taps]`.
    hop : samples in a partition.

    Returns
    -------
    complex64 `[batch, hop + 1, partitions]`, the last partition first; within
    `portable_ops` float32, the real parts and then the imaginary ones on axis 1.
    """
    n = -(-size(response, 1) // hop)
    filled = pad_axis(response, (0, n * hop - size(response, 1)), axis=1)
    parts = tf.reshape(filled, [size(response, 0), n, hop])
    return _spectra(tf.reverse(parts, axis=[1]), hop)


def step_convolution(
    audio: tf.Tensor, response: tf.Tensor, memory: Memory, hop: int
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Convolves one block.

    Parameters
    ----------
    audio : float32 `[batch, samples]`, a whole number of hops.
    response : what `partition` gave.
    memory : of `start_convolution`, or what the block before gave.
    hop : samples in a partition.

    Returns
    -------
    audio : float32 `[batch, samples]`.
    memory : for the next block.
    """
    n_hops = size(audio, 1) // hop
    hops = tf.reshape(audio, [size(audio, 0), n_hops, hop])
    before = join(memory['audio'][:, tf.newaxis], hops)
    pairs = tf.concat([before[:, :-1], before[:, 1:]], axis=2)
    kept = _fit_line(memory['line'], size(response, 2) - 1)
    line = tf.concat([kept, _spectra(pairs, hop)], axis=2)
    few = isinstance(n_hops, int) and n_hops <= _MOST_HOPS
    if few or portable.is_portable():
        convolved = _by_hops(line, response, n_hops, hop)
    else:
        convolved = _at_once(before, kept, response, hop)
    line = line[:, :, size(line, 2) - size(kept, 2) :]
    line.set_shape(kept.shape)
    return convolved, {'audio': before[:, -1], 'line': line}


def _by_hops(line: tf.Tensor, response: tf.Tensor, n_hops: int, hop: int) -> tf.Tensor:
    """The sum of the products of the line and the response, for each hop."""
    n = size(response, 2)
    if portable.is_portable():
        return _portable_by_hops(line, response, n_hops, hop)
    sums = [
        tf.reduce_sum(line[:, :, i : i + n] * response, axis=2) for i in range(n_hops)
    ]
    hops = tf.signal.irfft(tf.stack(sums, axis=1), [2 * hop])[..., hop:]
    return tf.reshape(hops, [size(line, 0), n_hops * hop])


def _portable_by_hops(
    line: tf.Tensor, response: tf.Tensor, n_hops: int, hop: int
) -> tf.Tensor:
    """`_by_hops` for spectra of real numbers."""
    n = response.shape[2]
    products = [
        portable.multiply(line[:, :, i : i + n], response, axis=1)
        for i in range(n_hops)
    ]
    sums = [tf.reduce_sum(product, axis=2) for product in products]
    hops = portable.irfft(tf.stack(sums, axis=1), 2 * hop)[..., hop:]
    return tf.reshape(hops, [size(line, 0), n_hops * hop])


def _at_once(
    hops: tf.Tensor, kept: tf.Tensor, response: tf.Tensor, hop: int
) -> tf.Tensor:
    """Convolves a long block after the audio that the line remembers."""
    heard = tf.concat([_first_halves(kept, hop), hops], axis=1)
    taps = tf.reverse(_first_halves(response, hop), axis=[1])
    heard, taps = (tf.reshape(x, [size(x, 0), size(x, 1) * hop]) for x in (heard, taps))
    n_samples = (size(hops, 1) - 1) * hop
    return last(fft_convolve(heard, taps, delay_compensation=0), n_samples)


def _spectra(frames: tf.Tensor, hop: int) -> tf.Tensor:
    """`[batch, frames, samples]` to `[batch, hop + 1, frames]`."""
    if portable.is_portable():
        frames = pad_axis(frames, (0, 2 * hop - frames.shape[-1]), axis=-1)
        return tf.transpose(portable.rfft(frames), [0, 2, 1])
    return tf.transpose(tf.signal.rfft(frames, [2 * hop]), [0, 2, 1])


def _first_halves(spectra: tf.Tensor, hop: int) -> tf.Tensor:
    """The first hop of each of the frames that `_spectra` was given."""
    frames = tf.signal.irfft(tf.transpose(spectra, [0, 2, 1]), [2 * hop])
    return frames[..., :hop]


def _fit_line(line: tf.Tensor, n: Any) -> tf.Tensor:
    """A line of `n` spectra, the oldest ones dropped, or silence put before them."""
    length = size(line, 2)
    if isinstance(length, int) and isinstance(n, int) and length == n:
        return line
    line = pad_axis(line, (n, 0), axis=2)
    return line[:, :, size(line, 2) - n :]
