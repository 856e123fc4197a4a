import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp import core

audible_hz = st.floats(20, 20000, width=32)
positions = st.floats(0, 1, width=32)

UNIT_FUNCTIONS = {
    'amplitude_to_db': core.amplitude_to_db,
    'power_to_db': core.power_to_db,
    'db_to_amplitude': core.db_to_amplitude,
    'db_to_power': core.db_to_power,
    'midi_to_hz': core.midi_to_hz,
    'midi_to_hz_silence': lambda x: core.midi_to_hz(x, midi_zero_silence=True),
    'hz_to_midi': core.hz_to_midi,
    'unit_to_midi': lambda x: core.unit_to_midi(x, clip=True),
    'midi_to_unit': lambda x: core.midi_to_unit(x, clip=True),
    'unit_to_hz': lambda x: core.unit_to_hz(x, 0.0, 8000.0, clip=True),
    'hz_to_unit': lambda x: core.hz_to_unit(x, 0.0, 8000.0, clip=True),
    'hz_to_bark': core.hz_to_bark,
    'bark_to_hz': core.bark_to_hz,
    'hz_to_mel': core.hz_to_mel,
    'mel_to_hz': core.mel_to_hz,
    'hz_to_erb': core.hz_to_erb,
}


def value_and_slope(fn, x, **function_kwargs):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)], **function_kwargs)
    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = fn(x)
        return y, tape.gradient(y, x)

    value, slope = both(np.asarray(x, np.float32))
    return value.numpy(), slope.numpy()


@pytest.mark.parametrize('jit', [False, True])
@pytest.mark.parametrize('name', UNIT_FUNCTIONS)
def test_graph_agrees_with_eager_and_slopes_with_differences(name, jit):
    fn = UNIT_FUNCTIONS[name]
    x = np.array([0.3, 1.7, 7.1, 21.4])
    value, slope = value_and_slope(fn, x, jit_compile=jit)
    np.testing.assert_allclose(value, fn(tf.constant(x, tf.float32)), rtol=2e-6)
    step = 0.02
    up, down = (fn(tf.constant(x + s, tf.float32)) for s in (step, -step))
    # A difference of float32 numbers is only so exact.
    rounding = 1e-6 * np.abs(value).max() / step
    difference = (up.numpy() - down.numpy()) / (2 * step)
    np.testing.assert_allclose(slope, difference, rtol=2e-2, atol=rounding + 1e-6)


@pytest.mark.parametrize('name', UNIT_FUNCTIONS)
def test_zero_has_a_finite_value_and_slope(name):
    value, slope = value_and_slope(UNIT_FUNCTIONS[name], [0.0])
    assert np.isfinite(value).all()
    assert np.isfinite(slope).all()


@pytest.mark.parametrize('name', ['amplitude_to_db', 'power_to_db', 'hz_to_midi'])
def test_logarithmic_units_take_the_extremes(name):
    x = [-1e30, -1.0, 1e-38, 1e-25, 1e-6, 1e18]
    value, slope = value_and_slope(UNIT_FUNCTIONS[name], x)
    assert np.isfinite(value).all()
    assert np.isfinite(slope[[0, 1, 4, 5]]).all()


def test_decibels_of_known_levels():
    power = [1.0, 10.0, 0.5, 1e-3]
    np.testing.assert_allclose(
        core.power_to_db(power), [0, 10, -3.0103, -30], atol=1e-4
    )
    np.testing.assert_allclose(
        core.amplitude_to_db(power), [0, 20, -6.0206, -60], atol=1e-4
    )
    np.testing.assert_allclose(core.db_to_power([0.0, 20.0, -10.0]), [1, 100, 0.1])
    np.testing.assert_allclose(core.db_to_amplitude([0.0, 20.0, -20.0]), [1, 10, 0.1])


@pytest.mark.parametrize('to_db', [core.amplitude_to_db, core.power_to_db])
def test_reference_and_range(to_db):
    x = np.array([0.0, 1e-30, 1e-2, 1.0])
    plain = to_db(x, range_db=200.0).numpy()
    shifted = to_db(x, ref_db=-6.0, range_db=35.0).numpy()
    np.testing.assert_allclose(shifted, np.maximum(plain + 6.0, -35.0), atol=1e-5)
    assert to_db(0.0).numpy() == -core.DB_RANGE
    assert core.DB_RANGE == 80.0


@pytest.mark.parametrize('to_db', [core.amplitude_to_db, core.power_to_db])
def test_numpy_decibels_agree_with_tensorflow(to_db):
    x = np.append(0.0, np.geomspace(1e-7, 1e3, 100))
    got = to_db(x, ref_db=3.0, range_db=100.0, use_tf=False)
    assert isinstance(got, np.ndarray)
    np.testing.assert_allclose(got, to_db(x, ref_db=3.0, range_db=100.0), atol=5e-5)


