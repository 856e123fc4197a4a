from __future__ import annotations

import math
import sys
import types

import gin
import numpy as np
import pytest
import tensorflow as tf
from eval_stand_ins import HOP, N_FRAMES, Provider, examples, read_summaries

from ddsp import core, losses
from ddsp.training import evaluators, metrics, preprocessing

RATES = 16000, 250


@pytest.fixture
def writer(tmp_path):
    """Writes for TensorBoard; called, it gives what was written."""
    file_writer = tf.summary.create_file_writer(str(tmp_path))
    with file_writer.as_default():
        yield lambda: (file_writer.flush(), read_summaries(tmp_path))[1]


@pytest.fixture
def batch():
    return {key: tf.constant(x) for key, x in examples().items()}


@pytest.mark.parametrize(
    'name', ['Basic', 'F0Ld', 'TWM', 'MidiAutoencoder', 'MidiHeuristic']
)
def test_gin_knows_evaluators(name):
    cls = gin.get_configurable(f'evaluators.{name}Evaluator')
    instance = cls(*RATES)
    assert isinstance(instance, evaluators.BaseEvaluator)
    instance.set_rates(8000, 125)


def test_basic_evaluator(batch, writer):
    basic = evaluators.BasicEvaluator(*RATES)
    outputs = {'audio_synth': batch['audio'] * 0.5}
    basic.evaluate(batch, outputs, {'total_loss': 3.0, 'part': tf.constant(1.0)})
    one = {'audio': batch['audio'][:1]}
    basic.evaluate(one, {'audio_gen': one['audio']}, {'total_loss': 7.0, 'part': 1.0})
    results = basic.flush(2)
    assert results['losses/total_loss'] == 4.0  # Three examples to one.
    assert results['losses/part'] == 1.0
    silence = float(losses.SpectralLoss()(batch['audio'], 0 * batch['audio']))
    assert results['spectral/mag'] == pytest.approx(0.75 * silence / 2, rel=1e-4)
    assert basic.flush(3) == {}
    written = writer()
    assert written['losses/total_loss'] == [(2, 4.0)]
    assert len(written['metrics/spectral/total']) == 1


def test_basic_evaluator_shows_what_there_is(batch, writer):
    basic = evaluators.BasicEvaluator(*RATES)
    basic.sample({'f0_hz': batch['f0_hz']}, {'audio_gen': batch['audio']}, 1)
    assert set(writer()) == {'audio_generated'}
    basic.sample(batch, {}, 1)
    assert set(writer()) == {'audio_generated', 'audio_original'}


def test_losses_without_audio(batch):
    basic = evaluators.BasicEvaluator(*RATES)
    basic.evaluate({'f0_hz': batch['f0_hz']}, {}, {'total_loss': 1.0})
    assert basic.flush(1) == {'losses/total_loss': 1.0}


def test_f0_ld_evaluator(batch, writer):
    f0_ld = evaluators.F0LdEvaluator(*RATES)
    passed_on = {'audio_gen': batch['audio'] * 0.5, 'f0_hz': batch['f0_hz'][..., None]}
    f0_ld.evaluate(batch, passed_on, {})
    f0_ld.sample(batch, passed_on, 1)
    results = f0_ld.flush(1)
    assert results['loudness/l1_db'] == pytest.approx(20 * math.log10(2), abs=0.01)
    assert results['f0_crepe/raw_pitch_accuracy'] > 0.98
    # f0 that only passes through a model is no prediction.
    assert not [name for name in results if name.startswith('f0/')]
    tags = set(writer())
    assert {'loudness/1', 'f0_midi/f0_crepe_3'} <= tags
    assert not {'f0_midi/f0_midi_1', 'loudness/4'} & tags


def test_f0_that_a_model_predicts(batch, writer):
    f0_ld = evaluators.F0LdEvaluator(*RATES, run_f0_crepe=False)
    outputs = {'audio_gen': batch['audio'], 'f0_hz': batch['f0_hz'] * 2 ** (1 / 12)}
    f0_ld.evaluate(batch, outputs, {})
    f0_ld.sample(batch, outputs, 1)
    results = f0_ld.flush(1)
    assert results['f0/l1_semitones'] == pytest.approx(1.0, abs=1e-3)
    assert not [name for name in results if name.startswith('f0_crepe/')]
    assert 'f0_midi/f0_midi_1' in writer()


