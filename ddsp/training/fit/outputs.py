"""What a fit writes into its directory, and so may replace."""

from __future__ import annotations

from pathlib import Path

_OUTPUTS = frozenset(
    {
        'original.wav',
        'resynthesis.wav',
        'transposed.wav',
        'impulse_response.wav',
        'model.weights.h5',
        'operative_config.gin',
        'metrics.json',
        'report.html',
    }
)


def foreign(out_dir: Path) -> str | None:
    """Says what is in a directory that is not a fit's; None where all of it is."""
    others = sorted({path.name for path in out_dir.iterdir()} - _OUTPUTS)
    return f'what no fit has written, such as {others[0]}' if others else None
