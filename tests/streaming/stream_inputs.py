"""Inputs of processors, and the blocks into which tests cut them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

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
harmonic_inputs = {
    'amplitudes': level,
    'harmonic_distribution': noise(BATCH, FRAMES, 8),
    'f0_hz': f0_hz,
}
wavetable_inputs = {
    'amplitudes': level,
    'wavetables': noise(BATCH, FRAMES, 32),
    'f0_hz': f0_hz,
}


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


def assert_alike(played: np.ndarray, whole: np.ndarray, atol: float = 1e-5) -> None:
    played = played[:, : whole.shape[1]]  # Only at the end a crop knows of it.
    assert played.shape == whole.shape
    np.testing.assert_allclose(played, whole, rtol=0.0, atol=atol)
