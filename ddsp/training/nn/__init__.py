"""Layers of which networks are made: named inputs, stacks, recurrence."""

from ddsp.training.nn.basic import (
    Identity,
    get_embedding,
    get_nonlinearity,
    gin_register_keras_layers,
)
from ddsp.training.nn.conditional import (
    ConditionalNorm,
    ConditionalScaleAndShift,
    get_norm,
)
from ddsp.training.nn.dict_layers import DictLayer, OutputSplitsLayer
from ddsp.training.nn.dilated import DilatedConvStack
from ddsp.training.nn.fully_connected import Fc, FcStack, FcStackOut
from ddsp.training.nn.normalization import Normalize, normalize_op
from ddsp.training.nn.notes import (
    get_note_lengths,
    get_note_mask,
    get_note_mask_from_onset,
    get_note_moments,
    get_short_note_loss_mask,
    pool_over_notes,
)
from ddsp.training.nn.polyphase import PolyphaseResample, polyphase_resample
from ddsp.training.nn.quantization import VectorQuantization
from ddsp.training.nn.resnet import NormReluConv, ResidualLayer, ResidualStack, ResNet
from ddsp.training.nn.rnn import Rnn, RnnFc, RnnSandwich, SingleGru, StatelessRnn
from ddsp.training.nn.spectral_norm import SpectralNormalization
from ddsp.training.nn.splits import ensure_4d, inv_ensure_4d, split_to_dict
from ddsp.training.nn.straight_through import (
    straight_through_choice,
    straight_through_int_quantization,
    straight_through_softmax,
)

gin_register_keras_layers()

__all__ = [
    'ConditionalNorm',
    'ConditionalScaleAndShift',
    'DictLayer',
    'DilatedConvStack',
    'Fc',
    'FcStack',
    'FcStackOut',
    'Identity',
    'NormReluConv',
    'Normalize',
    'OutputSplitsLayer',
    'PolyphaseResample',
    'ResNet',
    'ResidualLayer',
    'ResidualStack',
    'Rnn',
    'RnnFc',
    'RnnSandwich',
    'SingleGru',
    'SpectralNormalization',
    'StatelessRnn',
    'VectorQuantization',
    'ensure_4d',
    'get_embedding',
    'get_nonlinearity',
    'get_norm',
    'get_note_lengths',
    'get_note_mask',
    'get_note_mask_from_onset',
    'get_note_moments',
    'get_short_note_loss_mask',
    'gin_register_keras_layers',
    'inv_ensure_4d',
    'normalize_op',
    'polyphase_resample',
    'pool_over_notes',
    'split_to_dict',
    'straight_through_choice',
    'straight_through_int_quantization',
    'straight_through_softmax',
]
