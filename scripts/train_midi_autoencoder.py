"""Trains a MIDI autoencoder on rendered phrases, and measures the notes it writes.

    python scripts/train_midi_autoencoder.py --out build/midi --steps 2000

Four stages: `render` has fluidsynth play phrases of one instrument whose notes are
known, and makes examples of them (see `midi_pairs.py`); `train` has `ddsp_run` learn
`models/midiae/small_midiae.gin`, and goes on where it was stopped; `measure` writes
notes of phrases that were held out, compares them with those played, and leaves sounds
to listen to in `OUT/sounds`; `page` writes `benchmarks/MIDI_AUTOENCODER.md` from what
was measured. What was rendered already is kept. Needs fluidsynth, a soundfont and
`pip install 'ddsp[train]'`.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import pathlib
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from measure_transcription import render
from midi_autoencoder_page import page
from midi_own_notes import (
    Heard,
    choose_segmentation,
    compare,
    hear,
    own_notes,
    write_down,
)
from midi_pairs import (
    FRAME_RATE,
    FRAMES,
    HOP,
    RATE,
    features_of,
    save_examples,
    true_notes,
)
from render_phrases import INSTRUMENTS, SOUNDFONT

from ddsp.training.encoders.midi import VELOCITY_DB
from ddsp.training.transcription import Segmentation, frames

ROOT = pathlib.Path(__file__).resolve().parents[1]
STAGES = ('render', 'train', 'measure', 'page')
MODEL = 'models/midiae/small_midiae.gin'
# Parts of the phrases to train on where it is chosen what tells notes from frames.
N_CHOOSING = 5
_MEASURES = 'measures.json'


class Recipe(NamedTuple):
    """How a model is made.

    Attributes
    ----------
    instrument : of `render_phrases.INSTRUMENTS`.
    minutes, held_out_minutes : of phrases to train on, and to measure on.
    phrases_seed, held_out_seed : of these phrases.
    steps, batch_size, seed : of training.
    gin_params : what is configured besides the model.
    soundfont : that fluidsynth plays.
    """

    instrument: str = 'violin'
    minutes: float = 5.0
    held_out_minutes: float = 1.0
    phrases_seed: int = 1
    held_out_seed: int = 1001
    steps: int = 2000
    batch_size: int = 4
    seed: int = 0
    gin_params: tuple[str, ...] = ()
    soundfont: str = SOUNDFONT


class Places(NamedTuple):
    """Where things go: what is made on the way, and the page."""

    work: pathlib.Path = ROOT / 'build' / 'midi'
    page: pathlib.Path = ROOT / 'benchmarks' / 'MIDI_AUTOENCODER.md'

    @property
    def phrases(self) -> pathlib.Path:
        """Sound files, each with a MIDI file of its notes, to train on."""
        return self.work / 'phrases'

    @property
    def held_out(self) -> pathlib.Path:
        """The same to measure on."""
        return self.work / 'held_out'

    @property
    def data(self) -> pathlib.Path:
        """Examples."""
        return self.work / 'data'

    @property
    def run(self) -> pathlib.Path:
        """Checkpoints and summaries."""
        return self.work / 'run'

    @property
    def sounds(self) -> pathlib.Path:
        """What there is to listen to."""
        return self.work / 'sounds'


_Hearing = Callable[[Mapping[str, np.ndarray]], Heard]


# Rendering and training.


def render_all(recipe: Recipe, places: Places) -> None:
    """Renders phrases to train and to measure on, and makes examples."""
    name, soundfont = recipe.instrument, recipe.soundfont
    seconds, seed = 60.0 * recipe.minutes, recipe.phrases_seed
    phrases = render(name, seconds, places.phrases, seed, soundfont)
    seconds, seed = 60.0 * recipe.held_out_minutes, recipe.held_out_seed
    render(name, seconds, places.held_out, seed, soundfont)
    if (places.data / 'dataset_spec.pb').exists():
        print(f'{places.data} is there already')
        return
    print(f'{save_examples(phrases, places.data)} examples in {places.data}')


def training_command(recipe: Recipe, places: Places) -> list[str]:
    """The command line of the training."""
    params = [
        'train_util.train.data_provider = @data.ExperimentalDataProvider()',
        f'ExperimentalDataProvider.data_dir = {str(places.data)!r}',
        f'ExperimentalDataProvider.sample_rate = {RATE}',
        f'ExperimentalDataProvider.frame_rate = {FRAME_RATE}',
        f'batch_size = {recipe.batch_size}',
        f'train_util.train.num_steps = {recipe.steps}',
        f'train_util.train.seed = {recipe.seed}',
        *recipe.gin_params,
    ]
    command = [sys.executable, '-m', 'ddsp.training.ddsp_run', '--mode=train']
    command += [f'--save_dir={places.run}', f'--gin_file={MODEL}']
    return command + [f'--gin_param={param}' for param in params]


def train(recipe: Recipe, places: Places) -> None:
    """Has `ddsp_run` learn, or go on, up to the number of steps."""
    command = training_command(recipe, places)
    print(shlex.join(command), flush=True)
    subprocess.run(command, check=True)


def read_losses(run: pathlib.Path) -> dict[int, dict[str, float]]:
    """Mean losses by step and name, from the run's summaries."""
    import tensorflow as tf

    from ddsp.optional import import_optional

    events = import_optional('tensorboard.compat.proto.event_pb2', 'the loss of a run')
    found: dict[int, dict[str, float]] = {}
    for path in sorted(run.glob('summaries/train/events.out.tfevents.*')):
        for record in tf.data.TFRecordDataset(str(path)):
            event = events.Event.FromString(record.numpy())
            for value in event.summary.value:
                kind, _, name = value.tag.partition('/')
                if kind == 'losses':
                    loss = float(tf.make_ndarray(value.tensor))
                    found.setdefault(int(event.step), {})[name] = loss
    return found


