"""SavedModels, loaded back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp.training.export.functions import Arrays, ExportedFunction, Run, of_function

SIGNATURE = 'serving_default'


def load(directory: str | Path) -> ExportedFunction:
    """Loads the signature `serving_default` of a SavedModel.

    Raises
    ------
    ValueError
        When there is no SavedModel, or it has no such signature.
    """
    directory = Path(directory)
    if not (directory / 'saved_model.pb').is_file():
        raise ValueError(
            f'{directory} holds no SavedModel: there is no saved_model.pb.'
        )
    loaded = tf.saved_model.load(str(directory))
    if SIGNATURE not in loaded.signatures:
        raise ValueError(
            f'the SavedModel in {directory} has the signatures '
            f'{sorted(loaded.signatures)}, expected {SIGNATURE!r}.'
        )
    signature = loaded.signatures[SIGNATURE]
    specs = signature.structured_input_signature[1]

    def call(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return signature(**dict(zip(specs, inputs)))

    return of_function(call, specs, _variables(loaded))


def run(directory: str | Path) -> Run:
    """Makes a function of arrays by name of a SavedModel."""
    signature = tf.saved_model.load(str(directory)).signatures[SIGNATURE]
    specs = signature.structured_input_signature[1]

    def call(inputs: Mapping[str, np.ndarray]) -> Arrays:
        named = {k: tf.constant(inputs[k], spec.dtype) for k, spec in specs.items()}
        return {name: x.numpy() for name, x in signature(**named).items()}

    # A signature does not keep its variables.
    call.loaded = signature
    return call


def _variables(loaded: Any) -> list[tf.Variable]:
    return list(getattr(loaded, 'saved_variables', ()))
