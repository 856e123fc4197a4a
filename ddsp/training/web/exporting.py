"""Writes what the page plays, and sees that it plays it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ddsp.training.export import onnx_models
from ddsp.training.transfer import Instrument
from ddsp.training.web.voice import check_voice, describe_voice, voice_function


def export_voice(
    instrument: Instrument, path: Path
) -> tuple[dict[str, Any], dict[str, float]]:
    """Writes the step of a live voice as ONNX, loads it back and compares it.

    Parameters
    ----------
    instrument : which plays.
    path : to write.

    Returns
    -------
    What there is to tell of it, see `describe_voice`, and the largest difference of the
    audio.

    Raises
    ------
    ExportError
        When ONNX cannot hold the model, or does not do what the model does.
    ValueError
        When the instrument cannot play block by block within 64 ms.
    """
    module, form = voice_function(instrument)
    path.write_bytes(onnx_models.convert(form))
    difference = check_voice(instrument, form, onnx_models.run(path))
    return describe_voice(instrument, module, form), {'audio': difference}
