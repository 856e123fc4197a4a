"""What a listener can turn: the controls of timbre transfer."""

from __future__ import annotations

import dataclasses
import math
import numbers
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Control:
    """One control, for sliders and options.

    Parameters
    ----------
    name : of the field of `Controls`.
    title : for people.
    low, high : range.
    step : of a slider.
    help : what it does.
    unit : of the value; empty for a plain number.
    """

    name: str
    title: str
    low: float
    high: float
    step: float
    help: str
    unit: str = ''


#: All controls that are numbers, in the order in which they are shown.
CONTROLS: tuple[Control, ...] = (
    Control(
        'threshold',
        'Note threshold',
        0.0,
        2.0,
        0.01,
        'how loud and sure of its pitch a frame must be to count as a note; higher '
        'finds fewer notes',
    ),
    Control(
        'quiet',
        'Quieten the rest',
        0.0,
        60.0,
        1.0,
        'how far breath, noise and room between notes are turned down',
        'dB',
    ),
    Control(
        'autotune',
        'Auto-tune',
        0.0,
        1.0,
        0.01,
        'how far notes are drawn to the nearest semitone: 0 not at all, 1 entirely',
    ),
    Control(
        'pitch_shift',
        'Pitch shift',
        -2.0,
        2.0,
        1.0,
        'moves the melody up or down, besides the automatic shift',
        'octaves',
    ),
    Control(
        'loudness_shift',
        'Loudness shift',
        -20.0,
        20.0,
        1.0,
        'plays louder or softer, which changes the timbre too',
        'dB',
    ),
)


@dataclasses.dataclass(frozen=True)
class Controls:
    """How a recording is brought to an instrument.

    Parameters
    ----------
    adjust : whether to shift by octaves to the mean pitch of the instrument, and give
        notes the distribution of loudness that it was trained on.
    threshold : from this strength on a frame is part of a note, 0 to 2; see
        `ddsp.training.postprocessing.detect_notes`.
    quiet : dB by which frames without any note are turned down, 0 to 60.
    autotune : how far notes are drawn to the nearest semitone, 0 to 1.
    pitch_shift : octaves, -2 to 2; any part of an octave will do.
    loudness_shift : dB, -20 to 20.

    Raises
    ------
    ValueError
        For a value outside its range.
    """

    adjust: bool = True
    threshold: float = 1.0
    quiet: float = 20.0
    autotune: float = 0.0
    pitch_shift: float = 0.0
    loudness_shift: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.adjust, (bool, np.bool_)):
            raise ValueError(f'adjust is {self.adjust!r}, expected True or False.')
        for control in CONTROLS:
            value: Any = getattr(self, control.name)
            is_number = isinstance(value, numbers.Real) and math.isfinite(value)
            if not is_number or not control.low <= value <= control.high:
                unit = f' {control.unit}' if control.unit else ''
                raise ValueError(
                    f'{control.name} is {value}, expected a number from '
                    f'{control.low:g} to {control.high:g}{unit}.'
                )
