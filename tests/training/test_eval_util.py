from __future__ import annotations

import json
import math
import os

import gin
import numpy as np
import pytest
from eval_stand_ins import (
    HOP,
    N_FRAMES,
    GainModel,
    Provider,
    read_summaries,
    write_checkpoint,
)

from ddsp import core, losses, processors, synths
from ddsp.training import (
    checkpoints,
    decoders,
    eval_util,
    models,
    preprocessing,
)
from ddsp.training.evaluators import BaseEvaluator, BasicEvaluator, F0LdEvaluator


@pytest.fixture
def asleep(monkeypatch):
    """Does what it is told instead of sleeping; and remembers for how long."""
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        if slept.jobs:
            slept.jobs.pop(0)()
        elif len(slept) > 20:
            raise TimeoutError

    class Slept(list):
        jobs: list = []

    slept = Slept()
    slept.jobs = []
    monkeypatch.setattr(eval_util.time, 'sleep', sleep)
    return slept


class Counts(BaseEvaluator):
    """Says how often it was asked for what."""

    def __init__(self, sample_rate, frame_rate):
        super().__init__(sample_rate, frame_rate)
        self.calls = []
        type(self).last = self

    def evaluate(self, batch, outputs, losses):
        self.calls.append(('evaluate', len(batch['audio'])))

    def sample(self, batch, outputs, step):
        self.calls.append(('sample', step))

    def flush(self, step):
        return {'calls': float(len(self.calls)), 'nothing': math.nan}


def metrics_of(save_dir):
    with open(os.path.join(save_dir, 'metrics.json')) as file:
        return json.load(file)


def test_evaluate_once(tmp_path, capsys):
    write_checkpoint(tmp_path, 5, 1.0)
    write_checkpoint(tmp_path, 30, 0.5)
    model, provider = GainModel(), Provider()
    results = eval_util.evaluate(
        provider,
        model,
        [BasicEvaluator],
        str(tmp_path),
        run_once=True,
        batch_size=2,
        repeats=1,
    )
    assert model.restored == ['ckpt-30']
    assert (provider.asked.shuffle, provider.asked.repeats) == (False, 1)
    # Half the level: the difference is half the audio.
    audio = provider.features['audio']
    loss = (abs(audio[:2]).mean() * 2 + abs(audio[2:]).mean()) / 3 / 2
    assert results['losses/total_loss'] == pytest.approx(loss, rel=1e-4)
    silence = float(losses.SpectralLoss()(audio, 0 * audio))
    assert results['spectral/mag'] == pytest.approx(silence / 2, rel=1e-4)
    report = metrics_of(tmp_path)
    assert report.pop('metrics') == pytest.approx(results)
    assert report == {
        'step': 30,
        'checkpoint': 'ckpt-30',
        'batches': 2,
        'examples': 3,
    }
    written = read_summaries(tmp_path / 'summaries' / 'eval')
    ((step, value),) = written['losses/total_loss']
    assert step == 30 and value == pytest.approx(loss, rel=1e-4)
    assert 'step 30: losses/total_loss' in capsys.readouterr().out


def test_batches_are_played_by_one_graph(tmp_path):
    write_checkpoint(tmp_path, 1, 1.0)
    model = GainModel()
    eval_util.evaluate(
        Provider(),
        model,
        [Counts],
        str(tmp_path),
        run_once=True,
        batch_size=1,
        num_batches=9,
    )
    assert Counts.last.calls == [('evaluate', 1)] * 9
    # Once to make the weights, once to trace.
    assert model.traced <= 3
    assert metrics_of(tmp_path)['metrics'] == {'calls': 9.0, 'nothing': None}


def test_sample_writes_every_batch_and_no_metrics(tmp_path):
    write_checkpoint(tmp_path, 3, 1.0)
    results = eval_util.sample(
        Provider(),
        GainModel(),
        [BasicEvaluator, Counts],
        str(tmp_path),
        run_once=True,
        batch_size=2,
        num_batches=2,
    )
    assert results == {}
    assert Counts.last.calls == [('sample', 3)] * 2
    assert not (tmp_path / 'metrics.json').exists()
    written = read_summaries(tmp_path / 'summaries' / 'sample')
    for tag in ('audio_original', 'audio_generated', 'spectrogram/2', 'waveform/1'):
        assert len(written[tag]) == 1
        assert len(written[f'batch_2/{tag}']) == 1


