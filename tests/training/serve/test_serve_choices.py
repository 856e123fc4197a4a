from __future__ import annotations

import pytest
from kazoo import Kazoo

from ddsp.training import transfer
from ddsp.training.serve.choices import Choice, describe, find_choices, note_name
from ddsp.training.transfer import InstrumentInfo


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    """Two instruments ship; gives the names that were loaded."""
    infos = [
        InstrumentInfo('kazoo', 'Kazoo', tmp_path, lowest=55, highest=79),
        InstrumentInfo('comb', 'Comb', tmp_path),
    ]
    loaded = []

    def load(name):
        loaded.append(name)
        return Kazoo()

    monkeypatch.setattr(transfer, 'list_instruments', lambda: infos)
    monkeypatch.setattr(transfer, 'load_instrument', load)
    return loaded


def test_what_ships_is_loaded_when_it_is_played(shipped):
    choices = find_choices()
    assert list(choices) == ['Kazoo', 'Comb']
    assert choices['Kazoo'].note == 'At home from G3 to G5.'
    assert choices['Comb'].note == ''
    assert shipped == []
    first = choices['Comb'].instrument()
    assert choices['Comb'].instrument() is first
    assert shipped == ['comb']


def test_own_models_come_first_and_are_loaded_at_once(shipped):
    choices = find_choices(['runs/a', 'runs/b.zip'])
    assert list(choices) == ['Kazoo', 'Kazoo 2', 'Kazoo 3', 'Comb']
    assert shipped == ['runs/a', 'runs/b.zip']
    assert choices['Kazoo 2'].note == 'Your own, from runs/b.zip.'
    assert choices['Kazoo'].instrument() is not choices['Kazoo 2'].instrument()
    assert shipped == ['runs/a', 'runs/b.zip']


def test_own_models_that_are_none(tmp_path):
    with pytest.raises(ValueError, match='holds no model'):
        find_choices([str(tmp_path)])


def test_nothing_to_play(monkeypatch):
    monkeypatch.setattr(transfer, 'list_instruments', lambda: [])
    with pytest.raises(ValueError, match='--instrument DIR'):
        find_choices()


def test_a_failure_to_load_is_not_kept():
    tries = []

    def load():
        tries.append(1)
        if len(tries) == 1:
            raise OSError('the disk is away')
        return Kazoo()

    choice = Choice('Kazoo', '', load)
    with pytest.raises(OSError, match='away'):
        choice.instrument()
    assert choice.instrument().title == 'Kazoo'


@pytest.mark.parametrize(
    'midi, name', [(60, 'C4'), (69, 'A4'), (54.6, 'G3'), (0, 'C-1')]
)
def test_names_of_notes(midi, name):
    assert note_name(midi) == name


def test_descriptions(tmp_path):
    info = InstrumentInfo('a', 'A', tmp_path, lowest=36.2, highest=61)
    assert describe(info) == 'At home from C2 to C♯4.'
