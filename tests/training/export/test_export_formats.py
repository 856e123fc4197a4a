"""What is exported plays elsewhere: known from its files alone."""

from __future__ import annotations

import json
import shutil

import numpy as np
import onnxruntime
import pytest
import soundfile
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from ddsp import core
from ddsp.training import export
from ddsp.training.export import impulse_response, tflite
from ddsp.training.inference import StreamingInstrument

FORMATS = ('savedmodel', 'tflite', 'onnx')


def _program(exported):
    """What another program does: opens the file, and knows `metadata.json`."""
    told = json.loads((exported.directory / 'metadata.json').read_text())
    path = str(exported.directory / told['file'])
    if told['format'] == 'savedmodel':
        loaded = tf.saved_model.load(str(exported.directory))

        def run(inputs):
            named = {name: tf.constant(x) for name, x in inputs.items()}
            outputs = loaded.signatures['serving_default'](**named)
            return {name: x.numpy() for name, x in outputs.items()}

        return told, run
    if told['format'] == 'tflite':
        interpreter = Interpreter(path)
        runner = interpreter.get_signature_runner('serving_default')
        return told, lambda inputs: runner(**inputs)
    session = onnxruntime.InferenceSession(path)
    names = [x['name'] for x in told['outputs']]
    return told, lambda inputs: dict(zip(names, session.run(names, inputs)))


def _features(told, n_blocks):
    """Pitch and power that move, and noise, block by block."""
    n, hop = told['frames_per_block'], told['hop_size']
    place = np.linspace(0.0, 1.0, n * n_blocks, dtype=np.float32)
    f0_hz, power_db = np.split(np.stack([220.0 * 2.0**place, 20.0 * place - 40.0]), 2)
    noise = np.random.default_rng(0).uniform(-1.0, 1.0, [1, place.size * hop])
    values = {'f0_hz': f0_hz, 'power_db': power_db, 'noise': noise}
    return [
        {k: np.float32(x) for k, x in zip(values, xs)}
        for xs in zip(*(np.split(x, n_blocks, axis=1) for x in values.values()))
    ]


def _expected(tiny_dir, blocks):
    """What the instrument plays in Python."""
    playing = StreamingInstrument.load(tiny_dir)
    # The reverb draws the noise of its response.
    with core.reproducible_noise(0):
        state = playing.initial_state()
    played = []
    for block in blocks:
        audio, state = playing.step(block, state, noise=block['noise'])
        played.append(audio)
    return np.concatenate(played, axis=1)


def _played(told, run, blocks):
    """What a program plays that knows what it was told."""
    types = {x['name']: x for x in told['inputs']}
    state = {}
    for entry in told['state']:
        x = types[entry['input']]
        state[entry['input']] = np.full(x['shape'], entry['initial'], x['dtype'])
    played = []
    for block in blocks:
        outputs = run({**block, **state})
        played.append(outputs['audio'])
        state = {x['input']: outputs[x['output']] for x in told['state']}
    return np.concatenate(played, axis=1)


@pytest.mark.parametrize('format', FORMATS)
def test_a_program_plays_it_as_python_does(exported, tiny_dir, format):
    told, run = _program(exported(format))
    blocks = _features(told, 20)
    expected = _expected(tiny_dir, blocks)
    assert np.max(np.abs(expected)) > 0.01
    np.testing.assert_allclose(_played(told, run, blocks), expected, atol=1e-5)


@pytest.mark.parametrize('format', FORMATS)
def test_a_block_of_nan_is_got_over(exported, tiny_dir, format):
    told, run = _program(exported(format))
    blocks = _features(told, 20)
    blocks[3]['f0_hz'][:, 1] = np.nan
    blocks[4] = {k: np.full_like(x, np.nan) for k, x in blocks[4].items()}
    blocks[6] = {**blocks[6], 'power_db': np.float32([[np.inf, -np.inf]])}
    expected = _expected(tiny_dir, blocks)
    assert np.isfinite(expected).all() and np.max(np.abs(expected[:, -640:])) > 0.01
    np.testing.assert_allclose(_played(told, run, blocks), expected, atol=1e-5)


