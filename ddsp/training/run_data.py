"""The batches of a training run, in one order however often it stops."""

from __future__ import annotations

import inspect
import json
import os
from typing import Any

import tensorflow as tf

from ddsp.training.data.record_files import telling_damage
from ddsp.training.telling import tell
from ddsp.training.whole_files import write_text


class RunData:
    """The batches of a run, the same at every start.

    Parameters
    ----------
    provider : see `ddsp.training.data.DataProvider`.
    batch_size : rows of a batch, over all replicas.
    seed : of their order.
    """

    def __init__(self, provider: Any, batch_size: int, seed: int) -> None:
        self.provider = provider
        self.batch_size = batch_size
        self.seed = seed
        # Providers written before there were seeds give an order of their own.
        self.repeatable = _takes(provider, 'seed', 'skip_batches')
        self.shares_work = _takes(provider, 'input_context')
        if not self.repeatable:
            tell(
                f'{type(provider).__name__}.get_batch knows no seed and skip_batches: '
                'a run that is resumed will see the data in another order'
            )
        self.sample = self._first_batch(
            provider.get_batch(batch_size, shuffle=False, repeats=-1)
        )

    def batches(self, skip: int, **kwargs: Any) -> tf.data.Dataset:
        """Endless batches, from the one numbered `skip` on."""
        if self.repeatable:
            kwargs.update(seed=self.seed, skip_batches=skip)
        return self.provider.get_batch(
            self.batch_size, shuffle=True, repeats=-1, **kwargs
        )

    def batches_of_worker(
        self, skip: int, context: tf.distribute.InputContext
    ) -> tf.data.Dataset:
        """One worker's rows of these batches, a batch for each of its replicas."""
        if self.shares_work:
            return self.batches(skip, input_context=context)
        rows = self.batch_size // context.num_replicas_in_sync
        replicas = context.num_replicas_in_sync // context.num_input_pipelines
        first = context.input_pipeline_id * replicas * rows
        mine = self.batches(skip).map(
            lambda *batch: tf.nest.map_structure(
                lambda x: x[first : first + replicas * rows],
                batch if len(batch) > 1 else batch[0],
            ),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        return mine.rebatch(rows, drop_remainder=True).prefetch(tf.data.AUTOTUNE)

    def batch(self, number: int) -> Any:
        """One batch again, or None when the provider cannot."""
        return self._first_batch(self.batches(number)) if self.repeatable else None

    def copy_description(self, save_dir: str) -> None:
        """Puts what `dataset.json` says of the data, if there is one, into a folder."""
        description = getattr(self.provider, 'dataset_info', None)
        if description:
            write_text(
                os.path.join(save_dir, 'dataset.json'),
                json.dumps(description, indent=2) + '\n',
            )

    def _first_batch(self, batches: tf.data.Dataset) -> Any:
        with telling_damage():
            for batch in batches.take(1):
                return batch
        raise ValueError(
            f'{type(self.provider).__name__} gives not even one batch of '
            f'{self.batch_size}: the dataset is empty, or smaller than '
            'train.batch_size.'
        )


def _takes(provider: Any, *names: str) -> bool:
    """Whether a provider's `get_batch`, or what it hands `**kwargs` on to, knows names.

    Where it cannot be seen what that is, any name will do.
    """
    known: set[str] = set()
    methods = [vars(cls).get('get_batch') for cls in type(provider).__mro__]
    for method in [provider.get_batch, *filter(None, methods)]:
        parameters = inspect.signature(method).parameters
        known.update(parameters)
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            return known.issuperset(names)
    return True
