"""A solo instrument so small that it is trained in no time, as a gin file says it."""

from __future__ import annotations

SECS, RATE, FRAME_RATE = 1, 16000, 250

GIN = """
include 'papers/iclr2020/tiny_instrument.gin'

TFRecordProvider.example_secs = 1
F0LoudnessPreprocessor.time_steps = 250
RnnFcDecoder.rnn_channels = 16
RnnFcDecoder.ch = 16
RnnFcDecoder.output_splits = (
    ('amps', 1),
    ('harmonic_distribution', 20),
    ('noise_magnitudes', 17),
)
Harmonic.n_samples = 16000
FilteredNoise.n_samples = 16000
Reverb.reverb_length = 2000
SpectralLoss.fft_sizes = (1024, 256, 64)
"""
