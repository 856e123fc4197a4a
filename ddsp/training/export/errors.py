"""What goes wrong when a model leaves Python."""

from __future__ import annotations

from collections.abc import Iterable


class ExportError(ValueError):
    """A model that a format cannot hold, or that came out as another one."""


def cannot_hold(format: str, operations: Iterable[str], told: str = '') -> ExportError:
    """The error of a format that lacks operations.

    Parameters
    ----------
    format : for people.
    operations : that it lacks, as far as they are known.
    told : what the converter said, for when they are not.
    """
    names = ', '.join(sorted(set(operations)))
    why = f'it has no {names}' if names else f'its converter says: {told}'
    return ExportError(
        f'{format} cannot hold this model: {why}. SavedModel holds every model '
        '(--format savedmodel).'
    )
