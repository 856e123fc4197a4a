from __future__ import annotations

import gin
import pytest

from ddsp.training.fit.settings import FitSettings, gin_settings


def test_the_shipped_file_parses_and_reaches_every_part():
    with gin_settings():
        settings = FitSettings()
        assert settings.sample_rate == gin.query_parameter('%SAMPLE_RATE')
        assert gin.query_parameter('Harmonic.n_samples') is None


def test_what_comes_later_wins(tmp_path):
    path = tmp_path / 'my.gin'
    path.write_text('FitSettings.steps = 7\nFitSettings.batch_size = 5\n')
    params = ['FitSettings.batch_size = 6', 'FitSettings.seed = 1']
    with gin_settings([str(path)], params, {'seed': 2}):
        settings = FitSettings()
    assert (settings.steps, settings.batch_size, settings.seed) == (7, 6, 2)


def test_gin_is_left_as_it_was():
    with gin.unlock_config():
        gin.parse_config('FitSettings.steps = 3')
    try:
        with gin_settings(gin_params=['FitSettings.steps = 4']):
            assert FitSettings().steps == 4
        with (
            pytest.raises(ValueError, match='nonsense'),
            gin_settings(gin_params=['nonsense']),
        ):
            pass
        assert FitSettings().steps == 3
        assert 'Harmonic' not in gin.config_str()
    finally:
        with gin.unlock_config():
            gin.clear_config()


@pytest.mark.parametrize(
    'binding, message',
    [
        ('FitSettings.colour = 1', "doesn't have a parameter named 'colour'"),
        ('Nothing.at_all = 1', "No configurable matching 'Nothing'"),
        ('FitSettings.steps = = 2', 'the gin parameter'),
        ('FitModel.decoder = @Unheard()', "No configurable matching reference '@Unh"),
    ],
)
def test_a_binding_that_gin_does_not_know(binding, message):
    with (
        pytest.raises(ValueError, match=message) as error,
        gin_settings(gin_params=[binding]),
    ):
        pass
    assert binding in str(error.value)
    assert '\n' not in str(error.value)


def test_gin_files_that_cannot_be_read(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match=r'no gin file .*none\.gin'),
        gin_settings([str(tmp_path / 'none.gin')]),
    ):
        pass
    path = tmp_path / 'bad.gin'
    path.write_text('FitSettings.colour = 1\n')
    with pytest.raises(ValueError, match=r'bad\.gin'), gin_settings([str(path)]):
        pass


@pytest.mark.parametrize(
    'values, message',
    [
        ({'sample_rate': 0}, 'above 0'),
        ({'frame_rate': 300}, 'does not divide'),
        ({'steps': -1}, 'steps is -1'),
        ({'window_seconds': 0.0}, 'window_seconds is 0.0'),
        ({'learning_rate': -1.0}, 'learning_rate is -1.0'),
        ({'learning_rate': float('nan')}, 'learning_rate is nan'),
        ({'transpose': 90.0}, 'between -48 and 48'),
        ({'transpose': float('nan')}, 'between -48 and 48'),
    ],
)
def test_settings_that_make_no_sense(values, message):
    with pytest.raises(ValueError, match=message):
        FitSettings(**values)
