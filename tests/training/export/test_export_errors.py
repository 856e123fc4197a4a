"""Exports that cannot be, or are not what they should be: nothing is left of them."""

from __future__ import annotations

import shutil
import sys

import numpy as np
import pytest
import tensorflow as tf

from ddsp.training import export
from ddsp.training.export import checking, onnx_models, saved_models, tflite
from ddsp.training.export.functions import of_function
from ddsp.training.transfer import load_instrument


@pytest.fixture(scope='module')
def instrument(tiny_dir):
    """The tiny model, loaded."""
    return load_instrument(tiny_dir)


def _changed(run, change):
    def call(inputs):
        return change(run(inputs))

    return call


def test_an_export_that_lies_is_not_kept(instrument, tmp_path, monkeypatch):
    honest = saved_models.run

    def lying(directory):
        return _changed(honest(directory), lambda y: {**y, 'audio': 1.01 * y['audio']})

    monkeypatch.setattr(saved_models, 'run', lying)
    with pytest.raises(export.ExportError, match=r'SavedModel.*audio by \d'):
        export.export_instrument(instrument, tmp_path / 'out', 'savedmodel')
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_earlier_export(
    instrument, exported, tmp_path, monkeypatch
):
    out = tmp_path / 'out'
    shutil.copytree(exported('tflite').directory, out)
    before = (out / 'metadata.json').read_text()

    def broken(directory):
        raise KeyboardInterrupt

    monkeypatch.setattr(saved_models, 'run', broken)
    with pytest.raises(KeyboardInterrupt):
        export.export_instrument(instrument, out, 'savedmodel', overwrite=True)
    assert (out / 'metadata.json').read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ['out']


def test_unknown_formats_and_rates_are_refused_before_any_work(tmp_path):
    with pytest.raises(ValueError, match='savedmodel, tflite, onnx, web'):
        export.export_instrument('no such thing', tmp_path / 'out', 'pickle')
    with pytest.raises(ValueError, match='rate of the reverb is 10 Hz'):
        export.export_instrument('violin', tmp_path / 'out', reverb_rate=10)
    with pytest.raises(ValueError, match='leave frames_per_block out'):
        export.export_instrument('violin', tmp_path / 'out', 'web', frames_per_block=2)
    with pytest.raises(FileNotFoundError, match='no such thing'):
        export.export_instrument('no such thing', tmp_path / 'out')
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_not_free_is_refused_before_any_work(tmp_path):
    (tmp_path / 'thesis.txt').write_text('years of work')
    with pytest.raises(FileExistsError, match=r'not empty.*--overwrite'):
        export.export_instrument('no such thing', tmp_path)
    with pytest.raises(FileExistsError, match='no export has written'):
        export.export_instrument('no such thing', tmp_path, overwrite=True)
    with pytest.raises(NotADirectoryError, match='is a file'):
        export.export_instrument('no such thing', tmp_path / 'thesis.txt')
    assert (tmp_path / 'thesis.txt').read_text() == 'years of work'


def test_a_rate_for_a_reverb_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match='violin has no reverb'):
        export.export_instrument(
            'violin', tmp_path / 'out', 'savedmodel', reverb_rate=44100
        )
    assert list(tmp_path.iterdir()) == []


def _function(call):
    return of_function(call, {'x': tf.TensorSpec([1, 8])})


def _spectrum(x):
    spectrum = tf.signal.fft(tf.complex(x, x))
    return {'y': tf.math.real(tf.signal.ifft(spectrum * spectrum))}


def test_tflite_names_the_operations_that_it_lacks(tmp_path):
    _function(_spectrum).save(tmp_path)
    with pytest.raises(export.ExportError, match=r'TFLite cannot hold.*FFT'):
        tflite.convert(tmp_path)


def test_onnx_names_the_operations_that_it_lacks():
    with pytest.raises(export.ExportError, match=r'ONNX cannot hold.*FFT'):
        onnx_models.convert(_function(_spectrum))


