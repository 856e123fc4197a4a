"""A gin configuration for a while, after which the one before is back."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import gin

# There is one configuration, for all threads.
_LOCK = threading.RLock()


@contextlib.contextmanager
def own_configuration() -> Iterator[None]:
    """Within the context gin begins with nothing and may be changed.

    What it held before is put back at the end, so that what runs inside a notebook
    leaves the notebook's own configuration alone.
    """
    with _LOCK:
        # A text of it would leave out what has no text, such as a layer.
        before = {key: dict(values) for key, values in gin.config._CONFIG.items()}
        imports = set(gin.config._IMPORTS)
        try:
            with gin.unlock_config():
                gin.clear_config()
                yield
        finally:
            with gin.unlock_config():
                gin.clear_config()
                gin.config._CONFIG.update(before)
                gin.config._IMPORTS.update(imports)
