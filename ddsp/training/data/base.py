"""What every source of examples offers."""

from __future__ import annotations

import abc
import copy
from typing import Any

import gin
import numpy as np
import tensorflow as tf

from ddsp.training.data.stream_plan import StreamPlan

# Examples that a source without an index of its own keeps for shuffling.
_SHUFFLE_BUFFER = 512
# Between the seeds of two orders: so many passes have orders of their own.
_SEEDS_APART = 1_000_003


class DataProvider(abc.ABC):
    """A source of examples: dictionaries of tensors, alone or in batches.

    Subclasses write `get_dataset`.

    Parameters
    ----------
    sample_rate : of the audio, in Hz.
    frame_rate : of f0, loudness and other controls, in Hz.
    """

    # Whether examples have the same shapes, so that there are batches of several.
    _stackable = True

    def __init__(self, sample_rate: int, frame_rate: int) -> None:
        self._sample_rate = sample_rate
        self._frame_rate = frame_rate
        self._shard = (1, 0)

    @property
    def sample_rate(self) -> int:
        """Samples per second of the audio."""
        return self._sample_rate

    @property
    def frame_rate(self) -> int:
        """Frames per second of the controls."""
        return self._frame_rate

    @property
    def num_examples(self) -> int | None:
        """Examples of one pass, of all shards together; None where nobody knows."""
        return None

    @abc.abstractmethod
    def get_dataset(self, shuffle: bool) -> tf.data.Dataset:
        """One pass over the examples.

        Parameters
        ----------
        shuffle : whether their order is left to chance.

        Returns
        -------
        A dataset of dictionaries of features, one for each example.
        """

    def shard(self, num_shards: int, index: int) -> DataProvider:
        """Gives a provider whose batches are of a part of the examples: every n-th.

        The parts that workers read together are what one worker would read alone, batch
        by batch, if the batch sizes of the parts add up to its own. A part of a part is
        every n-th of its examples.

        Parameters
        ----------
        num_shards : number of parts.
        index : which of them, from 0.

        Returns
        -------
        A provider of the same data.

        Raises
        ------
        ValueError
            When there is no such part.
        """
        if not 0 <= index < num_shards:
            raise ValueError(
                f'shard: index is {index}, expected from 0 to {num_shards - 1} for '
                f'{num_shards} shards.'
            )
        shard = copy.copy(self)
        whole, own = self._shard
        shard._shard = (whole * num_shards, own + whole * index)
        return shard

    def get_batch(
        self,
        batch_size: int,
        shuffle: bool = True,
        repeats: int = -1,
        drop_remainder: bool = True,
        seed: int | None = None,
        skip_batches: int = 0,
        input_context: tf.distribute.InputContext | None = None,
    ) -> tf.data.Dataset:
        """Batches of examples, read ahead of their use.

        Batches go on over the end of a pass: with repeats, no example is dropped.

        Parameters
        ----------
        batch_size : examples in a batch; with an `input_context`, of all workers
            together.
        shuffle : whether their order is left to chance, anew in each pass.
        repeats : number of passes; -1 goes on for ever.
        drop_remainder : leave out a last batch that is not full.
        seed : the same seed gives the same order. Without one, the order comes from
            NumPy's global generator; several workers then share the order of seed 0.
        skip_batches : go on where a run with the same arguments is after so many
            batches.
        input_context : as `tf.distribute.Strategy.distribute_datasets_from_function`
            gives it; this worker then reads its own part only, of a shard a part of
            that.

        Returns
        -------
        A dataset of dictionaries of features, `[batch, ...]` each.

        Raises
        ------
        ValueError
            When not even one batch can be filled, or when passes that go on for ever
            have fewer examples each than a batch.
        """
        self._check_arguments(batch_size, repeats, skip_batches)
        num_shards, index = self._shard
        own_size, whole_size = batch_size, batch_size * num_shards
        if input_context is not None:
            index += num_shards * input_context.input_pipeline_id
            num_shards *= input_context.num_input_pipelines
            own_size = input_context.get_per_replica_batch_size(batch_size)
        self._check_stackable(own_size)
        if drop_remainder:
            self._check_filled(batch_size, repeats)
        plan = StreamPlan(
            shuffle,
            repeats,
            self._seed_without_one(input_context) if seed is None else seed,
            first=skip_batches * whole_size,
            multiple=whole_size if drop_remainder else 1,
            shard=(num_shards, index),
        )
        dataset = self._stream(plan)
        dataset = dataset.batch(own_size, drop_remainder=drop_remainder)
        return dataset.prefetch(tf.data.AUTOTUNE).with_options(_options())

    def _check_arguments(
        self, batch_size: int, repeats: int, skip_batches: int
    ) -> None:
        if batch_size < 1:
            raise ValueError(f'batch_size is {batch_size}, expected at least 1.')
        if repeats == 0 or repeats < -1:
            raise ValueError(
                f'repeats is {repeats}, expected a number of passes, or -1 for ever.'
            )
        if skip_batches < 0:
            raise ValueError(f'skip_batches is {skip_batches}, expected 0 or more.')
        if self._endless and repeats != -1:
            raise ValueError(
                f'repeats is {repeats}, but the examples of {type(self).__name__} '
                'never end: set repeats = -1 and take as many batches as are wanted. '
                'Where passes are needed, such as for statistics, write notes with '
                'ddsp_generate_synthetic_dataset and read them by SyntheticNotes.'
            )

    def _check_filled(self, batch_size: int, repeats: int) -> None:
        """Refuses batches of which not even one is full."""
        shortage = self._shortage(batch_size, repeats)
        if shortage is None:
            return
        advice = 'make more examples with a smaller --hop_secs or more recordings.'
        enough = self._enough(batch_size, repeats)
        if enough:
            name = 'batch_size (in gin, such as train.batch_size)'
            advice = f'take a {name} of {enough}, or {advice}'
        raise ValueError(f'batch_size {shortage}: {advice}')

    def _shortage(self, batch_size: int, repeats: int) -> str | None:
        """Why a batch cannot be filled, beginning with its size; None if it can be."""
        most, shards = self._most(repeats), self._shard[0]
        if most is None or batch_size <= most:
            return None
        size = f'{batch_size}'
        if shards > 1:
            size += f' ({batch_size * shards} for {shards} shards together)'
        passes = f'{repeats} passes over ' if repeats > 1 else ''
        return (
            f'{size} is larger than {passes}the dataset of {self._where()}, which has '
            f'{self.num_examples} examples'
        )

    def _enough(self, batch_size: int, repeats: int) -> str | None:
        """Which smaller batches can be filled, in words; None if there are none."""
        del batch_size  # Here any will do that is small enough.
        most = self._most(repeats)
        return f'at most {most}' if most else None

    def _most(self, repeats: int) -> int | None:
        """Examples for a batch; None where nobody knows."""
        count = self.num_examples
        if count is None:
            return None
        # Passes that go on for ever would fill any batch, but one that is larger than
        # the dataset has some of its examples twice.
        return count * max(repeats, 1) // self._shard[0]

    def _check_stackable(self, own_size: int) -> None:
        if own_size > 1 and not self._stackable:
            raise ValueError(
                f'batch_size is {own_size}, but examples of {type(self).__name__} are '
                'of any length, so that there is no batch of several: set batch_size = '
                '1 (in gin, such as train.batch_size).'
            )

    def _seed_without_one(
        self, input_context: tf.distribute.InputContext | None
    ) -> int:
        """The seed where none was given; workers need one that all of them know."""
        return 0 if self._workers(input_context) > 1 else random_seed()

    def _workers(self, input_context: tf.distribute.InputContext | None) -> int:
        """How many share the examples."""
        workers = 1 if input_context is None else input_context.num_input_pipelines
        return workers * self._shard[0]

    @property
    def _endless(self) -> bool:
        """Whether examples never end, so that there are no passes."""
        return False

    def _stream(self, plan: StreamPlan) -> tf.data.Dataset:
        """The examples that are planned."""
        source = self.get_dataset(False)
        # Not `num_examples`: a subclass may leave examples out of the dataset.
        count = known_cardinality(source)
        if count:
            dataset = _passes(source, count, plan)
        else:
            # Ours rather than the source's shuffling, which knows nothing of seeds.
            mixed = (
                source.shuffle(_SHUFFLE_BUFFER, seed=plan.seed)
                if plan.shuffle
                else source
            )
            dataset = mixed.repeat(plan.repeats).skip(plan.first)
        return plan.cut(dataset, self.num_examples)

    def _where(self) -> str:
        """What errors call this source."""
        return type(self).__name__


