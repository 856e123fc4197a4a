"""One processor in blocks: its state, its hop, its latency, and one of one's own."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from stream_inputs import (
    BATCH,
    FRAMES,
    HOP,
    SAMPLES,
    assert_alike,
    audio,
    blocks,
    frames_of_noise,
    harmonic_inputs,
    level,
    noise,
    other_audio,
    wavetable_inputs,
)

from ddsp import effects, processors, streaming, synths


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


def test_a_latency_that_depends_on_bands() -> None:
    synth = synths.FilteredNoise(None, window_size=0)
    with pytest.raises(ValueError, match='depends on the number of channels of magn'):
        _ = synth.latency
    synth.initial_state(1, {'magnitudes': tf.zeros([1, 1, 65])})
    assert synth.latency == 64


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
