"""Notes by rules, on curves whose notes are known."""

from __future__ import annotations

import gin
import numpy as np
import pytest

from ddsp.training import heuristics

RATE = heuristics.DDSP_DEFAULT_FRAME_RATE


def curves(*parts):
    """Controls of parts of `(frames, MIDI note or 0, level in dB)`."""
    midi = np.concatenate([np.full(n, float(note)) for n, note, _ in parts])
    level = np.concatenate([np.full(n, float(db)) for n, _, db in parts])
    f0_hz = np.where(midi > 0, 440.0 * 2.0 ** ((midi - 69.0) / 12.0), 0.0)
    return {'f0_hz': f0_hz, 'loudness_db': level}


def found(controls, **changed):
    notes = heuristics.segment_notes(
        changed.get('binarize_f', heuristics.midi_heuristic),
        changed.get('pick_f0_f', heuristics.median_f0),
        changed.get('pick_amps_f', heuristics.median_amps),
        controls,
    )
    return [
        (note.pitch, round(note.start * RATE), round(note.end * RATE)) for note in notes
    ]


def test_two_notes_with_a_rest_between():
    controls = curves((30, 0, -80), (100, 60, -20), (50, 0, -80), (100, 64, -15))
    assert found(controls) == [(60, 30, 130), (64, 180, 280)]


def test_a_change_of_pitch_is_a_new_note():
    (first, start, _), (second, _, end) = found(curves((100, 60, -20), (100, 62, -20)))
    assert (first, second, start, end) == (60, 62, 0, 200)
    changes = heuristics.strided_freq_change(curves((100, 60, 0), (100, 62, 0)))
    assert np.flatnonzero(changes).tolist() == [100]


def test_vibrato_is_one_note():
    controls = curves((300, 60, -20))
    wave = 0.3 * np.sin(2 * np.pi * 5.5 * np.arange(300) / RATE)
    controls['f0_hz'] = controls['f0_hz'] * 2.0 ** (wave / 12.0)
    assert found(controls) == [(60, 0, 300)]


def test_a_dip_in_loudness_is_a_note_struck_again():
    controls = curves((100, 60, -20), (6, 60, -45), (100, 60, -20))
    assert [note for note, _, _ in found(controls)] == [60, 60]
    dips = heuristics.amp_pooled_outliers(controls)
    assert np.flatnonzero(dips).tolist() == list(range(100, 106))


def test_what_is_level_or_wavers_has_no_dips():
    assert not heuristics.amp_pooled_outliers(curves((200, 60, -20))).any()
    controls = curves((300, 60, -20))
    controls['loudness_db'] += np.sin(2 * np.pi * 5.5 * np.arange(300) / RATE)
    assert not heuristics.amp_pooled_outliers(controls).any()


def test_short_and_soft_stretches_are_no_notes():
    assert found(curves((15, 60, -20), (50, 0, -80), (100, 60, -20))) == [(60, 65, 165)]
    assert found(curves((100, 60, -20), (100, 60, -70))) == [(60, 0, 100)]
    assert found(curves((100, 0, -20))) == []
    assert found(curves((100, 60, -130))) == []


@pytest.mark.parametrize(('db', 'velocity'), [(0, 127), (-30, 64), (-60, 1), (-90, 1)])
def test_velocity_tells_how_loud(db, velocity):
    controls = {**curves((100, 60, 0)), 'harm_amp': np.full(100, 10.0 ** (db / 20))}
    notes = heuristics.segment_notes(
        lambda c: np.ones(100, bool),
        heuristics.mean_f0,
        heuristics.median_amps,
        controls,
    )
    assert [note.velocity for note in notes] == [velocity]


def test_pitches_are_averaged_over_frames_that_have_one():
    controls = curves((10, 57, 0), (10, 0, 0), (20, 69, 0))
    assert heuristics.median_f0(controls, 0, 40) == pytest.approx(440.0)
    # The mean of 10 times A3 and 20 times A4 is a third of an octave below A4.
    assert heuristics.mean_f0(controls, 0, 40) == pytest.approx(440.0 * 2 ** (-1 / 3))
    assert (
        heuristics.mean_f0(controls, 10, 20)
        == heuristics.median_f0(controls, 10, 20)
        == 0
    )


