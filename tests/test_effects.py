from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import gin
import keras
import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

from ddsp import core, effects

RNG = np.random.default_rng(23)


def noise(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x.astype(np.float64)))


def exp_sigmoid(x: np.ndarray) -> np.ndarray:
    return 2.0 * sigmoid(x) ** np.log(10.0) + 1e-7


LEARNING: dict[str, Callable[[], effects.Reverb]] = {
    'reverb': lambda: effects.Reverb(trainable=True, reverb_length=40),
    'trainable_reverb': lambda: effects.TrainableReverb(reverb_length=40),
    'exp_decay': lambda: effects.ExpDecayReverb(True, reverb_length=40, seed=3),
    'filtered_noise': lambda: effects.FilteredNoiseReverb(
        True, reverb_length=40, n_frames=5, n_filter_banks=4, seed=3
    ),
}
# Each effect without weights, and shapes of its controls for 60 samples of audio.
CONTROLLED: dict[str, tuple[Callable[[], Any], list[tuple[int, ...]]]] = {
    'reverb': (effects.Reverb, [(2, 30)]),
    'exp_decay': (
        lambda: effects.ExpDecayReverb(reverb_length=40, seed=3),
        [(2, 1), (2, 1)],
    ),
    'filtered_noise': (
        lambda: effects.FilteredNoiseReverb(reverb_length=40, seed=3),
        [(2, 5, 4)],
    ),
    'fir_filter': (effects.FIRFilter, [(2, 6, 9)]),
    'fir_filter_crossfade': (lambda: effects.FIRFilter(crossfade=True), [(2, 6, 9)]),
    'mod_delay': (effects.ModDelay, [(2, 60, 1), (2, 60, 1)]),
}
ALL = [*[(name, None) for name in LEARNING], *CONTROLLED.items()]


def effect_and_inputs(name: str, made: Any) -> tuple[Any, list[np.ndarray]]:
    if made is None:
        return LEARNING[name](), [noise(2, 60)]
    make, shapes = made
    return make(), [noise(2, 60), *[noise(*shape) for shape in shapes]]


EVERY_EFFECT = pytest.mark.parametrize(
    'name, made', ALL, ids=[f'{n}{"" if m else "-learning"}' for n, m in ALL]
)


# What holds for every effect.


@EVERY_EFFECT
@pytest.mark.parametrize('jit', [False, True])
def test_unknown_batch_and_time(name: str, made: Any, jit: bool) -> None:
    effect, inputs = effect_and_inputs(name, made)
    want = effect(*inputs)
    specs = [tf.TensorSpec([None, None, *x.shape[2:]]) for x in inputs]
    if name == 'exp_decay':
        specs = [specs[0], *[tf.TensorSpec([None, 1]) for _ in specs[1:]]]
    got = tf.function(effect, input_signature=specs, jit_compile=jit)(*inputs)
    assert got.shape == (2, 60)
    np.testing.assert_allclose(got, want, atol=2e-5)


@EVERY_EFFECT
def test_silence_stays_silent_with_finite_gradients(name: str, made: Any) -> None:
    effect, inputs = effect_and_inputs(name, made)
    inputs = [tf.zeros_like(x) for x in inputs]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        out = effect(*inputs)
        loss = tf.reduce_sum((out - 1.0) ** 2)
    np.testing.assert_allclose(out, np.zeros([2, 60]), atol=1e-7)
    for grad in tape.gradient(loss, inputs + effect.trainable_weights):
        assert grad is None or np.isfinite(grad).all()


@EVERY_EFFECT
def test_saved_model_gives_the_same(
    name: str, made: Any, tmp_path: pathlib.Path
) -> None:
    effect, inputs = effect_and_inputs(name, made)
    symbols = [keras.Input(x.shape[1:]) for x in inputs]
    model = keras.Model(symbols, effect(*symbols))
    path = tmp_path / 'model.keras'
    model.save(path)
    again = keras.models.load_model(path)
    np.testing.assert_array_equal(again(inputs), model(inputs))


@EVERY_EFFECT
def test_config_makes_the_same_effect(name: str, made: Any) -> None:
    effect, inputs = effect_and_inputs(name, made)
    again = type(effect).from_config(effect.get_config())
    assert again.get_config() == effect.get_config()
    effect(*inputs), again(*inputs)
    again.set_weights(effect.get_weights())
    np.testing.assert_array_equal(again(*inputs), effect(*inputs))


