import functools
import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp import core

EXTREMES = [-1e30, -1e4, -1.0, -1e-30, 0.0, 1e-30, 1e-6, 0.5, 1.0, 1e4, 1e30]

numbers = st.floats(-1e6, 1e6, width=32)
# Below 1.2e-38 TensorFlow counts as zero on some processors.
limits = st.floats(-100, 100, width=32, allow_subnormal=False)
spans = st.floats(0, 100, width=32, allow_subnormal=False)

ELEMENTWISE = {
    'nan_to_num': core.nan_to_num,
    'safe_log': core.safe_log,
    'logb': functools.partial(core.logb, base=3.0),
    'log10': core.log10,
    'soft_limit': functools.partial(core.soft_limit, x_min=-2.0, x_max=5.0),
    'gradient_reversal': core.gradient_reversal,
    'safe_divide': lambda x: core.safe_divide(tf.ones_like(x), x),
    'log_scale': lambda x: core.log_scale(tf.tanh(x), 20.0, 8000.0),
}


def gradient(fn, *values):
    values = [tf.constant(v, tf.float32) for v in values]
    with tf.GradientTape() as tape:
        tape.watch(values)
        result = fn(*values)
    return [g.numpy() for g in tape.gradient(result, values)]


@pytest.mark.parametrize('jit', [False, True])
@pytest.mark.parametrize('name', ELEMENTWISE)
def test_graph_of_unknown_sizes_agrees_with_eager(name, jit):
    fn = ELEMENTWISE[name]
    signature = [tf.TensorSpec([None, None], tf.float32)]
    compiled = tf.function(fn, input_signature=signature, jit_compile=jit)
    x = np.linspace(-3, 4, 42).reshape(6, 7).astype(np.float32)
    np.testing.assert_allclose(compiled(x), fn(x), rtol=2e-6, atol=1e-6)
    assert fn(x).dtype == tf.float32


@pytest.mark.parametrize('name', ELEMENTWISE)
def test_gradients_are_finite_at_zero_and_at_extremes(name):
    x = EXTREMES
    if name == 'safe_divide':
        # The slope of 1 / 1e-30 is truly beyond float32.
        x = [v for v in EXTREMES if abs(v) != 1e-30]
    assert np.isfinite(gradient(ELEMENTWISE[name], x)).all()


def test_nan_to_num_replaces_only_nan():
    x = [1.0, math.nan, -math.inf, 0.0]
    np.testing.assert_array_equal(core.nan_to_num(x, 7.0), [1, 7, -math.inf, 0])
    np.testing.assert_array_equal(core.nan_to_num(x), [1, 0, -math.inf, 0])
    np.testing.assert_array_equal(gradient(core.nan_to_num, x)[0], [1, 0, 1, 1])


def test_safe_divide_is_exact_except_at_zero():
    numerator = np.array([1.0, -2.0, 3e-20, 0.0, 5.0])
    denominator = np.array([3.0, -4.0, 4e-20, 0.0, 0.0])
    got = core.safe_divide(numerator, denominator, eps=1e-3)
    np.testing.assert_allclose(got, [1 / 3, 0.5, 0.75, 0.0, 5e3], rtol=1e-6)


def test_safe_divide_broadcasts_and_has_finite_gradients_at_zero():
    got = core.safe_divide([[1.0], [2.0]], [0.0, 4.0])
    np.testing.assert_allclose(got, [[1e7, 0.25], [2e7, 0.5]], rtol=1e-6)
    by_numerator, by_denominator = gradient(
        core.safe_divide, [1.0, 1.0, 0.0], [0.0, 2.0, 0.0]
    )
    np.testing.assert_allclose(by_numerator, [1e7, 0.5, 1e7], rtol=1e-6)
    np.testing.assert_allclose(by_denominator, [0.0, -0.25, 0.0], rtol=1e-6)


def test_safe_divide_normalises_a_quiet_distribution():
    x = np.array([1e-12, 3e-12], np.float32)
    got = core.safe_divide(x, x.sum())
    np.testing.assert_allclose(got, [0.25, 0.75], rtol=1e-6)


@settings(deadline=None, max_examples=50)
@given(a=numbers, b=numbers)
def test_safe_log_is_monotonic(a, b):
    low, high = min(a, b), max(a, b)
    assert float(core.safe_log(low)) <= float(core.safe_log(high))


def test_logarithms_agree_with_float64():
    x = np.geomspace(1e-5, 1e8, 200)
    np.testing.assert_allclose(core.safe_log(x), np.log(x), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(core.log10(x), np.log10(x), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(core.logb(x), np.log2(x), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(
        core.logb([[8.0], [64.0]], base=[2.0, 8.0]), [[3, 1], [6, 2]], rtol=1e-6
    )


@pytest.mark.parametrize('x', [0.0, -3.0, 1e-9])
def test_logarithms_stop_at_their_floor(x):
    assert float(core.safe_log(x, eps=1e-3)) == pytest.approx(math.log(1e-3))
    assert float(core.logb(x, base=10.0, eps=1e-4)) == pytest.approx(-4.0)
    assert float(core.log10(x, eps=1e-2)) == pytest.approx(-2.0)


@settings(deadline=None, max_examples=50)
@given(x=st.floats(-1, 1), low=st.floats(1, 100), ratio=st.floats(1.1, 1000))
def test_log_scale_is_geometric_interpolation(x, low, ratio):
    want = low * ratio ** ((x + 1) / 2)
    assert float(core.log_scale(x, low, low * ratio)) == pytest.approx(want, rel=1e-5)


@pytest.mark.parametrize('limits', [(0.0, 1.0), (-1.0, 1.0), (1.0, 0.0)])
def test_log_scale_refuses_limits_without_logarithm(limits):
    with pytest.raises(ValueError, match=r'log_scale.*above 0.*min_x='):
        core.log_scale(0.0, *limits)


@settings(deadline=None, max_examples=50)
@given(x=numbers, low=limits, span=spans)
def test_soft_limit_stays_within_limits(x, low, span):
    low, high = np.float32(low), np.float32(low) + np.float32(span)
    got = core.soft_limit(x, float(low), float(high)).numpy()
    assert low <= got <= high


def test_soft_limit_agrees_with_float64():
    x = np.linspace(-15, 25, 201)
    low, high = -0.5, 7.0
    want = low + np.logaddexp(0, x) - np.logaddexp(0, x - (high - low))
    np.testing.assert_allclose(core.soft_limit(x, low, high), want, atol=3e-6)
    assert float(core.soft_limit(50.0, low, high)) == pytest.approx(high)
    assert float(core.soft_limit(-50.0, low, high)) == pytest.approx(low)


def test_soft_limit_refuses_swapped_limits():
    with pytest.raises(ValueError, match=r'soft_limit: x_min=2.* x_max=1'):
        core.soft_limit(0.0, 2.0, 1.0)


@pytest.mark.parametrize('jit', [False, True])
def test_gradient_reversal_turns_the_gradient_round(jit):
    @tf.function(jit_compile=jit)
    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            result = tf.square(core.gradient_reversal(x))
        return result, tape.gradient(result, x)

    value, slope = both(tf.constant([1.0, -2.0, 3.0]))
    np.testing.assert_array_equal(value, [1, 4, 9])
    np.testing.assert_array_equal(slope, [-2, 4, -6])
