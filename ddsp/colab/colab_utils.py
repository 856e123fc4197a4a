"""Everything for notebooks under one name: to record, hear, see and keep sound.

It imports without IPython and outside of any notebook; what needs a browser says so
when it is called.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ddsp.colab.conversion import (
    as_samples,
    audio_bytes_to_np,
    audio_to_wav,
    normalize_peak,
)
from ddsp.colab.recording import record, upload
from ddsp.colab.showing import download, listen, play, plot_controls, show_figure
from ddsp.colab.surroundings import sized, surroundings, working_folder
from ddsp.spectral_ops import CREPE_SAMPLE_RATE
from ddsp.training.plotting import specplot
from ddsp.training.postprocessing import compute_dataset_statistics
from ddsp.training.transfer.tuning import auto_tune, get_tuning_factor

DEFAULT_SAMPLE_RATE = CREPE_SAMPLE_RATE

__all__ = [
    'DEFAULT_SAMPLE_RATE',
    'as_samples',
    'audio_bytes_to_np',
    'audio_to_wav',
    'auto_tune',
    'download',
    'get_tuning_factor',
    'listen',
    'normalize_peak',
    'play',
    'plot_controls',
    'record',
    'save_dataset_statistics',
    'show_figure',
    'sized',
    'specplot',
    'surroundings',
    'upload',
    'working_folder',
]


def save_dataset_statistics(
    data_provider: Any,
    file_path: str | os.PathLike[str] | None = None,
    batch_size: int = 1,
    power_frame_size: int = 256,
) -> dict[str, Any]:
    """Measures the pitch and loudness of a dataset, and keeps them as JSON.

    Timbre transfer brings melodies to where a model was trained by them. No pickle is
    written: in place of a name that ends in `.pkl`, as older notebooks give it, the
    file is named `.json`.

    Parameters
    ----------
    data_provider : a `ddsp.training.data.DataProvider`; all its examples are read once.
    file_path : where to write; beside a checkpoint it is `dataset_statistics.json` that
        `load_instrument` reads. None writes nothing.
    batch_size : examples read at once.
    power_frame_size : samples over which power is measured.

    Returns
    -------
    The statistics, see `ddsp.training.postprocessing.compute_dataset_statistics`.

    Raises
    ------
    ValueError
        When there are no examples, or some lack what is needed.
    """
    statistics = compute_dataset_statistics(data_provider, batch_size, power_frame_size)
    if file_path is not None:
        path = Path(file_path)
        if path.suffix == '.pkl':
            path = path.with_suffix('.json')
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(statistics, indent=2), encoding='utf-8')
        print(f'The statistics of {statistics["n_examples"]} examples are in {path}.')
    return statistics