@pytest.mark.parametrize('format', FORMATS)
def test_what_is_told_is_so(exported, tiny_dir, format):
    done = exported(format)
    playing = StreamingInstrument.load(tiny_dir)
    told = done.metadata
    assert told['sample_rate'] == 16000 and told['frame_rate'] == 50
    assert told['samples_per_block'] == 2 * told['hop_size'] == 640
    assert told['latency_samples'] == playing.latency
    kinds = {x['name']: x['kind'] for x in told['inputs']}
    features = [name for name, kind in kinds.items() if kind == 'feature']
    assert features == ['f0_hz', 'power_db'] and kinds['noise'] == 'noise'
    states = {name for name, kind in kinds.items() if kind == 'state'}
    assert states == {x['input'] for x in told['state']}
    assert {x['output'] for x in told['state']} < {x['name'] for x in told['outputs']}
    on_disk = json.loads((done.directory / 'metadata.json').read_text())
    assert on_disk == json.loads(json.dumps(told))
    names = {
        str(p.relative_to(done.directory))
        for p in done.directory.rglob('*')
        if p.is_file()
    }
    assert names == set(told['files']) == set(done.sizes)
    assert done.differences['audio'] == done.difference < 1e-5
    assert all(size > 0 for size in done.sizes.values())


def test_what_no_step_changes_is_a_constant(exported):
    names = [x['name'] for x in exported('tflite').metadata['inputs']]
    assert 'reverb_line' in names
    assert 'reverb_response' not in names


def test_tflite_has_built_in_operations_alone(exported):
    done = exported('tflite')
    interpreter = Interpreter(str(done.directory / done.metadata['file']))
    names = {operation['op_name'] for operation in interpreter._get_ops_details()}
    assert 'FULLY_CONNECTED' in names
    # Custom operations have names in the case of their program.
    assert all(name == name.upper() for name in names if name != 'DELEGATE')
    assert not any(name.startswith(('FLEX', 'CUSTOM')) for name in names)


def test_metadata_travels_inside_of_tflite(exported):
    done = exported('tflite')
    inside = tflite.attached(done.directory / done.metadata['file'], 'metadata.json')
    assert inside == (done.directory / 'metadata.json').read_text()


def test_the_response_is_written_at_both_rates(exported):
    done = exported('onnx')
    own, rate = soundfile.read(done.directory / 'reverb_ir_16000.wav')
    other, other_rate = soundfile.read(done.directory / 'reverb_ir_48000.wav')
    assert (rate, other_rate) == (16000, 48000)
    assert len(own) == 700 and len(other) == 2100
    assert own[0] == pytest.approx(1.0, abs=1e-6)  # The dry sound.
    assert np.max(np.abs(own[1:])) > 0.0


@pytest.mark.parametrize('wanted', [48000, 44100, 22050])
def test_the_room_is_the_same_at_another_rate(tmp_path, wanted):
    rng = np.random.default_rng(0)
    room = rng.normal(size=2000) * np.hanning(2000) * 0.05
    paths = impulse_response.write(tmp_path, np.append(1.0, room), 16000, wanted)
    own, other = (soundfile.read(path)[0] for path in paths)
    frequencies = np.arange(100.0, 7000.0, 100.0)

    def gains(response, rate):
        time = np.arange(len(response)) / rate
        return np.exp(-2j * np.pi * np.outer(frequencies, time)) @ response

    np.testing.assert_allclose(gains(other, wanted), gains(own, 16000), atol=5e-3)


def test_an_earlier_export_is_replaced(tiny_dir, exported, tmp_path):
    out = tmp_path / 'out'
    shutil.copytree(exported('tflite').directory, out)
    (out / 'left over').write_text('')
    done = export.export_instrument(
        tiny_dir, out, 'savedmodel', frames_per_block=1, overwrite=True
    )
    assert done.metadata['frames_per_block'] == 1
    assert not (out / 'left over').exists()
    assert [path.name for path in tmp_path.iterdir()] == ['out']
