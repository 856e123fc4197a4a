import functools

import gin
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from ddsp import core

FREQUENCY_FUNCTIONS = {
    'softmax': core.frequencies_softmax,
    'sigmoid': core.frequencies_sigmoid,
    'bark': core.frequencies_critical_bands,
    'mel': functools.partial(core.frequencies_critical_bands, scale='mel'),
}
ALL_FUNCTIONS = {
    'exp_sigmoid': core.exp_sigmoid,
    'sym_exp_sigmoid': core.sym_exp_sigmoid,
    **{n: functools.partial(f, depth=4) for n, f in FREQUENCY_FUNCTIONS.items()},
}


@pytest.fixture
def outputs():
    return np.random.default_rng(0).normal(size=(2, 5, 12)).astype(np.float32)


@pytest.mark.parametrize('jit', [False, True])
@pytest.mark.parametrize('name', ALL_FUNCTIONS)
def test_graph_of_unknown_sizes_agrees_with_eager(name, jit, outputs):
    fn = ALL_FUNCTIONS[name]
    signature = [tf.TensorSpec([None, None, 12], tf.float32)]
    compiled = tf.function(fn, input_signature=signature, jit_compile=jit)
    np.testing.assert_allclose(compiled(outputs), fn(outputs), rtol=5e-5)


@pytest.mark.parametrize('name', ALL_FUNCTIONS)
@pytest.mark.parametrize('scale', [0.0, 1.0, 1e3, 1e6])
def test_values_and_gradients_are_finite(name, scale, outputs):
    x = tf.constant(scale * outputs)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = ALL_FUNCTIONS[name](x)
    assert np.isfinite(y).all()
    assert np.isfinite(tape.gradient(y, x)).all()


@pytest.mark.parametrize('name', FREQUENCY_FUNCTIONS)
def test_number_of_channels_may_be_unknown(name, outputs):
    fn = functools.partial(FREQUENCY_FUNCTIONS[name], depth=4)
    compiled = tf.function(
        fn, input_signature=[tf.TensorSpec([None, None, None], tf.float32)]
    )
    np.testing.assert_allclose(compiled(outputs), fn(outputs), rtol=1e-6)


@pytest.mark.parametrize(
    'kwargs', [{}, {'exponent': 4.0, 'max_value': 0.7, 'threshold': 1e-3}]
)
def test_exp_sigmoid_is_a_power_of_the_sigmoid(kwargs):
    x = np.linspace(-12, 12, 121)
    exponent = np.log(kwargs.get('exponent', 10.0))
    want = kwargs.get('max_value', 2.0) * special.expit(x) ** exponent
    want += kwargs.get('threshold', 1e-7)
    np.testing.assert_allclose(core.exp_sigmoid(x, **kwargs), want, rtol=1e-5)


@settings(deadline=None, max_examples=50)
@given(st.floats(-1e4, 1e4, width=32), st.floats(1.5, 100.0))
def test_exp_sigmoid_stays_in_its_range(x, exponent):
    value = float(core.exp_sigmoid(x, exponent=exponent))
    assert 1e-7 * (1 - 1e-6) <= value <= 2.0 + 1e-6


def test_exp_sigmoid_falls_by_its_exponent():
    x = np.array([-10.0, -11.0, -12.0])
    levels = core.exp_sigmoid(x, exponent=5.0, threshold=0.0).numpy()
    np.testing.assert_allclose(levels[:-1] / levels[1:], 5.0, rtol=1e-3)


def test_exp_sigmoid_refuses_a_flat_exponent():
    with pytest.raises(ValueError, match=r'exp_sigmoid: exponent must be above 1'):
        core.exp_sigmoid(0.0, exponent=1.0)


def test_sym_exp_sigmoid_is_symmetric_and_least_at_zero():
    x = np.linspace(0, 6, 61)
    right = core.sym_exp_sigmoid(x).numpy()
    np.testing.assert_array_equal(right, core.sym_exp_sigmoid(-x))
    assert np.all(np.diff(right) >= 0)
    want = core.exp_sigmoid(8.0 * (x / 2 - 1))
    np.testing.assert_allclose(right, want, rtol=1e-5)


def test_softmax_picks_and_averages_pitches():
    # All weight on one of 3 pitches from 110 to 1760 Hz, then evenly on all of them.
    picks = 100.0 * np.eye(3).reshape(1, 1, 9)
    got = core.frequencies_softmax(picks, depth=3, hz_min=110.0, hz_max=1760.0)
    np.testing.assert_allclose(got, [[[110, 440, 1760]]], rtol=1e-5)
    even = core.frequencies_softmax(np.zeros([1, 1, 3]), 3, hz_min=110.0, hz_max=1760.0)
    np.testing.assert_allclose(even, [[[440]]], rtol=1e-5)