def load_model(places: Places, trained: bool = True, seed: int = 0) -> Any:
    """The model of the run, or the same before it learned anything."""
    import keras

    from ddsp.training import gin_files, models, train_util
    from ddsp.training.gin_scope import own_configuration

    with own_configuration():
        gin_files.add_search_paths()
        config = train_util.get_latest_operative_config(places.run)
        gin_files.parse_files([config], skip_unknown=True)
        keras.utils.set_random_seed(seed)
        model = models.get_model()
    if trained:
        model.restore(str(places.run))
    return model


# Playing notes.


class Velocities(NamedTuple):
    """How loud the model writes what MIDI has as velocity: a line, and its silence."""

    slope: float
    offset: float
    silence: float


def fit_velocities(
    recordings: Sequence[tuple[np.ndarray, Heard]], sounding_db: float
) -> Velocities:
    """Learns the scale of the model's velocities from piano rolls and what it wrote."""
    true = np.concatenate([roll.max(axis=1) for roll, _ in recordings])
    own = np.concatenate([heard.velocity for _, heard in recordings])
    loud = np.concatenate(
        [
            frames.sounding_strength(VELOCITY_DB * heard.velocity, sounding_db) > 0.5
            for _, heard in recordings
        ]
    )
    sounds, rests = (true > 0) & loud, (true == 0) & ~loud
    slope, offset = np.polyfit(true[sounds], own[sounds], 1)
    silence = float(np.median(own[rests])) if rests.any() else 0.0
    return Velocities(float(slope), float(offset), silence)


def play_notes(model: Any, roll: np.ndarray, scale: Velocities) -> np.ndarray:
    """Plays a piano roll `[frames, 128]` of one voice; gives `[samples]`.

    In rests the pitch is held, as it is where the model learned.
    """
    velocity = roll.max(axis=1)
    sounds = np.flatnonzero(velocity > 0)
    before = np.searchsorted(sounds, np.arange(len(roll)), side='right') - 1
    last = sounds[np.maximum(before, 0)]
    pitch = roll.argmax(axis=1)[last].astype(np.float32)
    own = np.where(velocity > 0, scale.slope * velocity + scale.offset, scale.silence)
    own = np.clip(np.round(own), 0, 127).astype(np.float32)
    missing = (0, -len(roll) % FRAMES)
    inputs = (np.pad(x, missing, mode='edge').reshape(-1, FRAMES) for x in (pitch, own))
    pieces = [
        np.ravel(model.midi_to_audio(p[None, :, None], v[None, :, None]))
        for p, v in zip(*inputs)
    ]
    return np.concatenate(pieces)[: len(roll) * HOP]


# Measuring.


def measure(recipe: Recipe, places: Places) -> None:
    """Measures the run on what was held out, and writes sounds."""
    from ddsp.training import checkpoint_files

    model = load_model(places)
    untrained = load_model(places, trained=False, seed=recipe.seed)
    chosen, known, new = _listen(functools.partial(hear, model), places)
    before = _listen(functools.partial(hear, untrained), places)
    unchanged = _listen(write_down, places)
    rolls = [(roll, heard) for _, roll, heard in known]
    scale = fit_velocities(rolls, chosen.sounding_db)
    paths = sorted(places.held_out.glob('*.wav'))
    write_sounds(model, paths[0], new[0], chosen, scale, places.sounds)
    found = {
        'model, before training': _pairs(before.held_out, before.segmentation),
        'model': _pairs(new, chosen),
        'f0 and loudness alone': _pairs(unchanged.held_out, unchanged.segmentation),
        'hidden Markov model': [(true_notes(path), hmm_notes(path)) for path in paths],
    }
    checkpoint = checkpoint_files.latest(str(places.run))
    measures = {
        'command': command_of(recipe),
        'model': MODEL,
        'recipe': recipe._asdict(),
        'step': checkpoint_files.step_of(checkpoint),
        'weights': int(model.count_params()),
        'losses': _ends(read_losses(places.run)),
        'segmentation': dataclasses.asdict(chosen),
        'choosing_parts': min(N_CHOOSING, len(known)),
        'velocities': scale._asdict(),
        'held_out_notes': sum(len(true) for true, _, _ in new),
        'notes': {name: compare(pairs) for name, pairs in found.items()},
    }
    text = json.dumps(measures, indent=2)
    (places.work / _MEASURES).write_text(text + '\n', 'utf-8')
    print(text)


