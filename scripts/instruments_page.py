"""Writes INSTRUMENTS.md: which instruments there are, and what was measured of them.

`train_instruments.py` calls it; everything in the page stands in the `instrument.json`
of the packed instruments, but for the words.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Told = Mapping[str, Any]

_NAMES = ('C', 'C#', 'D', 'D#', 'E', 'F', 'F#', 'G', 'G#', 'A', 'A#', 'B')

_LEAD = """\
# Instruments

These instruments come with the package; `ddsp instruments` lists them, and
`ddsp transfer INPUT --instrument NAME --out OUT.wav` plays a recording on one. They are
small models of 16 kHz and 125 frames a second (`models/small_instrument.gin`), made by
`ddsp train` from rendered sound, and they know pitch and loudness only.

This page is written by `scripts/train_instruments.py` from what it measured; edit the
script, not the page. `instrument.json` beside each model holds the numbers.
"""

_SOURCE = """\
## Sound and licence

Each learnt from about {minutes} minutes of phrases that `scripts/render_phrases.py`
makes up: scales, arpeggios and melodies, soft to loud, legato to staccato, some with
vibrato, pitch bends or swells. fluidsynth played them, dry, on Debian's
`fluid-soundfont-gm`, the FluidR3 General MIDI soundfont by Frank Wen and others, which
is under the MIT licence; [NOTICE.md](ddsp/training/instruments/NOTICE.md) has its text.
What is shipped are the weights of networks, no sound of it.
"""

_RECIPE = """\
## How they were made

{commands}

For each instrument `NAME`, with the `STEPS` of the table, that is

    python scripts/render_phrases.py --instrument NAME --minutes {minutes} \\
      --seed {seed} --swells {swells} --out sounds/NAME
    ddsp train sounds/NAME --out runs/NAME --model {model} --steps STEPS \\
      --batch_size {batch_size}{gin_params}

and then packing and measuring. It goes on where it was stopped. On two processor cores
an instrument takes about half an hour; where TensorFlow finds a GPU there is time for
more steps. The same seeds give the same phrases. Weights trained on other machines were
not compared.
"""

_HELD_OUT = """\
## On phrases that they have not heard

About two minutes of other phrases (seed {seed}), cut into examples of 4 s. Beside each
instrument stands a model of the same configuration that was not trained. f0 is that of
SwiftF0 in the resynthesis, compared where the recording's confidence is at least 0.85.
It says little of what was learnt: oscillators play the f0 that they are given whatever
the network says, so an untrained model is in tune as well. Outliers are examples that
are off by more than an octave. The last column is `metrics.SpectralMetrics`: L1 of
magnitudes and their logarithms, FFT sizes of 2048 to 64.
"""

_TRANSFER = """\
## Playing the bundled singing

