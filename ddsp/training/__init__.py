"""Models that learn from recordings: what is trained, on what, and how.

Each part loads on first use: some need what `pip install 'ddsp[train]'` brings.
"""

from __future__ import annotations

import importlib
from typing import Any

_LAZY = ('fit',)

__all__ = ['fit']


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f'ddsp.training.{name}')
    raise AttributeError(f"module 'ddsp.training' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_LAZY))
