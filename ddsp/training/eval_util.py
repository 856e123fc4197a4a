"""Evaluating and sampling a model, checkpoint by checkpoint."""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import gin
import tensorflow as tf

from ddsp import core
from ddsp.optional import import_optional
from ddsp.tracing import compile_apart
from ddsp.training import checkpoint_files, save_directory, train_util
from ddsp.training.agreement import check_agreement
from ddsp.training.data.record_files import telling_damage
from ddsp.training.telling import tell
from ddsp.training.whole_files import write_text

_POLL_SECONDS = 1.0
_NOISE_SEED = 0
_MODES = ('eval', 'sample')
_NOWHERE = contextlib.nullcontext()


def evaluate_or_sample(
    data_provider: Any,
    model: Any,
    evaluator_classes: Sequence[Any],
    mode: str = 'eval',
    save_dir: str = '/tmp/ddsp/training',
    restore_dir: str = '',
    batch_size: int = 32,
    num_batches: int = 50,
    repeats: int = -1,
    ckpt_delay_secs: float = 0,
    run_once: bool = False,
    run_until_step: int = 0,
    evaluate_and_sample: bool = False,
) -> dict[str, float]:
    """Measures or shows each checkpoint of a run, the newest one first.

    Then the next one is waited for, unless `run_once` or `run_until_step` says that it
    is enough, or `restore_dir` is a single checkpoint. The noise that a model plays is
    the same at each evaluation.

    Summaries go to `save_dir/summaries/eval` or `.../sample`. Metrics are printed, too,
    and the newest are in `save_dir/metrics.json`: `step`, `checkpoint`, `batches`,
    `examples`, and `metrics` by name, `null` for what is NaN or infinite.

    Parameters
    ----------
    data_provider : gives the batches, in the order of the data.
    model : a `ddsp.training.models.Model`, of the same settings as was trained.
    evaluator_classes : classes of `ddsp.training.evaluators`, or of your own. Of data
        that comes in tuples they see the first part.
    mode : `'eval'` to measure, `'sample'` to write audio and pictures.
    save_dir : where results go.
    restore_dir : a directory with checkpoints, or one checkpoint; by default
        `save_dir`.
    batch_size : examples in a batch.
    num_batches : how many batches of each checkpoint.
    repeats : how often the data is read, -1 for ever: a dataset that is smaller than
        `num_batches` batches is then seen several times.
    ckpt_delay_secs : least time between the beginnings of two checkpoints.
    run_once : whether to end after the newest checkpoint.
    run_until_step : end after a checkpoint of at least this step; 0 for never.
    evaluate_and_sample : whether to do both: measure, and show of the first batch (in
        mode `'sample'`, of every batch).

    Returns
    -------
    The metrics of the last checkpoint, by name; empty for `'sample'`.

    Raises
    ------
    ValueError
        For an unknown mode, no batches, data of other rates and lengths than the
        model's, or a checkpoint of another model.
    FileNotFoundError
        When `run_once` finds no checkpoint.
    OSError
        When `save_dir` cannot be written.
    ImportError
        When tensorboard is missing.
    """
    if mode not in _MODES or num_batches < 1:
        raise ValueError(
            f"evaluate_or_sample: mode is {mode!r}, expected 'eval' or 'sample', and "
            f'num_batches is {num_batches}, expected at least 1.'
        )
    import_optional('tensorboard', 'evaluation')
    save_dir = train_util.expand_path(save_dir)
    restore_dir = train_util.expand_path(restore_dir) if restore_dir else save_dir
    dataset = data_provider.get_batch(
        batch_size, shuffle=False, repeats=repeats, drop_remainder=False
    ).take(num_batches)
    check_agreement(model, data_provider, dataset.element_spec)
    rates = data_provider.sample_rate, data_provider.frame_rate
    round_of = _Round(
        model,
        dataset,
        [cls(*rates) if callable(cls) else cls for cls in evaluator_classes],
        measures=mode == 'eval' or evaluate_and_sample,
        shows_first=mode == 'sample' or evaluate_and_sample,
        shows_all=mode == 'sample',
    )
    save_directory.make_writable(save_dir)
    writer = tf.summary.create_file_writer(os.path.join(save_dir, 'summaries', mode))
    results: dict[str, float] = {}
    for checkpoint in _checkpoints(
        restore_dir, ckpt_delay_secs, run_once, run_until_step
    ):
        with telling_damage():
            restored = round_of.restore(checkpoint, must=run_once)
        if not restored:
            continue
        step = max(checkpoint_files.step_of(checkpoint), 0)
        with writer.as_default(), telling_damage():
            report = round_of.run(step)
        writer.flush()
        results = report['metrics']
        if round_of.measures:
            named = {'step': step, 'checkpoint': os.path.basename(checkpoint)}
            _write_json(os.path.join(save_dir, 'metrics.json'), {**named, **report})
    writer.close()
    return results


