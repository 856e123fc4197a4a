"""What trains a model: its optimizer, its step, and its checkpoints."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gin
import keras
import tensorflow as tf

from ddsp.tracing import compile_apart
from ddsp.training import checkpoint_files, checkpoints
from ddsp.training.optimizers import ClippedAdam
from ddsp.training.telling import tell


@gin.configurable(module='ddsp.training.trainers')
class Trainer:
    """Trains a model on one device or many, step by step or through Keras's `fit`.

    Adam with an exponentially decaying learning rate, gradients clipped by the global
    norm of the whole batch. Make the model within the scope of the strategy, then call
    `build` with a batch before anything else.

    Parameters
    ----------
    model : a `ddsp.training.models.Model`.
    strategy : a `tf.distribute.Strategy`, such as `train_util.get_strategy()` gives.
    checkpoints_to_keep : how many of the newest checkpoints `save` leaves; all for 0.
    learning_rate : at the first step.
    lr_decay_steps, lr_decay_rate : every so many steps the learning rate has become so
        many times itself, smoothly.
    grad_clip_norm : largest global norm of gradients; None does not clip.
    restore_keys : parts of the model, such as `['decoder']`, that `restore` fills.
    jit_compile : whether XLA compiles the step.

    Raises
    ------
    ValueError
        For settings that make no sense, a model made outside the strategy's scope or
        with a policy of float16 or plain bfloat16, and XLA on several processors of
        one machine.
    """

    def __init__(
        self,
        model: keras.Model,
        strategy: tf.distribute.Strategy,
        checkpoints_to_keep: int = 100,
        learning_rate: float = 0.001,
        lr_decay_steps: int = 10000,
        lr_decay_rate: float = 0.98,
        grad_clip_norm: float | None = 3.0,
        restore_keys: Sequence[str] | None = None,
        jit_compile: bool = False,
    ) -> None:
        _check_positive(
            learning_rate=learning_rate,
            lr_decay_steps=lr_decay_steps,
            lr_decay_rate=lr_decay_rate,
        )
        _check_scope(model, strategy)
        _check_policy(model)
        if jit_compile and strategy.num_replicas_in_sync > 1:
            _check_xla(strategy)
        self.model = model
        self.strategy = strategy
        self.checkpoints_to_keep = checkpoints_to_keep
        self.grad_clip_norm = grad_clip_norm
        self.restore_keys = restore_keys
        self.jit_compile = jit_compile
        self._schedule = keras.optimizers.schedules.ExponentialDecay(
            learning_rate, decay_steps=lr_decay_steps, decay_rate=lr_decay_rate
        )
        with strategy.scope():
            self.optimizer = ClippedAdam(self._schedule, clip_norm=grad_clip_norm)
            model.compile(optimizer=self.optimizer, jit_compile=False)
        self._replica_step = compile_apart(
            self.step_fn, jit_compile=jit_compile, autograph=False
        )
        self._train_function = compile_apart(
            self._strategy_step, autograph=False, reduce_retracing=True
        )
        self._built = False
        self._damaged: list[str] = []
        #: The path of the checkpoint that was written or read last; None before.
        self.last_checkpoint: str | None = None

    @property
    def step(self) -> tf.Tensor:
        """The number of steps taken, a scalar."""
        return tf.convert_to_tensor(self.optimizer.iterations)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return float(self._schedule(self.step))

    def build(self, batch: Mapping[str, Any]) -> None:
        """Makes the weights of the model and the moments of the optimizer.

        Parameters
        ----------
        batch : a batch, also a distributed one; its first row is run through the model.
        """
        row = tf.nest.map_structure(lambda x: self._local(x)[:1], batch)
        with self.strategy.scope():
            self.model(row, training=False, return_losses=True)
            self.optimizer.build(self.model.trainable_variables)
        self._built = True

    def step_fn(self, batch: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """Takes a step on one replica's rows of a batch; gives the losses by name."""
        return self.model.train_step(batch)

    def train_step(self, inputs: Any) -> dict[str, tf.Tensor]:
        """Takes one step of training.

        Parameters
        ----------
        inputs : a batch, or an iterator that gives one; distributed under a strategy
            of several replicas.

        Returns
        -------
        The losses by name, each the mean over the whole batch, and `'total_loss'`.

        Raises
        ------
        ValueError
            For an iterator, when the weights are not built.
        """
        if not self._built:
            if hasattr(inputs, '__next__'):
                raise ValueError(
                    'Trainer: call build(batch) before the first train_step.'
                )
            self.build(inputs)
        # Taken here, since the step's counter would not wait for it in the graph, and
        # count a step where the data has ended.
        batch = next(inputs) if hasattr(inputs, '__next__') else inputs
        return self._train_function(batch)

    def fit(
        self,
        dataset: Any,
        steps: int,
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ) -> None:
        """Trains some steps through Keras's `fit`.

        Parameters
        ----------
        dataset : of batches, plain or distributed.
        steps : how many to take.
        callbacks : of Keras; a batch's logs are that batch's losses by name.
        """
        # `fit` would average over all replicas what is one number, and over all steps.
        self.model.train_function = self._fit_step
        # The weights are there: `fit` need not take a batch, in ways that several
        # workers do not bear, to make them.
        self.model._maybe_symbolic_build = lambda *args, **kwargs: None
        with warnings.catch_warnings():
            # `train` says itself where the data ended.
            warnings.filterwarnings('ignore', 'Your input ran out of data')
            self.model.fit(
                dataset,
                epochs=1,
                steps_per_epoch=steps,
                verbose=0,
                shuffle=False,
                callbacks=list(callbacks),
            )

    def run(self, fn: Callable, *args: Any, **kwargs: Any) -> Any:
        """Runs a function on each replica.

        Parameters
        ----------
        fn : the function.
        *args : what it is given.
        **kwargs : what it is given by name.

        Returns
        -------
        What it gives, of each replica.
        """
        return self.strategy.run(fn, args=args, kwargs=kwargs)

    def psum(self, x: Any, axis: int | None = None) -> tf.Tensor:
        """Sums what the replicas have, and over an axis of it if one is named.

        Parameters
        ----------
        x : a tensor of any shape on each replica.
        axis : an axis to sum over, too; None for none.

        Returns
        -------
        The sum: the shape of `x` on one replica, without the axis.
        """
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, x, axis=axis)

    def distribute_dataset(self, dataset: Any) -> Any:
        """Spreads the batches of a dataset over the replicas.

        A function of a `tf.distribute.InputContext` is called once by each worker, and
        gives that worker's own rows.
        """
        if isinstance(dataset, tf.data.Dataset):
            return self.strategy.experimental_distribute_dataset(dataset)
        return self.strategy.distribute_datasets_from_function(dataset)

    def get_checkpoint(self, model: keras.Model | None = None) -> Checkpoint:
        """A checkpoint of a model, this trainer's by default, and of the optimizer."""
        return Checkpoint(model or self.model, self.optimizer)

    def save(self, save_dir: str | os.PathLike[str]) -> str:
        """Writes the checkpoint `ckpt-STEP` and removes those too many.

        Those that `restore` found damaged in the same directory are called
        `damaged-ckpt-STEP` from now on, so that none is taken for the newest.

        Returns
        -------
        The path of the checkpoint.

        Raises
        ------
        OSError
            When it could not be written, and those before it are as they were; or
            when it was written, but those too many could not be removed.
        """
        save_dir = os.path.expanduser(os.fspath(save_dir))
        path = os.path.join(save_dir, f'ckpt-{int(self.step)}')
        try:
            tf.io.gfile.makedirs(save_dir)
            self.get_checkpoint().write(path)
        except (OSError, tf.errors.OpError) as error:
            raise OSError(_not_saved(path, save_dir, error)) from error
        self.last_checkpoint = path
        try:
            self._tidy(save_dir, path)
        except (OSError, tf.errors.OpError) as error:
            raise OSError(_not_tidied(path, error)) from error
        return path

    def _tidy(self, save_dir: str, written: str) -> None:
        for path in self._damaged:
            if not _same(path, written) and _same(os.path.dirname(path), save_dir):
                checkpoint_files.set_aside(path)
        self._damaged = []
        checkpoint_files.keep_newest(save_dir, self.checkpoints_to_keep, written)

    def restore(
        self,
        checkpoint_path: str | os.PathLike[str],
        restore_keys: Sequence[str] | None = None,
    ) -> str:
        """Fills the model and the optimizer from a checkpoint.

        With `restore_keys`, only these parts of the model are filled, and training
        starts from step 0.

        Parameters
        ----------
        checkpoint_path : a checkpoint, or a directory whose newest one is taken.
        restore_keys : instead of those the trainer was made with.

        Returns
        -------
        The path of the checkpoint that was read.

        Raises
        ------
        FileNotFoundError
            When there is no checkpoint.
        OSError
            When all there are are damaged, or one cannot be read just now.
        ValueError
            When the checkpoint is of another model, or the trainer is not built yet.
        """
        if not self._built:
            raise ValueError('Trainer: call build(batch) before restore.')
        keys = restore_keys or self.restore_keys
        optimizer = None if keys else self.optimizer

        def load(path: str) -> None:
            report = checkpoints.load(path, self.model, optimizer, keys)
            if report.note:
                tell(f'{path}: {report.note}')

        self._damaged = []
        path = checkpoint_files.load_newest(checkpoint_path, load, self._damaged)
        self.last_checkpoint = path
        return path

    def _strategy_step(self, batch: Any) -> dict[str, tf.Tensor]:
        losses = self.run(self._replica_step, batch)
        # Each replica has the means over all of them already.
        return {name: self._local(loss) for name, loss in losses.items()}

    def _fit_step(self, iterator: Any) -> dict[str, tf.Tensor]:
        try:
            return self.train_step(iterator)
        except tf.errors.OutOfRangeError:
            raise StopIteration from None

    def _local(self, value: Any) -> Any:
        return self.strategy.experimental_local_results(value)[0]


