"""Convolution with impulse responses that may change from frame to frame."""

from __future__ import annotations

import bisect
import functools
import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ddsp.core import checks, portable, tensors
from ddsp.core.overlap import overlap_add
from ddsp.core.partitions import convolve_in_parts

Size = int | tf.Tensor

# Longest block, in samples, of audio that is convolved at once with one response.
# Longer transforms leave the cache of a processor, shorter ones mostly overlap.
_BLOCK_SIZE = 8192
# A response of so many taps is cut into parts, if so many rows of audio share the work:
# measured, see "What was tried" in benchmarks/RESULTS.md.
_LONG_RESPONSE = 32768
_ROWS_IN_PARTS = range(2, 9)
_N_PARTS = 3


def get_fft_size(frame_size: Size, ir_size: Size, power_of_2: bool = True) -> Size:
    """Finds a fast FFT size in which a frame convolved with a response does not wrap.

    Parameters
    ----------
    frame_size : samples of audio in a frame; an integer or a scalar tensor.
    ir_size : taps of the impulse response; an integer or a scalar tensor.
    power_of_2 : take the next power of two, or else the next product of powers of 2, 3
        and 5, which is never larger and as fast.

    Returns
    -------
    The smallest such size of at least `frame_size + ir_size - 1`: an integer when both
    sizes are integers, else a scalar int32 tensor.

    Examples
    --------
    >>> get_fft_size(64, 128), get_fft_size(64, 128, power_of_2=False)
    (256, 192)

    """
    needed = frame_size + ir_size - 1
    sizes = _fast_sizes(2 if power_of_2 else 5)
    if not tf.is_tensor(needed):
        return sizes[bisect.bisect_left(sizes, int(needed))]
    # A minimum over a table, since XLA can do that while it compiles.
    table = tf.constant(sizes, tf.int32)
    enough = table >= tf.cast(needed, tf.int32)
    return tf.reduce_min(tf.where(enough, table, table[-1]))


@functools.cache
def _fast_sizes(largest_prime: int) -> tuple[int, ...]:
    """All sizes an int32 can hold that have no prime factor above this one."""
    sizes = [1]
    for prime in (p for p in (2, 3, 5) if p <= largest_prime):
        powers = [prime**k for k in range(31) if prime**k < 2**31]
        sizes = [size * power for size in sizes for power in powers]
        sizes = [size for size in sizes if size < 2**31]
    return tuple(sorted(sizes))


def crop_and_compensate_delay(
    audio: Any, audio_size: Size, ir_size: Size, padding: str, delay_compensation: int
) -> tf.Tensor:
    """Cuts the result of a convolution to length, and its delay off the front.

    Unlike the established library's, the delay is cut off whole, not short by one or
    two samples, and an end with nothing to cut off stays.

    Parameters
    ----------
    audio : `[batch, samples]`, a full convolution; silence follows where it is short.
    audio_size : samples of the audio before it was convolved.
    ir_size : taps of the impulse response.
    padding : `'same'` gives `audio_size` samples, `'valid'` all
        `audio_size + ir_size - 1`.
    delay_compensation : samples to cut off the front. A negative number stands for
        `ir_size // 2`: the group delay of a response whose lag 0 is in the middle.

    Returns
    -------
    Audio, `[batch, audio_size]` or `[batch, audio_size + ir_size - 1]`.

    Raises
    ------
    ValueError
        For another `padding`.
    """
    audio = tf.convert_to_tensor(audio)
    if padding not in ('same', 'valid'):
        raise ValueError(
            f"crop_and_compensate_delay: padding is {padding!r}, expected 'same' "
            "or 'valid'."
        )
    length = audio_size if padding == 'same' else audio_size + ir_size - 1
    start = ir_size // 2 if delay_compensation < 0 else delay_compensation
    missing = _maximum(start + length - tensors.size(audio, -1), 0)
    cropped = _fill_up(audio, missing)[..., start : start + length]
    if isinstance(length, int):
        cropped = tf.ensure_shape(cropped, [*audio.shape[:-1], length])
    return cropped