@pytest.mark.parametrize('depth', [1, 2, 5])
@pytest.mark.parametrize('hz_min', [0.0, 55.0])
def test_sigmoid_parts_reach_the_top_and_the_bottom(depth, hz_min):
    top = core.frequencies_sigmoid(
        np.full([1, 1, depth], 50.0), depth, hz_min=hz_min, hz_max=8000.0
    )
    np.testing.assert_allclose(top, [[[8000.0]]], rtol=1e-5)
    bottom = core.frequencies_sigmoid(
        np.full([1, 1, depth], -50.0), depth, hz_min=hz_min, hz_max=8000.0
    )
    note_zero = 440 * 2 ** (-69 / 12)
    want = (depth - 1) * note_zero + (hz_min or note_zero)
    np.testing.assert_allclose(bottom, [[[want]]], rtol=1e-5)


def test_sigmoid_parts_become_finer():
    rest = core.frequencies_sigmoid(np.full([1, 1, 4], -50.0), 4).numpy().item()
    reach = [
        core.frequencies_sigmoid(
            np.where(np.arange(4) == i, 50.0, -50.0)[None, None], 4
        )
        .numpy()
        .item()
        - rest
        for i in range(4)
    ]
    assert reach == sorted(reach, reverse=True)
    assert sum(reach) == pytest.approx(8000.0 - rest, rel=1e-4)


@pytest.mark.parametrize('scale', ['bark', 'mel'])
def test_critical_bands_are_even_on_a_scale_of_hearing(scale):
    got = core.frequencies_critical_bands(
        np.zeros([1, 1, 8]), hz_min=50.0, hz_max=6000.0, scale=scale
    )[0, 0]
    from_hz = {'bark': core.hz_to_bark, 'mel': core.hz_to_mel}[scale]
    # The last centre is raised beyond the range and clipped.
    steps = np.diff(from_hz(got.numpy()[:-1] - 50.0))
    np.testing.assert_allclose(steps, steps[0], rtol=1e-3)
    assert float(got[0]) == pytest.approx(100.0, rel=1e-4)
    assert float(got[-1]) == 6000.0


def test_critical_bands_depart_by_bandwidths():
    def bands(value, depth=2, **kwargs):
        x = np.tile(value, [1, 1, 6])
        return core.frequencies_critical_bands(x, depth, **kwargs)[0, 0, 1:-1].numpy()

    rest = bands([0.0, 0.0])
    erb_hz = core.hz_to_erb(rest - 20.0).numpy()
    np.testing.assert_allclose(bands([50.0, 0.0]) - rest, erb_hz, rtol=1e-4)
    np.testing.assert_allclose(bands([0.0, -50.0]) - rest, -erb_hz / 10, rtol=1e-3)
    wide = bands([0.0, 50.0], bandwidth_scale=0.5, depth_scale=2.0)
    np.testing.assert_allclose(wide - rest, erb_hz / 4, rtol=1e-3)


@pytest.mark.parametrize('name', FREQUENCY_FUNCTIONS)
def test_bad_channels_are_explained(name):
    fn = FREQUENCY_FUNCTIONS[name]
    with pytest.raises(ValueError, match=r'7 channels .* depth 3; give sinusoids'):
        fn(np.zeros([1, 2, 7]), depth=3)
    with pytest.raises(ValueError, match=r'freqs has shape \[2, 6\], expected \[batch'):
        fn(np.zeros([2, 6]), depth=3)


def test_bad_ranges_and_scales_are_explained():
    with pytest.raises(ValueError, match=r"unknown scale 'hz', choose one of"):
        core.frequencies_critical_bands(np.zeros([1, 1, 2]), scale='hz')
    with pytest.raises(ValueError, match=r'0 <= hz_min < hz_max, got hz_min=9'):
        core.frequencies_sigmoid(np.zeros([1, 1, 2]), hz_min=9.0, hz_max=5.0)


def test_gin_finds_the_functions_under_core():
    with gin.unlock_config():
        gin.parse_config('ddsp.core.exp_sigmoid.max_value = 3.0')
        try:
            fn = gin.get_configurable('ddsp.core.exp_sigmoid')
            assert float(fn(100.0)) == pytest.approx(3.0)
            assert float(core.exp_sigmoid(100.0)) == pytest.approx(2.0)
        finally:
            gin.clear_config()
