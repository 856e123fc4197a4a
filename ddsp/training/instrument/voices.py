"""Whether recordings to learn from hold more than one voice."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ddsp.training.fit.features import Features

# Examples that are looked at, from everywhere in the recordings.
_LOOK_AT = 32
_SEED = 0


def note_on_voices(provider: Any) -> str | None:
    """Says that recordings are not of one voice, where they are not; else None.

    Parameters
    ----------
    provider : of the examples that a model is trained on.
    """
    batches = provider.get_batch(1, shuffle=True, repeats=1, seed=_SEED)
    examples = (
        {name: value[0].numpy() for name, value in batch.items()}
        for batch in batches.take(_LOOK_AT)
    )
    return _note(examples, provider.sample_rate, provider.frame_rate)


def _note(
    examples: Iterable[Mapping[str, np.ndarray]], rate: int, frame_rate: int
) -> str | None:
    # It imports, by way of timbre transfer, what this package begins with.
    from ddsp.training.transcription import octaves, polyphony

    found = []
    for example in examples:
        frames = len(example['audio']) * frame_rate // rate
        features = Features(
            audio=example['audio'],
            f0_hz=example['f0_hz'][:frames],
            f0_confidence=example['f0_confidence'][:frames],
            loudness_db=example['loudness_db'][:frames],
            sample_rate=rate,
            frame_rate=frame_rate,
        )
        if not features.silent:
            f0_hz = octaves.mend_octaves(features)
            features = dataclasses.replace(features, f0_hz=f0_hz.astype(np.float32))
            found.append(polyphony.other_sound(features, f0_hz))
    said = polyphony.warn_of_voices(np.concatenate(found)) if found else []
    return said[0] if said else None
