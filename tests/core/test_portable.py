"""Operations that every runtime has, against NumPy and against the usual ones."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import tensorflow as tf

from ddsp import effects, processors, synths
from ddsp.core import portable
from ddsp.core.portable import is_portable, portable_ops
from ddsp.training import nn

# Operations that TensorFlow Lite or ONNX lack.
_LACKING = {'RFFT', 'IRFFT', 'FFT', 'Complex', 'While', 'StatelessWhile', 'FloorDiv'}


def test_portable_ops_lasts_as_long_as_its_context():
    assert not is_portable()
    with contextlib.suppress(KeyError), portable_ops():
        assert is_portable()
        raise KeyError
    assert not is_portable()


@pytest.mark.parametrize('n', [2, 10, 14, 64, 640])  # Some with a large prime factor.
def test_rfft_is_that_of_numpy(n):
    x = np.random.default_rng(n).normal(size=[2, 3, n])
    expected = np.fft.rfft(x)
    given = portable.rfft(tf.constant(x, tf.float32)).numpy()
    both = np.concatenate([expected.real, expected.imag], axis=-1)
    np.testing.assert_allclose(given, both, atol=1e-5 * np.sqrt(n) * 4)
    back = portable.irfft(tf.constant(both, tf.float32), n)
    np.testing.assert_allclose(back, x, atol=1e-5)


def test_irfft_is_that_of_numpy_when_the_ends_are_not_real():
    rng = np.random.default_rng(3)
    spectrum = rng.normal(size=5) + 1j * rng.normal(size=5)
    both = np.concatenate([spectrum.real, spectrum.imag])
    given = portable.irfft(tf.constant(both, tf.float32), 8)
    np.testing.assert_allclose(given, np.fft.irfft(spectrum, 8), atol=1e-6)


def test_log_is_that_of_numpy_in_either_type():
    x = np.concatenate([np.logspace(-37, 37, 400), 1.0 + np.logspace(-9, -1, 50)])
    for dtype, error in (('float64', 1e-15), ('float32', 3e-7)):
        given = portable.log(tf.constant(x, dtype))
        assert given.dtype == dtype
        np.testing.assert_allclose(
            given, np.log(x.astype(dtype).astype('float64')), rtol=error, atol=error
        )


def test_log_of_float64_takes_none_of_an_operation_that_is_float32_elsewhere():
    traced = tf.function(portable.log).get_concrete_function(
        tf.TensorSpec([3], tf.float64)
    )
    logs = [op for op in traced.graph.get_operations() if op.type == 'Log']
    assert [op.inputs[0].dtype for op in logs] == [tf.float32]


def test_multiply_multiplies_complex_numbers_on_any_axis():
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=[2, 4]) + 1j * rng.normal(size=[2, 4]) for _ in range(2))
    packed = [tf.constant(np.concatenate([x.real, x.imag], 0)) for x in (a, b)]
    given = portable.multiply(*packed, axis=0).numpy()
    np.testing.assert_allclose(given[:2] + 1j * given[2:], a * b, atol=1e-12)


def test_inverse_of_magnitudes_is_the_inverse_transform():
    magnitudes = np.random.default_rng(1).uniform(size=[2, 3, 9])
    given = portable.inverse_of_magnitudes(tf.constant(magnitudes, tf.float32))
    np.testing.assert_allclose(given, np.fft.irfft(magnitudes), atol=1e-6)


@pytest.mark.parametrize('sizes', [(1, 1), (7, 4), (4, 7), (40, 600), (700, 600)])
def test_convolve_is_that_of_numpy(sizes):
    rng = np.random.default_rng(2)
    frames, responses = (rng.normal(size=[2, 3, n]) for n in sizes)
    given = portable.convolve(
        *(tf.constant(x, tf.float32) for x in (frames, responses))
    )
    for i in range(2):
        for j in range(3):
            expected = np.convolve(frames[i, j], responses[i, j])
            np.testing.assert_allclose(given[i, j], expected, atol=1e-3)


def test_convolve_takes_one_response_for_all_frames():
    frames = tf.random.stateless_uniform([2, 3, 8], [0, 1])
    response = tf.random.stateless_uniform([1, 1, 5], [0, 2])
    repeated = response + tf.zeros([2, 3, 1])
    given = portable.convolve(frames, response)
    np.testing.assert_allclose(given, portable.convolve(frames, repeated), atol=1e-6)


def _rows(channels, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=[6, 1, 3, channels]).astype(np.float32)


def _harmonic(method):
    # Vibrato so wide that harmonics pass Nyquist inside of frames.
    f0_hz = 900.0 + 400.0 * np.sin(np.arange(18.0)).reshape([6, 1, 3, 1])
    inputs = {
        'amplitudes': _rows(1, 0),
        'harmonic_distribution': _rows(12, 1),
        'f0_hz': f0_hz.astype(np.float32),
    }
    synth = synths.Harmonic(n_samples=None, amp_resample_method=method)
    return synth, inputs, {}


def _wavetable(changes):
    # No power of two, and through zero: phase goes backwards, too.
    tables = _rows(50, 9) if changes else np.tile(_rows(50, 9)[:1, :, 0], [6, 1, 1])
    f0_hz = 300.0 + 700.0 * np.sin(np.arange(18.0)).reshape([6, 1, 3, 1])
    inputs = {
        'amplitudes': _rows(1, 7),
        'wavetables': tables,
        'f0_hz': f0_hz.astype(np.float32),
    }
    return synths.Wavetable(n_samples=None), inputs, {}


def _noise(crossfade, window_size):
    noise = np.random.default_rng(5).uniform(-1.0, 1.0, [6, 1, 3 * 64])
    synth = synths.FilteredNoise(
        n_samples=None, crossfade=crossfade, window_size=window_size, initial_bias=0.0
    )
    return synth, {'magnitudes': _rows(9, 2)}, {'noise': noise.astype(np.float32)}


def _reverb():
    rng = np.random.default_rng(6)
    reverb = effects.Reverb(trainable=True, reverb_length=150)
    reverb.build(None)
    reverb.ir.assign(0.1 * rng.normal(size=150) * np.exp(-np.arange(150) / 40.0))
    reverb.hop_size = 32
    return reverb, {'audio': rng.normal(size=[6, 1, 96]).astype(np.float32)}, {}


_CASES = {
    'window': lambda: _harmonic('window'),
    'cubic': lambda: _harmonic('cubic'),
    'sinusoidal': lambda: (
        synths.Sinusoidal(n_samples=None),
        {'amplitudes': _rows(4, 3), 'frequencies': _rows(4, 4)},
        {},
    ),
    'wavetable': lambda: _wavetable(False),
    'changing wavetable': lambda: _wavetable(True),
    'noise': lambda: _noise(False, 0),
    'crossfade': lambda: _noise(True, 7),
    'reverb': _reverb,
}


def _stream(module, inputs, options):
    state = module.initial_state(1, {name: x[0] for name, x in inputs.items()})
    played = []
    for block in range(6):
        now, given = ({k: x[block] for k, x in xs.items()} for xs in (inputs, options))
        signal, state = module.step(now, state, **given)
        played.append(signal)
    return np.concatenate(played, axis=1), state


@pytest.mark.parametrize('name', _CASES)
def test_a_portable_stream_sounds_like_the_usual_one(name):
    module, inputs, options = _CASES[name]()
    expected, _ = _stream(module, inputs, options)
    with portable_ops():
        given, state = _stream(module, inputs, options)
    assert np.max(np.abs(expected)) > 0.01
    np.testing.assert_allclose(given, expected, atol=3e-6)
    types = {x.dtype for x in tf.nest.flatten(state)}
    assert types <= {tf.float32, tf.int64}


@pytest.mark.parametrize('name', _CASES)
def test_a_portable_step_has_no_operation_that_runtimes_lack(name):
    module, inputs, options = _CASES[name]()
    first = {key: x[0] for key, x in inputs.items()}
    given = {key: x[0] for key, x in options.items()}
    with portable_ops():
        state = module.initial_state(1, first)
        traced = tf.function(
            lambda inputs, state, options: module.step(inputs, state, **options),
            autograph=False,
        ).get_concrete_function(first, state, given)
    graph = traced.graph.as_graph_def()
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    assert not {node.op for node in nodes} & _LACKING


def test_synthesizers_play_whole_inputs_alike():
    group = processors.ProcessorGroup(
        [
            (synths.Harmonic(n_samples=None), ['amps', 'hd', 'f0_hz']),
            (effects.Reverb(reverb_length=9, name='r'), ['harmonic/signal', 'ir']),
        ]
    )
    rng = np.random.default_rng(8)
    inputs = {
        'amps': rng.normal(size=[1, 9, 1]),
        'hd': rng.normal(size=[1, 9, 5]),
        'f0_hz': rng.uniform(100.0, 900.0, [1, 9, 1]),
        'ir': rng.normal(size=[1, 9]),
    }
    expected = group(inputs)
    with portable_ops():
        given = group(inputs)
    np.testing.assert_allclose(given, expected, atol=2e-6)


def test_a_gru_without_a_loop_is_the_same():
    gru = nn.StatelessRnn(4, 'gru', implementation='loop')
    x, state = tf.random.stateless_normal([2, 5, 3], [0, 1]), tf.ones([2, 4])
    expected = gru(x, state)
    with portable_ops():
        given = gru(x, state)
    for a, b in zip(given, expected):
        np.testing.assert_allclose(a, b, atol=1e-6)
