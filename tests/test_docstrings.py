"""The examples in docstrings do what they say."""

from __future__ import annotations

import doctest
import importlib
import pathlib
import pkgutil

import pytest

import ddsp

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
NAMES = ['ddsp'] + [
    module.name
    for module in pkgutil.walk_packages(
        [str(pathlib.Path(ddsp.__file__).parent)], 'ddsp.'
    )
]


def examples(name: str) -> list[doctest.DocTest]:
    module = importlib.import_module(name)
    return [test for test in doctest.DocTestFinder().find(module) if test.examples]


def test_there_are_examples_to_run() -> None:
    assert sum(bool(examples(name)) for name in NAMES) >= 5


@pytest.mark.parametrize('name', NAMES)
def test_examples(name: str) -> None:
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    report: list[str] = []
    for test in examples(name):
        runner.run(test, out=report.append)
    assert runner.failures == 0, ''.join(report)