@EVERY_EFFECT
def test_controls_make_the_signal(name: str, made: Any) -> None:
    effect, inputs = effect_and_inputs(name, made)
    outputs = effect(*inputs, return_outputs_dict=True)
    signal = effect.get_signal(**outputs['controls'])
    np.testing.assert_array_equal(signal, outputs['signal'])
    np.testing.assert_array_equal(signal, effect(*inputs))


@EVERY_EFFECT
@pytest.mark.parametrize(
    'audio, message',
    [
        (np.ones([60]), 'audio has shape'),
        (np.ones([2, 60, 1]), 'audio has shape'),
        (np.ones([2, 0]), 'audio is empty'),
        (np.full([2, 60], np.nan), 'audio holds 120 values that are NaN'),
        (np.full([2, 60], np.inf), 'audio holds 120 values'),
        (np.ones([3, 60]), 'batch sizes differ'),
    ],
    ids=['rank1', 'rank3', 'empty', 'nan', 'inf', 'batch'],
)
def test_wrong_audio(name: str, made: Any, audio: np.ndarray, message: str) -> None:
    effect, inputs = effect_and_inputs(name, made)
    if made is None and message.startswith('batch'):
        effect(audio.astype(np.float32))  # One response for any batch.
        return
    with pytest.raises(ValueError, match=message):
        effect(audio.astype(np.float32), *inputs[1:])


@pytest.mark.parametrize(
    'name',
    [
        'Reverb',
        'TrainableReverb',
        'ExpDecayReverb',
        'FilteredNoiseReverb',
        'FIRFilter',
        'ModDelay',
    ],
)
def test_gin_knows_it(name: str) -> None:
    with gin.unlock_config():
        try:
            gin.parse_config(f'effects.{name}.name = "from_gin"')
            effect = gin.get_configurable(f'effects.{name}')()
        finally:
            gin.clear_config()
    assert isinstance(effect, getattr(effects, name)) and effect.name == 'from_gin'


# Reverbs.


@pytest.mark.parametrize('add_dry', [True, False])
@pytest.mark.parametrize('taps', [1, 2, 50, 200])
def test_reverb_agrees_with_scipy(taps: int, add_dry: bool) -> None:
    audio, ir = noise(2, 100), noise(2, taps)
    late = ir.astype(np.float64)
    late[:, 0] = 1.0 if add_dry else 0.0
    want = scipy.signal.fftconvolve(audio, late, axes=1)[:, :100]
    got = effects.Reverb(add_dry=add_dry)(audio, ir)
    np.testing.assert_allclose(got, want, atol=5e-5)


def test_reverb_takes_responses_of_several_shapes() -> None:
    audio, ir = noise(3, 100), noise(20)
    reverb = effects.Reverb()
    want = reverb(audio, np.tile(ir, [3, 1]))
    for given in (ir, ir[None], ir[None, :, None]):
        np.testing.assert_allclose(reverb(audio, given), want, atol=1e-6)


def test_learned_response_begins_near_silence() -> None:
    reverb = effects.Reverb(trainable=True, reverb_length=10_000)
    audio = noise(1, 100)
    np.testing.assert_allclose(reverb(audio), audio, atol=1e-4)
    ir = reverb.trainable_weights[0].numpy()
    assert ir.shape == (10_000,)
    assert 0.9e-6 < ir.std() < 1.1e-6


def test_learned_response_is_transformed_once() -> None:
    reverb = effects.TrainableReverb(reverb_length=30)
    traced = tf.function(reverb).get_concrete_function(tf.TensorSpec([8, 100]))
    ffts = [op for op in traced.graph.get_operations() if op.type == 'RFFT']
    assert sorted(op.inputs[0].shape[0] for op in ffts) == [1, 8]


def test_first_tap_is_not_learned() -> None:
    reverb = effects.TrainableReverb(reverb_length=30)
    audio = noise(1, 100)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(reverb(audio) ** 2)
    grad = tape.gradient(loss, reverb.trainable_weights[0]).numpy()
    assert grad[0] == 0.0 and np.abs(grad[1:]).min() > 0.0


def test_reverb_finds_the_room_it_hears() -> None:
    audio, room = noise(4, 400), 0.3 * noise(1, 12)
    target = effects.Reverb()(audio, room)
    model = keras.Sequential([effects.TrainableReverb(reverb_length=12)])
    model.compile(keras.optimizers.Adam(0.02), 'mse')
    steps = tf.data.Dataset.from_tensors((audio, target)).repeat(200)
    model.fit(steps, shuffle=False, verbose=0)
    learned = model.layers[0].get_weights()[0]
    np.testing.assert_allclose(learned[1:], room[0, 1:], atol=0.01)


