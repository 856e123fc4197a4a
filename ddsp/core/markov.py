"""Hidden Markov models: how likely a sequence is, and which states best explain it.

Both functions work on log probabilities and count in float64, so that neither a
thousand frames nor an observation far from every state loses its digits.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from ddsp.core import checks

__all__ = ['hmm_log_likelihood', 'hmm_viterbi']


def hmm_log_likelihood(
    log_initial: tf.Tensor, log_transition: tf.Tensor, log_emission: tf.Tensor
) -> tf.Tensor:
    """Sums the probability of the observations over every path of hidden states.

    Parameters
    ----------
    log_initial : log probability of each state at the first frame, `[states]`;
        `-inf` where a state cannot come first.
    log_transition : log probability of going from state `i` to state `j`,
        `[states (i), states (j)]`; `-inf` where there is no way.
    log_emission : log likelihood of each frame's observation given each state,
        `[batch, frames, states]`.

    Returns
    -------
    Natural log of the likelihood of each sequence, `[batch]`, in the dtype of
    `log_emission`; `-inf` for a sequence that no path can explain.

    Raises
    ------
    ValueError
        For wrong ranks, numbers of states that differ, or no frames.

    Notes
    -----
    The forward algorithm, normalised at each frame (Rabiner, "A tutorial on hidden
    Markov models", Proc. IEEE 77, 1989). The gradient is its closed form, the posterior
    probability of states and of transitions, found by one pass backward. It costs
    `frames` products of `[batch, states]` by `[states, states]` each way and holds
    `[frames, batch, states]`. A state more than about 700 nepers less likely than the
    best one counts as impossible.

    Examples
    --------
    >>> import numpy as np
    >>> half = np.log([[0.5, 0.5], [0.5, 0.5]])
    >>> seen = np.log([[[0.2, 0.4], [0.6, 0.2]]])
    >>> float(np.exp(hmm_log_likelihood(half[0], half, seen)[0]).round(6))
    0.12
    """
    arguments, dtype = _prepare(
        log_initial, log_transition, log_emission, 'hmm_log_likelihood'
    )
    return tf.cast(_log_likelihood(*arguments), dtype)


def hmm_viterbi(
    log_initial: tf.Tensor, log_transition: tf.Tensor, log_emission: tf.Tensor
) -> tf.Tensor:
    """Finds the one path of hidden states that explains the observations best.

    Parameters
    ----------
    log_initial : log probability of each state at the first frame, `[states]`.
    log_transition : log probability of going from state `i` to state `j`,
        `[states (i), states (j)]`; `-inf` where there is no way.
    log_emission : log likelihood of each frame's observation given each state,
        `[batch, frames, states]`.

    Returns
    -------
    The states of the most probable path, int32 `[batch, frames]`; of several equally
    probable ones the lowest states. It has no gradient.

    Raises
    ------
    ValueError
        For wrong ranks, numbers of states that differ, or no frames.

    Notes
    -----
    Viterbi's algorithm (Rabiner 1989). Only one step holds
    `[batch, states, states]`; the way back needs int32 `[frames, batch, states]`.

    Examples
    --------
    >>> import numpy as np
    >>> stay = np.log([[0.9, 0.1], [0.1, 0.9]])
    >>> seen = np.log([[[0.9, 0.1], [0.4, 0.6], [0.9, 0.1]]])
    >>> hmm_viterbi(np.log([0.5, 0.5]), stay, seen).numpy()
    array([[0, 0, 0]], dtype=int32)
    """
    arguments, _ = _prepare(log_initial, log_transition, log_emission, 'hmm_viterbi')
    return _best_path(*arguments)


def _prepare(
    log_initial: tf.Tensor,
    log_transition: tf.Tensor,
    log_emission: tf.Tensor,
    where: str,
) -> tuple[tuple[tf.Tensor, tf.Tensor, tf.Tensor], tf.DType]:
    """Checks the three tables; gives them in float64, and the dtype they came in."""
    initial, transition, emission = (
        tf.convert_to_tensor(x) for x in (log_initial, log_transition, log_emission)
    )
    checks.check_rank(initial, 1, 'log_initial', where, '[states]')
    checks.check_rank(transition, 2, 'log_transition', where, '[states, states]')
    checks.check_rank(emission, 3, 'log_emission', where, '[batch, frames, states]')
    checks.check_not_empty(emission, 'log_emission', where)
    sizes = {
        'log_initial': initial.shape[-1],
        'log_transition (from)': transition.shape[0],
        'log_transition (to)': transition.shape[1],
        'log_emission': emission.shape[-1],
    }
    if len({n for n in sizes.values() if n is not None}) > 1:
        listed = ', '.join(f'{name} {n}' for name, n in sizes.items())
        raise ValueError(f'{where}: numbers of states differ: {listed}.')
    dtype = emission.dtype if emission.dtype.is_floating else tf.float32
    tables = tuple(tf.cast(x, tf.float64) for x in (initial, transition, emission))
    return tables, dtype


def _graph() -> Callable:
    """Compiles a loop over frames once, for every size: eager loops are slow."""
    return tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.float64),
            tf.TensorSpec([None, None], tf.float64),
            tf.TensorSpec([None, None, None], tf.float64),
        ]
    )


def _normalise(log_joint: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Splits log values `[batch, states]` into probabilities and their log sum."""
    peak = tf.reduce_max(log_joint, axis=-1, keepdims=True)
    # Where nothing is possible every value is -inf, and -inf minus itself is NaN.
    peak = tf.where(tf.math.is_finite(peak), peak, tf.zeros_like(peak))
    likelihoods = tf.exp(log_joint - peak)
    total = tf.reduce_sum(likelihoods, axis=-1, keepdims=True)
    log_total = (tf.math.log(total) + peak)[:, 0]
    return tf.math.divide_no_nan(likelihoods, total), log_total


@_graph()
def _filter(
    log_initial: tf.Tensor, log_transition: tf.Tensor, log_emission: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Walks forward through the frames.

    Returns
    -------
    The probability of each state given the frames up to now, and given those before
    now, both `[frames, batch, states]`; the log likelihood of each sequence, `[batch]`.
    """
    transition = tf.exp(log_transition)
    by_frame = tf.transpose(log_emission, [1, 0, 2])

    def step(carried: tuple[tf.Tensor, ...], emission: tf.Tensor) -> tuple:
        log_predicted, _, log_so_far = carried
        # The product is exact enough among probabilities; the observation, which may
        # favour an improbable state by any factor, is added among logarithms.
        filtered, log_total = _normalise(log_predicted + emission)
        log_predicted = tf.math.log(tf.matmul(filtered, transition))
        return log_predicted, filtered, log_so_far + log_total

    nothing = tf.zeros_like(by_frame[0])
    first = (log_initial + nothing, nothing, nothing[:, 0])
    log_predicted, filtered, log_so_far = tf.scan(step, by_frame, first)
    log_predicted = tf.concat([first[0][tf.newaxis], log_predicted[:-1]], axis=0)
    return filtered, tf.exp(log_predicted), log_so_far[-1]


@tf.function(
    input_signature=[
        tf.TensorSpec([None, None], tf.float64),
        tf.TensorSpec([None, None, None], tf.float64),
        tf.TensorSpec([None, None, None], tf.float64),
    ]
)
def _smooth(
    transition: tf.Tensor, filtered: tf.Tensor, predicted: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Walks back: probability of each state given all frames, and its surprise.

    With `a[t]` the filtered, `p[t]` the predicted and `s[t]` the smoothed
    probabilities, `s[t, i] = a[t, i] sum_j A[i, j] s[t+1, j] / p[t+1, j]`: this form
    needs no observation and does not overflow. The surprise is `s / p`.
    """

    def step(carried: tuple[tf.Tensor, ...], now: tuple[tf.Tensor, tf.Tensor]) -> tuple:
        here, expected = now
        smoothed = here * carried[0]
        surprise = tf.math.divide_no_nan(smoothed, expected)
        return tf.matmul(surprise, transition, transpose_b=True), smoothed, surprise

    last = tf.ones_like(filtered[0])
    _, smoothed, surprise = tf.scan(
        step, (filtered, predicted), (last, last, last), reverse=True
    )
    return smoothed, surprise


@tf.custom_gradient
def _log_likelihood(
    log_initial: tf.Tensor, log_transition: tf.Tensor, log_emission: tf.Tensor
) -> tuple[tf.Tensor, Callable]:
    """The forward algorithm with its gradient in closed form."""
    filtered, predicted, log_likelihood = _filter(
        log_initial, log_transition, log_emission
    )

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        transition = tf.exp(log_transition)
        smoothed, surprise = _smooth(transition, filtered, predicted)
        states = smoothed * upstream[:, tf.newaxis]
        arrivals = surprise[1:] * upstream[:, tf.newaxis]
        moves = transition * tf.einsum('tbi,tbj->ij', filtered[:-1], arrivals)
        return tf.reduce_sum(states[0], axis=0), moves, tf.transpose(states, [1, 0, 2])

    return log_likelihood, gradient


@_graph()
def _best_path(
    log_initial: tf.Tensor, log_transition: tf.Tensor, log_emission: tf.Tensor
) -> tf.Tensor:
    """Viterbi's algorithm: scores forward, then the pointers backward."""
    by_frame = tf.transpose(log_emission, [1, 0, 2])
    incoming = tf.transpose(log_transition)

    def forward(carried: tuple[tf.Tensor, ...], emission: tf.Tensor) -> tuple:
        here = carried[0] + emission
        moves = here[:, tf.newaxis, :] + incoming
        best = tf.argmax(moves, axis=-1, output_type=tf.int32)
        return tf.reduce_max(moves, axis=-1), here, best

    nothing = tf.zeros_like(by_frame[0])
    first = (log_initial + nothing, nothing, tf.zeros_like(nothing, tf.int32))
    _, scores, came_from = tf.scan(forward, by_frame, first)
    last = tf.argmax(scores[-1], axis=-1, output_type=tf.int32)
    # Nothing follows the last frame: whatever does points at the best last state.
    to_last = last[:, tf.newaxis] + tf.zeros_like(came_from[-1])
    came_from = tf.concat([came_from[:-1], to_last[tf.newaxis]], axis=0)

    def backward(state: tf.Tensor, pointers: tf.Tensor) -> tf.Tensor:
        return tf.gather(pointers, state, batch_dims=1)

    path = tf.scan(backward, came_from, last, reverse=True)
    return tf.stop_gradient(tf.transpose(path))
