"""f0, confidence and loudness of chunks, kept on disk until records are written."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import tensorflow as tf

from ddsp import pitch, spectral_ops
from ddsp.training.data_preparation.settings import RATE_16K, Settings
from ddsp.training.data_preparation.splitting import Chunk

# What is heard beside a chunk while it is measured, so that its first and last frames
# are as good as the others.
_MARGIN_SECS = 1.0
N_FEATURES = 3  # f0_hz, f0_confidence, loudness_db


def measure(chunk: Chunk, settings: Settings) -> Chunk:
    """Measures a chunk and writes its features; gives it back with what it summed up.

    Frame f describes the audio around sample `f * hop` of the recording, which is where
    synthesisers place it. There is one frame more than the chunk is long, at its end.
    """
    rate, frame_rate = settings.sample_rate, settings.frame_rate
    estimator = pitch.get_estimator(settings.pitch_method, viterbi=settings.viterbi)
    first = max(chunk.start - round(_MARGIN_SECS * frame_rate), 0)
    first -= first % _frames_of_grid(estimator, frame_rate)
    last = chunk.start + chunk.n_frames + round(_MARGIN_SECS * frame_rate)
    audio = read_audio(settings, chunk.recording, first, last - first)
    inner = slice(chunk.start - first, chunk.start - first + chunk.n_frames + 1)
    f0_hz, f0_confidence = pitch.estimate_f0(
        *_heard_by_estimators(audio, chunk.recording, first, last, settings),
        frame_rate=frame_rate,
        method=estimator,
    )
    loudness_db = spectral_ops.compute_loudness(audio, rate, frame_rate, use_tf=False)
    features = np.stack(
        [f0_hz[inner], f0_confidence[inner], loudness_db[inner]], axis=1
    )
    path = settings.work_path('features', chunk.recording, chunk.start)
    with tf.io.gfile.GFile(path, 'wb') as file:
        file.write(features.astype('<f4').tobytes())
    own = audio[inner.start * settings.hop : (inner.stop - 1) * settings.hop]
    return dataclasses.replace(
        chunk,
        peak=float(np.abs(own).max()),
        energy=float(np.sum(own.astype(np.float64) ** 2)),
    )


def _frames_of_grid(estimator: pitch.PitchEstimator, frame_rate: int) -> int:
    """After how many of our frames one of the estimator's begins with one of ours.

    Where a chunk is heard from such a frame on, the estimator cuts it as it would cut
    the whole recording, and gives the same f0.
    """
    if estimator.sample_rate % frame_rate:
        return 1
    hop = estimator.sample_rate // frame_rate
    return math.lcm(hop, estimator.hop_size) // hop


def _heard_by_estimators(
    audio: np.ndarray, recording: int, first: int, last: int, settings: Settings
) -> tuple[np.ndarray, int]:
    """The 16 kHz audio where its frames are the same ones, or else the audio."""
    if settings.sample_rate == RATE_16K or RATE_16K % settings.frame_rate:
        return audio, settings.sample_rate
    return read_audio_16k(settings, recording, first, last - first), RATE_16K


def read_audio(
    settings: Settings, recording: int, start: int, n_frames: int
) -> np.ndarray:
    """Audio of some frames of a recording, followed by silence where it has ended."""
    path = settings.work_path('audio', recording)
    return read_floats(path, start * settings.hop, n_frames * settings.hop)


def read_audio_16k(
    settings: Settings, recording: int, start: int, n_frames: int
) -> np.ndarray:
    """The same at 16 kHz."""
    kind = 'audio' if settings.sample_rate == RATE_16K else 'audio16k'
    first = settings.frame_to_16k(start)
    count = settings.frame_to_16k(n_frames)
    return read_floats(settings.work_path(kind, recording), first, count)


def read_features(
    settings: Settings, recording: int, chunk_start: int, start: int, n_frames: int
) -> np.ndarray:
    """Features of some frames of a chunk, `[n_frames, 3]`."""
    path = settings.work_path('features', recording, chunk_start)
    offset = (start - chunk_start) * N_FEATURES
    return read_floats(path, offset, n_frames * N_FEATURES).reshape(-1, N_FEATURES)


def read_floats(path: str, start: int, count: int) -> np.ndarray:
    """Some of the numbers in a file, with zeros where it has ended."""
    # Plain files are read much faster than through TensorFlow's file systems.
    remote = '://' in path
    with tf.io.gfile.GFile(path, 'rb') if remote else open(path, 'rb') as file:
        file.seek(4 * start)
        data = file.read(4 * count)
    values = np.frombuffer(data, '<f4').astype(np.float32)
    return np.pad(values, (0, count - len(values)))