def command_of(recipe: Recipe) -> str:
    """The command line that makes all of this, with what is not as by default."""
    command = ['python', 'scripts/train_midi_autoencoder.py']
    for name, value in recipe._asdict().items():
        if name == 'gin_params':
            command += [x for param in value for x in ('--gin_param', param)]
        elif name == 'steps' or value != Recipe._field_defaults[name]:
            command += [f'--{name}', str(value)]
    return shlex.join(command)


class _Listened(NamedTuple):
    """What was chosen, and what was heard: for that, and of what was held out."""

    segmentation: Segmentation
    known: list[tuple[list, np.ndarray, Heard]]
    held_out: list[tuple[list, np.ndarray, Heard]]


def _listen(how: _Hearing, places: Places) -> _Listened:
    choosing = sorted(places.phrases.glob('*.wav'))[:N_CHOOSING]
    known = [_hear_file(how, path) for path in choosing]
    new = [_hear_file(how, path) for path in sorted(places.held_out.glob('*.wav'))]
    chosen = choose_segmentation([(true, heard) for true, _, heard in known])
    return _Listened(chosen, known, new)


def _pairs(recordings: list, chosen: Segmentation) -> list[tuple[list, list]]:
    return [(true, own_notes(heard, chosen)) for true, _, heard in recordings]


def _hear_file(how: _Hearing, path: pathlib.Path) -> tuple[list, np.ndarray, Heard]:
    features = features_of(path)
    roll = features['note_active_velocities']
    return true_notes(path), roll, how(features)


def _ends(losses: Mapping[int, Mapping[str, float]]) -> dict[str, dict[str, Any]]:
    """The first and the last of the losses, with their steps."""
    first, last = min(losses), max(losses)
    return {
        'first': {'step': first, **losses[first]},
        'last': {'step': last, **losses[last]},
    }


def hmm_notes(path: pathlib.Path) -> list:
    """The notes that the hidden Markov model finds in a sound file."""
    from ddsp import audio_files
    from ddsp.training.transcription import transcribe

    return transcribe(audio_files.load_audio(path, RATE), RATE).notes


def write_sounds(
    model: Any,
    path: pathlib.Path,
    phrase: tuple[list, np.ndarray, Heard],
    segmentation: Segmentation,
    scale: Velocities,
    out_dir: pathlib.Path,
) -> None:
    """Writes a recording, the model's two versions, its MIDI, and the true MIDI."""
    from ddsp import audio_files
    from ddsp.training.transcription import write_midi

    out_dir.mkdir(parents=True, exist_ok=True)
    _, roll, heard = phrase
    sounds = {
        'recording': audio_files.load_audio(path, RATE),
        'synth_audio': heard.synth_audio,
        'midi_audio': heard.midi_audio,
        'midi_file_played': play_notes(model, roll, scale),
    }
    for name, audio in sounds.items():
        audio_files.save_audio(out_dir / f'{name}.wav', np.clip(audio, -1, 1), RATE)
    notes = own_notes(heard, segmentation)
    if notes:
        write_midi(out_dir / 'own_notes.mid', notes)


# The page.


def write_page(recipe: Recipe, places: Places) -> None:
    """Writes the page from what was measured."""
    del recipe
    told = json.loads((places.work / _MEASURES).read_text('utf-8'))
    places.page.write_text(page(told), 'utf-8')
    print(f'{places.page} is written')


_STAGES: dict[str, Callable[[Recipe, Places], None]] = {
    'render': render_all,
    'train': train,
    'measure': measure,
    'page': write_page,
}


def make(recipe: Recipe, places: Places, stages: Sequence[str] = STAGES) -> None:
    """Goes through the stages."""
    for stage in STAGES:
        if stage in stages:
            print(stage, flush=True)
            _STAGES[stage](recipe, places)


def main() -> None:
    """Reads the command line and makes what it names."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    default, places = Recipe(), Places()
    add = parser.add_argument
    add('--instrument', choices=list(INSTRUMENTS), default=default.instrument)
    for name in Recipe._fields[1:-2]:
        value = getattr(default, name)
        add(f'--{name}', type=type(value), default=value)
    add('--gin_param', dest='gin_params', action='append', default=[])
    add('--soundfont', default=default.soundfont)
    add('--out', type=pathlib.Path, default=places.work, help='for all but the page')
    add('--page', type=pathlib.Path, default=places.page)
    add('--only', nargs='+', choices=STAGES, default=STAGES, help='these stages')
    flags = vars(parser.parse_args())
    given = {name: flags[name] for name in Recipe._fields}
    recipe = Recipe(**{**given, 'gin_params': tuple(given['gin_params'])})
    make(recipe, Places(flags['out'].resolve(), flags['page']), flags['only'])


if __name__ == '__main__':
    main()
