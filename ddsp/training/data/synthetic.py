"""Records of synthetic notes."""

from __future__ import annotations

from typing import Any

import gin
import tensorflow as tf

from ddsp.training.data.tfrecord import LegacyTFRecordProvider, floats


@gin.register(module='ddsp.training.data')
class SyntheticNotes(LegacyTFRecordProvider):
    """Controls of synthetic notes, which `ddsp_generate_synthetic_dataset` has written.

    Their audio is what a synthesiser makes of the controls.

    Parameters
    ----------
    n_timesteps : frames of an example.
    n_harmonics : harmonics, and sinusoids.
    n_mags : bands of the noise.
    file_pattern : of record files.
    sample_rate : of the audio that is to be made, in Hz.
    """

    def __init__(
        self,
        n_timesteps: int,
        n_harmonics: int,
        n_mags: int,
        file_pattern: str | list[str] | None = None,
        sample_rate: int = 16000,
    ) -> None:
        super().__init__(file_pattern, sample_rate=sample_rate)
        self.n_timesteps = n_timesteps
        self.n_harmonics = n_harmonics
        self.n_mags = n_mags

    @property
    def features_dict(self) -> dict[str, tf.io.FixedLenFeature]:
        """Name, shape `[frames, channels]` and type of each feature."""
        return {
            'f0_hz': floats(self.n_timesteps, 1),
            'harm_amp': floats(self.n_timesteps, 1),
            'harm_dist': floats(self.n_timesteps, self.n_harmonics),
            'sin_amps': floats(self.n_timesteps, self.n_harmonics),
            'sin_freqs': floats(self.n_timesteps, self.n_harmonics),
            'noise_magnitudes': floats(self.n_timesteps, self.n_mags),
        }

    def _told(self) -> dict[str, Any]:
        return {
            'n_timesteps': self.n_timesteps,
            'n_harmonics': self.n_harmonics,
            'n_mags': self.n_mags,
        }
