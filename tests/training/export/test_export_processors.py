"""Single processors outside of Python: a wavetable, which no instrument here has."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ddsp import synths
from ddsp.core.portable import portable_ops
from ddsp.training.export import checking, onnx_models, tflite
from ddsp.training.export.functions import of_function

FRAMES, BLOCKS = 3, 6


def controls(changes):
    """What a wavetable is told in each block, through zero and back."""
    rng = np.random.default_rng(0)
    f0_hz = 300.0 + 700.0 * np.sin(np.arange(FRAMES * BLOCKS))
    tables = rng.normal(size=[BLOCKS, 1, FRAMES, 50])
    if not changes:
        tables = np.tile(tables[:1, :, 0], [BLOCKS, 1, 1])
    inputs = {
        'amplitudes': rng.normal(size=[BLOCKS, 1, FRAMES, 1]),
        'wavetables': tables,
        'f0_hz': f0_hz.reshape([BLOCKS, 1, FRAMES, 1]),
    }
    return [
        {name: x[block].astype(np.float32) for name, x in inputs.items()}
        for block in range(BLOCKS)
    ]


def step_function(synth, block):
    """A step of a processor, with its state as inputs and outputs."""
    state = synth.initial_state(1, block)
    leaves = tf.nest.flatten(state)
    names = [f'state_{i}' for i in range(len(leaves))]
    specs = {name: tf.TensorSpec(x.shape, x.dtype) for name, x in block.items()}
    specs |= {k: tf.TensorSpec(x.shape, x.dtype) for k, x in zip(names, leaves)}

    def step(*args):
        named = dict(zip(specs, args))
        before = tf.nest.pack_sequence_as(state, [named[name] for name in names])
        audio, after = synth.step({name: named[name] for name in block}, before)
        kept = dict(zip((f'next_{name}' for name in names), tf.nest.flatten(after)))
        return {'audio': audio, **kept}

    begin = {name: x.numpy() for name, x in zip(names, leaves)}
    return of_function(step, specs, initial_state=begin)


def run_onnx(form, folder):
    return onnx_models.run(onnx_models.convert(form))


def run_tflite(form, folder):
    form.save(folder / 'saved')
    (folder / 'model.tflite').write_bytes(tflite.convert(folder / 'saved'))
    return tflite.run(folder / 'model.tflite')


@pytest.mark.parametrize('changes', [False, True], ids=['one table', 'tables'])
@pytest.mark.parametrize('make', [run_onnx, run_tflite], ids=['onnx', 'tflite'])
def test_a_wavetable_plays_elsewhere(make, changes, tmp_path):
    synth, blocks = synths.Wavetable(n_samples=None), controls(changes)
    model = step_function(synth, blocks[0])
    with portable_ops():
        form = step_function(synth, blocks[0])
    run = make(form, tmp_path)
    worst = checking.compare(model, run, blocks, 'the export', form.initial_state)
    assert worst['audio'] < 5e-6
