"""How a graph is written down, and its mistakes, found when it is made."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from dag_parts import crop

from ddsp.dags import DAGLayer
from ddsp.processors import Add, Crop


def test_format_dag_writes_plain_nodes() -> None:
    add = Add()
    assert DAGLayer.format_dag(((add, ('a', 'b')), ['named', 'a', ('b',)])) == [
        (add, ['a', 'b']),
        ('named', ['a'], ['b']),
    ]


def test_an_input_may_be_called_like_its_node() -> None:
    group = DAGLayer(
        [(Crop(1, name='audio'), ['audio']), (Add(), ['audio/signal'] * 2)]
    )
    outputs = group({'audio': tf.constant([[1.0, 2.0, 3.0]])})
    np.testing.assert_allclose(outputs['out']['signal'], [[2.0, 4.0]])


MISTAKES = [
    ('add', 'a dag is a list of nodes'),
    (None, 'a dag is a list of nodes, not None'),
    ([], 'the dag is empty'),
    ([(Add(),)], r'node 0 of the dag is .* expected \(module, \[input keys\]\)'),
    ([(Add, ['a', 'b'])], r'node 0 of the dag: Add is a class; make one: Add\(\)'),
    ([(Add(), ['a', 'b']), (3.0, ['a'])], 'node 1 of the dag: the module is 3.0'),
    ([(Add(), ['a', 2])], 'node 0 of the dag: keys are'),
    ([(Add(), ['a', 'b//c'])], "the key 'b//c' has an empty part"),
    ([('sum', ['a'])], "names the module 'sum', but the modules .* are "),
    ([(Add(), ['a', 'b']), (Add(), ['a', 'b'])], "the name 'add' of node 1 is used tw"),
    ([(Add(name='out'), ['a', 'b'])], "called 'out', which stands for"),
    ([(Add(name='losses'), ['a', 'b'])], "cannot be called 'losses'"),
    ([(Add(name='weights'), ['a', 'b'])], "cannot be called 'weights'"),
    ([(Add(), ['a', 'harmonic/signal'])], "no earlier node is called 'harmonic'"),
    ([(Add(), ['a', 'b']), (Crop(1), ['ad/signal'])], "did you mean 'add'"),
    ([crop, (Add(), ['a', 'b'])], "node 'crop' .* but 'add' stands after it"),
    ([(Add(), ['a', 'add/signal'])], "'add' is that node itself"),
    (
        [(Add(), ['a', 'b']), (Crop(1), ['add/sinal'])],
        r"one of \['add/signal', .*did you",
    ),
    ([(Add(), ['a', 'b']), (Crop(1), ['add/controls/one'])], 'add/controls/signal_one'),
    ([(Add(), ['a', 'b']), (Crop(1), ['add'])], r"'add', which is not one of \['add/s"),
    ([(Add(), ['a', 'b']), (Crop(1), ['add/signal/0'])], 'which is not one of'),
    ([(Add(), ['a'])], r"'add' is given \['a'\], but takes .*missing a required arg"),
    ([(Add(), ['a', 'b', 'c'])], 'too many positional arguments'),
    ([(Add(), ['a', 'b'], ['sum'])], r"output key 'sum', but gives \['signal', "),
]


@pytest.mark.parametrize(('dag', 'message'), MISTAKES)
def test_mistakes_are_found_when_it_is_made(dag, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DAGLayer(dag)


def test_mistakes_with_keyword_modules() -> None:
    with pytest.raises(
        ValueError, match=r"'sun', .*\['sum'\] \(did you mean 'sum'\?\)"
    ):
        DAGLayer([('sun', ['a', 'b'])], sum=Add())
    with pytest.raises(ValueError, match="keyword argument 'sum' is 3 of type int"):
        DAGLayer([('sum', ['a', 'b'])], sum=3)
    with pytest.raises(ValueError, match="the name 'add' of node 0 is used twice"):
        DAGLayer([(Add(), ['a', 'b'])], add=Add())
    with pytest.raises(ValueError, match="the name 'sum' of node 1 is used twice"):
        DAGLayer([('sum', ['a', 'b']), ('sum', ['a', 'a'])], sum=Add())
