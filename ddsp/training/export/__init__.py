"""Trained models outside of Python: written, loaded back, and compared.

`export_instrument` does all of it; the modules beside are its parts.
"""

from __future__ import annotations

from ddsp.training.export.errors import ExportError
from ddsp.training.export.run import FORMATS, Exported, export_instrument

__all__ = ['FORMATS', 'ExportError', 'Exported', 'export_instrument']
