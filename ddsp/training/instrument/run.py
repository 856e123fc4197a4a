"""From a folder of recordings to a trained model and a report."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gin
import keras

from ddsp.training import (
    checkpoint_files,
    eval_util,
    models,
    save_directory,
    strategies,
    train_util,
    trainers,
)
from ddsp.training.data import dataset_info
from ddsp.training.gin_scope import own_configuration
from ddsp.training.instrument import data, directory, replacing
from ddsp.training.instrument.choices import Settings
from ddsp.training.instrument.listening import listen, save_sounds
from ddsp.training.instrument.losses import read_losses
from ddsp.training.instrument.report import ReportData, write_report
from ddsp.training.instrument.settings import (
    configure,
    configure_data,
    configured_steps,
)
from ddsp.training.instrument.statistics import write_statistics
from ddsp.training.instrument.voices import note_on_voices
from ddsp.training.telling import tell

_METRICS, _REPORT = 'metrics.json', 'report.html'


def train_instrument(
    audio: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    model: str | None = None,
    steps: int | None = None,
    batch_size: int | None = None,
    seed: int | None = None,
    eval_split: float | None = None,
    method: str | None = None,
    gin_params: Sequence[str] = (),
    overwrite: bool = False,
    command: str = '',
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Trains a model on recordings of an instrument, and shows what it has learnt.

    Written into `out_dir`: `data/` (records), `dataset_statistics.json` (their pitch
    and loudness), the checkpoints and summaries of `train_util.train`, `samples/`
    (passages as recorded and as played), `impulse_response.wav` (of a model with a
    reverb), `metrics.json`, `report.html`, and `run.json`, the settings. Called again,
    it goes on where it stopped, with the settings it had and those given now. A run
    that has come as far as it is asked to is not measured again.

    An error before the first checkpoint leaves an earlier run as it was; of a new one,
    the records stay, for the next try. A run that is to be overwritten stays, in the
    folder `overwritten_run`, until training ends; when the new one has come to no
    checkpoint by then, the earlier one is put back. After an end by force, that is done
    when the function is called again.

    Ctrl-C ends training early; what was learnt so far is saved and shown. SIGTERM saves
    a checkpoint and ends; before training, it ends the program once an earlier run that
    was to be overwritten has been put back. The global random seeds are set.

    Parameters
    ----------
    audio : a folder with recordings of one instrument, or one recording.
    out_dir : directory of the run, made if need be.
    model : a name in `instrument.MODELS`, or the path of a gin file.
    steps : the step at which training ends, counted from the first run's beginning.
    batch_size : examples in a step.
    seed : of the weights, the order of the data, its split and the noise.
    eval_split : part of the recordings that is held out to measure on.
    method : pitch estimator, see `ddsp.pitch`.
    gin_params : bindings such as `'learning_rate = 1e-4'`, which win over the above.
    overwrite : whether to start again, in place of an earlier run.
    command : to be shown in the report.
    say : is told what is going on, line by line; prints on stderr by default.

    Returns
    -------
    The content of `metrics.json`, or, when SIGTERM came, `step`, `steps_asked` and
    `signal`.

    Raises
    ------
    OSError, ValueError
        For recordings that cannot be used, a directory that cannot be written or is of
        another run, and configuration that is not understood.
    FloatingPointError
        When the loss becomes NaN.
    """
    say = say or tell
    audio, out_dir = Path(audio), Path(out_dir).absolute()
    call = _Call(audio, out_dir, overwrite, command, say)
    # First of all: without recordings, nothing is begun.
    data.find(audio, out_dir)
    # Held from before anything is changed; where there is nothing yet, once it is made.
    with save_directory.held(str(out_dir)) as locked:
        replacing.settle_earlier(out_dir, locked, say)
        settings, before = directory.find_run(
            out_dir,
            {
                'model': model,
                'steps': steps,
                'batch_size': batch_size,
                'seed': seed,
                'eval_split': eval_split,
                'method': method,
                'gin_params': gin_params,
            },
            overwrite,
        )
        with (
            own_configuration(),
            directory.made_folder(out_dir),
            save_directory.held(str(out_dir)),
        ):
            return _train_and_show(call, settings, before)


@dataclasses.dataclass(frozen=True)
class _Call:
    """What `train_instrument` was called with, but for the settings of the run."""

    audio: Path
    out_dir: Path
    overwrite: bool
    command: str
    say: Callable[[str], None]


def _train_and_show(
    call: _Call, settings: Settings, before: Settings | None
) -> dict[str, Any]:
    """Makes a run of the settings, or goes on with the one before."""
    default_steps = configure(settings)
    trainer = _make_trainer()
    with replacing.replaced_run(call.out_dir, call.overwrite, call.say):
        info = _prepare(call, settings)
        if before is not None:
            metrics = _done_already(call, settings, before)
            if metrics is not None:
                return metrics
        with directory.begun_run(call.out_dir, settings):
            note = note_on_voices(_provider('train')) or ''
            if note:
                call.say(f'note: {note}')
            write_statistics(call.out_dir, _provider('train'))
            run = _train(call, trainer, default_steps, note)
    if run.end.reason == 'SIGTERM':
        return {
            'step': run.end.step,
            'steps_asked': run.steps_asked,
            'signal': run.end.reason,
        }
    call.say('measuring, and writing the report')
    return _show(call, settings, info, run)


