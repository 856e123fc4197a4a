"""STFT, mel, MFCC and f0, and names by which programs and gin find them."""

import math

import gin
import numpy as np
import pytest
import scipy.fft
import scipy.signal
import tensorflow as tf
from quiet_sounds import RATE, quiet_noise, sine

from ddsp import spectral_ops


@pytest.fixture
def noise():
    return quiet_noise()


def scipy_stft(audio, size, hop):
    """Frames from sample 0 with the end padded, float64, `[frames, bins]`."""
    n_frames = -(-audio.shape[-1] // hop)
    audio = np.pad(audio.astype(np.float64), (0, (n_frames - 1) * hop + size))
    window = scipy.signal.get_window('hann', size)
    frames = np.stack([audio[i * hop :][:size] * window for i in range(n_frames)])
    return scipy.fft.rfft(frames)


@pytest.mark.parametrize('size', [64, 100, 300, 81])
@pytest.mark.parametrize('overlap', [0.0, 0.5, 0.75])
def test_stft_agrees_with_float64(size, overlap, noise):
    hop = int(size * (1 - overlap))
    want = np.stack([scipy_stft(row, size, hop) for row in noise])
    np.testing.assert_allclose(spectral_ops.stft(noise, size, overlap), want, atol=2e-5)
    np.testing.assert_allclose(
        spectral_ops.stft_np(noise, size, overlap), want, atol=2e-5
    )
    np.testing.assert_allclose(
        spectral_ops.stft_np(noise[0], size, overlap), want[0], atol=2e-5
    )


def test_stft_agrees_with_scipy_signal(noise):
    transform = scipy.signal.ShortTimeFFT(
        scipy.signal.get_window('hann', 256), 64, RATE, phase_shift=None
    )
    # Its frames are centred: those from the second on lie within the signal.
    first = transform.lower_border_end[1]
    want = transform.stft(noise[0].astype(np.float64), p0=first, p1=first + 20).T
    got = spectral_ops.stft(noise[0], 256, pad_end=False).numpy()
    start = (first * 64 - 128) // 64
    np.testing.assert_allclose(got[start : start + 20], want, atol=2e-5)


@pytest.mark.parametrize('stft', [spectral_ops.stft, spectral_ops.stft_np])
def test_incomplete_frames_are_padded_or_left_out(stft, noise):
    assert stft(noise, 256, pad_end=True).shape == (2, 47, 129)
    assert stft(noise, 256, pad_end=False).shape == (2, 43, 129)
    assert stft(noise[:, :100], 256, pad_end=True).shape == (2, 2, 129)
    with pytest.raises(ValueError, match=r"100 samples are fewer than one 'valid'"):
        stft(noise[:, :100], 256, pad_end=False)


@pytest.mark.parametrize('overlap', [1.0, -0.1, 0.999])
def test_an_overlap_without_hop_is_explained(overlap, noise):
    with pytest.raises(ValueError, match=rf'overlap of {overlap} leaves no hop'):
        spectral_ops.compute_mag(noise, 64, overlap)


def test_magnitude_of_a_sine():
    # The peak of a Hann window's transform is half its length, a sine's half of that.
    mag = spectral_ops.compute_mag(sine(1000, 0.8), 512, pad_end=False).numpy()
    np.testing.assert_allclose(mag[:, 32], 0.8 * 512 / 4, rtol=1e-5)
    np.testing.assert_allclose(mag[:, [31, 33]], 0.8 * 512 / 8, rtol=1e-5)
    assert np.abs(np.delete(mag, [31, 32, 33], axis=1)).max() < 1e-3


def test_logarithms_of_spectra(noise):
    mag = spectral_ops.compute_mag(noise, 256).numpy()
    np.testing.assert_allclose(
        spectral_ops.compute_logmag(noise, 256),
        np.log(np.maximum(mag, 1e-5)),
        atol=1e-5,
    )
    mel = spectral_ops.compute_mel(noise, 80.0, 7600.0, 30, 512).numpy()
    np.testing.assert_allclose(
        spectral_ops.compute_logmel(noise, 80.0, 7600.0, 30, 512),
        np.log(np.maximum(mel, 1e-5)),
        atol=1e-5,
    )
    silence = spectral_ops.compute_logmel(np.zeros(1000), fft_size=256)
    np.testing.assert_allclose(silence, math.log(1e-5), rtol=1e-6)


@pytest.mark.parametrize('rate', [16000, 48000])
def test_mel_weights_are_those_of_tensorflow(rate, noise):
    want = tf.matmul(
        spectral_ops.compute_mag(noise, 1024),
        tf.signal.linear_to_mel_weight_matrix(40, 513, rate, 30.0, 7000.0),
    )
    got = spectral_ops.compute_mel(noise, 30.0, 7000.0, 40, 1024, sample_rate=rate)
    np.testing.assert_allclose(got, want, rtol=2e-3, atol=1e-3)


def test_mel_of_a_sine_peaks_where_it_sounds():
    hz = 1500.0
    mel = spectral_ops.compute_mel(sine(hz), 0.0, 8000.0, 64)[4].numpy()
    # Triangle i peaks at (i + 1) / 65 of the range in mel.
    position = 65 * np.log1p(hz / 700) / np.log1p(8000 / 700) - 1
    assert np.argmax(mel) == round(position)


def test_mel_ranges_that_cannot_be_are_explained(noise):
    with pytest.raises(
        ValueError, match=r'hi_hz=8000.0 pass half the sample rate, 4000'
    ):
        spectral_ops.compute_mel(noise, sample_rate=8000)
    with pytest.raises(ValueError, match=r'0 <= lo_hz < hi_hz'):
        spectral_ops.compute_logmel(noise, lo_hz=500.0, hi_hz=400.0)


def test_mfcc_is_the_cosine_transform_of_logmel(noise):
    logmel = spectral_ops.compute_logmel(noise, 20.0, 8000.0, 40, 512).numpy()
    # SciPy's orthonormal DCT divides the constant term by a further root of 2.
    want = scipy.fft.dct(logmel.astype(np.float64), norm='ortho')
    want[..., 0] *= np.sqrt(2)
    got = spectral_ops.compute_mfcc(noise, 20.0, 8000.0, 512, 40, 13)
    np.testing.assert_allclose(got, want[..., :13], rtol=1e-5, atol=1e-4)
    with pytest.raises(ValueError, match=r'mfcc_bins must be from 1 to mel_bins, 8'):
        spectral_ops.compute_mfcc(noise, mel_bins=8)


def test_f0_of_a_tone_on_the_frames_of_loudness():
    pytest.importorskip('swift_f0')
    harmonics = [sine(220.0 * h, 0.2 / h) for h in range(1, 10)]
    audio = np.stack([np.sum(harmonics, axis=0)] * 2).astype(np.float32)
    for padding in ('center', 'same', 'valid'):
        loudness = spectral_ops.compute_loudness(audio, padding=padding)
        f0_hz, confidence = spectral_ops.compute_f0(audio, 250, padding=padding)
        assert f0_hz.shape == confidence.shape == loudness.shape
        np.testing.assert_allclose(f0_hz[:, 30:-30], 220.0, rtol=0.01)
        assert np.all(np.asarray(confidence)[:, 30:-30] > 0.9)
    alone, _ = spectral_ops.compute_f0(audio[0], 250)
    assert alone.shape == (251,)


def test_f0_of_bad_audio_is_explained(noise):
    with pytest.raises(ValueError, match=r'compute_f0: audio has shape \[1, 2, 3000\]'):
        spectral_ops.compute_f0(noise[np.newaxis], 250)
    with pytest.raises(ValueError, match='compute_f0: audio is empty'):
        spectral_ops.compute_f0(noise[:, :0], 250)
    noise[0, 0] = math.nan
    with pytest.raises(ValueError, match='compute_f0: audio holds 1 values'):
        spectral_ops.compute_f0(noise, 250)


def test_crepe_is_found_when_asked_for():
    from ddsp.pitch import crepe

    assert spectral_ops.PretrainedCREPE is crepe.PretrainedCREPE
    spectral_ops.reset_crepe()
    with pytest.raises(AttributeError, match=r'spectral_ops. has no attribute'):
        _ = spectral_ops.PretrainedBEAT


@pytest.mark.parametrize(
    'name',
    [
        'compute_mag',
        'compute_mel',
        'compute_logmag',
        'compute_logmel',
        'compute_mfcc',
        'compute_loudness',
        'compute_f0',
    ],
)
def test_gin_finds_the_functions(name):
    found = gin.get_configurable(f'ddsp.spectral_ops.{name}')
    assert found.__name__ == name
