from __future__ import annotations

import gin
import numpy as np
import pytest
import tensorflow as tf
import tiny_vst
from tiny_vst import BANDS, HARMONICS, melody

from ddsp import core, synths
from ddsp.core.portable import portable_ops
from ddsp.training import inference
from ddsp.training.inference.tensor_function import compile_named

FRAMES = 9


@pytest.fixture(scope='module')
def places(tmp_path_factory):
    root = tmp_path_factory.mktemp('vst_synthesis')
    for rate, name in tiny_vst.FILES.items():
        tiny_vst.write_tiny_vst(root / name, rate)
    return {rate: root / name for rate, name in tiny_vst.FILES.items()}


def controls():
    """Scaled controls that move, `[frames, channels]`."""
    rng = np.random.default_rng(1)
    hd = rng.uniform(0.1, 1.0, [FRAMES, HARMONICS]).astype(np.float32)
    return {
        'amps': rng.uniform(0.1, 0.5, [FRAMES, 1]).astype(np.float32),
        'hd': hd / hd.sum(axis=1, keepdims=True),
        'f0': melody(FRAMES)[0][:, None],
    }


def hops(step, **more):
    """Plays from each frame to the next, and joins them."""
    played, phase, given = [], np.zeros(1, np.float32), controls()
    for i in range(1, FRAMES):
        now = {key: tf.constant(value[i]) for key, value in given.items()}
        before = {
            f'prev_{key}': tf.constant(value[i - 1]) for key, value in given.items()
        }
        outputs = step(**now, **before, prev_phase=tf.constant(phase), **more)
        played.append(outputs['audio'].numpy())
        phase = outputs['phase'].numpy()
    return np.concatenate(played)


def offline(rate, hop):
    given = controls()
    return core.harmonic_synthesis(
        frequencies=given['f0'][None],
        amplitudes=given['amps'][None],
        harmonic_distribution=given['hd'][None],
        n_samples=FRAMES * hop,
        sample_rate=rate,
        amp_resample_method='linear',
    )[0, : (FRAMES - 1) * hop].numpy()


def test_for_other_runtimes(places):
    module = inference.VSTSynthesizeHarmonic(places[16000])
    with portable_ops():
        played = hops(compile_named(module.call, module.input_specs))
    np.testing.assert_allclose(played, offline(16000, 320), atol=2e-5)


@pytest.mark.parametrize('rate', tiny_vst.FILES)
def test_hops_are_the_whole(places, rate):
    module = inference.VSTSynthesizeHarmonic(places[rate])
    assert (module.sample_rate, module.hop_size) == (rate, rate // 50)
    expected = offline(rate, rate // 50)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(hops(module), expected, atol=2e-5)


def test_another_hop(places):
    module = inference.VSTSynthesizeHarmonic(places[48000], new_hop_size=480)
    np.testing.assert_allclose(hops(module), offline(48000, 480), atol=2e-5)
    noise = inference.VSTSynthesizeNoise(places[48000], new_hop_size=64)
    assert noise(np.ones(BANDS))['audio'].shape == 64
    for wrong in (0, -1, 1.5, 'a'):
        with pytest.raises(ValueError, match='new_hop_size is'):
            inference.VSTSynthesize(places[48000], new_hop_size=wrong)


def test_gin_gives_the_hop(places):
    gin.parse_config('VSTSynthesize.new_hop_size = 100')
    assert inference.VSTSynthesize(places[16000]).hop_size == 100
    assert gin.query_parameter('VSTSynthesize.new_hop_size') == 100


def test_harmonics_and_noise_are_added(places):
    module = inference.VSTSynthesize(places[16000])
    expected = offline(16000, 320)
    quiet = hops(module, noise=tf.zeros([BANDS]))
    np.testing.assert_allclose(quiet, expected, atol=2e-5)
    loud = hops(module, noise=tf.fill([BANDS], 0.1)) - expected
    assert 0.03 < np.std(loud) < 0.1


def test_noise_is_as_loud_everywhere_and_filtered(places):
    module = inference.VSTSynthesizeNoise(places[16000])
    assert list(module.input_specs) == ['noise']
    magnitudes = np.array([1.0, 1.0, 0.0, 0.0, 0.0], np.float32)
    played = np.stack([module(magnitudes)['audio'] for _ in range(300)])
    assert played.shape == (300, 320)
    assert np.abs(played[0] - played[1]).max() > 0.01
    power = np.mean(np.square(played), axis=0)
    assert power.min() > 0.5 * power.mean()
    ends = np.concatenate([power[:4], power[-4:]])
    np.testing.assert_allclose(ends.mean(), power.mean(), rtol=0.1)
    spectrum = np.mean(np.abs(np.fft.rfft(played * np.hanning(320))) ** 2, axis=0)
    assert spectrum[:20].mean() > 30.0 * spectrum[120:].mean()
    # Noise in [-1, 1] has a variance of 1 / 3; the filter keeps a part of it.
    synth = synths.FilteredNoise(
        n_samples=320 * 50, window_size=0, scale_fn=None, seed=1
    )
    whole = synth(np.tile(magnitudes, [1, 50, 1]))
    np.testing.assert_allclose(power.mean(), np.var(whole), rtol=0.1)


@pytest.mark.parametrize(
    'kind', [inference.VSTSynthesize, inference.VSTSynthesizeHarmonic]
)
def test_it_is_saved(places, tmp_path, kind):
    module = kind(places[16000])
    module.save_model(tmp_path)
    signature = tf.saved_model.load(str(tmp_path)).signatures['serving_default']
    names = set(signature.structured_input_signature[1])
    assert names == set(module.input_specs)
    more = {'noise': tf.zeros([BANDS])} if 'noise' in names else {}
    np.testing.assert_allclose(hops(signature, **more), hops(module, **more), atol=1e-6)


def test_a_method_that_looks_further(tmp_path):
    tiny_vst.write_tiny_vst(tmp_path, more="Harmonic.amp_resample_method = 'cubic'")
    with pytest.raises(ValueError, match="'cubic', which needs more than two frames"):
        inference.VSTSynthesize(tmp_path)


def test_wrong_sizes(places):
    module = inference.VSTSynthesizeNoise(places[16000])
    with pytest.raises(ValueError, match=r'noise has the shape \[3\], expected \[5\]'):
        module(np.zeros(3))
