"""Measures transcription on rendered phrases, and prints a table.

    python scripts/measure_transcription.py --out phrases/ --seed 1

Renders phrases of violin, flute, trumpet and cello whose notes are known (see
`render_phrases.py`, which needs fluidsynth and a soundfont), finds their notes by the
hidden Markov model and by rules, and counts those within 50 ms and 50 cents. Parts that
are in the folder already are not rendered again. Constants were chosen on seed 1; other
seeds are held out.
"""

from __future__ import annotations

import argparse
import pathlib

import numpy as np
from render_phrases import INSTRUMENTS, SOUNDFONT, Phrase, make_phrase, play, write_midi

from ddsp import audio_files
from ddsp.training.metrics.notes import EvalCounts, compute_note_metrics
from ddsp.training.transcription import METHODS, read_midi, transcribe

NAMES = ('violin', 'flute', 'trumpet', 'cello')
PART_SECONDS = 30.0


def untied(phrase: Phrase) -> Phrase:
    """Detaches the notes of a phrase that ties a note to itself.

    The end of the first would end the second, after 10 ms.
    """
    ties = phrase.sounding > 1.0 and (np.diff(phrase.pitches) == 0).any()
    return phrase._replace(sounding=0.9) if ties else phrase


def render(
    name: str, seconds: float, out: pathlib.Path, seed: int, soundfont: str
) -> list[pathlib.Path]:
    """Renders phrases of an instrument; gives the sound files, a MIDI file beside."""
    out.mkdir(parents=True, exist_ok=True)
    # Each instrument gets phrases of its own.
    rng = np.random.default_rng([seed, INSTRUMENTS[name].program])
    files = []
    for part in range(max(1, round(seconds / PART_SECONDS))):
        phrases, length = [], 0.0
        while length < min(PART_SECONDS, seconds):
            phrases.append(untied(make_phrase(rng, INSTRUMENTS[name])))
            length += phrases[-1].lengths.sum() + 0.35
        path = out / f'{name}-{seed}-{part:02d}.wav'
        files.append(path)
        if not path.exists():
            write_midi(phrases, INSTRUMENTS[name].program, path.with_suffix('.mid'))
            play(path.with_suffix('.mid'), path, soundfont, 16000)
    return files


def measure(path: pathlib.Path, method: str, notes: str) -> EvalCounts:
    """Counts the notes that are found in a sound file."""
    audio = audio_files.load_audio(path, 16000)
    found = transcribe(audio, 16000, method, notes).notes
    there = [
        n for track in read_midi(path.with_suffix('.mid')).tracks for n in track.notes
    ]
    return compute_note_metrics(there, found)


def main() -> None:
    """Reads the command line, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', type=pathlib.Path, required=True)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument(
        '--seconds', type=float, default=60.0, help='of each instrument'
    )
    parser.add_argument('--method', default='swift-f0', help='pitch estimator')
    parser.add_argument('--soundfont', default=SOUNDFONT)
    flags = parser.parse_args()
    print('| phrases of | notes | notes by | precision | recall | F1 |')
    print('|---|---|---|---|---|---|')
    totals = {notes: EvalCounts() for notes in METHODS}
    for name in NAMES:
        files = render(name, flags.seconds, flags.out, flags.seed, flags.soundfont)
        for notes in METHODS:
            counts = EvalCounts()
            for path in files:
                counts.add(measure(path, flags.method, notes))
            totals[notes].add(counts)
            print(row(name, notes, counts), flush=True)
    for notes, counts in totals.items():
        print(row('all', notes, counts))


def row(name: str, notes: str, counts: EvalCounts) -> str:
    """One line of the table."""
    there = counts.true_positives + counts.false_negatives
    return (
        f'| {name} | {there} | {notes} | {counts.precision:.3f} | '
        f'{counts.recall:.3f} | {counts.f1:.3f} |'
    )


if __name__ == '__main__':
    main()