def test_onnx_names_an_operation_that_nobody_knows_of():
    exported = _function(lambda x: {'y': tf.math.special.dawsn(x)})
    with pytest.raises(export.ExportError, match=r'ONNX cannot hold.*Dawsn'):
        onnx_models.convert(exported)


def test_a_broken_onnx_file_is_not_valid():
    with pytest.raises(export.ExportError, match='not valid'):
        onnx_models.run(b'no model')


@pytest.mark.parametrize(
    ('package', 'call'),
    [
        ('tf2onnx', lambda: onnx_models.convert(_function(lambda x: {'y': 2.0 * x}))),
        ('onnxruntime', lambda: onnx_models.run(b'')),
        ('ai_edge_litert.interpreter', lambda: tflite.run(b'')),
    ],
)
def test_a_missing_package_is_named(monkeypatch, package, call):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r"pip install 'ddsp\[export\]'"):
        call()


def test_saved_models_that_are_none(tmp_path):
    with pytest.raises(ValueError, match='no SavedModel'):
        saved_models.load(tmp_path)
    tf.saved_model.save(tf.Module(), str(tmp_path / 'bare'))
    with pytest.raises(ValueError, match='serving_default'):
        saved_models.load(tmp_path / 'bare')


def test_shapes_must_be_known():
    with pytest.raises(ValueError, match=r'x has the shape \(1, None\)'):
        of_function(lambda x: {'y': x}, {'x': tf.TensorSpec([1, None])})


_BLOCKS = [{'x': np.full([1, 8], 0.1 * i, np.float32)} for i in range(3)]


def _sum():
    specs = {'x': tf.TensorSpec([1, 8]), 'sum': tf.TensorSpec([1, 8])}
    return of_function(lambda x, total: {'next_sum': x + total, 'y': 2 * x}, specs)


def test_compare_carries_the_state_of_each():
    exported = _sum()
    assert exported.carried == {'sum': 'next_sum'}
    assert checking.compare(exported, exported, _BLOCKS, 'it') == {
        'next_sum': 0.0,
        'y': 0.0,
    }
    # A little forgotten at each step adds up.
    drifting = _changed(exported, lambda y: {**y, 'next_sum': y['next_sum'] + 4e-5})
    assert checking.compare(exported, drifting, _BLOCKS[:2], 'it')['y'] == 0.0
    with pytest.raises(export.ExportError, match=r'next_sum by 0\.00012'):
        checking.compare(exported, drifting, _BLOCKS, 'it')


def test_nan_is_a_difference():
    exported = _sum()
    broken = _changed(exported, lambda y: {**y, 'y': np.nan * y['y']})
    with pytest.raises(export.ExportError, match='y by inf'):
        checking.compare(exported, broken, _BLOCKS, 'it')


def test_compare_tells_of_what_is_missing_or_does_not_run():
    exported = _sum()
    with pytest.raises(export.ExportError, match='it gives no next_sum'):
        checking.compare(exported, lambda inputs: {'y': 0}, _BLOCKS, 'it')

    def failing(inputs):
        raise RuntimeError('no kernel')

    with pytest.raises(export.ExportError, match='it does not run: no kernel'):
        checking.compare(exported, failing, _BLOCKS, 'it')


def test_compare_tells_noise_from_mistakes():
    specs = {'x': tf.TensorSpec([1, 8])}

    def noisy(x, gain=1.0, offset=0.0):
        noise = gain * tf.random.uniform([1, 4000], -1.0, 1.0)
        return {'y': tf.reduce_sum(x) + noise + offset}

    exported = of_function(noisy, specs)
    assert exported.draws_noise
    assert checking.compare(exported, of_function(noisy, specs), _BLOCKS, 'it') == {
        'y': 0.0
    }
    for wrong in ({'gain': 1.5}, {'gain': 0.5}, {'offset': 0.6}):
        other = of_function(lambda x, wrong=wrong: noisy(x, **wrong), specs)
        with pytest.raises(export.ExportError, match='y by inf'):
            checking.compare(exported, other, _BLOCKS, 'it')
