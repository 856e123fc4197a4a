"""From sound to notes, on tones whose notes are known."""

from __future__ import annotations

import numpy as np
import pytest

from ddsp import audio_files, recordings
from ddsp.training import transcription
from ddsp.training.metrics.notes import Note, compute_note_metrics
from ddsp.training.transcription import hidden_markov, onsets

RATE = 16000
MELODY = [
    Note(0.2, 0.6, 60, 60),
    Note(0.6, 0.9, 62, 60),  # Tied to the one before.
    Note(0.9, 1.15, 74, 60),  # An octave up from it.
    Note(1.5, 1.75, 67, 127),
    Note(1.8, 2.1, 67, 127),  # Struck again.
    Note(2.1, 2.4, 66, 80),
]


def play(notes, cents=0.0, vibrato=0.0, seconds=2.8):
    """Tones of 12 partials with fades of 15 ms; the loudest peaks near 0.5."""
    time = np.arange(round(seconds * RATE)) / RATE
    audio = np.zeros(len(time))
    for note in notes:
        midi = note.pitch + cents / 100 + vibrato * np.sin(2 * np.pi * 5.5 * time)
        phase = 2 * np.pi * np.cumsum(440.0 * 2.0 ** ((midi - 69) / 12)) / RATE
        tone = sum(np.sin(h * phase) / h for h in range(1, 13))
        fade = np.minimum(time - note.start, note.end - time) / 0.015
        gain = 0.25 * (note.velocity / 127) ** 2
        audio += gain * np.clip(fade, 0.0, 1.0) * tone
    return audio.astype(np.float32)


@pytest.fixture(scope='module')
def melody():
    return transcription.transcribe(play(MELODY), RATE)


def test_a_melody_is_found_note_by_note(melody):
    assert [note.pitch for note in melody.notes] == [60, 62, 74, 67, 67, 66]
    for found, there in zip(melody.notes, MELODY):
        assert abs(found.start - there.start) < 0.03, (found, there)
        assert abs(found.end - there.end) < 0.1, (found, there)
    assert abs(melody.tuning) < 0.03
    assert melody.warnings == ()


def test_notes_do_not_overlap(melody):
    for before, note in zip(melody.notes, melody.notes[1:]):
        assert before.start < before.end <= note.start


def test_velocities_are_in_the_order_of_loudness(melody):
    velocity = [note.velocity for note in melody.notes]
    assert max(velocity) == 110
    assert abs(velocity[3] - velocity[4]) < 5
    assert velocity[0] < velocity[5] < velocity[3]


def test_rules_find_most_of_it():
    found = transcription.transcribe(play(MELODY), RATE, notes='heuristic').notes
    assert compute_note_metrics(MELODY, found).f1 > 0.7


def test_a_recording_40_cents_flat_keeps_its_notes():
    notes = [Note(0.2 + 0.5 * k, 0.65 + 0.5 * k, 60 + k) for k in range(4)]
    found = transcription.transcribe(play(notes, -40.0, vibrato=0.3), RATE)
    assert found.tuning == pytest.approx(-0.4, abs=0.04)
    assert [note.pitch for note in found.notes] == [60, 61, 62, 63]
    assert compute_note_metrics(notes, found.notes).f1 == 1.0


def test_other_rates_find_the_same(melody):
    low = transcription.transcribe(play(MELODY), RATE, frame_rate=125)
    assert [n.pitch for n in low.notes] == [n.pitch for n in melody.notes]
    assert len(low.features.f0_hz) * 2 == len(melody.features.f0_hz)
    assert compute_note_metrics(MELODY, low.notes).f1 == 1.0


def test_singing_is_one_voice():
    audio = audio_files.load_audio(recordings.singing_path(), RATE)[: 4 * RATE]
    found = transcription.transcribe(audio, RATE)
    assert found.warnings == ()
    assert 5 <= len(found.notes) <= 25
    assert all(36 <= note.pitch <= 72 for note in found.notes)


def test_two_voices_are_told_and_doubted():
    upper, lower = play([Note(0.2, 2.5, 69)]), play([Note(0.2, 2.5, 63)])
    alone = transcription.transcribe(upper, RATE)
    both = transcription.transcribe(upper + lower, RATE)
    assert alone.warnings == ()
    assert 'does not sound like one voice' in both.warnings[0]
    middle = slice(100, 600)
    doubted = both.features.f0_confidence[middle].mean()
    assert doubted < 0.75 * alone.features.f0_confidence[middle].mean()


def test_without_notes_that_is_said():
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, RATE).astype(np.float32)
    found = transcription.transcribe(noise, RATE)
    assert found.notes == []
    assert 'no notes were found' in found.warnings[-1]
    silent = transcription.transcribe(np.zeros(RATE, np.float32), RATE)
    assert silent.notes == [] and silent.warnings == ('the recording is silent.',)
    assert len(silent.features.f0_hz) == 250


@pytest.mark.parametrize(
    ('changed', 'words'),
    [
        ({'notes': 'magic'}, r"'magic', expected one of \['hmm', 'heuristic'\]"),
        ({'frame_rate': 30}, 'frame_rate is 30, expected'),
        ({'frame_rate': 300}, 'that divide 16000'),
        ({'method': 'swift'}, "did you mean 'swift-f0'"),
        ({'audio': np.zeros([2, 8000])}, r'shape \[2, 8000\]'),
        ({'audio': np.zeros(8000, np.int16)}, 'expected floats'),
        ({'audio': np.zeros(800)}, 'lasts 50 ms'),
        ({'audio': np.full(8000, np.nan)}, 'NaN or infinite'),
    ],
)
def test_wrong_inputs_are_explained(changed, words):
    with pytest.raises(ValueError, match=words):
        transcription.transcribe(**{'audio': play(MELODY), **changed})


