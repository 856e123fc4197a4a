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


def expressions_of(path: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    """Times and values of controller 11 in a MIDI file."""
    pretty_midi = pytest.importorskip('pretty_midi')
    (player,) = pretty_midi.PrettyMIDI(str(path)).instruments
    changes = [c for c in player.control_changes if c.number == 11]
    return np.array([c.time for c in changes]), np.array([c.value for c in changes])


def test_swells_grow_and_fade_without_leaps(
    script: ModuleType, tmp_path: pathlib.Path
) -> None:
    phrase = script.make_phrase(np.random.default_rng(1), script.INSTRUMENTS['flute'])
    phrase = phrase._replace(lengths=np.ones(8), swells=(0.5, 4))
    script.write_midi([phrase], 73, tmp_path / 'swells.mid')
    times, values = expressions_of(tmp_path / 'swells.mid')
    # From the first note to beyond the end of the last, without a gap.
    assert times[0] == pytest.approx(0.2, abs=1e-3) and times[-1] > 0.2 + 8.0
    assert np.diff(times).max() < 0.021
    assert values.min() >= 36 and values.max() <= 127
    level_db = 40 * np.log10(values / 127)
    assert np.ptp(level_db) > 10
    # Half a cosine over 22 dB in half a second: at most 22 pi / 2 / 0.5 dB a second,
    # and the rounding of values to whole numbers.
    steepest = 22 * np.pi / 2 / 0.5 * 0.021 + 40 * np.log10(36.5 / 35.5)
    assert np.abs(np.diff(level_db)).max() < steepest
    # A turn every half second: the level rises and falls several times.
    turns = np.diff(np.sign(np.diff(level_db[np.diff(level_db, prepend=1e3) != 0])))
    assert np.count_nonzero(turns) >= 3


def test_phrases_without_swells_begin_at_full_expression(
    script: ModuleType, tmp_path: pathlib.Path
) -> None:
    rng = np.random.default_rng(1)
    phrase = script.make_phrase(rng, script.INSTRUMENTS['flute'])
    swelling = phrase._replace(swells=(0.5, 4))
    script.write_midi([swelling, phrase], 73, tmp_path / 'both.mid')
    times, values = expressions_of(tmp_path / 'both.mid')
    # What an earlier phrase ended with does not last.
    assert values[-1] == 127
    second = 0.2 + phrase.lengths.sum() + 0.35
    assert times[-1] == pytest.approx(second, abs=1e-3)


def test_swells_are_in_as_many_phrases_as_asked(script: ModuleType) -> None:
    instrument = script.INSTRUMENTS['violin']
    rng = np.random.default_rng(0)
    phrases = [script.make_phrase(rng, instrument, 0.5) for _ in range(400)]
    swelling = [phrase.swells for phrase in phrases if phrase.swells[0]]
    assert 160 <= len(swelling) <= 240
    assert all(0.25 <= seconds <= 1.5 for seconds, _ in swelling)
    assert len({seed for _, seed in swelling}) == len(swelling)


@pytest.mark.parametrize('seed', range(5))
def test_a_swell_changes_nothing_else(script: ModuleType, seed: int) -> None:
    instrument = script.INSTRUMENTS['cello']
    plain, swelling = (
        script.make_phrase(np.random.default_rng(seed), instrument, part)
        for part in (0.0, 1.0)
    )
    assert plain.swells == (0.0, 0) and swelling.swells[0] > 0
    for field in script.Phrase._fields[:-1]:
        np.testing.assert_array_equal(getattr(plain, field), getattr(swelling, field))


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
