"""Processors: their common contract, and adding, mixing, cropping."""

from __future__ import annotations

import inspect
import pathlib

import gin
import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import ddsp
from ddsp.processors import Add, Crop, Mix, Processor, ProcessorGroup


class Shaper(Processor):
    """Filters audio by an envelope with a learned curve."""

    input_shapes = {
        'audio': '[batch, samples]',
        'envelope': ('[batch, samples, 1]', '[batch, samples]'),
        'gain': '[batch, 1]',
    }

    def __init__(self, name: str = 'shaper', **kwargs):
        super().__init__(name=name, **kwargs)

    def get_controls(self, audio, envelope, gain=None):
        if envelope.shape.rank == 3:
            envelope = envelope[..., 0]
        return {
            'audio': audio,
            'envelope': envelope if gain is None else envelope * gain,
        }

    def get_signal(self, audio, envelope):
        return audio * envelope


@keras.saving.register_keras_serializable('tests')
class Learned(Processor):
    """Holds a layer of its own, built from two inputs."""

    def __init__(self, name: str = 'learned', trainable: bool = True, **kwargs):
        super().__init__(name=name, trainable=trainable, **kwargs)
        self.dense = keras.layers.Dense(1)

    def build(self, audio_shape, controls_shape):
        self.dense.build(controls_shape)

    def get_controls(self, audio, controls):
        return {'audio': audio, 'gain': self.dense(controls)[..., 0]}

    def get_signal(self, audio, gain):
        return audio * gain


audio, envelope = np.full((2, 6), 0.5), np.full((2, 6, 1), 2.0)


def test_a_processor_is_two_methods() -> None:
    shaper = Shaper()
    np.testing.assert_array_equal(shaper(audio, envelope), np.ones((2, 6)))
    outputs = shaper(audio, envelope=envelope, return_outputs_dict=True)
    assert set(outputs) == {'signal', 'controls'}
    assert set(outputs['controls']) == {'audio', 'envelope'}
    np.testing.assert_array_equal(outputs['signal'], np.ones((2, 6)))


def test_call_has_the_arguments_of_get_controls() -> None:
    parameters = list(inspect.signature(Shaper().call).parameters)
    assert parameters == ['audio', 'envelope', 'gain', 'return_outputs_dict']


def test_a_call_of_ones_own_stays() -> None:
    class Loud(Shaper):
        def call(self, audio, return_outputs_dict=False):
            return 2.0 * audio

    class StillLoud(Loud):
        def get_controls(self, audio):
            return {}

    assert StillLoud.call is Loud.call


@pytest.mark.parametrize('dtype', [np.float16, np.float64, np.int32, list])
def test_any_numbers_arrive_as_float32(dtype) -> None:
    given = [np.ones((2, 6)), 2 * np.ones((2, 6, 1))]
    given = [x.tolist() if dtype is list else x.astype(dtype) for x in given]
    signal = Shaper()(*given)
    assert signal.dtype == tf.float32
    np.testing.assert_array_equal(signal, 2 * np.ones((2, 6)))


def test_variables_are_inputs() -> None:
    signal = Shaper()(tf.Variable(audio), keras.Variable(envelope))
    np.testing.assert_array_equal(signal, np.ones((2, 6)))


def test_none_is_an_input_not_given() -> None:
    np.testing.assert_array_equal(Shaper()(audio, envelope, None), np.ones((2, 6)))
    np.testing.assert_array_equal(Shaper()(audio, envelope, gain=None), np.ones((2, 6)))


