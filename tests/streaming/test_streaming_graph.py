"""Groups in blocks align what they mix, and pass on what their modules need."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from late_voice import voice, voice_inputs
from stream_inputs import (
    BATCH,
    HOP,
    SAMPLES,
    assert_alike,
    audio,
    blocks,
    harmonic_inputs,
    hertz,
    noise,
)

from ddsp import effects, processors, streaming, synths


def test_a_group_aligns_what_it_mixes() -> None:
    group = voice()
    whole = group(voice_inputs).numpy()
    assert whole.shape == (1, SAMPLES - 40)
    state = group.initial_state(1, voice_inputs, hop_size=HOP)
    # The noise is late by 128, the harmonics by 64 + 8; the level begins with a frame.
    assert group.latency == 128 + HOP + 40
    assert group.shortening == 40
    assert set(state) == {'inputs', *(step.name for step in group.steps)}
    played = list(streaming.render(group, blocks(voice_inputs), hop_size=HOP))
    assert_alike(np.concatenate(played, axis=1), whole)
    assert sum(signal.shape[1] for signal in played) == whole.shape[1]


@functools.cache
def small_voice() -> tuple[processors.ProcessorGroup, Callable[..., Any]]:
    group = processors.ProcessorGroup(
        dag=[
            (synths.Harmonic(None), ['amplitudes', 'harmonic_distribution', 'f0_hz']),
            (
                synths.FilteredNoise(None, window_size=31, crossfade=True, seed=3),
                ['magnitudes'],
            ),
            (processors.Add(), ['harmonic/signal', 'filtered_noise/signal']),
            (effects.TrainableReverb(reverb_length=150), ['add/signal']),
        ]
    )
    return group, tf.function(group.step, reduce_retracing=True)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(1, 7), min_size=1, max_size=6))
def test_any_split_gives_the_whole(splits: list[int]) -> None:
    n_frames = sum(splits)
    inputs = {
        'amplitudes': noise(1, n_frames, 1),
        'harmonic_distribution': noise(1, n_frames, 5),
        'f0_hz': hertz(100.0, 900.0, 1, n_frames, 1),
        'magnitudes': noise(1, n_frames, 9),
    }
    group, step = small_voice()
    whole = group(inputs)
    state = group.initial_state(1)
    played = []
    for block in blocks(inputs, splits):
        block = {key: tf.constant(x) for key, x in block.items()}
        signal, state = step(block, state)
        played.append(signal)
    rest, _ = group.flush(block, state)
    played = np.concatenate([*played, rest], axis=1)[:, group.latency :]
    assert_alike(played, whole.numpy())


def test_a_group_in_a_group() -> None:
    inner = processors.ProcessorGroup(
        dag=[
            (synths.Harmonic(None), ['amplitudes', 'harmonic_distribution', 'f0_hz']),
            (effects.FIRFilter(window_size=33), ['harmonic/signal', 'magnitudes']),
        ],
        name='inner',
    )
    outer = processors.ProcessorGroup(
        dag=[
            (inner, ['inputs/voice']),
            (synths.FilteredNoise(None, window_size=33, seed=1), ['magnitudes']),
            (processors.Add(), ['inner/signal', 'filtered_noise/signal']),
        ]
    )
    inputs = {'voice': voice_inputs, 'magnitudes': voice_inputs['magnitudes']}
    nested = [
        {'voice': block, 'magnitudes': block['magnitudes']}
        for block in blocks(voice_inputs)
    ]
    played = streaming.render(outer, nested)
    assert_alike(np.concatenate(list(played), axis=1), outer(inputs).numpy())
    assert outer.latency == HOP + 16


def test_layers_and_functions_in_a_group() -> None:
    def louder(signal: tf.Tensor) -> dict[str, tf.Tensor]:
        return {'signal': 2.0 * signal}

    group = processors.ProcessorGroup(
        dag=[
            (keras.layers.Dense(1, name='dense'), ['amplitudes']),
            (synths.Harmonic(None), ['dense', 'harmonic_distribution', 'f0_hz']),
            (louder, ['harmonic/signal']),
        ]
    )
    played = streaming.render(group, blocks(harmonic_inputs), BATCH)
    whole = group(harmonic_inputs).numpy()
    assert_alike(np.concatenate(list(played), axis=1), whole)


def test_results_of_all_nodes() -> None:
    group = voice()
    state = group.initial_state(1, voice_inputs, hop_size=HOP)
    block = next(blocks(voice_inputs))
    outputs, _ = group.step(block, state, return_outputs_dict=True)
    signal, _ = group.step(block, state)
    np.testing.assert_array_equal(outputs['signal'], signal)
    assert outputs['controls']['harmonic']['controls']['f0_hz'].shape == (1, 3, 1)


def test_hops_that_differ() -> None:
    group = processors.ProcessorGroup(
        dag=[
            (
                synths.Harmonic(None, sample_rate=48000),
                ['amplitudes', 'harmonic_distribution', 'f0_hz'],
            ),
            (synths.FilteredNoise(None), ['magnitudes']),
            (processors.Add(), ['harmonic/signal', 'filtered_noise/signal']),
        ]
    )
    with pytest.raises(ValueError, match='harmonic 192, filtered_noise 64'):
        group.initial_state(1)
    group.initial_state(1, hop_size=192)
    assert group.hop_size == group.latency == 192


def test_inputs_that_cannot_wait() -> None:
    group = processors.ProcessorGroup(
        dag=[
            (synths.Harmonic(None), ['amplitudes', 'harmonic_distribution', 'f0_hz']),
            (keras.layers.Add(name='sum'), ['harmonic/signal', 'dry']),
        ]
    )
    with pytest.raises(ValueError, match="node 'sum' gets 'dry' 64 samples before"):
        group.initial_state(1)


def test_an_option_that_nobody_takes() -> None:
    group = voice()
    state = group.initial_state(1, voice_inputs, hop_size=HOP)
    with pytest.raises(TypeError, match="no processor takes an option 'nosie'"):
        group.step(next(blocks(voice_inputs)), state, nosie=audio)
