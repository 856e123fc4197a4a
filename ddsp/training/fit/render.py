"""Rendering a whole recording, of any length, in bounded memory and without a seam."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp.training.fit.features import Features
from ddsp.training.fit.model import FitModel
from ddsp.training.fit.settings import FitSettings

# Blocks overlap by this much, in which one fades into the other.
_FADE_SECONDS = 0.02
# Least time over which f0 is bent for two blocks to meet in phase.
_BEND_SECONDS = 1.0


def render(
    model: FitModel,
    features: Features,
    settings: FitSettings,
    semitones: float = 0.0,
) -> np.ndarray:
    """Plays a recording's f0 and loudness through the model.

    A recording longer than `settings.block_seconds` is rendered in blocks. Each starts
    early, and what it plays until the reverb of the block's first sample is not heard:
    there f0 is bent by up to half a hertz, so that the phase meets that of the block
    before.

    Parameters
    ----------
    model : a trained or untrained model.
    features : of the recording.
    settings : length of a block.
    semitones : transposes f0. The spectral envelope stays where it is, as it does when
        a person sings higher: harmonics take the strength that the recording has at
        their new frequency.

    Returns
    -------
    float32 `[samples]`, as long as `features.audio`; silence for a silent recording.
    """
    if features.silent:
        return np.zeros_like(features.audio)
    ratio = 2.0 ** (semitones / 12.0)
    rate, hop = features.frame_rate, features.hop
    n_frames = len(features.f0_hz)
    block = max(1, round(settings.block_seconds * rate))
    fade = max(1, round(_FADE_SECONDS * rate))
    reverb, context = _n_reverb_frames(model, hop), model.decoder.n_context_frames
    lead = reverb + max(context, round(_BEND_SECONDS * rate))
    played_f0 = (features.f0_hz * ratio).astype('float32')
    audio = np.zeros_like(features.audio)
    for start in range(0, n_frames, block):
        first, last = (
            max(0, start - lead),
            min(n_frames, start + block + fade + context),
        )
        f0_hz = played_f0[first:last].astype('float64')
        if first > 0:
            missing = _cycles(played_f0[: first + 1], hop, features.sample_rate)
            n_bent = start - reverb - first
            f0_hz = _bend(f0_hz, n_bent, missing, hop, features.sample_rate)
        rendered = _play(model, features, first, last, f0_hz, ratio)
        end = min(n_frames, start + block + fade)
        part = rendered[(start - first) * hop : (end - first) * hop]
        _join(audio[start * hop : end * hop], part, fade * hop if start else 0)
    return audio


def controls_of(
    model: FitModel, features: Features, n_frames: int
) -> dict[str, dict[str, np.ndarray]]:
    """The controls of each processor over the first frames, as `[frames, channels]`."""
    inputs = _inputs(features, 0, min(n_frames, len(features.f0_hz)))
    outputs = model.processor_group.get_controls(model.group_inputs(inputs))
    return {
        name: {key: np.asarray(value)[0] for key, value in result['controls'].items()}
        for name, result in outputs.items()
        if isinstance(result, dict) and 'controls' in result
    }


def warp_harmonics(raw: tf.Tensor, ratio: float) -> tf.Tensor:
    """Reads the strengths of harmonics at `ratio` times their number.

    Parameters
    ----------
    raw : `[batch, frames, harmonics]`, before scaling, which is about logarithmic.
    ratio : of the new f0 to the old.

    Returns
    -------
    The same shape. Between harmonics it is interpolated; below the first and above the
    last, their value is held.
    """
    n_harmonics = raw.shape[-1]
    position = np.clip(np.arange(1, n_harmonics + 1) * ratio - 1, 0, n_harmonics - 1)
    below = np.floor(position).astype(int)
    above = np.minimum(below + 1, n_harmonics - 1)
    weight = (position - below).astype('float32')
    lower, upper = tf.gather(raw, below, axis=-1), tf.gather(raw, above, axis=-1)
    return (1.0 - weight) * lower + weight * upper


def _n_reverb_frames(model: FitModel, hop: int) -> int:
    """How many frames the longest reverb of the model remembers."""
    group: Any = model.processor_group
    lengths = [getattr(p, 'reverb_length', 0) for p in group.processors]
    return math.ceil(max(lengths, default=0) / hop)


def _play(
    model: FitModel,
    features: Features,
    first: int,
    last: int,
    f0_hz: np.ndarray,
    ratio: float,
) -> np.ndarray:
    """Renders frames `first` to `last`: decoded as recorded, played at `f0_hz`."""
    inputs = model.group_inputs(_inputs(features, first, last))
    inputs['f0_hz'] = tf.constant(f0_hz[np.newaxis, :, np.newaxis], tf.float32)
    if ratio != 1.0 and 'harmonic_distribution' in inputs:
        inputs['harmonic_distribution'] = warp_harmonics(
            inputs['harmonic_distribution'], ratio
        )
    return np.asarray(model.processor_group(inputs))[0]


def _inputs(features: Features, first: int, last: int) -> dict[str, tf.Tensor]:
    return {
        'f0_hz': tf.constant(features.f0_hz[np.newaxis, first:last, np.newaxis]),
        'loudness_db': tf.constant(
            features.loudness_db[np.newaxis, first:last, np.newaxis]
        ),
    }


def _bend(
    f0_hz: np.ndarray, n_bent: int, missing: float, hop: int, sample_rate: int
) -> np.ndarray:
    """Bends the first frames of f0 so that oscillators begun with them are right after.

    Oscillators lack the `missing` cycles of all frames before. The fraction of a cycle
    among them is made up for by a constant offset.
    """
    shape = np.zeros_like(f0_hz)
    shape[:n_bent] = 1.0
    # The last bent frame slopes towards the first that is not: counted in.
    per_hz = _cycles(shape[: n_bent + 1], hop, sample_rate)
    return f0_hz + shape * (missing - np.round(missing)) / per_hz


def _cycles(f0_hz: np.ndarray, hop: int, sample_rate: int) -> float:
    """Cycles that an oscillator passes in all frames but the last.

    The sum over the samples of each frame of f0 interpolated to the next frame:
    `x[f] * (hop + 1) / 2 + x[f + 1] * (hop - 1) / 2`.
    """
    here, following = f0_hz[:-1].astype('float64'), f0_hz[1:].astype('float64')
    total = here.sum() * (hop + 1) / 2 + following.sum() * (hop - 1) / 2
    return float(total / sample_rate)


def _join(audio: np.ndarray, part: np.ndarray, fade: int) -> None:
    """Writes a block, fading in over what the block before left there."""
    fade = min(fade, len(part))
    rise = np.linspace(0.0, 1.0, fade, endpoint=False, dtype='float32')
    audio[:fade] = (1.0 - rise) * audio[:fade] + rise * part[:fade]
    audio[fade:] = part[fade:]
