"""Losses: layers that give one number by which networks are trained."""

from __future__ import annotations

from ddsp.losses.base import Loss, LossGroup, mean_difference
from ddsp.losses.consistency import (
    FilteredNoiseConsistencyLoss,
    HarmonicConsistencyLoss,
    KDEConsistencyLoss,
    ParamLoss,
    WassersteinConsistencyLoss,
    amp_loss,
    freq_loss,
    wasserstein_distance,
)
from ddsp.losses.embedding import (
    EmbeddingLoss,
    PretrainedCREPE,
    PretrainedCREPEEmbeddingLoss,
)
from ddsp.losses.midi import HmmTranscriber
from ddsp.losses.mixtures import GaussianMixture
from ddsp.losses.spectral import SpectralLoss
from ddsp.losses.twm import TWMLoss

__all__ = [
    'EmbeddingLoss',
    'FilteredNoiseConsistencyLoss',
    'GaussianMixture',
    'HarmonicConsistencyLoss',
    'HmmTranscriber',
    'KDEConsistencyLoss',
    'Loss',
    'LossGroup',
    'ParamLoss',
    'PretrainedCREPE',
    'PretrainedCREPEEmbeddingLoss',
    'SpectralLoss',
    'TWMLoss',
    'WassersteinConsistencyLoss',
    'amp_loss',
    'freq_loss',
    'mean_difference',
    'wasserstein_distance',
]
