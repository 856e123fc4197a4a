"""How near generated audio, f0 and notes are to the recordings.

Every metric gathers batches with `update_state` and gives the mean over them with
`flush`, which also writes it for TensorBoard.
"""

from __future__ import annotations

from ddsp.training.metrics.base import BaseMetrics, RunningMean
from ddsp.training.metrics.f0 import F0CrepeMetrics, F0Metrics
from ddsp.training.metrics.features import (
    MIN_F0_CONFIDENCE,
    OUTLIER_MIDI_THRESH,
    compute_audio_features,
    f0_dist_conf_thresh,
    is_outlier,
    l1_distance,
    squeeze,
)
from ddsp.training.metrics.notes import (
    EvalCounts,
    MidiMetrics,
    Note,
    compute_frame_metrics,
    compute_note_metrics,
    notes_from_pianoroll,
    pianoroll_from_notes,
    pianoroll_from_pitches,
    sequence2intervals,
)
from ddsp.training.metrics.sound import LoudnessMetrics, SpectralMetrics

__all__ = [
    'MIN_F0_CONFIDENCE',
    'OUTLIER_MIDI_THRESH',
    'BaseMetrics',
    'EvalCounts',
    'F0CrepeMetrics',
    'F0Metrics',
    'LoudnessMetrics',
    'MidiMetrics',
    'Note',
    'RunningMean',
    'SpectralMetrics',
    'compute_audio_features',
    'compute_frame_metrics',
    'compute_note_metrics',
    'f0_dist_conf_thresh',
    'is_outlier',
    'l1_distance',
    'notes_from_pianoroll',
    'pianoroll_from_notes',
    'pianoroll_from_pitches',
    'sequence2intervals',
    'squeeze',
]
