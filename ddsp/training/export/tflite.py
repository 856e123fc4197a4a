"""TensorFlow Lite: models of built-in operations alone."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from ddsp.optional import import_optional
from ddsp.training.export.errors import cannot_hold
from ddsp.training.export.functions import Arrays, Run
from ddsp.training.export.quiet import silenced
from ddsp.training.export.saved_models import SIGNATURE

# What the converter calls an operation that it could not convert.
_OPERATION = re.compile(r'\btf\.([A-Z]\w+)\(')
_FLEX = re.compile(r'\bFlex(\w+)')


def convert(saved_model: str | Path) -> bytes:
    """Converts a SavedModel.

    Raises
    ------
    ExportError
        When it has operations that are not built in; their names are in the message.
    """
    try:
        with silenced():
            converter = tf.lite.TFLiteConverter.from_saved_model(
                str(saved_model), signature_keys=[SIGNATURE]
            )
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
            return converter.convert()
    # The converter raises Exception itself.
    except Exception as error:
        text = str(error)
        names = {*_OPERATION.findall(text), *_FLEX.findall(text)}
        raise cannot_hold('TFLite', names, text[:200]) from error


def run(model: bytes | str | Path) -> Run:
    """Makes a function of arrays by name of a model, as a program would that ships it.

    Raises
    ------
    ImportError
        When `ai_edge_litert` is missing.
    """
    litert = import_optional(
        'ai_edge_litert.interpreter', 'running TFLite', 'ddsp[export]'
    )
    content = model if isinstance(model, bytes) else Path(model).read_bytes()
    with silenced():
        interpreter = litert.Interpreter(model_content=content, num_threads=1)
        signature = interpreter.get_signature_runner(SIGNATURE)
    names = list(signature.get_input_details())

    def call(inputs: Mapping[str, np.ndarray]) -> Arrays:
        return signature(**{name: np.asarray(inputs[name]) for name in names})

    # Without it, what the signature points to is gone.
    call.interpreter = interpreter
    return call


def attach(model: str | Path, name: str, content: str) -> None:
    """Attaches a text file, as TensorFlow Lite attaches files: as a zip at the end."""
    with zipfile.ZipFile(model, 'a') as archive:
        archive.writestr(name, content)


def attached(model: str | Path, name: str) -> str:
    """Reads a text file that is attached to a model."""
    with zipfile.ZipFile(model) as archive:
        return archive.read(name).decode('utf-8')
