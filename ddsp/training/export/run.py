"""`ddsp export`: one instrument, one format, one directory."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ddsp import core
from ddsp.core.portable import portable_ops
from ddsp.training.export import (
    checking,
    features,
    impulse_response,
    metadata,
    onnx_models,
    outputs,
    saved_models,
    tflite,
)
from ddsp.training.export.functions import Arrays, ExportedFunction, of_stream
from ddsp.training.inference import StreamingInstrument, StreamingModule
from ddsp.training.output_paths import check_directory, new_directory
from ddsp.training.transfer.instrument import Instrument
from ddsp.training.transfer.loading import load_instrument

#: What instruments can be exported as.
FORMATS = ('savedmodel', 'tflite', 'onnx', 'web')

_BLOCK_SECONDS = 0.02
_CHECKED_SECONDS = 1.0
# The noise of a response that a reverb draws; the same in Python and in the export.
_SEED = 0


@dataclasses.dataclass(frozen=True)
class Exported:
    """What an export wrote, and how near it is to the model in Python.

    Parameters
    ----------
    directory : with all files.
    format : one of `FORMATS`.
    sizes : of the files by name, in bytes.
    differences : the largest one of each output, over a second of singing.
    metadata : what `metadata.json` says.
    """

    directory: Path
    format: str
    sizes: dict[str, int]
    differences: dict[str, float]
    metadata: dict[str, Any]

    @property
    def difference(self) -> float:
        """That of the audio."""
        return self.differences['audio']


def export_instrument(
    instrument: str | Path | Instrument,
    out_dir: str | Path,
    format: str = 'onnx',
    frames_per_block: int | None = None,
    reverb_rate: int | None = None,
    overwrite: bool = False,
) -> Exported:
    """Writes an instrument for another runtime, loads it back and compares it.

    Parameters
    ----------
    instrument : as `load_instrument` takes it, or what that gave.
    out_dir : directory to make. It appears when all went well, and not before.
    format : one of `FORMATS`.
    frames_per_block : frames that a step plays; what lasts at most 20 ms without it.
    reverb_rate : another rate at which to write the response of the reverb, too, in Hz.
    overwrite : replace an earlier export.

    Returns
    -------
    What was written.

    Raises
    ------
    ExportError
        When the format cannot hold the model, or does not do what the model does.
    ValueError
        For an unknown format, and when the instrument does not play block by block.
    FileExistsError, NotADirectoryError
        When the directory is not free.
    ImportError
        When a package is missing that the format needs.
    """
    check_format(format)
    if format == 'web' and frames_per_block is not None:
        raise ValueError('the page plays frame by frame: leave frames_per_block out.')
    impulse_response.check_rate(reverb_rate)
    out_dir = Path(out_dir)
    check_directory(out_dir, overwrite, outputs.foreign)
    if not isinstance(instrument, Instrument):
        instrument = load_instrument(instrument)
    response = _response(instrument, reverb_rate)
    with new_directory(out_dir, overwrite, outputs.foreign) as folder:
        path = folder / file_name(instrument.name, format)
        if format == 'web':
            described, differences = _write_voice(instrument, path)
        else:
            described, differences = _write_stream(
                instrument, path, format, frames_per_block
            )
        told = {
            'format': format,
            'file': path.name,
            **described,
            'difference': differences['audio'],
        }
        if response is not None:
            rate = instrument.sample_rate
            impulse_response.write(folder, response, rate, reverb_rate)
        _finish(folder, told)
    return Exported(out_dir, format, _sizes(out_dir), differences, told)


def check_format(format: str) -> None:
    """Refuses a format that is not known."""
    if format not in FORMATS:
        raise ValueError(
            f'the format is {format!r}, expected one of {", ".join(FORMATS)}.'
        )


def file_name(name: str, format: str) -> str:
    """The file of the model in its directory."""
    endings = {'tflite': '.tflite', 'onnx': '.onnx', 'web': '.onnx'}
    if format == 'savedmodel':
        return 'saved_model.pb'
    kept = ''.join(c if c.isalnum() or c in '-_.' else '_' for c in name)
    return (kept.strip('.') or 'model') + endings[format]


def stream_function(
    playing: StreamingInstrument, frames_per_block: int
) -> tuple[StreamingModule, ExportedFunction]:
    """The step of an instrument, as the context makes it: portable or not."""
    with core.reproducible_noise(_SEED):
        module = playing.as_module(frames_per_block)
    return module, of_stream(module)


def _write_voice(
    instrument: Instrument, path: Path
) -> tuple[dict[str, Any], dict[str, float]]:
    """`_write_stream` of what the page plays, which hears as well."""
    from ddsp.training import web

    return web.export_voice(instrument, path)


def _write_stream(
    instrument: Instrument, path: Path, format: str, frames_per_block: int | None
) -> tuple[dict[str, Any], dict[str, float]]:
    """Writes the model; gives what there is to tell of it, and the differences."""
    playing = StreamingInstrument.from_instrument(instrument)
    if frames_per_block is None:
        frames_per_block = max(1, int(_BLOCK_SECONDS * playing.frame_rate))
    module, model = stream_function(playing, frames_per_block)
    if format == 'savedmodel':
        form = model
        model.save(path.parent)
        run, what = saved_models.run(path.parent), 'the SavedModel'
    else:
        with portable_ops():
            _, form = stream_function(playing, frames_per_block)
        if format == 'tflite':
            path.write_bytes(_to_tflite(form))
            run, what = tflite.run(path), 'the TFLite model'
        else:
            path.write_bytes(onnx_models.convert(form))
            run, what = onnx_models.run(path), 'the ONNX model'
    blocks = _blocks(module, model)
    differences = checking.compare(model, run, blocks, what, form.initial_state)
    return metadata.of_stream(instrument, module, form), differences


def _blocks(module: StreamingModule, model: ExportedFunction) -> Iterator[Arrays]:
    singing = features.sing(module.sample_rate, module.frame_rate)
    n_blocks = _CHECKED_SECONDS * module.frame_rate / module.frames_per_block
    return features.feed(model, singing, max(2, round(n_blocks)))


def _to_tflite(form: ExportedFunction) -> bytes:
    with tempfile.TemporaryDirectory() as place:
        form.save(place)
        return tflite.convert(place)


def _response(instrument: Instrument, rate: int | None) -> np.ndarray | None:
    response = impulse_response.impulse_response(instrument)
    if response is None and rate is not None:
        raise ValueError(
            f'{instrument.name} has no reverb whose response could be written at '
            f'{rate} Hz; leave --reverb_rate out.'
        )
    return response


def _finish(folder: Path, told: dict[str, Any]) -> None:
    """Writes metadata, and what is made of it."""
    if told['format'] == 'web':
        from ddsp.training import web

        web.write_page(folder, told)
    told['files'] = sorted([*_sizes(folder), metadata.FILE_NAME])
    text = metadata.write(folder, told)
    if told['format'] == 'tflite':
        tflite.attach(folder / told['file'], metadata.FILE_NAME, text)


def _sizes(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.stat().st_size
        for path in sorted(folder.rglob('*'))
        if path.is_file()
    }
