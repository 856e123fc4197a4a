from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ddsp import losses, processors, synths, tracing
from ddsp.streaming import rendering
from ddsp.training import decoders, eval_util, models, sample_summaries, trainers
from ddsp.training.inference import StreamingInstrument
from ddsp.training.inference.tensor_function import compile_named
from ddsp.training.transfer.decoding import Decoding

# TensorFlow warns of the fifth trace.
MANY = 5


def _decode() -> None:
    def decoder(inputs: dict[str, tf.Tensor], training: bool) -> dict[str, tf.Tensor]:
        return {'amps': inputs['ld_scaled']}

    for _ in Decoding(decoder, 2).blocks({'ld_scaled': np.zeros(3, np.float32)}):
        pass


def _render() -> None:
    gain = processors.Add()
    ones = {'signal_one': tf.ones([1, 4]), 'signal_two': tf.ones([1, 4])}
    rendering.compile_step(gain)(ones, gain.initial_state(), None)


@functools.cache
def _instrument() -> tuple[decoders.RnnFcDecoder, processors.ProcessorGroup]:
    decoder = decoders.RnnFcDecoder(
        rnn_channels=3,
        ch=3,
        layers_per_stack=1,
        input_keys=('f0_scaled', 'ld_scaled'),
        output_splits=(('amps', 1), ('magnitudes', 3)),
    )
    decoder({name: tf.zeros([1, 1, 1]) for name in decoder.input_keys})
    noise = synths.FilteredNoise(n_samples=None, window_size=9)
    return decoder, processors.ProcessorGroup(dag=[(noise, ['magnitudes'])])


def _play_live() -> None:
    instrument = StreamingInstrument(*_instrument(), 16000, 250)
    block = {name: tf.zeros([1, 1]) for name in instrument.input_keys}
    instrument.step(block, instrument.initial_state())


class Gain(models.Model):
    """Plays its input again, times a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.level = self.add_weight(name='level', shape=[], initializer='ones')
        self.distance = losses.ParamLoss()

    def call(self, features: dict[str, tf.Tensor], training: bool = True) -> dict:
        audio = self.level * features['audio']
        self.update_losses(self.distance, audio, 2.0 * features['audio'])
        return {'audio': audio}

    def get_audio_from_outputs(self, outputs: dict[str, tf.Tensor]) -> tf.Tensor:
        return outputs['audio']


def _train() -> None:
    batch = {'audio': tf.ones([1, 2])}
    trainer = trainers.Trainer(Gain(), tf.distribute.get_strategy())
    trainer.build(batch)
    trainer.train_step(batch)


def _evaluate() -> None:
    batch, model = {'audio': tf.ones([1, 2])}, Gain()
    model(batch)
    eval_util._Round(model, None, [], True, False, False)._play(batch)
    sample_summaries.SampleSummaries(model, batch, None)._play(batch)


def _infer() -> None:
    compile_named(lambda x: {'y': x}, {'x': tf.TensorSpec([1])})(tf.zeros([1]))


@pytest.mark.parametrize(
    'use', [_decode, _render, _play_live, _infer, _train, _evaluate]
)
def test_many_models_in_one_process_are_no_retracing(
    use: Callable[[], None], caplog: pytest.LogCaptureFixture
):
    for _ in range(MANY):
        use()
    assert [record.getMessage()[:120] for record in caplog.records] == []


def _made(number: int) -> Any:
    def add(x: tf.Tensor) -> tf.Tensor:
        return x + number

    return tracing.compile_apart(add)


def test_functions_of_the_same_lines_are_counted_apart(
    caplog: pytest.LogCaptureFixture,
):
    sums = [int(_made(number)(tf.constant(1))) for number in range(MANY)]
    assert sums == [1, 2, 3, 4, 5]
    assert not caplog.records


def test_one_function_that_is_traced_again_and_again_is_told_of(
    caplog: pytest.LogCaptureFixture,
):
    add = _made(1)
    for size in range(MANY):
        add(tf.zeros([size], tf.int32))
    assert 'retracing' in caplog.text


def test_it_compiles_as_tf_function_does():
    def count(n: tf.Tensor) -> tf.Tensor:
        total = tf.constant(0)
        while total < n:  # Autograph makes a loop of the graph of this.
            total += 1
        return total

    compiled = tracing.compile_apart(
        count, input_signature=[tf.TensorSpec([], 'int32')]
    )
    assert int(compiled(tf.constant(7))) == 7
    assert compiled.experimental_get_tracing_count() == 1
