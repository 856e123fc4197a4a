"""A voice whose branches are late by numbers of samples that differ."""

from __future__ import annotations

from stream_inputs import SAMPLES, frames_of_noise, harmonic_inputs

from ddsp import effects, processors, synths


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
