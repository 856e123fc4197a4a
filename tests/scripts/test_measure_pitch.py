from __future__ import annotations

import measure_pitch as script
import numpy as np
import pytest

from ddsp.training.inverse_pitch import weights


def sound(midi: list[float], judged: list[bool], unvoiced: list[bool]) -> script.Sound:
    return script.Sound(
        np.zeros(16), np.array(midi), {'row': np.array(judged)}, np.array(unvoiced)
    )


def test_frames_are_judged_within_50_cents_and_octaves_are_told() -> None:
    sounds = [
        sound([60, 60, 60, 60], [True, True, True, False], [False] * 4),
        sound([70, 70], [True, True], [False] * 2),
    ]
    heard = [
        # A frame more than is known; 40 cents off; an octave; not judged.
        script.Heard(np.array([60.4, 48.2, 60, 90, 1]), np.ones(5, bool), 1.0),
        script.Heard(np.array([73.0, 70.6]), np.ones(2, bool), 1.0),
    ]
    assert script.accuracy(sounds, heard, 'row') == '40.0 % (20.0)'


def test_voicing_counts_what_is_known_only() -> None:
    sounds = [
        sound([60] * 6, [True] * 2 + [False] * 4, [False] * 3 + [True] * 3),
    ]
    voiced = np.array([True, False, True, True, False, False])
    heard = [script.Heard(np.full(6, 60.0), voiced, 1.0)]
    assert script.voicing(sounds, heard, 'row') == '50.0 % / 33.3 %'


def test_synthetic_notes_are_the_same_for_a_seed(capsys) -> None:
    first, again = (list(script.synthetic(3, 2)) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.audio, other.audio)
        judged = one.judged['synthetic notes']
        assert len(one.midi) == len(judged) == 257
        assert not (judged & one.unvoiced).any()
        # There is truth at the frames of the notes, 32 ms apart.
        assert judged.any() and not judged[np.arange(257) % 8 != 0].any()
    given = {'shipped': ('ddsp-inv', {'weights': str(weights.SHIPPED)})}
    script.print_table([first], given)
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == '| sound | shipped |'
    name, cell = rows[2].strip('| ').split(' | ')
    assert name == 'synthetic notes'
    assert float(cell.split()[0]) == pytest.approx(90, abs=15)
