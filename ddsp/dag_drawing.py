"""How a graph of layers is shown: as a table, as a picture, as text for Mermaid."""

from __future__ import annotations

import html
import os
import shutil
import subprocess
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras

from ddsp.dag_svg import Arrow, Box, as_svg

if TYPE_CHECKING:
    from ddsp.dags import DAGLayer

_INPUTS = 'inputs'
_WITH_GRAPHVIZ = ('svg', 'png', 'pdf')
_AS_TEXT = ('mmd', 'md', 'dot')


def shapes_of(results: Any) -> Any:
    """Replaces tensors by their shapes as tuples, with `None` for unknown sizes."""
    if isinstance(results, Mapping):
        return {key: shapes_of(value) for key, value in results.items()}
    if isinstance(results, (list, tuple)):
        return {str(i): shapes_of(value) for i, value in enumerate(results)}
    shape = getattr(results, 'shape', None)
    rank = getattr(shape, 'rank', 0) if shape is not None else None
    return None if rank is None else tuple(shape)


def table(layer: DAGLayer, shapes: Mapping[str, Any]) -> str:
    """Lists the nodes of a graph with types, inputs, output shapes and weights.

    Parameters
    ----------
    layer : the graph.
    shapes : shapes of the results by name of the node, as far as they are known.

    Returns
    -------
    Lines of text; sizes that are not known stand as `?`.
    """
    rows = [('node', 'type', 'inputs', 'output shape', 'parameters')]
    for key in layer.input_keys:
        shape = _shape_at(shapes.get(_INPUTS), key)
        rows.append((f'inputs/{key}', 'input', '', _shape_text(shape), ''))
    for step in layer.steps:
        module = getattr(layer, step.name)
        results = _main_results(shapes.get(step.name))
        inputs = list(step.inputs) or ['']
        rows.append(
            (
                step.name,
                _type_of(module),
                inputs[0],
                results[0],
                f'{_count_parameters(module):,}',
            )
        )
        results += [''] * (len(inputs) - len(results))
        inputs += [''] * (len(results) - len(inputs))
        rows += [('', '', i, r, '') for i, r in zip(inputs[1:], results[1:])]
    total = sum(_count_parameters(module) for module in _once(layer.modules))
    return _as_columns(rows, layer.name, f'{total:,} parameters')


def _as_columns(rows: Sequence[tuple[str, ...]], title: str, footer: str) -> str:
    widths = [max(map(len, column)) for column in zip(*rows)]
    rule = '─' * (sum(widths) + 2 * (len(widths) - 1))
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths)]
        cells.append(row[-1].rjust(widths[-1]))
        lines.append('  '.join(cells).rstrip())
    return '\n'.join([title, rule, lines[0], rule, *lines[1:], rule, footer])


def _main_results(shapes: Any) -> list[str]:
    """A line for each result; the controls of a processor are not its main thing."""
    if not isinstance(shapes, Mapping):
        return [_shape_text(shapes)]
    if 'signal' in shapes:
        return [_shape_text(shapes['signal'])]
    return [f'{key} {_shape_text(shape)}' for key, shape in _leaves(shapes)] or ['?']


def _leaves(shapes: Mapping[str, Any], prefix: str = '') -> list[tuple[str, Any]]:
    leaves = []
    for key, shape in shapes.items():
        if isinstance(shape, Mapping):
            leaves += _leaves(shape, f'{prefix}{key}/')
        else:
            leaves.append((f'{prefix}{key}', shape))
    return leaves


def _shape_at(shapes: Any, path: str) -> Any:
    return dict(_leaves(shapes)).get(path) if isinstance(shapes, Mapping) else None


def _shape_text(shape: Sequence[int | None] | None) -> str:
    if shape is None:
        return '?'
    return f'[{", ".join("?" if size is None else str(size) for size in shape)}]'


def _type_of(module: Any) -> str:
    is_layer = isinstance(module, keras.layers.Layer)
    return type(module).__name__ if is_layer else 'function'


def _count_parameters(module: Any) -> int:
    weights = _once(getattr(module, 'weights', ()))
    return sum(_product(weight.shape) for weight in weights)


def _product(sizes: Sequence[int]) -> int:
    product = 1
    for size in sizes:
        product *= int(size)
    return product


def _once(things: Sequence[Any]) -> list[Any]:
    return list({id(thing): thing for thing in things}.values())


def boxes_and_arrows(layer: DAGLayer) -> tuple[list[Box], list[Arrow]]:
    """What there is to draw; inputs of the graph have names with `inputs/`."""
    boxes = [Box(f'{_INPUTS}/{key}', '') for key in layer.input_keys]
    arrows = []
    for step in layer.steps:
        boxes.append(Box(step.name, _type_of(getattr(layer, step.name))))
        for source in step.sources:
            is_input = source.node == _INPUTS
            start = f'{_INPUTS}/{source.path}' if is_input else source.node
            if is_input and not source.path:
                start = _INPUTS
                boxes[:0] = [] if Box(_INPUTS, '') in boxes else [Box(_INPUTS, '')]
            arrows.append(Arrow(start, step.name, '' if is_input else source.path))
    return boxes, arrows