@settings(deadline=None, max_examples=50)
@given(st.floats(-79, 60))
def test_decibels_round_trip(db):
    assert float(core.amplitude_to_db(core.db_to_amplitude(db))) == pytest.approx(
        db, abs=1e-4
    )
    assert float(core.power_to_db(core.db_to_power(db))) == pytest.approx(db, abs=1e-4)


def test_db_to_amplitude_keeps_the_kind_of_its_argument():
    assert isinstance(core.db_to_amplitude(-20.0), float)
    assert isinstance(core.db_to_amplitude(np.zeros(3)), np.ndarray)
    assert tf.is_tensor(core.db_to_power(tf.constant([0, 10])))
    np.testing.assert_allclose(core.db_to_power(tf.constant([0, 10])), [1, 10])


def test_equal_temperament():
    notes = [69, 57, 81, 60, 21]
    hz = [440.0, 220.0, 880.0, 261.6256, 27.5]
    np.testing.assert_allclose(core.midi_to_hz(notes), hz, rtol=1e-6)
    np.testing.assert_allclose(core.hz_to_midi(hz), notes, rtol=1e-6)


def test_midi_agrees_with_float64():
    notes = np.linspace(0, 127, 1000)
    hz = 440 * 2 ** ((notes - 69) / 12)
    np.testing.assert_allclose(core.midi_to_hz(notes), hz, rtol=1e-6)
    np.testing.assert_allclose(core.hz_to_midi(hz), notes, atol=1e-5)


def test_silence_is_note_zero():
    np.testing.assert_array_equal(core.hz_to_midi([0.0, -5.0, 440.0]), [0, 0, 69])
    np.testing.assert_array_equal(
        core.midi_to_hz([0.0, 69.0], midi_zero_silence=True), [0, 440]
    )
    assert float(core.midi_to_hz(0.0)) == pytest.approx(8.175799)
    _, slope = value_and_slope(core.hz_to_midi, [0.0, -5.0, 440.0])
    np.testing.assert_allclose(slope, [0, 0, 12 / math.log(2) / 440], rtol=1e-6)


@settings(deadline=None, max_examples=50)
@given(audible_hz)
def test_pitch_scales_round_trip(hz):
    assert float(core.midi_to_hz(core.hz_to_midi(hz))) == pytest.approx(hz, rel=2e-6)
    assert float(core.mel_to_hz(core.hz_to_mel(hz))) == pytest.approx(hz, rel=1e-5)
    assert float(core.bark_to_hz(core.hz_to_bark(hz))) == pytest.approx(hz, rel=5e-5)
    assert float(
        core.unit_to_hz(core.hz_to_unit(hz, 20.0, 20000.0), 20.0, 20000.0)
    ) == pytest.approx(hz, rel=1e-5)


@settings(deadline=None, max_examples=50)
@given(positions)
def test_units_round_trip(unit):
    midi = core.unit_to_midi(unit, 20.0, 90.0)
    assert float(midi) == pytest.approx(20 + 70 * unit, abs=1e-5)
    assert float(core.midi_to_unit(midi, 20.0, 90.0)) == pytest.approx(unit, abs=1e-6)


def test_units_clip_only_when_asked():
    np.testing.assert_allclose(core.unit_to_midi([-1.0, 2.0]), [-50, 160])
    np.testing.assert_allclose(core.unit_to_midi([-1.0, 2.0], clip=True), [20, 90])
    np.testing.assert_allclose(core.midi_to_unit([-50.0, 160.0]), [-1, 2])
    np.testing.assert_allclose(core.midi_to_unit([-50.0, 160.0], clip=True), [0, 1])
    np.testing.assert_allclose(
        core.unit_to_hz([-1.0, 0.5, 2.0], 110.0, 440.0, clip=True),
        [110, 220, 440],
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        core.hz_to_unit([55.0, 220.0, 880.0], 110.0, 440.0), [-0.5, 0.5, 1.5], atol=1e-6
    )
    np.testing.assert_allclose(
        core.hz_to_unit([55.0, 880.0], 110.0, 440.0, clip=True), [0, 1]
    )


def test_scales_of_hearing_at_known_points():
    # Traunmüller's formula by hand; 1000 mel is 1000 Hz by definition of the mel.
    assert float(core.hz_to_bark(1000.0)) == pytest.approx(26.81 / 2.96 - 0.53)
    assert float(core.hz_to_bark(0.0)) == pytest.approx(-0.53)
    assert float(core.hz_to_mel(1000.0)) == pytest.approx(1000.0, abs=0.1)
    assert float(core.hz_to_mel(0.0)) == 0.0
    assert float(core.hz_to_erb(1000.0)) == pytest.approx(132.7)


@pytest.mark.parametrize('function', [core.hz_to_bark, core.hz_to_mel, core.hz_to_erb])
def test_scales_of_hearing_rise(function):
    assert np.all(np.diff(function(np.linspace(0.0, 20000.0, 500))) > 0)
