"""Differentiable digital signal processing as Keras layers.

Synthesizers, filters, reverbs and spectral losses that stand inside a neural network
and train with it. `ddsp.core` holds the functions, `ddsp.synths` and `ddsp.effects` the
layers, `ddsp.processors` the graphs of them, `ddsp.losses` what they are trained by.
"""

from __future__ import annotations

import importlib
from typing import Any

from ddsp import (
    core,
    dags,
    effects,
    losses,
    processors,
    spectral_ops,
    streaming,
    synths,
)

__version__ = '4.0.0'

# Loaded on first use: they bring packages that the core does not need.
_LAZY = ('pitch', 'training')

__all__ = [
    'core',
    'dags',
    'effects',
    'losses',
    'pitch',
    'processors',
    'spectral_ops',
    'streaming',
    'synths',
    'training',
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f'ddsp.{name}')
    raise AttributeError(f"module 'ddsp' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_LAZY))