def draw(layer: DAGLayer, path: str) -> str:
    """Draws the graph into a file whose ending says how.

    Parameters
    ----------
    layer : the graph.
    path : file ending in `.svg`, `.png`, `.pdf`, `.mmd`, `.md` or `.dot`.

    Returns
    -------
    The path; where `.png` or `.pdf` is wanted and Graphviz is missing, that of an
    `.svg` beside it, with a warning.

    Raises
    ------
    ValueError
        When the ending is none of these.
    RuntimeError
        When Graphviz fails.
    """
    path = os.fspath(path)
    ending = os.path.splitext(path)[1].lower().lstrip('.')
    if ending not in _WITH_GRAPHVIZ + _AS_TEXT:
        known = ', '.join(f'.{known}' for known in _WITH_GRAPHVIZ + _AS_TEXT)
        raise ValueError(f'{path} ends in none of the known formats: {known}.')
    boxes, arrows = boxes_and_arrows(layer)
    if ending in _WITH_GRAPHVIZ and shutil.which('dot'):
        content = _run_graphviz(as_dot(boxes, arrows), ending)
    elif ending in ('png', 'pdf'):
        instead = f'{os.path.splitext(path)[0]}.svg'
        warnings.warn(
            f'a .{ending} is drawn by Graphviz, whose command dot is not installed '
            f'(apt install graphviz, brew install graphviz); drew {instead} instead.',
            stacklevel=3,
        )
        return draw(layer, instead)
    else:
        writers = {'svg': as_svg, 'dot': as_dot, 'mmd': as_mermaid, 'md': as_markdown}
        content = writers[ending](boxes, arrows).encode()
    with open(path, 'wb') as file:
        file.write(content)
    return path


def _run_graphviz(dot: str, ending: str) -> bytes:
    done = subprocess.run(
        ['dot', f'-T{ending}'], input=dot.encode(), capture_output=True, check=False
    )
    if done.returncode:
        message = done.stderr.decode(errors='replace').strip()
        raise RuntimeError(f'dot could not draw the graph: {message}')
    return done.stdout


def as_dot(boxes: Sequence[Box], arrows: Sequence[Arrow]) -> str:
    """Writes the graph for Graphviz."""
    lines = [
        'digraph dag {',
        '  node [shape=box, style="rounded,filled", fillcolor="#e8f0fe",'
        ' fontname="Helvetica", fontsize=12];',
        '  edge [fontname="Helvetica", fontsize=10, color="#5f6368"];',
    ]
    for box in boxes:
        if box.type_name:
            label = f'{_quoted(box.name)[:-1]}\\n{_quoted(box.type_name)[1:]}'
            lines.append(f'  {_quoted(box.name)} [label={label}];')
        else:
            label = _quoted(box.name.removeprefix(f'{_INPUTS}/'))
            style = 'style=filled, fillcolor="#f1f3f4", shape=ellipse'
            lines.append(f'  {_quoted(box.name)} [label={label}, {style}];')
    for arrow in arrows:
        ends = f'{_quoted(arrow.start)} -> {_quoted(arrow.end)}'
        lines.append(f'  {ends} [label={_quoted(arrow.label)}];')
    return '\n'.join([*lines, '}', ''])


def _quoted(text: str) -> str:
    escaped = text.replace('\\', '\\\\').replace('"', '\\"')
    return f'"{escaped}"'


def as_mermaid(boxes: Sequence[Box], arrows: Sequence[Arrow]) -> str:
    """Writes the graph as a Mermaid flowchart, which many pages and editors draw."""
    ids = {box.name: f'n{i}' for i, box in enumerate(boxes)}
    lines = ['flowchart TD']
    for box in boxes:
        name = html.escape(box.name.removeprefix(f'{_INPUTS}/'))
        text = f'["{name}<br/>{box.type_name}"]' if box.type_name else f'(["{name}"])'
        lines.append(f'  {ids[box.name]}{text}')
    for arrow in arrows:
        label = f'|"{html.escape(arrow.label)}"|' if arrow.label else ''
        lines.append(f'  {ids[arrow.start]} -->{label} {ids[arrow.end]}')
    return '\n'.join([*lines, ''])


def as_markdown(boxes: Sequence[Box], arrows: Sequence[Arrow]) -> str:
    """Writes the Mermaid flowchart as a block of a Markdown page."""
    return f'```mermaid\n{as_mermaid(boxes, arrows)}```\n'
