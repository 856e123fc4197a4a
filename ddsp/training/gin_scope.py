"""A gin configuration for a while, after which the one before is back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import gin


@contextlib.contextmanager
def own_configuration() -> Iterator[None]:
    """Within the context gin begins with nothing and may be changed.

    What it held before is put back at the end, so that what runs inside a notebook
    leaves the notebook's own configuration alone.
    """
    before = gin.config_str()
    try:
        with gin.unlock_config():
            gin.clear_config()
            yield
    finally:
        with gin.unlock_config():
            gin.clear_config()
            gin.parse_config(before)