def test_frozen_reverb_keeps_what_it_learned(tmp_path: pathlib.Path) -> None:
    reverb = effects.TrainableReverb(reverb_length=12)
    symbol = keras.Input([100])
    model = keras.Model(symbol, reverb(symbol))
    reverb.set_weights([noise(12)])
    audio = noise(2, 100)
    want = model(audio)
    reverb.trainable = False
    assert not model.trainable_weights
    np.testing.assert_array_equal(model(audio), want)
    model.save(tmp_path / 'frozen.keras')
    again = keras.models.load_model(tmp_path / 'frozen.keras')
    np.testing.assert_array_equal(again(audio), want)


@pytest.mark.parametrize(
    'effect, missing',
    [
        (effects.Reverb, 'ir'),
        (effects.ExpDecayReverb, 'gain'),
        (effects.FilteredNoiseReverb, 'magnitudes'),
    ],
)
def test_reverb_without_response(effect: Any, missing: str) -> None:
    with pytest.raises(ValueError, match=f'no {missing} was given.*trainable=True'):
        effect()(noise(2, 50))


@pytest.mark.parametrize('shape', [(), (2, 5, 3), (1, 2, 5, 1), (2, 0)])
def test_wrong_response(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match='ir'):
        effects.Reverb().get_controls(noise(2, 50), noise(*shape))


def test_wrong_reverb_length() -> None:
    with pytest.raises(ValueError, match='reverb_length is 0'):
        effects.TrainableReverb(reverb_length=0)


def test_exp_decay_is_the_documented_envelope() -> None:
    gain, decay = np.array([[2.0], [-1.0]]), np.array([[1.0], [3.0]])
    reverb = effects.ExpDecayReverb(reverb_length=2000, seed=1)
    ir = reverb.get_controls(noise(2, 50), gain, decay)['ir'].numpy()
    t = np.linspace(0.0, 1.0, 2000)
    envelope = exp_sigmoid(gain) * np.exp(-(2.0 + np.exp(decay)) * t)
    uniform = ir / envelope
    assert np.abs(uniform).max() <= 1.0 + 1e-5
    np.testing.assert_allclose(uniform[0], uniform[1], atol=1e-3)
    # Moments of the uniform distribution: mean 0, variance 1/3, within four sigma.
    assert abs(uniform[0].mean()) < 4 * np.sqrt(1 / 3 / 2000)
    assert abs((uniform[0] ** 2).mean() - 1 / 3) < 4 * np.sqrt(4 / 45 / 2000)


def test_exp_decay_learns_what_is_not_given() -> None:
    reverb = effects.ExpDecayReverb(True, reverb_length=10, seed=1)
    gain = np.array([[1.0], [-1.0]])
    got = reverb.get_controls(noise(2, 20), gain)['ir']
    plain = effects.ExpDecayReverb(reverb_length=10, seed=1)
    want = plain.get_controls(noise(2, 20), gain, np.full([2, 1], 4.0))['ir']
    np.testing.assert_allclose(got, want, rtol=1e-5)
    assert reverb(noise(2, 20), gain).shape == (2, 20)


def test_exp_decay_begins_at_the_documented_values() -> None:
    reverb = effects.ExpDecayReverb(True, reverb_length=10)
    reverb(noise(1, 20))
    assert [w.numpy().tolist() for w in reverb.trainable_weights] == [[2.0], [4.0]]


@pytest.mark.parametrize('decay', [-1000.0, 100.0, 1000.0])
def test_exp_decay_of_any_rate_is_finite(decay: float) -> None:
    reverb = effects.ExpDecayReverb(reverb_length=20, seed=1)
    rate = tf.constant([[decay]])
    with tf.GradientTape() as tape:
        tape.watch(rate)
        out = reverb(noise(1, 50), [[1.0]], rate)
    assert np.isfinite(out).all()
    assert np.isfinite(tape.gradient(out, rate)).all()


@pytest.mark.parametrize('name', ['exp_decay', 'filtered_noise'])
def test_noise_is_new_unless_seeded(name: str) -> None:
    seeded, audio = LEARNING[name](), noise(1, 50)
    np.testing.assert_array_equal(seeded(audio), seeded(audio))
    seeded.seed = None
    assert np.abs(seeded(audio) - seeded(audio)).max() > 0.0


