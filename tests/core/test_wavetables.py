"""Wavetables against the textbook formula in float64."""

import numpy as np
import pytest
import reference
import tensorflow as tf

from ddsp import core

RATE = 16000


def lookup(phase, tables):
    """Linear interpolation between entries, in float64; tables `[batch, time, n]`."""
    n = tables.shape[-1]
    place = (phase % 1.0) * n
    entry = np.floor(place).astype(int)
    fraction = place - entry
    batch, time = np.arange(phase.shape[0])[:, None], np.arange(phase.shape[1])[None]
    here = tables[batch, time, entry % n]
    there = tables[batch, time, (entry + 1) % n]
    return here + fraction * (there - here)


def synthesis(f0, amplitudes, tables, n_samples):
    frequency = reference.upsample(f0, n_samples)[..., 0]
    cycles = np.cumsum(frequency / RATE, axis=1) - frequency / RATE
    envelope = reference.upsample(amplitudes, n_samples, 'window')[..., 0]
    return envelope * lookup(cycles, reference.upsample(tables, n_samples))


def test_lookup_of_one_table_and_of_one_a_sample():
    rng = np.random.default_rng(0)
    phase = rng.uniform(-1.0, 2.0, [2, 50, 1])
    tables = rng.normal(size=[2, 50, 17])
    expected = lookup(phase[..., 0], tables)
    np.testing.assert_allclose(core.linear_lookup(phase, tables), expected, atol=1e-5)
    one = np.repeat(tables[:, :1], 50, axis=1)
    np.testing.assert_allclose(
        core.linear_lookup(phase, tables[:, 0]), lookup(phase[..., 0], one), atol=1e-5
    )


@pytest.mark.parametrize('n_frames, n_samples', [(10, 640), (1, 64), (7, 140)])
def test_synthesis_equals_the_textbook_formula(n_frames, n_samples):
    rng = np.random.default_rng(1)
    f0 = reference.vibrato(n_frames, batch=2)
    amplitudes = rng.random([2, n_frames, 1])
    tables = rng.normal(size=[2, n_frames, 64])
    audio = core.wavetable_synthesis(f0, amplitudes, tables, n_samples, RATE)
    expected = synthesis(f0, amplitudes, tables, n_samples)
    assert reference.snr_db(expected, audio) > 100.0


def test_tables_at_another_rate_than_the_fundamental():
    rng = np.random.default_rng(2)
    f0 = reference.vibrato(12, batch=1)
    tables = rng.normal(size=[1, 5, 32])
    ones = np.ones([1, 12, 1])
    audio = core.wavetable_synthesis(f0, ones, tables, 480, RATE)
    expected = synthesis(f0, ones, tables, 480)
    assert reference.snr_db(expected, audio) > 100.0


def test_a_table_of_harmonics_plays_like_cosines():
    distribution = np.random.default_rng(3).random([1, 1, 8]).astype(np.float32)
    f0 = np.full([1, 20, 1], 100.0, np.float32)
    table = core.harmonic_distribution_to_wavetable(distribution, 2048)
    audio = core.wavetable_synthesis(f0, np.ones_like(f0), table, 2000, RATE)
    time = np.arange(2000) / RATE
    numbers = np.arange(1, 9)[:, None]
    expected = distribution[0, 0] @ np.cos(2 * np.pi * 100.0 * numbers * time)
    # What is left is the interpolation's own error, 2 (pi h / n)**2 / 4 at most.
    assert reference.snr_db(expected[None], audio) > 70.0


def test_wavetable_does_not_drift():
    seconds = 60
    f0 = reference.vibrato(250 * seconds)
    table = np.sin(2 * np.pi * np.arange(512) / 512)[None]
    audio = core.wavetable_synthesis(f0, np.ones_like(f0), table, RATE * seconds, RATE)
    tables = np.broadcast_to(table[:, None], [1, RATE * seconds, 512])
    frequency = reference.upsample(f0, RATE * seconds)[..., 0]
    cycles = np.cumsum(frequency / RATE, axis=1) - frequency / RATE
    assert reference.snr_db(lookup(cycles, tables), audio) > 110.0


def test_gradients_of_tables_and_amplitudes_are_those_of_a_linear_map():
    rng = np.random.default_rng(4)
    f0 = reference.vibrato(6)
    amplitudes = rng.random([1, 6, 1])
    tables, direction = rng.normal(size=[2, 1, 6, 16])
    target = rng.normal(size=[1, 120]).astype(np.float32)
    with tf.GradientTape() as tape:
        x = tf.constant(tables, tf.float32)
        tape.watch(x)
        audio = core.wavetable_synthesis(f0, amplitudes, x, 120, RATE)
        loss = tf.reduce_sum(audio * target)
    ours = np.sum(tape.gradient(loss, x).numpy() * direction)
    expected = np.sum(synthesis(f0, amplitudes, direction, 120) * target)
    assert ours == pytest.approx(expected, rel=1e-4)


def test_gradient_of_f0_by_finite_differences():
    rng = np.random.default_rng(5)
    # A triangle has one slope on each half, away from its corners.
    table = np.concatenate(
        [np.linspace(0, 1, 32, endpoint=False), np.linspace(1, 0, 32)]
    )
    target = rng.normal(size=[1, 64]).astype(np.float32)
    f0 = np.full([1, 4, 1], 60.0)

    def loss(f0):
        ones = np.ones([1, 4, 1], np.float32)
        audio = core.wavetable_synthesis(f0, ones, table[None], 64, RATE)
        return tf.reduce_sum(audio * target)

    x = tf.constant(f0, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss(x)
    gradient = tape.gradient(value, x).numpy().sum()
    numeric = (np.float64(loss(f0 + 0.5)) - np.float64(loss(f0 - 0.5))) / 1.0
    assert gradient == pytest.approx(numeric, rel=2e-2)


@pytest.mark.parametrize('jit', [False, True])
def test_unknown_sizes(jit):
    rng = np.random.default_rng(6)
    f0 = reference.vibrato(10, batch=2)
    tables = rng.normal(size=[2, 10, 32]).astype(np.float32)
    ones = np.ones([2, 10, 1], np.float32)
    unknown = [tf.TensorSpec([None, None, n]) for n in (1, 1, 32)]
    synthesize = tf.function(
        lambda f, a, w: core.wavetable_synthesis(f, a, w, None, RATE, hop_size=16),
        input_signature=unknown,
        jit_compile=jit,
    )
    expected = core.wavetable_synthesis(f0, ones, tables, 160, RATE)
    np.testing.assert_allclose(synthesize(f0, ones, tables), expected, atol=1e-5)


def test_errors_name_the_argument():
    ones = np.ones([2, 4, 1], np.float32)
    with pytest.raises(ValueError, match='wavetables has shape'):
        core.wavetable_synthesis(ones, ones, np.ones([2, 4, 8, 1], np.float32), 64)
    with pytest.raises(ValueError, match='batch sizes differ'):
        core.wavetable_synthesis(ones, ones, np.ones([3, 8], np.float32), 64)
    with pytest.raises(ValueError, match='is empty'):
        core.linear_lookup(ones, np.ones([2, 0], np.float32))
