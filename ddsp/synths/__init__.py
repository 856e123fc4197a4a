"""Synthesizers: layers that turn controls into audio."""

from __future__ import annotations

from ddsp.synths.noise import FilteredNoise
from ddsp.synths.oscillators import Harmonic, Sinusoidal
from ddsp.synths.playback import TensorToAudio
from ddsp.synths.tables import Wavetable

__all__ = ['FilteredNoise', 'Harmonic', 'Sinusoidal', 'TensorToAudio', 'Wavetable']