@gin.configurable(module='ddsp.training.trainers')
def get_trainer_class(trainer_class: type = Trainer) -> type:
    """The class that trains: `Trainer`, or another that gin names."""
    return trainer_class


@dataclasses.dataclass
class Checkpoint:
    """A model and its optimizer, as files hold them.

    Parameters
    ----------
    model : the model, built.
    optimizer : its optimizer; None writes and reads weights alone.
    """

    model: keras.Model
    optimizer: keras.optimizers.Optimizer | None = None

    def write(self, file_prefix: str | os.PathLike[str]) -> str:
        """Writes `PREFIX.index` and `PREFIX.data-*`; gives the prefix."""
        checkpoints.save(os.fspath(file_prefix), self.model, self.optimizer)
        return os.fspath(file_prefix)

    save = write

    def restore(self, save_path: str | os.PathLike[str]) -> Any:
        """Fills model and optimizer from a checkpoint; see `checkpoints.load`."""
        return checkpoints.load(os.fspath(save_path), self.model, self.optimizer)

    read = restore


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f'Trainer.{name} is {value}, expected a number above 0.')


def _check_scope(model: keras.Model, strategy: tf.distribute.Strategy) -> None:
    with strategy.scope():
        expected = tf.distribute.get_strategy()
    if model.distribute_strategy is not expected:
        raise ValueError(
            f'Trainer: the model was made under {type(model.distribute_strategy)}, the '
            f'trainer is given {type(strategy)}; make the model inside '
            '`with strategy.scope():`.'
        )


