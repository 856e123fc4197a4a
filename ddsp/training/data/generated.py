"""Synthetic notes that are drawn while training goes on, without records."""

from __future__ import annotations

from typing import Any

import gin
import numpy as np
import tensorflow as tf

from ddsp.training.data.base import DataProvider
from ddsp.training.data.stream_plan import StreamPlan
from ddsp.training.data_preparation import synthetic_data

# Examples that are drawn together, which is faster than one by one.
_BLOCK = 32
# Keeps seeds of this provider apart from those that other parts take.
_SALT = 0x6E6F7465


@gin.register(module='ddsp.training.data')
class GeneratedNotes(DataProvider):
    """Controls of synthetic notes, drawn anew for each batch and for ever.

    Examples are those of `synthetic_data.generate_notes_v2`, which gin configures, in
    the form of `SyntheticNotes`; the same seed, from 0 on, gives the same ones. There
    are no passes: `repeats` is -1.

    Parameters
    ----------
    n_timesteps : frames of an example.
    n_harmonics : harmonics, and sinusoids.
    n_mags : bands of the noise.
    sample_rate : of the audio that is to be made, in Hz.
    frame_rate : in Hz; only told to models.
    """

    def __init__(
        self,
        n_timesteps: int = 125,
        n_harmonics: int = 100,
        n_mags: int = 65,
        sample_rate: int = 16000,
        frame_rate: int = 250,
    ) -> None:
        super().__init__(sample_rate, frame_rate)
        self.n_timesteps = n_timesteps
        self.n_harmonics = n_harmonics
        self.n_mags = n_mags

    def get_dataset(self, shuffle: bool = True) -> tf.data.Dataset:
        """Examples without end; `shuffle` changes nothing, each is drawn at random."""
        del shuffle
        return self._drawn(0, 0)

    def _stream(self, plan: StreamPlan) -> tf.data.Dataset:
        if plan.seed < 0:
            raise ValueError(
                f'{type(self).__name__} was given the seed {plan.seed}, expected 0 or '
                'more: set another seed (in gin, such as train.seed).'
            )
        # Drawn at random and without end, whatever else is planned.
        return self._drawn(plan.seed, plan.first).shard(*plan.shard)

    def _drawn(self, seed: int, first: int) -> tf.data.Dataset:
        """Examples of a seed from number `first` on."""
        blocks = tf.data.Dataset.range(first // _BLOCK, np.iinfo(np.int64).max)
        drawn = blocks.map(lambda block: self._draw(seed, block))
        return drawn.unbatch().skip(first % _BLOCK)

    def _draw(self, seed: int, block: tf.Tensor) -> dict[str, tf.Tensor]:
        shapes = self._shapes()

        def draw(number: np.ndarray) -> list[np.ndarray]:
            notes = synthetic_data.generate_notes_v2(
                _BLOCK,
                self.n_timesteps,
                self.n_harmonics,
                self.n_mags,
                sample_rate=self.sample_rate,
                seed=(_SALT, seed, int(number)),
            )
            return [notes[name].numpy() for name in shapes]

        values = tf.numpy_function(draw, [block], [tf.float32] * len(shapes))
        return {
            name: tf.ensure_shape(value, [_BLOCK, self.n_timesteps, channels])
            for (name, channels), value in zip(shapes.items(), values)
        }

    @property
    def _endless(self) -> bool:
        return True

    def _shapes(self) -> dict[str, int]:
        """Channels of each feature."""
        return {
            'f0_hz': 1,
            'harm_amp': 1,
            'harm_dist': self.n_harmonics,
            'sin_amps': self.n_harmonics,
            'sin_freqs': self.n_harmonics,
            'noise_magnitudes': self.n_mags,
        }

    def _where(self) -> Any:
        return 'synthetic notes drawn on the way'
