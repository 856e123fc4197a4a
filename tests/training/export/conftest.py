"""A tiny model with a reverb, and its exports: each format is converted once."""

from __future__ import annotations

import functools

import pytest
from training.inference.tiny_vst import write_tiny_vst

from ddsp.training import export


@pytest.fixture(scope='session')
def tiny_dir(tmp_path_factory):
    """The directory of a tiny `vst`."""
    directory = tmp_path_factory.mktemp('models') / 'tiny'
    write_tiny_vst(directory)
    return directory


@pytest.fixture(scope='session')
def exported(tiny_dir, tmp_path_factory):
    """Gives the export of a format, made when it is first asked for."""
    folder = tmp_path_factory.mktemp('exports')

    @functools.cache
    def make(format):
        return export.export_instrument(
            tiny_dir, folder / format, format, frames_per_block=2, reverb_rate=48000
        )

    return make
