"""Measures how an instrument plays the bundled singing.

    python scripts/measure_transfer.py ddsp/training/instruments/violin

Printed as JSON: how near its pitch and loudness are to what it was told to play, that
it neither clips nor falls silent, and whether blocks are heard in a longer recording.
`train_instruments.py` does this for the instruments that come with the library.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

# How often the singing is heard for there to be borders of blocks all over it.
_TIMES = 5
_KEPT = (
    'octaves',
    'confident_frames',
    'within_50_cents',
    'loudness_correlation',
    'loudness_correlation_all',
    'peak',
    'clipped_ratio',
    'silent',
)


def measure_transfer(instrument_dir: pathlib.Path) -> dict[str, Any]:
    """Has an instrument play the bundled singing.

    Parameters
    ----------
    instrument_dir : with a checkpoint and its configuration.

    Returns
    -------
    Some of what `ddsp.training.transfer.measures.measure` gives, `warnings`, and what
    `measure_borders` gives.
    """
    import soundfile

    from ddsp.recordings import singing_path
    from ddsp.training.transfer import load_instrument, measures

    singing, rate = soundfile.read(singing_path(), dtype='float32')
    instrument = load_instrument(instrument_dir)
    performance = instrument.perform(singing, rate)
    found = measures.measure(performance)
    return {
        **_rounded({key: found[key] for key in _KEPT}),
        'warnings': list(performance.adjusted.warnings),
        **_rounded(measure_borders(instrument, singing, rate, _TIMES)),
    }


def measure_borders(
    instrument: Any, audio: np.ndarray, sample_rate: int, times: int
) -> dict[str, float]:
    """Looks for clicks where one block ends and the next begins.

    Parameters
    ----------
    instrument : that plays.
    audio : `[samples]`.
    sample_rate : of it, in Hz.
    times : how often it is heard: together it must be longer than a block.

    Returns
    -------
    `repetitions`; `borders`, how many there are; `border_step`, the largest step from
    one sample to the next within two frames of one; `offline_step`, the largest
    anywhere when all is one block; `border_excess`, the most by which steps at a border
    are larger than offline at the same place, if they are.
    """
    adjusted = instrument.adjust(instrument.listen(np.tile(audio, times), sample_rate))
    steps = np.abs(np.diff(instrument.play(adjusted)))
    player = instrument._player
    hop, block_frames = player.hop_size, player.block_frames
    borders = np.arange(block_frames, len(adjusted.f0_hz), block_frames) * hop
    with _one_block(player, len(adjusted.f0_hz)):
        offline = np.abs(np.diff(instrument.play(adjusted)))
    near, near_offline = (
        np.array([x[b - 2 * hop : b + 2 * hop].max() for b in borders])
        for x in (steps, offline)
    )
    return {
        'repetitions': times,
        'borders': len(borders),
        'border_step': float(near.max()),
        'offline_step': float(offline.max()),
        'border_excess': max(0.0, float(np.max(near - near_offline))),
    }


def _rounded(values: Mapping[str, Any]) -> dict[str, Any]:
    """Floats in six digits, more than two machines agree on."""
    return {
        key: float(f'{value:.6g}') if isinstance(value, float) else value
        for key, value in values.items()
    }


@contextlib.contextmanager
def _one_block(player: Any, n_frames: int) -> Iterator[None]:
    """Within it a player renders all frames at once."""
    parts, before = (player, player._decoding), player.block_frames
    try:
        for part in parts:
            part.block_frames = n_frames
        yield
    finally:
        for part in parts:
            part.block_frames = before


def main() -> None:
    """Reads the command line and measures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('instrument_dir', type=pathlib.Path)
    flags = parser.parse_args()
    print(json.dumps(measure_transfer(flags.instrument_dir), indent=1))


if __name__ == '__main__':
    main()
