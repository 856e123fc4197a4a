"""From sound files to records that models train on.

`prepare_tfrecord_lib.prepare_tfrecord` does it in a program, `ddsp_prepare_tfrecord` is
the command. Reading recordings needs the extra `train`, which loads on use.
"""

from __future__ import annotations

import importlib
from typing import Any

_LAZY = (
    'ddsp_generate_synthetic_dataset',
    'ddsp_prepare_tfrecord',
    'prepare_tfrecord_lib',
    'synthetic_data',
)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f'{__name__}.{name}')
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_LAZY))
