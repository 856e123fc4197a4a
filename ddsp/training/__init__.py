"""Models that learn from recordings: what is trained, on what, and how.

Importing it makes everything known to gin, as `.gin` files expect that say
`import ddsp.training`. What needs the packages of `pip install 'ddsp[train]'` loads
them on first use.
"""

from __future__ import annotations

import importlib
from typing import Any

from ddsp.training import (
    checkpoints,
    cloud,
    data,
    decoders,
    encoders,
    eval_util,
    evaluators,
    heuristics,
    metrics,
    models,
    nn,
    plotting,
    postprocessing,
    preprocessing,
    summaries,
    train_util,
    trainers,
)

_LAZY = (
    'data_preparation',
    'ddsp_export',
    'ddsp_run',
    'export',
    'fit',
    'inference',
    'instrument',
    'serve',
    'transfer',
)
# Functions of these rooms that are for everybody.
_LAZY_FUNCTIONS = {'load_instrument': 'transfer', 'list_instruments': 'transfer'}

__all__ = [
    'checkpoints',
    'cloud',
    'data',
    'data_preparation',
    'ddsp_export',
    'ddsp_run',
    'decoders',
    'encoders',
    'eval_util',
    'evaluators',
    'export',
    'fit',
    'heuristics',
    'inference',
    'instrument',
    'list_instruments',
    'load_instrument',
    'metrics',
    'models',
    'nn',
    'plotting',
    'postprocessing',
    'preprocessing',
    'serve',
    'summaries',
    'train_util',
    'trainers',
    'transfer',
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f'ddsp.training.{name}')
    if name in _LAZY_FUNCTIONS:
        room = importlib.import_module(f'ddsp.training.{_LAZY_FUNCTIONS[name]}')
        return getattr(room, name)
    raise AttributeError(f"module 'ddsp.training' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | {*_LAZY, *_LAZY_FUNCTIONS})
