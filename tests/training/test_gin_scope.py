from __future__ import annotations

from pathlib import Path

import gin
import pytest

from ddsp.training import train_util
from ddsp.training.gin_scope import own_configuration


@gin.register(module='test_gin_scope')
def scoped_settings(colour: str = 'red', size: int = 1) -> dict:
    return {'colour': colour, 'size': size}


@gin.register(module='test_gin_scope')
def scoped_dictionary() -> dict:
    return {}


def test_within_nothing_of_before_is_there():
    gin.parse_config('scoped_settings.size = 3')
    with own_configuration():
        assert gin.get_configurable(scoped_settings)()['size'] == 1
        gin.parse_config('scoped_settings.colour = "blue"')
    assert gin.get_configurable(scoped_settings)() == {'colour': 'red', 'size': 3}


def test_what_was_used_before_can_still_be_written(tmp_path: Path):
    gin.parse_config('scoped_settings.size = 3')
    gin.get_configurable(scoped_settings)()
    before = gin.operative_config_str()
    assert 'scoped_settings.size = 3' in before
    with pytest.raises(KeyError), own_configuration():
        gin.parse_config('scoped_settings.size = 4')
        gin.get_configurable(scoped_settings)()
        raise KeyError
    assert gin.operative_config_str() == before
    train_util.write_gin_config(None, str(tmp_path), 0)
    assert (tmp_path / 'operative_config-0.gin').read_text() == before


def test_what_is_made_once_is_not_made_again():
    gin.parse_config("""
        scoped_settings.colour = @the/singleton()
        the/singleton.constructor = @scoped_dictionary
    """)
    made = gin.get_configurable(scoped_settings)()['colour']
    with own_configuration():
        pass
    assert gin.get_configurable(scoped_settings)()['colour'] is made
