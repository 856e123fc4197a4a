"""Learning one recording: what `ddsp fit` does.

`fit_recording` is all of it. Needs `pip install 'ddsp[train]'`.
"""

from __future__ import annotations

from ddsp.training.fit.decoder import FitDecoder
from ddsp.training.fit.features import Features, extract_features
from ddsp.training.fit.model import FitModel
from ddsp.training.fit.render import render
from ddsp.training.fit.run import fit_recording
from ddsp.training.fit.settings import FitSettings, gin_settings

__all__ = [
    'Features',
    'FitDecoder',
    'FitModel',
    'FitSettings',
    'extract_features',
    'fit_recording',
    'gin_settings',
    'render',
]
