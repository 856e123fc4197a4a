import sys

import numpy as np
import pytest

from ddsp import pitch


def test_an_estimator_of_ones_own(own_estimators):
    @pitch.register_estimator('constant')
    class Constant(pitch.PitchEstimator):
        hop_size = 1600

        def __init__(self, f0_hz, viterbi=None):
            self.f0_hz, self.viterbi = f0_hz, viterbi

        def estimate(self, audio):
            n_frames = len(audio) // self.hop_size + 1
            return np.full(n_frames, self.f0_hz), np.full(n_frames, self.viterbi)

    assert 'constant' in pitch.known_methods()
    audio = np.ones(16000)
    f0_hz, confidence = pitch.estimate_f0(audio, 16000, method='constant', f0_hz=123.0)
    np.testing.assert_array_equal(f0_hz, np.full(251, 123.0))
    np.testing.assert_array_equal(confidence, 1)
    _, confidence = pitch.estimate_f0(
        audio, 16000, method='constant', f0_hz=123.0, viterbi=False
    )
    np.testing.assert_array_equal(confidence, 0)
    with pytest.raises(ValueError, match=r"no option 'fmin'; it has f0_hz\."):
        pitch.estimate_f0(audio, 16000, method='constant', fmin=50)


def test_the_library_has_three():
    assert {'crepe', 'pyin', 'swift-f0'} <= set(pitch.known_methods())


@pytest.mark.parametrize(
    'name, near', [('swift', 'swift-f0'), ('SwiftF0', 'swift-f0'), ('pYIN', 'pyin')]
)
def test_unknown_methods_are_told_what_there_is(name, near):
    message = rf"unknown method '{name}', known are .*'crepe'.*did you mean '{near}'"
    with pytest.raises(ValueError, match=message):
        pitch.estimate_f0(np.ones(100), 16000, method=name)


def test_a_method_like_no_other():
    with pytest.raises(ValueError, match=r"unknown method 'qqq', known are \[.*\]\.$"):
        pitch.estimate_f0(np.ones(100), 16000, method='qqq')
    with pytest.raises(ValueError, match='unknown method None'):
        pitch.estimate_f0(np.ones(100), 16000, method=None)


def test_options_of_an_estimator_that_is_made():
    with pytest.raises(ValueError, match=r"options \['fmin'\] come too late"):
        pitch.estimate_f0(
            np.ones(100), 16000, method=pitch.get_estimator('swift-f0'), fmin=100
        )


def test_only_estimators_are_registered(own_estimators):
    with pytest.raises(TypeError, match='not a subclass of ddsp'):
        pitch.register_estimator('dict')(dict)


@pytest.mark.parametrize(
    'method, module, package',
    [('swift-f0', 'swift_f0', 'swift_f0'), ('pyin', 'librosa', 'librosa')],
)
def test_missing_packages_are_named(monkeypatch, method, module, package):
    from ddsp.pitch import swift

    swift.load_detector.cache_clear()
    monkeypatch.setitem(sys.modules, module, None)
    message = rf"'{method}' needs the package '{package}'.*pip install 'ddsp\[pitch\]'"
    with pytest.raises(ImportError, match=message):
        pitch.estimate_f0(np.ones(100), 16000, method=method)
