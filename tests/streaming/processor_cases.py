"""Every processor, with inputs to play block by block."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from stream_inputs import (
    BATCH,
    FRAMES,
    HOP,
    SAMPLES,
    audio,
    frames_of_noise,
    harmonic_inputs,
    hertz,
    level,
    noise,
    other_audio,
    wavetable_inputs,
)

import ddsp
from ddsp import effects, processors, synths

given_noise = np.random.default_rng(5).uniform(-1.0, 1.0, [BATCH, SAMPLES])
given_noise = given_noise.astype(np.float32)
many_harmonics = harmonic_inputs | {'harmonic_distribution': noise(BATCH, FRAMES, 40)}
sinusoidal_inputs = {
    'amplitudes': noise(BATCH, FRAMES, 5),
    'frequencies': hertz(50.0, 9000.0, BATCH, FRAMES, 5),
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
