"""The configuration that goes with a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gin

from ddsp import synths
from ddsp.training.transfer import loading
from ddsp.training.transfer.finding import located


def parse_operative_config(ckpt_dir: str | Path) -> None:
    """Tells gin how the model of a checkpoint is made.

    It stays told: wrap it in `ddsp.training.gin_scope.own_configuration` to have the
    configuration of before again.

    Parameters
    ----------
    ckpt_dir : a directory, one checkpoint in it, or whatever else `load_instrument`
        takes. The newest `operative_config-STEP.gin` is read.

    Raises
    ------
    FileNotFoundError
        When there is no such place.
    ValueError
        When there is no configuration in it, or one that does more than describe.
    """
    with located(ckpt_dir) as place, gin.unlock_config():
        loading.parse_configuration(place)


def find_synth(
    processor_group: Any, kind: type, shown: str
) -> tuple[Any, tuple[str, ...]]:
    """Finds the first synthesizer of a kind, and the keys of its inputs.

    Raises
    ------
    ValueError
        When there is none.
    """
    steps = [] if processor_group is None else processor_group.steps
    for step in steps:
        module = getattr(processor_group, step.name)
        if isinstance(module, kind):
            return module, step.inputs
    raise ValueError(
        f'{shown} has no {kind.__name__} in its processor_group; expected a model such '
        'as vst, of harmonics and filtered noise.'
    )


def find_synths(processor_group: Any, shown: str) -> dict[str, tuple]:
    """Finds what plays harmonics and what plays noise, see `find_synth`."""
    kinds = {'harmonic': synths.Harmonic, 'noise': synths.FilteredNoise}
    return {
        name: find_synth(processor_group, kind, shown) for name, kind in kinds.items()
    }


def whole_hop(sample_rate: int, frame_rate: int, shown: str) -> int:
    """Samples a frame.

    Raises
    ------
    ValueError
        When frames do not last whole samples.
    """
    if sample_rate % frame_rate:
        raise ValueError(
            f'{shown} has {sample_rate} samples and {frame_rate} frames a second; '
            'expected a frame of whole samples.'
        )
    return sample_rate // frame_rate
