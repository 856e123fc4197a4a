"""Several sources of examples as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gin
import numpy as np
import tensorflow as tf

from ddsp.training.data.base import DataProvider, random_seed
from ddsp.training.data.stream_plan import StreamPlan

# Choices that are drawn at once.
_BLOCK = 1024


@gin.register(module='ddsp.training.data')
class BaseMultiProvider(DataProvider):
    """Several providers of the same rates.

    Parameters
    ----------
    data_providers : the providers.
    batch_size_ratios : how many examples each gives, relative to the others: `(2, 1)`
        takes two of the first for one of the second. By default all give as many.

    Raises
    ------
    ValueError
        For no providers, other rates, or ratios that do not go with them.
    """

    def __init__(
        self,
        data_providers: Sequence[DataProvider],
        batch_size_ratios: Sequence[float] = (),
    ) -> None:
        name = type(self).__name__
        if not data_providers:
            raise ValueError(f'{name}.data_providers is empty, expected at least one.')
        for what in ('sample_rate', 'frame_rate'):
            rates = [getattr(provider, what) for provider in data_providers]
            if len(set(rates)) > 1:
                raise ValueError(
                    f'{name}: the {what} of its data_providers differs, they have '
                    f'{", ".join(str(rate) for rate in rates)}.'
                )
        ratios = tuple(batch_size_ratios) or (1.0,) * len(data_providers)
        if len(ratios) != len(data_providers) or not min(ratios) > 0:
            raise ValueError(
                f'{name}.batch_size_ratios is {ratios}, expected a number above 0 for '
                f'each of {len(data_providers)} data_providers.'
            )
        super().__init__(data_providers[0].sample_rate, data_providers[0].frame_rate)
        self._data_providers = list(data_providers)
        self._ratios = np.asarray(ratios, np.float64) / np.sum(ratios)

    def get_dataset(self, shuffle: bool = True) -> tf.data.Dataset:
        """One pass over the examples; subclasses say how they are put together."""
        raise NotImplementedError(
            f'{type(self).__name__} does not say how to put its providers together: '
            'use ZippedProvider or MixedProvider.'
        )

    def _workers(self, input_context: tf.distribute.InputContext | None) -> int:
        # Whoever took parts of the providers has workers that read the others.
        parts = [provider._workers(None) for provider in self._data_providers]
        return max(super()._workers(input_context), *parts)

    def _counts(self) -> list[int] | None:
        counts = [provider.num_examples for provider in self._data_providers]
        return None if None in counts else counts


@gin.register(module='ddsp.training.data')
class ZippedProvider(BaseMultiProvider):
    """Gives a tuple with a batch of each provider.

    The batch size is that of all together: `batch_size_ratios` say how it is divided.
    """

    def get_dataset(self, shuffle: bool = True) -> tf.data.Dataset:
        """Tuples of one example from each, until the first provider ends."""
        return tf.data.Dataset.zip(
            tuple(provider.get_dataset(shuffle) for provider in self._data_providers)
        )

    @property
    def num_examples(self) -> int | None:
        """Tuples of one pass."""
        counts = self._counts()
        return min(counts) if counts else None

    def shard(self, num_shards: int, index: int) -> ZippedProvider:
        """Gives a provider that reads a part of each provider's examples."""
        shard = super().shard(num_shards, index)
        shard._data_providers = [
            p.shard(num_shards, index) for p in self._data_providers
        ]
        return shard

    def get_batch(
        self,
        batch_size: int,
        shuffle: bool = True,
        repeats: int = -1,
        drop_remainder: bool = False,
        seed: int | None = None,
        skip_batches: int = 0,
        input_context: tf.distribute.InputContext | None = None,
    ) -> tf.data.Dataset:
        """Tuples of batches; arguments are those of `DataProvider.get_batch`.

        Unless told otherwise, a last batch that is not full is not left out.

        Raises
        ------
        ValueError
            When the batch has not one example for each provider, or, with
            `drop_remainder`, not even one can be filled.
        """
        self._check_arguments(batch_size, repeats, skip_batches)
        if drop_remainder:
            self._check_filled(batch_size, repeats)
        if seed is None:
            seed = self._seed_without_one(input_context)
        batches = [
            provider.get_batch(
                size,
                shuffle=shuffle,
                repeats=-1 if provider._endless else repeats,
                drop_remainder=drop_remainder,
                seed=seed + number,
                skip_batches=skip_batches,
                input_context=input_context,
            )
            for number, (provider, size) in enumerate(
                zip(self._data_providers, self.batch_sizes(batch_size))
            )
        ]
        return tf.data.Dataset.zip(tuple(batches))

    def batch_sizes(self, batch_size: int) -> list[int]:
        """Divides a batch among the providers, each of which gets at least one.

        Raises
        ------
        ValueError
            For fewer examples than providers.
        """
        if batch_size < len(self._data_providers):
            raise ValueError(
                f'batch_size is {batch_size}, expected at least one example for each '
                f'of {len(self._data_providers)} data_providers.'
            )
        shares = self._ratios * batch_size
        sizes = np.maximum(np.floor(shares).astype(int), 1)
        while sizes.sum() < batch_size:
            sizes[np.argmax(shares - sizes)] += 1
        while sizes.sum() > batch_size:
            sizes[np.argmax(np.where(sizes > 1, sizes - shares, -np.inf))] -= 1
        return sizes.tolist()

    def _shortage(self, batch_size: int, repeats: int) -> str | None:
        sizes = self.batch_sizes(batch_size)
        for provider, size in zip(self._data_providers, sizes):
            shortage = provider._shortage(size, repeats)
            if shortage is not None:
                return f'{batch_size}, of which {shortage}'
        return None

    def _enough(self, batch_size: int, repeats: int) -> str | None:
        # Tried out: how a batch is divided is a matter of rounding.
        for size in range(batch_size - 1, len(self._data_providers) - 1, -1):
            if self._shortage(size, repeats) is None:
                return str(size)
        return None

    @property
    def _endless(self) -> bool:
        return all(provider._endless for provider in self._data_providers)


