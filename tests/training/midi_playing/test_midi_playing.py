"""Notes into voices, curves and sound."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ddsp import core
from ddsp.training.metrics.notes import Note, compute_note_metrics
from ddsp.training.midi_playing import expression, play_score, voices
from ddsp.training.quantiles import QuantileTransformer
from ddsp.training.transcription import Score, Track, transcribe
from ddsp.training.transfer import load_instrument
from ddsp.training.transfer.statistics import Statistics

RATE = 250
# Loudness of notes is even from -40 to 0 dB.
STATISTICS = Statistics(
    mean_pitch=70.0,
    lowest=55.0,
    highest=90.0,
    loudness=QuantileTransformer(101).fit(np.linspace(-40.0, 0.0, 1001)),
)


@pytest.fixture(scope='module')
def violin():
    return load_instrument('violin')


def score(*tracks):
    return Score([Track(f'part {i}', 0, notes) for i, notes in enumerate(tracks)], ())


def pitches(split):
    return [[note.pitch for note in voice] for voice in split]


def test_a_melody_is_one_voice():
    tied = [Note(0.0, 0.52, 60), Note(0.5, 1.02, 62), Note(1.0, 1.5, 64)]
    (voice,) = voices.split_voices(tied[::-1])
    assert [(n.start, n.end) for n in voice] == [(0.0, 0.5), (0.5, 1.0), (1.0, 1.5)]
    detached = [Note(0.0, 0.2, 60), Note(5.0, 5.2, 84)]
    assert pitches(voices.split_voices(detached)) == [[60, 84]]


def test_chords_are_split_from_the_top():
    chords = [Note(k, k + 1, 60 + k + d) for k in range(3) for d in (0, 4, 7)]
    assert pitches(voices.split_voices(chords)) == [
        [67, 68, 69],
        [64, 65, 66],
        [60, 61, 62],
    ]


def test_a_held_note_keeps_its_voice():
    notes = [Note(0, 4, 48), Note(0, 1, 60), Note(1, 2, 62), Note(2, 3, 64)]
    assert pitches(voices.split_voices(notes)) == [[60, 62, 64], [48]]


def test_no_voice_plays_two_notes_at_once():
    rng = np.random.default_rng(0)
    starts, lengths = rng.uniform(0, 20, 100), rng.uniform(0.02, 2.0, 100)
    notes = [
        Note(s, s + x, int(p))
        for s, x, p in zip(starts, lengths, rng.integers(40, 90, 100))
    ]
    split = voices.split_voices(notes)
    assert sorted(n.start for v in split for n in v) == sorted(starts)
    for voice in split:
        for before, note in itertools.pairwise(voice):
            assert before.start < before.end <= note.start
    most = max(sum(n.start <= t < n.end for n in notes) for t in starts)
    assert len(split) <= most


def test_tracks_come_into_range_by_octaves():
    low = [Note(k, k + 1, 36 + k) for k in range(8)]
    right = [Note(0, 1, 60), Note(1, 2, 100)]
    moved, said = voices.into_range(score(low, right), STATISTICS, 'the violin')
    assert pitches([t.notes for t in moved.tracks]) == [list(range(60, 68)), [60, 88]]
    assert said == [
        'track 1 (part 0) was moved 2 octaves up, to where the violin plays.',
        '1 note was moved by octaves, into the range of the violin.',
    ]
    same, said = voices.into_range(score(right[:1]), STATISTICS, 'the violin')
    assert same == score(right[:1]) and said == []


def test_tempo_and_transposition():
    faster = voices.changed(score([Note(1.0, 3.0, 60, 90)]), -12, 2.0)
    assert faster.tracks[0].notes == [Note(0.5, 1.5, 48, 90)]


def midi_of(adjusted):
    return np.asarray(core.hz_to_midi(adjusted.f0_hz))


def test_notes_become_curves():
    notes = [Note(0.2, 0.5, 60, 127), Note(0.8, 1.1, 64, 40)]
    adjusted = expression.shape(notes, RATE, STATISTICS)
    assert len(adjusted.f0_hz) == round(1.7 * RATE) == len(adjusted.loudness_db)
    midi = midi_of(adjusted)
    np.testing.assert_allclose(midi[60:190], 60.0, atol=1e-3)
    np.testing.assert_allclose(midi[200:], 64.0, atol=1e-3)
    # The loudest velocity is the 95th percentile, and notes that short hardly swell.
    loudness = adjusted.loudness_db
    assert loudness[65:120].max() == pytest.approx(-2.0, abs=1.0)
    assert loudness[65:120].mean() > loudness[215:270].mean() + 15
    # Silence before, between and after.
    assert (loudness[:50] == -80).all()
    assert loudness[195] < loudness[100] - 60
    assert loudness[-1] < -70
    assert adjusted.notes[51:124].all() and not adjusted.notes[130:190].any()


def test_velocities_are_loudness_the_instrument_has():
    levels = []
    for velocity in (1, 40, 80, 127):
        adjusted = expression.shape([Note(0, 1, 60, velocity)], RATE, STATISTICS)
        levels.append(float(np.median(adjusted.loudness_db[20:230])))
    assert levels == sorted(levels)
    assert -40 < levels[0] < -30 and -6 < levels[-1] < 0
    without = expression.shape([Note(0, 1, 60, 127)], RATE, None)
    assert -10 < np.median(without.loudness_db[20:230]) < 0


def test_legato_glides_and_detached_notes_start_afresh():
    legato = [Note(0.0, 0.3, 60), Note(0.3, 0.6, 64), Note(0.6, 0.9, 64)]
    adjusted = expression.shape(legato, RATE, STATISTICS)
    midi, loudness = midi_of(adjusted), adjusted.loudness_db
    assert midi[75] == pytest.approx(60.0, abs=0.01)
    assert 60.5 < midi[79] < 63.5
    assert midi[84] == pytest.approx(64.0, abs=0.01)
    body = np.median(loudness[20:70])
    change, again = loudness[70:90].min() - body, loudness[145:165].min() - body
    assert -5 < change < -1 and again < change - 3
    detached = [Note(0.0, 0.2, 60), Note(0.3, 0.6, 64)]
    adjusted = expression.shape(detached, RATE, STATISTICS)
    assert midi_of(adjusted)[75] == pytest.approx(64.0, abs=0.01)
    assert adjusted.loudness_db[73] < body - 25


def test_only_long_notes_have_vibrato():
    adjusted = expression.shape(
        [Note(0, 0.3, 60), Note(0.5, 2.5, 60)], RATE, STATISTICS
    )
    midi = midi_of(adjusted)
    assert np.ptp(midi[:120]) < 1e-3
    late = midi[300:600] - 60
    assert 0.12 < late.max() < 0.25 and 0.12 < -late.min() < 0.25
    crossings = np.sum((late[:-1] < 0) & (late[1:] >= 0))
    assert crossings in (6, 7)  # Of 5.5 Hz in 1.2 s.


def test_what_is_played_can_be_heard(violin):
    notes = [
        *(Note(0.1 + 0.4 * k, 0.5 + 0.4 * k, 67 + 2 * k, 100) for k in range(4)),
        *(Note(1.8 + 0.4 * k, 2.0 + 0.4 * k, 76, 80) for k in range(3)),
    ]
    audio, n_voices, said = play_score(score(notes), violin)
    assert (n_voices, said, audio.dtype) == (1, [], np.float32)
    assert len(audio) == round((2.8 + expression.TAIL_SECONDS) * 16000)
    assert 0.02 < np.abs(audio).max() <= 1.0
    assert np.abs(audio[-800:]).max() < 1e-2
    assert compute_note_metrics(notes, transcribe(audio, 16000).notes).f1 == 1.0


class Whistle:
    """Stands in for an instrument: plays steady levels, and notes what it was told."""

    name, title, statistics = 'whistle', 'Whistle', STATISTICS
    sample_rate, frame_rate = 16000, RATE

    def __init__(self, level):
        self.level = level
        self.told = []

    def play(self, adjusted):
        self.told.append(adjusted)
        return np.repeat(np.float32(self.level) * adjusted.notes, 64).astype(np.float32)


def test_voices_are_mixed_and_long_rests_left_out():
    whistle = Whistle(0.25)
    one, two = [Note(0.1, 0.6, 72), Note(8.0, 8.5, 74)], [Note(8.2, 8.4, 67)]
    audio, n_voices, _ = play_score(score(one, two), whistle)
    assert n_voices == 2 and audio.dtype == np.float32
    want = np.zeros(round(9.1 * 16000))
    for note in (*one, *two):
        want[round(note.start * 16000) : round(note.end * 16000)] += 0.25
    np.testing.assert_allclose(audio, want)
    # Three parts, none of which has the rest of seven seconds in it.
    assert max(len(adjusted.f0_hz) for adjusted in whistle.told) < 2 * RATE


def test_what_would_clip_is_turned_down_as_a_whole():
    tracks = [[Note(0.0, 1.0, 72)], [Note(0.5, 1.0, 60)], [Note(0.5, 1.0, 64)]]
    audio, _, _ = play_score(score(*tracks), Whistle(0.5))
    np.testing.assert_allclose(audio[:8000], 1 / 3)
    np.testing.assert_allclose(audio[8000:16000], 1.0)


def test_an_instrument_without_statistics_plays_what_is_written():
    whistle = Whistle(0.5)
    whistle.statistics = None
    _, _, said = play_score(score([Note(0.0, 1.0, 20)]), whistle)
    assert len(said) == 1 and 'ddsp statistics' in said[0]
    assert midi_of(whistle.told[0])[10] == pytest.approx(20.0, abs=1e-3)


def test_hours_are_refused():
    with pytest.raises(ValueError, match='last 67 minutes; expected at most 60'):
        play_score(score([Note(4000.0, 4001.0, 60)]), Whistle(0.5))
