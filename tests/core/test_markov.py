from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf

from ddsp.core import markov

UNKNOWN = [
    tf.TensorSpec([None], tf.float64),
    tf.TensorSpec([None, None], tf.float64),
    tf.TensorSpec([None, None, None], tf.float64),
]


def make_model(states, frames, batch=2, seed=0, forbid=False):
    """Log tables of a random model; `forbid` closes one way between states."""
    rng = np.random.default_rng(seed)
    initial = rng.dirichlet(np.ones(states))
    transition = rng.dirichlet(np.ones(states), states)
    if forbid:
        transition[0, 1] = 0.0
        transition /= transition.sum(axis=1, keepdims=True)
    emission = 3.0 * rng.normal(size=(batch, frames, states))
    with np.errstate(divide='ignore'):
        return np.log(initial), np.log(transition), emission


def score_of_paths(initial, transition, emission):
    """The log joint probability of every path, `{path: score}`."""
    frames, states = emission.shape
    return {
        path: initial[path[0]]
        + sum(transition[a, b] for a, b in itertools.pairwise(path))
        + sum(emission[t, state] for t, state in enumerate(path))
        for path in itertools.product(range(states), repeat=frames)
    }


@pytest.mark.parametrize('frames', [1, 2, 5])
@pytest.mark.parametrize('forbid', [False, True])
def test_likelihood_sums_over_all_paths(frames, forbid):
    model = make_model(3, frames, forbid=forbid)
    want = [
        np.logaddexp.reduce(list(score_of_paths(*model[:2], e).values()))
        for e in model[2]
    ]
    got = markov.hmm_log_likelihood(*model)
    np.testing.assert_allclose(got, want, rtol=1e-12)


@pytest.mark.parametrize('frames', [1, 2, 5])
@pytest.mark.parametrize('forbid', [False, True])
def test_viterbi_finds_the_best_of_all_paths(frames, forbid):
    model = make_model(3, frames, seed=1, forbid=forbid)
    scores = [score_of_paths(*model[:2], e) for e in model[2]]
    got = markov.hmm_viterbi(*model)
    assert got.dtype == tf.int32
    assert [tuple(path) for path in got.numpy()] == [max(s, key=s.get) for s in scores]


@pytest.mark.parametrize('jit', [False, True])
def test_gradient_agrees_with_finite_differences(jit):
    model = make_model(3, 4, forbid=True)
    weights = tf.constant([1.0, -2.0], tf.float64)

    def loss(*tables):
        return tf.reduce_sum(weights * markov.hmm_log_likelihood(*tables))

    compiled = tf.function(loss, jit_compile=jit)
    tables = [tf.constant(x) for x in model]
    with tf.GradientTape() as tape:
        tape.watch(tables)
        value = compiled(*tables)
    gradients = tape.gradient(value, tables)
    for i, table in enumerate(model):
        for index in np.ndindex(table.shape):
            if not np.isfinite(table[index]):
                assert gradients[i].numpy()[index] == 0.0
                continue
            moved = [[x.copy() for x in model] for _ in range(2)]
            moved[0][i][index] += 1e-5
            moved[1][i][index] -= 1e-5
            slope = (loss(*moved[0]) - loss(*moved[1])) / 2e-5
            np.testing.assert_allclose(gradients[i].numpy()[index], slope, atol=1e-8)


def test_gradient_of_emission_is_a_probability_of_states():
    model = make_model(5, 30, batch=3)
    emission = tf.constant(model[2])
    with tf.GradientTape() as tape:
        tape.watch(emission)
        value = markov.hmm_log_likelihood(*model[:2], emission)
    posterior = tape.gradient(value, emission).numpy()
    assert posterior.min() >= 0.0
    np.testing.assert_allclose(posterior.sum(axis=-1), 1.0, rtol=1e-12)


def test_long_sequences_with_far_observations_stay_exact():
    # Observations that favour each state in turn by 5000 nepers: the likelihood is
    # that of the one path which follows them.
    frames, states = 1000, 4
    path = np.arange(frames) % states
    emission = np.full((1, frames, states), -5000.0)
    emission[0, np.arange(frames), path] = 0.0
    initial, transition, _ = make_model(states, 1)
    want = initial[0] + transition[path[:-1], path[1:]].sum()
    got = markov.hmm_log_likelihood(initial, transition, emission)
    np.testing.assert_allclose(got, [want], rtol=1e-12)
    np.testing.assert_array_equal(
        markov.hmm_viterbi(initial, transition, emission), [path]
    )


def test_impossible_sequence_has_no_likelihood_and_no_gradient():
    initial, transition, emission = make_model(3, 4)
    emission[1] = -np.inf
    emission = tf.constant(emission)
    with tf.GradientTape() as tape:
        tape.watch(emission)
        value = markov.hmm_log_likelihood(initial, transition, emission)
    gradient = tape.gradient(value, emission).numpy()
    assert value.numpy()[1] == -np.inf
    np.testing.assert_allclose(gradient[0].sum(axis=-1), 1.0)
    np.testing.assert_array_equal(gradient[1], 0.0)


@pytest.mark.parametrize('fn', [markov.hmm_log_likelihood, markov.hmm_viterbi])
def test_unknown_sizes_and_compilation_agree_with_eager(fn):
    dynamic = tf.function(fn, input_signature=UNKNOWN)
    compiled = tf.function(fn, input_signature=UNKNOWN, jit_compile=True)
    for states, frames, batch in ((3, 1, 1), (4, 6, 2)):
        tables = [tf.constant(x) for x in make_model(states, frames, batch)]
        want = fn(*tables)
        np.testing.assert_allclose(dynamic(*tables), want, rtol=1e-12)
        np.testing.assert_allclose(compiled(*tables), want, rtol=1e-12)


def test_result_has_the_dtype_of_the_observations():
    initial, transition, emission = make_model(3, 4)
    got = markov.hmm_log_likelihood(initial, transition, emission.astype(np.float32))
    assert got.dtype == tf.float32


@pytest.mark.parametrize('fn', [markov.hmm_log_likelihood, markov.hmm_viterbi])
def test_wrong_tables_are_named(fn):
    initial, transition, emission = make_model(3, 4)
    with pytest.raises(ValueError, match=r'log_emission has shape \[4, 3\]'):
        fn(initial, transition, emission[0])
    with pytest.raises(ValueError, match='numbers of states differ'):
        fn(initial[:2], transition, emission)
    with pytest.raises(ValueError, match='is empty'):
        fn(initial, transition, emission[:, :0])
