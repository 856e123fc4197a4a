"""Every public processor and loss goes through the same checks."""

from __future__ import annotations

import inspect
import pathlib

import keras
import numpy as np
import pytest
from layer_testing import CHECKS, Case, run_layer_test

import ddsp
from ddsp import effects, losses, processors, synths
from ddsp.pitch import crepe_weights

BATCH, FRAMES, SAMPLES, RATE = 2, 5, 320, 16000
AUDIO = (BATCH, SAMPLES)


def noise(*shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    return scale * np.random.default_rng(seed).normal(size=shape)


def positive(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.1, 1.0, size=shape)


def hertz(low: float, high: float, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, size=shape)


audio, other_audio = noise(*AUDIO, scale=0.1), noise(*AUDIO, seed=1, scale=0.1)
f0_hz = hertz(100.0, 900.0, BATCH, FRAMES, 1)
level = noise(BATCH, FRAMES, 1)


def processor_group() -> processors.ProcessorGroup:
    dag = [
        (
            synths.Harmonic(SAMPLES),
            ['amplitudes', 'harmonic_distribution', 'f0_hz'],
        ),
        (synths.FilteredNoise(SAMPLES, seed=1), ['magnitudes']),
        (processors.Add(), ['harmonic/signal', 'filtered_noise/signal']),
        (effects.TrainableReverb(reverb_length=64), ['add/signal']),
    ]
    return processors.ProcessorGroup(dag=dag, name='instrument')


PROCESSORS = {
    'Add': Case(
        processors.Add,
        {'signal_one': audio, 'signal_two': other_audio},
        AUDIO,
        gradients=['signal_one', 'signal_two'],
    ),
    'Mix': Case(
        processors.Mix,
        {'signal_one': audio, 'signal_two': other_audio, 'nn_out_mix_level': level},
        AUDIO,
        gradients=['signal_one', 'signal_two', 'nn_out_mix_level'],
    ),
    'Crop': Case(
        lambda: processors.Crop(20), {'audio': audio}, (BATCH, 300), ['audio']
    ),
    'ProcessorGroup': Case(
        processor_group,
        {
            'amplitudes': level,
            'harmonic_distribution': noise(BATCH, FRAMES, 6),
            'f0_hz': f0_hz,
            'magnitudes': noise(BATCH, FRAMES, 9),
        },
        AUDIO,
        gradients=['amplitudes', 'harmonic_distribution', 'f0_hz', 'magnitudes'],
        takes_dictionary=True,
    ),
    'TensorToAudio': Case(
        synths.TensorToAudio, {'samples': audio[..., None]}, AUDIO, ['samples']
    ),
    'Harmonic': Case(
        lambda: synths.Harmonic(SAMPLES),
        {
            'amplitudes': level,
            'harmonic_distribution': noise(BATCH, FRAMES, 12),
            'f0_hz': f0_hz,
        },
        AUDIO,
        gradients=['amplitudes', 'harmonic_distribution', 'f0_hz'],
    ),
    'Harmonic of any length': Case(
        lambda: synths.Harmonic(None, amp_resample_method='linear'),
        {
            'amplitudes': level,
            'harmonic_distribution': noise(BATCH, FRAMES, 12),
            'f0_hz': f0_hz,
        },
        AUDIO,
        gradients=['amplitudes', 'harmonic_distribution', 'f0_hz'],
    ),
    'FilteredNoise': Case(
        lambda: synths.FilteredNoise(SAMPLES, seed=1),
        {'magnitudes': noise(BATCH, FRAMES, 9)},
        AUDIO,
        gradients=['magnitudes'],
    ),
    'FilteredNoise of any length': Case(
        lambda: synths.FilteredNoise(None, seed=1, crossfade=True),
        {'magnitudes': noise(BATCH, FRAMES, 9)},
        AUDIO,
        gradients=['magnitudes'],
    ),
    'Wavetable': Case(
        lambda: synths.Wavetable(SAMPLES),
        {
            'amplitudes': level,
            'wavetables': noise(BATCH, FRAMES, 32),
            'f0_hz': f0_hz,
        },
        AUDIO,
        gradients=['amplitudes', 'wavetables', 'f0_hz'],
    ),
    'Wavetable of any length': Case(
        lambda: synths.Wavetable(None, scale_fn=None),
        {'amplitudes': level, 'wavetables': noise(BATCH, 32), 'f0_hz': f0_hz},
        AUDIO,
        gradients=['amplitudes', 'wavetables', 'f0_hz'],
    ),
    'Sinusoidal': Case(
        lambda: synths.Sinusoidal(SAMPLES),
        {
            'amplitudes': noise(BATCH, FRAMES, 7),
            'frequencies': noise(BATCH, FRAMES, 7, seed=1),
        },
        AUDIO,
        gradients=['amplitudes', 'frequencies'],
    ),
    'Sinusoidal of any length': Case(
        lambda: synths.Sinusoidal(None, freq_scale_fn=None),
        {
            'amplitudes': noise(BATCH, FRAMES, 7),
            'frequencies': hertz(50.0, 4000.0, BATCH, FRAMES, 7),
        },
        AUDIO,
        gradients=['amplitudes', 'frequencies'],
    ),
    'Reverb': Case(
        effects.Reverb,
        {'audio': audio, 'ir': noise(BATCH, 64, scale=0.1)},
        AUDIO,
        gradients=['audio', 'ir'],
    ),
    'Reverb that learns': Case(
        lambda: effects.Reverb(trainable=True, reverb_length=64),
        {'audio': audio},
        AUDIO,
        gradients=['audio'],
    ),
    'TrainableReverb': Case(
        lambda: effects.TrainableReverb(reverb_length=64),
        {'audio': audio},
        AUDIO,
        gradients=['audio'],
    ),
    'ExpDecayReverb': Case(
        lambda: effects.ExpDecayReverb(reverb_length=64, seed=1),
        {'audio': audio, 'gain': noise(BATCH, 1), 'decay': noise(BATCH, 1)},
        AUDIO,
        gradients=['audio', 'gain', 'decay'],
    ),
    'ExpDecayReverb that learns': Case(
        lambda: effects.ExpDecayReverb(trainable=True, reverb_length=64, seed=1),
        {'audio': audio},
        AUDIO,
        gradients=['audio'],
    ),
    'FilteredNoiseReverb': Case(
        lambda: effects.FilteredNoiseReverb(reverb_length=80, window_size=33, seed=1),
        {'audio': audio, 'magnitudes': noise(BATCH, FRAMES, 9)},
        AUDIO,
        gradients=['audio', 'magnitudes'],
    ),
    'FilteredNoiseReverb that learns': Case(
        lambda: effects.FilteredNoiseReverb(
            trainable=True,
            reverb_length=80,
            window_size=33,
            n_frames=FRAMES,
            n_filter_banks=9,
            seed=1,
        ),
        {'audio': audio},
        AUDIO,
        gradients=['audio'],
    ),
    'FIRFilter': Case(
        lambda: effects.FIRFilter(window_size=33),
        {'audio': audio, 'magnitudes': noise(BATCH, FRAMES, 9)},
        AUDIO,
        gradients=['audio', 'magnitudes'],
    ),
    'ModDelay': Case(
        lambda: effects.ModDelay(center_ms=3.0, depth_ms=1.0),
        {
            'audio': audio,
            'gain': noise(BATCH, SAMPLES, 1),
            'phase': noise(BATCH, SAMPLES, 1, seed=1),
        },
        AUDIO,
        gradients=['audio', 'gain', 'phase'],
    ),
}


def loss_group() -> losses.LossGroup:
    dag = [
        (spectral_loss(), ['audio', 'audio_synth']),
        (losses.ParamLoss(weight=2.0, name='f0_loss'), ['f0_hz', 'f0_hz_target']),
    ]
    return losses.LossGroup(dag, name='losses')


def spectral_loss() -> losses.SpectralLoss:
    return losses.SpectralLoss(
        fft_sizes=(64, 32), logmag_weight=1.0, delta_time_weight=0.5
    )


partials = {
    'amps_a': positive(BATCH, FRAMES, 4),
    'freqs_a': hertz(100.0, 900.0, BATCH, FRAMES, 4),
    'amps_b': positive(BATCH, FRAMES, 6, seed=1),
    'freqs_b': hertz(100.0, 900.0, BATCH, FRAMES, 6, seed=1),
}

LOSSES = {
    'SpectralLoss': Case(
        spectral_loss,
        {'target_audio': audio, 'audio': other_audio},
        (),
        gradients=['audio'],
    ),
    'LossGroup': Case(
        loss_group,
        {
            'audio': audio,
            'audio_synth': other_audio,
            'f0_hz': f0_hz,
            'f0_hz_target': f0_hz[::-1],
        },
        gradients=['audio_synth', 'f0_hz'],
        takes_dictionary=True,
    ),
    'ParamLoss': Case(
        lambda: losses.ParamLoss(name='param_loss', loss_type='L2'),
        {'pred': f0_hz, 'target': f0_hz[::-1], 'weights': positive(BATCH, FRAMES, 1)},
        (),
        gradients=['pred'],
    ),
    'FilteredNoiseConsistencyLoss': Case(
        losses.FilteredNoiseConsistencyLoss,
        {
            'noise_magnitudes': positive(BATCH, FRAMES, 9),
            'noise_magnitudes_target': positive(BATCH, FRAMES, 9, seed=1),
        },
        (),
        gradients=['noise_magnitudes'],
    ),
    'HarmonicConsistencyLoss': Case(
        losses.HarmonicConsistencyLoss,
        {
            'harm_amp': positive(BATCH, FRAMES, 1),
            'harm_amp_target': positive(BATCH, FRAMES, 1, seed=1),
            'harm_dist': positive(BATCH, FRAMES, 8),
            'harm_dist_target': positive(BATCH, FRAMES, 8, seed=1),
            'f0_hz': f0_hz,
            'f0_hz_target': 1.1 * f0_hz,
        },
        (),
        gradients=['harm_amp', 'harm_dist', 'f0_hz'],
    ),
    'WassersteinConsistencyLoss': Case(
        losses.WassersteinConsistencyLoss,
        partials,
        (),
        gradients=['amps_a', 'freqs_a'],
    ),
    'KDEConsistencyLoss': Case(
        losses.KDEConsistencyLoss, partials, (), gradients=['amps_a', 'freqs_a']
    ),
    'TWMLoss': Case(
        losses.TWMLoss,
        {
            'f0_candidates': hertz(100.0, 900.0, BATCH, FRAMES, 3),
            'freqs': hertz(100.0, 4000.0, BATCH, FRAMES, 8),
            'amps': positive(BATCH, FRAMES, 8),
        },
        (),
        gradients=['f0_candidates', 'freqs', 'amps'],
    ),
    'HmmTranscriber': Case(
        losses.HmmTranscriber,
        {'pitch': 60.0 + noise(BATCH, FRAMES, 1), 'amps': positive(BATCH, FRAMES, 1)},
        (),
        gradients=['pitch', 'amps'],
    ),
    'EmbeddingLoss': Case(
        lambda: losses.EmbeddingLoss(
            loss_type='L2', pretrained_model=keras.layers.Rescaling(3.0)
        ),
        {'target_audio': audio, 'audio': other_audio},
        (),
        gradients=['audio'],
    ),
    'PretrainedCREPEEmbeddingLoss': Case(
        losses.PretrainedCREPEEmbeddingLoss,
        {'target_audio': audio, 'audio': other_audio},
        (),
        gradients=['audio'],
    ),
    'PretrainedCREPE': Case(
        losses.PretrainedCREPE, {'audio': audio}, gradients=['audio']
    ),
}
CASES = PROCESSORS | LOSSES


@pytest.fixture(autouse=True)
def untrained_crepe(monkeypatch: pytest.MonkeyPatch) -> None:
    """CREPE with the weights it starts from, where none are installed."""
    monkeypatch.setattr(crepe_weights, 'load_crepe_weights', lambda *_: None)


@pytest.mark.parametrize('check', CHECKS)
@pytest.mark.parametrize('name', CASES)
def test_layer(name: str, check: str, tmp_path: pathlib.Path) -> None:
    CHECKS[check](CASES[name], tmp_path)


@keras.saving.register_keras_serializable('tests')
class Gain(processors.Processor):
    """A processor as a user writes one."""

    def __init__(self, name: str = 'gain', trainable: bool = True, **kwargs):
        super().__init__(name=name, trainable=trainable, **kwargs)

    def build(self, input_shape):
        self.gain = self.add_weight((), 'ones', name='gain')

    def get_controls(self, audio, gain_db):
        return {'audio': audio, 'gain': self.gain * ddsp.core.db_to_amplitude(gain_db)}

    def get_signal(self, audio, gain):
        return audio * gain


def test_a_layer_of_ones_own(tmp_path: pathlib.Path) -> None:
    run_layer_test(
        Gain,
        {'audio': audio, 'gain_db': level[:, :1, 0]},
        tmp_path,
        shape=AUDIO,
        gradients=['audio', 'gain_db'],
    )


@pytest.mark.parametrize('module', ['processors', 'synths', 'effects', 'losses'])
def test_no_layer_is_left_out(module: str) -> None:
    bases = {'Processor', 'Loss'}
    layers = {
        name
        for name, value in inspect.getmembers(getattr(ddsp, module), inspect.isclass)
        if issubclass(value, keras.layers.Layer) and not name.startswith('_')
    }
    tested = {name.split(' ')[0] for name in CASES}
    assert layers - bases <= tested
