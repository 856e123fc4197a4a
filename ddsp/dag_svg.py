"""Draws boxes and arrows from top to bottom as an SVG, without other programs."""

from __future__ import annotations

import html
import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# In pixels.
_CHARACTER, _SMALL_CHARACTER = 7.5, 6.5
_PADDING, _HEIGHT, _MARGIN = 14.0, 42.0, 20.0
_GAP_X, _GAP_Y, _PASSAGE = 26.0, 64.0, 10.0
_PORTS = 0.8  # Share of a side of a box where arrows may touch it.


class Box(NamedTuple):
    """A node of the picture."""

    name: str
    type_name: str  # '' for an input of the graph.


class Arrow(NamedTuple):
    """What goes from one box to another, and the key under which it does."""

    start: str
    end: str
    label: str


class Place(NamedTuple):
    """Centre and width of a box in the picture."""

    x: float
    y: float
    width: float


def as_svg(boxes: Sequence[Box], arrows: Sequence[Arrow]) -> str:
    """Draws a graph, each box below all that feeds it.

    Parameters
    ----------
    boxes : in an order in which none stands before what feeds it.
    arrows : between boxes, by their names.

    Returns
    -------
    The SVG document as text.
    """
    rows, routes = _rows_and_routes(boxes, arrows)
    widths = {box.name: _box_width(box, arrows) for box in boxes}
    places = _lay_out(rows, routes, widths)
    lines = [*_head(places), *_curves(arrows, routes, places)]
    lines += [_svg_box(box, places[box.name]) for box in boxes]
    return '\n'.join([*lines, '</svg>', ''])


def _head(places: Mapping[str, Place]) -> list[str]:
    width = max(place.x + place.width / 2 for place in places.values()) + _MARGIN
    height = max(place.y for place in places.values()) + _HEIGHT / 2 + _MARGIN
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" '
        f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="12">',
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" '
        'markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0 L10,5 L0,10 z" fill="#5f6368"/></marker></defs>',
        '<rect width="100%" height="100%" fill="white"/>',
    ]


def _depths(boxes: Sequence[Box], arrows: Sequence[Arrow]) -> dict[str, int]:
    """The row of each box: below its sources; inputs just above their first use."""
    depth = {box.name: 0 for box in boxes}
    for box in boxes:
        sources = [depth[arrow.start] for arrow in arrows if arrow.end == box.name]
        if sources:
            depth[box.name] = 1 + max(sources)
    for box in boxes:
        users = [depth[arrow.end] for arrow in arrows if arrow.start == box.name]
        if not box.type_name and users:
            depth[box.name] = min(users) - 1
    return depth


def _rows_and_routes(
    boxes: Sequence[Box], arrows: Sequence[Arrow]
) -> tuple[list[list[str]], list[list[str]]]:
    """Boxes of each row, and what each arrow touches on its way down.

    An arrow that is longer than a row gets a passage in each row between, so that it
    runs beside the boxes there instead of over them.
    """
    depth = _depths(boxes, arrows)
    rows: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for box in boxes:
        rows[depth[box.name]].append(box.name)
    routes = []
    for arrow in arrows:
        route = [arrow.start]
        for row in range(depth[arrow.start] + 1, depth[arrow.end]):
            passage = f'passage of {arrow.start}/{arrow.label} in row {row}'
            if passage not in rows[row]:
                rows[row].append(passage)
            route.append(passage)
        routes.append([*route, arrow.end])
    return rows, routes


def _lay_out(
    rows: Sequence[Sequence[str]],
    routes: Sequence[Sequence[str]],
    widths: Mapping[str, float],
) -> dict[str, Place]:
    span = max(_row_width(row, widths) for row in rows)
    places: dict[str, Place] = {}
    for depth, row in enumerate(rows):
        # In the order of what feeds them, arrows seldom cross.
        order = {name: _mean_source(name, routes, places) for name in row}
        x = _MARGIN + (span - _row_width(row, widths)) / 2
        y = _MARGIN + _HEIGHT / 2 + depth * (_HEIGHT + _GAP_Y)
        for name in sorted(row, key=order.__getitem__):
            width = widths.get(name, _PASSAGE)
            places[name] = Place(x + width / 2, y, width)
            x += width + _GAP_X
    return places


