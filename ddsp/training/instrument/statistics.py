"""What pitch and loudness a model was trained on, kept beside it."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from ddsp.training import postprocessing
from ddsp.training.data import DataProvider, dataset_info

#: Name of the file beside a model.
FILE_NAME = 'dataset_statistics.json'
#: Examples that are measured at once.
BATCH = 16
# Enough for quantiles. The frames of all examples that are measured are in memory.
_MOST_EXAMPLES = 2000
_SEED = 0


def write_statistics(directory: Path, provider: DataProvider) -> None:
    """Measures a dataset, unless it was, and writes `dataset_statistics.json`.

    Of a large dataset, a part is measured: examples from everywhere in it, the same
    ones each time.

    Parameters
    ----------
    directory : of the model.
    provider : of the examples that it is trained on.
    """
    path = directory / FILE_NAME
    if not path.exists():
        measured = _Part(provider) if _is_large(provider) else provider
        statistics = postprocessing.compute_dataset_statistics(measured, BATCH)
        dataset_info.write_json(str(path), statistics)


def _is_large(provider: DataProvider) -> bool:
    count = provider.num_examples
    return count is None or count > _MOST_EXAMPLES


class _Part(DataProvider):
    """Some examples of a dataset, from everywhere in it."""

    def __init__(self, whole: DataProvider) -> None:
        super().__init__(whole.sample_rate, whole.frame_rate)
        self._whole = whole

    def get_dataset(self, shuffle: bool) -> tf.data.Dataset:
        """See `DataProvider.get_dataset`; the order is left to chance in any case."""
        examples = self._whole.get_batch(1, shuffle=True, repeats=1, seed=_SEED)
        return examples.take(_MOST_EXAMPLES).unbatch()