def test_loudness_is_taken_where_there_is_some():
    quiet, loud = np.full(100, 1e-4), np.full(100, 0.1)
    base = {'f0_hz': np.full(100, 440.0), 'power_db': np.full(100, -5.0)}
    nested = {'harmonic': {'controls': {'amplitudes': loud[:, None]}}}
    assert heuristics.median_amps(base, 0, 9) == pytest.approx(10 ** (-5 / 20))
    assert heuristics.median_amps({**base, 'harm_amp': quiet}, 0, 9) == pytest.approx(
        1e-4
    )
    both = {**base, 'harm_amp': quiet, **nested}
    assert heuristics.median_amps(both, 0, 9) == pytest.approx(0.1)
    with pytest.raises(KeyError, match='nothing tells how loud it is'):
        heuristics.median_amps({'f0_hz': base['f0_hz']}, 0, 9)


def test_power_may_stand_for_loudness():
    controls = curves((30, 0, -80), (100, 60, -20))
    with pytest.raises(KeyError, match="have no 'power_db'"):
        heuristics.midi_heuristic_power(controls)
    controls = {'f0_hz': controls['f0_hz'], 'power_db': controls['loudness_db']}
    assert found(controls, binarize_f=heuristics.midi_heuristic_power) == [
        (60, 30, 130)
    ]


def test_a_batch_is_its_examples():
    one = curves((100, 60, -20), (50, 0, -80))
    two = curves((50, 0, -80), (100, 72, -20))
    batch = {name: np.stack([one[name], two[name]])[..., None] for name in one}
    batch['gain'] = np.ones(1)
    notes = heuristics.segment_notes_batch(
        heuristics.midi_heuristic,
        heuristics.median_f0,
        heuristics.median_amps,
        batch,
        frame_rate=100,
    )
    assert [[(n.pitch, n.start, n.end) for n in row] for row in notes] == [
        [(60, 0.0, 1.0)],
        [(72, 0.5, 1.5)],
    ]


def test_gin_chooses_the_rules():
    gin.parse_config(
        'segment_notes_batch.binarize_f = @heuristics.midi_heuristic\n'
        'segment_notes_batch.pick_f0_f = @heuristics.mean_f0\n'
        'segment_notes_batch.pick_amps_f = @heuristics.median_amps'
    )
    controls = curves((100, 60, -20))
    batch = {name: value[None] for name, value in controls.items()}
    (notes,) = heuristics.segment_notes_batch(controls_batch=batch)
    assert [note.pitch for note in notes] == [60]


def test_active_frames_of_a_piano_roll():
    roll = np.zeros([5, 128])
    roll[1, 60] = roll[3, 64] = roll[3, 67] = 0.5
    assert heuristics.get_active_frame_indices(roll).tolist() == [1, 3]


def test_windows_overlap_and_cover_everything():
    windows = heuristics.window_array(np.arange(10), 1.0, 4.0, 0.5)
    assert [w.tolist() for w in windows] == [
        [0, 1, 2, 3],
        [2, 3, 4, 5],
        [4, 5, 6, 7],
        [6, 7, 8, 9],
    ]
    ragged = heuristics.window_array(np.arange(5)[None], 1.0, 4.0, 0.75, ax=1)
    assert [w.tolist() for w in ragged] == [[[0, 1, 2, 3]], [[3, 4]]]
    with pytest.raises(ValueError, match='is 0 samples and the step 0'):
        heuristics.window_array(np.arange(5), 1.0, 0.1)


@pytest.mark.parametrize(
    ('mode', 'padded'),
    [
        ('center', [1, 1, 2, 3, 3, 3]),
        ('front', [1] * 4 + [2, 3]),
        ('end', [1, 2, 3] + [3] * 3),
    ],
)
def test_padding_repeats_the_ends(mode, padded):
    assert heuristics.pad_for_frame([1, 2, 3], mode, 4).tolist() == padded


def test_unknown_padding_is_refused():
    with pytest.raises(ValueError, match=r"'middle', expected one of \['center'"):
        heuristics.pad_for_frame([1], 'middle', 4)


def test_short_stretches_are_removed_or_glued():
    is_on = [1, 0, 1, 1, 1, 0, 1, 0]
    removed = heuristics.remove_short(is_on, 2).astype(int)
    glued = heuristics.remove_short(is_on, 2, glue_back=True).astype(int)
    assert removed.tolist() == [0, 0, 1, 1, 1, 0, 0, 0]
    assert glued.tolist() == [0, 0, 1, 1, 1, 1, 1, 0]
