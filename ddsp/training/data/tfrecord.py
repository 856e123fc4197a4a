"""Examples out of TFRecord files."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import gin
import tensorflow as tf

from ddsp.training.data.base import DataProvider, random_seed
from ddsp.training.data.checks import check_info, check_records
from ddsp.training.data.record_files import RecordIndex, make_index
from ddsp.training.data.stream_plan import StreamPlan


@gin.register(module='ddsp.training.data')
class TFRecordProvider(DataProvider):
    """Examples that `ddsp_prepare_tfrecord` has written.

    Records are read at random places, so the order of each pass is a perfect shuffle, a
    run goes on anywhere without reading what it skips, and a worker reads no more than
    its part.

    Parameters
    ----------
    file_pattern : of record files, such as `'data/violin.tfrecord*'`, or a list.
    example_secs : length of an example.
    sample_rate : of the audio, in Hz.
    frame_rate : of f0 and loudness, in Hz.
    centered : whether examples have one frame more, at their end.
    """

    def __init__(
        self,
        file_pattern: str | list[str] | None = None,
        example_secs: float = 4,
        sample_rate: int = 16000,
        frame_rate: int = 250,
        centered: bool = False,
    ) -> None:
        super().__init__(sample_rate, frame_rate)
        self._file_pattern = file_pattern
        self._example_secs = example_secs
        self._centered = centered
        self._audio_length = round(example_secs * sample_rate)
        self._audio_16k_length = round(example_secs * 16000)
        self._feature_length = self.get_feature_length(centered)
        # Filled when records are first asked for: until then there need not be any.
        self._index: RecordIndex | None = None

    def get_feature_length(self, centered: bool) -> int:
        """Frames of an example.

        Parameters
        ----------
        centered : whether there is one more than fit its length.

        Returns
        -------
        Their number.
        """
        return round(self._example_secs * self._frame_rate) + int(centered)

    @property
    def default_file_pattern(self) -> str:
        """What stands in for a `file_pattern` that was not given.

        Raises
        ------
        ValueError
            Here: there is no such place.
        """
        raise ValueError(
            f'there are no records without a place: set {self._gin_name}.file_pattern, '
            "such as 'data/violin.tfrecord*'."
        )

    @property
    def file_pattern(self) -> str | list[str]:
        """Of the record files."""
        return self._file_pattern or self.default_file_pattern

    @property
    def features_dict(self) -> dict[str, tf.io.FixedLenFeature]:
        """Name, shape and type of each feature, as `tf.io.parse_example` wants them."""
        return {
            'audio': floats(self._audio_length),
            'audio_16k': floats(self._audio_16k_length),
            'f0_hz': floats(self._feature_length),
            'f0_confidence': floats(self._feature_length),
            'loudness_db': floats(self._feature_length),
        }

    @property
    def dataset_info(self) -> dict[str, Any] | None:
        """What `dataset.json` beside the records says; None where there is none.

        Raises
        ------
        FileNotFoundError
            When there are no files, or some are missing.
        ValueError
            When a file is damaged, or records are not what this provider was told.
        """
        return self._records().info

    @property
    def num_examples(self) -> int:
        """Examples of one pass.

        Raises
        ------
        FileNotFoundError
            When there are no files, or some are missing.
        ValueError
            When a file is damaged, or records are not what this provider was told.
        """
        return len(self._records())

    def get_dataset(self, shuffle: bool = True) -> tf.data.Dataset:
        """One pass over the examples.

        Parameters
        ----------
        shuffle : whether their order is left to chance.

        Raises
        ------
        FileNotFoundError
            When there are no files, or some are missing.
        ValueError
            When a file is damaged, or records are not what this provider was told.
        """
        seed = random_seed() if shuffle else 0
        return self._own_stream(StreamPlan(shuffle, seed=seed))

    def _stream(self, plan: StreamPlan) -> tf.data.Dataset:
        if type(self).get_dataset is not TFRecordProvider.get_dataset:
            # A subclass that does something with the examples: they must pass there.
            return super()._stream(plan)
        return self._own_stream(plan)

    def _own_stream(self, plan: StreamPlan) -> tf.data.Dataset:
        """See `DataProvider._stream`; here, what is skipped is not read."""
        count = self.num_examples
        order = functools.partial(
            _order, count=count, shuffle=plan.shuffle, seed=plan.seed
        )
        epochs = tf.data.Dataset.range(plan.first // count, plan.last_epoch)
        numbers = epochs.flat_map(
            lambda epoch: tf.data.Dataset.from_tensor_slices(order(epoch))
        ).skip(plan.first % count)
        if plan.repeats != -1:
            # What follows knows its length then, so that a subclass's dataset can go on
            # in the middle without reading what it skips.
            left = max(count * plan.repeats - plan.first, 0)
            numbers = numbers.apply(tf.data.experimental.assert_cardinality(left))
        return plan.cut(numbers, count).map(
            self._example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )

    def _example(self, number: tf.Tensor) -> dict[str, tf.Tensor]:
        serialized = tf.numpy_function(
            self._records().read_number, [number], tf.string, stateful=False
        )
        return tf.io.parse_single_example(
            tf.ensure_shape(serialized, []), self.features_dict
        )

    def _records(self) -> RecordIndex:
        """The index of all records, which are checked when it is made."""
        if self._index is None:
            index = make_index(self.file_pattern, self._setting)
            for info in index.infos:
                check_info(info, self._told(), self._gin_name, self._settable)
            check_records(
                index,
                self.features_dict,
                self._told(),
                self._gin_name,
                self._settable,
            )
            self._index = index
        return self._index

    def _told(self) -> dict[str, Any]:
        """What this provider was told of its records, by name of the parameter."""
        return {
            'sample_rate': self._sample_rate,
            'frame_rate': self._frame_rate,
            'example_secs': self._example_secs,
            'centered': self._centered,
        }

    @property
    def _gin_name(self) -> str:
        return type(self).__name__

    @property
    def _settable(self) -> set[str]:
        """Parameters that gin can set."""
        return set(inspect.signature(type(self)).parameters)

    @property
    def _setting(self) -> str:
        """What is to be set where there are no records, as gin calls it."""
        parameter = f'{self._gin_name}.file_pattern'
        return f"{parameter} to a pattern of records, such as 'data/violin.tfrecord*'"

    def _where(self) -> str:
        return str(self.file_pattern)


@gin.register(module='ddsp.training.data')
class LegacyTFRecordProvider(TFRecordProvider):
    """Records of the older form, without `audio_16k`."""

    @property
    def features_dict(self) -> dict[str, tf.io.FixedLenFeature]:
        """Name, shape and type of each feature."""
        features = super().features_dict
        del features['audio_16k']
        return features


def floats(*shape: int) -> tf.io.FixedLenFeature:
    """A feature of so many float32."""
    return tf.io.FixedLenFeature(shape, tf.float32)


def _order(epoch: tf.Tensor, count: int, shuffle: bool, seed: int) -> tf.Tensor:
    """Numbers of all records in the order of one pass, `[count]`."""
    numbers = tf.range(count, dtype=tf.int64)
    if not shuffle:
        return numbers
    return tf.random.experimental.stateless_shuffle(numbers, seed=[seed, epoch])
