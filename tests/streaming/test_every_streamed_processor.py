"""Block by block, every processor gives what it gives for the whole."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from processor_cases import CASES, Case, given_noise
from stream_inputs import BATCH, FRAMES, HOP, SPLITS, assert_alike, blocks

from ddsp import effects, processors, synths

each_case = pytest.mark.parametrize('case', CASES.values(), ids=CASES)


def shapes_of(state: Any) -> Any:
    return tf.nest.map_structure(lambda x: x.shape.as_list()[1:], state)


def play(
    case: Case,
    processor: processors.Processor,
    step: Callable[..., Any] | None = None,
    splits: Sequence[int] = SPLITS,
) -> np.ndarray:
    """Plays a case block by block, and drops the latency."""
    step = step or processor.step
    state = processor.initial_state(BATCH, case.inputs)
    shapes = tf.nest.map_structure(lambda x: x.shape, state)
    played, options = [], {}
    start = 0
    for block in blocks(case.inputs, splits, case.constants):
        if case.noise:
            n_samples = block['magnitudes'].shape[1] * HOP
            options = {'noise': tf.constant(given_noise[:, start : start + n_samples])}
            start += n_samples
        block = {key: tf.constant(x) for key, x in block.items()}
        signal, state = step(block, state, **options)
        played.append(signal)
    assert tf.nest.map_structure(lambda x: x.shape, state) == shapes
    rest, _ = processor.flush(block, state)
    assert rest.shape[1] == max(processor.latency - processor.shortening, 0)
    return np.concatenate([*played, rest], axis=1)[:, processor.latency :]


def test_all_processors_are_here() -> None:
    made = {type(case.make()) for case in CASES.values()}
    for module in (processors, synths, effects):
        for _, cls in inspect.getmembers(module, inspect.isclass):
            if issubclass(cls, processors.Processor):
                assert cls is processors.Processor or cls in made


@each_case
def test_blocks_give_the_whole(case: Case) -> None:
    processor = case.processor()
    played = play(case, processor)
    assert processor.latency == case.latency
    assert_alike(played, case.whole(processor))


@pytest.mark.parametrize(
    'name',
    [
        'Mix',
        'Crop front',
        'Harmonic cubic',
        'Sinusoidal',
        'Wavetable that changes',
        'FilteredNoise that fades',
        'FIRFilter',
        'Reverb',
        'ExpDecayReverb',
        'FilteredNoiseReverb that learns',
        'ModDelay',
    ],
)
def test_compiled(name: str) -> None:
    case = CASES[name]
    processor = case.processor()
    step = tf.function(processor.step, jit_compile=True)
    played = play(case, processor, step, [FRAMES // 2] * 2)
    # What the first block leaves is like what it was given: nothing is traced again.
    assert step.experimental_get_tracing_count() == 1
    assert_alike(played, case.whole(processor), atol=1e-4)


@each_case
def test_nothing_is_known_of_sizes(case: Case) -> None:
    processor = case.processor()

    def spec(x: tf.Tensor) -> tf.TensorSpec:
        # Of a block channels are known, of a state all but the batch.
        shape = x.shape.as_list()
        if any(x is y for y in moving):
            shape[:2] = [None, None]
        elif x.shape.rank > 1:
            shape[0] = None
        return tf.TensorSpec(shape, x.dtype)

    block = next(blocks(case.inputs, SPLITS, case.constants))
    block = {key: tf.constant(x) for key, x in block.items()}
    options = {'noise': tf.constant(given_noise)} if case.noise else {}
    moving = [x for key, x in (block | options).items() if key not in case.constants]
    given = block, processor.initial_state(BATCH, case.inputs), options
    specs = tf.nest.map_structure(spec, given)

    @tf.function(input_signature=specs)
    def step(block: Any, state: Any, options: Any) -> Any:
        return processor.step(block, state, **options)

    _, after = step.get_concrete_function().structured_outputs
    assert shapes_of(after) == shapes_of(specs[1]), 'a loop can carry the state'
    played = play(case, processor, lambda *args, **options: step(*args, options))
    assert_alike(played, case.whole(processor))


@each_case
def test_sizes_are_found_with_the_first_block(case: Case) -> None:
    processor = case.processor()
    state = processor.initial_state(BATCH)
    played, options = [], {}
    for block in blocks(case.inputs, SPLITS, case.constants):
        if case.noise:
            options = {'noise': np.zeros([BATCH, block['magnitudes'].shape[1] * HOP])}
        signal, state = processor.step(block, state, **options)
        played.append(signal)
    played = np.concatenate(played, axis=1)[:, processor.latency :]
    whole = case.whole(processor)
    assert_alike(played, (0.0 if case.noise else 1.0) * whole[:, : played.shape[1]])


@each_case
def test_recovers_from_what_is_not_a_number(case: Case) -> None:
    processor = case.processor()
    state = processor.initial_state(BATCH, case.inputs)
    bad = next(blocks(case.inputs, [FRAMES // 2] * 2, case.constants))
    bad = {
        key: x if key in case.constants else np.full_like(x, np.nan)
        for key, x in bad.items()
    }
    signal, state = processor.step(bad, state)
    assert np.isfinite(signal).all()
    for block in blocks(case.inputs, SPLITS, case.constants):
        signal, state = processor.step(block, state)
        assert np.isfinite(signal).all()
        assert all(np.isfinite(np.abs(x)).all() for x in tf.nest.flatten(state))
    assert np.abs(signal).max() > 0.0
