import math

import gin
import numpy as np
import pytest
import scipy.fft
import scipy.signal
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp import levels, spectral_ops

RATE = 16000

FEATURES = {
    'stft': lambda x: tf.abs(spectral_ops.stft(x, 256)),
    'stft_not_padded': lambda x: tf.abs(spectral_ops.stft(x, 256, pad_end=False)),
    'mag': lambda x: spectral_ops.compute_mag(x, 256),
    'mel': lambda x: spectral_ops.compute_mel(x, bins=20, fft_size=256),
    'logmag': lambda x: spectral_ops.compute_logmag(x, 256),
    'logmel': lambda x: spectral_ops.compute_logmel(x, bins=20, fft_size=256),
    'mfcc': lambda x: spectral_ops.compute_mfcc(x, fft_size=256, mel_bins=20),
    'rms': spectral_ops.compute_rms_energy,
    'power': spectral_ops.compute_power,
    'power_same': lambda x: spectral_ops.compute_power(x, padding='same'),
    'loudness': spectral_ops.compute_loudness,
    'loudness_same': lambda x: spectral_ops.compute_loudness(x, padding='same'),
    'loudness_valid': lambda x: spectral_ops.compute_loudness(x, padding='valid'),
}


@pytest.fixture
def noise():
    return np.random.default_rng(0).normal(0, 0.1, [2, 3000]).astype(np.float32)


def sine(hz, amplitude=1.0, samples=RATE, rate=RATE):
    return amplitude * np.sin(2 * np.pi * hz * np.arange(samples) / rate)


def a_weighting_db(hz):
    """IEC 61672-1, equation E.1, with its corner frequencies worked out there."""
    hz = np.asarray(hz, np.float64)
    f1, f2, f3, f4 = 20.598997, 107.65265, 737.86223, 12194.217
    weight = f4**2 * hz**4
    weight /= (hz**2 + f1**2) * (hz**2 + f4**2)
    weight /= np.sqrt((hz**2 + f2**2) * (hz**2 + f3**2))
    return 20 * np.log10(weight) + 2.0