`ddsp transfer` with its default controls, on nine seconds of singing. Pitch is that of
what was played against the shifted pitch that was asked for, in frames of notes whose
confidence is at least 0.9; loudness against the loudness that was asked for, in frames
of notes. Steps are the largest from one sample to the next: near the borders of blocks
in {times} repetitions of the singing, and anywhere when the same is rendered in one
block. The last column is by how much steps at a border are larger than at the same
place in the one block, at most.
"""


def page(instruments: pathlib.Path) -> str:
    """The page, in Markdown.

    Parameters
    ----------
    instruments : directory of the packed instruments, a directory each.

    Raises
    ------
    FileNotFoundError
        When there are none.
    """
    told = [
        (path.parent, json.loads(path.read_text('utf-8')))
        for path in sorted(instruments.glob('*/instrument.json'))
    ]
    if not told:
        raise FileNotFoundError(f'{instruments} holds no instruments; pack one first.')
    all_told = [instrument for _, instrument in told]
    parts = [_LEAD, _instruments(told)]
    minutes = round(all_told[0]['training']['seconds_of_sound'] / 60)
    parts += [_SOURCE.format(minutes=minutes), _recipe(all_told)]
    measured = [x for x in all_told if 'metrics' in x]
    if measured:
        parts += [_held_out(measured), _transfer(measured)]
    return '\n'.join(parts)


def _instruments(told: Sequence[tuple[pathlib.Path, Told]]) -> str:
    columns: dict[str, Callable[[Told], str]] = {
        'name': lambda x: f'`{x["name"]}`',
        'notes': lambda x: (
            f'{_note(x["lowest"])} to {_note(x["highest"])} '
            f'({x["lowest"]:g} to {x["highest"]:g})'
        ),
        'seconds of sound': lambda x: f'{x["training"]["seconds_of_sound"]:.0f}',
        'steps': lambda x: str(x['training']['steps']),
        'seconds of training': lambda x: _number(x['training'], 'seconds', '.0f'),
        'batch': lambda x: str(x['training']['batch_size']),
        'seed of phrases': lambda x: str(x['phrases_seed']),
        'seed of training': lambda x: str(x['training']['seed']),
    }
    sizes = {x['name']: f'{_megabytes(path):.2f}' for path, x in told}
    columns['MB'] = lambda x: sizes[x['name']]
    return _table([x for _, x in told], columns)


def _recipe(told: Sequence[Told]) -> str:
    training = told[0]['training']
    by_steps: dict[int, list[str]] = {}
    for x in told:
        by_steps.setdefault(x['training']['steps_asked'], []).append(x['name'])
    commands = [
        f'    python scripts/train_instruments.py --steps {steps} --instruments '
        + ' '.join(names)
        for steps, names in by_steps.items()
    ]
    params = ''.join(
        f' \\\n      --gin_param "{x.replace(str(training["steps_asked"]), "STEPS")}"'
        for x in training['gin_params']
    )
    return _RECIPE.format(
        commands='\n'.join(commands),
        minutes=f'{told[0]["minutes"]:g}',
        seed=told[0]['phrases_seed'],
        swells=f'{told[0]["swells"]:g}',
        model=training['model'],
        batch_size=training['batch_size'],
        gin_params=params,
    )


def _held_out(told: Sequence[Told]) -> str:
    rows = [
        (x['name'], kind, x['metrics']['held_out'][kind])
        for x in told
        for kind in ('trained', 'untrained')
    ]
    columns: dict[str, Callable[[Any], str]] = {
        'instrument': lambda row: f'`{row[0]}`' if row[1] == 'trained' else 'untrained',
        'f0 L1, semitones': lambda row: _number(row[2], 'f0_l1_semitones', '.3f'),
        'f0 outliers': lambda row: _number(row[2], 'f0_outliers', '.1%'),
        'frames within 50 cents': lambda row: _number(
            row[2], 'f0_within_50_cents', '.1%'
        ),
        'loudness L1, standard deviations': lambda row: _number(
            row[2], 'loudness_l1_deviations', '.3f'
        ),
        'loudness L1, dB': lambda row: _number(row[2], 'loudness_l1_db', '.2f'),
        'spectral loss': lambda row: _number(row[2], 'spectral_loss', '.2f'),
    }
    seed = told[0]['metrics']['held_out']['phrases_seed']
    return f'{_HELD_OUT.format(seed=seed)}\n{_table(rows, columns)}'


def _transfer(told: Sequence[Told]) -> str:
    def of(key: str, form: str) -> Callable[[Told], str]:
        return lambda x: _number(x['metrics']['transfer'], key, form)

    columns = {
        'instrument': lambda x: f'`{x["name"]}`',
        'octaves': of('octaves', '+d'),
        'frames within 50 cents': of('within_50_cents', '.1%'),
        'loudness correlation': of('loudness_correlation', '.3f'),
        'peak': of('peak', '.2f'),
        'samples clipped': of('clipped_ratio', '.1%'),
        'step at borders': of('border_step', '.3f'),
        'step offline': of('offline_step', '.3f'),
        'excess at borders': of('border_excess', '.3f'),
    }
    times = told[0]['metrics']['transfer']['repetitions']
    return f'{_TRANSFER.format(times=times)}\n{_table(told, columns)}'


def _table(rows: Sequence[Any], columns: Mapping[str, Callable[[Any], str]]) -> str:
    lines = [list(columns), ['---'] * len(columns)]
    lines += [[cell(row) for cell in columns.values()] for row in rows]
    return ''.join(f'| {" | ".join(cells)} |\n' for cells in lines)


def _number(values: Told, key: str, form: str) -> str:
    value = values.get(key)
    return '–' if value is None else format(value, form)


def _note(midi: float) -> str:
    """The name of a key of a piano: 60 is C4."""
    key = round(midi)
    return f'{_NAMES[key % 12]}{key // 12 - 1}'


def _megabytes(directory: pathlib.Path) -> float:
    return sum(path.stat().st_size for path in directory.iterdir()) / 1e6
