"""Where what a trained model gets wrong comes from: silence, single frames, the room.

python -m benchmarks.trained_model RUN_DIR 'data/violin-eval*'

For a model with a `reverb`, on records of `ddsp_prepare_tfrecord`: its loudness and f0
beside those of the records, after the reverb and before it.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

RATE_HZ, FRAME_RATE_HZ = 16000, 250
QUIET_DB = -70.0
# Half a semitone: next to it lie other notes, and octaves.
WRONG_SEMITONES = 0.5


def main() -> None:
    """Plays the records, and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('run_dir')
    parser.add_argument('records')
    flags = parser.parse_args()
    loudness_db: list[np.ndarray] = []
    semitones: dict[str, list[np.ndarray]] = {'with reverb': [], 'without': []}
    for example, outputs in played(flags.run_dir, flags.records):
        wet = outputs['audio_synth'][0].numpy()
        dry = outputs['reverb']['controls']['audio'][0].numpy()
        loudness_db.append(np.stack([loudness(example['audio'][0]), loudness(wet)]))
        for where, audio in zip(semitones, (wet, dry)):
            semitones[where].append(f0_distance(example, audio))
    print_loudness(*np.concatenate(loudness_db, axis=1))
    print_f0({where: np.concatenate(found) for where, found in semitones.items()})


def played(run_dir: str, records: str) -> Any:
    """Examples, one by one, with the outputs of the model for them."""
    from ddsp.training import data, models
    from ddsp.training.inference.configuration import parse_operative_config

    parse_operative_config(run_dir)
    model = models.get_model()
    model.restore(run_dir)
    provider = data.TFRecordProvider(records)
    for example in provider.get_batch(1, shuffle=False, repeats=1):
        yield example, model(example, training=False)


def loudness(audio: Any) -> np.ndarray:
    """Loudness of each frame, in dB."""
    from ddsp import spectral_ops

    return spectral_ops.compute_loudness(audio, RATE_HZ, FRAME_RATE_HZ).numpy()


def f0_distance(example: Any, audio: np.ndarray) -> np.ndarray:
    """How far f0 is off in semitones, in frames where that of the record is sure."""
    from ddsp import core, pitch

    f0_hz, _ = pitch.estimate_f0(audio, RATE_HZ, FRAME_RATE_HZ)
    wanted = example['f0_hz'][0].numpy()
    distance = core.hz_to_midi(f0_hz[: len(wanted)]) - core.hz_to_midi(wanted)
    return np.abs(distance)[example['f0_confidence'][0].numpy() >= 0.85]


def print_loudness(recorded: np.ndarray, generated: np.ndarray) -> None:
    """The mean distance, and which frames it comes from."""
    distance = np.abs(recorded - generated)
    quiet = recorded < QUIET_DB
    print(
        f'loudness L1 {distance.mean():.2f} dB, median {np.median(distance):.2f} dB; '
        f'{distance[quiet].sum() / distance.sum():.0%} of it in the {quiet.mean():.0%} '
        f'of frames below {QUIET_DB:.0f} dB, {distance[~quiet].mean():.2f} dB elsewhere'
    )


def print_f0(semitones: dict[str, np.ndarray]) -> None:
    """The mean distance, and how much of it comes from a few frames."""
    print('| f0 of the sound | L1 | median | frames off by half a semitone |')
    print('|---|---|---|---|')
    for where, distance in semitones.items():
        wrong = (distance > WRONG_SEMITONES).mean()
        print(
            f'| {where} | {distance.mean():.3f} | {np.median(distance):.3f} | '
            f'{wrong:.2%} |'
        )


if __name__ == '__main__':
    main()