def test_keras_arguments_pass_by() -> None:
    np.testing.assert_array_equal(
        Shaper()(audio, envelope, training=True), np.ones((2, 6))
    )


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (
            {},
            r"shaper: missing .*'envelope'; its inputs are audio, envelope, gain \(opt",
        ),
        ({'envelop': envelope}, "Did you mean 'envelope' by 'envelop'"),
        ({'envelope': envelope, 'level': 1.0}, "unexpected keyword argument 'level'"),
    ],
)
def test_wrong_arguments(kwargs, message) -> None:
    with pytest.raises(TypeError, match=message):
        Shaper()(audio, **kwargs)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'audio': audio[0]}, r'audio has shape \[6\], expected \[batch, samples\]'),
        ({'envelope': envelope[:, :5]}, 'samples sizes differ: audio 6, envelope 5'),
        ({'envelope': np.ones((3, 6, 1))}, 'batch sizes differ: audio 2, envelope 3'),
        (
            {'envelope': np.ones((2, 6, 4))},
            r'\[2, 6, 4\], expected \[batch, samples, 1\]',
        ),
        ({'gain': np.ones((2, 3))}, r'gain has shape \[2, 3\], expected \[batch, 1\]'),
        ({'audio': audio[:, :0]}, r'audio is empty, its shape is \[2, 0\]'),
        ({'audio': audio * np.nan}, 'audio holds 12 values that are NaN or infinite'),
        ({'envelope': envelope * np.inf}, 'envelope holds 12 values'),
    ],
)
def test_wrong_inputs(change, message) -> None:
    with pytest.raises(ValueError, match=message):
        Shaper()(**{'audio': audio, 'envelope': envelope, **change})


def test_shapes_are_checked_while_tracing_and_for_symbols() -> None:
    traced = tf.function(Shaper())
    with pytest.raises(ValueError, match='samples sizes differ: audio 6, envelope 5'):
        traced(tf.constant(audio), tf.constant(envelope[:, :5]))
    with pytest.raises(ValueError, match='samples sizes differ: audio 6, envelope 5'):
        Shaper()(keras.Input((6,)), keras.Input((5, 1)))


def test_a_size_of_one_broadcasts() -> None:
    np.testing.assert_array_equal(Shaper()(audio, envelope[:1]), np.ones((2, 6)))


def test_layers_inside_a_processor_are_built_trained_and_saved(
    tmp_path: pathlib.Path,
) -> None:
    inputs = {'audio': keras.Input((6,), name='audio')}
    inputs['controls'] = keras.Input((6, 3), name='controls')
    model = keras.Model(inputs, Learned()(**inputs))
    assert [tuple(weight.shape) for weight in model.trainable_weights] == [(3, 1), (1,)]
    given = {'audio': np.ones((2, 6)), 'controls': np.ones((2, 6, 3))}
    before = model.get_weights()
    model.compile('sgd', 'mse')
    model.fit(given, np.full((2, 6), 10.0), verbose=0)
    assert all((new != old).all() for new, old in zip(model.get_weights(), before))
    model.save(tmp_path / 'model.keras')
    loaded = keras.saving.load_model(tmp_path / 'model.keras')
    np.testing.assert_array_equal(loaded(given), model(given))


def test_a_processor_that_is_not_trainable_is_not_trained() -> None:
    symbols = {'audio': keras.Input((6,), name='audio')}
    symbols['controls'] = keras.Input((6, 3), name='controls')
    model = keras.Model(symbols, Learned(trainable=False)(**symbols))
    assert len(model.weights) == 2
    assert not model.trainable_weights


def test_the_two_methods_must_be_there() -> None:
    with pytest.raises(NotImplementedError, match='must define get_controls'):
        Processor(name='nothing')(audio)


def test_add_adds() -> None:
    np.testing.assert_array_equal(Add()(audio, 3.0 * audio), np.full((2, 6), 2.0))


def test_add_refuses_unequal_lengths() -> None:
    with pytest.raises(ValueError, match='sizes differ: signal_one 6, signal_two 5'):
        Add()(audio, audio[:, :5])