def test_evaluate_and_sample_shows_the_first_batch(tmp_path):
    write_checkpoint(tmp_path, 3, 1.0)
    eval_util.evaluate(
        Provider(),
        GainModel(),
        [Counts],
        str(tmp_path),
        run_once=True,
        batch_size=3,
        num_batches=2,
        evaluate_and_sample=True,
    )
    assert Counts.last.calls == [('evaluate', 3), ('sample', 3), ('evaluate', 3)]


def test_waits_for_newer_checkpoints(tmp_path, asleep, capsys):
    asleep.jobs += [
        lambda: write_checkpoint(tmp_path, 10, 0.5),
        lambda: None,  # After ckpt-10, for as long as ckpt_delay_secs.
        lambda: None,  # Nothing new yet.
        lambda: write_checkpoint(tmp_path, 20, 0.25),
    ]
    model = GainModel()
    eval_util.evaluate(
        Provider(),
        model,
        [BasicEvaluator],
        str(tmp_path),
        run_until_step=20,
        num_batches=1,
        ckpt_delay_secs=100,
    )
    assert model.restored == ['ckpt-10', 'ckpt-20']
    assert len(asleep) == 4 and 90 < asleep[1] <= 100
    said = capsys.readouterr().err
    assert f'waiting for a checkpoint in {tmp_path}\n' in said
    assert f'waiting for a checkpoint in {tmp_path} newer than ckpt-10\n' in said
    assert metrics_of(tmp_path)['step'] == 20


def test_a_checkpoint_that_vanished_is_passed_over(tmp_path, asleep, capsys):
    class Fails(GainModel):
        def restore(self, checkpoint_path, **kwargs):
            if checkpoint_path.endswith('-10'):
                raise OSError('gone')
            super().restore(checkpoint_path, **kwargs)

    write_checkpoint(tmp_path, 10, 0.5)
    asleep.jobs += [lambda: write_checkpoint(tmp_path, 20, 0.25)]
    eval_util.evaluate(
        Provider(), Fails(), [Counts], str(tmp_path), run_until_step=20, num_batches=1
    )
    assert metrics_of(tmp_path)['step'] == 20
    assert 'ckpt-10 cannot be read (gone)' in capsys.readouterr().err
    write_checkpoint(tmp_path / 'one', 10, 0.5)
    with pytest.raises(OSError, match='gone'):
        eval_util.evaluate(
            Provider(), Fails(), [Counts], str(tmp_path / 'one'), run_once=True
        )


@pytest.mark.parametrize('ending', ['', '.index', '.data-00000-of-00001'])
def test_one_checkpoint_elsewhere(tmp_path, asleep, ending):
    path = write_checkpoint(tmp_path / 'trained', 7, 0.5)
    write_checkpoint(tmp_path / 'trained', 8, 0.5)
    model = GainModel()
    eval_util.evaluate(
        Provider(),
        model,
        [Counts],
        str(tmp_path / 'out'),
        f'{path}{ending}',
        num_batches=1,
    )
    assert model.restored == ['ckpt-7']
    assert metrics_of(tmp_path / 'out')['step'] == 7


def test_nothing_to_evaluate(tmp_path):
    model = GainModel()
    with pytest.raises(FileNotFoundError, match='no checkpoint'):
        eval_util.evaluate(Provider(), model, [Counts], str(tmp_path), run_once=True)
    write_checkpoint(tmp_path, 7, 0.5)
    with pytest.raises(ValueError, match='gave no batch'):
        eval_util.evaluate(
            Provider(), model, [Counts], str(tmp_path), run_once=True, repeats=0
        )
    with pytest.raises(ValueError, match='num_batches is 0'):
        eval_util.evaluate(Provider(), model, [Counts], str(tmp_path), num_batches=0)
    (tmp_path / 'file').touch()
    with pytest.raises(OSError, match=r'save_dir .*file/run cannot be made'):
        eval_util.evaluate(
            Provider(), model, [Counts], str(tmp_path / 'file' / 'run'), str(tmp_path)
        )
    with pytest.raises(ValueError, match="mode is 'train'"):
        eval_util.evaluate_or_sample(Provider(), model, [], mode='train')


