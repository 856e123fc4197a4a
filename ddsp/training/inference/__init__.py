"""Trained models where sound comes and goes in blocks: to play live, and to export."""

from ddsp.training.inference.autoencoder import AutoencoderInference
from ddsp.training.inference.configuration import parse_operative_config
from ddsp.training.inference.streaming_instrument import StreamingInstrument
from ddsp.training.inference.streaming_module import StreamingModule
from ddsp.training.inference.vst_models import (
    VSTBaseModule,
    VSTExtractFeatures,
    VSTPredictControls,
    VSTStatelessPredictControls,
)
from ddsp.training.inference.vst_synthesis import (
    VSTSynthesize,
    VSTSynthesizeHarmonic,
    VSTSynthesizeNoise,
)

__all__ = [
    'AutoencoderInference',
    'StreamingInstrument',
    'StreamingModule',
    'VSTBaseModule',
    'VSTExtractFeatures',
    'VSTPredictControls',
    'VSTStatelessPredictControls',
    'VSTSynthesize',
    'VSTSynthesizeHarmonic',
    'VSTSynthesizeNoise',
    'parse_operative_config',
]
