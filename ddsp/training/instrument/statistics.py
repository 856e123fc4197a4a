"""What pitch and loudness a model was trained on, kept beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ddsp.training import postprocessing
from ddsp.training.data import dataset_info

#: Name of the file beside a model.
FILE_NAME = 'dataset_statistics.json'
#: Examples that are measured at once.
BATCH = 16


def write_statistics(directory: Path, provider: Any) -> None:
    """Measures a dataset, unless it was, and writes `dataset_statistics.json`.

    Parameters
    ----------
    directory : of the model.
    provider : of the examples that it is trained on.
    """
    path = directory / FILE_NAME
    if not path.exists():
        statistics = postprocessing.compute_dataset_statistics(provider, BATCH)
        dataset_info.write_json(str(path), statistics)
