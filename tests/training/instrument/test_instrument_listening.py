from __future__ import annotations

import numpy as np
import soundfile

from ddsp.training.instrument.listening import Listening, choose_passages, save_sounds
from ddsp.training.reports.sections import Curves

HOP, FRAMES = 10, 20


def cut(sound: np.ndarray, frame: int, loudness_db: float = -20.0) -> dict:
    """The example that begins at a frame of a sound."""
    audio = sound[frame * HOP : (frame + FRAMES) * HOP]
    return {'audio': audio, 'loudness_db': np.full(FRAMES, loudness_db)}


def test_passages_do_not_overlap():
    sound = np.random.default_rng(0).normal(size=100 * HOP).astype('float32')
    starts = [30, 45, 11, 0, 49, 50, 70, 71]
    chosen = choose_passages([cut(sound, start) for start in starts], HOP)
    expected = [30, 0 + 0, 50]
    # 45 and 11 share frames with 30, 49 its last; 0 and 50 do not.
    for passage, start in zip(chosen, expected, strict=True):
        np.testing.assert_array_equal(passage['audio'], cut(sound, start)['audio'])


def test_silence_is_passed_over():
    silent = cut(np.zeros(1000, 'float32'), 0, -80.0)
    sound = np.random.default_rng(0).normal(size=1000).astype('float32')
    (chosen,) = choose_passages([silent, cut(sound, 3), silent], HOP)
    np.testing.assert_array_equal(chosen['audio'], cut(sound, 3)['audio'])
    # But if there is nothing else, silence it is.
    assert choose_passages([silent, silent], HOP) == [silent]


def test_sounds_with_silence_in_them_are_not_taken_for_each_other():
    rng = np.random.default_rng(0)
    sounds = rng.normal(size=(3, FRAMES * HOP)).astype('float32')
    sounds[:, : 2 * HOP] = 0
    assert len(choose_passages([cut(sound, 0) for sound in sounds], HOP)) == 3


def test_sounds_are_written(tmp_path):
    curve = np.zeros(FRAMES)
    sounds = [np.full(100, 0.25, 'float32'), np.full(100, 0.5, 'float32')]
    heard = Listening(
        originals=sounds,
        resyntheses=sounds[::-1],
        sample_rate=8000,
        curves=Curves(curve, curve, curve > 0, curve, curve, 250),
        controls={},
        impulse_response=np.array([1.0, 2.0], 'float32'),
    )
    save_sounds(tmp_path, heard)
    found = {path.name: soundfile.read(path)[0][0] for path in tmp_path.rglob('*.wav')}
    assert found == {
        '1-original.wav': 0.25,
        '1-resynthesis.wav': 0.5,
        '2-original.wav': 0.5,
        '2-resynthesis.wav': 0.25,
        'impulse_response.wav': 1.0,
    }
