"""Graphs as a table and as a picture."""

from __future__ import annotations

import itertools
import pathlib
import shutil
import xml.etree.ElementTree as ElementTree

import keras
import numpy as np
import pytest
from dag_parts import Split, crop, scale, x

from ddsp import dag_drawing, dag_svg
from ddsp.dags import DAGLayer
from ddsp.processors import Add, Crop, ProcessorGroup


def example() -> ProcessorGroup:
    dag = [
        (scale(2.0, 'twice'), ['x']),
        (keras.layers.Dense(4, name='dense'), ['twice']),
        (Add(), ['dense', 'x']),
        (Crop(1), ['add/signal']),
        (Split(True, name='split'), ['add/signal']),
        (Add(name='sum'), ['split/low', 'split/high']),
    ]
    return ProcessorGroup(dag=dag, name='example')


def printed(group: DAGLayer, **kwargs) -> list[str]:
    lines: list[str] = []
    group.summary(print_fn=lines.append, **kwargs)
    return [' '.join(line.split()) for line in lines[0].splitlines()]


def test_summary_before_and_after_a_call() -> None:
    group = example()
    assert 'dense Dense twice ? 0' in printed(group)
    group({'x': x})
    lines = printed(group)
    assert lines[0] == 'example'
    assert lines[2] == 'node type inputs output shape parameters'
    assert lines[4:-1] == [
        'inputs/x input [2, 4]',
        'twice Rescaling x [2, 4] 0',
        'dense Dense twice [2, 4] 20',
        'add Add dense [2, 4] 0',
        'x',
        'crop Crop add/signal [2, 3] 0',
        'split Split add/signal low [2, 2] 0',
        'high [2, 2]',
        'sum Add split/low [2, 2] 0',
        'split/high',
        lines[-2],
    ]
    assert lines[-1] == '20 parameters'


def test_summary_from_input_shapes_builds_the_layers() -> None:
    group = example()
    lines = printed(group, input_shapes={'x': (None, 4)})
    assert 'dense Dense twice [?, 4] 20' in lines
    assert 'crop Crop add/signal [?, 3] 0' in lines
    np.testing.assert_array_equal(group({'x': x}).shape, (2, 2))


def test_summary_prints(capsys: pytest.CaptureFixture) -> None:
    example().summary()
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) == len(lines[1])


def without_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, 'which', lambda _: None)


def test_plot_svg(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_graphviz(monkeypatch)
    path = tmp_path / 'graph.svg'
    assert example().plot(path) == str(path)
    root = ElementTree.parse(path).getroot()
    texts = [element.text for element in root.iter('{http://www.w3.org/2000/svg}text')]
    for name in ('x', 'twice', 'dense', 'add', 'crop', 'split', 'sum', 'Split', 'low'):
        assert name in texts
    paths = root.findall('{http://www.w3.org/2000/svg}path')
    assert len(paths) == 8


def test_boxes_of_the_picture_do_not_overlap() -> None:
    boxes, arrows = dag_drawing.boxes_and_arrows(example())
    rows, routes = dag_svg._rows_and_routes(boxes, arrows)
    widths = {box.name: dag_svg._box_width(box, arrows) for box in boxes}
    places = dag_svg._lay_out(rows, routes, widths)
    for row in rows:
        left_to_right = sorted(
            (places[name] for name in row), key=lambda place: place.x
        )
        for left, right in itertools.pairwise(left_to_right):
            assert left.x + left.width / 2 < right.x - right.width / 2
    for arrow in arrows:
        assert places[arrow.start].y < places[arrow.end].y


def test_plot_mermaid(tmp_path: pathlib.Path) -> None:
    group = DAGLayer([(Add(), ['a', 'inputs/b']), crop])
    group.plot(tmp_path / 'graph.mmd')
    text = (tmp_path / 'graph.mmd').read_text()
    assert text == (
        'flowchart TD\n'
        '  n0(["a"])\n'
        '  n1(["b"])\n'
        '  n2["add<br/>Add"]\n'
        '  n3["crop<br/>Crop"]\n'
        '  n0 --> n2\n'
        '  n1 --> n2\n'
        '  n2 -->|"signal"| n3\n'
    )
    group.plot(tmp_path / 'graph.md')
    assert (tmp_path / 'graph.md').read_text() == f'```mermaid\n{text}```\n'


def test_plot_dot(tmp_path: pathlib.Path) -> None:
    DAGLayer([(Add(name='a "sum"'), ['a', 'inputs'])]).plot(tmp_path / 'graph.dot')
    text = (tmp_path / 'graph.dot').read_text()
    assert '"a \\"sum\\"" [label="a \\"sum\\"\\nAdd"];' in text
    assert '"inputs" -> "a \\"sum\\"" [label=""];' in text


def test_plot_without_graphviz_draws_an_svg_in_place_of_a_png(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_graphviz(monkeypatch)
    with pytest.warns(UserWarning, match='Graphviz, whose command dot is not inst'):
        drawn = example().plot(tmp_path / 'graph.png')
    assert drawn == str(tmp_path / 'graph.svg')
    assert [path.name for path in tmp_path.iterdir()] == ['graph.svg']
    assert ElementTree.parse(drawn).getroot().tag.endswith('svg')


def test_plot_runs_graphviz(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / 'dot'
    script.write_text('#!/bin/sh\necho "drawn with $1"; cat\n')
    script.chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path), prepend=':')
    example().plot(tmp_path / 'graph.pdf')
    text = (tmp_path / 'graph.pdf').read_text()
    assert text.startswith('drawn with -Tpdf\ndigraph dag {')
    script.write_text('#!/bin/sh\necho "syntax error" >&2; exit 1\n')
    with pytest.raises(RuntimeError, match='could not draw the graph: syntax error'):
        example().plot(tmp_path / 'other.pdf')
    assert not (tmp_path / 'other.pdf').exists()


def test_plot_refuses_other_formats(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match=r'none of the known formats: \.svg, \.png'):
        example().plot(tmp_path / 'graph.gif')