def fft_convolve(
    audio: Any,
    impulse_response: Any,
    padding: str = 'same',
    delay_compensation: int = -1,
    crossfade: bool = False,
) -> tf.Tensor:
    """Filters audio with an impulse response, which may change from frame to frame.

    With a response for each frame, the audio is cut into as many frames of equal
    length; each is convolved with its own response and they are added where they
    overlap. A batch of one response is transformed once and serves the whole batch.
    With the default delay compensation, audio comes out earlier by the 1 or 2 samples
    that the established library leaves in.

    Parameters
    ----------
    audio : `[batch, samples]`.
    impulse_response : `[batch, taps]` or `[taps]` for one response, or
        `[batch, frames, taps]` for one in each frame. A batch of 1 serves all audio.
    padding : `'same'` keeps the length of the audio, `'valid'` keeps the tail too:
        `samples + taps - 1`.
    delay_compensation : samples to cut off the front, 0 for a causal response. The
        default, -1, stands for `taps // 2`, which is right for a response whose lag 0
        is in the middle.
    crossfade : fade from each response to the next over the length of a frame, by
        raised cosines that sum to one, instead of switching between frames. The
        response of a frame is alone at the frame's first sample; the last one is held.

    Returns
    -------
    Filtered audio, `[batch, samples]`, or longer with `'valid'`.

    Raises
    ------
    ValueError
        For other ranks, batch sizes that differ, an empty input, or a number of frames
        into which the audio cannot be cut.

    Examples
    --------
    >>> fft_convolve([[1.0, 0.0, 0.0]], [0.0, 0.5], delay_compensation=0).shape
    TensorShape([1, 3])

    """
    audio = tensors.tf_float32(audio)
    response = tensors.tf_float32(impulse_response)
    response = _as_frames(audio, response)
    n_samples, ir_size = tensors.size(audio, 1), tensors.size(response, 2)
    if response.shape[1] == 1:
        start = ir_size // 2 if delay_compensation < 0 else delay_compensation
        wanted = start + (n_samples if padding == 'same' else n_samples + ir_size - 1)
        convolved = _convolve_constant(audio, response, wanted)
    else:
        convolved = _convolve_varying(audio, response, crossfade)
    return crop_and_compensate_delay(
        convolved, n_samples, ir_size, padding, delay_compensation
    )


def _as_frames(audio: tf.Tensor, response: tf.Tensor) -> tf.Tensor:
    """Checks what `fft_convolve` was given; the response as `[batch, frames, taps]`."""
    where = 'fft_convolve'
    checks.check_rank(audio, 2, 'audio', where, '[batch, samples]')
    expected = '[taps], [batch, taps] or [batch, frames, taps]'
    checks.check_rank(response, (1, 2, 3), 'impulse_response', where, expected)
    checks.check_not_empty(audio, 'audio', where)
    checks.check_not_empty(response, 'impulse_response', where)
    if response.shape.rank == 1:
        response = response[tf.newaxis, tf.newaxis, :]
    elif response.shape.rank == 2:
        response = response[:, tf.newaxis, :]
    both = {'audio': audio, 'impulse_response': response}
    checks.check_same_size(both, 0, where, 'batch')
    return response


def _convolve_constant(
    audio: tf.Tensor, response: tf.Tensor, wanted: Size
) -> tf.Tensor:
    """Convolves with a response that stays: `wanted` samples, or the whole."""
    if isinstance(wanted, int) and isinstance(response.shape[2], int):
        # Taps that lie after everything that is wanted.
        response = response[:, :, : max(wanted, 1)]
    fft_size = _size_in_parts(audio, response, wanted)
    if fft_size is not None:
        return convolve_in_parts(audio, response[:, 0], wanted, fft_size)
    block = _maximum(_BLOCK_SIZE, 4 * tensors.size(response, 2))
    block = _minimum(block, tensors.size(audio, 1))
    n_blocks = _ceil_divide(tensors.size(audio, 1), block)
    return overlap_add_convolve(_cut(audio, n_blocks, block), response, block)


