"""What an export writes into its directory, and so may replace."""

from __future__ import annotations

import json
from pathlib import Path

from ddsp.training.export import metadata


def foreign(out_dir: Path) -> str | None:
    """Says so when a directory holds no export; None where it does."""
    return None if _is_export(out_dir) else 'what no export has written'


def _is_export(out_dir: Path) -> bool:
    try:
        told = json.loads((out_dir / metadata.FILE_NAME).read_text('utf-8'))
    except (OSError, ValueError):
        return False
    return isinstance(told, dict) and 'ddsp_version' in told and 'files' in told
