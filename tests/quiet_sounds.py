"""Sines, and noise that does not clip."""

import numpy as np

RATE = 16000


def quiet_noise():
    return np.random.default_rng(0).normal(0, 0.1, [2, 3000]).astype(np.float32)


def sine(hz, amplitude=1.0, samples=RATE, rate=RATE):
    return amplitude * np.sin(2 * np.pi * hz * np.arange(samples) / rate)