@gin.configurable(module='ddsp.training.eval_util')
def evaluate(
    data_provider: Any,
    model: Any,
    evaluator_classes: Sequence[Any],
    save_dir: str = '/tmp/ddsp/training',
    restore_dir: str = '',
    batch_size: int = 32,
    num_batches: int = 50,
    repeats: int = -1,
    ckpt_delay_secs: float = 0,
    run_once: bool = False,
    run_until_step: int = 0,
    evaluate_and_sample: bool = False,
) -> dict[str, float]:
    """Measures each checkpoint of a run, see `evaluate_or_sample`.

    Parameters
    ----------
    data_provider : gives the batches, in the order of the data.
    model : a `ddsp.training.models.Model`, of the same settings as was trained.
    evaluator_classes : classes of `ddsp.training.evaluators`, or of your own. Of data
        that comes in tuples they see the first part.
    save_dir : where results go.
    restore_dir : a directory with checkpoints, or one checkpoint; by default
        `save_dir`.
    batch_size : examples in a batch.
    num_batches : how many batches of each checkpoint.
    repeats : how often the data is read, -1 for ever: a dataset that is smaller than
        `num_batches` batches is then seen several times.
    ckpt_delay_secs : least time between the beginnings of two checkpoints.
    run_once : whether to end after the newest checkpoint.
    run_until_step : end after a checkpoint of at least this step; 0 for never.
    evaluate_and_sample : whether to do both: measure, and show of the first batch.

    Returns
    -------
    The metrics of the last checkpoint, by name.

    Raises
    ------
    ValueError
        For no batches, data of other rates and lengths than the model's, or a
        checkpoint of another model.
    FileNotFoundError
        When `run_once` finds no checkpoint.
    OSError
        When `save_dir` cannot be written.
    ImportError
        When tensorboard is missing.
    """
    return evaluate_or_sample(
        data_provider=data_provider,
        model=model,
        evaluator_classes=evaluator_classes,
        mode='eval',
        save_dir=save_dir,
        restore_dir=restore_dir,
        batch_size=batch_size,
        num_batches=num_batches,
        repeats=repeats,
        ckpt_delay_secs=ckpt_delay_secs,
        run_once=run_once,
        run_until_step=run_until_step,
        evaluate_and_sample=evaluate_and_sample,
    )


@gin.configurable(module='ddsp.training.eval_util')
def sample(
    data_provider: Any,
    model: Any,
    evaluator_classes: Sequence[Any],
    save_dir: str = '/tmp/ddsp/training',
    restore_dir: str = '',
    batch_size: int = 16,
    num_batches: int = 1,
    ckpt_delay_secs: float = 0,
    run_once: bool = False,
    run_until_step: int = 0,
    evaluate_and_sample: bool = False,
) -> dict[str, float]:
    """Writes audio and pictures of each checkpoint of a run, for TensorBoard.

    The rest is as in `evaluate_or_sample`.

    Parameters
    ----------
    data_provider : gives the batches, in the order of the data.
    model : a `ddsp.training.models.Model`, of the same settings as was trained.
    evaluator_classes : classes of `ddsp.training.evaluators`, or of your own. Of data
        that comes in tuples they see the first part.
    save_dir : where results go.
    restore_dir : a directory with checkpoints, or one checkpoint; by default
        `save_dir`.
    batch_size : examples in a batch.
    num_batches : how many batches of each checkpoint.
    ckpt_delay_secs : least time between the beginnings of two checkpoints.
    run_once : whether to end after the newest checkpoint.
    run_until_step : end after a checkpoint of at least this step; 0 for never.
    evaluate_and_sample : whether to do both: show, and measure every batch.

    Returns
    -------
    The metrics of the last checkpoint, by name, if `evaluate_and_sample`.

    Raises
    ------
    ValueError
        For no batches, data of other rates and lengths than the model's, or a
        checkpoint of another model.
    FileNotFoundError
        When `run_once` finds no checkpoint.
    OSError
        When `save_dir` cannot be written.
    ImportError
        When tensorboard is missing.
    """
    return evaluate_or_sample(
        data_provider=data_provider,
        model=model,
        evaluator_classes=evaluator_classes,
        mode='sample',
        save_dir=save_dir,
        restore_dir=restore_dir,
        batch_size=batch_size,
        num_batches=num_batches,
        ckpt_delay_secs=ckpt_delay_secs,
        run_once=run_once,
        run_until_step=run_until_step,
        evaluate_and_sample=evaluate_and_sample,
    )


