"""Effects: processors that take audio and give audio back."""

from __future__ import annotations

from ddsp.effects.delays import ModDelay
from ddsp.effects.filters import FIRFilter
from ddsp.effects.reverbs import (
    ExpDecayReverb,
    FilteredNoiseReverb,
    Reverb,
    TrainableReverb,
)

__all__ = [
    'ExpDecayReverb',
    'FIRFilter',
    'FilteredNoiseReverb',
    'ModDelay',
    'Reverb',
    'TrainableReverb',
]
