"""Examples of TensorFlow Datasets."""

from __future__ import annotations

from typing import Any

import gin
import tensorflow as tf

from ddsp.training.data.base import DataProvider
from ddsp.training.optional import import_optional


class TfdsProvider(DataProvider):
    """A dataset of TensorFlow Datasets, as it stands there.

    Parameters
    ----------
    name : of the dataset, with configuration and version.
    split : of the dataset, such as `'train'`.
    data_dir : where it is, on this machine or in a bucket.
    sample_rate : of the audio, in Hz.
    frame_rate : of the controls, in Hz.
    """

    def __init__(
        self, name: str, split: str, data_dir: str, sample_rate: int, frame_rate: int
    ) -> None:
        super().__init__(sample_rate, frame_rate)
        self._name = name
        self._split = split
        self._data_dir = data_dir

    def get_dataset(self, shuffle: bool = True) -> tf.data.Dataset:
        """One pass over the examples.

        Raises
        ------
        ImportError
            When tensorflow_datasets is missing.
        """
        return self._tfds().load(
            self._name,
            split=self._split,
            data_dir=self._data_dir,
            shuffle_files=shuffle,
            download=False,
        )

    @property
    def num_examples(self) -> int | None:
        """Examples of one pass."""
        builder = self._tfds().builder(self._name, data_dir=self._data_dir)
        return builder.info.splits[self._split].num_examples

    def _tfds(self) -> Any:
        name = type(self).__name__
        return import_optional('tensorflow_datasets', name, 'tensorflow-datasets')

    def _where(self) -> str:
        return f'{self._name}, split {self._split}'


@gin.register(module='ddsp.training.data')
class NSynthTfds(TfdsProvider):
    """Notes of the NSynth dataset (Engel et al. 2017), with f0 and loudness.

    Parameters
    ----------
    name : of the dataset, with configuration and version.
    split : such as `'train'`, `'valid'` or `'test'`.
    data_dir : where it is.
    sample_rate : of the audio, in Hz.
    frame_rate : of f0 and loudness, in Hz.
    include_note_labels : whether examples also have `pitch` and the number of the
        `instrument`, of its `instrument_family` and `instrument_source`.
    """

    def __init__(
        self,
        name: str = 'nsynth/gansynth_subset.f0_and_loudness:2.3.0',
        split: str = 'train',
        data_dir: str = 'gs://tfds-data/datasets',
        sample_rate: int = 16000,
        frame_rate: int = 250,
        include_note_labels: bool = True,
    ) -> None:
        super().__init__(name, split, data_dir, sample_rate, frame_rate)
        self._include_note_labels = include_note_labels

    def get_dataset(self, shuffle: bool = True) -> tf.data.Dataset:
        """One pass over the notes."""
        return super().get_dataset(shuffle).map(self._flatten, tf.data.AUTOTUNE)

    def _flatten(self, note: dict[str, Any]) -> dict[str, tf.Tensor]:
        example = {
            'audio': note['audio'],
            'f0_hz': note['f0']['hz'],
            'f0_confidence': note['f0']['confidence'],
            'loudness_db': note['loudness']['db'],
        }
        if self._include_note_labels:
            instrument = note['instrument']
            example['pitch'] = note['pitch']
            example['instrument'] = instrument['label']
            example['instrument_family'] = instrument['family']
            example['instrument_source'] = instrument['source']
        return example
