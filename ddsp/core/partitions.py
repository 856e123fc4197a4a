"""Convolution with one long response, audio and response in parts of equal length."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf


def convolve_in_parts(
    audio: tf.Tensor, response: tf.Tensor, length: int, fft_size: int
) -> tf.Tensor:
    """Convolves audio with a response, both cut into parts of half an FFT's size.

    Short transforms stay in the cache of a processor, and there are enough of them for
    its vector instructions: for a few rows of audio not much longer than the response
    this takes two thirds of the time of one long transform. Part k of the result is a
    sum over parts, `Y[k] = sum_j X[k - j] H[j]` (uniformly partitioned convolution,
    Wefers 2015, "Partitioned convolution algorithms for real-time auralization", 4.1),
    and parts that nobody asked for are not computed.

    Parameters
    ----------
    audio : `[batch, samples]`, of static shape.
    response : `[batch, taps]`, of static shape. Either batch may be 1.
    length : samples of the result that are wanted, from its start.
    fft_size : twice the samples of a part, an even number.

    Returns
    -------
    The first `length` samples of the convolution, `[batch, length]`; silence where they
    exceed it.
    """
    hop = fft_size // 2
    wanted = _parts(length, hop)
    n_blocks = min(wanted, _parts(audio.shape[1], hop))
    n_parts = min(wanted, _parts(response.shape[1], hop))
    blocks, parts = _cut(audio, n_blocks, hop), _cut(response, n_parts, hop)
    n_spectra = min(wanted, n_blocks + n_parts - 1)
    n_results = min(wanted, n_spectra + 1)
    result = _convolve_parts(blocks, parts, n_spectra, n_results)
    return _of_length(tf.reshape(result, [result.shape[0], n_results * hop]), length)


def _convolve_parts(
    blocks: tf.Tensor, parts: tf.Tensor, n_spectra: int, n_results: int
) -> tf.Tensor:
    """Convolves sequences of parts, `[batch, parts, hop]`: so many parts of the result.

    The gradient is written out: a correlation of parts, with a transform each way.
    """
    fft_size = 2 * blocks.shape[2]

    @tf.custom_gradient
    def convolve(
        blocks: tf.Tensor, parts: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
        x, h = _spectra(blocks, fft_size), _spectra(parts, fft_size)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            g = _spectra(_with_successors(upstream, n_spectra), fft_size)
            return _correlated(g, h, blocks), _correlated(g, x, parts)

        sums = [
            tf.add_n([x[k - j] * h[j] for j in range(len(h)) if 0 <= k - j < len(x)])
            for k in range(n_spectra)
        ]
        signals = tf.signal.irfft(tf.stack(sums, axis=1), [fft_size])
        return _add_tails(signals, n_results), gradient

    return convolve(blocks, parts)


def _parts(length: int, hop: int) -> int:
    return -(-length // hop)


def _of_length(signal: tf.Tensor, length: int) -> tf.Tensor:
    """The start of a signal, or the signal and silence."""
    missing = length - signal.shape[1]
    if missing > 0:
        return tf.pad(signal, [[0, 0], [0, missing]])
    return signal[:, :length] if missing else signal


def _cut(signal: tf.Tensor, n_parts: int, hop: int) -> tf.Tensor:
    """Parts side by side, `[batch, parts, hop]`, the last one filled with silence."""
    signal = _of_length(signal, n_parts * hop)
    return tf.reshape(signal, [signal.shape[0], n_parts, hop])


def _spectra(parts: tf.Tensor, fft_size: int) -> list[tf.Tensor]:
    """The spectrum of each part, `[batch, bins]`."""
    return tf.unstack(tf.signal.rfft(parts, [fft_size]), axis=1)


def _add_tails(signals: tf.Tensor, n_results: int) -> tf.Tensor:
    """Overlap-add of `[batch, parts, 2 * hop]`, as `[batch, n_results, hop]`."""
    hop, missing = signals.shape[2] // 2, n_results - signals.shape[1]
    starts, tails = signals[:, :, :hop], signals[:, : n_results - 1, hop:]
    if missing:
        starts = tf.pad(starts, [[0, 0], [0, missing], [0, 0]])
    return starts + tf.pad(tails, [[0, 0], [1, 0], [0, 0]])


def _with_successors(parts: tf.Tensor, n_frames: int) -> tf.Tensor:
    """Each part with the next one behind it: the transpose of `_add_tails`."""
    missing = n_frames + 1 - parts.shape[1]
    following = tf.pad(parts[:, 1:], [[0, 0], [0, missing], [0, 0]])
    return tf.concat([parts[:, :n_frames], following], axis=2)


def _correlated(
    g: Sequence[tf.Tensor], other: Sequence[tf.Tensor], like: tf.Tensor
) -> tf.Tensor:
    """Gradient of the parts `like`: `sum_j G[i + j] conj(other[j])` for part i."""
    other = [tf.math.conj(spectrum) for spectrum in other]
    sums = [
        tf.add_n([g[i + j] * h for j, h in enumerate(other) if i + j < len(g)])
        for i in range(like.shape[1])
    ]
    if like.shape[0] == 1:
        sums = [tf.reduce_sum(spectrum, axis=0, keepdims=True) for spectrum in sums]
    hop = like.shape[2]
    return tf.signal.irfft(tf.stack(sums, axis=1), [2 * hop])[:, :, :hop]
