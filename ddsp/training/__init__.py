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

_LAZY = ('data_preparation', 'ddsp_run', 'fit', 'instrument')

__all__ = [
    'checkpoints',
    'cloud',
    'data',
    'data_preparation',
    'ddsp_run',
    'decoders',
    'encoders',
    'eval_util',
    'evaluators',
    'fit',
    'instrument',
    'metrics',
    'models',
    'nn',
    'plotting',
    'postprocessing',
    'preprocessing',
    'summaries',
    'train_util',
    'trainers',
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f'ddsp.training.{name}')
    raise AttributeError(f"module 'ddsp.training' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_LAZY))
