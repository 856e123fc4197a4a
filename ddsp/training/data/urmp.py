"""The URMP dataset (Li et al. 2018): classical pieces, each instrument on its own."""

from __future__ import annotations

import os

import gin
import tensorflow as tf

from ddsp.training.data.tfrecord import LegacyTFRecordProvider, floats

_PITCHES = 128
_ROLLS = (
    'note_active_velocities',
    'note_active_frame_indices',
    'note_onsets',
    'note_offsets',
)
# The order is that of `instrument_id` in models that were trained with it.
INSTRUMENTS = (
    'vn',
    'va',
    'vc',
    'db',
    'fl',
    'ob',
    'cl',
    'sax',
    'bn',
    'tpt',
    'hn',
    'tbn',
    'tba',
)


@gin.register(module='ddsp.training.data')
class Urmp(LegacyTFRecordProvider):
    """Recordings of one instrument, or of all.

    Parameters
    ----------
    base_dir : folder of the record files.
    instrument_key : short name of an instrument, see `INSTRUMENTS`, or `'all'`.
    split : `'train'` or `'test'`.
    suffix : what else file names end with, such as `'batched'` or `'unbatched'`.
    """

    def __init__(
        self,
        base_dir: str,
        instrument_key: str = 'tpt',
        split: str = 'train',
        suffix: str | None = None,
    ) -> None:
        self.base_dir = base_dir
        self.instrument_key = instrument_key
        self.split = split
        self.suffix = suffix
        super().__init__()

    @property
    def default_file_pattern(self) -> str:
        """Where the records of this instrument and split are."""
        words = ['urmp', self.instrument_key, 'solo_ddsp_conditioning', self.split]
        words += [self.suffix] if self.suffix else []
        return os.path.join(self.base_dir, '_'.join(words) + '.tfrecord*')

    @property
    def _setting(self) -> str:
        name = self._gin_name
        parts = f'{name}.base_dir, instrument_key, split and suffix'
        return f'{parts}, which make up this pattern'


@gin.register(module='ddsp.training.data')
class UrmpMidi(Urmp):
    """The same with the notes that were played.

    Piano rolls are `[frames, 128]`; `midi` is the number of the note that sounds,
    `[frames, 1]`, 0 where there is none; `instrument_id` a number, of the order of
    `INSTRUMENTS`, -1 for another.
    """

    @property
    def features_dict(self) -> dict[str, tf.io.FixedLenFeature]:
        """Name, shape and type of each feature in a record."""
        n_frames = self._feature_length
        return {
            **super().features_dict,
            'power_db': floats(n_frames),
            **{name: floats(n_frames * _PITCHES) for name in _ROLLS},
            'instrument_id': tf.io.FixedLenFeature([], tf.string),
            'recording_id': tf.io.FixedLenFeature([], tf.string),
        }

    def _example(self, number: tf.Tensor) -> dict[str, tf.Tensor]:
        return with_notes(super()._example(number))


@gin.register(module='ddsp.training.data')
class UrmpMidiUnsegmented(UrmpMidi):
    """Whole pieces, of any length; they go in batches of one."""

    _stackable = False

    @property
    def features_dict(self) -> dict[str, tf.io.FixedLenSequenceFeature]:
        """Name, shape and type of each feature in a record."""
        any_length = tf.io.FixedLenSequenceFeature([], tf.float32, allow_missing=True)
        return {
            name: feature if feature.dtype == tf.string else any_length
            for name, feature in super().features_dict.items()
        }


def with_notes(example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Gives rolls their shape, instruments their number, frames their note."""
    example = dict(example)
    for name in _ROLLS:
        example[name] = tf.reshape(example[name], [-1, _PITCHES])
    velocities = example['note_active_velocities']
    # With nothing played all are 0 and the first, note 0, is the largest.
    note = tf.argmax(velocities, axis=-1)[:, tf.newaxis]
    example['midi'] = tf.cast(note, tf.float32)
    same = tf.equal(tf.constant(INSTRUMENTS), example['instrument_id'])
    found = tf.where(tf.reduce_any(same), tf.argmax(tf.cast(same, tf.int32)), -1)
    example['instrument_id'] = found
    return example
