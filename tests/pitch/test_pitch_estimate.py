import ast
import importlib
import pathlib
import sys

import numpy as np
import pytest

from ddsp import framing, pitch
from ddsp.pitch import estimate


class Ramp(pitch.PitchEstimator):
    """Hears an octave for each step of 1 in the value of a sample.

    Of audio that rises by itself, f0 tells at what sample the estimator listened.
    """

    sample_rate, hop_size, context = 8000, 200, 1000

    def __init__(self):
        self.lengths = []

    def estimate(self, audio):
        self.lengths.append(len(audio))
        n_frames = len(audio) // self.hop_size + 1
        frames = np.append(audio, audio[-1])[:: self.hop_size][:n_frames]
        return 100 * 2 ** frames.astype(float), np.full(len(frames), 0.75)


class Scripted(pitch.PitchEstimator):
    """Says what it was told to say, at 100 frames per second."""

    sample_rate, hop_size = 16000, 160

    def __init__(self, f0_hz, confidence):
        self.f0_hz, self.confidence = np.array(f0_hz), np.array(confidence)

    def estimate(self, audio):
        return self.f0_hz, self.confidence


def ramp(seconds, rate=8000):
    return np.arange(int(seconds * rate)) / (seconds * rate - 1)


@pytest.mark.parametrize('padding', ['center', 'same', 'valid'])
@pytest.mark.parametrize('n_samples', [512, 4000, 4001, 4031, 4032])
@pytest.mark.parametrize('frame_rate', [250, 100])
def test_frames_are_those_of_the_library(padding, n_samples, frame_rate):
    hop = 8000 // frame_rate
    expected, _ = framing.get_framed_lengths(n_samples, 512, hop, padding)
    f0_hz, confidence = pitch.estimate_f0(
        np.ones(n_samples), 8000, frame_rate, method=Ramp(), padding=padding
    )
    assert f0_hz.shape == confidence.shape == (expected,)
    assert f0_hz.dtype == confidence.dtype == np.float32


@pytest.mark.parametrize(
    'padding, offset', [('center', 0), ('same', 256), ('valid', 256)]
)
@pytest.mark.parametrize('frame_rate', [250, 40, 16])
def test_frames_are_in_time(padding, offset, frame_rate):
    audio = ramp(2.0)
    f0_hz, _ = pitch.estimate_f0(
        audio, 8000, frame_rate, method=Ramp(), padding=padding
    )
    samples = np.arange(len(f0_hz)) * 8000 // frame_rate + offset
    inside = samples <= 15800
    cents = 1200 * np.log2(f0_hz[inside] / 100)
    np.testing.assert_allclose(cents, 1200 * samples[inside] / 15999, atol=1e-3)


@pytest.mark.parametrize('rate', [16000, 44100, 48000])
def test_other_rates_are_in_time(rate):
    f0_hz, _ = pitch.estimate_f0(ramp(2.0, rate), rate, 50, method=Ramp())
    times = np.arange(len(f0_hz)) / 50
    assert len(f0_hz) == 101
    # Away from the ends, where a resampler hears the steps to and from silence.
    cents = 1200 * np.log2(f0_hz / 100)[10:-10]
    np.testing.assert_allclose(cents, 1200 * times[10:-10] / 2, atol=0.5)


def test_windows_do_not_show_and_are_bounded(monkeypatch):
    audio = ramp(30.0)
    whole, windowed = Ramp(), Ramp()
    monkeypatch.setattr(estimate, 'WINDOW_S', 100.0)
    expected = pitch.estimate_f0(audio, 8000, method=whole)
    monkeypatch.setattr(estimate, 'WINDOW_S', 2.0)
    found = pitch.estimate_f0(audio, 8000, method=windowed)
    np.testing.assert_array_equal(found, expected)
    assert whole.lengths == [len(audio)]
    # 2 s and what is heard around them.
    assert max(windowed.lengths) <= 16000 + 2 * 1000 + 200
    assert len(windowed.lengths) == 16


def test_a_batch_is_its_rows():
    rows = np.stack([ramp(0.5), ramp(0.5) ** 2])
    f0_hz, confidence = pitch.estimate_f0(rows, 8000, method=Ramp())
    assert f0_hz.shape == confidence.shape == (2, 126)
    for i, row in enumerate(rows):
        alone, _ = pitch.estimate_f0(row, 8000, method=Ramp())
        np.testing.assert_array_equal(f0_hz[i], alone)


def test_glide_leap_and_gap():
    f0_hz, confidence = pitch.estimate_f0(
        np.ones(960),
        16000,
        400,
        method=Scripted(
            [100, 110, 220, 9999, np.nan, 0, 300], [0.9, 0.8, 0.9, 0.1, 0.9, 0.9, 1]
        ),
    )
    octaves = np.linspace(np.log2(100), np.log2(110), 5)
    np.testing.assert_allclose(f0_hz[:5], 2**octaves, rtol=1e-6)
    # A leap: no pitch in between was ever there.
    np.testing.assert_allclose(f0_hz[4:9], [110, 110, 110, 220, 220])
    # A gap: the nearest frame with a pitch, whatever the estimator guessed.
    np.testing.assert_allclose(f0_hz[8:], [220] * 11 + [300] * 6)
    np.testing.assert_allclose(confidence[:5], np.linspace(0.9, 0.8, 5), rtol=1e-6)
    # NaN and 0 Hz are no pitch, however sure the estimator is.
    assert confidence[16] == confidence[20] == 0


def test_weak_guesses_are_kept_where_there_is_nothing_better():
    guesses = Scripted([200, 210, 220], [0.2, 0.3, 0.0])
    f0_hz, confidence = pitch.estimate_f0(np.ones(320), 16000, 100, method=guesses)
    np.testing.assert_allclose(f0_hz, [200, 210, 210])
    np.testing.assert_allclose(confidence, [0.2, 0.3, 0.0])