def mix_gains(level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    one, zero = np.ones((1, 64)), np.zeros((1, 64))
    mix = Mix()
    return mix(one, zero, level).numpy(), mix(zero, one, level).numpy()


@given(st.lists(st.floats(-30.0, 30.0, width=32), min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_mix_keeps_the_power(levels: list[float]) -> None:
    level = np.array(levels)[None, :, None]
    first, second = mix_gains(level)
    np.testing.assert_allclose(first**2 + second**2, 1.0, rtol=1e-6)


def test_mix_follows_the_formula() -> None:
    level = np.array([[0.3, -2.0]])[..., None]
    share = 1.0 / (1.0 + np.exp(-level[0, :, 0]))
    time = np.minimum(np.arange(64) / 32, 1.0)
    share = share[0] * (1.0 - time) + share[1] * time
    first, second = mix_gains(level)
    np.testing.assert_allclose(first[0], np.sqrt(share), rtol=1e-5)
    np.testing.assert_allclose(second[0], np.sqrt(1.0 - share), rtol=1e-5)


def test_mix_can_be_silent_on_one_side() -> None:
    first, second = mix_gains(np.full((1, 1, 1), 200.0))
    np.testing.assert_array_equal(first, 1.0)
    np.testing.assert_array_equal(second, 0.0)


@pytest.mark.parametrize('value', [-200.0, -80.0, 0.0, 80.0, 200.0])
def test_mix_has_finite_gradients_at_its_ends(value: float) -> None:
    level = tf.fill([2, 3, 1], value)
    with tf.GradientTape() as tape:
        tape.watch(level)
        signal = Mix()(audio, -audio, level)
    assert np.isfinite(tape.gradient(signal, level)).all()


def test_mix_takes_channels_and_levels_without() -> None:
    stereo = np.ones((2, 6, 2))
    level = np.zeros((2, 3))
    signal = Mix()(stereo, 0.0 * stereo, level)
    np.testing.assert_allclose(signal, np.full((2, 6, 2), np.sqrt(0.5)), rtol=1e-6)
    np.testing.assert_allclose(
        Mix()(audio, audio, level), np.full((2, 6), np.sqrt(0.5)), rtol=1e-6
    )


@pytest.mark.parametrize(
    ('frame_size', 'location', 'left'),
    [
        (2, 'back', [0, 1, 2, 3]),
        (2, 'front', [2, 3, 4, 5]),
        (0, 'back', [0, 1, 2, 3, 4, 5]),
        (0, 'front', [0, 1, 2, 3, 4, 5]),
    ],
)
def test_crop(frame_size: int, location: str, left: list[int]) -> None:
    numbers = np.arange(6.0)[None]
    np.testing.assert_array_equal(Crop(frame_size, location)(numbers), [left])


def test_crop_cuts_the_back_by_default() -> None:
    np.testing.assert_array_equal(Crop(4)([[1.0, 2.0, 3.0, 4.0, 5.0]]), [[1.0]])


@pytest.mark.parametrize('arguments', [(-1,), (3, 'middle')])
def test_crop_refuses(arguments: tuple) -> None:
    with pytest.raises(ValueError, match=r'crop: .* expected'):
        Crop(*arguments)


def test_crop_leaves_something() -> None:
    with pytest.raises(ValueError, match='cannot crop 6 samples from audio of 6'):
        Crop(6)(audio)


def add_and_crop() -> ProcessorGroup:
    return ProcessorGroup(dag=[(Add(), ['one', 'two']), (Crop(2), ['add/signal'])])


inputs = {'one': audio, 'two': audio}


def test_a_group_gives_its_last_signal() -> None:
    np.testing.assert_array_equal(add_and_crop()(inputs), np.ones((2, 4)))


def test_a_group_gives_all_results() -> None:
    group = add_and_crop()
    outputs = group(inputs, return_outputs_dict=True)
    assert set(outputs) == {'signal', 'controls'}
    keys = [
        'inputs/one',
        'inputs/two',
        'add/signal',
        'add/controls/signal_one',
        'add/controls/signal_two',
        'crop/signal',
        'crop/controls/audio',
        'out/signal',
        'out/controls/audio',
    ]
    assert ddsp.core.nested_keys(outputs['controls']) == keys
    controls = group.get_controls(inputs)
    assert ddsp.core.nested_keys(controls) == keys
    np.testing.assert_array_equal(group.get_signal(controls), outputs['signal'])


def test_a_group_may_end_with_any_layer() -> None:
    group = ProcessorGroup(dag=[(keras.layers.Rescaling(2.0, name='scale'), ['x'])])
    np.testing.assert_array_equal(group({'x': audio}), np.ones((2, 6)))
    named = ProcessorGroup(
        dag=[(keras.layers.Rescaling(2.0, name='scale'), ['x'], ['signal'])]
    )
    np.testing.assert_array_equal(named({'x': audio}), np.ones((2, 6)))


def test_a_group_without_a_signal_says_so() -> None:
    group = ProcessorGroup(
        dag=[(keras.layers.Rescaling(2.0, name='scale'), ['x'], ['loud'])]
    )
    with pytest.raises(
        ValueError, match=r"the last node gave \['loud'\], but no signal"
    ):
        group({'x': audio})


def test_the_processors_of_a_group() -> None:
    group = add_and_crop()
    assert group.processors == [group.add, group.crop]
    assert isinstance(group.add, Add)
    assert isinstance(group.crop, Crop)


def test_a_group_in_a_group() -> None:
    inner = ProcessorGroup(dag=[(Add(), ['one', 'two'])], name='inner')
    group = ProcessorGroup(dag=[(inner, ['inputs']), (Crop(2), ['inner/signal'])])
    np.testing.assert_array_equal(group(inputs), np.ones((2, 4)))
    controls = group.get_controls(inputs)
    assert 'inner/controls/add/signal' in ddsp.core.nested_keys(controls)


def test_a_subclass_of_a_group() -> None:
    class Doubler(ProcessorGroup):
        def __init__(self, **kwargs):
            super().__init__(dag=[(Add(), ['x', 'x'])], **kwargs)

    np.testing.assert_array_equal(Doubler(name='d')({'x': audio}), np.ones((2, 6)))


GIN = """
import ddsp

processors.ProcessorGroup.dag = [
    (@ddsp.synths.Harmonic(), ['amplitudes', 'harmonic_distribution', 'f0_hz']),
    (@ddsp.synths.FilteredNoise(), ['magnitudes']),
    (@ddsp.processors.Add(), ['filtered_noise/signal', 'harmonic/signal']),
    (@effects.Reverb(), ['add/signal']),
]
Harmonic.n_samples = 128
FilteredNoise.n_samples = 128
FilteredNoise.seed = 1
Reverb.trainable = True
Reverb.reverb_length = 32
run_dag.verbose = False
"""


def gin_inputs() -> dict[str, np.ndarray]:
    return {
        'amplitudes': np.zeros((1, 2, 1)),
        'harmonic_distribution': np.zeros((1, 2, 4)),
        'f0_hz': np.full((1, 2, 1), 440.0),
        'magnitudes': np.zeros((1, 2, 5)),
    }


def test_a_group_from_gin(tmp_path: pathlib.Path) -> None:
    with gin.unlock_config():
        gin.parse_config(GIN)
    group = ddsp.processors.ProcessorGroup()
    assert type(group) is ProcessorGroup
    signal = group(gin_inputs())
    assert signal.shape == (1, 128)
    assert np.abs(signal).max() > 0.0
    assert [tuple(weight.shape) for weight in group.trainable_weights] == [(32,)]
    assert 'run_dag.verbose = False' in gin.operative_config_str()


def test_a_group_from_gin_is_saved_with_what_gin_gave(tmp_path: pathlib.Path) -> None:
    with gin.unlock_config():
        gin.parse_config(GIN)
    symbols = {
        key: keras.Input(value.shape[1:], name=key)
        for key, value in gin_inputs().items()
    }
    model = keras.Model(symbols, ddsp.processors.ProcessorGroup()(symbols))
    model.save(tmp_path / 'model.keras')
    expected = model(gin_inputs())
    gin.clear_config()
    loaded = keras.saving.load_model(tmp_path / 'model.keras')
    np.testing.assert_array_equal(loaded(gin_inputs()), expected)


def test_gin_can_make_the_run_verbose(capsys: pytest.CaptureFixture) -> None:
    add_and_crop()(inputs)
    assert capsys.readouterr().out == ''
    with gin.unlock_config():
        gin.parse_config('run_dag.verbose = True')
    add_and_crop()(inputs)
    assert "crop: ['add/signal'] -> {'signal': (2, 4)" in capsys.readouterr().out


def test_a_group_without_a_dag_says_so() -> None:
    with pytest.raises(TypeError, match='dag'):
        ProcessorGroup()


@pytest.mark.parametrize('layer', [Add(), Mix()])
def test_signals_of_different_rank_are_refused(layer):
    audio = np.zeros([1, 40], np.float32)
    level = [] if isinstance(layer, Add) else [np.zeros([1, 4, 1])]
    with pytest.raises(ValueError, match='expected the same number of axes'):
        layer(audio, audio[..., None], *level)


def test_crop_of_more_than_there_is_gives_nothing_at_unknown_length():
    crop = tf.function(Crop(50), input_signature=[tf.TensorSpec([None, None])])
    assert crop(np.zeros([1, 40], np.float32)).shape == (1, 0)
