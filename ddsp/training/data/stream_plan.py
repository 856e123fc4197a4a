"""Which examples a source gives, and in which order."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

_FOREVER = np.iinfo(np.int64).max


@dataclasses.dataclass(frozen=True)
class StreamPlan:
    """A stream of examples: passes over a source, one after the other.

    Parameters
    ----------
    shuffle : whether their order is left to chance, anew in each pass.
    repeats : number of passes; -1 goes on for ever.
    seed : of the order.
    first : number of the example to begin with, counted over all passes.
    multiple : the stream ends, if it does, after a multiple of so many examples.
    shard : into how many parts the stream is dealt out, and which of them is wanted.
    """

    shuffle: bool
    repeats: int = 1
    seed: int = 0
    first: int = 0
    multiple: int = 1
    shard: tuple[int, int] = (1, 0)

    @property
    def last_epoch(self) -> int:
        """Number of the pass before which the stream ends."""
        return _FOREVER if self.repeats == -1 else self.repeats

    def cut(
        self, dataset: tf.data.Dataset, num_examples: int | None
    ) -> tf.data.Dataset:
        """The wanted part of a stream that begins where the plan does.

        Parameters
        ----------
        dataset : examples of all parts from number `first` on.
        num_examples : of one pass; None where nobody knows.

        Returns
        -------
        It ends where all parts still have equally many examples.
        """
        if self.repeats != -1 and num_examples is not None:
            whole = num_examples * self.repeats // self.multiple * self.multiple
            dataset = dataset.take(max(whole - self.first, 0))
        return dataset.shard(*self.shard)
