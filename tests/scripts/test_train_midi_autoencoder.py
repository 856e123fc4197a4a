"""The recipe of the MIDI autoencoder, on tones instead of a soundfont."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np
import pytest
import soundfile
import train_midi_autoencoder as script
from midi_own_notes import Heard, choose_segmentation, compare, own_notes
from midi_pairs import FRAMES, HOP, features_of, windows
from train_midi_autoencoder import Places, Recipe

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


def test_what_tells_notes_is_chosen_by_those_that_are_known() -> None:
    pitch = np.repeat([60.0, 62.0, 62.0, 64.0, 64.0], 100)
    velocity = np.repeat([100.0, 100.0, 0.0, 60.0, 10.0], 100)
    silence = np.zeros(500 * HOP)
    heard = Heard(pitch, velocity, silence, silence)
    # Seen 80 ms late; and the soft note is one.
    true = [Note(0.0, 0.32, 60), Note(0.32, 0.8, 62), Note(1.2, 1.6, 64)]
    chosen = choose_segmentation([(true, heard)])
    assert 0.03 <= chosen.late_seconds <= 0.08
    assert chosen.sounding_db <= -35
    found = own_notes(heard, chosen)
    assert compare([(true, found)])['note_f1'] == 1.0
    assert [note.velocity for note in found] == [100, 100, 60]


def test_velocities_of_midi_become_those_of_the_model() -> None:
    roll = np.zeros([400, 128], np.float32)
    roll[100:200, 60], roll[200:300, 62] = 60.0, 120.0
    silence = np.zeros(400 * HOP)
    written = np.repeat([3.0, 80.0, 110.0, 3.0], 100)
    heard = Heard(np.full(400, 60.0), written, silence, silence)
    scale = script.fit_velocities([(roll, heard)], -30.0)
    np.testing.assert_allclose(scale, (0.5, 50.0, 3.0), rtol=1e-6)