def _size_in_parts(audio: tf.Tensor, response: tf.Tensor, wanted: Size) -> int | None:
    """FFT size for a response in parts, or `None` where whole blocks are faster.

    That is so for responses that are short, or short beside the audio; and one long
    transform makes good use of a processor when there are many.
    """
    shapes = audio.shape, response.shape
    if not (isinstance(wanted, int) and all(s.is_fully_defined() for s in shapes)):
        return None
    taps, rows = response.shape[2], max(audio.shape[0], response.shape[0])
    is_long = taps >= max(_LONG_RESPONSE, audio.shape[1] // 4)
    if portable.is_portable() or not is_long or rows not in _ROWS_IN_PARTS:
        return None
    return 2 * get_fft_size(_ceil_divide(taps, _N_PARTS), 1, power_of_2=False)


def _convolve_varying(
    audio: tf.Tensor, response: tf.Tensor, crossfade: bool
) -> tf.Tensor:
    """Convolves each frame of audio with its own response."""
    n_samples, n_frames = tensors.size(audio, 1), tensors.size(response, 1)
    hop = _ceil_divide(n_samples, n_frames)
    _check_frames(n_samples, n_frames, hop)
    frames = _cut(audio, n_frames, hop)
    if not crossfade:
        return overlap_add_convolve(frames, response, hop)
    # A faded frame begins one hop before its own, with its predecessor's audio.
    return overlap_add_convolve(_fade(frames, hop), response, hop)[:, hop:]


def _check_frames(n_samples: Size, n_frames: Size, hop: Size) -> None:
    message = (
        f'fft_convolve: {n_samples} samples of audio cannot be cut into {n_frames} '
        'frames of equal length, one for each impulse response; the number of samples '
        'should be a multiple of the number of frames.'
    )
    if isinstance(hop, int):
        if _ceil_divide(n_samples, hop) != n_frames:
            raise ValueError(message)
    else:
        tf.debugging.assert_equal(
            _ceil_divide(n_samples, hop),
            n_frames,
            'fft_convolve: the audio cannot be cut into as many frames of equal '
            'length as there are impulse responses.',
        )


def _cut(audio: tf.Tensor, n_frames: Size, hop: Size) -> tf.Tensor:
    """Frames side by side, `[batch, frames, hop]`, the last one filled with silence."""
    audio = _fill_up(audio, n_frames * hop - tensors.size(audio, 1))
    return tf.reshape(audio, [tensors.size(audio, 0), n_frames, hop])


def _fade(frames: tf.Tensor, hop: Size) -> tf.Tensor:
    """Frames of two hops that overlap by half and sum to the audio.

    The fades are raised cosines, as in `resample(method='window')`. The first frame has
    nothing before it, the last one does not fade out.
    """
    rising, falling = fade_between(frames[:, :-1], hop)
    falling = tf.concat([falling, frames[:, -1:]], axis=1)
    return tf.concat([tf.pad(rising, [[0, 0], [1, 0], [0, 0]]), falling], axis=2)


def fade_between(frames: tf.Tensor, hop: Size) -> tuple[tf.Tensor, tf.Tensor]:
    """Parts frames into what fades in over their length and what fades out."""
    turn = tf.range(hop, dtype=tf.float32) / tf.cast(hop, tf.float32)
    rising = frames * (0.5 - 0.5 * tf.cos(math.pi * turn))
    return rising, frames - rising


def overlap_add_convolve(
    frames: tf.Tensor, responses: tf.Tensor, hop: Size
) -> tf.Tensor:
    """Convolves frames that start every `hop` samples, and adds them up in place.

    Parameters
    ----------
    frames : `[batch, frames, samples]`.
    responses : `[batch, frames, taps]`; either axis may be 1.
    hop : from one frame to the next, in samples.

    Returns
    -------
    The whole convolution, `[batch, samples]`, and maybe silence after it.
    """
    frame_size, ir_size = tensors.size(frames, 2), tensors.size(responses, 2)
    if portable.is_portable():
        return _portable_overlap_add(frames, responses, hop)
    fft_size = get_fft_size(frame_size, ir_size, power_of_2=False)
    if frames.shape[1] == 1:
        return _convolve(frames, responses, fft_size)[:, 0]
    if isinstance(hop, int) and isinstance(fft_size, int):
        return _convolve(frames, responses, fft_size, hop)
    # XLA cannot cut frames of a size that is known only while it runs.
    return overlap_add(_convolve(frames, responses, fft_size), hop)


def _portable_overlap_add(
    frames: tf.Tensor, responses: tf.Tensor, hop: int
) -> tf.Tensor:
    """`overlap_add_convolve` without Fourier transforms, see `ddsp.core.portable`."""
    convolved = portable.convolve(frames, responses)
    if convolved.shape[1] == 1:
        return convolved[:, 0]
    # Of whole hops, which are added up by the simplest operations.
    return overlap_add(_fill_up(convolved, -convolved.shape[2] % hop), hop)


def _convolve(
    frames: tf.Tensor, responses: tf.Tensor, fft_size: Size, hop: int | None = None
) -> tf.Tensor:
    """Circular convolution of frames, with the gradient written out.

    With a `hop` the frames are added up where they overlap. The gradient of a
    convolution is a correlation: one more transform, where those that TensorFlow
    derives from each FFT and from adding up are several passes.
    """

    @tf.custom_gradient
    def convolve(frames: tf.Tensor, responses: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        a, b = (tf.signal.rfft(x, [fft_size]) for x in (frames, responses))

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            if hop is not None:
                upstream = tf.signal.frame(upstream, fft_size, hop)
            g = tf.signal.rfft(upstream, [fft_size])
            for_frames = _sum_to(g * tf.math.conj(b), frames)
            for_responses = _sum_to(g * tf.math.conj(a), responses)
            return tuple(
                tf.signal.irfft(spectra, [fft_size])[..., : tensors.size(x, -1)]
                for x, spectra in [(frames, for_frames), (responses, for_responses)]
            )

        convolved = tf.signal.irfft(a * b, [fft_size])
        return convolved if hop is None else overlap_add(convolved, hop), gradient

    return convolve(frames, responses)


def _sum_to(spectra: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Sums over the leading axes along which `x` was broadcast."""
    if None not in x.shape[:2] and x.shape[:2] == spectra.shape[:2]:
        return spectra
    shape = tf.concat([tf.shape(x)[:2], tf.shape(spectra)[2:]], axis=0)
    axes, _ = tf.raw_ops.BroadcastGradientArgs(s0=shape, s1=tf.shape(spectra))
    return tf.reshape(tf.reduce_sum(spectra, axes), shape)


def _fill_up(audio: tf.Tensor, missing: Size) -> tf.Tensor:
    """Adds silence at the end, and no work where there is none to add."""
    if isinstance(missing, int) and missing == 0:
        return audio
    return tensors.pad_axis(audio, (0, missing), axis=-1)


def _ceil_divide(a: Size, b: Size) -> Size:
    return (a + b - 1) // b


def _maximum(a: Size, b: Size) -> Size:
    return tf.maximum(a, b) if tf.is_tensor(a) or tf.is_tensor(b) else max(a, b)


def _minimum(a: Size, b: Size) -> Size:
    return tf.minimum(a, b) if tf.is_tensor(a) or tf.is_tensor(b) else min(a, b)
