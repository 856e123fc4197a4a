from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ddsp.training import decoders
from ddsp.training.transfer.decoding import Decoding, check_inputs, with_state

FRAMES = 23
INPUTS = ('ld_scaled', 'f0_scaled')
SPLITS = (('amps', 1), ('harmonic_distribution', 5))


def features():
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=FRAMES).astype(np.float32) for name in INPUTS}


def make(rnn_type):
    return decoders.RnnFcDecoder(
        6, rnn_type, ch=4, layers_per_stack=1, input_keys=INPUTS, output_splits=SPLITS
    )


def whole(decoder):
    return decoder({k: v[None, :, None] for k, v in features().items()})


@pytest.mark.parametrize('rnn_type', ['gru', 'lstm'])
@pytest.mark.parametrize('block_frames', [1, 7, 23, 100])
def test_blocks_are_the_whole(rnn_type, block_frames):
    decoder = make(rnn_type)
    expected = whole(decoder)
    blocks = list(Decoding(decoder, block_frames).blocks(features()))
    assert len(blocks) == -(-FRAMES // block_frames)
    assert 'state' not in blocks[0]
    for name, _ in SPLITS:
        joined = tf.concat([block[name] for block in blocks], axis=1)
        np.testing.assert_allclose(joined, expected[name], atol=2e-6)
    np.testing.assert_array_equal(
        tf.concat([block['ld_scaled'] for block in blocks], axis=1)[0, :, 0],
        features()['ld_scaled'],
    )


def test_other_decoders_see_all_frames():
    decoder = decoders.DilatedConvDecoder(
        ch=4,
        layers_per_stack=2,
        stacks=1,
        input_keys=INPUTS,
        output_splits=SPLITS,
        conditioning_keys=None,
    )
    expected = whole(decoder)
    blocks = list(Decoding(decoder, 10).blocks(features()))
    assert [block['amps'].shape[1] for block in blocks] == [10, 10, 3]
    joined = tf.concat([block['amps'] for block in blocks], axis=1)
    np.testing.assert_allclose(joined, expected['amps'], atol=1e-6)


def test_with_state_copies():
    decoder = make('gru')
    whole(decoder)
    twin = with_state(decoder)
    before = [np.array(v) for v in twin.weights]
    for variable in decoder.weights:
        variable.assign(variable + 1.0)
    for old, variable in zip(before, twin.weights):
        np.testing.assert_array_equal(old, variable)


@pytest.mark.parametrize('decoder', [None, object()])
def test_what_is_no_decoder(decoder):
    with pytest.raises(ValueError, match='DIR has no decoder'):
        check_inputs(decoder, 'DIR')
