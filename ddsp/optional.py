"""Packages that only some users have, loaded where they are used."""

from __future__ import annotations

import importlib
from typing import Any


def import_optional(package: str, what: str, install: str = 'ddsp[train]') -> Any:
    """Imports a package that only some users have.

    Parameters
    ----------
    package : name of the module, such as `'mir_eval.melody'`.
    what : what needs it, for the message.
    install : what `pip install` is told to bring it.

    Raises
    ------
    ImportError
        When it is missing; the message says what to install.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ImportError(
            f'{what} needs the package {package.split(".")[0]!r}, which cannot be '
            f"imported ({error}); run: pip install '{install}'"
        ) from error
