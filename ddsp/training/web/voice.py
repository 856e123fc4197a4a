"""What the page plays: a live voice as one function, and what to tell of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ddsp import audio_files, core, recordings
from ddsp.core.portable import portable_ops
from ddsp.training.export import metadata
from ddsp.training.export.checking import TOLERANCE
from ddsp.training.export.errors import ExportError
from ddsp.training.export.functions import ExportedFunction, Run, of_stream
from ddsp.training.live import LiveModule, LiveVoice
from ddsp.training.live.following import control_values
from ddsp.training.live.noise import counted_noise
from ddsp.training.transfer import CONTROLS, Control, Controls, Instrument

_CHECKED_SECONDS = 3.0
_SEED = 0
_ADJUST = Control(
    'adjust',
    'Adjust to the instrument',
    0.0,
    1.0,
    1.0,
    'shifts by octaves and matches loudness to where the instrument plays',
)


def voice_function(
    instrument: Instrument, portable: bool = True
) -> tuple[LiveModule, ExportedFunction]:
    """The step of a live voice, hop by hop.

    Parameters
    ----------
    instrument : which plays.
    portable : whether of operations that every runtime has.

    Returns
    -------
    The module, and its step as a function to export.

    Raises
    ------
    ValueError
        When the instrument cannot play block by block within 64 ms.
    """
    if portable:
        with portable_ops():
            return voice_function(instrument, portable=False)
    # A reverb may draw its response: the same here and there.
    with core.reproducible_noise(_SEED):
        module = LiveModule(LiveVoice(instrument))
    return module, of_stream(module)


def describe_voice(
    instrument: Instrument, module: LiveModule, exported: ExportedFunction
) -> dict[str, Any]:
    """What `metadata.json` says of a voice, for the page among others.

    Parameters
    ----------
    instrument : which plays.
    module, exported : what `voice_function` made of it.

    Returns
    -------
    What `ddsp export` tells of a stream, `hearing_ms`, and the `controls`: their
    `values` to begin with, and a `list` of what each is.
    """
    return {
        **metadata.of_stream(instrument, module, exported),
        'hearing_ms': 1000.0 * module.hearing / module.sample_rate,
        'controls': {
            'values': control_values(Controls()),
            'list': [dataclasses.asdict(control) for control in (_ADJUST, *CONTROLS)],
        },
    }


def check_voice(instrument: Instrument, form: ExportedFunction, run: Run) -> float:
    """Plays 3 s of singing in Python and by an export; gives the largest difference.

    Parameters
    ----------
    instrument : which plays.
    form : what was exported, which knows the state of a stream that begins.
    run : the export, loaded back.

    Raises
    ------
    ExportError
        When the sound differs by more than that of other exports may.
    """
    module, model = voice_function(instrument, portable=False)
    audio = audio_files.load_audio(recordings.singing_path(), module.sample_rate)
    audio = audio[: round(_CHECKED_SECONDS * module.sample_rate)]
    expected = _played(model, model, module, audio)
    given = _played(run, form, module, audio)
    difference = float(np.max(np.abs(expected - given)))
    if not difference <= TOLERANCE:
        raise ExportError(
            'the ONNX model does not play what the instrument plays in Python: it '
            f'differs by {difference:.3g}; at most {TOLERANCE:g} was expected. Nothing '
            'was kept.'
        )
    return difference


def _played(
    run: Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]],
    form: ExportedFunction,
    module: LiveModule,
    audio: np.ndarray,
) -> np.ndarray:
    """What a function plays, hop by hop."""
    hop, controls, state = module.hop_size, module.controls(), dict(form.initial_state)
    played = []
    for first in range(0, len(audio) - hop + 1, hop):
        block = {
            'audio': audio[np.newaxis, first : first + hop],
            'noise': counted_noise(first, hop)[np.newaxis],
        }
        outputs = run({**block, **controls, **state})
        state = {name: outputs[output] for name, output in form.carried.items()}
        played.append(outputs['played'][0])
    return np.concatenate(played)
