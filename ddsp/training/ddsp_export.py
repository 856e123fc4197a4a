"""The command `ddsp_export`: a trained model for programs that are not Python.

`ddsp export` writes whole instruments, block by block; this command writes the models
of `ddsp.training.inference`, with the flags of the established command.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ddsp
from ddsp.core.portable import portable_ops
from ddsp.training import data, flags, postprocessing
from ddsp.training.export import (
    checking,
    features,
    impulse_response,
    inference_models,
    metadata,
    outputs,
    saved_models,
    tflite,
)
from ddsp.training.guarding import guarded
from ddsp.training.output_paths import check_directory, new_directory
from ddsp.training.transfer.finding import located
from ddsp.training.transfer.loading import load_instrument, rates_of
from ddsp.training.transfer.statistics import read_statistics, statistics_of

_DESCRIPTION = """\
Writes a model of ddsp.training.inference as a SavedModel, and as TensorFlow Lite of
built-in operations alone, with the response of its reverb and what a program must know
of it. What was written is loaded back and compared with the model in Python; where it
differs by more than 1e-4, the command fails and keeps nothing.

Exit status: 0 when all went well, 1 for an error, 2 for a wrong command line, 130 for
Ctrl-C.
"""
_DEFAULT_RATES = {'sample_rate': 16000, 'frame_rate': 250}
_CHECKED_SECONDS = 1.0
_TFLITE = 'tflite'


def get_data_provider(dataset_path: str | None, model_path: str) -> Any:
    """Makes a provider of the records that a model was trained on.

    Parameters
    ----------
    dataset_path : pattern of the files, such as `'data/violin.tfrecord*'`; None when
        there are none.
    model_path : the model, whose rates they have.

    Returns
    -------
    A `TFRecordProvider`, or None without files.
    """
    if not dataset_path:
        return None
    with located(model_path) as place:
        rates = rates_of(place)
    return data.TFRecordProvider(file_pattern=dataset_path, **rates)


def get_metadata_dict(data_provider: Any, model_path: str) -> dict[str, Any]:
    """Collects what a program must know of a model.

    Parameters
    ----------
    data_provider : of records to measure pitch and loudness in; None for what the model
        itself knows of them.
    model_path : the model.

    Returns
    -------
    Rates, statistics, and the version of the library, as plain data.
    """
    with located(model_path) as place:
        rates = rates_of(place)
        statistics = read_statistics(place.directory, place.shown)
    if data_provider is not None:
        dataset = data_provider.get_batch(1, shuffle=False, repeats=1)
        measured = postprocessing.compute_dataset_statistics(dataset)
        statistics = statistics_of(measured)
    return {
        **rates,
        'statistics': metadata.of_statistics(statistics),
        'ddsp_version': ddsp.__version__,
    }


def get_inference_model(
    ckpt: str, inference_model: str = 'autoencoder', gin_params: Sequence[str] = ()
) -> Any:
    """Makes a model of `ddsp.training.inference`.

    Parameters
    ----------
    ckpt : a directory of a model, a checkpoint in it, or the name of an instrument.
    inference_model : a value of `--inference_model`.
    gin_params : bindings for it.

    Returns
    -------
    The model, with its weights.

    Raises
    ------
    ValueError
        For another value, and a checkpoint without the parts that are needed.
    FileNotFoundError
        When there is no such checkpoint.
    """
    return inference_models.make(ckpt, inference_model, gin_params)


def ckpt_to_saved_model(
    ckpt: str,
    save_dir: str | Path,
    inference_model: str = 'autoencoder',
    gin_params: Sequence[str] = (),
) -> dict[str, float]:
    """Writes a checkpoint as a SavedModel, loads it back and compares it.

    Parameters
    ----------
    ckpt : see `get_inference_model`.
    save_dir : directory, which is made.
    inference_model, gin_params : see `get_inference_model`.

    Returns
    -------
    The largest difference of each output.

    Raises
    ------
    ExportError
        When it does not do what the model does in Python.
    """
    model = get_inference_model(ckpt, inference_model, gin_params)
    return _write_saved_model(model, Path(save_dir))


def saved_model_to_tfjs(input_dir: str, save_dir: str) -> None:
    """Refuses: there is no converter to TensorFlow.js for current TensorFlow.

    Parameters
    ----------
    input_dir, save_dir : not looked at.

    Raises
    ------
    ImportError
        Always; it says what to do instead.
    """
    del input_dir, save_dir
    raise ImportError(
        'the package tensorflowjs cannot be installed beside a current TensorFlow, so '
        'there is no export to TensorFlow.js; for browsers, use '
        'ddsp export MODEL --format web --out DIR, which plays by onnxruntime-web.'
    )


def saved_model_to_tflite(
    input_dir: str | Path,
    save_dir: str | Path,
    metadata_file: str | Path | None = None,
    name: str = '',
) -> Path:
    """Converts a SavedModel to TensorFlow Lite and compares both.

    A model of this library should be saved within `ddsp.core.portable.portable_ops`:
    TensorFlow Lite has no complex numbers and no float64.

    Parameters
    ----------
    input_dir : the SavedModel.
    save_dir : directory, which is made.
    metadata_file : a file to attach.
    name : of the file; `model` without it.

    Returns
    -------
    The file, `NAME.tflite`.

    Raises
    ------
    ExportError
        When TensorFlow Lite cannot hold the model, or does not do what it does.
    """
    exported = saved_models.load(input_dir)
    path = _convert(input_dir, save_dir, name)
    singing = features.sing(**_rates_beside(Path(input_dir)))
    blocks = features.feed(exported, singing, 2)
    try:
        checking.compare(exported, tflite.run(path), blocks, 'the TFLite model')
    except BaseException:
        path.unlink()
        raise
    if metadata_file:
        metadata_file = Path(metadata_file)
        tflite.attach(path, metadata_file.name, metadata_file.read_text('utf-8'))
    return path


def export_impulse_response(
    model_path: str, save_dir: str | Path, target_sr: int | None = None
) -> list[Path]:
    """Writes the response of a model's reverb as WAV, at its rate and maybe another.

    Parameters
    ----------
    model_path : whatever `ddsp.training.load_instrument` takes.
    save_dir : directory, which is made when there is something to write.
    target_sr : the other rate, 1000 to 768000 Hz; None for the model's alone.

    Returns
    -------
    The files; none for a model without a reverb.

    Raises
    ------
    ValueError
        For a rate that is none of sound.
    """
    impulse_response.check_rate(target_sr)
    instrument = load_instrument(model_path)
    response = impulse_response.impulse_response(instrument)
    if response is None:
        return []
    ensure_exits(save_dir)
    return impulse_response.write(
        Path(save_dir), response, instrument.sample_rate, target_sr
    )


def ensure_exits(dir_path: str | Path) -> None:
    """Makes a directory, and those above it, if they are not there."""
    Path(dir_path).mkdir(parents=True, exist_ok=True)


def console_entry_point() -> int:
    """What the installed command calls; gives the exit status."""
    return main()


def make_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = argparse.ArgumentParser(
        prog='ddsp_export',
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add('--name', default='', help='of the model, and of its TFLite file')
    add(
        '--model_path', metavar='PATH', required=True, help='model, or checkpoint of it'
    )
    add('--save_dir', metavar='DIR', required=True, help='directory to write')
    add(
        '--inference_model',
        metavar='NAME',
        default='autoencoder',
        help=f'one of {", ".join(inference_models.NAMES)} (default: autoencoder)',
    )
    flags.add_list(
        parser, 'gin_param', "a binding, such as 'VSTSynthesize.new_hop_size = 64'"
    )
    flags.add_switch(parser, 'tflite', True, 'write TensorFlow Lite, in DIR/tflite')
    flags.add_switch(
        parser, 'tfjs', False, 'no longer possible: see ddsp export --format web'
    )
    flags.add_switch(parser, 'metadata', True, 'write metadata.json')
    add(
        '--metadata_file',
        metavar='FILE',
        help='JSON to write as metadata.json and attach to the TFLite file, in place '
        'of what is found out about the model',
    )
    add(
        '--dataset_path',
        metavar='PATTERN',
        help='records to measure pitch and loudness in (default: what the model knows)',
    )
    flags.add_switch(parser, 'reverb', True, 'write the response of the reverb as WAV')
    add(
        '--reverb_sample_rate',
        type=int,
        metavar='HZ',
        help='another rate at which to write the response, too',
    )
    flags.add_switch(parser, 'overwrite', False, 'replace an earlier export')
    flags.add_switch(parser, 'debug', False, 'show where an error came from')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; gives its exit status.

    Parameters
    ----------
    argv : the command line without the program's name; that of the process by default.

    Returns
    -------
    0 when all went well, 1 for an error, 130 for Ctrl-C.
    """
    arguments = make_parser().parse_args(argv)
    return guarded(
        lambda: _run(arguments), 'ddsp_export', 'nothing was written', arguments.debug
    )


