"""Records and other sources of examples that models train on."""

from __future__ import annotations

from ddsp.training.data.base import DataProvider, ExperimentalDataProvider
from ddsp.training.data.generated import GeneratedNotes
from ddsp.training.data.multi import BaseMultiProvider, MixedProvider, ZippedProvider
from ddsp.training.data.synthetic import SyntheticNotes
from ddsp.training.data.tfds import NSynthTfds, TfdsProvider
from ddsp.training.data.tfrecord import LegacyTFRecordProvider, TFRecordProvider
from ddsp.training.data.urmp import Urmp, UrmpMidi, UrmpMidiUnsegmented

__all__ = [
    'BaseMultiProvider',
    'DataProvider',
    'ExperimentalDataProvider',
    'GeneratedNotes',
    'LegacyTFRecordProvider',
    'MixedProvider',
    'NSynthTfds',
    'SyntheticNotes',
    'TFRecordProvider',
    'TfdsProvider',
    'Urmp',
    'UrmpMidi',
    'UrmpMidiUnsegmented',
    'ZippedProvider',
]
