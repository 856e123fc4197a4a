"""What exported models are tried on: a few seconds of the bundled singing."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np

from ddsp import audio_files, recordings
from ddsp.training.export.functions import Arrays, ExportedFunction, Port
from ddsp.training.fit.features import extract_features
from ddsp.training.transfer.instrument import measure_power
from ddsp.training.transfer.playing import network_features

_SECONDS = 1.0, 3.0
_SEED = 0


@dataclasses.dataclass(frozen=True)
class Singing:
    """Features of a passage of singing, at the rates of a model.

    Parameters
    ----------
    frames : what a network may be given, `[frames]` each.
    audio : `[samples]`, at the rate of the model.
    audio_16k : `[samples]`, at 16 kHz.
    sample_rate, frame_rate : of the model, in Hz.
    """

    frames: Arrays
    audio: np.ndarray
    audio_16k: np.ndarray
    sample_rate: int
    frame_rate: int

    @property
    def n_frames(self) -> int:
        """How many frames there are."""
        return len(self.frames['f0_hz'])


@functools.lru_cache(maxsize=4)
def sing(sample_rate: int, frame_rate: int) -> Singing:
    """Listens to the bundled singing.

    Raises
    ------
    ImportError
        When the packages are missing that read sound and find pitch.
    """
    path = recordings.singing_path()
    start, end = _SECONDS
    audio, low = (
        audio_files.load_audio(path, rate)[round(start * rate) : round(end * rate)]
        for rate in (sample_rate, 16000)
    )
    heard = extract_features(audio, sample_rate, frame_rate)
    power_db = measure_power(heard)
    frames = network_features(heard.f0_hz, heard.loudness_db, power_db)
    frames = {name: np.asarray(x, np.float32) for name, x in frames.items()}
    frames['power_db'] = frames['pw_db']
    return Singing(frames, audio, low, sample_rate, frame_rate)


def feed(
    exported: ExportedFunction, singing: Singing, n_blocks: int
) -> Iterator[Arrays]:
    """Gives inputs for one step after the other, without the state.

    Parameters
    ----------
    exported : its inputs are known by their names.
    singing : what they are taken from; it begins again where it ends.
    n_blocks : how many.
    """
    rng = np.random.default_rng(_SEED)
    ports = [port for port in exported.inputs if port.name not in exported.carried]
    for block in range(n_blocks):
        yield {port.name: _values(port, singing, block, rng) for port in ports}


def _values(
    port: Port, singing: Singing, block: int, rng: np.random.Generator
) -> np.ndarray:
    n = int(np.prod(port.shape, dtype=int))
    name = port.name
    if name in singing.frames:
        values = np.take(singing.frames[name], block * n + np.arange(n), mode='wrap')
    elif name == 'audio':
        hop = 16000 // singing.frame_rate
        values = np.take(singing.audio_16k, block * hop + np.arange(n), mode='wrap')
    elif name.removeprefix('prev_') in ('f0', 'amps', 'hd'):
        values = _controls(name.removeprefix('prev_'), singing, block, n)
        if not name.startswith('prev_'):
            values = _controls(name, singing, block + 1, n)
    else:
        values = rng.uniform(-1.0, 1.0, n)
        values = np.abs(values) if name == 'noise' and len(port.shape) == 1 else values
    return values.reshape(port.shape).astype(port.dtype)


def _controls(name: str, singing: Singing, frame: int, n: int) -> np.ndarray:
    """Controls of a synthesizer as a network would give them."""
    frame %= singing.n_frames
    if name == 'f0':
        return singing.frames['f0_hz'][[frame]]
    level = 10.0 ** (singing.frames['power_db'][[frame]] / 20.0)
    if name == 'amps':
        return level
    slope = np.exp(-np.arange(n) * (0.05 + 0.2 * float(1.0 - level[0])))
    return slope / slope.sum()
