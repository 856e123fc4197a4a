"""Renders phrases of a sampled instrument, to train on.

    python scripts/render_phrases.py --instrument violin --minutes 10 --out violin/

Writes MIDI files of scales, arpeggios and melodies, with dynamics from soft to loud,
legato and staccato, vibrato and pitch bends, and, with `--swells`, notes that grow and
fade while they sound, and has fluidsynth play them on a General
MIDI soundfont: one WAV file, mono, 16 kHz, and one MIDI file for each part of about 30
seconds. The same seed gives the same files. Needs `fluidsynth` and a soundfont, such as
Debian's `fluid-soundfont-gm` (FluidR3, MIT licence), and the packages pretty_midi,
soundfile and soxr.
"""

from __future__ import annotations

import argparse
import pathlib
import subprocess
import tempfile
from typing import NamedTuple

import numpy as np

SOUNDFONT = '/usr/share/sounds/sf2/FluidR3_GM.sf2'
PART_SECONDS = 30.0
# Semitones that the widest bend reaches, as General MIDI has it without being told.
BEND_RANGE = 2.0
BEND_STEP_SECONDS = 0.01
# A General MIDI synthesizer plays 40 log10(127 / expression) dB below full level.
EXPRESSION, FULL_EXPRESSION, SOFTEST_EXPRESSION = 11, 127, 36
SWELL_STEP_SECONDS = 0.02
MODES = {'major': (0, 2, 4, 5, 7, 9, 11), 'minor': (0, 2, 3, 5, 7, 8, 10)}


class Instrument(NamedTuple):
    """A General MIDI program (from 0) and the notes it is played in."""

    program: int
    lowest: int
    highest: int


INSTRUMENTS = {
    'violin': Instrument(40, 55, 93),
    'cello': Instrument(42, 36, 72),
    'trumpet': Instrument(56, 55, 82),
    'bassoon': Instrument(70, 34, 67),
    'flute': Instrument(73, 60, 93),
}


class Phrase(NamedTuple):
    """Notes one after the other, and how they are played.

    Attributes
    ----------
    pitches : MIDI note numbers.
    lengths : seconds from each note to the next.
    sounding : the part of that length for which it sounds; above 1 ties notes.
    velocities : 1 .. 127.
    vibrato : depth in semitones and rate in Hz.
    slides : whether the pitch glides into each note.
    swells : seconds from one turn of the expression to the next; 0 for none, and the
        seed of where they lead.
    """

    pitches: np.ndarray
    lengths: np.ndarray
    sounding: float
    velocities: np.ndarray
    vibrato: tuple[float, float]
    slides: bool
    swells: tuple[float, int] = (0.0, 0)