def _run(arguments: argparse.Namespace) -> int:
    differences = _export(arguments)
    for what, difference in differences.items():
        print(f'{what}: at most {difference:.1g} from the model in Python')
    for path in sorted(Path(arguments.save_dir).rglob('*')):
        if path.is_file():
            print(f'{path}: {path.stat().st_size / 1024:.1f} KB')
    return 0


def _export(arguments: argparse.Namespace) -> dict[str, float]:
    """Does what the flags say; gives the largest difference of each format."""
    if arguments.tfjs:
        saved_model_to_tfjs(arguments.model_path, arguments.save_dir)
    impulse_response.check_rate(arguments.reverb_sample_rate)
    save_dir, path = Path(arguments.save_dir), arguments.model_path
    check_directory(save_dir, arguments.overwrite, outputs.foreign)
    given = _given_metadata(arguments.metadata_file)
    model = get_inference_model(path, arguments.inference_model, arguments.gin_param)
    with new_directory(save_dir, arguments.overwrite, outputs.foreign) as folder:
        differences = {'SavedModel': max(_write_saved_model(model, folder).values())}
        if arguments.reverb:
            export_impulse_response(path, folder, arguments.reverb_sample_rate)
        told = given if given is not None else _metadata(arguments, model)
        if arguments.tflite:
            differences['TFLite'] = _write_tflite(model, folder, arguments, told)
        if arguments.metadata or given is not None:
            metadata.write(folder, told)
    return differences


