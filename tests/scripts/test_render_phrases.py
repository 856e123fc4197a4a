from __future__ import annotations

import importlib.util
import pathlib
import shutil
import sys
from types import ModuleType

import numpy as np
import pytest

SCRIPT = pathlib.Path(__file__).parents[2] / 'scripts' / 'render_phrases.py'


@pytest.fixture(scope='module')
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location('render_phrases', SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules['render_phrases'] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize('name', ['violin', 'cello', 'trumpet', 'bassoon', 'flute'])
def test_phrases_stay_within_the_instrument(script: ModuleType, name: str) -> None:
    instrument = script.INSTRUMENTS[name]
    rng = np.random.default_rng(0)
    phrases = [script.make_phrase(rng, instrument) for _ in range(200)]
    pitches = np.concatenate([phrase.pitches for phrase in phrases])
    assert pitches.min() >= instrument.lowest and pitches.max() <= instrument.highest
    # They use most of what there is.
    assert len(np.unique(pitches)) > 0.8 * (instrument.highest - instrument.lowest)
    velocities = np.concatenate([phrase.velocities for phrase in phrases])
    assert velocities.min() < 40 and velocities.max() > 110


def test_midi_holds_the_notes(script: ModuleType, tmp_path: pathlib.Path) -> None:
    pretty_midi = pytest.importorskip('pretty_midi')
    phrase = script.make_phrase(np.random.default_rng(1), script.INSTRUMENTS['flute'])
    phrase = phrase._replace(vibrato=(0.35, 5.0), sounding=0.9)
    seconds = script.write_midi([phrase], 73, tmp_path / 'phrase.mid')
    (player,) = pretty_midi.PrettyMIDI(str(tmp_path / 'phrase.mid')).instruments
    assert player.program == 73
    assert [note.pitch for note in player.notes] == list(phrase.pitches)
    starts = 0.2 + np.cumsum([0.0, *phrase.lengths[:-1]])
    assert np.allclose([note.start for note in player.notes], starts, atol=2e-3)
    assert seconds == pytest.approx(0.2 + phrase.lengths.sum() + 0.35 + 1.0)
    widest = max(abs(bend.pitch) for bend in player.pitch_bends) / 8192 * 2.0
    assert widest == pytest.approx(0.35, abs=0.05) or phrase.slides


@pytest.mark.skipif(
    not (shutil.which('fluidsynth') and pathlib.Path('/usr/share/sounds/sf2').is_dir()),
    reason='needs fluidsynth and its soundfont',
)
def test_the_same_seed_renders_the_same_sound(
    script: ModuleType, tmp_path: pathlib.Path
) -> None:
    soundfile = pytest.importorskip('soundfile')
    pytest.importorskip('pretty_midi')
    rendered = []
    for folder in ('first', 'second'):
        (path,) = script.render('violin', 0.05, tmp_path / folder, seed=3)
        rendered.append(soundfile.read(path))
    assert rendered[0][1] == 16000 and np.abs(rendered[0][0]).max() > 0.05
    np.testing.assert_array_equal(rendered[0][0], rendered[1][0])
