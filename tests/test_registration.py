"""Names for gin and for Keras, and functions written as plain data."""

import functools
import json

import gin
import keras
import pytest
import tensorflow as tf

import ddsp
from ddsp import core, registration
from ddsp.training import models, nn


@keras.saving.register_keras_serializable('tests')
def own_scale(x):
    return x * 2.0


@pytest.mark.parametrize(
    'fn',
    [
        core.exp_sigmoid,
        core.frequencies_sigmoid,
        ddsp.spectral_ops.compute_logmel,
        tf.nn.sigmoid,
        tf.nn.relu,
        keras.activations.softplus,
        own_scale,
        None,
    ],
)
def test_functions_survive_as_json(fn):
    text = json.dumps(registration.serialize_callable(fn))
    assert registration.deserialize_callable(json.loads(text)) is fn


def test_a_partial_keeps_its_keywords():
    fn = functools.partial(core.exp_sigmoid, max_value=0.5)
    config = json.loads(json.dumps(registration.serialize_callable(fn)))
    again = registration.deserialize_callable(config)
    assert float(again(0.3)) == float(core.exp_sigmoid(0.3, max_value=0.5))


@pytest.mark.parametrize('fn', [lambda x: x, functools.partial(core.safe_log, 1.0)])
def test_what_no_file_can_name(fn):
    with pytest.raises(ValueError, match=r'cannot be saved|keywords only'):
        registration.serialize_callable(fn, 'synth.scale_fn')


class Doubling:
    """A callable object that nobody knows how to write."""

    def __call__(self, x):
        return 2.0 * x


def test_an_object_that_no_file_can_name():
    with pytest.raises(ValueError, match=r'synth\.scale_fn: .*Doubling.*get_config'):
        registration.serialize_callable(Doubling(), 'synth.scale_fn')


@keras.saving.register_keras_serializable('tests')
class Whatever(nn.DictLayer):
    """Takes an argument of any kind."""

    output_keys = ('y',)

    def __init__(self, given, **kwargs):
        super().__init__(**kwargs)
        self.given = given

    def call(self, x):
        return x


def again(layer):
    """The layer that a file of it gives."""
    config = keras.saving.serialize_keras_object(layer)
    return keras.saving.deserialize_keras_object(json.loads(json.dumps(config)))


def test_callable_objects_that_have_a_configuration_are_saved():
    for place in (lambda x: x, lambda x: [x], lambda x: {'of': {'it': x}}):
        layer = Whatever(place(keras.initializers.HeNormal(seed=3)))
        found = tf.nest.flatten(again(layer).given)[0]
        assert type(found) is keras.initializers.HeNormal and found.seed == 3
    config = json.dumps(registration.serialize_callable(keras.initializers.Ones()))
    found = registration.deserialize_callable(json.loads(config))
    assert type(found) is keras.initializers.Ones


def test_layers_and_functions_inside_of_others_are_saved():
    layer = Whatever(
        {
            'layers': [ddsp.processors.Add(name='mine'), (nn.FcStack(3, 1), 5)],
            'functions': {'of amplitude': core.exp_sigmoid},
            'number': 2.5,
        }
    )
    found = again(layer).given
    assert found['layers'][0].name == 'mine'
    assert type(found['layers'][1][0]) is nn.FcStack and found['layers'][1][1] == 5
    assert found['functions'] == {'of amplitude': core.exp_sigmoid}
    assert found['number'] == 2.5
    first, second = (json.dumps(x.get_config()) for x in (layer, again(layer)))
    assert first == second


def test_a_tuple_in_a_configuration_stays_one():
    assert Whatever((1, ('a', 2))).get_config()['given'] == (1, ('a', 2))


def test_an_argument_that_is_not_kept_is_told():
    class Forgetful(nn.DictLayer):
        output_keys = ('y',)

        def __init__(self, colour=1, **kwargs):
            super().__init__(**kwargs)

    with pytest.raises(ValueError, match=r"mine: .*'colour'.*self\.colour = colour"):
        Forgetful(name='mine', input_keys=['x']).get_config()


@pytest.mark.parametrize('path', ['os.system', 'ddsp.core.nothing', 'ddsp.core'])
def test_a_file_cannot_name_any_function(path):
    with pytest.raises(ValueError, match=r'not a function|no function'):
        registration.deserialize_callable(path)


def test_a_function_of_gin_keeps_its_bindings():
    with gin.unlock_config():
        gin.parse_config("""
            import ddsp
            test_kept/synths.Harmonic.scale_fn = @test_kept/core.exp_sigmoid
            test_kept/core.exp_sigmoid.max_value = 0.25
        """)
        with gin.config_scope('test_kept'):
            harmonic = gin.get_configurable('ddsp.synths.Harmonic')()
    config = json.loads(json.dumps(harmonic.get_config()))
    again = ddsp.synths.Harmonic.from_config(config)
    assert float(harmonic.scale_fn(1.0)) == pytest.approx(float(again.scale_fn(1.0)))
    assert float(again.scale_fn(1.0)) < 0.26
    gin.clear_config()


def test_from_config_makes_the_same_layer():
    synth = ddsp.synths.Harmonic(
        n_samples=None, scale_fn=None, amp_resample_method='linear', name='mine'
    )
    again = ddsp.synths.Harmonic.from_config(json.loads(json.dumps(synth.get_config())))
    assert again.get_config() == synth.get_config()
    assert again.name == 'mine' and again.scale_fn is None and again.n_samples is None


@pytest.mark.parametrize(
    ('base', 'arguments'),
    [
        (ddsp.processors.Processor, {'name': 'mine'}),
        (ddsp.losses.Loss, {'name': 'mine'}),
        (ddsp.losses.SpectralLoss, {'fft_sizes': (64,)}),
        (models.Model, {}),
        (models.Autoencoder, {}),
        (nn.DictLayer, {'input_keys': ['x'], 'output_keys': ['y']}),
    ],
)
def test_a_class_of_ones_own_may_be_configurable(base, arguments):
    """gin hides the constructor's arguments, which Keras reads at each instance."""

    class Mine(base):
        def __init__(self, colour=1, **kwargs):
            super().__init__(**kwargs)
            self.colour = colour

    class Plain(base):
        pass

    for cls in (Mine, Plain):
        cls = gin.configurable(f'{cls.__name__}Of{base.__name__}', module='tests')(cls)
        assert isinstance(cls(**arguments), base)
    gin.parse_config(f'MineOf{base.__name__}.colour = 7')
    mine = Mine(**arguments)
    assert mine.colour == 7
    assert Mine(colour=8, **arguments).colour == 8