def test_confidence_stays_between_0_and_1():
    wild = Scripted([200, 210, 220], [-3, 7, np.nan])
    _, confidence = pitch.estimate_f0(np.ones(320), 16000, 100, method=wild)
    np.testing.assert_array_equal(confidence, [0, 1, 0])


def test_silence_has_no_pitch_whatever_is_guessed():
    audio = np.zeros(8000)
    f0_hz, confidence = pitch.estimate_f0(audio, 8000, method=Ramp())
    np.testing.assert_array_equal(confidence, 0)
    np.testing.assert_array_equal(f0_hz, estimate.UNVOICED_F0_HZ)
    audio[4000:] = 0.5
    f0_hz, confidence = pitch.estimate_f0(audio, 8000, method=Ramp())
    np.testing.assert_array_equal(confidence[:118], 0)
    np.testing.assert_allclose(confidence[132:], 0.75)
    np.testing.assert_allclose(f0_hz, f0_hz[200])


@pytest.mark.parametrize('gain', [0.05, 1.0, 32768.0])
def test_level_does_not_matter(gain):
    expected = pitch.estimate_f0(ramp(0.5), 8000, method=Ramp())
    found = pitch.estimate_f0(gain * ramp(0.5), 8000, method=Ramp())
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)


@pytest.mark.parametrize('n_samples', [1, 2, 50, 200])
@pytest.mark.parametrize('rate', [8000, 48000])
def test_short_audio(n_samples, rate):
    f0_hz, _ = pitch.estimate_f0(np.ones(n_samples), rate, method=Ramp())
    assert f0_hz.shape == (n_samples // (rate // 250) + 1,)
    assert np.all(np.isfinite(f0_hz) & (f0_hz > 0))


def test_the_argument_is_left_alone():
    audio = ramp(0.5).astype(np.float32)
    before = audio.copy()
    pitch.estimate_f0(audio, 8000, method=Ramp())
    np.testing.assert_array_equal(audio, before)


@pytest.mark.parametrize(
    'audio, message',
    [
        (np.zeros(0), r'audio is empty, its shape is \[0\]'),
        (np.zeros((2, 0)), r'audio is empty, its shape is \[2, 0\]'),
        (np.array(1.0), r'audio has shape \[\], expected \[samples\] or'),
        (np.zeros((1, 2, 100)), r'shape \[1, 2, 100\], expected \[samples\] or'),
        (np.zeros((100, 2)), r'looks like \[samples, channels\]; average'),
        (np.zeros(100, np.int16), 'divide 16 bit samples by 32768'),
        ([0.0, np.nan, np.inf], 'holds 2 values that are NaN or infinite'),
    ],
)
def test_bad_audio(audio, message):
    with pytest.raises(ValueError, match='estimate_f0: .*' + message):
        pitch.estimate_f0(audio, 16000)


def test_audio_of_a_graph():
    import tensorflow as tf

    with pytest.raises(ValueError, match='there are no values to listen to'):
        tf.function(lambda x: pitch.estimate_f0(x, 16000))(tf.zeros([1000]))
    found = pitch.estimate_f0(tf.zeros([1000]), 8000, method=Ramp())
    np.testing.assert_array_equal(found[1], 0)


def test_bad_rates_and_padding():
    audio = np.ones(1000)
    with pytest.raises(
        ValueError,
        match=r'250 does not divide sample_rate 44100: a '
        r'frame would be 176\.4 samples long',
    ):
        pitch.estimate_f0(audio, 44100)
    with pytest.raises(ValueError, match='does not divide'):
        pitch.estimate_f0(audio, 100, 1000)
    with pytest.raises(ValueError, match='must be above 0'):
        pitch.estimate_f0(audio, 16000, 0)
    with pytest.raises(ValueError, match="'centre', expected 'center', 'same' or"):
        pitch.estimate_f0(audio, 16000, padding='centre')
    with pytest.raises(ValueError, match="100 samples are fewer than one 'valid'"):
        pitch.estimate_f0(audio[:100], 16000, padding='valid')


@pytest.mark.parametrize(
    'f0_hz, confidence',
    [([1.0, 2.0], [1.0, 1.0]), ([1.0, 2, 3], [1.0, 1]), ([[1.0, 2, 3]], [[1.0, 1, 1]])],
)
def test_an_estimator_that_gives_the_wrong_frames(f0_hz, confidence):
    with pytest.raises(ValueError, match=r'Scripted\.estimate gave .*at least 3'):
        pitch.estimate_f0(np.ones(320), 16000, 100, method=Scripted(f0_hz, confidence))


def test_a_missing_resampler_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'soxr', None)
    with pytest.raises(ImportError, match=r"'soxr'.*pip install 'ddsp\[pitch\]'"):
        pitch.estimate_f0(np.ones(1000), 48000, method=Ramp())
    pitch.estimate_f0(np.ones(1000), 8000, method=Ramp())


def test_nothing_heavy_is_imported_before_its_use():
    light = {'abc', 'ddsp', 'difflib', 'importlib', 'inspect', 'numpy', 'typing'}
    light |= {'__future__', 'collections', 'functools', 'math'}
    folder = pathlib.Path(pitch.__file__).parent
    for room in ('__init__', 'base', 'estimate', 'pyin', 'swift'):
        for node in ast.walk(ast.parse((folder / f'{room}.py').read_text())):
            names = [alias.name for alias in getattr(node, 'names', [])]
            if isinstance(node, ast.ImportFrom):
                names = [node.module]
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                assert {name.split('.')[0] for name in names} <= light, room


def test_every_listed_name_is_there():
    package = importlib.import_module('ddsp.pitch')
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = package.nonsense