_UNFIT_POLICIES = {
    'mixed_float16': 'whose gradients need a scaled loss, which a Trainer does not do',
    'float16': 'in which what Adam adds to weights and moments is soon rounded away',
    'bfloat16': 'in which what Adam adds to weights and moments is rounded away',
}


def _check_policy(model: keras.Model) -> None:
    name = model.dtype_policy.name
    if name in _UNFIT_POLICIES:
        raise ValueError(
            f'Trainer: the model has the policy {name!r}, {_UNFIT_POLICIES[name]}. Use '
            "'mixed_bfloat16', whose numbers have the range of float32, and whose "
            'weights are of float32.'
        )


def _check_xla(strategy: tf.distribute.Strategy) -> None:
    devices = strategy.extended.worker_devices
    if len(devices) > 1 and any('CPU' in device for device in devices):
        raise ValueError(
            f'Trainer.jit_compile is True, but XLA cannot train on {len(devices)} '
            'CPU devices at once, only on one or on GPUs. Set jit_compile to False, or '
            'train under the strategy of one device.'
        )


def _same(path: str, other: str) -> bool:
    return os.path.abspath(path) == os.path.abspath(other)


def _not_tidied(path: str, error: Exception) -> str:
    reason = ' '.join(str(error).split())[:300]
    return (
        f'the checkpoint {path} was written, but the directory could not be put in '
        f'order after that ({reason}).'
    )


def _not_saved(path: str, save_dir: str, error: Exception) -> str:
    reason = ' '.join(str(error).split())[:300]
    kept = checkpoint_files.newest_complete(save_dir)
    rest = f'{kept} is intact' if kept else 'there is none before it'
    return f'the checkpoint {path} could not be written ({reason}); {rest}.'
