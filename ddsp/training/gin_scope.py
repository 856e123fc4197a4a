"""A gin configuration for a while, after which the one before is back."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import gin

# There is one configuration, for all threads.
_LOCK = threading.RLock()


@contextlib.contextmanager
def own_configuration() -> Iterator[None]:
    """Within the context gin begins with nothing and may be changed.

    What it held before is put back at the end, so that what runs inside a notebook
    leaves the notebook's own configuration alone: the bindings, those that were used so
    far, and what `gin.singleton` made.
    """
    with _LOCK:
        # A text of it would leave out what has no text, such as a layer.
        bindings, used = _copy(gin.config._CONFIG), _copy(gin.config._OPERATIVE_CONFIG)
        imports, made = set(gin.config._IMPORTS), dict(gin.config._SINGLETONS)
        try:
            with gin.unlock_config():
                gin.clear_config()
                yield
        finally:
            with gin.unlock_config():
                gin.clear_config()
                gin.config._CONFIG.update(bindings)
                gin.config._OPERATIVE_CONFIG.update(used)
                gin.config._IMPORTS.update(imports)
                gin.config._SINGLETONS.update(made)


def _copy(bindings: Mapping[Any, Mapping[str, Any]]) -> dict[Any, dict[str, Any]]:
    return {key: dict(values) for key, values in bindings.items()}
