"""The two-way mismatch: which f0 explains a set of sinusoids, and how well."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp import core, registration
from ddsp.core import checks
from ddsp.losses.base import Loss
from ddsp.losses.mixtures import GaussianMixture


@registration.register('ddsp.losses')
class TWMLoss(Loss):
    """Placeholder."""

    def __init__(
        self,
        sinusoids_weight: float = 1.0,
        harmonics_weight: float = 1.0,
        sinusoids_scale: float = 0.5,
        harmonics_scale: float = 0.2,
        n_harmonic_points: int = 10,
        n_harmonic_gaussians: int = 30,
        softmin_temperature: float = 1.0,
        sample_rate: int = 16000,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sinusoids_weight = sinusoids_weight
        self.harmonics_weight = harmonics_weight
        self.sinusoids_scale = sinusoids_scale
        self.harmonics_scale = harmonics_scale
        self.n_harmonic_points = n_harmonic_points
        self.n_harmonic_gaussians = n_harmonic_gaussians
        self.softmin_temperature = softmin_temperature
        self.sample_rate = sample_rate
