"""The recipe of the MIDI autoencoder, on tones instead of a soundfont."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np
import pytest
import soundfile
import train_midi_autoencoder as script
from midi_pairs import FRAMES, HOP, features_of, windows
from train_midi_autoencoder import Heard, Places, Recipe

from ddsp.training.metrics.notes import Note, notes_from_pianoroll
from ddsp.training.transcription import write_midi

SMALL = (
    'DilatedConvDecoder.ch = 4',
    'DilatedConvDecoder.layers_per_stack = 1',
    'midi_encoder/DilatedConvStack.ch = 4',
    'midi_encoder/DilatedConvStack.layers_per_stack = 1',
    'midi_decoder/DilatedConvStack.ch = 4',
    'midi_decoder/DilatedConvStack.layers_per_stack = 1',
    'SpectralLoss.fft_sizes = (256,)',
    'train_util.train.steps_per_summary = 1',
)
NOTES = [Note(0.2, 1.0, 69, 100), Note(1.4, 3.0, 72, 80), Note(3.2, 4.6, 69, 60)]


def render_tones(
    name: str, seconds: float, out: pathlib.Path, seed: int, soundfont: str
) -> list[pathlib.Path]:
    """Three notes, in place of those that fluidsynth would play."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / 'tones.wav'
    audio, time = np.zeros(5 * 16000), np.arange(5 * 16000) / 16000
    for note in NOTES:
        sounds = (time >= note.start) & (time < note.end)
        f0_hz = 440 * 2 ** ((note.pitch - 69) / 12)
        tone = sum(np.sin(2 * np.pi * f0_hz * h * time) / h for h in (1, 2, 3))
        audio += 0.002 * note.velocity * sounds * tone
    soundfile.write(path, audio, 16000)
    write_midi(path.with_suffix('.mid'), NOTES)
    return [path]


@pytest.fixture(scope='module')
def made(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """Two steps of training, from pairs to the page."""
    folder = tmp_path_factory.mktemp('midi')
    places = Places(folder / 'work', folder / 'page.md')
    recipe = Recipe(steps=2, batch_size=2, gin_params=SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script, 'render', render_tones)
        script.make(recipe, places)
    return places


@pytest.fixture(scope='module')
def told(made: Places) -> dict[str, Any]:
    return json.loads((made.work / 'measures.json').read_text('utf-8'))


def test_notes_lie_where_they_sound(made: Places) -> None:
    features = features_of(made.phrases / 'tones.wav')
    roll, loudness = features['note_active_velocities'], features['loudness_db']
    assert len(roll) == len(features['f0_hz']) == len(loudness) == 1250
    sounds = roll.any(axis=1)
    assert loudness[sounds].min() > -60 > np.median(loudness[~sounds])
    found = notes_from_pianoroll(roll, 250, features['note_onsets'])
    assert [note.pitch for note in found] == [69, 72, 69]
    assert [note.start for note in found] == [note.start for note in NOTES]
    hz = features['f0_hz'][400:700]
    np.testing.assert_allclose(hz, 523.25, rtol=0.02)


def test_windows_cover_the_recording_and_end_in_silence(made: Places) -> None:
    features = features_of(made.phrases / 'tones.wav')
    first, last = windows(features, FRAMES)
    assert first['audio'].shape == last['audio'].shape == (FRAMES * HOP,)
    joined = np.concatenate([first['loudness_db'], last['loudness_db']])
    np.testing.assert_array_equal(joined[:1250], features['loudness_db'])
    assert (joined[1250:] == -80).all() and not last['audio'][250 * HOP :].any()


def test_it_learns_through_the_trainer_and_is_measured(
    made: Places, told: dict[str, Any]
) -> None:
    assert told['step'] == 2
    assert told['losses']['first']['step'] == 1
    assert told['losses']['last']['step'] == 2
    assert {'spectral_loss', 'f0_loss', 'total_loss'} < set(told['losses']['last'])
    assert told['held_out_notes'] == 3
    assert told['notes']['hidden Markov model']['note_f1'] == 1.0
    names = {path.name for path in made.sounds.glob('*.wav')}
    assert {'synth_audio.wav', 'midi_audio.wav', 'midi_file_played.wav'} < names
    for path in made.sounds.glob('*.wav'):
        assert soundfile.info(path).frames == 5 * 16000
    page = made.page.read_text('utf-8')
    assert f'| model | {told["notes"]["model"]["note_precision"]:.3f}' in page
    assert '--steps 2 --batch_size 2' in page


def test_fragments_belong_to_the_notes_beside_them() -> None:
    pitches = [0] * 20 + [60] * 4 + [62] * 30 + [63] * 3 + [62] * 20 + [64] * 15
    pitches += [0] * 20 + [70] * 5 + [0] * 5
    settled = script.settle(np.array(pitches, np.float32))
    expected = [0] * 20 + [62] * 57 + [64] * 15 + [0] * 30
    assert settled.tolist() == expected


def test_notes_sound_where_it_is_loud_enough() -> None:
    loudness = np.repeat([-80.0, -20.0, -50.0, -20.0], 50)
    pitch = np.full(200, 69.0)
    silence = np.zeros(200 * HOP)
    heard = Heard(loudness, pitch, pitch, silence, silence)
    edges = [(note.start, note.end) for note in script.own_notes(heard, -40.0)]
    assert edges == [(0.2, 0.4), (0.6, 0.8)]
    assert len(script.own_notes(heard, -60.0)) == 1
    true = [Note(0.2, 0.4, 69), Note(0.6, 0.8, 69)]
    assert -50 < script.choose_gate([(true, heard)]) <= -20
