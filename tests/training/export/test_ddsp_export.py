"""The command `ddsp_export`, flag by flag."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from ddsp.core.portable import portable_ops
from ddsp.training import ddsp_export
from ddsp.training.export import inference_models, tflite
from ddsp.training.export.errors import ExportError
from ddsp.training.export.functions import of_function


def _run(tiny_dir, out, *flags):
    return ddsp_export.main(
        ['--model_path', str(tiny_dir), '--save_dir', str(out), *flags]
    )


def test_a_plugin_s_network_is_exported(tiny_dir, tmp_path, capsys):
    out = tmp_path / 'out'
    flags = ['--inference_model=vst_stateless_predict_controls', '--name=tiny']
    assert _run(tiny_dir, out, *flags) == 0
    told = capsys.readouterr().out
    assert 'SavedModel: at most' in told and 'TFLite: at most' in told
    loaded = tf.saved_model.load(str(out)).signatures['serving_default']
    runner = Interpreter(str(out / 'tflite' / 'tiny.tflite')).get_signature_runner()
    values = {'f0_scaled': [0.5], 'pw_scaled': [0.7], 'state': np.ones(8)}
    values = {name: np.float32(x) for name, x in values.items()}
    expected, given = loaded(**values), runner(**values)
    assert set(given) == set(expected) >= {'amplitudes', 'state'}
    for name, x in expected.items():
        np.testing.assert_allclose(given[name], x, atol=1e-5)
    metadata = json.loads((out / 'metadata.json').read_text())
    assert metadata['name'] == 'tiny' and metadata['sample_rate'] == 16000
    states = [(x['input'], x['output']) for x in metadata['state']]
    assert states == [('state', 'state')]
    assert (out / 'reverb_ir_16000.wav').exists()
    attached = tflite.attached(out / 'tflite' / 'tiny.tflite', 'metadata.json')
    assert json.loads(attached) == metadata


@pytest.mark.parametrize('name', ['vst_predict_controls', 'vst_synthesize_harmonic'])
def test_other_parts_are_exported(tiny_dir, tmp_path, name):
    out = tmp_path / 'out'
    flags = [f'--inference_model={name}', '--noreverb', '--nometadata']
    assert _run(tiny_dir, out, *flags) == 0
    assert (out / 'tflite' / 'model.tflite').exists()
    assert not list(out.glob('*.wav')) and not (out / 'metadata.json').exists()


def test_an_autoencoder_of_another_length(tiny_dir, tmp_path):
    out = tmp_path / 'out'
    flags = ['--gin_param', 'AutoencoderInference.length_seconds = 0.2', '--noreverb']
    assert _run(tiny_dir, out, *flags) == 0
    inputs = json.loads((out / 'metadata.json').read_text())['inputs']
    assert [(x['name'], x['shape']) for x in inputs] == [
        ('f0_hz', [1, 10]),
        ('power_db', [1, 10]),
    ]


def test_every_inference_model_has_a_class():
    from ddsp.training import inference

    for name in inference_models._CLASSES.values():
        assert hasattr(inference, name)


@pytest.mark.parametrize(
    ('flags', 'told'),
    [
        (['--tfjs'], 'ddsp export MODEL --format web'),
        (['--inference_model=crepe'], 'vst_synthesize_noise'),
        (['--reverb_sample_rate=10'], 'rate of the reverb is 10 Hz'),
        (['--metadata_file=missing.json'], 'missing.json'),
        (['--gin_param=VSTSynthesize.no_such_thing = 1'], 'no_such_thing'),
    ],
)
def test_wrong_flags_are_told_and_nothing_is_written(
    tiny_dir, tmp_path, capsys, flags, told
):
    assert _run(tiny_dir, tmp_path / 'out', *flags) == 1
    error = capsys.readouterr().err
    assert told in error and error.count('\n') == 1
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_without_the_parts(tmp_path, capsys):
    # The violin is given loudness, not power.
    flags = ['--inference_model=vst_stateless_predict_controls']
    assert _run('violin', tmp_path / 'out', *flags) == 1
    assert 'violin' in capsys.readouterr().err
    assert _run(tmp_path / 'nothing', tmp_path / 'out') == 1
    assert 'nothing' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_metadata_of_a_file(tmp_path):
    path = tmp_path / 'mine.json'
    path.write_text('{"by": "me"}')
    assert ddsp_export._given_metadata(str(path)) == {'by': 'me'}
    path.write_text('[1]')
    with pytest.raises(ValueError, match='expected a JSON object'):
        ddsp_export._given_metadata(str(path))
    path.write_text('{')
    with pytest.raises(ValueError, match='not valid JSON'):
        ddsp_export._given_metadata(str(path))


def test_metadata_tells_what_the_model_knows():
    told = ddsp_export.get_metadata_dict(None, 'violin')
    assert told['sample_rate'] == 16000 and told['frame_rate'] == 125
    statistics = told['statistics']
    assert 36 < statistics['lowest'] < statistics['mean_pitch'] < statistics['highest']
    loudness = statistics['loudness_percentiles_db']
    assert len(loudness) == 101 and loudness == sorted(loudness)
    assert ddsp_export.get_data_provider(None, 'violin') is None
    provider = ddsp_export.get_data_provider('data*.tfrecord', 'violin')
    assert (provider.sample_rate, provider.frame_rate) == (16000, 125)


def _double(tmp_path):
    exported = of_function(lambda x: {'y': 2.0 * x}, {'x': tf.TensorSpec([4])})
    exported.save(tmp_path / 'saved')
    return tmp_path / 'saved', tmp_path / 'lite'


def test_any_saved_model_becomes_tflite(tmp_path):
    saved, lite = _double(tmp_path)
    (tmp_path / 'note.txt').write_text('twice')
    path = ddsp_export.saved_model_to_tflite(
        saved, lite, tmp_path / 'note.txt', name='double'
    )
    assert path == lite / 'double.tflite'
    given = tflite.run(path)({'x': np.arange(4, dtype=np.float32)})
    assert given['y'].tolist() == [0.0, 2.0, 4.0, 6.0]
    assert tflite.attached(path, 'note.txt') == 'twice'


def test_a_tflite_file_that_lies_is_removed(tmp_path, monkeypatch):
    saved, lite = _double(tmp_path)
    monkeypatch.setattr(tflite, 'run', lambda path: lambda x: {'y': 3.0 * x['x']})
    with pytest.raises(ExportError, match='y by'):
        ddsp_export.saved_model_to_tflite(saved, lite)
    assert list(lite.iterdir()) == []


def test_the_response_of_a_room(tiny_dir, tmp_path):
    paths = ddsp_export.export_impulse_response(str(tiny_dir), tmp_path / 'room', 8000)
    assert [path.name for path in paths] == [
        'reverb_ir_16000.wav',
        'reverb_ir_8000.wav',
    ]
    assert all(path.exists() for path in paths)
    assert ddsp_export.export_impulse_response('violin', tmp_path / 'none') == []


def test_there_is_no_tensorflow_js():
    with pytest.raises(ImportError, match='--format web'):
        ddsp_export.saved_model_to_tfjs('a', 'b')


def test_a_phase_goes_round_in_a_portable_synthesizer(tiny_dir):
    model = inference_models.make(tiny_dir, 'vst_synthesize_harmonic')
    usual = inference_models.function_of(model)
    with portable_ops():
        portable = inference_models.function_of(model)
    inputs = {port.name: np.full(port.shape, 0.2, 'f') for port in usual.inputs}
    inputs |= {'f0': np.float32([311.0]), 'prev_f0': np.float32([300.0])}
    phases = {0: np.float32([0.0]), 1: np.float32([0.0])}
    for _ in range(40):
        for i, function in enumerate((usual, portable)):
            phases[i] = function({**inputs, 'prev_phase': phases[i]})['phase']
    assert abs(phases[0]) <= 3.1416
    difference = abs(float(phases[0][0] - phases[1][0]))
    assert min(difference, 2.0 * np.pi - difference) < 2e-5
