"""Distances of features of one example, and the features themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from ddsp import core, spectral_ops

# Frames whose f0 is surer than this are compared.
MIN_F0_CONFIDENCE = 0.85
# Examples whose f0 is further off than this many semitones count as outliers.
OUTLIER_MIDI_THRESH = 12


def squeeze(input_vector: Any) -> np.ndarray:
    """Takes the axes of size 1 from a vector, as in `[1, frames, 1]`.

    Raises
    ------
    ValueError
        When more than one axis is longer than 1.
    """
    vector = np.asarray(input_vector)
    if sum(size != 1 for size in vector.shape) > 1:
        raise ValueError(
            f'squeeze: the shape is {list(vector.shape)}, expected that of one '
            'example, [time] with axes of size 1 around it; loop over the batch.'
        )
    return vector.reshape(-1)


def l1_distance(prediction: Any, ground_truth: Any) -> np.ndarray:
    """Takes the absolute difference of two vectors, frame by frame.

    Parameters
    ----------
    prediction, ground_truth : `[frames]`, with axes of size 1 around it or not. Where
        one has more frames than the other, its end is left out.

    Returns
    -------
    `[frames]`, as many as the shorter has.

    Examples
    --------
    >>> l1_distance([1.0, 5.0, 9.0], [2.0, 3.0]).tolist()
    [1.0, 2.0]
    """
    prediction, ground_truth = squeeze(prediction), squeeze(ground_truth)
    length = min(len(prediction), len(ground_truth))
    return np.abs(prediction[:length] - ground_truth[:length])


def is_outlier(ground_truth_f0_conf: Any) -> bool:
    """Whether no frame of an example is sure enough of its f0 to be compared.

    Parameters
    ----------
    ground_truth_f0_conf : confidence of the recording's f0, `[frames]`, in [0, 1].

    Returns
    -------
    True where no frame has a confidence of 0.85.

    Examples
    --------
    >>> is_outlier([0.2, 0.9]), is_outlier([0.2, 0.3])
    (False, True)
    """
    return bool(np.max(squeeze(ground_truth_f0_conf)) < MIN_F0_CONFIDENCE)


def compute_audio_features(
    audio: Any,
    frame_rate: int = 250,
    sample_rate: int = 16000,
    method: str = 'swift-f0',
) -> dict[str, np.ndarray]:
    """Measures loudness and f0 of one recording.

    Parameters
    ----------
    audio : `[samples]` or `[1, samples]`.
    frame_rate : in frames a second.
    sample_rate : of the audio, in Hz.
    method : name of the pitch estimator, see `ddsp.pitch`.

    Returns
    -------
    `audio` `[samples]`; `loudness_db`, `f0_hz` and `f0_confidence`, each
    `[samples // hop + 1]`: frame f lies around sample `f * hop`.

    Raises
    ------
    ValueError
        For several recordings, or for audio that is empty, NaN or infinite.
    ImportError
        When the package of the estimator is missing.
    """
    audio = squeeze(audio).astype(np.float32)
    f0_hz, f0_confidence = estimate_f0(audio, sample_rate, frame_rate, method)
    loudness_db = spectral_ops.compute_loudness(
        audio, sample_rate, frame_rate, use_tf=False
    )
    return {
        'audio': audio,
        'loudness_db': loudness_db,
        'f0_hz': f0_hz,
        'f0_confidence': f0_confidence,
    }


def estimate_f0(
    audio: np.ndarray, sample_rate: int, frame_rate: int, method: str
) -> tuple[np.ndarray, np.ndarray]:
    """f0 in Hz and its confidence, `[frames]`, at samples 0, hop, 2 hop ..."""
    from ddsp import pitch

    return pitch.estimate_f0(
        audio, sample_rate, frame_rate=frame_rate, method=method, padding='center'
    )


def f0_dist_conf_thresh(
    f0_hz: Any,
    f0_hz_gen: Any,
    f0_confidence: Any,
    f0_confidence_thresh: float = MIN_F0_CONFIDENCE,
) -> float | None:
    """Takes the mean distance of two courses of f0 where the first is sure.

    Parameters
    ----------
    f0_hz : of the recording, `[frames]`, in Hz.
    f0_hz_gen : of the generated audio, `[frames]`, in Hz. Where its length differs, the
        frames that both have are compared.
    f0_confidence : of the recording's f0, `[frames]`, in [0, 1].
    f0_confidence_thresh : frames at least this sure are compared.

    Returns
    -------
    Semitones; `None` where no frame is sure enough.

    Examples
    --------
    >>> round(f0_dist_conf_thresh([220.0, 220.0], [440.0, 9.0], [1.0, 0.2]), 3)
    12.0
    """
    distance = l1_distance(to_midi(f0_hz), to_midi(f0_hz_gen))
    sure = squeeze(f0_confidence)[: len(distance)] >= f0_confidence_thresh
    return float(np.mean(distance[sure])) if sure.any() else None


def to_midi(f0_hz: Any) -> np.ndarray:
    """f0 as MIDI note numbers `[frames]`; silence (0 Hz) is 0."""
    return core.hz_to_midi(squeeze(f0_hz)).numpy()
