"""The exported voice hears and plays what the one in Python does."""

from __future__ import annotations

import numpy as np
import pytest
from live_tiny import HOP, melody, tiny_instrument, tiny_voice

from ddsp.training.export import ExportError, onnx_models
from ddsp.training.live import Controls, LiveModule, counted_noise
from ddsp.training.web import voice


def played(step, form, controls, audio):
    """All outputs that are no state, hop by hop."""
    state, outputs = dict(form.initial_state), []
    for first in range(0, len(audio) - HOP + 1, HOP):
        block = {
            'audio': audio[np.newaxis, first : first + HOP],
            'noise': counted_noise(first, HOP)[np.newaxis],
        }
        outputs.append(step({**block, **controls, **state}))
        state = {name: outputs[-1][out] for name, out in form.carried.items()}
    names = ('heard_hz', 'f0_hz', 'note', 'loudness_db', 'played')
    return {name: np.concatenate([x[name][0] for x in outputs]) for name in names}


@pytest.fixture(scope='module')
def run(exported_page):
    return onnx_models.run(exported_page.directory / exported_page.metadata['file'])


@pytest.fixture(scope='module')
def forms():
    """The voice of portable operations, whose state the export has, and the other."""
    _, form = voice.voice_function(tiny_instrument())
    _, model = voice.voice_function(tiny_instrument(), portable=False)
    return form, model


# Phase adds up f0: what is off by a rounding is heard after a while.
@pytest.mark.parametrize(
    'controls', [Controls(), Controls(autotune=0.7, pitch_shift=0.3)]
)
def test_pitch_is_the_same_to_the_last_bit(run, forms, controls):
    form, model = forms
    values = LiveModule(tiny_voice()).controls(controls)
    audio = melody(1.5)
    expected = played(model, model, values, audio)
    given = played(run, form, values, audio)
    assert len(np.unique(expected['f0_hz'])) > 100
    for name in ('heard_hz', 'f0_hz', 'note'):
        np.testing.assert_array_equal(given[name], expected[name])
    np.testing.assert_allclose(given['loudness_db'], expected['loudness_db'], atol=2e-5)
    assert np.abs(expected['played']).max() > 0.05
    assert np.abs(given['played'] - expected['played']).max() < 2e-6


def test_the_export_was_compared(exported_page):
    assert exported_page.difference < 2e-6
    assert exported_page.metadata['difference'] == exported_page.difference


def test_what_plays_otherwise_is_refused(run, forms):
    form, _ = forms

    def louder(inputs):
        outputs = run(inputs)
        return {**outputs, 'played': outputs['played'] * 1.01}

    with pytest.raises(ExportError, match=r'differs by 0\.0.*at most 0\.0001'):
        voice.check_voice(tiny_instrument(), form, louder)


def test_no_product_of_a_transposition(exported_page):
    """onnxruntime up to 1.23 joins these two to what it does not have in float64."""
    onnx = pytest.importorskip('onnx')
    model = onnx.load(exported_page.directory / exported_page.metadata['file'])
    makers = {name: node for node in model.graph.node for name in node.output}
    products = [node for node in model.graph.node if node.op_type == 'MatMul']
    assert len(products) > 10
    for product in products:
        made_by = [makers[name].op_type for name in product.input if name in makers]
        assert 'Transpose' not in made_by, product.name