def _passes(source: tf.data.Dataset, count: int, plan: StreamPlan) -> tf.data.Dataset:
    """All passes over `count` examples from the first that is planned on.

    Passes that are skipped whole are not read: a run that goes on after many of them
    would wait for hours.
    """
    buffer = min(count, _SHUFFLE_BUFFER)

    def one_pass(number: tf.Tensor) -> tf.data.Dataset:
        if not plan.shuffle:
            return source
        # Of this function's own graph: seeds that are tensors fail beside a global 0.
        tf.random.set_seed(1)
        return source.shuffle(buffer, seed=plan.seed * _SEEDS_APART + number)

    passes = tf.data.Dataset.range(plan.first // count, plan.last_epoch)
    return passes.flat_map(one_pass).skip(plan.first % count)


def random_seed() -> int:
    """A seed from the global generator, which `keras.utils.set_random_seed` sets."""
    return int(np.random.randint(2**30))  # noqa: NPY002


def _options() -> tf.data.Options:
    options = tf.data.Options()
    options.deterministic = True
    # Workers that are given the whole stream divide it among them by examples: there
    # need not be as many files as workers.
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    return options


@gin.register(module='ddsp.training.data')
class ExperimentalDataProvider(DataProvider):
    """Examples that `tf.data.Dataset.save` has written.

    Parameters
    ----------
    data_dir : the folder that was saved to.
    sample_rate : of the audio, in Hz.
    frame_rate : of the controls, in Hz.
    """

    def __init__(self, data_dir: str, sample_rate: int, frame_rate: int) -> None:
        super().__init__(sample_rate, frame_rate)
        self.data_dir = data_dir

    def get_dataset(self, shuffle: bool = True) -> tf.data.Dataset:
        """One pass over the examples.

        Raises
        ------
        FileNotFoundError
            When nothing was saved there.
        """
        if not tf.io.gfile.exists(f'{self.data_dir}/dataset_spec.pb'):
            raise FileNotFoundError(
                f'{self.data_dir} holds no dataset that tf.data.Dataset.save has '
                'written; set ExperimentalDataProvider.data_dir.'
            )
        dataset = tf.data.Dataset.load(self.data_dir)
        return dataset.shuffle(_SHUFFLE_BUFFER) if shuffle else dataset

    @property
    def num_examples(self) -> int | None:
        """Examples of one pass."""
        return known_cardinality(self.get_dataset(False))

    def _where(self) -> str:
        return str(self.data_dir)


def known_cardinality(dataset: tf.data.Dataset) -> int | None:
    """How many elements a dataset has; None when that is unknown or infinite."""
    count = int(dataset.cardinality())
    return count if count >= 0 else None


def describe(value: Any) -> str:
    """A number as people write it: without needless digits."""
    return f'{value:g}' if isinstance(value, float) else str(value)
