"""Notes found in f0 and loudness by rules, without any training.

Rules work on the controls of one example: a dictionary with `f0_hz` and something that
tells how loud it is, each `[frames]` or `[frames, 1]`. They say in which frames a note
sounds; each stretch of such frames is a note.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import gin
import numpy as np

from ddsp.training.metrics.notes import Note

DDSP_DEFAULT_FRAME_RATE = 250

# What is so much below the loudest frame is silence.
_SILENCE_DB = -45.0
_FLOOR_DB = -120.0
# Pitches that far apart are two notes, and no vibrato of one.
_STEP_SEMITONES = 0.7
# A note is not shorter than this many frames.
_SHORTEST = 20
_QUIETEST_VELOCITY, _VELOCITY_RANGE_DB = 1, 60.0

Controls = Mapping[str, Any]
Binarize = Callable[[Controls], np.ndarray]
Pick = Callable[[Controls, int, int], float]

_register = functools.partial(gin.register, module='ddsp.training.heuristics')


def get_active_frame_indices(piano_roll: Any) -> np.ndarray:
    """Finds the frames of a piano roll `[frames, pitches]` in which any note sounds.

    Returns
    -------
    int64 `[active frames]`, in order.
    """
    return np.flatnonzero((np.asarray(piano_roll) > 0).any(axis=-1))


@gin.configurable(module='ddsp.training.heuristics')
def segment_notes_batch(
    binarize_f: Binarize,
    pick_f0_f: Pick,
    pick_amps_f: Pick,
    controls_batch: Controls,
    frame_rate: float = DDSP_DEFAULT_FRAME_RATE,
) -> list[list[Note]]:
    """Finds the notes of each example, see `segment_notes`.

    Parameters
    ----------
    binarize_f, pick_f0_f, pick_amps_f : see `segment_notes`.
    controls_batch : controls `[batch, frames]` or `[batch, frames, 1]`; of a nested
        dictionary the branches too. What has another number of examples is passed over.
    frame_rate : frames a second.

    Returns
    -------
    The notes of each example, in order.
    """
    n_batch = len(controls_batch['f0_hz'])
    return [
        segment_notes(
            binarize_f,
            pick_f0_f,
            pick_amps_f,
            _example(controls_batch, index, n_batch),
            frame_rate,
        )
        for index in range(n_batch)
    ]


def _example(batch: Controls, index: int, n_batch: int) -> dict[str, Any]:
    example = {}
    for name, value in batch.items():
        if isinstance(value, Mapping):
            example[name] = _example(value, index, n_batch)
        elif len(np.shape(value)) > 1 and len(value) == n_batch:
            example[name] = np.asarray(value[index])
    return example


def window_array(
    array: Any, sr: float, win_len: float, frame_step_ratio: float = 0.75, ax: int = 0
) -> list[np.ndarray]:
    """Cuts an array into overlapping windows; the last one may be shorter.

    Parameters
    ----------
    array : `[samples, ...]`, or with time along another `ax`.
    sr : samples or frames a second along it.
    win_len : of a window, in seconds.
    frame_step_ratio : from one window to the next, in windows.
    ax : the axis of time.

    Returns
    -------
    Arrays `[window samples, ...]`, in order.

    Raises
    ------
    ValueError
        When a window or a step is shorter than one sample.
    """
    array = np.asarray(array)
    length, step = round(win_len * sr), round(win_len * sr * frame_step_ratio)
    if length < 1 or step < 1:
        raise ValueError(
            f'window_array: a window of {win_len} s at {sr} Hz is {length} samples and '
            f'the step {step}, expected at least 1 of both.'
        )
    starts = range(0, max(array.shape[ax] - length, 0) + step, step)
    windows = (
        np.take(array, range(start, min(start + length, array.shape[ax])), axis=ax)
        for start in starts
    )
    return [window for window in windows if window.shape[ax]]


def segment_notes(
    binarize_f: Binarize,
    pick_f0_f: Pick,
    pick_amps_f: Pick,
    controls: Controls,
    frame_rate: float = DDSP_DEFAULT_FRAME_RATE,
) -> list[Note]:
    """Finds the notes of one example.

    Parameters
    ----------
    binarize_f : says in which frames a note sounds, `[frames]`, such as
        `midi_heuristic`.
    pick_f0_f : gives the f0 in Hz of a stretch of frames, such as `mean_f0`.
    pick_amps_f : gives its linear amplitude, such as `median_amps`.
    controls : of one example.
    frame_rate : frames a second.

    Returns
    -------
    Notes in order. A velocity is that of an amplitude from -60 dB (1) to 0 dB (127).
    """
    notes = []
    for start, stop in _runs(np.asarray(binarize_f(controls), bool)):
        f0_hz = pick_f0_f(controls, start, stop)
        if f0_hz > 0:
            pitch = int(np.clip(np.round(_midi(np.array([f0_hz]))[0]), 1, 127))
            velocity = _velocity(pick_amps_f(controls, start, stop))
            notes.append(Note(start / frame_rate, stop / frame_rate, pitch, velocity))
    return notes


def _velocity(amplitude: float) -> int:
    level = 1.0 + _db(np.array([amplitude]))[0] / _VELOCITY_RANGE_DB
    return int(np.clip(round(127 * level), _QUIETEST_VELOCITY, 127))


@_register
def mean_f0(controls: Controls, start: int, stop: int) -> float:
    """The mean pitch of frames `start` up to `stop`, in Hz; 0 if none has a pitch.

    Parameters
    ----------
    controls : of one example, with `f0_hz`.
    start, stop : frames.

    Returns
    -------
    Hz.
    """
    pitches = _pitches(controls, start, stop)
    return _hz(pitches.mean()) if len(pitches) else 0.0


@_register
def median_f0(controls: Controls, start: int, stop: int) -> float:
    """The median pitch of frames `start` up to `stop`, in Hz; 0 if none has a pitch.

    Parameters
    ----------
    controls : of one example, with `f0_hz`.
    start, stop : frames.

    Returns
    -------
    Hz.
    """
    pitches = _pitches(controls, start, stop)
    return _hz(np.median(pitches)) if len(pitches) else 0.0


@_register
def median_amps(controls: Controls, start: int, stop: int) -> float:
    """The median amplitude of frames `start` up to `stop`, linear.

    Parameters
    ----------
    controls : of one example, see `midi_heuristic`.
    start, stop : frames.

    Returns
    -------
    Linear amplitude.

    Raises
    ------
    KeyError
        When nothing tells how loud it is.
    """
    return float(10.0 ** (np.median(_level_db(controls)[start:stop]) / 20.0))


def remove_short(
    is_on_vec: Any, min_samples: int = 20, glue_back: bool = False
) -> np.ndarray:
    """Removes stretches of True that are too short.

    Parameters
    ----------
    is_on_vec : `[frames]`.
    min_samples : shorter stretches are removed.
    glue_back : whether they are joined to the stretch before, with the gap between,
        instead; the first one has none before it, and is removed.

    Returns
    -------
    bool `[frames]`.

    Examples
    --------
    >>> remove_short([1, 1, 1, 0, 1, 0, 0], min_samples=2).astype(int)
    array([1, 1, 1, 0, 0, 0, 0])
    >>> remove_short([1, 1, 1, 0, 1, 0, 0], min_samples=2, glue_back=True).astype(int)
    array([1, 1, 1, 1, 1, 0, 0])
    """
    is_on = np.asarray(is_on_vec).astype(bool)
    kept = np.zeros_like(is_on)
    end = None
    for start, stop in _runs(is_on):
        if stop - start < min_samples:
            if not glue_back or end is None:
                continue
            start = end
        kept[start:stop] = True
        end = stop
    return kept


def pad_for_frame(vec: Any, mode: str, frame_width: int, axis: int = 0) -> np.ndarray:
    """Repeats the ends so that windows of `frame_width` are as many as frames.

    Parameters
    ----------
    vec : `[frames, ...]`, or with frames along another `axis`.
    mode : `'center'`, where windows lie around their frame, `'front'`, where they end
        with it, or `'end'`, where they begin with it.
    frame_width : frames in a window.
    axis : of the frames.

    Returns
    -------
    `[frames + frame_width - 1, ...]`.

    Raises
    ------
    ValueError
        For another mode.
    """
    missing = frame_width - 1
    before = {'center': missing // 2, 'front': missing, 'end': 0}
    if mode not in before:
        raise ValueError(f'mode is {mode!r}, expected one of {list(before)}.')
    vec = np.asarray(vec)
    padding = [(0, 0)] * vec.ndim
    padding[axis] = (before[mode], missing - before[mode])
    return np.pad(vec, padding, mode='edge')


@_register
def amp_pooled_outliers(
    controls: Controls,
    frame_width: int = 80,
    num_devs: float = 2,
    pad_mode: str = 'center',
) -> np.ndarray:
    """Marks the dips in loudness at which a note is struck again.

    Parameters
    ----------
    controls : of one example.
    frame_width : frames around each over which mean and standard deviation are taken.
    num_devs : a frame so many deviations below the mean is a dip.
    pad_mode : of `pad_for_frame`.

    Returns
    -------
    bool `[frames]`.

    Raises
    ------
    KeyError
        When nothing tells how loud it is.
    """
    return _dips(_level_db(controls), frame_width, num_devs, pad_mode)


@_register
def power_pooled_outliers(
    controls: Controls,
    frame_width: int = 80,
    num_devs: float = 2.5,
    pad_mode: str = 'center',
) -> np.ndarray:
    """Marks the dips in `power_db`.

    Parameters
    ----------
    controls : of one example.
    frame_width, num_devs, pad_mode : as for `amp_pooled_outliers`.

    Returns
    -------
    bool `[frames]`.
    """
    power_db = np.ravel(controls['power_db']).astype(np.float64)
    return _dips(power_db, frame_width, num_devs, pad_mode)


def _dips(
    level: np.ndarray, frame_width: int, num_devs: float, pad_mode: str
) -> np.ndarray:
    padded = pad_for_frame(level, pad_mode, frame_width)
    windows = np.lib.stride_tricks.sliding_window_view(padded, frame_width)
    # Where nothing changes the last digits would be outliers.
    deviation = np.maximum(windows.std(axis=-1), 0.5)
    return level < windows.mean(axis=-1) - num_devs * deviation


@_register
def strided_freq_change(
    controls: Controls,
    frame_widths: Sequence[int] = (2, 4, 8, 16, 32),
    pad_mode: str = 'front',
) -> np.ndarray:
    """Marks the frames at which the pitch has changed to another note.

    The pitch of a frame is compared with that of several frames before; most of these
    have to be another note. Each change is marked once, where it is steepest.

    Parameters
    ----------
    controls : of one example, with `f0_hz` in Hz.
    frame_widths : how many frames lie between the two.
    pad_mode : of `pad_for_frame`.

    Returns
    -------
    bool `[frames]`: whether the pitch changes there, by more than 0.7 semitones.
    """
    midi = _filled(_midi(np.ravel(controls['f0_hz'])))
    votes = np.zeros(len(midi))
    for width in frame_widths:
        padded = pad_for_frame(midi, pad_mode, width + 1)
        apart = np.abs(padded[width:] - padded[:-width])[: len(midi)]
        votes += apart > _STEP_SEMITONES
    changed = votes > len(frame_widths) / 2
    steps = np.abs(np.diff(midi, prepend=midi[:1]))
    marks = np.zeros_like(changed)
    for start, stop in _runs(changed):
        # The step itself came before most of the votes.
        first = max(start - max(frame_widths), 0)
        marks[first + int(np.argmax(steps[first:stop]))] = True
    return marks


@_register
def midi_heuristic(controls: Controls) -> np.ndarray:
    """Says in which frames a note sounds, by f0 and loudness.

    Returns
    -------
    bool `[frames]`: where it is loud enough and has a pitch, but not in dips of
    loudness nor where the pitch changes. What is shorter than 20 frames is no note.

    Raises
    ------
    KeyError
        When nothing tells how loud it is.
    """
    return _sounding(controls, _level_db(controls), amp_pooled_outliers(controls))


@_register
def midi_heuristic_power(controls: Controls) -> np.ndarray:
    """Says in which frames a note sounds, by f0 and `power_db`; see `midi_heuristic`.

    Returns
    -------
    bool `[frames]`.

    Raises
    ------
    KeyError
        When there is no `power_db`.
    """
    if 'power_db' not in controls:
        raise KeyError(
            "midi_heuristic_power: the controls have no 'power_db'; they have "
            f'{sorted(controls)}. Use midi_heuristic, which takes loudness.'
        )
    level = np.ravel(controls['power_db']).astype(np.float64)
    return _sounding(controls, level, power_pooled_outliers(controls))


def _sounding(controls: Controls, level: np.ndarray, dips: np.ndarray) -> np.ndarray:
    loud = level > max(level.max() + _SILENCE_DB, _FLOOR_DB)
    pitched = np.ravel(controls['f0_hz']) > 0
    sounds = loud & pitched & ~dips
    # After a rest a note begins by itself, whatever was before.
    goes_on = np.concatenate([[False], sounds[:-1]])
    return remove_short(sounds & ~(strided_freq_change(controls) & goes_on), _SHORTEST)


def _runs(is_on: np.ndarray) -> Iterator[tuple[int, int]]:
    """First frame and end of each stretch of True."""
    edges = np.diff(np.pad(is_on.astype(np.int8), 1))
    yield from zip(
        np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist()
    )


def _pitches(controls: Controls, start: int, stop: int) -> np.ndarray:
    f0_hz = np.ravel(controls['f0_hz'])[start:stop]
    return _midi(f0_hz[f0_hz > 0])


def _level_db(controls: Controls) -> np.ndarray:
    """How loud each frame is, in dB, by the best that the controls have."""
    harmonic = controls.get('harmonic')
    if isinstance(harmonic, Mapping) and 'amplitudes' in harmonic.get('controls', {}):
        return _db(np.ravel(harmonic['controls']['amplitudes']))
    if 'harm_amp' in controls:
        return _db(np.ravel(controls['harm_amp']))
    for name in ('loudness_db', 'power_db'):
        if name in controls:
            return np.ravel(controls[name]).astype(np.float64)
    raise KeyError(
        'nothing tells how loud it is: expected harmonic/controls/amplitudes, '
        f'harm_amp, loudness_db or power_db among {sorted(controls)}.'
    )


def _db(amplitude: np.ndarray) -> np.ndarray:
    floor = 10.0 ** (_FLOOR_DB / 20.0)
    return 20.0 * np.log10(np.maximum(amplitude.astype(np.float64), floor))


def _midi(f0_hz: np.ndarray) -> np.ndarray:
    positive = np.maximum(np.asarray(f0_hz, np.float64), 1e-9)
    return np.where(f0_hz > 0, 69.0 + 12.0 * np.log2(positive / 440.0), 0.0)


def _hz(midi: float) -> float:
    return float(440.0 * 2.0 ** ((midi - 69.0) / 12.0))


def _filled(midi: np.ndarray) -> np.ndarray:
    """Frames without a pitch get that of the frame before, or the first there is."""
    known = np.flatnonzero(midi > 0)
    if not len(known):
        return midi
    last = np.searchsorted(known, np.arange(len(midi)), side='right') - 1
    return midi[known[np.maximum(last, 0)]]
