"""Makes the recordings on which `ddsp-inv` is fine-tuned.

    python scripts/pitch_recordings.py --out recordings/

Writes phrases of sampled instruments into `recordings/phrases` (see
`render_phrases.py`, which needs fluidsynth and a soundfont), and the first half of the
bundled singing into `recordings/voice`; the second half is for `measure_pitch.py`,
whose phrases are others as well. `docs/how_to/choose_pitch_estimator.md` has the
commands that go on from here.
"""

from __future__ import annotations

import argparse
import pathlib

from render_phrases import INSTRUMENTS, SOUNDFONT, render

from ddsp import audio_files, recordings

RATE = 16000
# The singing up to here is for training, the rest for measuring.
HALF_SECONDS = 4.5


def singing_halves() -> tuple:
    """The bundled singing, to train on and to measure with, two arrays `[samples]`."""
    audio = audio_files.load_audio(recordings.singing_path(), RATE)
    middle = int(HALF_SECONDS * RATE)
    return audio[:middle], audio[middle:]


def make(
    out: pathlib.Path, minutes: float, seed: int, soundfont: str
) -> list[pathlib.Path]:
    """Writes all recordings; gives their paths."""
    files = []
    for number, name in enumerate(INSTRUMENTS):
        files += render(
            name,
            minutes,
            out / 'phrases',
            seed=seed + number,
            soundfont=soundfont,
            sample_rate=RATE,
            swelling=0.5,
        )
    voice = out / 'voice' / 'singing-first-half.wav'
    voice.parent.mkdir(parents=True, exist_ok=True)
    audio_files.save_audio(voice, singing_halves()[0], RATE)
    return [*files, voice]


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', type=pathlib.Path, required=True)
    parser.add_argument('--minutes', type=float, default=2.0, help='of each instrument')
    parser.add_argument('--seed', type=int, default=100)
    parser.add_argument('--soundfont', default=SOUNDFONT)
    flags = parser.parse_args()
    files = make(flags.out, flags.minutes, flags.seed, flags.soundfont)
    print(f'{len(files)} files in {flags.out}')


if __name__ == '__main__':
    main()
