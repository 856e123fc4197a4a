"""Sections that show a recording and its resynthesis, whatever the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from ddsp.training.reports import plots
from ddsp.training.reports.page import figure, section


@dataclasses.dataclass(frozen=True)
class Curves:
    """f0 and loudness over time, of a recording and of its resynthesis.

    Parameters
    ----------
    f0_hz, resynthesis_f0_hz : `[frames]`.
    confident : `[frames]`, where f0 of the recording is sure.
    loudness_db, resynthesis_loudness_db : `[frames]`.
    frame_rate : in frames a second.
    """

    f0_hz: np.ndarray
    resynthesis_f0_hz: np.ndarray
    confident: np.ndarray
    loudness_db: np.ndarray
    resynthesis_loudness_db: np.ndarray
    frame_rate: float


def spectrograms(
    original: np.ndarray, resynthesis: np.ndarray, sample_rate: int
) -> str:
    """Spectrograms of both, each `[samples]`."""
    svg = plots.plot_spectrograms(original, resynthesis, sample_rate)
    return section(
        'What it sounds like, seen',
        'Time runs to the right, pitch upwards, and brightness is loudness. The '
        'horizontal stripes are harmonics; haze between them is breath and consonants. '
        'The closer the two pictures, the closer the sounds.',
        figure(svg, 'Log-mel spectrograms of recording and resynthesis'),
    )


def pitch_and_loudness(curves: Curves) -> str:
    """f0 and loudness of both."""
    f0 = plots.plot_f0(
        curves.f0_hz, curves.resynthesis_f0_hz, curves.confident, curves.frame_rate
    )
    loudness = plots.plot_loudness(
        curves.loudness_db, curves.resynthesis_loudness_db, curves.frame_rate
    )
    return section(
        'Pitch and loudness',
        'The two curves that the model is given, and the same two measured again in '
        'what it played. Pitch is shown where the estimator is sure of it.',
        figure(f0, 'Pitch of recording and resynthesis')
        + figure(loudness, 'Loudness of recording and resynthesis'),
    )


def controls(named: Mapping[str, Mapping[str, np.ndarray]], frame_rate: float) -> str:
    """Controls by processor and name, `[frames, channels]`; empty if there are none."""
    svg = plots.plot_controls(named, frame_rate)
    if not svg:
        return ''
    return section(
        'What the network plays on',
        f'{frame_rate:g} times a second the network sets these: how loud the '
        'oscillators are, how the sound is shared among the harmonics of the pitch, '
        'and how much noise there is in each band from low to high.',
        figure(svg, 'Controls over time'),
    )


def room(impulse_response: np.ndarray | None, sample_rate: int) -> str:
    """The impulse response that was learnt `[samples]`; empty for a model without."""
    if impulse_response is None:
        return ''
    svg = plots.plot_impulse_response(impulse_response, sample_rate)
    return section(
        'The room',
        'What a clap would leave behind in the room that was learnt along with the '
        'network; next to nothing, for a recording made close to the microphone. Any '
        'other sound can be placed in it: <code>impulse_response.wav</code>.',
        figure(svg, 'Impulse response and its decay'),
    )