@pytest.mark.parametrize('time_steps', [N_FRAMES, N_FRAMES - 1, N_FRAMES // 2])
def test_f0_of_the_data_at_other_frames_is_no_prediction(batch, writer, time_steps):
    """As of centred data, which have one frame more than the model."""
    gliding = batch['f0_hz'] * tf.linspace(1.0, 1.5, N_FRAMES)
    preprocessor = preprocessing.F0LoudnessPreprocessor(
        time_steps, compute_loudness=False
    )
    passed_on = preprocessor({'f0_hz': gliding, 'loudness_db': 0.0 * gliding})
    f0_ld = evaluators.F0LdEvaluator(*RATES, run_f0_crepe=False)
    f0_ld.evaluate({'f0_hz': gliding}, passed_on, {})
    f0_ld.sample({'f0_hz': gliding}, passed_on, 1)
    assert f0_ld.flush(1) == {}
    assert writer() == {}
    f0_ld.evaluate({'f0_hz': gliding}, {'f0_hz': passed_on['f0_hz'] * 1.001}, {})
    assert f0_ld.flush(1)['f0/l1_semitones'] > 0.01


def test_rates_can_change(batch):
    f0_ld = evaluators.F0LdEvaluator(*RATES)
    f0_ld.set_rates(16000, 125)
    half = {key: x[:, ::2] if key != 'audio' else x for key, x in batch.items()}
    f0_ld.evaluate(half, {'audio_gen': half['audio']}, {})
    assert f0_ld.flush(1)['f0_crepe/l1_semitones'] < 0.1


@pytest.mark.parametrize('noisy', [False, True])
def test_twm_evaluator_finds_the_fundamental(batch, writer, noisy):
    harmonics = np.arange(1, 9)
    f0_hz = batch['f0_hz'].numpy()[..., np.newaxis]
    order = np.random.default_rng(0).permutation(8)
    frequencies = (f0_hz * harmonics)[..., order]
    amplitudes = np.broadcast_to(1 / harmonics, frequencies.shape)[..., order]
    if noisy:
        # A murmur at half the f0 must not be taken for it.
        frequencies = np.concatenate([frequencies, f0_hz / 2], axis=-1)
        amplitudes = np.concatenate([amplitudes, 0 * f0_hz + 1e-3], axis=-1)
    controls = {'frequencies': frequencies, 'amplitudes': amplitudes}
    twm = evaluators.TWMEvaluator(*RATES, processor_name='sines', noisy=noisy)
    outputs = {'sines': {'controls': controls}}
    twm.evaluate(batch, outputs, {})
    twm.sample(batch, outputs, 1)
    results = twm.flush(1)
    assert results['f0_twm/raw_pitch_accuracy'] > 0.95
    assert results['f0_twm/outlier_ratio'] == 0
    assert 'f0_midi/f0_twm_3' in writer()
    with pytest.raises(KeyError, match=r'sines/controls.*TWMEvaluator\.processor_name'):
        twm.evaluate(batch, {'harmonic': {}}, {})


def midi_batch(batch):
    played = [metrics.Note(0.04, 0.3, 57)]
    roll = metrics.pianoroll_from_notes(played, 250, N_FRAMES)
    rolls = np.stack([roll] * 3)
    return {**batch, 'note_active_velocities': tf.constant(rolls)}, played


def test_midi_autoencoder_evaluator(batch, writer):
    batch, _ = midi_batch(batch)
    q_pitch = np.where(batch['note_active_velocities'].numpy().any(-1), 57.0, 0.0)
    midi = core.hz_to_midi(batch['f0_hz']) + 0.5
    outputs = {
        'synth_audio': batch['audio'],
        'midi_audio': batch['audio'] * 0.5,
        'f0_midi_pred': midi[..., tf.newaxis],
        'q_pitch': tf.constant(q_pitch)[..., tf.newaxis],
        'amps': tf.ones([3, N_FRAMES, 1]),
        'amps_pred': tf.ones([3, N_FRAMES, 1]),
        'hd_pred': tf.ones([3, N_FRAMES, 5]),
        'loudness_db_pred': tf.zeros([3, N_FRAMES, 1]),
    }
    batch['loudness_db'] = tf.zeros([3, N_FRAMES])
    evaluator = evaluators.MidiAutoencoderEvaluator(*RATES)
    evaluator.evaluate(batch, outputs, {'total_loss': 1.0})
    evaluator.sample(batch, outputs, 4)
    results = evaluator.flush(4)
    assert results['losses/total_loss'] == 1.0
    assert results['f0/l1_semitones'] == pytest.approx(0.5, abs=1e-3)
    assert results['loudness/l1_db'] == pytest.approx(20 * math.log10(2), abs=0.01)
    # Notes of the data are moved to f0: only the first example sounds at 57.
    assert results['midi/note_recall'] == pytest.approx(1 / 3)
    assert {
        'midi_audio',
        'synth_audio',
        'midiae_f0/1',
        'midiae_loudness/1',
        'midi/q_pitch_1',
        'midiae_controls/amps_1',
        'midiae_controls/hd_3',
    } <= set(writer())


def test_midi_heuristic_evaluator(batch, writer, monkeypatch):
    batch, played = midi_batch(batch)
    del batch['f0_hz']
    asked = {}

    def segment_notes_batch(controls_batch, frame_rate):
        asked.update(controls_batch, frame_rate=frame_rate)
        return [played, played, []]

    heuristics = types.ModuleType('heuristics')
    heuristics.segment_notes_batch = segment_notes_batch
    monkeypatch.setitem(sys.modules, 'ddsp.training.heuristics', heuristics)
    evaluator = evaluators.MidiHeuristicEvaluator(*RATES)
    evaluator.evaluate(batch, {'amps': 1}, {})
    evaluator.sample(batch, {}, 1)
    assert evaluator.flush(1)['midi_heuristic/note_recall'] == pytest.approx(2 / 3)
    assert asked['frame_rate'] == 250 and asked['amps'] == 1
    assert 'pianoroll/heuristic_3' in writer()


def test_stand_in_data():
    provider = Provider()
    (one,) = provider.get_batch(3, repeats=1)
    assert one['audio'].shape == (3, N_FRAMES * HOP)