def _box_width(box: Box, arrows: Sequence[Arrow]) -> float:
    """Wide enough for its texts, and for the labels of arrows side by side above it."""
    texts = _CHARACTER * max(len(_title(box)), len(box.type_name))
    arriving = [arrow for arrow in arrows if arrow.end == box.name]
    longest = max((len(arrow.label) for arrow in arriving), default=0)
    labels = len(arriving) * longest * _SMALL_CHARACTER
    return max(2 * _PADDING + texts, labels / _PORTS)


def _row_width(row: Sequence[str], widths: Mapping[str, float]) -> float:
    return sum(widths.get(name, _PASSAGE) for name in row) + _GAP_X * (len(row) - 1)


def _mean_source(
    name: str, routes: Sequence[Sequence[str]], places: Mapping[str, Place]
) -> float:
    sources = [route[route.index(name) - 1] for route in routes if name in route[1:]]
    xs = [places[source].x for source in sources]
    # What nothing feeds goes to the side, away from arrows that pass.
    return sum(xs) / len(xs) if xs else max((p.x for p in places.values()), default=0)


def _curves(
    arrows: Sequence[Arrow],
    routes: Sequence[Sequence[str]],
    places: Mapping[str, Place],
) -> list[str]:
    curves, labels = [], []
    for index, arrow in enumerate(arrows):
        points = _points(index, routes, places)
        curves.append(_svg_curve(points))
        if arrow.label:
            labels.append(_svg_label(arrow.label, *points[-1]))
    return curves + labels


def _points(
    index: int, routes: Sequence[Sequence[str]], places: Mapping[str, Place]
) -> list[tuple[float, float]]:
    """Where an arrow leaves a box, passes rows, and arrives."""
    route = routes[index]
    start, end = places[route[0]], places[route[-1]]
    leaving = [i for i, other in enumerate(routes) if other[0] == route[0]]
    leaving.sort(key=lambda i: places[routes[i][1]].x)
    arriving = [i for i, other in enumerate(routes) if other[-1] == route[-1]]
    arriving.sort(key=lambda i: places[routes[i][-2]].x)
    passages = [(places[name].x, places[name].y) for name in route[1:-1]]
    return [
        (start.x + start.width * _share(index, leaving), start.y + _HEIGHT / 2),
        *passages,
        (end.x + end.width * _share(index, arriving), end.y - _HEIGHT / 2),
    ]


def _share(index: int, side: Sequence[int]) -> float:
    """Arrows that share a side of a box are spread evenly over it."""
    return _PORTS * ((side.index(index) + 0.5) / len(side) - 0.5)


def _svg_curve(points: Sequence[tuple[float, float]]) -> str:
    path = f'M{points[0][0]:.1f},{points[0][1]:.1f}'
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        middle = (y1 + y2) / 2
        path += f' C{x1:.1f},{middle:.1f} {x2:.1f},{middle:.1f} {x2:.1f},{y2:.1f}'
    return (
        f'<path d="{path}" fill="none" stroke="#5f6368" stroke-width="1.3" '
        'marker-end="url(#tip)"/>'
    )


def _svg_label(label: str, x: float, y: float) -> str:
    """Writes the key near the tip, where arrows are furthest apart."""
    return (
        f'<text x="{x:.1f}" y="{y - 14:.1f}" text-anchor="middle" font-size="10" '
        'fill="#3c4043" stroke="white" stroke-width="4" paint-order="stroke">'
        f'{html.escape(label)}</text>'
    )


def _svg_box(box: Box, place: Place) -> str:
    fill, radius = ('#e8f0fe', 8) if box.type_name else ('#f1f3f4', _HEIGHT / 2)
    if box.type_name:
        texts = _svg_text(place.x, place.y - 4, _title(box), ' font-weight="bold"')
        texts += _svg_text(place.x, place.y + 12, box.type_name)
    else:
        texts = _svg_text(place.x, place.y + 4, _title(box))
    return (
        f'<rect x="{place.x - place.width / 2:.1f}" y="{place.y - _HEIGHT / 2:.1f}" '
        f'width="{place.width:.1f}" height="{_HEIGHT:.1f}" rx="{radius}" '
        f'fill="{fill}" stroke="#8ab4f8"/>{texts}'
    )


def _svg_text(x: float, y: float, text: str, style: str = '') -> str:
    text = html.escape(text)
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle"{style}>{text}</text>'


def _title(box: Box) -> str:
    return box.name.removeprefix('inputs/')
