"""ONNX: models for onnxruntime, on machines and in browsers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp.optional import import_optional
from ddsp.training.export.errors import ExportError, cannot_hold
from ddsp.training.export.functions import Arrays, ExportedFunction, Run
from ddsp.training.export.quiet import silenced

OPSET = 17
_STANDARD = ('', 'ai.onnx')


def convert(exported: ExportedFunction) -> bytes:
    """Converts a function.

    Raises
    ------
    ExportError
        When it has operations that are not of ONNX; their names are in the message.
    ImportError
        When `tf2onnx` is missing.
    """
    tf2onnx = import_optional('tf2onnx', 'exporting to ONNX', 'ddsp[export]')
    specs = [
        tf.TensorSpec(port.shape, port.dtype, port.name) for port in exported.inputs
    ]
    try:
        with silenced():
            model, _ = tf2onnx.convert.from_function(
                exported.function,
                input_signature=specs,
                opset=OPSET,
                custom_op_handlers={'SelectV2': (_choose, [])},
            )
    except Exception as error:
        raise cannot_hold('ONNX', (), f'{type(error).__name__}: {error}') from error
    # It writes operations that no runtime has, and says nothing.
    unknown = _unknown(model.graph)
    if unknown:
        raise cannot_hold('ONNX', unknown)
    return model.SerializeToString()


def _choose(context: Any, node: Any, name: str, args: list[Any]) -> None:
    """Makes ONNX's own choice of `tf.where`.

    The converter would multiply both sides by 0 or 1 and add them, which lets NaN
    through from the side that was not chosen.
    """
    node.type = 'Where'


def run(model: bytes | str | Path) -> Run:
    """Makes a function of arrays by name of a model.

    Raises
    ------
    ImportError
        When `onnxruntime` is missing.
    ExportError
        When the model is not valid.
    """
    ort = import_optional('onnxruntime', 'running ONNX', 'ddsp[export]')
    content = model if isinstance(model, bytes) else Path(model).read_bytes()
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(
            content, options, providers=['CPUExecutionProvider']
        )
    except Exception as error:  # Of a type that onnxruntime does not tell.
        raise ExportError(f'the ONNX model is not valid: {str(error)[:200]}') from error
    inputs = [port.name for port in session.get_inputs()]
    outputs = [port.name for port in session.get_outputs()]

    def call(named: Mapping[str, np.ndarray]) -> Arrays:
        fed = {name: np.asarray(named[name]) for name in inputs}
        return dict(zip(outputs, session.run(outputs, fed)))

    return call


def _unknown(graph: Any) -> set[str]:
    """The operations of a graph, and of graphs inside of it, that ONNX has not."""
    onnx = import_optional('onnx', 'exporting to ONNX', 'ddsp[export]')
    unknown = set()
    for node in graph.node:
        if node.domain not in _STANDARD or not onnx.defs.has(node.op_type):
            unknown.add(node.op_type)
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                unknown |= _unknown(attribute.g)
    return unknown
