import numpy as np
import pytest
import tones

from ddsp import pitch


def test_a_low_tone_in_time():
    f0_hz = tones.glissando(50, 80, 1.0)
    audio = np.concatenate([np.zeros(4000, np.float32), tones.tone(f0_hz)])
    f0_hz = np.concatenate([np.full(4000, 50.0), f0_hz])
    found, confidence = pitch.estimate_f0(
        audio, 16000, method='pyin', fmin=40.0, fmax=160.0
    )
    assert found.shape == (313,)
    off = tones.cents_off(found, f0_hz, 64)
    inside = (np.arange(313) > 75) & (np.arange(313) < 300)
    voiced = confidence >= 0.5
    assert voiced[inside].mean() > 0.95
    assert (np.abs(off[inside & voiced]) < 50).mean() >= 0.98
    # 814 cents in a second: 5 ms would be 4 cents, next to steps of 10.
    assert abs(np.median(off[inside])) < 6
    np.testing.assert_array_equal(confidence[:40], 0)


@pytest.mark.parametrize(
    'options, message',
    [
        ({'fmin': 0}, 'given the range 0 to 2093.0 Hz'),
        ({'fmin': 300.0, 'fmax': 200.0}, 'given the range 300.0 to 200.0 Hz'),
        ({'fmax': 9000.0}, r'fmin < fmax <= 8000'),
        ({'hop_size': 0}, 'a hop of 0 samples'),
        (
            {'resolutoin': 0.1},
            "no option 'resolutoin'; it has fmax, fmin, hop_si",
        ),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        pitch.estimate_f0(np.ones(100), 16000, method='pyin', **options)
