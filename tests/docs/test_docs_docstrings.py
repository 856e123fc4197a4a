"""Docstrings as the site shows them: sections, types of signatures, links."""

from __future__ import annotations

import logging
from typing import Any

import pytest

griffe = pytest.importorskip('griffe', reason="needs pip install 'ddsp[docs]'")

from docs_docstrings import entries, read_docstring  # noqa: E402

SOURCE = '''
import dataclasses

def render(
    audio: tf.Tensor, low_hz: float = 20.0, high_hz: float = 8e3, **options: int
) -> tf.Tensor:
    """Renders: a [batch, samples] thing.

    More of it.

    Parameters
    ----------
    audio : `[batch, samples]`, in
        two lines.
    low_hz, high_hz : the range in Hz.
    **options : others.

    Returns
    -------
    Audio, `[batch, samples]`,
    as long as `audio`.

    Raises
    ------
    OSError, ValueError
        When it cannot
        be done.
    KeyError
        Else.

    Examples
    --------
    Of one:

    >>> render(1)
    2
    """

def pair():
    """Two.

    Returns
    -------
    low : the lower one,
        always.
    high : the other.
    """

class Meter:
    """Measures.

    Metrics
    -------
    l1, l2 : distances,
        of both kinds.

    Parameters
    ----------
    rate : in Hz.
    """

    def __init__(self, rate: int = 16000): ...

@dataclasses.dataclass
class Point:
    """A point.

    Parameters
    ----------
    x : where.
    """

    x: float = 0.5
'''


@pytest.fixture(scope='module')
def module() -> Any:
    with griffe.temporary_visited_module(SOURCE) as module:
        yield module


def sections(thing: Any) -> dict[str, Any]:
    found = read_docstring(thing.docstring.value, thing)
    return {section.kind.value: section.value for section in found}


def test_a_function(module: Any) -> None:
    found = sections(module['render'])
    assert found['text'] == 'Renders: a [batch, samples] thing.\n\nMore of it.'
    shown = [(p.name, str(p.annotation), p.description) for p in found['parameters']]
    assert shown == [
        ('audio', 'tf.Tensor', '`[batch, samples]`, in\ntwo lines.'),
        ('low_hz, high_hz', 'float', 'the range in Hz.'),
        ('**options', 'int', 'others.'),
    ]
    assert [p.value for p in found['parameters']][:2] == [None, '20.0, 8000.0']
    (returned,) = found['returns']
    assert (returned.name, str(returned.annotation)) == ('', 'tf.Tensor')
    assert returned.description == 'Audio, `[batch, samples]`,\nas long as `audio`.'
    raised = [(e.annotation, e.description) for e in found['raises']]
    assert raised == [
        ('OSError, ValueError', 'When it cannot\nbe done.'),
        ('KeyError', 'Else.'),
    ]
    kinds = [(kind.value, text) for kind, text in found['examples']]
    assert kinds == [('text', 'Of one:'), ('examples', '>>> render(1)\n2')]


def test_several_results(module: Any) -> None:
    returned = sections(module['pair'])['returns']
    assert [(r.name, r.description) for r in returned] == [
        ('low', 'the lower one,\nalways.'),
        ('high', 'the other.'),
    ]


def test_classes(module: Any) -> None:
    (rate,) = sections(module['Meter'])['parameters']
    assert (str(rate.annotation), rate.value) == ('int', '16000')
    (x,) = sections(module['Point'])['parameters']
    assert (str(x.annotation), str(x.value)) == ('float', '0.5')


def test_sections_of_our_own_are_kept(module: Any) -> None:
    texts = [
        section.value
        for section in read_docstring(module['Meter'].docstring.value, module['Meter'])
        if section.kind.value == 'text'
    ]
    assert texts[1] == '**Metrics:**\n\n- **`l1, l2`** : distances,\n    of both kinds.'


def test_a_parameter_that_is_not_there_is_warned_of(
    module: Any, caplog: pytest.LogCaptureFixture
) -> None:
    text = 'Text.\n\nParameters\n----------\naduio : mistyped.'
    with caplog.at_level(logging.WARNING):
        read_docstring(text, module['render'])
    assert 'aduio' in caplog.text and 'render' in caplog.text


def test_entries_with_paragraphs() -> None:
    assert entries('a : one\n    two\n\n    three\nb : four') == [
        ('a', 'one\ntwo\n\nthree'),
        ('b', 'four'),
    ]
