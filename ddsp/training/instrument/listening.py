"""What a trained model makes of passages that it was not trained on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ddsp import audio_files, core, spectral_ops
from ddsp.training.data_preparation.statistics import VOICED_CONFIDENCE
from ddsp.training.fit.features import measure_f0, measure_loudness
from ddsp.training.fit.run import impulse_response_of
from ddsp.training.reports.sections import Curves

_MOST_PASSAGES = 3
# Examples that are looked through for passages.
_LOOK_AT = 100
_NOISE_SEED = 0


@dataclasses.dataclass(frozen=True)
class Listening:
    """Passages as they were recorded, and as the model plays them.

    Parameters
    ----------
    originals, resyntheses : of each passage, `[samples]`.
    sample_rate : in Hz.
    curves : of all passages, one after the other.
    controls : of the first passage, by processor and name, `[frames, channels]`.
    impulse_response : `[samples]`, or None for a model without a reverb.
    """

    originals: list[np.ndarray]
    resyntheses: list[np.ndarray]
    sample_rate: int
    curves: Curves
    controls: Mapping[str, Mapping[str, np.ndarray]]
    impulse_response: np.ndarray | None


def listen(model: Any, provider: Any, method: str) -> Listening:
    """Lets a model play a few passages, and measures what it played.

    Parameters
    ----------
    model : an autoencoder with its weights.
    provider : of the held-out examples.
    method : pitch estimator.
    """
    batches = provider.get_batch(1, shuffle=False, repeats=1, drop_remainder=False)
    examples = (
        {name: value[0].numpy() for name, value in batch.items()}
        for batch in batches.take(_LOOK_AT)
    )
    rate, frame_rate = provider.sample_rate, provider.frame_rate
    passages = choose_passages(examples, rate // frame_rate)
    batch = {name: np.stack([p[name] for p in passages]) for name in passages[0]}
    with core.reproducible_noise(_NOISE_SEED):
        outputs = model(batch, training=False)
    audio = np.asarray(model.get_audio_from_outputs(outputs), np.float32)
    length = min(audio.shape[1], batch['audio'].shape[1])
    originals, resyntheses = batch['audio'][:, :length], audio[:, :length]
    return Listening(
        originals=list(originals),
        resyntheses=list(resyntheses),
        sample_rate=rate,
        curves=_curves(batch, originals, resyntheses, rate, frame_rate, method),
        controls=_controls(outputs),
        impulse_response=impulse_response_of(model),
    )


def choose_passages(
    examples: Iterable[Mapping[str, np.ndarray]], hop: int
) -> list[Mapping[str, np.ndarray]]:
    """The first few examples that can be heard and do not overlap.

    Parameters
    ----------
    examples : of a dataset, in its order.
    hop : samples in a frame; examples begin at frames.

    Returns
    -------
    At least one: the first example, where all are silent.
    """
    chosen: list[Mapping[str, np.ndarray]] = []
    first = None
    for example in examples:
        first = example if first is None else first
        audible = np.max(example['loudness_db']) > -spectral_ops.DB_RANGE + 1.0
        others = (other['audio'] for other in chosen)
        if audible and not any(_overlap(x, example['audio'], hop) for x in others):
            chosen.append(example)
        if len(chosen) == _MOST_PASSAGES:
            break
    return chosen or [first]


def save_sounds(out_dir: Path, heard: Listening) -> None:
    """Writes the passages into `samples`, and the room as `impulse_response.wav`."""
    folder = out_dir / 'samples'
    folder.mkdir(exist_ok=True)
    pairs = zip(heard.originals, heard.resyntheses)
    for number, (original, resynthesis) in enumerate(pairs, 1):
        for name, audio in (('original', original), ('resynthesis', resynthesis)):
            path = folder / f'{number}-{name}.wav'
            audio_files.save_audio(path, audio, heard.sample_rate)
    if heard.impulse_response is not None:
        audio_files.save_audio(
            out_dir / 'impulse_response.wav',
            heard.impulse_response,
            heard.sample_rate,
            encoding='float32',
        )


def _overlap(a: np.ndarray, b: np.ndarray, hop: int) -> bool:
    """Whether the beginning of one is somewhere in the other."""
    return _is_within(a[:hop], b, hop) or _is_within(b[:hop], a, hop)


def _is_within(frame: np.ndarray, audio: np.ndarray, hop: int) -> bool:
    frames = audio[: len(audio) // hop * hop].reshape(-1, hop)
    # Silence is everywhere.
    return bool(np.any(frame) and np.any(np.all(frames == frame, axis=1)))


def _curves(
    batch: Mapping[str, np.ndarray],
    originals: np.ndarray,
    resyntheses: np.ndarray,
    rate: int,
    frame_rate: int,
    method: str,
) -> Curves:
    """f0 and loudness of all passages; what was recorded, and what was played."""
    frames = originals.shape[1] // (rate // frame_rate)
    f0_hz, confidence = (batch[key][:, :frames] for key in ('f0_hz', 'f0_confidence'))

    def loudness(sounds: np.ndarray) -> np.ndarray:
        measured = [measure_loudness(x, rate, frame_rate)[:frames] for x in sounds]
        return np.concatenate(measured)

    loudness_db = loudness(originals)
    played = [measure_f0(x, rate, frame_rate, method)[0] for x in resyntheses]
    audible = loudness_db > -spectral_ops.DB_RANGE + 1e-3
    return Curves(
        f0_hz=np.ravel(f0_hz),
        resynthesis_f0_hz=np.concatenate([f0[:frames] for f0 in played]),
        confident=(np.ravel(confidence) >= VOICED_CONFIDENCE) & audible,
        loudness_db=loudness_db,
        resynthesis_loudness_db=loudness(resyntheses),
        frame_rate=frame_rate,
    )


def _controls(outputs: Mapping[str, Any]) -> dict[str, dict[str, np.ndarray]]:
    """Controls of the first passage."""
    return {
        name: {key: np.asarray(value)[0] for key, value in result['controls'].items()}
        for name, result in outputs.items()
        if isinstance(result, Mapping) and 'controls' in result
    }
