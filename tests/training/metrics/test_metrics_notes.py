from __future__ import annotations

import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp.training import metrics
from ddsp.training.metrics import EvalCounts, Note


def test_counts():
    counts = EvalCounts(true_positives=2, false_positives=2, false_negatives=0)
    counts.add(EvalCounts(2, 0, 6))
    assert counts == EvalCounts(4, 2, 6)
    assert counts.precision == pytest.approx(4 / 6)
    assert counts.recall == pytest.approx(0.4)
    mean = 2 / (1 / counts.precision + 1 / counts.recall)
    assert counts.f1 == pytest.approx(mean)


def test_counts_of_nothing():
    empty = EvalCounts()
    assert (empty.precision, empty.recall, empty.f1) == (0, 0, 0)


def test_intervals_of_all_kinds_of_sequences():
    notes = [Note(1.0, 2.0, 69), Note(0.5, 0.75, 57.0, 90)]
    violin = types.SimpleNamespace(notes=notes, is_drum=False)
    drums = types.SimpleNamespace(notes=[Note(0, 1, 30)], is_drum=True)
    of_note_seq = types.SimpleNamespace(
        notes=[
            types.SimpleNamespace(
                start_time=n.start, end_time=n.end, pitch=n.pitch, velocity=n.velocity
            )
            for n in notes
        ]
    )
    of_pretty_midi = types.SimpleNamespace(instruments=[drums, violin])
    for sequence in (notes, of_note_seq, of_pretty_midi):
        intervals, pitches = metrics.sequence2intervals(sequence)
        np.testing.assert_allclose(intervals, [[0.5, 0.75], [1.0, 2.0]])
        np.testing.assert_allclose(pitches, [220.0, 440.0], rtol=1e-6)
    intervals, pitches = metrics.sequence2intervals([])
    assert intervals.shape == (0, 2) and pitches.shape == (0,)


def test_note_metrics():
    there = [Note(0.0, 1.0, 60), Note(1.0, 2.0, 62), Note(2.0, 3.0, 64)]
    found = [
        Note(0.04, 0.2, 60),  # Its end does not matter.
        Note(0.03, 1.0, 60),  # Found already.
        Note(1.2, 2.0, 62),  # Too late.
        Note(2.0, 3.0, 65),  # Too high.
        Note(2.0, 3.0, 64.3),  # 30 cents do not matter.
        Note(2.0, 2.0, 64),  # No note at all.
    ]
    assert metrics.compute_note_metrics(there, found) == EvalCounts(2, 3, 1)
    assert metrics.compute_note_metrics([], found[:2]) == EvalCounts(0, 2, 0)
    assert metrics.compute_note_metrics(there, []) == EvalCounts(0, 0, 3)


def test_frame_metrics():
    there = np.zeros([10, 128])
    there[:6, 60] = 100
    found = np.zeros([12, 128])
    found[4:12, 60] = 0.1
    found[0, 61] = 1
    assert metrics.compute_frame_metrics(there, found) == EvalCounts(2, 7, 4)
    with pytest.raises(ValueError, match=r'\[10, 128\] and \[12, 127\]'):
        metrics.compute_frame_metrics(there, found[:, :127])


notes = st.builds(
    lambda start, length, pitch, velocity: Note(
        start / 50, (start + length) / 50, pitch, velocity
    ),
    st.integers(0, 80),
    st.integers(1, 20),
    st.integers(0, 127),
    st.integers(2, 127),
)


@settings(deadline=None, max_examples=100)
@given(st.lists(notes, max_size=5, unique_by=lambda note: note.pitch))
def test_a_piano_roll_keeps_notes(sequence):
    roll = metrics.pianoroll_from_notes(sequence, 50)
    by_start = sorted(sequence, key=lambda note: (note.start, note.pitch))
    assert metrics.notes_from_pianoroll(roll, 50) == by_start


def test_onsets_split_notes():
    roll = np.zeros([8, 128])
    roll[1:7, 60] = 0.5
    onsets = np.zeros_like(roll)
    onsets[4, 60] = 1
    onsets[7, 60] = 1  # Nothing sounds there.
    assert metrics.notes_from_pianoroll(roll, 10, onsets) == [
        Note(0.1, 0.4, 60, 64),
        Note(0.4, 0.7, 60, 64),
    ]


def test_notes_that_no_roll_can_hold_are_left_out():
    roll = metrics.pianoroll_from_notes([Note(0, 1, -1), Note(0, 9, 128)], 10, 5)
    assert roll.shape == (5, 128) and not roll.any()


def test_midi_metrics_align_with_f0():
    played = [Note(0.0, 0.5, 60), Note(0.6, 1.0, 64)]
    roll = metrics.pianoroll_from_notes(played, 50, 50)[np.newaxis]
    # A clarinet in B flat sounds two semitones lower than it reads.
    sounding = [Note(n.start, n.end, n.pitch - 2) for n in played]
    midi = (metrics.pianoroll_from_notes(sounding, 50, 50) > 0) @ np.arange(128)
    f0_hz = np.where(midi > 0, 440.0 * 2 ** ((midi + 0.3 - 69) / 12), 0.0)
    batch = {'note_active_velocities': roll, 'f0_hz': f0_hz[np.newaxis, :, np.newaxis]}

    aligned = metrics.MidiMetrics(50, 'midi')
    aligned.update_state(batch, [sounding])
    assert set(aligned.results().values()) == {1.0}
    assert len(aligned.results()) == 6

    as_written = metrics.MidiMetrics(50, 'midi', align_midi_with_f0=False)
    as_written.update_state(batch, [played])
    assert as_written.flush(3)['midi/note_f1'] == 1
    as_written.update_state(batch, [sounding])
    assert set(as_written.flush(3).values()) == {0.0}


def test_midi_metrics_read_a_channel():
    played = [Note(0.0, 0.5, 60)]
    roll = metrics.pianoroll_from_notes(played, 50, 50)
    rolls = np.stack([np.zeros_like(roll), roll], axis=-1)[np.newaxis]
    counts = metrics.MidiMetrics(50, 'midi')
    counts.update_state({'roll': rolls}, [played], gt_key='roll', ch=1)
    assert counts.results()['midi/frame_f1'] == 1
    with pytest.raises(KeyError, match='note_active_velocities'):
        counts.update_state({'roll': rolls}, [played])


def test_rolls_of_one_note_a_frame():
    pitches = np.array([[[0.0], [59.6], [60.4]], [[0.2], [1.0], [127.0]]])
    rolls = metrics.pianoroll_from_pitches(pitches)
    assert rolls.shape == (2, 3, 128)
    assert np.argwhere(rolls).tolist() == [
        [0, 1, 60],
        [0, 2, 60],
        [1, 1, 1],
        [1, 2, 127],
    ]
    np.testing.assert_array_equal(
        metrics.pianoroll_from_pitches(pitches[..., 0]), rolls
    )


@pytest.mark.parametrize('n_predicted', [1, 3])
def test_each_example_needs_a_prediction(n_predicted):
    roll = np.zeros([2, 10, 128], np.float32)
    roll[:, :5, 60] = 1.0
    counts = metrics.MidiMetrics(10.0, 'test')
    predicted = [[Note(0.0, 0.5, 60.0)]] * n_predicted
    with pytest.raises(ValueError, match=f'2 examples.*{n_predicted} predictions'):
        counts.update_state({'note_active_velocities': roll}, predicted)