def make_phrase(
    rng: np.random.Generator, instrument: Instrument, swelling: float = 0.0
) -> Phrase:
    """Makes up a phrase of 4 to 16 notes, which swells with this probability."""
    n = int(rng.integers(4, 17))
    scale = np.array(MODES[str(rng.choice(list(MODES)))])
    steps = _degrees(rng, n)
    root = int(rng.integers(instrument.lowest, instrument.highest - 12))
    pitches = root + 12 * (steps // 7) + scale[steps % 7]
    span = instrument.highest - instrument.lowest
    pitches = instrument.lowest + np.abs(
        (pitches - instrument.lowest + span) % (2 * span) - span
    )
    beat = rng.uniform(0.12, 0.6)
    lengths = beat * rng.choice([1.0, 1.0, 2.0, 3.0], size=n)
    lengths[-1] = max(lengths[-1], rng.uniform(0.8, 2.0))
    loudness = rng.uniform(30, 120, size=2)
    velocities = np.linspace(*loudness, n) + rng.normal(0.0, 6.0, n)
    phrase = Phrase(
        pitches=pitches,
        lengths=lengths,
        sounding=float(rng.choice([0.45, 0.9, 1.02])),
        velocities=np.clip(np.round(velocities), 20, 127).astype(int),
        vibrato=(float(rng.choice([0.0, 0.15, 0.35])), rng.uniform(4.5, 6.5)),
        slides=bool(rng.random() < 0.2),
    )
    # Nothing is drawn where there are none: phrases stay those of the seed.
    if swelling and rng.random() < swelling:
        swells = float(rng.uniform(0.25, 1.5)), int(rng.integers(1 << 31))
        phrase = phrase._replace(swells=swells)
    return phrase


def _degrees(rng: np.random.Generator, n: int) -> np.ndarray:
    """Steps of the scale: up and down it, in thirds, or wandering."""
    kind = rng.choice(['scale', 'arpeggio', 'melody'])
    if kind == 'melody':
        return np.clip(np.cumsum(rng.integers(-3, 4, size=n)), -7, 14)
    step = 1 if kind == 'scale' else 2
    turn = int(rng.integers(4, 9))
    up = np.arange(n) % (2 * turn)
    return step * np.minimum(up, 2 * turn - up) * int(rng.choice([-1, 1]))


def write_midi(phrases: list[Phrase], program: int, path: pathlib.Path) -> float:
    """Writes phrases one after the other; gives the length in seconds."""
    import pretty_midi

    midi = pretty_midi.PrettyMIDI(initial_tempo=120, resolution=960)
    player = pretty_midi.Instrument(program=program)
    now = 0.2
    for phrase in phrases:
        player.control_changes += _expression(phrase, now)
        for i, (pitch, length) in enumerate(zip(phrase.pitches, phrase.lengths)):
            end = now + length * phrase.sounding
            velocity, number = int(phrase.velocities[i]), int(pitch)
            player.notes.append(pretty_midi.Note(velocity, number, now, end))
            player.pitch_bends += _bends(phrase, now, length)
            now += length
        now += 0.35
    midi.instruments.append(player)
    midi.write(str(path))
    return now + 1.0


def _bends(phrase: Phrase, start: float, length: float) -> list:
    """The pitch wheel during a note: a glide into it, then vibrato."""
    import pretty_midi

    depth, rate = phrase.vibrato
    if not depth and not phrase.slides:
        return [pretty_midi.PitchBend(0, start)]
    time = np.arange(0.0, length, BEND_STEP_SECONDS)
    # Vibrato sets in after the note has, as players do it.
    onset = np.clip((time - 0.15) / 0.25, 0.0, 1.0)
    semitones = depth * onset * np.sin(2.0 * np.pi * rate * time)
    if phrase.slides:
        semitones -= np.exp(-time / 0.03)
    bends = np.round(8191 * semitones / BEND_RANGE).astype(int)
    return [pretty_midi.PitchBend(int(b), start + t) for b, t in zip(bends, time)]


def _expression(phrase: Phrase, start: float) -> list:
    """The expression controller during a phrase: full, or going up and down."""
    import pretty_midi

    turn_seconds, seed = phrase.swells
    times, values = np.zeros(1), np.full(1, FULL_EXPRESSION)
    if turn_seconds:
        # Notes are held and fade beyond the end of the last length.
        times = np.arange(0.0, phrase.lengths.sum() + 0.2, SWELL_STEP_SECONDS)
        n_turns = int(times[-1] / turn_seconds) + 2
        # Even in decibels, which go with the logarithm of the expression.
        turns = np.random.default_rng(seed).uniform(
            np.log(SOFTEST_EXPRESSION), np.log(FULL_EXPRESSION), n_turns
        )
        # Half a cosine from turn to turn: no corners.
        where = times / turn_seconds
        mix = 0.5 - 0.5 * np.cos(np.pi * (where % 1.0))
        low, high = turns[where.astype(int)], turns[where.astype(int) + 1]
        values = np.round(np.exp(low + mix * (high - low))).astype(int)
    return [
        pretty_midi.ControlChange(EXPRESSION, int(value), start + time)
        for time, value in zip(times, values)
    ]


def play(
    midi_path: pathlib.Path, wav_path: pathlib.Path, soundfont: str, sample_rate: int
) -> None:
    """Has fluidsynth play a MIDI file, dry, into a mono file of this rate."""
    import soundfile
    import soxr

    with tempfile.TemporaryDirectory() as folder:
        stereo = pathlib.Path(folder, 'stereo.wav')
        command = ['fluidsynth', '-ni', '-q', '-R', '0', '-C', '0', '-g', '2.0']
        command += ['-r', '48000', '-F', str(stereo), soundfont, str(midi_path)]
        subprocess.run(command, check=True, capture_output=True)
        audio, rate = soundfile.read(stereo, dtype='float32', always_2d=True)
    audio = soxr.resample(audio.mean(axis=1), rate, sample_rate)
    soundfile.write(wav_path, audio, sample_rate, subtype='PCM_16')


def render(
    name: str,
    minutes: float,
    out: pathlib.Path,
    seed: int = 0,
    soundfont: str = SOUNDFONT,
    sample_rate: int = 16000,
    swelling: float = 0.0,
) -> list[pathlib.Path]:
    """Renders about as many minutes as asked for; gives the sound files."""
    instrument = INSTRUMENTS[name]
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    files, left = [], 60.0 * minutes
    while left > 0.0:
        phrases, length = [], 0.0
        while length < min(PART_SECONDS, left):
            phrases.append(make_phrase(rng, instrument, swelling))
            length += phrases[-1].lengths.sum() + 0.35
        stem = out / f'{name}-{len(files):03d}'
        left -= write_midi(phrases, instrument.program, stem.with_suffix('.mid'))
        files.append(stem.with_suffix('.wav'))
        play(stem.with_suffix('.mid'), files[-1], soundfont, sample_rate)
    return files


def main() -> None:
    """Reads the command line and renders."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--instrument', choices=list(INSTRUMENTS), default='violin')
    parser.add_argument('--minutes', type=float, default=10.0)
    parser.add_argument('--out', type=pathlib.Path, required=True)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--soundfont', default=SOUNDFONT)
    parser.add_argument('--sample_rate', type=int, default=16000)
    parser.add_argument('--swells', type=float, default=0.0, help='part of the phrases')
    flags = parser.parse_args()
    files = render(
        flags.instrument,
        flags.minutes,
        flags.out,
        flags.seed,
        flags.soundfont,
        flags.sample_rate,
        flags.swells,
    )
    print(f'{len(files)} files in {flags.out}')


if __name__ == '__main__':
    main()