def scipy_stft(audio, size, hop):
    """Frames from sample 0 with the end padded, float64, `[frames, bins]`."""
    n_frames = -(-audio.shape[-1] // hop)
    audio = np.pad(audio.astype(np.float64), (0, (n_frames - 1) * hop + size))
    window = scipy.signal.get_window('hann', size)
    frames = np.stack([audio[i * hop :][:size] * window for i in range(n_frames)])
    return scipy.fft.rfft(frames)


# Every feature.


@pytest.mark.parametrize('jit', [False, True])
@pytest.mark.parametrize('name', FEATURES)
def test_unknown_sizes_and_compilation_agree_with_eager(name, jit, noise):
    fn = FEATURES[name]
    signature = [tf.TensorSpec([None, None], tf.float32)]
    compiled = tf.function(fn, input_signature=signature, jit_compile=jit)
    for audio in (noise, noise[:1, :1111]):
        want = fn(audio)
        np.testing.assert_allclose(compiled(audio), want, rtol=1e-4, atol=2e-4)
        assert want.dtype == tf.float32


@pytest.mark.parametrize('name', FEATURES)
def test_audio_without_batch_or_with_a_channel(name, noise):
    fn = FEATURES[name]
    batched = fn(noise).numpy()
    np.testing.assert_allclose(fn(noise[0]), batched[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(fn(noise[..., None]), batched, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('jit', [False, True])
@pytest.mark.parametrize('name', FEATURES)
def test_gradients_are_finite_from_silence_to_full_scale(name, jit, noise):
    @tf.function(jit_compile=jit)
    def gradient(audio):
        with tf.GradientTape() as tape:
            tape.watch(audio)
            total = tf.reduce_sum(FEATURES[name](audio))
        return tape.gradient(total, audio)

    levels = np.array([0.0, 1e-30, 1e-15, 1e-5, 1.0], np.float32)
    got = gradient(tf.constant(levels[:, np.newaxis] * noise[:1, :1024] * 10)).numpy()
    assert np.isfinite(got).all()
    np.testing.assert_array_equal(got[0], 0.0)
    assert np.any(got[-1])


@pytest.mark.parametrize('name', ['mag', 'logmel', 'mfcc', 'rms', 'power', 'loudness'])
def test_gradients_agree_with_finite_differences(name, noise):
    fn = FEATURES[name]
    x = noise[0, :600]
    audio = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(audio)
        total = tf.reduce_sum(fn(audio))
    direction = np.random.default_rng(1).normal(size=x.shape).astype(np.float32)
    slope = np.sum(tape.gradient(total, audio).numpy() * direction)
    step = 1e-4
    up, down = (
        np.sum(fn(x + s * direction).numpy().astype(np.float64)) for s in (step, -step)
    )
    assert slope == pytest.approx((up - down) / (2 * step), rel=5e-3, abs=0.1)


@pytest.mark.parametrize('name', FEATURES)
def test_wrong_shapes_are_explained(name, noise):
    fn = FEATURES[name]
    with pytest.raises(ValueError, match=r'audio has shape \[1, 2, 3000\], expected'):
        fn(noise[np.newaxis])
    with pytest.raises(ValueError, match=r'audio has shape \[\], expected \[samples\]'):
        fn(0.0)
    for empty in (noise[:, :0], noise[:0], noise[0, :0]):
        with pytest.raises(ValueError, match='audio is empty'):
            fn(empty)


@pytest.mark.parametrize('name', ['rms', 'power', 'loudness'])
@pytest.mark.parametrize('bad', [math.nan, math.inf])
def test_audio_that_is_not_finite_is_refused(name, bad, noise):
    noise[1, 7] = bad
    with pytest.raises(ValueError, match='audio holds 1 values that are NaN'):
        FEATURES[name](noise)


# Spectra.


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


# Frames.


@settings(deadline=None, max_examples=50)
@given(
    length=st.integers(1, 3000),
    frame=st.integers(1, 700),
    hop=st.integers(1, 300),
    padding=st.sampled_from(['center', 'same', 'valid']),
)
def test_frames_cover_what_their_padding_promises(length, frame, hop, padding):
    if padding == 'valid' and length < frame:
        return
    n_frames, padded = spectral_ops.get_framed_lengths(length, frame, hop, padding)
    if padding == 'center':
        assert n_frames == length // hop + 1
    elif padding == 'same':
        assert (n_frames - 1) * hop < length <= n_frames * hop
    else:
        assert (n_frames - 1) * hop + frame <= length < n_frames * hop + frame
    assert (n_frames - 1) * hop + frame <= padded


@pytest.mark.parametrize('padding', ['center', 'same', 'valid'])
@pytest.mark.parametrize('frame_size', [5, 8])
def test_padding_puts_frames_where_it_says(padding, frame_size):
    x = np.arange(1, 41, dtype=np.float32)[np.newaxis]
    n_frames, _ = spectral_ops.get_framed_lengths(40, frame_size, 4, padding)
    padded = spectral_ops.pad(x, frame_size, 4, padding)
    frames = tf.signal.frame(padded, frame_size, 4)[0].numpy()
    assert len(frames) == n_frames
    # Sample i * hop, whose value is one more, is the frame's middle or its start.
    at = frame_size // 2 if padding == 'center' else 0
    samples = 4 * np.arange(n_frames)
    np.testing.assert_array_equal(frames[:, at], np.where(samples < 40, samples + 1, 0))


def test_pad_takes_any_axis_mode_and_value():
    x = np.arange(12.0).reshape(4, 3)
    padded = spectral_ops.pad(x, 4, 2, axis=0, constant_values=7).numpy()
    assert padded.shape == (8, 3)
    np.testing.assert_array_equal(padded[[0, 1, -2, -1]], 7)
    padded = spectral_ops.pad(x[:, 0], 4, 2, axis=-1, mode='REFLECT')
    np.testing.assert_array_equal(padded, [6, 3, 0, 3, 6, 9, 6, 3])
    with pytest.raises(ValueError, match=r'axis 1 is not one of x'):
        spectral_ops.pad(x[:, 0], 4, 2)


@pytest.mark.parametrize('name', ['rms', 'power', 'loudness'])
def test_frame_grids_that_cannot_be_are_explained(name, noise):
    fn = {
        'rms': spectral_ops.compute_rms_energy,
        'power': spectral_ops.compute_power,
        'loudness': spectral_ops.compute_loudness,
    }[name]
    with pytest.raises(ValueError, match=r"padding is 'centre', expected 'center'"):
        fn(noise, padding='centre')
    with pytest.raises(ValueError, match='frame_rate 250 does not divide sample_rate'):
        fn(noise, sample_rate=44100)
    with pytest.raises(ValueError, match='frame_rate 0 does not divide'):
        fn(noise, frame_rate=0)
    with pytest.raises(
        ValueError, match=r"50 samples are fewer than one 'valid' frame"
    ):
        fn(noise[:, :50], padding='valid')


# Energy and loudness.


@pytest.mark.parametrize('padding', ['center', 'same', 'valid'])
def test_energy_agrees_with_float64(padding, noise):
    before, after = {'center': (200, 200), 'same': (0, 400), 'valid': (0, 0)}[padding]
    padded = np.pad(noise.astype(np.float64), [(0, 0), (before, after)])
    n_frames = {'center': 38, 'same': 38, 'valid': 33}[padding]
    square = np.stack(
        [np.mean(padded[:, 80 * i :][:, :400] ** 2, axis=1) for i in range(n_frames)], 1
    )
    kwargs = {'frame_rate': 200, 'frame_size': 400, 'padding': padding}
    rms = spectral_ops.compute_rms_energy(noise, **kwargs)
    np.testing.assert_allclose(rms, np.sqrt(square), rtol=1e-5)
    power = spectral_ops.compute_power(noise, **kwargs, ref_db=-3.0)
    np.testing.assert_allclose(power, 10 * np.log10(square) + 3.0, atol=1e-4)


def test_energy_of_a_sine():
    audio = sine(1000, 0.5)
    rms = spectral_ops.compute_rms_energy(audio, padding='valid')
    np.testing.assert_allclose(rms, 0.5 / np.sqrt(2), rtol=1e-5)
    power = spectral_ops.compute_power(audio, padding='valid')
    np.testing.assert_allclose(power, 10 * np.log10(0.125), atol=1e-4)


@pytest.mark.parametrize('rate', [16000, 48000])
@pytest.mark.parametrize('hz', [125, 1000, 4000])
def test_loudness_of_a_sine_is_a_weighted_at_any_sample_rate(hz, rate):
    n_fft = rate // 16
    audio = sine(hz, 0.5, rate // 2, rate)
    got = spectral_ops.compute_loudness(
        audio, rate, n_fft=n_fft, padding='valid', frame_rate=250
    )
    # A Hann window spreads the sine over three bins: 1, 1/2 and 1/2 of its peak.
    spread_hz = np.array([hz - 16, hz, hz + 16])
    power = (0.5 * n_fft / 4 * np.array([0.5, 1, 0.5])) ** 2
    weighted = np.sum(power * 10 ** (a_weighting_db(spread_hz) / 10))
    want = 10 * np.log10(weighted / (n_fft // 2 + 1))
    np.testing.assert_allclose(got, want, atol=2e-3)


def test_a_weighting_at_the_points_that_the_standard_lists():
    # Nominal values of IEC 61672-1, table 3, are rounded to a tenth.
    for hz, db in [(125, -16.1), (500, -3.2), (1000, 0.0), (2000, 1.2), (4000, 1.0)]:
        loud = spectral_ops.compute_loudness(
            sine(hz, 0.5), n_fft=2048, padding='valid', frame_rate=10
        )
        reference = spectral_ops.compute_loudness(
            sine(1000, 0.5), n_fft=2048, padding='valid', frame_rate=10
        )
        np.testing.assert_allclose(loud - reference, db, atol=0.1)


@pytest.mark.parametrize('padding', ['center', 'same', 'valid'])
@pytest.mark.parametrize('rate', [16000, 48000])
def test_numpy_loudness_agrees_with_tensorflow(padding, rate, noise):
    kwargs = {'sample_rate': rate, 'padding': padding, 'ref_db': 5.0, 'n_fft': 400}
    want = spectral_ops.compute_loudness(noise, **kwargs)
    for audio in (noise, tf.constant(noise)):
        got = spectral_ops.compute_loudness(audio, use_tf=False, **kwargs)
        assert isinstance(got, np.ndarray)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, want, atol=1e-4)


def test_numpy_loudness_of_a_long_recording_has_no_seams(monkeypatch, noise):
    whole = spectral_ops.compute_loudness(noise, use_tf=False)
    monkeypatch.setattr(levels, '_BLOCK_FRAMES', 7)
    blocks = spectral_ops.compute_loudness(noise, use_tf=False)
    np.testing.assert_allclose(blocks, whole, atol=1e-6)


@settings(deadline=None, max_examples=50)
@given(gain_db=st.floats(-20, 20))
def test_loudness_and_power_follow_the_gain(gain_db):
    audio = np.random.default_rng(3).normal(0, 0.1, 1500)
    louder = audio * 10 ** (gain_db / 20)
    for fn in (spectral_ops.compute_loudness, spectral_ops.compute_power):
        np.testing.assert_allclose(fn(louder) - fn(audio), gain_db, atol=1e-3)


@pytest.mark.parametrize('use_tf', [True, False])
def test_silence_lies_on_the_floor(use_tf):
    silence = np.zeros([2, 640], np.float32)
    got = spectral_ops.compute_loudness(silence, use_tf=use_tf)
    np.testing.assert_array_equal(got, np.full([2, 11], -80.0))
    got = spectral_ops.compute_loudness(silence, range_db=60.0, use_tf=use_tf)
    np.testing.assert_array_equal(got, np.full([2, 11], -60.0))
    np.testing.assert_array_equal(spectral_ops.compute_power(silence), -80.0)
    np.testing.assert_array_equal(spectral_ops.compute_rms_energy(silence), 0.0)


@pytest.mark.parametrize('use_tf', [True, False])
def test_audio_beyond_hearing_is_silent(use_tf):
    # A constant has no loudness, whatever its power.
    audio = np.full([1, 4000], 0.5, np.float32)
    got = spectral_ops.compute_loudness(audio, padding='valid', use_tf=use_tf)
    tone = spectral_ops.compute_loudness(sine(1000, 0.5), padding='valid')
    assert np.max(got) < np.min(tone) - 30


def test_numpy_loudness_inside_a_function(noise):
    @tf.function
    def of_tensor(audio):
        return spectral_ops.compute_loudness(audio, use_tf=False)

    @tf.function
    def of_constant():
        return tf.constant(spectral_ops.compute_loudness(noise, use_tf=False))

    with pytest.raises(ValueError, match=r'cannot run inside a tf.function'):
        of_tensor(tf.constant(noise))
    np.testing.assert_allclose(
        of_constant(), spectral_ops.compute_loudness(noise), atol=1e-4
    )


# Lengths that are nearly right.


@pytest.mark.parametrize('use_tf', [False, True])
@pytest.mark.parametrize('shape', [[7], [2, 7]])
def test_pad_or_trim(use_tf, shape):
    x = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    fix = spectral_ops.pad_or_trim_to_expected_length
    longer = np.asarray(fix(x, 9, pad_value=-3, use_tf=use_tf))
    np.testing.assert_array_equal(longer[..., :7], x)
    np.testing.assert_array_equal(longer[..., 7:], np.full([*shape[:-1], 2], -3.0))
    shorter = np.asarray(fix(x, 4, use_tf=use_tf))
    np.testing.assert_array_equal(shorter, x[..., :4])
    np.testing.assert_array_equal(fix(x, 7, use_tf=use_tf), x)
    assert tf.is_tensor(fix(x, 9, use_tf=use_tf)) == use_tf


@pytest.mark.parametrize('use_tf', [False, True])
def test_pad_or_trim_refuses_what_it_cannot_mend(use_tf):
    fix = spectral_ops.pad_or_trim_to_expected_length
    with pytest.raises(ValueError, match=r'expected 100 by at most 20.*It is 79'):
        fix(np.zeros(79), 100, use_tf=use_tf)
    assert fix(np.zeros(80), 100, use_tf=use_tf).shape == (100,)
    with pytest.raises(
        ValueError, match=r'vector has shape \[1, 2, 3\], expected \[time'
    ):
        fix(np.zeros([1, 2, 3]), 3, use_tf=use_tf)


def test_pad_or_trim_of_unknown_length():
    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32)])
    def fix(x):
        fixed = spectral_ops.pad_or_trim_to_expected_length(x, 30, use_tf=True)
        assert fixed.shape.as_list() == [None, 30]
        return fixed

    for length in (25, 30, 42):
        got = fix(tf.ones([2, length]))
        np.testing.assert_array_equal(np.sum(got, axis=1), min(length, 30))
    with pytest.raises(tf.errors.InvalidArgumentError, match='at most 20'):
        fix(tf.ones([2, 51]))


# What stands elsewhere, and gin.


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
