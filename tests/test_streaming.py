"""Block by block, every processor gives what it gives for the whole."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import ddsp
from ddsp import effects, processors, streaming, synths

BATCH, FRAMES, HOP = 2, 12, 64
SAMPLES = FRAMES * HOP
SPLITS = [3, 1, 6, 2]


def noise(*shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    values = scale * np.random.default_rng(seed).normal(size=shape)
    return values.astype(np.float32)


def hertz(low: float, high: float, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(low, high, size=shape).astype(np.float32)


audio, other_audio = noise(BATCH, SAMPLES), noise(BATCH, SAMPLES, seed=1)
f0_hz = hertz(100.0, 900.0, BATCH, FRAMES, 1)
level = noise(BATCH, FRAMES, 1)
frames_of_noise = noise(BATCH, FRAMES, 9)
given_noise = np.random.default_rng(5).uniform(-1.0, 1.0, [BATCH, SAMPLES])
given_noise = given_noise.astype(np.float32)
harmonic_inputs = {
    'amplitudes': level,
    'harmonic_distribution': noise(BATCH, FRAMES, 8),
    'f0_hz': f0_hz,
}
many_harmonics = harmonic_inputs | {'harmonic_distribution': noise(BATCH, FRAMES, 40)}
sinusoidal_inputs = {
    'amplitudes': noise(BATCH, FRAMES, 5),
    'frequencies': hertz(50.0, 9000.0, BATCH, FRAMES, 5),
}
wavetable_inputs = {
    'amplitudes': level,
    'wavetables': noise(BATCH, FRAMES, 32),
    'f0_hz': f0_hz,
}


@dataclasses.dataclass
class Case:
    """A processor, how late it is, and what it is told.

    Parameters
    ----------
    make : gives the processor.
    inputs : of the whole, by name.
    latency : what it should state.
    constants : inputs that are not cut into blocks.
    noise : whether it filters noise, which is given to both.
    """

    make: Callable[[], processors.Processor]
    inputs: Mapping[str, np.ndarray]
    latency: int = 0
    constants: Sequence[str] = ()
    noise: bool = False

    def processor(self) -> processors.Processor:
        processor = self.make()
        processor.hop_size = HOP
        return processor

    def whole(self, processor: processors.Processor) -> np.ndarray:
        if self.noise:
            controls = processor.get_controls(**self.inputs)
            return ddsp.core.frequency_filter(
                given_noise,
                controls['magnitudes'],
                processor.window_size,
                crossfade=processor.crossfade,
            ).numpy()
        return processor(**self.inputs).numpy()


def bank(cls: type, **kwargs: Any) -> Callable[[], processors.Processor]:
    if cls is synths.Sinusoidal:
        # Scaled by float32 functions, frequencies differ a little with the block.
        kwargs['freq_scale_fn'] = None
    return lambda: cls(None, **kwargs)


CASES = {
    'Add': Case(processors.Add, {'signal_one': audio, 'signal_two': other_audio}),
    'Mix': Case(
        processors.Mix,
        {'signal_one': audio, 'signal_two': other_audio, 'nn_out_mix_level': level},
        latency=HOP,
    ),
    'Mix with channels': Case(
        processors.Mix,
        {
            'signal_one': noise(BATCH, SAMPLES, 2),
            'signal_two': noise(BATCH, SAMPLES, 2, seed=1),
            'nn_out_mix_level': level[..., 0],
        },
        latency=HOP,
    ),
    'Crop front': Case(
        lambda: processors.Crop(100, 'front'), {'audio': audio}, latency=100
    ),
    'Crop back': Case(lambda: processors.Crop(100), {'audio': audio}),
    'TensorToAudio': Case(synths.TensorToAudio, {'samples': audio[..., None]}),
    'Harmonic': Case(bank(synths.Harmonic), harmonic_inputs, latency=HOP),
    'Harmonic beyond Nyquist': Case(
        bank(synths.Harmonic, normalize_below_nyquist=False),
        many_harmonics,
        latency=HOP,
    ),
    'Harmonic linear': Case(
        bank(synths.Harmonic, amp_resample_method='linear'),
        harmonic_inputs,
        latency=HOP,
    ),
    'Harmonic cubic': Case(
        bank(synths.Harmonic, amp_resample_method='cubic'),
        harmonic_inputs,
        latency=2 * HOP,
    ),
    'Harmonic nearest': Case(
        bank(synths.Harmonic, amp_resample_method='nearest'),
        harmonic_inputs,
        latency=HOP,
    ),
    'Sinusoidal': Case(bank(synths.Sinusoidal), sinusoidal_inputs, latency=HOP),
    'Sinusoidal cubic': Case(
        bank(synths.Sinusoidal, amp_resample_method='cubic'),
        sinusoidal_inputs,
        latency=2 * HOP,
    ),
    'Wavetable that changes': Case(
        bank(synths.Wavetable), wavetable_inputs, latency=HOP
    ),
    'Wavetable': Case(
        bank(synths.Wavetable),
        {**wavetable_inputs, 'wavetables': noise(BATCH, 32)},
        latency=HOP,
        constants=['wavetables'],
    ),
    'FilteredNoise': Case(
        bank(synths.FilteredNoise),
        {'magnitudes': frames_of_noise},
        latency=128,
        noise=True,
    ),
    'FilteredNoise without window': Case(
        bank(synths.FilteredNoise, window_size=0),
        {'magnitudes': frames_of_noise},
        latency=8,
        noise=True,
    ),
    'FilteredNoise that fades': Case(
        bank(synths.FilteredNoise, window_size=11, crossfade=True),
        {'magnitudes': frames_of_noise},
        latency=HOP + 5,
        noise=True,
    ),
    'FIRFilter': Case(
        lambda: effects.FIRFilter(window_size=10),
        {'audio': audio, 'magnitudes': frames_of_noise},
        latency=4,
    ),
    'FIRFilter with a long response': Case(
        lambda: effects.FIRFilter(window_size=0),
        {'audio': audio, 'magnitudes': noise(BATCH, FRAMES, 129)},
        latency=128,
    ),
    'FIRFilter that fades': Case(
        lambda: effects.FIRFilter(window_size=33, crossfade=True),
        {'audio': audio, 'magnitudes': frames_of_noise},
        latency=HOP + 16,
    ),
    'FIRFilter that stays': Case(
        lambda: effects.FIRFilter(crossfade=True),
        {'audio': audio, 'magnitudes': noise(BATCH, 9)},
        latency=128,
        constants=['magnitudes'],
    ),
    'Reverb': Case(
        effects.Reverb,
        {'audio': audio, 'ir': noise(BATCH, 300, scale=0.1)},
        constants=['ir'],
    ),
    'Reverb shorter than a hop': Case(
        lambda: effects.Reverb(add_dry=False),
        {'audio': audio, 'ir': noise(20, scale=0.1)},
        constants=['ir'],
    ),
    'Reverb that learns': Case(
        lambda: effects.Reverb(trainable=True, reverb_length=HOP), {'audio': audio}
    ),
    'TrainableReverb': Case(
        lambda: effects.TrainableReverb(reverb_length=200), {'audio': audio}
    ),
    'ExpDecayReverb': Case(
        lambda: effects.ExpDecayReverb(reverb_length=200, seed=1),
        {'audio': audio, 'gain': noise(BATCH, 1), 'decay': noise(BATCH, 1)},
        constants=['gain', 'decay'],
    ),
    'ExpDecayReverb that learns': Case(
        lambda: effects.ExpDecayReverb(trainable=True, reverb_length=200, seed=1),
        {'audio': audio},
    ),
    'FilteredNoiseReverb': Case(
        lambda: effects.FilteredNoiseReverb(reverb_length=80, window_size=33, seed=1),
        {'audio': audio, 'magnitudes': frames_of_noise},
        constants=['magnitudes'],
    ),
    'FilteredNoiseReverb that learns': Case(
        lambda: effects.FilteredNoiseReverb(
            True, 80, window_size=33, n_frames=8, n_filter_banks=9, seed=1
        ),
        {'audio': audio},
    ),
    'ModDelay': Case(
        lambda: effects.ModDelay(center_ms=3.0, depth_ms=1.0),
        {
            'audio': audio,
            'gain': noise(BATCH, SAMPLES, 1),
            'phase': noise(BATCH, SAMPLES, 1, seed=1),
        },
    ),
}
each_case = pytest.mark.parametrize('case', CASES.values(), ids=CASES)


def blocks(
    inputs: Mapping[str, np.ndarray],
    splits: Sequence[int] = SPLITS,
    constants: Sequence[str] = (),
) -> Iterator[dict[str, np.ndarray]]:
    """Cuts inputs, at the frame or the sample rate, into blocks of some frames."""
    start = 0
    for n_frames in splits:
        end = start + n_frames
        yield {
            key: x
            if key in constants
            else x[:, start:end]
            if x.shape[1] == sum(splits)
            else x[:, start * HOP : end * HOP]
            for key, x in inputs.items()
        }
        start = end


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


def assert_alike(played: np.ndarray, whole: np.ndarray, atol: float = 1e-5) -> None:
    played = played[:, : whole.shape[1]]  # Only at the end a crop knows of it.
    assert played.shape == whole.shape
    np.testing.assert_allclose(played, whole, rtol=0.0, atol=atol)


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


def voice(**names: str) -> processors.ProcessorGroup:
    """Branches that are late by 64, 8 + 64 and 128 samples, then 40 more."""
    return processors.ProcessorGroup(
        dag=[
            (
                synths.Harmonic(SAMPLES),
                ['amplitudes', 'harmonic_distribution', 'f0_hz'],
            ),
            (synths.FilteredNoise(SAMPLES, seed=3), ['magnitudes']),
            (
                effects.FIRFilter(window_size=0, name='lips'),
                ['harmonic/signal', 'magnitudes'],
            ),
            (
                processors.Mix(),
                ['lips/signal', 'filtered_noise/signal', 'harmonic/controls/f0_hz'],
            ),
            (processors.Crop(40, 'front'), ['mix/signal']),
            (effects.TrainableReverb(reverb_length=200), ['crop/signal']),
        ],
        name='voice',
        **names,
    )


voice_inputs = {
    key: x[:1] for key, x in (harmonic_inputs | {'magnitudes': frames_of_noise}).items()
}


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


def test_a_loop_in_a_graph() -> None:
    synth = synths.Harmonic(None)
    inputs = {key: tf.constant(x) for key, x in harmonic_inputs.items()}
    specs = {k: tf.TensorSpec([None, FRAMES, x.shape[2]]) for k, x in inputs.items()}

    @tf.function(input_signature=[specs])
    def play_all(inputs: dict[str, tf.Tensor]) -> tf.Tensor:
        state = synth.initial_state(tf.shape(inputs['f0_hz'])[0], inputs)
        played = tf.TensorArray(tf.float32, 4)
        for i in tf.range(4):
            block = {key: x[:, 3 * i :][:, :3] for key, x in inputs.items()}
            signal, state = synth.step(block, state)
            played = played.write(i, signal)
        return tf.concat(tf.unstack(played.stack(), 4), axis=1)

    whole = synth(**inputs).numpy()
    assert_alike(play_all(inputs).numpy()[:, HOP:], whole[:, :-HOP])


def test_results_of_all_nodes() -> None:
    group = voice()
    state = group.initial_state(1, voice_inputs, hop_size=HOP)
    block = next(blocks(voice_inputs))
    outputs, _ = group.step(block, state, return_outputs_dict=True)
    signal, _ = group.step(block, state)
    np.testing.assert_array_equal(outputs['signal'], signal)
    assert outputs['controls']['harmonic']['controls']['f0_hz'].shape == (1, 3, 1)


def test_noise_is_new_in_each_block_unless_it_is_given() -> None:
    group = processors.ProcessorGroup(
        dag=[(synths.FilteredNoise(None), ['magnitudes'])]
    )
    block = {'magnitudes': tf.zeros([1, 8, 9])}
    state = group.initial_state(1, block)
    first, state = group.step(block, state)
    second, state = group.step(block, state)
    assert np.abs(first[:, 128:] - second[:, 128:]).max() > 1e-6
    _, state = group.step(block, state, noise=tf.zeros([1, 8 * HOP]))
    silent, _ = group.step(block, state, noise=tf.zeros([1, 8 * HOP]))
    assert np.abs(silent).max() == 0.0


def test_seeded_noise_does_not_repeat() -> None:
    synth = synths.FilteredNoise(None, window_size=0, scale_fn=None, seed=1)
    # A flat filter: what comes out is the noise.
    inputs = {'magnitudes': np.ones([3, FRAMES, 9], np.float32)}
    played = [
        np.concatenate(list(streaming.render(synth, blocks(inputs, s), 3)), axis=1)
        for s in (SPLITS, [FRAMES])
    ]
    np.testing.assert_allclose(played[0], played[1], atol=1e-6)
    pieces = played[0].reshape([-1, HOP])
    likeness = np.abs(np.corrcoef(pieces) - np.eye(len(pieces)))
    assert likeness.max() < 0.7


def test_half_an_hour_does_not_drift() -> None:
    rate, hop, n_frames, n_blocks = 16000, 64, 25_000, 18
    synth = synths.Harmonic(None, rate, scale_fn=None, amp_resample_method='linear')
    rng = np.random.default_rng(0)
    f0 = rng.uniform(400.0, 500.0, [1, n_frames, 1]).astype(np.float32)
    ones = np.ones_like(f0)
    block = {'amplitudes': ones, 'harmonic_distribution': ones, 'f0_hz': f0}
    # Half an hour goes by as a phase: a synthesizer of long frames has the same sum.
    step = tf.function(synth.step)
    state = synth.initial_state(1, block)
    for _ in range(n_blocks):
        signal, state = step(block, state)
    seconds = n_blocks * n_frames * hop / rate
    assert seconds == 1800.0
    f0 = f0[0, :, 0].astype(np.float64)
    steps = np.arange(hop) / hop
    after = np.append(f0[1:], f0[0])
    hz = f0[:, None] + (after - f0)[:, None] * steps
    # Whole blocks, the last of them without the frame that waits for the next block.
    cycles = np.cumsum(hz.ravel() / rate)
    once = cycles[-1]
    start = (n_blocks - 1) * once
    expected = np.sin(2.0 * np.pi * ((start + cycles) % 1.0))[:-hop]
    error = signal[0, hop:].numpy() - expected
    snr_db = 10.0 * np.log10(np.sum(expected**2) / np.sum(error**2))
    assert snr_db > 90.0


@keras.saving.register_keras_serializable('tests')
class Echo(processors.Processor):
    """A processor of one's own."""

    input_shapes = {'audio': '[batch, samples]', 'gain': '[batch, frames, 1]'}
    latency = 10

    def __init__(self, name: str = 'echo', **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def get_controls(self, audio: tf.Tensor, gain: tf.Tensor) -> dict[str, tf.Tensor]:
        return {'audio': audio, 'gain': gain}

    def get_signal(self, audio: tf.Tensor, gain: tf.Tensor) -> tf.Tensor:
        gain = tf.repeat(gain[..., 0], HOP, axis=1)
        return gain * audio

    def start_stream(self, batch_size: Any) -> dict[str, tf.Tensor]:
        return {'late': tf.zeros([batch_size, 10])}

    def stream_signal(
        self, memory: Any, span: Any, audio: tf.Tensor, gain: tf.Tensor
    ) -> Any:
        late = tf.concat([memory['late'], self.get_signal(audio, gain)], axis=1)
        return late[:, :-10], {'late': late[:, -10:]}


def test_a_processor_of_ones_own() -> None:
    group = processors.ProcessorGroup(
        dag=[
            (synths.Harmonic(None), ['amplitudes', 'harmonic_distribution', 'f0_hz']),
            (Echo(), ['harmonic/signal', 'amplitudes']),
        ]
    )
    played = streaming.render(group, blocks(harmonic_inputs), BATCH)
    whole = group(harmonic_inputs).numpy()
    assert_alike(np.concatenate(list(played), axis=1), whole)
    assert group.latency == HOP + 10


def test_a_processor_that_does_not_stream() -> None:
    class Silent(processors.Processor):
        def get_controls(self, audio: tf.Tensor) -> dict[str, tf.Tensor]:
            return {'audio': audio}

        def get_signal(self, audio: tf.Tensor) -> tf.Tensor:
            return 0.0 * audio

    with pytest.raises(NotImplementedError, match='Silent does not play'):
        Silent(name='silent').initial_state(1)


def test_inputs_by_position() -> None:
    add = processors.Add()
    signal, state = add.step([audio, other_audio], add.initial_state(BATCH))
    np.testing.assert_allclose(signal, audio + other_audio)
    assert int(state['position']) == SAMPLES
    crop = processors.Crop(4)
    signal, _ = crop.step(audio, crop.initial_state(BATCH))
    np.testing.assert_allclose(signal, audio)


def test_an_unknown_hop_is_said() -> None:
    with pytest.raises(ValueError, match='harmonic: how many samples a frame lasts'):
        synths.Harmonic(64000).initial_state(1)
    with pytest.raises(ValueError, match='mix: how many samples a frame lasts'):
        _ = processors.Mix().latency
    synth = synths.Harmonic(64000)
    synth.initial_state(1, hop_size=128)
    assert synth.latency == 128


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


def test_a_latency_that_depends_on_bands() -> None:
    synth = synths.FilteredNoise(None, window_size=0)
    with pytest.raises(ValueError, match='depends on the number of channels of magn'):
        _ = synth.latency
    synth.initial_state(1, {'magnitudes': tf.zeros([1, 1, 65])})
    assert synth.latency == 64


def test_inputs_that_cannot_wait() -> None:
    group = processors.ProcessorGroup(
        dag=[
            (synths.Harmonic(None), ['amplitudes', 'harmonic_distribution', 'f0_hz']),
            (keras.layers.Add(name='sum'), ['harmonic/signal', 'dry']),
        ]
    )
    with pytest.raises(ValueError, match="node 'sum' gets 'dry' 64 samples before"):
        group.initial_state(1)


@pytest.mark.parametrize(
    ('processor', 'inputs', 'message'),
    [
        (effects.Reverb(), {'audio': audio[:, :100], 'ir': [1.0]}, 'a multiple of its'),
        (
            processors.Mix(),
            {
                'signal_one': audio,
                'signal_two': audio,
                'nn_out_mix_level': level[:, :5],
            },
            'expected 64 samples a frame',
        ),
        (
            effects.FIRFilter(),
            {'audio': audio, 'magnitudes': frames_of_noise[:, :5]},
            'cannot be cut into 5 frames',
        ),
        (
            synths.Wavetable(None),
            {**wavetable_inputs, 'wavetables': noise(BATCH, 3, 32)},
            'frame sizes differ',
        ),
        (synths.Harmonic(None), {'amplitudes': level}, 'missing a required argument'),
        (
            synths.FilteredNoise(None),
            {'magnitudes': noise(BATCH, 9)},
            r'expected \[batch, frames, bands\]',
        ),
    ],
)
def test_blocks_that_do_not_fit(
    processor: Any, inputs: dict[str, Any], message: str
) -> None:
    state = processor.initial_state(BATCH, hop_size=HOP)
    with pytest.raises((ValueError, TypeError), match=message):
        processor.step(inputs, state)


def test_noise_that_does_not_fit() -> None:
    synth = synths.FilteredNoise(None)
    block = {'magnitudes': frames_of_noise}
    with pytest.raises(ValueError, match='expected 768 samples for 12 frames'):
        synth.step(block, synth.initial_state(BATCH), noise=audio[:, :100])


def test_an_option_that_nobody_takes() -> None:
    group = voice()
    state = group.initial_state(1, voice_inputs, hop_size=HOP)
    with pytest.raises(TypeError, match="no processor takes an option 'nosie'"):
        group.step(next(blocks(voice_inputs)), state, nosie=audio)


def test_nothing_to_render() -> None:
    assert list(streaming.render(processors.Add(), [])) == []


def test_less_than_the_latency() -> None:
    short = {key: x[:, :1] for key, x in voice_inputs.items()}
    group = voice()
    group(voice_inputs)
    played = list(streaming.render(group, [short], hop_size=HOP, compiled=False))
    assert sum(signal.shape[1] for signal in played) == HOP - 40


def test_a_crop_at_the_end_is_rendered() -> None:
    group = processors.ProcessorGroup(dag=[(processors.Crop(100), ['audio'])])
    played = list(streaming.render(group, blocks({'audio': audio}), BATCH))
    np.testing.assert_array_equal(np.concatenate(played, axis=1), audio[:, :-100])