def test_filtered_noise_response_is_filtered_noise() -> None:
    reverb = effects.FilteredNoiseReverb(reverb_length=60, window_size=7, seed=9)
    magnitudes = noise(2, 6, 9)
    ir = reverb.get_controls(noise(2, 30), magnitudes)['ir']
    flat = effects.FilteredNoiseReverb(
        reverb_length=60, scale_fn=tf.ones_like, initial_bias=0.0, seed=9
    )
    plain = flat.get_controls(noise(1, 30), magnitudes[:1])['ir']
    assert np.abs(plain).max() <= 1.0
    gains = exp_sigmoid(magnitudes - 3.0)
    want = core.frequency_filter(np.tile(plain, [2, 1]), gains, window_size=7)
    np.testing.assert_allclose(ir, want, atol=1e-5)


# The filter and the delay.


def test_fir_filter_of_equal_magnitudes_only_scales() -> None:
    audio, level = noise(2, 60), np.array([0.5, -2.0])
    magnitudes = np.tile(level[:, None, None], [1, 6, 33])
    got = effects.FIRFilter()(audio, magnitudes)
    want = audio * exp_sigmoid(level)[:, None]
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_fir_filter_refuses_frames_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match='60 samples of audio cannot be cut into 50'):
        effects.FIRFilter()(noise(2, 60), noise(2, 50, 9))


@pytest.mark.parametrize('phase', [-30.0, 0.0, 30.0])
def test_mod_delay_of_constant_phase_is_a_comb(phase: float) -> None:
    audio = np.zeros([1, 600])
    audio[0, 5] = 1.0
    ones = np.ones([1, 600, 1])
    got = effects.ModDelay()(audio, 0.7 * ones, phase * ones)[0]
    want = audio[0].copy()
    delay = 240.0 + 160.0 * sigmoid(np.array(phase))
    want[5 + round(delay)] += exp_sigmoid(np.array(0.7))
    np.testing.assert_allclose(got, want, atol=1e-4)


def test_mod_delay_swings_both_ways_with_a_signed_phase() -> None:
    audio = np.zeros([1, 600])
    audio[0, 5] = 1.0
    ones = np.ones([1, 600, 1])
    effect = effects.ModDelay(phase_scale_fn=tf.math.tanh, add_dry=False)
    arrivals = [
        int(np.argmax(effect(audio, ones, phase * ones)))
        for phase in (-30.0, 0.0, 30.0)
    ]
    assert arrivals == [5 + 80, 5 + 240, 5 + 400]


def test_mod_delay_between_samples() -> None:
    # 44.1 kHz and odd times: the delay is not rounded to the grid.
    effect = effects.ModDelay(
        3.3, 0.5, sample_rate=44_100, phase_scale_fn=tf.identity, add_dry=False
    )
    ramp, ones = np.arange(1000.0)[None], np.ones([1, 1000, 1])
    got = effect.get_signal(ramp, ones, 0.25 * ones)[0, 500:]
    delay = 44.1 * (3.3 + 0.5 * 0.25)
    np.testing.assert_allclose(got, ramp[0, 500:] - delay, atol=1e-3)


@pytest.mark.parametrize(
    'gain, phase, message',
    [
        ((2, 60), (2, 60, 1), 'gain has shape'),
        ((2, 60, 1), (2, 60), 'phase has shape'),
        ((3, 60, 1), (2, 60, 1), 'batch sizes differ'),
        ((2, 60, 1), (2, 6, 1), 'samples sizes differ'),
    ],
)
def test_mod_delay_wrong_controls(
    gain: tuple[int, ...], phase: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        effects.ModDelay()(noise(2, 60), noise(*gain), noise(*phase))


@pytest.mark.parametrize('times', [(-1.0, 2.0), (1.0, -2.0), (0.0, 0.0)])
def test_mod_delay_wrong_times(times: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match='center_ms'):
        effects.ModDelay(*times)


@pytest.mark.parametrize(
    'make', [effects.TrainableReverb, lambda **k: effects.Reverb(True, **k)]
)
def test_a_frozen_reverb_stays_frozen_in_its_file(make, tmp_path) -> None:
    reverb = make(reverb_length=10)
    audio = keras.Input((None,))
    model = keras.Model(audio, reverb(audio))
    assert len(model.trainable_weights) == 1
    reverb.trainable = False
    model.save(tmp_path / 'frozen.keras')
    again = keras.models.load_model(tmp_path / 'frozen.keras')
    assert len(again.trainable_weights) == 0
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
