"""Audio in frames: what counts as audio, where frames stand, how it is padded."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp import core
from ddsp.core.checks import check_rank, check_values
from ddsp.core.tensors import without_channel


def get_framed_lengths(
    input_length: Any, frame_size: int, hop_size: int, padding: str = 'center'
) -> tuple[Any, Any]:
    """Tells how many frames a signal gives, and its length once padded for them.

    Parameters
    ----------
    input_length : samples of the signal; an integer, or a scalar tensor where it is not
        known yet.
    frame_size : samples of a frame.
    hop_size : samples from one frame to the next.
    padding : `'center'` puts the middle of frame i at sample `i * hop_size`, and gives
        `input_length // hop_size + 1` frames; `'same'` starts frame i there, and gives
        `ceil(input_length / hop_size)`; `'valid'` only gives frames that lie within the
        signal, `(input_length - frame_size) // hop_size + 1`.

    Returns
    -------
    n_frames, padded_length : integers, or scalar tensors for a tensor.

    Raises
    ------
    ValueError
        For an unknown padding, sizes below 1, or a signal shorter than a frame with
        `'valid'`.

    Examples
    --------
    >>> get_framed_lengths(16000, 512, 64, 'center')
    (251, 16512)
    >>> get_framed_lengths(16000, 512, 64, 'same')
    (250, 16448)
    """
    _check_grid(input_length, frame_size, hop_size, padding)
    if padding == 'same':
        n_frames = (input_length + hop_size - 1) // hop_size
        return n_frames, (n_frames - 1) * hop_size + frame_size
    padded = input_length + frame_size if padding == 'center' else input_length
    return (padded - frame_size) // hop_size + 1, padded


def _check_grid(
    input_length: Any, frame_size: int, hop_size: int, padding: str
) -> None:
    if padding not in ('center', 'same', 'valid'):
        raise ValueError(
            f"padding is {padding!r}, expected 'center', 'same' or 'valid'."
        )
    if frame_size < 1 or hop_size < 1:
        raise ValueError(
            'frame_size and hop_size must be at least 1 sample, '
            f'got {frame_size} and {hop_size}.'
        )
    known = not tf.is_tensor(input_length)
    if padding == 'valid' and known and input_length < frame_size:
        raise ValueError(
            f"{input_length} samples are fewer than one 'valid' frame of {frame_size}; "
            'pad the signal or take a shorter frame.'
        )


def pad(
    x: Any,
    frame_size: int,
    hop_size: int,
    padding: str = 'center',
    axis: int = 1,
    mode: str = 'CONSTANT',
    constant_values: float = 0,
) -> tf.Tensor:
    """Pads a signal so that plain framing gives the frames of `get_framed_lengths`.

    Parameters
    ----------
    x : array-like, such as audio `[batch, samples]`.
    frame_size : samples of a frame.
    hop_size : samples from one frame to the next.
    padding : `'center'` pads half a frame on both sides, `'same'` pads the end,
        `'valid'` pads nothing.
    axis : which axis is time.
    mode : of `tf.pad`: `'CONSTANT'`, `'REFLECT'` or `'SYMMETRIC'`.
    constant_values : what `'CONSTANT'` pads with.

    Returns
    -------
    A tensor of the same shape, but longer on that axis.

    Raises
    ------
    ValueError
        As `get_framed_lengths` does, or when `x` has no such axis.

    Examples
    --------
    >>> pad([[1, 2, 3]], frame_size=2, hop_size=2, padding='same').numpy().tolist()
    [[1, 2, 3, 0]]
    """
    x = tf.convert_to_tensor(x)
    if not -x.shape.rank <= axis < x.shape.rank:
        raise ValueError(
            f'pad: axis {axis} is not one of x, whose shape is {list(x.shape)}.'
        )
    length = core.size(x, axis)
    amounts = _pad_amounts(length, frame_size, hop_size, padding)
    return core.pad_axis(
        x, amounts, axis, mode=mode, constant_values=tf.cast(constant_values, x.dtype)
    )


def _pad_amounts(
    length: Any, frame_size: int, hop_size: int, padding: str
) -> tuple[Any, Any]:
    """How many samples go before and after."""
    _, padded = get_framed_lengths(length, frame_size, hop_size, padding)
    if padding == 'center':
        return frame_size // 2, frame_size - frame_size // 2
    # A hop longer than the frame leaves a tail that no frame covers.
    missing = padded - length
    return 0, tf.maximum(missing, 0) if tf.is_tensor(missing) else max(missing, 0)


def hop_of_overlap(frame_size: int, overlap: float) -> int:
    """The hop in samples of frames that overlap by a part of their length."""
    # A product such as 100 * (1 - 0.9) falls just short of the whole number meant.
    hop_size = math.floor(frame_size * (1.0 - overlap) + 1e-6)
    if not 0.0 <= overlap < 1.0 or hop_size < 1:
        raise ValueError(
            f'an overlap of {overlap} leaves no hop for frames of {frame_size} '
            'samples; take an overlap from 0 to below 1 and longer frames.'
        )
    return hop_size


def hop_of_rate(sample_rate: float, frame_rate: float, where: str) -> int:
    """The hop in samples of so many frames per second."""
    hop_size = sample_rate / frame_rate if frame_rate > 0 else 0.0
    if hop_size < 1 or abs(hop_size - round(hop_size)) > 1e-9 * hop_size:
        raise ValueError(
            f'{where}: frame_rate {frame_rate} does not divide sample_rate '
            f'{sample_rate}, so that a hop would be {hop_size:.6g} samples. Take a '
            'frame rate that divides it, or resample the audio.'
        )
    return round(hop_size)


def frames_of(
    audio: tf.Tensor, frame_size: int, hop_size: int, padding: str
) -> tf.Tensor:
    """Pads audio `[..., samples]` and cuts it in `[..., frames, frame_size]`."""
    padded = pad(audio, frame_size, hop_size, padding, axis=-1)
    return tf.signal.frame(padded, frame_size, hop_size)


def frames_of_np(
    audio: np.ndarray, frame_size: int, hop_size: int, padding: str
) -> np.ndarray:
    """Does what `frames_of` does, in NumPy; the frames are views of one array."""
    amounts = _pad_amounts(audio.shape[-1], frame_size, hop_size, padding)
    padded = np.pad(audio, [(0, 0)] * (audio.ndim - 1) + [amounts])
    windows = np.lib.stride_tricks.sliding_window_view(padded, frame_size, axis=-1)
    return windows[..., ::hop_size, :]


def pad_or_trim_to_expected_length(
    vector: Any,
    expected_len: int,
    pad_value: float = 0,
    len_tolerance: int = 20,
    use_tf: bool = False,
) -> Any:
    """Mends a length that is off by a few frames, at the end of the signal.

    Parameters
    ----------
    vector : `[time]` or `[batch, time]`.
    expected_len : the length wanted, in frames or samples, whatever `time` counts.
    pad_value : stands where the signal was too short.
    len_tolerance : the greatest difference that is mended, in frames or samples; more
        is a mistake elsewhere.
    use_tf : whether to take and give tensors; `False` works in NumPy.

    Returns
    -------
    `[expected_len]` or `[batch, expected_len]`.

    Raises
    ------
    ValueError
        When the length differs by more than the tolerance, or for another rank.
        Inside a `tf.function` that does not know the length,
        `tf.errors.InvalidArgumentError`.

    Examples
    --------
    >>> pad_or_trim_to_expected_length([1, 2, 3], 5, pad_value=-1).tolist()
    [1, 2, 3, -1, -1]
    """
    where = 'pad_or_trim_to_expected_length'
    vector = tf.convert_to_tensor(vector) if use_tf else np.asarray(vector)
    if use_tf:
        check_rank(vector, [1, 2], 'vector', where, '[time] or [batch, time]')
    elif vector.ndim not in (1, 2):
        raise ValueError(
            f'{where}: vector has shape {list(vector.shape)}, '
            'expected [time] or [batch, time].'
        )
    expected_len = int(expected_len)
    length = core.size(vector, -1) if use_tf else vector.shape[-1]
    message = (
        f'{where}: the length may differ from the expected {expected_len} by at most '
        f'{len_tolerance}; check sample rate, frame rate and padding.'
    )
    if tf.is_tensor(length):
        off_by = tf.abs(length - expected_len)
        check = tf.debugging.assert_less_equal(off_by, len_tolerance, message)
        with tf.control_dependencies([check]):
            missing = tf.maximum(expected_len - length, 0)
    else:
        if abs(length - expected_len) > len_tolerance:
            raise ValueError(f'{message} It is {length}.')
        missing = max(expected_len - length, 0)
    if not use_tf:
        amounts = [(0, 0)] * (vector.ndim - 1) + [(0, missing)]
        padded = np.pad(vector, amounts, constant_values=pad_value)
        return padded[..., :expected_len]
    value = tf.cast(pad_value, vector.dtype)
    padded = core.pad_axis(vector, [0, missing], -1, constant_values=value)
    padded = padded[..., :expected_len]
    padded.set_shape([*vector.shape[:-1], expected_len])
    return padded


def audio_tensor(audio: Any, where: str) -> tf.Tensor:
    """Audio as a checked tensor; a channel axis of size 1 is dropped."""
    audio = without_channel(audio)
    check_values(audio, [1, 2], 'audio', where, '[samples] or [batch, samples]')
    return audio


def audio_array(audio: Any, where: str) -> np.ndarray:
    """Audio as a checked array."""
    if tf.is_tensor(audio) and not hasattr(audio, 'numpy'):
        raise ValueError(
            f'{where} computes in NumPy and cannot run inside a tf.function; call it '
            'before, or wrap it in tf.numpy_function.'
        )
    with tf.init_scope():
        return audio_tensor(np.asarray(audio, np.float32), where).numpy()
