"""Examples of TensorFlow Datasets."""

from __future__ import annotations

import functools
import importlib
from typing import Any

import gin
import tensorflow as tf

from ddsp.optional import import_optional
from ddsp.training.data.base import DataProvider


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
        FileNotFoundError
            When the dataset, or this split of it, is not in `data_dir`.
        """
        return self._builder.as_dataset(split=self._split, shuffle_files=shuffle)

    @property
    def num_examples(self) -> int | None:
        """Examples of one pass.

        Raises
        ------
        ImportError
            When tensorflow_datasets is missing.
        FileNotFoundError
            When the dataset, or this split of it, is not in `data_dir`.
        """
        return self._builder.info.splits[self._split].num_examples

    @functools.cached_property
    def _builder(self) -> Any:
        """Reads what is there, once: that takes several trips to a bucket.

        It downloads nothing: that takes hours.
        """
        owner = type(self).__name__
        tfds = _load(owner)
        try:
            builder = tfds.builder(self._name, data_dir=self._data_dir)
            splits = builder.info.splits
        except (ValueError, AssertionError, tf.errors.OpError) as error:
            raise FileNotFoundError(self._not_there(str(error))) from error
        if not splits:
            raise FileNotFoundError(self._not_there('There is nothing of it.'))
        try:
            splits[self._split]
        except (KeyError, ValueError) as error:
            raise FileNotFoundError(
                f'{self._name} in {self._data_dir} has no split {self._split!r}, '
                f'expected one of {", ".join(sorted(splits))}: set {owner}.split.'
            ) from error
        return builder

    def _not_there(self, why: str) -> str:
        """A message about a dataset that cannot be read, with what can be done."""
        owner = type(self).__name__
        why = why.splitlines()[0].rstrip('.') + '.'
        name = self._name.partition(':')[0]
        versions = _folders(f'{self._data_dir}/{name}')
        if versions:
            choice = ' or '.join(f'{name}:{version}' for version in versions)
            advice = f'That folder has {choice}: set {owner}.name.'
        else:
            advice = (
                f'Copy it there, prepare it with `tfds build`, or set {owner}.data_dir '
                f'to the folder that holds {name}.'
            )
        return f'{self._name} cannot be read in {self._data_dir}. {why} {advice}'

    def _where(self) -> str:
        return f'{self._name}, split {self._split}'


def _load(owner: str) -> Any:
    """Imports tensorflow_datasets.

    Raises
    ------
    ImportError
        When it is missing, or does not go with the installed protobuf: then it comes
        without its contents, and has only logged why.
    """
    tfds = import_optional('tensorflow_datasets', owner, 'ddsp[tfds]')
    try:
        importlib.import_module('tensorflow_datasets.core')
    except ImportError as error:
        raise ImportError(
            f'{owner}: tensorflow_datasets cannot be loaded ({error}). With TensorFlow '
            "2.16 and 2.17 it needs: pip install 'tensorflow-metadata<1.18'"
        ) from error
    return tfds


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


def _folders(directory: str) -> list[str]:
    """Names of the folders in a directory; none when it cannot be listed."""
    try:
        names = tf.io.gfile.listdir(directory)
    except tf.errors.OpError:
        return []
    return sorted(name.rstrip('/') for name in names)
