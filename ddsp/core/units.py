"""Units of level and of pitch: dB, Hz, MIDI, and the scales of hearing."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ddsp.core.tensors import tf_float32

DB_RANGE = 80.0  # Levels are counted from this many dB below the reference.

# The smallest power whose logarithm is taken, -200 dB: well below any range_db.
_MIN_POWER = 1e-20

# Where bark numbers end: hz_to_bark of an infinite frequency.
_MAX_BARK = 26.28


def amplitude_to_db(
    amplitude: Any, ref_db: float = 0.0, range_db: float = DB_RANGE, use_tf: bool = True
) -> Any:
    """Turns amplitude into dB, `20 log10(amplitude)`, above a floor.

    Parameters
    ----------
    amplitude : array-like of any shape, linear; the sign does not matter.
    ref_db : the level that becomes 0 dB.
    range_db : levels stop at `-range_db`, silence included.
    use_tf : `False` computes in NumPy and returns an array.

    Returns
    -------
    Levels in dB, the same shape, at least `-range_db`.

    Examples
    --------
    >>> float(amplitude_to_db(0.1, use_tf=False))
    -20.0
    """
    amplitude = tf.abs(tf_float32(amplitude)) if use_tf else np.abs(amplitude)
    # Not by way of the square, which leaves float32 for amplitudes far from 1.
    return _to_db(amplitude, 20.0, _MIN_POWER**0.5, ref_db, range_db)


def power_to_db(
    power: Any, ref_db: float = 0.0, range_db: float = DB_RANGE, use_tf: bool = True
) -> Any:
    """Turns power into dB, `10 log10(power) - ref_db`, above a floor.

    Parameters
    ----------
    power : array-like of any shape, linear, at least 0.
    ref_db : the level that becomes 0 dB.
    range_db : levels stop at `-range_db`, silence included.
    use_tf : `False` computes in NumPy and returns an array.

    Returns
    -------
    Levels in dB, the same shape, at least `-range_db`. At silence the gradient is zero.

    Examples
    --------
    >>> float(power_to_db(0.0, range_db=60.0))
    -60.0
    """
    power = tf_float32(power) if use_tf else np.asarray(power)
    return _to_db(power, 10.0, _MIN_POWER, ref_db, range_db)


def _to_db(
    x: Any, db_per_decade: float, least: float, ref_db: Any, range_db: Any
) -> Any:
    if tf.is_tensor(x):
        db = tf.math.log(tf.maximum(x, least)) * (db_per_decade / np.log(10.0))
        return tf.maximum(db - ref_db, -range_db)
    return np.maximum(
        db_per_decade * np.log10(np.maximum(x, least)) - ref_db, -range_db
    )


def db_to_amplitude(db: Any) -> Any:
    """Turns dB into amplitude, `10 ** (db / 20)`.

    Parameters
    ----------
    db : levels in dB, of any shape; numbers, arrays or tensors alike.

    Returns
    -------
    Linear amplitudes, the same shape and kind.

    Examples
    --------
    >>> db_to_amplitude(-20.0)
    0.1
    """
    return 10.0 ** (_divisible(db) / 20.0)


def db_to_power(db: Any) -> Any:
    """Turns dB into power, `10 ** (db / 10)`.

    Parameters
    ----------
    db : levels in dB, of any shape; numbers, arrays or tensors alike.

    Returns
    -------
    Linear powers, the same shape and kind.

    Examples
    --------
    >>> db_to_power(-20.0)
    0.01
    """
    return 10.0 ** (_divisible(db) / 10.0)


def _divisible(x: Any) -> Any:
    """A list as an array, an integer tensor as float32, the rest unchanged."""
    if isinstance(x, (list, tuple)):
        return np.asarray(x, np.float32)
    if tf.is_tensor(x) and not x.dtype.is_floating:
        return tf_float32(x)
    return x


def midi_to_hz(notes: Any, midi_zero_silence: bool = False) -> tf.Tensor:
    """Turns MIDI note numbers into Hz; note 69 is 440 Hz, 12 notes an octave.

    Parameters
    ----------
    notes : array-like of any shape, fractions included.
    midi_zero_silence : whether note 0 stands for silence and becomes 0 Hz.

    Returns
    -------
    Frequencies in Hz, the same shape.

    Examples
    --------
    >>> float(midi_to_hz(57))
    220.0
    """
    notes = tf_float32(notes)
    hz = 440.0 * 2.0 ** ((notes - 69.0) / 12.0)
    if midi_zero_silence:
        hz = tf.where(tf.equal(notes, 0.0), tf.zeros_like(hz), hz)
    return hz


def hz_to_midi(frequencies: Any) -> tf.Tensor:
    """Turns Hz into MIDI note numbers, fractions included; 440 Hz is note 69.

    Parameters
    ----------
    frequencies : array-like of any shape, in Hz. Zero and below mean silence.

    Returns
    -------
    Note numbers, the same shape; silence is note 0, with zero gradient.

    Examples
    --------
    >>> hz_to_midi([0.0, 880.0]).numpy().tolist()
    [0.0, 81.0]
    """
    frequencies = tf_float32(frequencies)
    silent = frequencies <= 0.0
    audible = tf.where(silent, tf.constant(440.0), frequencies)
    notes = 69.0 + tf.math.log(audible / 440.0) * (12.0 / np.log(2.0))
    return tf.where(silent, tf.zeros_like(notes), notes)


def unit_to_midi(
    unit: Any, midi_min: Any = 20.0, midi_max: Any = 90.0, clip: bool = False
) -> tf.Tensor:
    """Maps [0, 1] to [midi_min, midi_max] along a straight line.

    Parameters
    ----------
    unit : array-like of any shape.
    midi_min, midi_max : note numbers at 0 and 1.
    clip : whether numbers outside [0, 1] are brought to its nearer end first.

    Returns
    -------
    Note numbers, the same shape.

    Examples
    --------
    >>> unit_to_midi([0.0, 0.5, 1.0], 20.0, 90.0).numpy().tolist()
    [20.0, 55.0, 90.0]
    """
    unit = tf_float32(unit)
    if clip:
        unit = tf.clip_by_value(unit, 0.0, 1.0)
    return midi_min + (midi_max - midi_min) * unit


def midi_to_unit(
    midi: Any, midi_min: Any = 20.0, midi_max: Any = 90.0, clip: bool = False
) -> tf.Tensor:
    """Maps [midi_min, midi_max] to [0, 1]: the inverse of `unit_to_midi`.

    Parameters
    ----------
    midi : array-like of any shape, note numbers.
    midi_min, midi_max : note numbers at 0 and 1.
    clip : whether results outside [0, 1] are brought to its nearer end.

    Returns
    -------
    Positions in the range, the same shape.

    Examples
    --------
    >>> float(midi_to_unit(55.0, 20.0, 90.0))
    0.5
    """
    unit = (tf_float32(midi) - midi_min) / (midi_max - midi_min)
    return tf.clip_by_value(unit, 0.0, 1.0) if clip else unit


def unit_to_hz(unit: Any, hz_min: Any, hz_max: Any, clip: bool = False) -> tf.Tensor:
    """Maps [0, 1] to [hz_min, hz_max] with equal steps for equal intervals.

    Parameters
    ----------
    unit : array-like of any shape.
    hz_min, hz_max : frequencies in Hz at 0 and 1. A minimum of 0 Hz counts as MIDI
        note 0, which is 8.18 Hz.
    clip : whether numbers outside [0, 1] are brought to its nearer end first.

    Returns
    -------
    Frequencies in Hz, the same shape.

    Examples
    --------
    >>> round(float(unit_to_hz(0.5, 100.0, 400.0)), 2)  # An octave from both ends.
    200.0
    """
    return midi_to_hz(unit_to_midi(unit, hz_to_midi(hz_min), hz_to_midi(hz_max), clip))


def hz_to_unit(hz: Any, hz_min: Any, hz_max: Any, clip: bool = False) -> tf.Tensor:
    """Maps [hz_min, hz_max] to [0, 1]: the inverse of `unit_to_hz`.

    Parameters
    ----------
    hz : array-like of any shape, frequencies in Hz.
    hz_min, hz_max : frequencies in Hz at 0 and 1; 0 Hz counts as MIDI note 0.
    clip : whether results outside [0, 1] are brought to its nearer end.

    Returns
    -------
    Positions in the range, the same shape.

    Examples
    --------
    >>> round(float(hz_to_unit(200.0, 100.0, 400.0)), 4)
    0.5
    """
    return midi_to_unit(hz_to_midi(hz), hz_to_midi(hz_min), hz_to_midi(hz_max), clip)


def hz_to_bark(hz: Any) -> tf.Tensor:
    """Turns Hz into critical-band rate in bark.

    The formula is `26.81 f / (1960 + f) - 0.53` (Traunmüller 1990), 0 to 24 over the
    range of hearing.

    Parameters
    ----------
    hz : array-like of any shape, frequencies in Hz.

    Returns
    -------
    Critical-band rate in bark, the same shape.

    Examples
    --------
    >>> round(float(hz_to_bark(1960.0)), 3)  # Half of 26.81, less 0.53.
    12.875
    """
    hz = tf_float32(hz)
    return 26.81 * hz / (1960.0 + hz) - 0.53


def bark_to_hz(bark: Any) -> tf.Tensor:
    """Turns critical-band rate in bark into Hz: the inverse of `hz_to_bark`.

    The formula is `1960 (b + 0.53) / (26.28 - b)` (Traunmüller 1990).

    Parameters
    ----------
    bark : array-like of any shape, in bark, below 26.28.

    Returns
    -------
    Frequencies in Hz, the same shape.

    Examples
    --------
    >>> round(float(bark_to_hz(12.875)), 1)
    1960.0
    """
    bark = tf_float32(bark)
    return 1960.0 * (bark + 0.53) / (_MAX_BARK - bark)


def hz_to_mel(hz: Any) -> tf.Tensor:
    """Turns Hz into mel: `1127 ln(1 + f / 700)` (O'Shaughnessy 1987).

    Parameters
    ----------
    hz : array-like of any shape, frequencies in Hz.

    Returns
    -------
    Pitch in mel, the same shape.

    Examples
    --------
    >>> round(float(hz_to_mel(700.0)), 2)  # 1127 ln 2.
    781.18
    """
    return 1127.0 * tf.math.log1p(tf_float32(hz) / 700.0)


def mel_to_hz(mel: Any) -> tf.Tensor:
    """Turns mel into Hz: the inverse of `hz_to_mel`.

    Parameters
    ----------
    mel : array-like of any shape, in mel.

    Returns
    -------
    Frequencies in Hz, the same shape.

    Examples
    --------
    >>> round(float(mel_to_hz(hz_to_mel(1000.0))), 1)
    1000.0
    """
    return 700.0 * tf.math.expm1(tf_float32(mel) / 1127.0)


def hz_to_erb(hz: Any) -> tf.Tensor:
    """Gives the bandwidth in Hz of the auditory filter centred on a frequency in Hz.

    The equivalent rectangular bandwidth is `0.108 f + 24.7` (after Glasberg and
    Moore 1990).

    Parameters
    ----------
    hz : array-like of any shape, frequencies in Hz.

    Returns
    -------
    Bandwidths in Hz, the same shape.

    Examples
    --------
    >>> round(float(hz_to_erb(1000.0)), 2)
    132.7
    """
    return 0.108 * tf_float32(hz) + 24.7
