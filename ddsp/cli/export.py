"""`ddsp export`: an instrument for other runtimes."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING, Any

from ddsp.cli.options import add_command, add_debug

if TYPE_CHECKING:
    from ddsp.training.export import Exported

ABORTED = 'nothing was written'

_DESCRIPTION = """\
Writes an instrument that plays block by block outside of Python: pitch and loudness of
a few frames in, sound out, and a state that goes from block to block. metadata.json
beside it tells rates, latency, and the names and shapes of inputs and outputs. What was
written is loaded back and compared with the model on a second of singing; a difference
above 1e-4 is an error, and then nothing is kept.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `export` to the subcommands."""
    parser = add_command(
        subparsers,
        'export',
        'write an instrument for TensorFlow Lite, ONNX, browsers',
        _DESCRIPTION,
    )
    add = parser.add_argument
    add(
        'instrument',
        metavar='NAME|DIR|CHECKPOINT|ZIP',
        help='a name, or the directory, checkpoint or zip file of a model',
    )
    add(
        '--format',
        metavar='FORMAT',
        default='onnx',
        help='savedmodel (TensorFlow), tflite (TensorFlow Lite, built-in operations '
        'alone), onnx (onnxruntime) or web (a page that plays it) (default: onnx)',
    )
    add('--out', metavar='DIR', required=True, help='directory to write')
    add(
        '--frames_per_block',
        type=int,
        metavar='N',
        help='frames that one step plays (default: as many as last 20 ms at most)',
    )
    add(
        '--reverb_rate',
        type=int,
        metavar='HZ',
        help='another rate at which to write the response of the reverb, too',
    )
    add('--overwrite', action='store_true', help='replace an earlier export')
    add_debug(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    from ddsp.training.export import export_instrument

    exported = export_instrument(
        arguments.instrument,
        arguments.out,
        arguments.format,
        frames_per_block=arguments.frames_per_block,
        reverb_rate=arguments.reverb_rate,
        overwrite=arguments.overwrite,
    )
    print(summary(exported))
    return 0


def summary(exported: Exported) -> str:
    """What was written, in a few lines."""
    told = exported.metadata
    width = max(len(name) for name in exported.sizes)
    lines = [
        f'{name.ljust(width)}  {size / 1024:8.1f} KB'
        for name, size in exported.sizes.items()
    ]
    lines.append(
        f'blocks of {told["frames_per_block"]} frames, {told["samples_per_block"]} '
        f'samples at {told["sample_rate"]} Hz; latency {told["latency_samples"]} '
        f'samples, {told["latency_ms"]:.0f} ms'
    )
    lines.append(
        f'{exported.directory}: {exported.format}, at most '
        f'{exported.difference:.1g} from the model in Python'
    )
    if exported.format == 'web':
        lines.append(
            f'to see it: python -m http.server 8000 --directory '
            f'{shlex.quote(str(exported.directory))}, then http://localhost:8000'
        )
    return '\n'.join(lines)
