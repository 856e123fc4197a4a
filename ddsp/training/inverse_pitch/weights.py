"""Weights of the two encoders, and of the confidence in them, in one small file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp import core
from ddsp.training import checkpoints, models
from ddsp.training.encoders import BandSinusoidalEncoder, SalienceHarmonicEncoder
from ddsp.training.inverse_pitch.confidence import Confidence, calibrate

SHIPPED = Path(__file__).parent / 'weights.npz'
_PARTS = ('sinusoidal_encoder', 'harmonic_encoder')
_CONFIDENCE = 'confidence'


def make_model() -> models.InverseSynthesis:
    """The model of `models/small_inverse_synthesis.gin`, without losses."""
    return models.InverseSynthesis(
        sinusoidal_encoder=BandSinusoidalEncoder(),
        harmonic_encoder=SalienceHarmonicEncoder(),
        freq_scale_fn=core.frequencies_linear_bands,
        reverb=False,
        n_samples=16384,
    )


def save_weights(
    model: models.InverseSynthesis,
    path: str | os.PathLike[str],
    confidence: Confidence | None = None,
) -> None:
    """Writes the weights of the two encoders of a model, as float32, into a file.

    Parameters
    ----------
    model : that was called, or filled from a checkpoint.
    path : `.npz` file to write.
    confidence : in what the model hears; by default it is calibrated here, which takes
        seconds.
    """
    values = {name: value.numpy() for name, value in _variables(model).items()}
    values[_CONFIDENCE] = np.array(confidence or calibrate(model))
    np.savez_compressed(path, **values)


def load_confidence(path: str | os.PathLike[str] = SHIPPED) -> Confidence:
    """Reads the confidence that `save_weights` has written.

    Parameters
    ----------
    path : the file; by default that of the estimator that comes with the library.

    Returns
    -------
    The confidence in what the encoders of the file hear.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it holds no confidence.
    """
    with np.load(path, allow_pickle=False) as file:
        values = file[_CONFIDENCE] if _CONFIDENCE in file.files else np.zeros(0)
    if values.shape != (len(Confidence._fields),):
        raise ValueError(
            f'{path} holds no confidence of {len(Confidence._fields)} numbers; '
            'expected what save_weights has written.'
        )
    return Confidence(*values.tolist())


def load_weights(path: str | os.PathLike[str] = SHIPPED) -> models.InverseSynthesis:
    """Makes a model with the weights that `save_weights` has written.

    Parameters
    ----------
    path : the file; by default that of the estimator that comes with the library.

    Returns
    -------
    The model, ready to hear.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it holds other weights than the model has.
    """
    model = make_model()
    model.forward({'audio': tf.zeros([1, 16384])}, training=False)
    variables = _variables(model)
    with np.load(path, allow_pickle=False) as file:
        wrong = sorted(
            set(variables).symmetric_difference({*file.files} - {_CONFIDENCE})
            | {
                name
                for name in set(variables) & set(file.files)
                if file[name].shape != tuple(variables[name].shape)
            }
        )
        if wrong:
            raise ValueError(
                f'{path} holds weights of another model: {", ".join(wrong[:4])} '
                'differ; expected what save_weights has written.'
            )
        for name, variable in variables.items():
            variable.assign(file[name])
    return model


def _variables(model: models.InverseSynthesis) -> dict[str, Any]:
    return {
        f'{part}/{path}': variable
        for part in _PARTS
        for path, variable in checkpoints.variables_by_path(
            getattr(model, part)
        ).items()
    }
