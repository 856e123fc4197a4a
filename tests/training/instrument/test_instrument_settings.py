from __future__ import annotations

import gin
import pytest
import tiny_instrument

from ddsp.training import gin_files, models
from ddsp.training.gin_scope import own_configuration
from ddsp.training.instrument import MODELS, Settings, choices
from ddsp.training.instrument.settings import (
    configure,
    configure_data,
    configured_steps,
)


@pytest.mark.parametrize('model', MODELS)
def test_every_model_can_be_made(model):
    with own_configuration():
        configure(Settings(model=model))
        assert isinstance(models.get_model(), models.Autoencoder)
        with gin.config_scope('train'):
            provider = gin.get_configurable('data.TFRecordProvider')()
        rate = {'vst_32k': 32000, 'vst_48k': 48000}.get(model, 16000)
        assert provider.sample_rate == rate


def test_what_wins():
    settings = Settings(
        model='tiny_instrument',
        steps=7,
        batch_size=3,
        seed=5,
        gin_params=('batch_size = 4', 'train.steps_per_save = 9'),
    )
    with own_configuration():
        configure(settings)
        assert gin.query_parameter('train_util.train.num_steps') == 7
        assert gin.query_parameter('train_util.train.seed') == 5
        assert gin.query_parameter('train_util.train.steps_per_save') == 9
        # Of the two ways to say it, the binding is the last word.
        assert gin.query_parameter('%batch_size') == 4


def test_the_default_is_known_whatever_is_asked_for():
    for settings, asked in (
        (Settings(), 5000),
        (Settings(steps=7), 7),
        (Settings(steps=7, gin_params=('train.num_steps = 9',)), 9),
    ):
        with own_configuration():
            assert configure(settings) == 5000
            assert configured_steps() == asked


def test_gin_files_are_where_gin_looks():
    assert choices._GIN_DIR == gin_files.GIN_DIR


def test_records_are_named_for_each_part():
    with own_configuration():
        configure(Settings())
        assert configure_data('a-train*', 'a-eval*', 8) is None
        assert gin.query_parameter('%batch_size') == 8
        for scope, pattern in (('train', 'a-train*'), ('held_out', 'a-eval*')):
            with gin.config_scope(scope):
                provider = gin.get_configurable('data.TFRecordProvider')()
            assert provider.file_pattern == pattern


def test_a_batch_is_no_larger_than_the_data():
    with own_configuration():
        configure(Settings(batch_size=6))
        told = configure_data('a', 'b', 5)
        assert told == 'batches of 5 instead of 6: there are no more examples'
        assert gin.query_parameter('%batch_size') == 5


@pytest.mark.parametrize(
    'wrong, message',
    [
        ({'model': 'solo_instrumant'}, 'did you mean solo_instrument'),
        ({'steps': 0}, 'steps is 0'),
        ({'batch_size': -1}, 'batch_size is -1'),
        ({'eval_split': 1.0}, 'eval_split is 1'),
        ({'seed': -1}, 'seed is -1, expected 0 to 2147483647'),
        ({'seed': 2**31}, 'seed is 2147483648'),
        ({'method': 'crap'}, "method is 'crap', expected one of .*; .* mean crepe"),
        ({'method': 'x'}, "method is 'x', expected one of .*pyin, swift-f0[.]"),
    ],
)
def test_what_makes_no_sense(wrong, message):
    with pytest.raises(ValueError, match=message):
        Settings(**wrong)


def test_a_missing_file():
    with pytest.raises(FileNotFoundError, match=r'no gin file nowhere\.gin'):
        Settings(model='nowhere.gin')


def test_a_file_without_a_model(tmp_path):
    path = tmp_path / 'a.gin'
    path.write_text('learning_rate = 0.1\n')
    with (
        own_configuration(),
        pytest.raises(ValueError, match=r'describes no model.*get_model\.model'),
    ):
        configure(Settings(model=str(path)))


def test_changes_keep_what_is_not_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'my.gin').write_text(tiny_instrument.GIN)
    before = Settings(steps=5, seed=2, gin_params=('a = 1', 'b = 2'))
    after = before.changed(
        {'model': 'my.gin', 'steps': None, 'gin_params': ['a = 1', 'c = 3']}
    )
    assert after == Settings(
        model=str(tmp_path / 'my.gin'),
        steps=5,
        seed=2,
        gin_params=('b = 2', 'a = 1', 'c = 3'),
    )


def test_names_of_models_come_before_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'vst').touch()
    assert Settings().changed({'model': 'vst'}) == Settings(model='vst')


def test_gin_is_left_as_it_was():
    with own_configuration():
        gin.parse_config('mine = 3')
        with own_configuration():
            configure(Settings())
        assert gin.query_parameter('%mine') == 3
        with pytest.raises(ValueError):
            gin.query_parameter('train_util.train.num_steps')
