"""Losses that are taken of several things in one model."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


class Renamed:
    """A loss whose name begins with what it is a loss of.

    Parameters
    ----------
    loss : a `ddsp.losses.Loss`.
    prefix : stands before its name; empty leaves it.
    """

    def __init__(self, loss: Any, prefix: str) -> None:
        self._loss, self._prefix = loss, prefix

    def get_losses_dict(self, *args: Any, **kwargs: Any) -> dict[str, tf.Tensor]:
        """Gives `{PREFIX_NAME: scalar}`, see `Loss.get_losses_dict`."""
        found = self._loss.get_losses_dict(*args, **kwargs)
        prefix = f'{self._prefix}_' if self._prefix else ''
        return {prefix + name: value for name, value in found.items()}