class _Round:
    """What is done with each checkpoint.

    Parameters
    ----------
    model, dataset : see `evaluate_or_sample`.
    evaluators : instances.
    measures : whether to gather metrics.
    shows_first, shows_all : whether to write samples of the first batch, of all.
    """

    def __init__(
        self,
        model: Any,
        dataset: tf.data.Dataset,
        evaluators: Sequence[Any],
        measures: bool,
        shows_first: bool,
        shows_all: bool,
    ) -> None:
        self.model = model
        self.dataset = dataset
        self.evaluators = evaluators
        self.measures = measures
        self.shows_first = shows_first
        self.shows_all = shows_all
        self._play = compile_apart(self._outputs, reduce_retracing=True)

    def restore(self, checkpoint: str, must: bool) -> bool:
        """Reads a checkpoint; one that is gone or damaged is passed over with a word.

        Parameters
        ----------
        checkpoint : its path.
        must : raise what is wrong with it instead.
        """
        if not self.model.built:
            # Before its first batch a model has no weights to read into.
            for batch in self.dataset.take(1):
                self._outputs(batch)
        try:
            self.model.restore(checkpoint)
        except (tf.errors.OpError, OSError) as error:
            if must:
                raise
            reason = ' '.join(str(error).split())[:200]
            tell(f'{checkpoint} cannot be read ({reason}); waiting for the next one')
            return False
        return True

    def run(self, step: int) -> dict[str, Any]:
        """Plays all batches, writes what there is to write, and gives a report."""
        started, batches, examples = time.monotonic(), 0, 0
        for batch in self.dataset:
            outputs, losses = self._play(batch)
            # Zipped data comes in tuples: evaluators see the first of them.
            batch = batch[0] if isinstance(batch, tuple) else batch
            if self.measures:
                for evaluator in self.evaluators:
                    evaluator.evaluate(batch, outputs, losses)
            if self.shows_all or (self.shows_first and not batches):
                self._show(batch, outputs, step, batches)
            batches += 1
            examples += int(tf.shape(next(iter(batch.values())))[0])
        if not batches:
            raise ValueError(
                'evaluation: the dataset gave no batch; it is empty, or repeats is 0.'
            )
        tell(f'step {step}: {examples} examples in {time.monotonic() - started:.1f} s')
        metrics: dict[str, float] = {}
        if self.measures:
            for evaluator in self.evaluators:
                metrics.update(evaluator.flush(step) or {})
        return {'batches': batches, 'examples': examples, 'metrics': metrics}

    def _outputs(self, batch: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        # Each evaluation hears the same noise, or none could be compared.
        with core.reproducible_noise(_NOISE_SEED):
            outputs, losses = self.model(batch, training=False, return_losses=True)
        audio = self.model.get_audio_from_outputs(outputs)
        return {**outputs, 'audio_gen': audio}, losses

    def _show(
        self,
        batch: Mapping[str, Any],
        outputs: Mapping[str, Any],
        step: int,
        index: int,
    ) -> None:
        # In TensorBoard, later batches have a place of their own.
        place = tf.name_scope(f'batch_{index + 1}/') if index else _NOWHERE
        with place:
            for evaluator in self.evaluators:
                evaluator.sample(batch, outputs, step)


def _checkpoints(
    restore_dir: str, delay_secs: float, run_once: bool, run_until_step: int
) -> Iterator[str]:
    """The newest checkpoint, then each newer one that is there when asked for."""
    if run_once or _is_checkpoint(restore_dir):
        yield checkpoint_files.latest(restore_dir)
        return
    done, waiting = None, False
    while True:
        started = time.monotonic()
        newest = checkpoint_files.newest_complete(restore_dir)
        if newest is None or newest == done:
            if not waiting:
                than = f' newer than {os.path.basename(done)}' if done else ''
                tell(f'waiting for a checkpoint in {restore_dir}{than}')
            waiting = True
            time.sleep(_POLL_SECONDS)
            continue
        waiting = False
        yield newest
        done = newest
        if 0 < run_until_step <= checkpoint_files.step_of(newest):
            return
        time.sleep(max(0.0, started + delay_secs - time.monotonic()))


def _is_checkpoint(path: str) -> bool:
    """Whether a path is that of one checkpoint, with or without an ending."""
    if tf.io.gfile.isdir(path):
        return False
    try:
        checkpoint_files.latest(path)
        return True
    except FileNotFoundError:
        return False


def _write_json(path: str, report: Mapping[str, Any]) -> None:
    """Writes a file whole or not at all."""
    metrics = {
        name: value if math.isfinite(value) else None
        for name, value in report['metrics'].items()
    }
    report = {**report, 'metrics': metrics}
    write_text(path, json.dumps(report, indent=2, allow_nan=False) + '\n')
