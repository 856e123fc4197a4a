"""Notes that nobody played: random controls of synthesizers, all of them known.

A network that hears what a synthesizer makes of them can be told the truth about each
frame. All draws come from one generator of random numbers: within `seeded` they are
the same every time.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import gin
import numpy as np
import tensorflow as tf

from ddsp import core

_GENERATOR: contextvars.ContextVar[np.random.Generator | None] = contextvars.ContextVar(
    'ddsp_synthetic_data', default=None
)
_UNSEEDED = np.random.default_rng()

# What notes are like. Pitches are MIDI note numbers, levels decibels.
_QUIETEST_DB, _LOUDEST_DB = -40.0, 0.0
_NOISE_FLOOR_DB, _NOISE_CEILING_DB = -80.0, -20.0
# A silent note is not quite silent, and nowhere exactly zero.
_SILENCE_DB = -100.0
# Frames a second are not known here: vibrato is told in cycles a frame.
_VIBRATO_CYCLES = (0.08, 0.25)
_VIBRATO_SEMITONES = 1.0

Controls = dict[str, tf.Tensor]


@contextlib.contextmanager
def seeded(seed: int | Sequence[int]) -> Iterator[None]:
    """Makes what is drawn a function of `seed`, a whole number or several.

    Examples
    --------
    >>> with seeded(1):
    ...     first = uniform_int(0, 1000)
    >>> with seeded(1):
    ...     second = uniform_int(0, 1000)
    >>> first == second
    True
    """
    token = _GENERATOR.set(np.random.default_rng(seed))
    try:
        yield
    finally:
        _GENERATOR.reset(token)


def _draws() -> np.random.Generator:
    return _GENERATOR.get() or _UNSEEDED


def flip(p: float = 0.5) -> bool:
    """Throws a coin that says True with probability `p`, from 0 to 1."""
    return bool(_draws().random() < p)


def uniform_int(minval: int = 0, maxval: int = 10) -> int:
    """Draws a whole number from `minval` to `maxval`, both included."""
    return int(_draws().integers(minval, maxval, endpoint=True))


def uniform_float(minval: float = 0.0, maxval: float = 10.0) -> float:
    """Draws a number from `minval` up to `maxval`."""
    return float(_draws().uniform(minval, maxval))


def uniform_generator(
    sample_shape: Sequence[int],
    n_timesteps: int,
    minval: Any,
    maxval: Any,
    method: str = 'linear',
) -> tf.Tensor:
    """Draws smooth curves through uniformly distributed points.

    Parameters
    ----------
    sample_shape : `[batch, points, channels]` of the points.
    n_timesteps : frames of the curves.
    minval, maxval : bounds of the points, numbers or arrays that broadcast.
    method : of `core.resample`.

    Returns
    -------
    `[batch, n_timesteps, channels]`.
    """
    points = _draws().uniform(minval, maxval, sample_shape)
    return core.resample(core.tf_float32(points), n_timesteps, method)


def normal_generator(
    sample_shape: Sequence[int],
    n_timesteps: int,
    mean: Any,
    stddev: Any,
    method: str = 'linear',
) -> tf.Tensor:
    """Draws smooth curves through normally distributed points.

    Parameters
    ----------
    sample_shape : `[batch, points, channels]` of the points.
    n_timesteps : frames of the curves.
    mean, stddev : of the points, numbers or arrays that broadcast.
    method : of `core.resample`.

    Returns
    -------
    `[batch, n_timesteps, channels]`.
    """
    points = _draws().normal(mean, stddev, sample_shape)
    return core.resample(core.tf_float32(points), n_timesteps, method)


def modulate(
    signal: Any, maxval: float = 0.5, n_t: int = 10, method: str = 'linear'
) -> tf.Tensor:
    """Lets a signal swell and fade: multiplies it by a random curve around 1.

    Parameters
    ----------
    signal : `[batch, frames, channels]`.
    maxval : largest standard deviation of the curve; each example draws its own.
    n_t : points of the curve.
    method : of `core.resample`.

    Returns
    -------
    The shape of `signal`, with its signs.
    """
    signal = core.tf_float32(signal)
    n_batch, n_timesteps = signal.shape[:2]
    depth = _draws().uniform(0.0, maxval, [n_batch, 1, 1])
    curve = normal_generator([n_batch, n_t, 1], n_timesteps, 1.0, depth, method)
    return signal * tf.abs(curve)


def random_blend(
    length: int, env_start: float = 1.0, env_end: float = 0.0, exp_max: float = 2.0
) -> np.ndarray:
    """Draws a way from one value to another: straight, or early or late.

    Parameters
    ----------
    length : points of the curve, in frames.
    env_start, env_end : its first and its last value.
    exp_max : at least 1. The way is a power of time, whose exponent is as likely to be
        up to this as down to its inverse.

    Returns
    -------
    float32 `[frames]`.

    Raises
    ------
    ValueError
        When `exp_max` is below 1.
    """
    if exp_max < 1.0:
        raise ValueError(f'random_blend: exp_max is {exp_max}, expected at least 1.')
    exponent = exp_max ** _draws().uniform(-1.0, 1.0)
    way = np.linspace(0.0, 1.0, length) ** exponent
    return (env_start + (env_end - env_start) * way).astype(np.float32)


def random_harm_dist(
    n_harmonics: int = 100, low_pass: bool = True, rand_phase: float = 0.0
) -> np.ndarray:
    """Draws how loud the harmonics of a tone are.

    Harmonics fall off by a random power of their number, some by a random low-pass
    filter as well, and a ripple over frequency, which random formants add, lifts some
    and lowers others.

    Parameters
    ----------
    n_harmonics : harmonics of the tone.
    low_pass : whether harmonics above a random number fade quickly.
    rand_phase : how far the ripple is shifted at random, in cycles; 0 begins each at
        its crest.

    Returns
    -------
    float32 `[n_harmonics]`, above 0, with the sum 1.
    """
    return _harm_dists((), n_harmonics, low_pass, rand_phase)


def _harm_dists(
    shape: tuple[int, ...], n_harmonics: int, low_pass: bool, rand_phase: float
) -> np.ndarray:
    """Distributions `[*shape, n_harmonics]`, each of its own tone."""
    draws = _draws()

    def draw(low: float, high: float) -> np.ndarray:
        return draws.uniform(low, high, [*shape, 1])

    numbers = np.arange(1.0, n_harmonics + 1.0)
    decibels = -20.0 * draw(0.0, 2.0) * np.log10(numbers)
    crests = 2.0 * np.pi * ((numbers - 1.0) / draw(2.0, 24.0) - draw(0.0, rand_phase))
    decibels += draw(0.0, 12.0) * np.cos(crests)
    if low_pass:
        cutoff = np.exp(draw(np.log(4.0), np.log(max(n_harmonics, 4.0))))
        decibels -= draw(6.0, 24.0) * np.log2(np.maximum(numbers / cutoff, 1.0))
    # Hollow tones, as those of a clarinet, have weak even harmonics.
    hollow = draws.random([*shape, 1]) < 0.15
    decibels -= np.where(hollow & (numbers % 2 == 0), draw(6.0, 30.0), 0.0)
    amplitudes = 10.0 ** (np.maximum(decibels, -120.0) / 20.0)
    return (amplitudes / amplitudes.sum(-1, keepdims=True)).astype(np.float32)


@gin.configurable(module='ddsp.training.data_preparation.synthetic_data')
def generate_notes(
    n_batch: int,
    n_timesteps: int,
    n_harmonics: int = 100,
    n_mags: int = 65,
    get_controls: bool = True,
    sample_rate: int = 16000,
    midi_min: float = 24.0,
    midi_max: float = 84.0,
    seed: int | Sequence[int] | None = None,
) -> Controls:
    """Draws tones that last: each example is one note, whose controls wander.

    Parameters
    ----------
    n_batch : examples.
    n_timesteps : frames of each.
    n_harmonics : harmonics, and sinusoids.
    n_mags : bands of the noise.
    get_controls : whether to silence harmonics at or above the Nyquist frequency and to
        scale the others to the sum 1, as a synthesizer would.
    sample_rate : in Hz; only the Nyquist frequency depends on it.
    midi_min, midi_max : range of the pitches, as MIDI note numbers; bends and vibrato
        go a little beyond.
    seed : makes what is drawn the same every time; None draws anew, or from the
        generator of `seeded`.

    Returns
    -------
    float32 tensors, as the provider `SyntheticNotes` reads them: `f0_hz` and
    `harm_amp` `[n_batch, n_timesteps, 1]`, `harm_dist`, `sin_amps` and `sin_freqs`
    `[n_batch, n_timesteps, n_harmonics]`, `noise_magnitudes`
    `[n_batch, n_timesteps, n_mags]`. Amplitudes are linear, frequencies in Hz.

    Examples
    --------
    >>> notes = generate_notes(2, 125, seed=1)
    >>> notes['harm_dist'].shape.as_list()
    [2, 125, 100]
    """
    with _seeded_if(seed):
        draws = _draws()
        midi = draws.uniform(midi_min, midi_max, [n_batch, 1, 1])
        depth = draws.uniform(0.0, 0.5, [n_batch, 1, 1])
        midi = midi + normal_generator([n_batch, 10, 1], n_timesteps, 0.0, depth)
        level = uniform_generator(
            [n_batch, 8, 1], n_timesteps, _QUIETEST_DB, _LOUDEST_DB
        )
        dists = _harm_dists((n_batch, 4), n_harmonics, True, 1.0)
        dists = core.resample(core.tf_float32(dists), n_timesteps)
        noise = _noise_magnitudes((n_batch, 6), n_mags)
        return _as_features(
            core.midi_to_hz(midi),
            modulate(core.db_to_amplitude(level)),
            dists,
            core.resample(core.tf_float32(noise), n_timesteps),
            sample_rate if get_controls else None,
        )


@gin.configurable(module='ddsp.training.data_preparation.synthetic_data')
def generate_notes_v2(
    n_batch: int = 1,
    n_timesteps: int = 125,
    n_harmonics: int = 100,
    n_mags: int = 65,
    min_note_length: int = 5,
    max_note_length: int = 25,
    p_silent: float = 0.1,
    p_vibrato: float = 0.5,
    get_controls: bool = True,
    sample_rate: int = 16000,
    midi_min: float = 24.0,
    midi_max: float = 84.0,
    seed: int | Sequence[int] | None = None,
) -> Controls:
    """Draws melodies: notes and rests one after the other, some with vibrato.

    Each note has a pitch, a level and a spectrum at its beginning and at its end, with
    a way of its own from one to the other.

    Parameters
    ----------
    n_batch, n_timesteps, n_harmonics, n_mags : as for `generate_notes`.
    min_note_length, max_note_length : frames of a note or rest.
    p_silent : probability that a note is a rest.
    p_vibrato : probability that a note has vibrato.
    get_controls : as for `generate_notes`.
    sample_rate : in Hz.
    midi_min, midi_max, seed : as for `generate_notes`.

    Returns
    -------
    As `generate_notes`. In rests the amplitude is -100 dB, so that no target is 0.

    Raises
    ------
    ValueError
        When the lengths are below 1 frame or in the wrong order, or a probability is
        none.
    """
    _check_lengths(min_note_length, max_note_length)
    for name, p in (('p_silent', p_silent), ('p_vibrato', p_vibrato)):
        if not 0.0 <= p <= 1.0:
            raise ValueError(f'generate_notes_v2: {name} is {p}, expected 0 to 1.')
    with _seeded_if(seed):
        course = _draw_course(n_batch, n_timesteps, min_note_length, max_note_length)
        level = course.blend(_QUIETEST_DB, _LOUDEST_DB) + _attacks(course)
        silent = course.of_note(_draws().random(course.shape) < p_silent)
        level = np.where(silent, _SILENCE_DB, np.maximum(level, _SILENCE_DB))
        return _as_features(
            core.midi_to_hz(
                _melody(course, p_vibrato, midi_min, midi_max)[..., np.newaxis]
            ),
            core.db_to_amplitude(level[..., np.newaxis]),
            _blended(course, _harm_dists, n_harmonics, True, 1.0),
            _blended(course, _noise_magnitudes, n_mags),
            sample_rate if get_controls else None,
        )


def _check_lengths(shortest: int, longest: int) -> None:
    if not 1 <= shortest <= longest:
        raise ValueError(
            f'generate_notes_v2: min_note_length is {shortest} and max_note_length '
            f'{longest}, expected 1 <= min_note_length <= max_note_length.'
        )


@dataclasses.dataclass(frozen=True)
class _Course:
    """Which note sounds in each frame, and how much of it has passed.

    `index`, `since` (frames) and `position` (0 to 1) are `[batch, frames]`; values of
    notes are `shape`, `[batch, notes]`.
    """

    index: np.ndarray
    since: np.ndarray
    position: np.ndarray
    shape: tuple[int, int]

    def of_note(self, values: np.ndarray) -> np.ndarray:
        """Values of notes `[batch, notes, ...]` for each frame."""
        return values[np.arange(len(values))[:, np.newaxis], self.index]

    def way(self, exp_max: float = 2.0) -> np.ndarray:
        """How far each note is on its way, 0 to 1, early or late by a random power."""
        exponents = exp_max ** _draws().uniform(-1.0, 1.0, self.shape)
        return self.position ** self.of_note(exponents)

    def blend(self, low: float, high: float) -> np.ndarray:
        """From one uniform value at the beginning of a note to another at its end."""
        draws = _draws()
        start = self.of_note(draws.uniform(low, high, self.shape))
        end = self.of_note(draws.uniform(low, high, self.shape))
        return start + (end - start) * self.way()


def _draw_course(n_batch: int, n_timesteps: int, low: int, high: int) -> _Course:
    most = -(-n_timesteps // low)
    lengths = _draws().integers(low, high, (n_batch, most), endpoint=True)
    ends = lengths.cumsum(axis=1)
    frames = np.arange(n_timesteps)
    index = (frames[np.newaxis, :, np.newaxis] >= ends[:, np.newaxis, :]).sum(-1)
    rows = np.arange(n_batch)[:, np.newaxis]
    length = lengths[rows, index]
    since = frames - (ends[rows, index] - length)
    position = since / np.maximum(length - 1, 1)
    return _Course(index, since, position, (n_batch, most))


def _melody(
    course: _Course, p_vibrato: float, lowest: float, highest: float
) -> np.ndarray:
    """MIDI pitch `[batch, frames]`: whole and bent notes, scoops, vibrato."""
    draws = _draws()
    note = draws.uniform(lowest, highest, course.shape)
    # Neighbours are often near each other, as in music.
    steps = draws.normal(0.0, 4.0, course.shape).cumsum(axis=1)
    near = np.clip(note[:, :1] + steps, lowest, highest)
    note = np.where(draws.random((course.shape[0], 1)) < 0.5, near, note)
    depth = draws.uniform(0.1, _VIBRATO_SEMITONES, course.shape)
    depth *= draws.random(course.shape) < p_vibrato
    rate = draws.uniform(*_VIBRATO_CYCLES, course.shape)
    phase = draws.uniform(0.0, 1.0, course.shape)
    cycles = course.since * course.of_note(rate) + course.of_note(phase)
    vibrato = course.of_note(depth) * course.position * np.sin(2.0 * np.pi * cycles)
    scoop = draws.normal(0.0, 0.3, course.shape)
    bend = course.of_note(scoop) * np.exp(-course.since / 2.0)
    return course.of_note(note) + vibrato + bend


def _attacks(course: _Course) -> np.ndarray:
    """Decibels `[batch, frames]` below 0 at the beginnings and ends of notes."""
    draws = _draws()
    attack = course.of_note(draws.uniform(0.0, 30.0, course.shape))
    release = course.of_note(draws.uniform(0.0, 30.0, course.shape))
    return -attack * np.exp(-course.since) - release * course.position**8


def _blended(course: _Course, draw: Any, *arguments: Any) -> np.ndarray:
    """Spectra `[batch, frames, channels]` from one to another within each note."""
    start, end = (course.of_note(draw(course.shape, *arguments)) for _ in range(2))
    way = course.way()[..., np.newaxis].astype(np.float32)
    return start + (end - start) * way


def _noise_magnitudes(shape: tuple[int, ...], n_mags: int) -> np.ndarray:
    """Linear magnitudes of noise `[*shape, n_mags]`, smooth over frequency."""
    draws = _draws()
    level = draws.uniform(_NOISE_FLOOR_DB, _NOISE_CEILING_DB, [*shape, 1])
    tilt = draws.normal(0.0, 15.0, [*shape, 1])
    knots = draws.normal(0.0, 6.0, [*shape, 5])
    place = np.linspace(0.0, 4.0, n_mags)
    left = np.minimum(place.astype(int), 3)
    ripple = knots[..., left] + (knots[..., left + 1] - knots[..., left]) * (
        place - left
    )
    decibels = level + tilt * np.linspace(-1.0, 1.0, n_mags) + ripple
    return (10.0 ** (np.clip(decibels, -120.0, 0.0) / 20.0)).astype(np.float32)


def _seeded_if(seed: Any) -> contextlib.AbstractContextManager[None]:
    return contextlib.nullcontext() if seed is None else seeded(seed)


def _as_features(
    f0_hz: Any, harm_amp: Any, harm_dist: Any, noise: Any, sample_rate: int | None
) -> Controls:
    """All that a record holds; harmonics silenced at Nyquist where a rate is given."""
    f0_hz, harm_amp, harm_dist, noise = (
        core.tf_float32(x) for x in (f0_hz, harm_amp, harm_dist, noise)
    )
    if sample_rate is not None:
        harm_dist = core.normalize_harmonics(harm_dist, f0_hz, sample_rate)
    n_harmonics = harm_dist.shape[-1]
    return {
        'f0_hz': f0_hz,
        'harm_amp': harm_amp,
        'harm_dist': harm_dist,
        'sin_amps': harm_amp * harm_dist,
        'sin_freqs': core.get_harmonic_frequencies(f0_hz, n_harmonics),
        'noise_magnitudes': noise,
    }
