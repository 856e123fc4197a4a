from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

from ddsp import losses


def small(**kwargs):
    """A model small enough to try all melodies."""
    return losses.HmmTranscriber(avg_length=3.0, n_pitches=4, **kwargs)


def random_frames(batch=2, frames=4, seed=0):
    rng = np.random.default_rng(seed)
    return (
        rng.uniform(0.0, 4.0, [batch, frames]),
        rng.uniform(-0.5, 2.0, [batch, frames]),
    )


def score(melody, pitch, amps):
    """Log joint density of a melody and frames, from the documented model."""
    total = -np.log(4.0)
    for before, now in itertools.pairwise(melody):
        total += np.log(2.0 / 3.0 if now == before else 1.0 / 3.0 / 3.0)
    for note, p, a in zip(melody, pitch, amps):
        if note == 0:
            total += scipy.stats.norm.logpdf(a, 0.0, 0.1) - np.log(4.0)
        else:
            total += scipy.stats.norm.logpdf(p, note, 0.5)
            total += scipy.stats.norm.logpdf(a, 1.5, 0.5)
    return total


def all_scores(pitch, amps):
    melodies = itertools.product(range(4), repeat=len(pitch))
    return {melody: score(melody, pitch, amps) for melody in melodies}


def test_likelihood_sums_over_all_melodies():
    pitch, amps = random_frames()
    want = [
        -scipy.special.logsumexp(list(all_scores(p, a).values())) / 4
        for p, a in zip(pitch, amps)
    ]
    loss = small(weight=2.0)
    got = loss.nll(pitch, amps, per_example_loss=True)
    np.testing.assert_allclose(got, want, rtol=1e-5)
    np.testing.assert_allclose(loss.nll(pitch, amps), np.mean(want), rtol=1e-5)
    np.testing.assert_allclose(loss(pitch, amps), 2.0 * np.mean(want), rtol=1e-5)


def test_prediction_is_the_best_of_all_melodies():
    pitch, amps = random_frames(batch=4, seed=1)
    want = []
    for p, a in zip(pitch, amps):
        scores = all_scores(p, a)
        want.append(max(scores, key=scores.get))
    got = small().predict_midi(pitch, amps, channel_dim=False, dtype=tf.int32)
    np.testing.assert_array_equal(got, want)


def test_a_noisy_melody_is_read_with_its_rest():
    rng = np.random.default_rng(0)
    notes = np.repeat([60, 0, 64, 67], 50)[None]
    pitch = np.where(notes > 0, notes + 0.3 * rng.normal(size=notes.shape), 0.0)
    amps = np.where(notes > 0, 1.4, 0.02)
    # A pitch estimated where nothing sounds does not make a note.
    pitch[0, 60:65] = 91.0
    loss = losses.HmmTranscriber()
    got = loss.predict_midi(pitch[..., None], amps[..., None])
    assert got.shape == (1, 200, 1)
    assert got.dtype == tf.float32
    np.testing.assert_array_equal(got[..., 0], notes)


def test_gradient_agrees_with_finite_differences():
    pitch, amps = random_frames(batch=1)
    tensors = [tf.constant(x, tf.float32) for x in (pitch, amps)]
    loss = small()
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = loss(*tensors)

    def reference(pitch, amps):
        return (
            -scipy.special.logsumexp(list(all_scores(pitch[0], amps[0]).values())) / 4
        )

    for i, gradient in enumerate(tape.gradient(value, tensors)):
        for t in range(4):
            moved = [[pitch.copy(), amps.copy()] for _ in range(2)]
            moved[0][i][0, t] += 1e-5
            moved[1][i][0, t] -= 1e-5
            slope = (reference(*moved[0]) - reference(*moved[1])) / 2e-5
            np.testing.assert_allclose(gradient[0, t], slope, rtol=1e-3, atol=1e-4)


def test_unlikely_frames_stay_finite():
    pitch, amps = tf.fill([1, 50], 1000.0), tf.fill([1, 50], -30.0)
    with tf.GradientTape() as tape:
        tape.watch([pitch, amps])
        value = losses.HmmTranscriber()(pitch, amps)
    assert np.isfinite(value)
    for gradient in tape.gradient(value, [pitch, amps]):
        assert np.isfinite(gradient).all()


def test_straight_through_has_the_value_of_one_and_the_gradient_of_the_other():
    x = tf.constant([60.2, 61.7])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = losses.HmmTranscriber.straight_through(x, tf.round(x))
    np.testing.assert_allclose(y, [60.0, 62.0])
    np.testing.assert_array_equal(tape.gradient(y, x), [1.0, 1.0])


def test_unknown_sizes_and_compilation_agree_with_eager():
    loss = small()
    spec = [tf.TensorSpec([None, None], tf.float32)] * 2
    for jit in (False, True):
        for method in (loss, loss.predict_midi):
            compiled = tf.function(
                lambda *x, method=method: method(*x),
                input_signature=spec,
                jit_compile=jit,
            )
            for frames in (1, 6):
                inputs = [
                    tf.constant(x, tf.float32) for x in random_frames(frames=frames)
                ]
                np.testing.assert_allclose(
                    compiled(*inputs), method(*inputs), rtol=1e-5
                )


def test_wrong_inputs_are_explained():
    loss = small()
    with pytest.raises(ValueError, match=r'pitch has shape \[4\]'):
        loss(np.zeros(4), np.zeros(4))
    with pytest.raises(ValueError, match='expected the same'):
        loss(np.zeros([1, 4]), np.zeros([1, 5]))
    with pytest.raises(ValueError, match='avg_length is 1, expected > 1'):
        losses.HmmTranscriber(avg_length=1)
