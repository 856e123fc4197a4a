"""The room of a model, as a sound file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ddsp import audio_files, core
from ddsp.optional import import_optional
from ddsp.training.fit.run import impulse_response_of

_RATES_HZ = 1000, 768_000
_SEED = 0


def impulse_response(model: Any) -> np.ndarray | None:
    """The response of a model's last reverb, the dry sound included.

    Parameters
    ----------
    model : whatever has a `processor_group`.

    Returns
    -------
    `[samples]` at the rate of the model; None when it has no reverb of its own.
    """
    with core.reproducible_noise(_SEED):
        return impulse_response_of(model)


def write(
    directory: Path, response: np.ndarray, sample_rate: int, wanted: int | None = None
) -> list[Path]:
    """Writes a response as WAV, at its own rate and maybe another.

    At another rate it is scaled by the ratio of the rates, so that convolving with it
    gives the same room as loud.

    Parameters
    ----------
    directory : to write in.
    response : `[samples]`.
    sample_rate : of it, in Hz.
    wanted : the other rate.

    Returns
    -------
    The files, named `reverb_ir_RATE.wav`.

    Raises
    ------
    ValueError
        When the other rate is none of sound.
    ImportError
        When the packages are missing that resample and write.
    """
    check_rate(wanted)
    responses = {sample_rate: response}
    if wanted is not None and wanted != sample_rate:
        responses[wanted] = _resampled(response, sample_rate, wanted)
    paths = []
    for rate, samples in responses.items():
        paths.append(directory / f'reverb_ir_{rate}.wav')
        # What is above full scale must not be turned down.
        audio_files.save_audio(paths[-1], samples, rate, encoding='float32')
    return paths


def _resampled(response: np.ndarray, sample_rate: int, wanted: int) -> np.ndarray:
    soxr = import_optional('soxr', 'resampling', 'ddsp[audio]')
    # The dry sound is one sample at any rate; a resampler would smear it over those
    # before and after, of which there are none before.
    dry, room = response[0], np.append(np.float32(0.0), response[1:])
    resampled = soxr.resample(room, sample_rate, wanted) * (sample_rate / wanted)
    resampled[0] += dry
    return resampled


def check_rate(wanted: int | None) -> None:
    """Refuses a rate that is none of sound."""
    low, high = _RATES_HZ
    if wanted is not None and not low <= wanted <= high:
        raise ValueError(
            f'the rate of the reverb is {wanted} Hz, expected {low} to {high} Hz.'
        )