def test_gin_chooses_evaluators(tmp_path):
    write_checkpoint(tmp_path, 7, 0.5)
    gin.parse_config(
        """
        eval_util.evaluate.evaluator_classes = [
            @evaluators.BasicEvaluator,
            @evaluators.F0LdEvaluator,
        ]
        eval_util.evaluate.num_batches = 1
        F0LdEvaluator.f0_method = 'pyin'
        """
    )
    results = eval_util.evaluate(
        Provider(), GainModel(), save_dir=str(tmp_path), run_once=True, batch_size=3
    )
    assert results['loudness/l1_db'] == pytest.approx(20 * math.log10(2), abs=0.01)
    assert results['f0_crepe/outlier_ratio'] == 0
    assert results['f0_crepe/l1_semitones'] < 0.3


def test_evaluations_hear_the_same_noise(tmp_path):
    class Noisy(GainModel):
        def call(self, batch, training=False):
            outputs = super().call(batch)
            noise = core.uniform_noise(outputs['audio_synth'].shape)
            return {**outputs, 'audio_synth': outputs['audio_synth'] + noise}

    write_checkpoint(tmp_path, 3, 1.0)
    first, second = (
        eval_util.evaluate(
            Provider(),
            Noisy(),
            [BasicEvaluator],
            str(tmp_path),
            run_once=True,
            num_batches=1,
            batch_size=3,
        )
        for _ in range(2)
    )
    assert first['losses/total_loss'] > 0.1
    assert first == second


def test_data_in_tuples(tmp_path):
    class Zipped(Provider):
        def get_batch(self, *args, **kwargs):
            dataset = super().get_batch(*args, **kwargs)
            return dataset.map(lambda batch: (batch, batch['f0_hz']))

    class Unzips(GainModel):
        def __call__(self, batches, **kwargs):
            return super().__call__(batches[0], **kwargs)

    write_checkpoint(tmp_path, 3, 1.0)
    results = eval_util.evaluate(
        Zipped(),
        Unzips(),
        [BasicEvaluator],
        str(tmp_path),
        run_once=True,
        num_batches=1,
        batch_size=3,
    )
    assert results['losses/total_loss'] == 0


def autoencoder():
    return models.Autoencoder(
        preprocessor=preprocessing.F0LoudnessPreprocessor(time_steps=N_FRAMES),
        decoder=decoders.RnnFcDecoder(
            rnn_channels=8,
            ch=8,
            layers_per_stack=1,
            input_keys=('ld_scaled', 'f0_scaled'),
            output_splits=(('amps', 1), ('harmonic_distribution', 10)),
        ),
        processor_group=processors.ProcessorGroup(
            [
                (
                    synths.Harmonic(n_samples=N_FRAMES * HOP),
                    ['amps', 'harmonic_distribution', 'f0_hz'],
                )
            ]
        ),
        losses=[losses.SpectralLoss(logmag_weight=1.0)],
    )


def test_autoencoder_of_this_library(tmp_path):
    provider = Provider()
    provider.features['loudness_db'] = np.full([3, N_FRAMES], -30.0, np.float32)
    trained = autoencoder()
    _, expected = trained(provider.features, training=False, return_losses=True)
    checkpoints.save(str(tmp_path / 'ckpt-12'), trained)
    results = eval_util.evaluate(
        provider,
        autoencoder(),
        [BasicEvaluator, F0LdEvaluator],
        str(tmp_path),
        batch_size=3,
        num_batches=2,
        run_once=True,
        evaluate_and_sample=True,
    )
    # The weights are those of the checkpoint, or the losses would differ.
    for name in ('total_loss', 'spectral_loss'):
        found = results[f'losses/{name}']
        assert found == pytest.approx(float(expected[name]), rel=1e-4)
    assert results['spectral/total'] == pytest.approx(
        results['losses/spectral_loss'], rel=1e-4
    )
    # A harmonic synthesiser plays the f0 that it is told, trained or not.
    assert results['f0_crepe/l1_semitones'] < 0.1
    assert results['f0_crepe/raw_pitch_accuracy'] > 0.95
    assert metrics_of(tmp_path)['step'] == 12
