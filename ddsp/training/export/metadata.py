"""What a program must know of an exported model, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import ddsp
from ddsp.training.export.functions import ExportedFunction, Port
from ddsp.training.inference import StreamingModule
from ddsp.training.transfer.instrument import Instrument
from ddsp.training.transfer.statistics import Statistics

FILE_NAME = 'metadata.json'
_QUANTILES = 101


def of_stream(
    instrument: Instrument, module: StreamingModule, exported: ExportedFunction
) -> dict[str, Any]:
    """Describes an instrument that is exported as one step of a stream."""
    rate = module.sample_rate
    return {
        'name': instrument.name,
        'title': instrument.title,
        'sample_rate': rate,
        'frame_rate': module.frame_rate,
        'hop_size': module.hop_size,
        'frames_per_block': module.frames_per_block,
        'samples_per_block': module.frames_per_block * module.hop_size,
        'latency_samples': module.latency,
        'latency_ms': 1000.0 * module.latency / rate,
        **of_function(exported),
        'statistics': of_statistics(instrument.statistics),
    }


def of_function(exported: ExportedFunction) -> dict[str, Any]:
    """Describes inputs and outputs, and which of these go into which at the next step.

    Where a state does not begin with zeros, its values are told.
    """
    inputs = [
        {**_port(port), 'kind': _kind(port.name, exported)} for port in exported.inputs
    ]
    return {
        'inputs': inputs,
        'outputs': [_port(port) for port in exported.outputs],
        'state': [
            {'input': name, 'output': out, 'initial': _initial(name, exported)}
            for name, out in exported.carried.items()
        ],
        'ddsp_version': ddsp.__version__,
    }


def of_statistics(statistics: Statistics | None) -> dict[str, Any] | None:
    """Where an instrument plays: notes in MIDI, and percentiles of loudness in dB."""
    if statistics is None:
        return None
    ranks = np.linspace(0.0, 1.0, _QUANTILES)[:, np.newaxis]
    loudness = np.ravel(statistics.loudness.inverse_transform(ranks))
    return {
        'mean_pitch': statistics.mean_pitch,
        'lowest': statistics.lowest,
        'highest': statistics.highest,
        'loudness_percentiles_db': [round(float(x), 3) for x in loudness],
    }


def write(directory: Path, metadata: Mapping[str, Any]) -> str:
    """Writes `metadata.json`; gives what is in it."""
    text = json.dumps(metadata, indent=1, allow_nan=False) + '\n'
    (directory / FILE_NAME).write_text(text, 'utf-8')
    return text


def _port(port: Port) -> dict[str, Any]:
    return {'name': port.name, 'shape': list(port.shape), 'dtype': port.dtype}


def _kind(name: str, exported: ExportedFunction) -> str:
    if name in exported.carried:
        return 'state'
    return 'noise' if name == 'noise' else 'feature'


def _initial(name: str, exported: ExportedFunction) -> Any:
    value = exported.initial_state.get(name)
    if value is None or not np.any(value):
        return 0
    return np.asarray(value).tolist()
