"""Estimators of fundamental frequency (f0), behind one small interface.

`estimate_f0` is all that most programs need. An estimator is a class with one method;
`register_estimator` makes yours known by name beside those that come with the library:
`'swift-f0'`, `'pyin'` and `'crepe'`. The packages they stand on load when used.
"""

from __future__ import annotations

import importlib
from typing import Any

from ddsp.pitch.base import (
    PitchEstimator,
    get_estimator,
    known_methods,
    register_estimator,
)
from ddsp.pitch.estimate import estimate_f0

# Loaded on first use: they bring Keras, or packages of the extra `pitch`.
_LAZY = {
    'CrepeEstimator': 'crepe',
    'CrepeNetwork': 'crepe_network',
    'PitchStream': 'streaming',
    'PretrainedCREPE': 'crepe',
    'PyinEstimator': 'pyin',
    'SwiftF0Estimator': 'swift',
    'load_crepe_weights': 'crepe_weights',
    'reset_cache': 'crepe',
    'save_crepe_weights': 'crepe_weights',
}

__all__ = [
    'CrepeEstimator',
    'CrepeNetwork',
    'PitchEstimator',
    'PitchStream',
    'PretrainedCREPE',
    'PyinEstimator',
    'SwiftF0Estimator',
    'estimate_f0',
    'get_estimator',
    'known_methods',
    'load_crepe_weights',
    'register_estimator',
    'reset_cache',
    'save_crepe_weights',
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        room = importlib.import_module(f'ddsp.pitch.{_LAZY[name]}')
        return getattr(room, name)
    raise AttributeError(f"module 'ddsp.pitch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