def test_the_model_follows_notes_and_rests():
    midi = np.repeat([60.0, 60.4, 64.0, 50.0], 50)
    f0_hz = 440.0 * 2.0 ** ((midi - 69.0) / 12.0)
    # A leap of the estimator that no note is short enough for.
    f0_hz[20:23] *= 2.0
    strength = np.repeat([1.0, 1.0, 1.0, 0.0], 50)
    path = hidden_markov.find_path(f0_hz, strength, 250.0)
    assert hidden_markov.runs_of(path) == [(0, 100, 60), (100, 150, 64)]
    flat = hidden_markov.find_path(f0_hz * 2.0 ** (-0.5 / 12), strength, 250.0, -0.5)
    assert flat.tolist() == path.tolist()


def test_fragments_join_the_notes_around_them():
    run = onsets.Run
    slide = [run(0, 15, 59), run(15, 100, 60)]
    assert onsets.join_fragments(slide, 250) == [run(0, 100, 60)]
    blip = [run(0, 50, 60), run(50, 55, 72), run(55, 100, 60)]
    assert onsets.join_fragments(blip, 250) == [run(0, 100, 60)]
    alone = [run(0, 50, 60), run(60, 65, 72), run(80, 130, 60)]
    assert onsets.join_fragments(alone, 250) == [run(0, 50, 60), run(80, 130, 60)]
    last = [run(0, 50, 60), run(50, 55, 72)]
    assert onsets.join_fragments(last, 250) == [run(0, 50, 60)]
    scale = [run(0, 25, 60), run(25, 50, 62), run(50, 100, 64)]
    assert onsets.join_fragments(scale, 250) == scale


def test_loudness_that_wavers_is_no_note_struck_again():
    wave = 4.0 * np.sin(2.0 * np.pi * 5.5 * np.arange(500) / 250)
    struck = np.where(np.abs(np.arange(500) - 250) < 8, -15.0, 0.0)
    one = [onsets.Run(0, 500, 60)]
    for loudness, starts in ((wave, [0]), (struck, [0, 250])):
        split = onsets.split_repeated(one, loudness, 250)
        assert len(split) == len(starts)
        assert all(abs(r.start - s) <= 10 for r, s in zip(split, starts))


@pytest.mark.parametrize('floor', [0.0, 0.3])
@pytest.mark.parametrize('attack', [2, 20, 60])
def test_a_slow_attack_begins_where_a_fast_one_does(attack, floor):
    rise = np.clip((np.arange(120) - 40) / attack, 0.0, 1.0)
    # What rings on fades a little meanwhile.
    rings = floor * np.exp(-np.arange(120) / 400)
    begin = onsets._rise(rings + (1.0 - floor) * rise, seen=50)
    assert abs(begin - 40) <= 3
    assert onsets._rise(np.linspace(0.9, 1.0, 120), seen=50) is None


def test_a_note_begins_before_it_is_seen_where_another_rings_on():
    run = onsets.Run
    tied = [run(0, 50, 60), run(50, 100, 62), run(100, 150, 62), run(160, 200, 64)]
    expected = [run(0, 40, 60), run(40, 100, 62), *tied[2:]]
    assert onsets.begin_earlier(tied, 0.04, 250) == expected
    # The first keeps the 50 ms of the shortest note, or what it has.
    brief = [run(0, 15, 60), run(15, 50, 62), run(50, 55, 64), run(55, 90, 60)]
    starts = [r.start for r in onsets.begin_earlier(brief, 0.04, 250)]
    assert starts == [0, 12, 40, 52]
    assert onsets.begin_earlier(brief, 0.0, 250) == brief


def test_notes_are_found_in_what_a_network_wrote():
    pitches = np.repeat([60, 61, 64, 64, 67], 100)
    # Vibrato beyond half a semitone, as whole numbers.
    pitches[25:90:8] = 61
    pitches[100:] = np.repeat([60, 64, 64, 67], 100)
    velocities = np.repeat([90, 90, 80, 80, 0], 100)
    velocities[300:308] = 40
    found = transcription.notes_of_frames(pitches, velocities, 250, 0.8)
    assert [note.pitch for note in found] == [60, 64, 64]
    assert [note.velocity for note in found] == [90, 90, 80]
    starts = [note.start for note in found]
    # Struck again once the dip is over.
    np.testing.assert_allclose(starts, [0.0, 0.756, 1.232], atol=0.009)
    assert abs(found[-1].end - 1.6) < 0.01
    late = transcription.Segmentation(late_seconds=0.0)
    again = transcription.notes_of_frames(pitches, velocities, 250, 0.8, late)
    assert abs(again[1].start - 0.8) < 0.01


def test_silence_is_so_far_below_the_loud_parts():
    velocities = np.repeat([0, 100, 50, 100], 100)
    for sounding_db, expected in ((-25.0, 2), (-60.0, 1)):
        choice = transcription.Segmentation(sounding_db)
        found = transcription.notes_of_frames([60] * 400, velocities, 250, 0.8, choice)
        # Louder again after so little is no new stroke of a note that goes on.
        assert len(found) == expected, sounding_db
    assert not transcription.notes_of_frames([60] * 50, [0] * 50, 250, 0.8)