@gin.register(module='ddsp.training.data')
class MixedProvider(BaseMultiProvider):
    """Gives examples of all providers, mixed by chance; all have the same features.

    `batch_size_ratios` are the probabilities of each. While passes go on for ever they
    hold throughout; in a single pass, providers end when they have no more.
    """

    def get_dataset(self, shuffle: bool = True) -> tf.data.Dataset:
        """One pass over the examples of all providers.

        Raises
        ------
        ValueError
            When the providers give other features than each other.
        """
        seed = random_seed() if shuffle else 0
        sources = [
            provider.get_dataset(shuffle).shard(*provider._shard)
            for provider in self._data_providers
        ]
        _check_alike(sources)
        return tf.data.Dataset.choose_from_datasets(
            sources, self._choices(seed, 0), stop_on_empty_dataset=False
        )

    @property
    def num_examples(self) -> int | None:
        """Examples of one pass; of providers that are shards, those of their part."""
        counts = self._counts()
        if not counts:
            return None
        shards = [provider._shard for provider in self._data_providers]
        return sum(len(range(i, count, n)) for count, (n, i) in zip(counts, shards))

    @property
    def _endless(self) -> bool:
        return any(provider._endless for provider in self._data_providers)

    def _stream(self, plan: StreamPlan) -> tf.data.Dataset:
        if plan.repeats != -1:
            return super()._stream(plan)
        taken = self._taken(plan.seed, plan.first)
        sources = [
            provider._stream(
                StreamPlan(
                    plan.shuffle,
                    -1,
                    plan.seed + 1 + number,
                    # Counted, as everything in a plan, over all shards together.
                    first=int(skip) * provider._shard[0],
                    shard=provider._shard,
                )
            )
            for number, (provider, skip) in enumerate(zip(self._data_providers, taken))
        ]
        _check_alike(sources)
        choices = self._choices(plan.seed, plan.first)
        mixed = tf.data.Dataset.choose_from_datasets(sources, choices)
        return mixed.shard(*plan.shard)

    def _draw(self, seed: int, block: Any) -> tf.Tensor:
        """Which providers a block of examples comes from, `[_BLOCK]`."""
        number = tf.random.stateless_uniform([_BLOCK], [seed, block])
        edges = tf.constant(np.cumsum(self._ratios)[:-1], tf.float32)
        return tf.cast(tf.searchsorted(edges, number, side='right'), tf.int64)

    def _choices(self, seed: int, first: int) -> tf.data.Dataset:
        """Which provider each example comes from, for ever, from number `first` on."""
        blocks = tf.data.Dataset.range(first // _BLOCK, np.iinfo(np.int64).max)
        drawn = blocks.flat_map(
            lambda block: tf.data.Dataset.from_tensor_slices(self._draw(seed, block))
        )
        return drawn.skip(first % _BLOCK)

    def _taken(self, seed: int, count: int) -> np.ndarray:
        """How many of the first examples came from each provider, `[providers]`."""
        taken = np.zeros(len(self._data_providers), np.int64)
        for block in range(-(-count // _BLOCK)):
            drawn = self._draw(seed, block).numpy()[: count - block * _BLOCK]
            taken += np.bincount(drawn, minlength=len(taken))
        return taken


def _check_alike(sources: list[tf.data.Dataset]) -> None:
    names = [_feature_names(source) for source in sources]
    differing = sorted(set().union(*names) - set.intersection(*names))
    if differing:
        raise ValueError(
            f'MixedProvider: only some of its data_providers have {differing}; '
            'examples can be mixed when all have the same features.'
        )


def _feature_names(source: tf.data.Dataset) -> set[str]:
    spec = source.element_spec
    return set(spec) if isinstance(spec, dict) else set()
