"""Training a model that gin describes, and going on with it after any stop."""

from __future__ import annotations

import copy
import dataclasses
import os
import re
import signal
from collections.abc import Callable, Mapping
from typing import Any

import gin
import tensorflow as tf

from ddsp.optional import import_optional
from ddsp.training import callbacks, checkpoint_files, run_start
from ddsp.training.agreement import check_agreement
from ddsp.training.data.record_files import telling_damage
from ddsp.training.run_data import RunData
from ddsp.training.sample_summaries import SampleSummaries
from ddsp.training.save_directory import expand_path
from ddsp.training.stop_signals import Signals, catch_signals
from ddsp.training.strategies import get_strategy, is_chief
from ddsp.training.telling import tell
from ddsp.training.trainers import Trainer
from ddsp.training.whole_files import write_text

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
    write_text(path, config)
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
    save_dir: str = run_start.DEFAULT_DIR,
    restore_dir: str = run_start.NOT_NAMED,
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
    beginning = run_start.find_beginning(save_dir, restore_dir)
    data = RunData(data_provider, batch_size, seed)
    check_agreement(trainer.model, data_provider, data.sample)
    trainer.build(data.sample)
    trainer.model.noise_seed = seed
    with run_start.held(save_dir, is_chief(trainer.strategy)):
        run_start.start(trainer, save_dir, beginning)
        first_step = int(trainer.step)
        if first_step >= num_steps:
            tell(
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


class _Watchers:
    """One run: what is called after its steps, and what it leaves behind."""

    def __init__(
        self,
        trainer: Trainer,
        data: RunData,
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
