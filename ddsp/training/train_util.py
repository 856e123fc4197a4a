"""Training a model that gin describes, and going on with it after any stop."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import inspect
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import gin
import tensorflow as tf

from ddsp.optional import import_optional
from ddsp.training import callbacks, checkpoint_files, save_directory
from ddsp.training.agreement import check_agreement
from ddsp.training.data.record_files import telling_damage
from ddsp.training.sample_summaries import SampleSummaries
from ddsp.training.stop_signals import Signals, catch_signals
from ddsp.training.strategies import get_strategy, is_chief
from ddsp.training.trainers import Trainer

__all__ = [
    'TrainingEnd',
    'configured_seed',
    'expand_path',
    'get_latest_checkpoint',
    'get_latest_file',
    'get_latest_operative_config',
    'get_strategy',
    'is_chief',
    'train',
    'write_gin_config',
]

# A promise to programs that call `train` without directories.
_DEFAULT_DIR = '/tmp/ddsp'
# An object of its own, which tells the default from the same path that is named.
_NOT_NAMED = os.path.join('/tmp', 'ddsp')
_SAMPLE_ROWS = 2
_SIGNALS = signal.SIGINT, signal.SIGTERM
_STOPPING = '{name}: stopping after this step and saving a checkpoint; once more aborts'


@dataclasses.dataclass(frozen=True)
class TrainingEnd:
    """How a run ended.

    Parameters
    ----------
    step : the step it came to.
    reason : `'finished'`, `'early stop'`, `'SIGINT'` or `'SIGTERM'`.
    losses : of the last step, by name; empty when no step was left to do.
    """

    step: int
    reason: str
    losses: Mapping[str, float]


def expand_path(file_path: str | os.PathLike[str]) -> str:
    """Puts in the home directory for `~`, and the values of `$VARIABLES`."""
    return os.path.expanduser(os.path.expandvars(os.fspath(file_path)))


def get_latest_file(
    dir_path: str | os.PathLike[str],
    prefix: str = 'operative_config-',
    suffix: str = '.gin',
) -> str:
    """The file `PREFIX<number>SUFFIX` of a directory that has the highest number.

    Parameters
    ----------
    dir_path : the directory.
    prefix, suffix : what stands before and after the number.

    Returns
    -------
    Path of the file.

    Raises
    ------
    FileNotFoundError
        When there is none.
    """
    directory = expand_path(dir_path)
    pattern = re.compile(re.escape(prefix) + r'(\d+)' + re.escape(suffix))
    names = tf.io.gfile.listdir(directory) if tf.io.gfile.isdir(directory) else []
    found = [match for match in map(pattern.fullmatch, names) if match]
    if not found:
        raise FileNotFoundError(
            f'there is no file {prefix}<number>{suffix} in {directory}.'
        )
    newest = max(found, key=lambda match: int(match[1]))
    return os.path.join(directory, newest[0])


def get_latest_checkpoint(checkpoint_path: str | os.PathLike[str]) -> str:
    """The newest checkpoint of a directory, or the one that a path names.

    Raises
    ------
    FileNotFoundError
        When there is none.
    """
    return checkpoint_files.latest(expand_path(checkpoint_path))


def get_latest_operative_config(restore_dir: str | os.PathLike[str]) -> str:
    """The newest `operative_config-STEP.gin` of a directory.

    Parameters
    ----------
    restore_dir : a directory, or a checkpoint in it.

    Returns
    -------
    Path of the file.

    Raises
    ------
    FileNotFoundError
        When there is none.
    """
    path = expand_path(restore_dir)
    directory = path if tf.io.gfile.isdir(path) else os.path.dirname(path)
    return get_latest_file(directory)


def write_gin_config(summary_writer: Any, save_dir: str, step: int) -> None:
    """Writes what gin configured so far as `operative_config-STEP.gin`, and as text.

    Parameters
    ----------
    summary_writer : a `tf.summary` writer, for the text in TensorBoard; or None.
    save_dir : where the file goes.
    step : the number in its name.
    """
    config = gin.operative_config_str()
    save_dir = expand_path(save_dir)
    tf.io.gfile.makedirs(save_dir)
    path = os.path.join(save_dir, f'operative_config-{int(step)}.gin')
    _write_text(path, config)
    if summary_writer is not None:
        with summary_writer.as_default():
            # Four blanks make it code.
            text = '\n'.join(f'    {line}' for line in config.splitlines())
            tf.summary.text('gin/operative_config', text, step=int(step))
        summary_writer.flush()


@gin.configurable(module='ddsp.training.train_util')
def train(
    data_provider: Any,
    trainer: Trainer,
    batch_size: int = 32,
    num_steps: int = 1000000,
    steps_per_summary: int = 300,
    steps_per_save: int = 300,
    save_dir: str = _DEFAULT_DIR,
    restore_dir: str = _NOT_NAMED,
    early_stop_loss_value: float | None = None,
    report_loss_to_hypertune: bool = False,
    seed: int = 0,
) -> TrainingEnd:
    """Trains a model, writing checkpoints and summaries, up to a number of steps.

    When `save_dir` has a checkpoint already, the run goes on from it: with the state of
    the optimizer, the order of the data and the noise, as if it had never stopped. If
    it has none, training starts from what `restore_dir` has, if that is named.

    SIGTERM or Ctrl-C saves a checkpoint and stops; a second one aborts.

    Parameters
    ----------
    data_provider : gives the batches, see `ddsp.training.data`.
    trainer : a `Trainer` of the model.
    batch_size : rows of a step's batch, over all replicas.
    num_steps : the step at which training ends, counted from the first run's beginning.
    steps_per_summary : how often losses go to TensorBoard.
    steps_per_save : how often a checkpoint is written, with sounds and pictures of some
        examples for TensorBoard.
    save_dir : for `ckpt-STEP.*`, `operative_config-STEP.gin` and `summaries/`.
    restore_dir : a directory or a checkpoint to start from. Left out, it is nothing,
        whatever stands in the directory of its default.
    early_stop_loss_value : training ends when the total loss is not above this.
    report_loss_to_hypertune : whether the losses go to Google's hyperparameter tuning.
    seed : of the order of the data and of the noise.

    Returns
    -------
    The last step, why training ended there, and the last losses.

    Raises
    ------
    ValueError
        For settings that make no sense, a dataset without a batch or of other rates
        and lengths than the model's, a damaged record, or a checkpoint of another
        model.
    FileNotFoundError
        When `restore_dir` is named, needed, and has no checkpoint.
    FloatingPointError
        When the loss or the gradients are not finite any more.
    OSError
        When `save_dir` cannot be written or another process is training there, when a
        checkpoint cannot be written, or none of those there are can be read.
    ImportError
        When tensorboard or matplotlib is missing.
    """
    _check_settings(batch_size, num_steps, steps_per_summary, steps_per_save)
    for package in ('tensorboard', 'matplotlib'):
        import_optional(package, 'training')
    save_dir = expand_path(save_dir)
    beginning = _beginning(save_dir, restore_dir)
    data = _Data(data_provider, batch_size, seed)
    check_agreement(trainer.model, data_provider, data.sample)
    trainer.build(data.sample)
    trainer.model.noise_seed = seed
    with _held(save_dir, is_chief(trainer.strategy)):
        _start(trainer, save_dir, beginning)
        first_step = int(trainer.step)
        if first_step >= num_steps:
            say(
                f'{save_dir} is at step {first_step} of {num_steps}: nothing left to do'
            )
            return TrainingEnd(first_step, 'finished', {})
        report = _hypertune_report() if report_loss_to_hypertune else None
        watchers = _Watchers(
            trainer, data, save_dir, num_steps, early_stop_loss_value, report
        )
        if watchers.chief:
            checkpoint_files.remove_unfinished(save_dir)
            data.copy_description(save_dir)
        return watchers.run(steps_per_summary, steps_per_save)


def configured_seed() -> int:
    """The `seed` that `train` is going to use, for what is made before: the weights."""
    seed = gin.get_bindings(train, resolve_references=False).get('seed', 0)
    # gin resolves a reference, such as a macro, when it is copied.
    return copy.deepcopy(seed)


class _Data:
    """The batches of a run, the same at every start.

    Parameters
    ----------
    provider : see `ddsp.training.data.DataProvider`.
    batch_size : rows of a batch, over all replicas.
    seed : of their order.
    """

    def __init__(self, provider: Any, batch_size: int, seed: int) -> None:
        self.provider = provider
        self.batch_size = batch_size
        self.seed = seed
        # Providers written before there were seeds give an order of their own.
        self.repeatable = _takes(provider, 'seed', 'skip_batches')
        self.shares_work = _takes(provider, 'input_context')
        if not self.repeatable:
            say(
                f'{type(provider).__name__}.get_batch knows no seed and skip_batches: '
                'a run that is resumed will see the data in another order'
            )
        self.sample = self._first_batch(
            provider.get_batch(batch_size, shuffle=False, repeats=-1)
        )

    def batches(self, skip: int, **kwargs: Any) -> tf.data.Dataset:
        """Endless batches, from the one numbered `skip` on."""
        if self.repeatable:
            kwargs.update(seed=self.seed, skip_batches=skip)
        return self.provider.get_batch(
            self.batch_size, shuffle=True, repeats=-1, **kwargs
        )

    def batches_of_worker(
        self, skip: int, context: tf.distribute.InputContext
    ) -> tf.data.Dataset:
        """One worker's rows of these batches, a batch for each of its replicas."""
        if self.shares_work:
            return self.batches(skip, input_context=context)
        rows = self.batch_size // context.num_replicas_in_sync
        replicas = context.num_replicas_in_sync // context.num_input_pipelines
        first = context.input_pipeline_id * replicas * rows
        mine = self.batches(skip).map(
            lambda *batch: tf.nest.map_structure(
                lambda x: x[first : first + replicas * rows],
                batch if len(batch) > 1 else batch[0],
            ),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        return mine.rebatch(rows, drop_remainder=True).prefetch(tf.data.AUTOTUNE)

    def batch(self, number: int) -> Any:
        """One batch again, or None when the provider cannot."""
        return self._first_batch(self.batches(number)) if self.repeatable else None

    def copy_description(self, save_dir: str) -> None:
        """Puts what `dataset.json` says of the data, if there is one, into a folder."""
        description = getattr(self.provider, 'dataset_info', None)
        if description:
            _write_text(
                os.path.join(save_dir, 'dataset.json'),
                json.dumps(description, indent=2) + '\n',
            )

    def _first_batch(self, batches: tf.data.Dataset) -> Any:
        with telling_damage():
            for batch in batches.take(1):
                return batch
        raise ValueError(
            f'{type(self.provider).__name__} gives not even one batch of '
            f'{self.batch_size}: the dataset is empty, or smaller than '
            'train.batch_size.'
        )


def _takes(provider: Any, *names: str) -> bool:
    """Whether a provider's `get_batch`, or what it hands `**kwargs` on to, knows names.

    Where it cannot be seen what that is, any name will do.
    """
    known: set[str] = set()
    methods = [vars(cls).get('get_batch') for cls in type(provider).__mro__]
    for method in [provider.get_batch, *filter(None, methods)]:
        parameters = inspect.signature(method).parameters
        known.update(parameters)
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            return known.issuperset(names)
    return True


class _Watchers:
    """One run: what is called after its steps, and what it leaves behind."""

    def __init__(
        self,
        trainer: Trainer,
        data: _Data,
        save_dir: str,
        num_steps: int,
        early_stop_loss_value: float | None,
        report: Callable[[float, int], None] | None,
    ) -> None:
        self.trainer = trainer
        self.data = data
        self.save_dir = save_dir
        self.num_steps = num_steps
        self.first_step = int(trainer.step)
        self.chief = is_chief(trainer.strategy)
        self.report = report
        self.last = callbacks.LastLosses(trainer, self.first_step)
        self.early = None
        if early_stop_loss_value is not None:
            self.early = callbacks.EarlyStop(
                trainer, self.first_step, early_stop_loss_value
            )

    def run(self, steps_per_summary: int, steps_per_save: int) -> TrainingEnd:
        """Trains from the step where the trainer is to the last."""
        finite = callbacks.FiniteLoss(self.trainer, self.first_step, self.data.batch)
        watching = [finite, self.last]
        progress = None
        if self.chief:
            writer = tf.summary.create_file_writer(
                os.path.join(self.save_dir, 'summaries', 'train')
            )
            write_gin_config(writer, self.save_dir, self.first_step)
            progress = callbacks.Progress(self.trainer, self.first_step, self.num_steps)
            watching += [
                progress,
                callbacks.Scalars(
                    self.trainer,
                    self.first_step,
                    writer,
                    steps_per_summary,
                    self.report,
                ),
                callbacks.Checkpoints(
                    self.trainer,
                    self.first_step,
                    self.save_dir,
                    steps_per_save,
                    self._sample_writer(writer),
                ),
            ]
        watching += [self.early] if self.early else []
        try:
            with catch_signals(_SIGNALS, _STOPPING) as signals, telling_damage():
                self.trainer.fit(
                    self._distributed(),
                    self.num_steps - self.first_step,
                    [*watching, signals],
                )
        finally:
            if progress is not None:
                progress.close()
        return self._end(signals)

    def _end(self, signals: Signals) -> TrainingEnd:
        step, reason = int(self.trainer.step), 'finished'
        if self.early is not None and self.early.stopped:
            reason = 'early stop'
        elif step < self.num_steps and signals.received is not None:
            reason = signals.received.name
        elif step < self.num_steps:
            raise ValueError(f'the data ended at step {step} of {self.num_steps}.')
        return TrainingEnd(step, reason, self.last.values())

    def _distributed(self) -> Any:
        strategy, data = self.trainer.strategy, self.data
        if strategy.num_replicas_in_sync == 1:
            return data.batches(self.first_step)
        if data.batch_size % strategy.num_replicas_in_sync:
            raise ValueError(
                f'train.batch_size is {data.batch_size}, expected a multiple of the '
                f'{strategy.num_replicas_in_sync} replicas.'
            )
        return self.trainer.distribute_dataset(
            lambda context: data.batches_of_worker(self.first_step, context)
        )

    def _sample_writer(self, writer: Any) -> Callable[[int], None]:
        rows = tf.nest.map_structure(lambda x: x[:_SAMPLE_ROWS], self.data.sample)
        rates = [
            getattr(self.data.provider, name, None)
            for name in ('sample_rate', 'frame_rate')
        ]
        return SampleSummaries(self.trainer.model, rows, writer, *rates)


def _beginning(save_dir: str, restore_dir: str) -> str | None:
    """The path of what a run starts from that has no checkpoint of its own yet.

    Raises
    ------
    FileNotFoundError
        When one is named that has none, and is needed.
    """
    if not restore_dir or restore_dir is _NOT_NAMED:
        return None
    path = expand_path(restore_dir)
    if os.path.realpath(path) == os.path.realpath(save_dir):
        return None
    try:
        checkpoint_files.latest(path)
    except FileNotFoundError as error:
        # Configurations that were written down name the default, too.
        needed = checkpoint_files.newest_complete(save_dir) is None
        if needed and restore_dir != _DEFAULT_DIR:
            raise FileNotFoundError(
                f'train.restore_dir: {error} To train from step 0, leave restore_dir '
                'out.'
            ) from error
        return None
    return path


def _held(save_dir: str, chief: bool) -> contextlib.AbstractContextManager:
    """Keeps other runs from a directory; of the workers of one run, the chief does."""
    if not chief:
        return contextlib.nullcontext()
    save_directory.make_writable(save_dir)
    return save_directory.held(save_dir)


def _start(trainer: Trainer, save_dir: str, beginning: str | None) -> None:
    """Fills the model from a checkpoint, if there is one to go on from."""
    began = time.monotonic()
    if checkpoint_files.newest_complete(save_dir) is not None:
        try:
            # A run that goes on needs all of the model, whatever it was started from.
            trainer.restore_keys, keys = None, trainer.restore_keys
            path = trainer.restore(save_dir)
        except ValueError as error:
            raise ValueError(
                f'save_dir {save_dir} has checkpoints of another model: {error} Name '
                'another save_dir to train this one.'
            ) from error
        finally:
            trainer.restore_keys = keys
        _check_step(trainer, path)
        what = 'going on from'
    elif beginning is not None:
        path = trainer.restore(beginning)
        what = 'starting from'
    else:
        say(f'no checkpoint in {save_dir}: training from step 0')
        return
    seconds = time.monotonic() - began
    say(f'{what} {path}, step {int(trainer.step)} (read in {seconds:.1f} s)')


def _check_step(trainer: Trainer, path: str) -> None:
    """Refuses to write checkpoints of steps below those that are there."""
    step, named = int(trainer.step), checkpoint_files.step_of(path)
    if step < named:
        raise ValueError(
            f'{path} does not say how its training stood, so that training would begin '
            f'again at step {step}, and its checkpoints be older than this one. Give '
            f'it as restore_dir, and another save_dir.'
        )


def _check_settings(
    batch_size: int, num_steps: int, steps_per_summary: int, steps_per_save: int
) -> None:
    for name, value in (
        ('batch_size', batch_size),
        ('num_steps', num_steps),
        ('steps_per_summary', steps_per_summary),
        ('steps_per_save', steps_per_save),
    ):
        if not (isinstance(value, int) and value > 0):
            raise ValueError(f'train.{name} is {value!r}, expected an integer above 0.')


def _hypertune_report() -> Callable[[float, int], None]:
    from ddsp.training import cloud

    return cloud.report_metric_to_hypertune


def _write_text(path: str, text: str) -> None:
    """Writes a file that is whole or not there."""
    with tf.io.gfile.GFile(f'{path}.tmp', 'w') as file:
        file.write(text)
    tf.io.gfile.rename(f'{path}.tmp', path, overwrite=True)


def say(line: str) -> None:
    """Tells on stderr what goes on, at once."""
    print(line, file=sys.stderr, flush=True)