def _write_saved_model(model: Any, directory: Path) -> dict[str, float]:
    exported = inference_models.function_of(model)
    inference_models.reset(model)
    exported.save(directory)
    run = saved_models.run(directory)
    blocks = inference_models.blocks_for(model, exported, _CHECKED_SECONDS)
    return checking.compare(exported, run, blocks, 'the SavedModel')


def _write_tflite(
    model: Any, folder: Path, arguments: argparse.Namespace, told: Mapping[str, Any]
) -> float:
    """Writes the model of portable operations; gives the largest difference."""
    inference_models.reset(model)
    exported = inference_models.function_of(model)
    with portable_ops():
        portable = inference_models.function_of(model)
    with tempfile.TemporaryDirectory() as place:
        portable.save(place)
        path = _convert(place, folder / _TFLITE, arguments.name)
    blocks = inference_models.blocks_for(model, exported, _CHECKED_SECONDS)
    differences = checking.compare(
        exported,
        tflite.run(path),
        blocks,
        'the TFLite model',
        portable.initial_state,
    )
    if arguments.metadata or arguments.metadata_file:
        tflite.attach(path, metadata.FILE_NAME, json.dumps(told, indent=1))
    return max(differences.values())


def _convert(saved_model: str | Path, save_dir: str | Path, name: str) -> Path:
    content = tflite.convert(saved_model)
    ensure_exits(save_dir)
    path = Path(save_dir) / f'{name or "model"}.tflite'
    path.write_bytes(content)
    return path


def _metadata(arguments: argparse.Namespace, model: Any) -> dict[str, Any]:
    provider = get_data_provider(arguments.dataset_path, arguments.model_path)
    return {
        'name': arguments.name,
        'inference_model': arguments.inference_model,
        **get_metadata_dict(provider, arguments.model_path),
        **metadata.of_function(inference_models.function_of(model)),
    }


def _given_metadata(path: str | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        told = json.loads(Path(path).read_text('utf-8'))
    except ValueError as error:
        raise ValueError(f'{path} is not valid JSON ({error}).') from error
    if not isinstance(told, dict):
        raise ValueError(f'{path} holds {told!r}, expected a JSON object.')
    return told


def _rates_beside(directory: Path) -> dict[str, int]:
    """The rates that `metadata.json` tells of a model, or those of most."""
    try:
        told = json.loads((directory / metadata.FILE_NAME).read_text('utf-8'))
        return {name: int(told[name]) for name in _DEFAULT_RATES}
    except (OSError, ValueError, KeyError, TypeError):
        return _DEFAULT_RATES


if __name__ == '__main__':
    sys.exit(console_entry_point())
