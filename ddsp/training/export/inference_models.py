"""The models of `ddsp.training.inference` as functions to export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gin
import tensorflow as tf

from ddsp import core
from ddsp.training import gin_files, inference
from ddsp.training.export import features
from ddsp.training.export.functions import (
    ExportedFunction,
    of_function,
    of_stream,
)
from ddsp.training.gin_scope import own_configuration
from ddsp.training.inference.tensor_function import (
    TensorFunction,
    tensorflow_variables,
)

_CLASSES = {
    'autoencoder': 'AutoencoderInference',
    'streaming_f0_pw': 'StreamingInstrument',
    'vst_extract_features': 'VSTExtractFeatures',
    'vst_predict_controls': 'VSTPredictControls',
    'vst_stateless_predict_controls': 'VSTStatelessPredictControls',
    'vst_synthesize': 'VSTSynthesize',
    'vst_synthesize_harmonic': 'VSTSynthesizeHarmonic',
    'vst_synthesize_noise': 'VSTSynthesizeNoise',
}
NAMES = tuple(_CLASSES)

_SEED = 0


def make(ckpt: str | Path, name: str, gin_params: Sequence[str] = ()) -> Any:
    """Makes an inference model of a checkpoint.

    Parameters
    ----------
    ckpt : whatever `load_instrument` takes.
    name : one of `NAMES`.
    gin_params : bindings such as `'AutoencoderInference.length_seconds = 2'`.

    Raises
    ------
    ValueError
        For another name, a binding that gin does not take, or a checkpoint without the
        parts that are needed.
    FileNotFoundError
        When there is no such checkpoint.
    """
    if name not in _CLASSES:
        raise ValueError(
            f'the inference model is {name!r}, expected one of {", ".join(NAMES)}.'
        )
    chosen = getattr(inference, _CLASSES[name])
    if name == 'streaming_f0_pw':
        return chosen.load(ckpt)
    quiet = {'verbose': False} if name == 'autoencoder' else {}
    with own_configuration():
        gin_files.parse_params(list(gin_params))
        with gin.unlock_config():
            return chosen(str(ckpt), **quiet)


def function_of(model: Any) -> ExportedFunction:
    """The function of an inference model, as the context makes it: portable or not."""
    if isinstance(model, inference.StreamingInstrument):
        with core.reproducible_noise(_SEED):
            return of_stream(model.as_module(1))
    if isinstance(model, inference.AutoencoderInference):
        return _of_autoencoder(model)
    if not isinstance(model, TensorFunction):
        raise ValueError(
            f'{type(model).__name__} is no inference model; expected one of '
            f'{", ".join(_CLASSES.values())}.'
        )
    return of_function(model.call, model.input_specs, model.saved_variables())


def reset(model: Any) -> None:
    """Makes a model forget what it was given before, if it remembers."""
    if hasattr(model, 'reset'):
        model.reset()


def blocks_for(model: Any, exported: ExportedFunction, seconds: float) -> list:
    """Inputs of as many steps as play some time, one at least."""
    singing = features.sing(model.sample_rate, model.frame_rate)
    n_frames = getattr(model, 'n_frames', 1)
    n_blocks = max(2, round(seconds * model.frame_rate / n_frames))
    return list(features.feed(exported, singing, n_blocks))


def _of_autoencoder(model: Any) -> ExportedFunction:
    level = 'power_db' if model.takes_power else 'loudness_db'
    frames = tf.TensorSpec([1, model.n_frames])
    given = ('audio_synth', *model.decoder.output_keys)

    def play(f0_hz: tf.Tensor, level_db: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = model.resynthesise(f0_hz[..., tf.newaxis], level_db[..., tf.newaxis])
        return {key: outputs[key] for key in given}

    variables = tensorflow_variables([model.decoder, model.processor_group])
    return of_function(play, {'f0_hz': frames, level: frames}, variables)
