"""Pitch by inverse synthesis: an estimator of ours, with its weights.

`ddsp.pitch.estimate_f0(..., method='ddsp-inv')` loads it.
"""

from __future__ import annotations

from ddsp.training.inverse_pitch.confidence import Confidence, calibrate
from ddsp.training.inverse_pitch.estimator import InverseEstimator
from ddsp.training.inverse_pitch.weights import (
    load_confidence,
    load_weights,
    save_weights,
)

__all__ = [
    'Confidence',
    'InverseEstimator',
    'calibrate',
    'load_confidence',
    'load_weights',
    'save_weights',
]
