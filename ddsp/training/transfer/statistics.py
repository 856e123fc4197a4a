"""The pitch and loudness that an instrument was trained on."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from ddsp.training.instrument.statistics import FILE_NAME
from ddsp.training.quantiles import QuantileTransformer

_PICKLE = 'dataset_statistics.pkl'


@dataclasses.dataclass(frozen=True)
class Statistics:
    """What to bring a melody to.

    Parameters
    ----------
    mean_pitch : of notes, in MIDI note numbers.
    lowest, highest : range of notes, in MIDI note numbers.
    loudness : of notes, in dB: ranks to values.
    """

    mean_pitch: float
    lowest: float
    highest: float
    loudness: QuantileTransformer


def statistics_of(values: dict[str, Any], where: str = 'the statistics') -> Statistics:
    """Takes out what is needed of what `compute_dataset_statistics` gave.

    Raises
    ------
    ValueError
        When something is missing or has another form.
    """
    try:
        numbers = [values[f'{x}_pitch_note'] for x in ('mean', 'min', 'max')]
        if not np.isfinite(np.asarray(numbers, float)).all():
            raise ValueError(f'pitches are {numbers}')
        return Statistics(
            *map(float, numbers),
            loudness=QuantileTransformer.from_config(
                dict(values['quantile_transform'])
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f'{where} are not what ddsp.training.postprocessing.'
            f'compute_dataset_statistics gives ({type(error).__name__}: {error}).'
        ) from error


def read_statistics(directory: Path, shown: str | None = None) -> Statistics | None:
    """Reads the statistics of a model.

    Parameters
    ----------
    directory : of the model.
    shown : how people know it, when it stands in a temporary place.

    Returns
    -------
    None when the model has none.

    Raises
    ------
    ValueError
        When they are no JSON of the right form; or when all there is is a pickle, which
        is never read.
    """
    shown = shown or str(directory)
    path = directory / FILE_NAME
    if path.exists():
        try:
            values = json.loads(path.read_text('utf-8'))
        except ValueError as error:
            raise ValueError(
                f'{FILE_NAME} of {shown} is not valid JSON ({error}); measure again: '
                f'{_command(shown)}'
            ) from error
        return statistics_of(values, f'{FILE_NAME} of {shown}')
    if (directory / _PICKLE).exists():
        raise ValueError(
            f'{shown} has its statistics in {_PICKLE}: a pickle can run any program '
            'when it is opened, and is not read. Measure the recordings that it was '
            f'trained on again: {_command(shown)}'
        )
    return None


def without_statistics(shown: str) -> str:
    """What to say of a model that has none."""
    return (
        f'{shown} does not say what pitch and loudness it was trained on: the melody '
        'is played as it is, neither shifted by octaves nor matched in loudness. To '
        f'measure the recordings it was trained on: {_command(shown)}'
    )


def _command(shown: str) -> str:
    return f'ddsp statistics RECORDINGS --instrument {shown}'
