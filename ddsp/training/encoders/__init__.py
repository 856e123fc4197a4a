"""Layers that turn audio and features into latents or synthesiser controls."""

from ddsp.training.encoders.base import ZEncoder
from ddsp.training.encoders.midi import (
    ExpressionEncoder,
    HarmonicToMidiEncoder,
    MidiEncoder,
)
from ddsp.training.encoders.partials import (
    BandSinusoidalEncoder,
    SalienceHarmonicEncoder,
)
from ddsp.training.encoders.sinusoidal import (
    ResnetSinusoidalEncoder,
    SinusoidalToHarmonicEncoder,
)
from ddsp.training.encoders.timbre import (
    AggregateFeaturesEncoder,
    MfccEncoder,
    MfccRnnEncoder,
    MfccTimeDistributedRnnEncoder,
    OneHotEncoder,
)

__all__ = [
    'AggregateFeaturesEncoder',
    'BandSinusoidalEncoder',
    'ExpressionEncoder',
    'HarmonicToMidiEncoder',
    'MfccEncoder',
    'MfccRnnEncoder',
    'MfccTimeDistributedRnnEncoder',
    'MidiEncoder',
    'OneHotEncoder',
    'ResnetSinusoidalEncoder',
    'SalienceHarmonicEncoder',
    'SinusoidalToHarmonicEncoder',
    'ZEncoder',
]
