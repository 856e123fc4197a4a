"""What all models share: losses by name, training steps, checkpoints."""

from __future__ import annotations

import contextlib
import contextvars
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ddsp import registration
from ddsp.core import noise, tensors
from ddsp.training import checkpoint_files, checkpoints

# Where the losses of the call in progress are gathered, if anyone asked for them.
_LOSSES: contextvars.ContextVar[dict[str, tf.Tensor] | None] = contextvars.ContextVar(
    'ddsp_losses', default=None
)
TOTAL = 'total_loss'


class Model(registration.Configured, keras.Model):
    """Abstract base class of models: from features to outputs, both dictionaries.

    To make your own, write `call(features, training=...)`, which gives a dictionary,
    and in it hand over losses with `update_losses`. `compile(optimizer=...)` and `fit`
    on a dataset of features then train it.

    Parameters
    ----------
    **kwargs : of `keras.Model`.
    """

    #: Makes the noise of each training step a function of this number and the step.
    noise_seed: int | None = None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{'autocast': False, **kwargs})
        # Plain data, kept from Keras, which would wrap it.
        self._notes = _Notes()

    @property
    def loss_names(self) -> list[str]:
        """Names of the losses, as far as they are known before the first call."""
        return []

    def build(self, *unused_shapes: Any, **unused_named_shapes: Any) -> None:
        """Leaves it to the parts, which build themselves on the first call."""
        self.built = True

    def __call__(self, *args: Any, return_losses: bool = False, **kwargs: Any) -> Any:
        """Runs the model.

        Parameters
        ----------
        *args : the features, a dictionary of tensors or arrays; and whatever else
            `call` takes.
        return_losses : whether to give the losses beside the outputs.
        **kwargs : of `call`, such as `training`.

        Returns
        -------
        The dictionary of outputs; with `return_losses` a pair of it and
        `{loss name: scalar}`, in which `'total_loss'` is the sum of the others.
        """
        args = tuple(_to_tensors(arg) for arg in args)
        is_first = not self._notes.complete
        specs = [_specs_of(arg) for arg in args] if is_first else []
        if is_first and self._notes.requests:
            self._make_weights(specs, kwargs)
            self._complete(specs)
        gathered: dict[str, tf.Tensor] = {}
        with _gathering(gathered if return_losses else None):
            outputs = super().__call__(*args, **kwargs)
        # Not before: what fails says nothing of the inputs that the model takes.
        if is_first:
            self._complete(specs)
        if not return_losses:
            return outputs
        if self.losses:  # What layers added on their own.
            gathered['layer_losses'] = tf.add_n(self.losses)
        return outputs, {**gathered, TOTAL: self.sum_losses(gathered)}

    def call(self, *args: Any, training: bool = False, **kwargs: Any) -> dict[str, Any]:
        """Gives the outputs of the model for a dictionary of features."""
        raise NotImplementedError(f'{type(self).__name__} must define call.')

    def get_audio_from_outputs(self, outputs: Mapping[str, Any]) -> tf.Tensor:
        """Takes the audio `[batch, samples]` out of the outputs of `call`."""
        raise NotImplementedError(
            f'{type(self).__name__} must define get_audio_from_outputs.'
        )

    def update_losses(
        self, loss_objs: Any, *args: Any, **kwargs: Any
    ) -> dict[str, tf.Tensor]:
        """Computes losses within `call`, if losses are wanted at all.

        Parameters
        ----------
        loss_objs : one loss layer or several. A layer that is no `ddsp.losses.Loss`
            gives one scalar, which has the layer's name.
        *args, **kwargs : what they compare. A `LossGroup` takes a dictionary.

        Returns
        -------
        `{loss name: scalar}`, empty if losses are not wanted.

        Raises
        ------
        ValueError
            When two losses have one name: none may be lost.
        """
        gathered = _LOSSES.get()
        if gathered is None:
            return {}
        found: dict[str, tf.Tensor] = {}
        for loss_obj in tensors.make_iterable(loss_objs):
            for name, value in _losses_of(loss_obj, *args, **kwargs).items():
                if name in gathered or name == TOTAL:
                    raise ValueError(
                        f'{self.name}: two losses are called {name!r}; give one '
                        'another name.'
                    )
                found[name] = gathered[name] = value
        return found

    #: What models written for the established library call it.
    _update_losses_dict = update_losses

    @property
    def wants_losses(self) -> bool:
        """Whether the call in progress was asked for losses."""
        return _LOSSES.get() is not None

    def sum_losses(self, losses_dict: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """The sum of all losses, a scalar; 0 where there are none."""
        values = [tf.cast(value, tf.float32) for value in losses_dict.values()]
        return tf.add_n(values) if values else tf.zeros([])

    def restore(
        self,
        checkpoint_path: str | os.PathLike[str],
        verbose: bool = True,
        restore_keys: Sequence[str] | None = None,
    ) -> checkpoints.Report | None:
        """Fills the weights from a checkpoint, also one of the established library.

        A model that was never called has no weights yet: they are filled at its first
        call, before anything is computed.

        Parameters
        ----------
        checkpoint_path : a checkpoint `DIR/ckpt-STEP`, or a directory, whose newest
            one is taken.
        verbose : whether to say what was read.
        restore_keys : parts of the model to fill, such as `['decoder']`; all of it
            without.

        Returns
        -------
        What was filled, or `None` if it waits for the first call.

        Raises
        ------
        FileNotFoundError
            When there is no checkpoint.
        ValueError
            When the weights in the checkpoint and those of the model, or the asked
            parts of it, do not agree by names and shapes; all are listed. Of a model
            that was never called, at the first call.
        """
        path = os.path.expanduser(os.fspath(checkpoint_path))
        prefix = checkpoint_files.latest(path)
        checkpoints.inspect(prefix)  # What cannot be read is said at once.
        request = _Request(prefix, verbose, restore_keys)
        if not self._notes.complete:
            self._notes.requests.append(request)
            if verbose:
                print(f'{prefix} will be read when the model is first called.')
            return None
        return request.fulfill(self)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """As `keras.Model.compile`; usually all it needs is an optimizer."""
        super().compile(*args, **kwargs)
        with self.distribute_strategy.scope():
            self._notes.metrics = {
                name: keras.metrics.Mean(name=name)
                for name in [*self.loss_names, TOTAL]
            }

    def get_metrics_result(self) -> dict[str, tf.Tensor]:
        """The means of the losses that came since they were reset, by name."""
        # Keras takes these only where they have the names of the last step's losses;
        # in validation there may be fewer than in training.
        return {
            name: metric.result()
            for name, metric in self._notes.metrics.items()
            if float(tf.convert_to_tensor(metric.count)) > 0.0
        }

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.fit`, on a dataset of features."""
        if isinstance(x, tf.data.Dataset) and len(args) < 8:
            # The order is the dataset's affair; Keras would say so in a warning.
            kwargs.setdefault('shuffle', False)
        return super().fit(x, *args, **kwargs)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The mean of each loss over an epoch."""
        return list(self._notes.metrics.values())

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Takes one step of training.

        Under a `tf.distribute` strategy each replica's loss counts alike, so that the
        summed gradients are those of the whole batch on one device, if all replicas
        have as many rows of it. Of an uneven batch, such as the last of a dataset may
        be, rows count more on a replica that has fewer; `drop_remainder=True` in
        `tf.data.Dataset.batch` leaves it out.

        Parameters
        ----------
        data : a dictionary of features, or a tuple of such as a `ZippedProvider`
            gives, which the model is given whole.

        Returns
        -------
        The losses of this step by name, and `'total_loss'`.
        """
        features = _features_of(data)
        with self._noise_of_step(), tf.GradientTape() as tape:
            _, step_losses = self(features, training=True, return_losses=True)
            loss = step_losses[TOTAL] / _replicas()
            loss = self.optimizer.scale_loss(loss)
        weights = self.trainable_variables
        gradients = tape.gradient(loss, weights)
        self.optimizer.apply_gradients(zip(gradients, weights))
        return self._report(step_losses)

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Computes the losses of a batch of features, without training on it."""
        features = _features_of(data)
        _, step_losses = self(features, training=False, return_losses=True)
        return self._report(step_losses)

    def predict_step(self, data: Any) -> dict[str, Any]:
        """Computes the outputs of a batch of features."""
        return self(_features_of(data), training=False)

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compiles a model that is being loaded as it was when it was saved."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built and self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)

    def _report(self, step_losses: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The losses as means over replicas; Keras keeps their means over epochs."""
        step_losses = _mean_over_replicas(dict(step_losses))
        for name, value in step_losses.items():
            self._mean_of(name).update_state(value)
        return step_losses

    def _mean_of(self, name: str) -> keras.metrics.Metric:
        """The mean of a loss, made where its name was not known beforehand."""
        if name not in self._notes.metrics:
            with tf.init_scope():
                self._notes.metrics[name] = keras.metrics.Mean(name=name)
        return self._notes.metrics[name]

    def _noise_of_step(self) -> contextlib.AbstractContextManager:
        if self.noise_seed is None:
            return contextlib.nullcontext()
        step = tf.cast(tf.convert_to_tensor(self.optimizer.iterations), tf.int64)
        return noise.reproducible_noise(self.noise_seed + step)

    def _complete(self, specs: Any) -> None:
        """Notes the inputs of the first call, and fills weights that wait for it."""
        self._notes.complete, self._notes.specs = True, specs
        while self._notes.requests:
            self._notes.requests.pop(0).fulfill(self)

    def _make_weights(self, specs: Any, kwargs: Mapping[str, Any]) -> None:
        """Makes all weights without computing anything."""

        def trace(*args: Any) -> Any:
            return super(Model, self).__call__(*args, **kwargs)

        # What is drawn here is nothing of the noise of the call that waits for it.
        with tf.init_scope(), noise.reproducible_noise(0):
            tf.function(trace, autograph=False).get_concrete_function(*specs)

    def get_build_config(self) -> dict[str, Any] | None:
        """What a saved model needs to make its weights again: its inputs."""
        if not self._notes.complete:
            return None
        return {'inputs': tf.nest.map_structure(_write_specs, self._notes.specs)}

    def build_from_config(self, config: Mapping[str, Any] | None) -> None:
        """Makes the weights of a model that is being loaded."""
        if config:
            specs = [_read_specs(spec) for spec in config['inputs']]
            self._make_weights(specs, {})
            self._notes.complete, self._notes.specs = True, specs
            self.built = True


class _Notes:
    """What a model knows of its first call, and the means that it reports."""

    def __init__(self) -> None:
        self.complete = False
        self.specs: Any = None
        self.metrics: dict[str, keras.metrics.Metric] = {}
        self.requests: list[_Request] = []


class _Request:
    """A checkpoint to be read once there are weights."""

    def __init__(
        self, prefix: str, verbose: bool, restore_keys: Sequence[str] | None
    ) -> None:
        self.prefix, self.verbose, self.restore_keys = prefix, verbose, restore_keys

    def fulfill(self, model: Model) -> checkpoints.Report:
        report = checkpoints.load(self.prefix, model, restore_keys=self.restore_keys)
        if self.verbose:
            print(report)
        return report


@contextlib.contextmanager
def _gathering(gathered: dict[str, tf.Tensor] | None) -> Iterator[None]:
    token = _LOSSES.set(gathered)
    try:
        yield
    finally:
        _LOSSES.reset(token)


def _losses_of(loss_obj: Any, *args: Any, **kwargs: Any) -> dict[str, tf.Tensor]:
    if hasattr(loss_obj, 'get_losses_dict'):
        return loss_obj.get_losses_dict(*args, **kwargs)
    return {loss_obj.name: loss_obj(*args, **kwargs)}


def _features_of(data: Any) -> Any:
    """The features in what Keras gives a step: a dictionary, or a tuple of several."""
    if _are_zipped(data):
        return tuple(data)
    features, _, _ = keras.utils.unpack_x_y_sample_weight(data)
    return features


def _are_zipped(value: Any) -> bool:
    """Whether these are the features of several sources, not features and targets."""
    if not isinstance(value, (list, tuple)) or len(value) < 2:
        return False
    return all(isinstance(item, Mapping) for item in value)


def _to_tensors(value: Any) -> Any:
    """Makes tensors of what is numeric, of floats in float32."""
    if isinstance(value, Mapping):
        return {key: _to_tensors(item) for key, item in value.items()}
    if _are_zipped(value):
        return tuple(_to_tensors(item) for item in value)
    if isinstance(value, (np.ndarray, np.generic, list, int, float)):
        if isinstance(value, bool):
            return value
        array = np.asarray(value)
        is_float = np.issubdtype(array.dtype, np.floating)
        return tf.convert_to_tensor(array, tf.float32 if is_float else None)
    return value


def _specs_of(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _specs_of(item) for key, item in value.items()}
    if _are_zipped(value):
        return tuple(_specs_of(item) for item in value)
    dtype = getattr(value, 'dtype', None)
    return tf.TensorSpec(value.shape, dtype) if dtype is not None else value


def _write_specs(spec: Any) -> Any:
    if not isinstance(spec, tf.TensorSpec):
        return spec
    shape = None if spec.shape.rank is None else spec.shape.as_list()
    return {'shape': shape, 'dtype': spec.dtype.name}


def _read_specs(config: Any) -> Any:
    if isinstance(config, Mapping) and set(config) == {'shape', 'dtype'}:
        return tf.TensorSpec(config['shape'], config['dtype'])
    if isinstance(config, Mapping):
        return {key: _read_specs(value) for key, value in config.items()}
    if _are_zipped(config):  # JSON makes lists of tuples.
        return tuple(_read_specs(item) for item in config)
    return config


def _replicas() -> int:
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def _mean_over_replicas(values: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    if _replicas() == 1:
        return values
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, values)
