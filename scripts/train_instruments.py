"""Makes the instruments that come with the library, from nothing to INSTRUMENTS.md.

    python scripts/train_instruments.py

For each instrument, phrases are rendered (`render_phrases.py`), `ddsp train` learns
from them, the result is packed into `ddsp/training/instruments/NAME` and measured on
phrases that it has not heard and by playing the bundled singing. Then INSTRUMENTS.md is
written from what was measured. What is there already is kept, so an interrupted run
goes on where it was. On two processor cores 4000 steps of an instrument take half an
hour. TensorFlow trains on a GPU where it finds one; there is time for more then:

    python scripts/train_instruments.py --steps 30000 --batch_size 16

Needs what `render_phrases.py` needs, and `pip install 'ddsp[train]'`.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

from render_phrases import INSTRUMENTS, render

ROOT = pathlib.Path(__file__).resolve().parents[1]
STAGES = ('render', 'train', 'pack', 'measure', 'page')
LICENCE = 'MIT'
# Says, beside rendered sounds, how they were rendered; written last.
_RENDERED = 'phrases.json'


class Recipe(NamedTuple):
    """How an instrument is made.

    Attributes
    ----------
    minutes : of phrases to train on.
    swells : part of the phrases that grow and fade while they sound.
    phrases_seed, held_out_seed : of the phrases to train on, and to measure on.
    held_out_minutes : of phrases to measure on.
    model, steps, batch_size, seed : of training, in which the learning rate falls to a
        tenth.
    """

    minutes: float = 20.0
    swells: float = 0.5
    phrases_seed: int = 1
    held_out_minutes: float = 2.0
    held_out_seed: int = 1001
    model: str = 'small_instrument'
    steps: int = 4000
    batch_size: int = 8
    seed: int = 0

    @property
    def gin_params(self) -> tuple[str, ...]:
        """What is configured besides the model."""
        return (
            f'trainers.Trainer.lr_decay_steps = {self.steps}',
            'trainers.Trainer.lr_decay_rate = 0.1',
        )


class Places(NamedTuple):
    """Where things go.

    Attributes
    ----------
    work : rendered sounds and runs, which take a gigabyte an instrument.
    instruments : the packed ones.
    page : what was measured of them all.
    """

    work: pathlib.Path = ROOT / 'build' / 'instruments'
    instruments: pathlib.Path = ROOT / 'ddsp' / 'training' / 'instruments'
    page: pathlib.Path = ROOT / 'INSTRUMENTS.md'


def render_once(
    name: str, minutes: float, seed: int, swells: float, out_dir: pathlib.Path
) -> None:
    """Renders phrases, unless just these are there."""
    asked = {'instrument': name, 'minutes': minutes, 'seed': seed, 'swells': swells}
    note = out_dir / _RENDERED
    if note.exists() and json.loads(note.read_text('utf-8')) == asked:
        print(f'{out_dir} is rendered already')
        return
    shutil.rmtree(out_dir, ignore_errors=True)
    files = render(name, minutes, out_dir, seed, swelling=swells)
    note.write_text(json.dumps(asked) + '\n', 'utf-8')
    print(f'{len(files)} files in {out_dir}')


def render_all(name: str, recipe: Recipe, places: Places) -> None:
    """Renders what to train on."""
    out_dir = places.work / 'sounds' / name
    render_once(name, recipe.minutes, recipe.phrases_seed, recipe.swells, out_dir)


def training_command(name: str, recipe: Recipe, places: Places) -> list[str]:
    """The command line of the training."""
    command = [sys.executable, '-m', 'ddsp_command', 'train']
    command += [str(places.work / 'sounds' / name)]
    command += ['--out', str(places.work / 'runs' / name), '--model', recipe.model]
    command += ['--steps', str(recipe.steps), '--batch_size', str(recipe.batch_size)]
    command += ['--seed', str(recipe.seed)]
    for param in recipe.gin_params:
        command += ['--gin_param', param]
    return command


def train(name: str, recipe: Recipe, places: Places) -> None:
    """Has `ddsp train` learn the instrument, or go on, if there is more to learn."""
    result = places.work / 'runs' / name / 'metrics.json'
    if result.exists():
        step = json.loads(result.read_text('utf-8'))['step']
        if step >= recipe.steps:
            print(f'{result.parent} is trained to step {step} already')
            return
    subprocess.run(training_command(name, recipe, places), check=True)


def pack(name: str, recipe: Recipe, places: Places) -> None:
    """Packs the run."""
    import pack_instrument

    asked = INSTRUMENTS[name]
    directory = pack_instrument.pack(
        places.work / 'runs' / name,
        places.instruments / name,
        {
            'name': name,
            'title': name.capitalize(),
            'lowest': float(asked.lowest),
            'highest': float(asked.highest),
            'source': 'generated phrases, played by fluidsynth on the FluidR3 GM '
            f'soundfont (program {asked.program})',
            'licence': f'{LICENCE} (the soundfont; see NOTICE.md)',
            'phrases_seed': recipe.phrases_seed,
            'minutes': recipe.minutes,
            'swells': recipe.swells,
        },
    )
    print(f'{directory}: {pack_instrument.check(directory):.2f} MB')


def measure(name: str, recipe: Recipe, places: Places) -> None:
    """Measures the packed instrument, and writes that into its description."""
    from measure_instrument import measure_held_out
    from measure_transfer import measure_transfer
    from pack_instrument import DESCRIPTION, write_json

    sounds = places.work / 'held_out' / name
    render_once(
        name, recipe.held_out_minutes, recipe.held_out_seed, recipe.swells, sounds
    )
    directory = places.instruments / name
    held_out = measure_held_out(directory, sounds)
    metrics = {
        'held_out': {'phrases_seed': recipe.held_out_seed, **held_out},
        'transfer': measure_transfer(directory),
    }
    path = directory / DESCRIPTION
    write_json(path, {**json.loads(path.read_text('utf-8')), 'metrics': metrics})
    print(f'{name}: {json.dumps(metrics)}')


def write_page(places: Places) -> None:
    """Writes INSTRUMENTS.md from the descriptions of all packed instruments."""
    from instruments_page import page

    places.page.write_text(page(places.instruments), 'utf-8')
    print(f'{places.page} is written')


_OF_EACH = {'render': render_all, 'train': train, 'pack': pack, 'measure': measure}


def make(
    names: Sequence[str], recipe: Recipe, places: Places, stages: Sequence[str] = STAGES
) -> None:
    """Goes through the stages, instrument by instrument."""
    for name in names:
        for stage in STAGES:
            if stage in stages and stage in _OF_EACH:
                print(f'{name}: {stage}', flush=True)
                _OF_EACH[stage](name, recipe, places)
    if 'page' in stages:
        write_page(places)


def main() -> None:
    """Reads the command line and makes what it names."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    default, places = Recipe(), Places()
    parser.add_argument(
        '--instruments', nargs='+', choices=list(INSTRUMENTS), default=[*INSTRUMENTS]
    )
    parser.add_argument('--steps', type=int, default=default.steps)
    parser.add_argument('--batch_size', type=int, default=default.batch_size)
    parser.add_argument('--seed', type=int, default=default.seed, help='of training')
    parser.add_argument('--minutes', type=float, default=default.minutes)
    parser.add_argument(
        '--out', type=pathlib.Path, default=places.work, help='for sounds and runs'
    )
    parser.add_argument(
        '--pack_into', type=pathlib.Path, default=places.instruments, help='the result'
    )
    parser.add_argument('--page', type=pathlib.Path, default=places.page)
    parser.add_argument(
        '--only', nargs='+', choices=STAGES, default=STAGES, help='these stages'
    )
    flags = parser.parse_args()
    recipe = default._replace(
        steps=flags.steps,
        batch_size=flags.batch_size,
        seed=flags.seed,
        minutes=flags.minutes,
    )
    places = Places(flags.out, flags.pack_into, flags.page)
    make(flags.instruments, recipe, places, flags.only)


if __name__ == '__main__':
    main()
