"""Small recordings, and records of a run of `ddsp train` made from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from ddsp.training.instrument import data

RATE = 16000
WANTED = data.Wanted(
    sample_rate=RATE,
    frame_rate=250,
    example_secs=1.0,
    center=False,
    eval_split_fraction=0.25,
    pitch_method='swift-f0',
    seed=0,
)


def write_tone(path: Path, seconds: float, hz: float = 440.0) -> None:
    """Writes a sine, in a folder that need not be there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * RATE)) / RATE
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * hz * time), RATE)


def prepare(
    audio: Path, out: Path, wanted: data.Wanted = WANTED, trained: bool = False
) -> tuple[dict[str, Any], str]:
    """Makes the records; gives `dataset.json`, and the lines that were said."""
    said: list[str] = []
    info = data.prepare(audio, out, wanted, trained, said.append)
    return info, '\n'.join(said)