@dataclasses.dataclass(frozen=True)
class _Run:
    """What came of training; `note` is of the voices in the recordings."""

    end: train_util.TrainingEnd
    seconds: float
    steps_asked: int
    default_steps: int
    note: str


def _prepare(call: _Call, settings: Settings) -> dict[str, Any]:
    """Makes records of the rates and lengths that gin gives the provider."""
    provider = _provider('train')
    wanted = data.Wanted(
        sample_rate=provider.sample_rate,
        frame_rate=provider.frame_rate,
        example_secs=provider._example_secs,
        center=provider._centered,
        eval_split_fraction=settings.eval_split,
        pitch_method=settings.method,
        seed=settings.seed,
    )
    trained = directory.has_checkpoint(call.out_dir)
    info = data.prepare(call.audio, call.out_dir, wanted, trained, call.say)
    num_examples = info['splits']['train']['num_examples']
    told = configure_data(*data.patterns(call.out_dir, info), num_examples)
    if told:
        call.say(told)
    return info


def _done_already(
    call: _Call, settings: Settings, before: Settings
) -> dict[str, Any] | None:
    """What was measured of a run that has come as far as it is asked to; else None."""
    out_dir = call.out_dir
    newest = checkpoint_files.newest_complete(str(out_dir))
    step = -1 if newest is None else checkpoint_files.step_of(newest)
    asked = configured_steps()
    same = dataclasses.replace(settings, steps=before.steps) == before
    if step < asked or not same or not (out_dir / _REPORT).exists():
        return None
    try:
        metrics = json.loads((out_dir / _METRICS).read_text('utf-8'))
    except (OSError, ValueError):
        return None
    if metrics.get('step') != step or 'steps_asked' not in metrics:
        return None
    call.say(
        f'{out_dir} is at step {step} already, and asked for are {asked} steps in all: '
        'nothing is left to learn, and the report is there. Ask for more than '
        f'{step} to learn on.'
    )
    return metrics


def _make_trainer() -> trainers.Trainer:
    """A model that is new, with what trains it."""
    keras.utils.set_random_seed(train_util.configured_seed())
    strategy = strategies.get_strategy()
    with strategy.scope():
        model = models.get_model()
        return trainers.get_trainer_class()(model, strategy)


def _train(
    call: _Call, trainer: trainers.Trainer, default_steps: int, note: str
) -> _Run:
    # Making records may have drawn numbers, or not: they may have been there.
    keras.utils.set_random_seed(train_util.configured_seed())
    steps_asked = configured_steps()
    call.say(f'training to step {steps_asked}; Ctrl-C stops early and keeps the result')
    started = time.monotonic()
    end = train_util.train(
        data_provider=gin.REQUIRED,
        trainer=trainer,
        save_dir=str(call.out_dir),
        restore_dir=str(call.out_dir),
    )
    return _Run(end, time.monotonic() - started, steps_asked, default_steps, note)


def _show(
    call: _Call, settings: Settings, info: dict[str, Any], run: _Run
) -> dict[str, Any]:
    """Measures the newest checkpoint and lets it play; gives what was measured."""
    # A model of its own: the trained one may be spread over several devices.
    model = models.get_model()
    metrics = {**_measure(model, call.out_dir), **_described(settings, info, run)}
    heard = listen(model, _provider('held_out'), settings.method)
    save_sounds(call.out_dir, heard)
    dataset_info.write_json(str(call.out_dir / _METRICS), metrics)
    steps, losses = read_losses(call.out_dir)
    report = ReportData(
        recordings=call.audio.absolute().name,
        heard=heard,
        steps=steps,
        losses=losses,
        metrics=metrics,
        has_timbre=getattr(model, 'encoder', None) is not None,
        skipped=info['recordings']['skipped'],
        voices=run.note,
        command=call.command,
        config=gin.operative_config_str(),
    )
    write_report(call.out_dir / _REPORT, report)
    return metrics


def _measure(model: keras.Model, out_dir: Path) -> dict[str, Any]:
    """Evaluates the newest checkpoint on what was held out."""
    with contextlib.redirect_stdout(io.StringIO()):
        eval_util.evaluate(
            data_provider=gin.REQUIRED,
            model=model,
            save_dir=str(out_dir),
            restore_dir=str(out_dir),
            run_once=True,
        )
    return json.loads((out_dir / _METRICS).read_text('utf-8'))


def _described(settings: Settings, info: dict[str, Any], run: _Run) -> dict[str, Any]:
    """What the numbers are of."""
    return {
        'model': settings.model,
        'recordings': info['recordings']['num_read'],
        'seconds': info['recordings']['seconds'],
        'held_out': 'eval' in info['splits'],
        'steps_asked': run.steps_asked,
        'steps_default': run.default_steps,
        'interrupted': run.end.reason == 'SIGINT',
        'training_seconds': run.seconds,
    }


def _provider(part: str) -> Any:
    """The provider of a part of the records, `'train'` or `'held_out'`."""
    with gin.config_scope(part):
        return gin.get_configurable('data.TFRecordProvider')()
