"""The examples in docstrings do what they say."""

from __future__ import annotations

import ast
import doctest
import importlib
import pathlib

import pytest

import ddsp

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PACKAGE = pathlib.Path(ddsp.__file__).parent
PATHS = [path for path in sorted(PACKAGE.rglob('*.py')) if '>>>' in path.read_text()]
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def examples(path: pathlib.Path) -> list[doctest.DocTest]:
    """The examples of a file: of every docstring, also behind a decorator."""
    name = '.'.join(path.relative_to(PACKAGE.parent).with_suffix('').parts)
    module = importlib.import_module(name.removesuffix('.__init__'))
    parser = doctest.DocTestParser()
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        text = ast.get_docstring(node) if isinstance(node, DOCUMENTED) else None
        if text:
            what = getattr(node, 'name', module.__name__)
            line = node.body[0].lineno - 1
            test = parser.get_doctest(text, vars(module), what, str(path), line)
            found += [test] if test.examples else []
    return found


def test_examples_are_found() -> None:
    names = {test.name for test in examples(PACKAGE / 'core' / 'scaling.py')}
    assert 'exp_sigmoid' in names  # Behind a decorator of gin's.
    assert len(PATHS) >= 40


@pytest.mark.parametrize(
    'path', PATHS, ids=lambda path: path.relative_to(PACKAGE).as_posix()
)
@pytest.mark.usefixtures('own_estimators')
def test_examples(path: pathlib.Path) -> None:
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    report: list[str] = []
    for test in examples(path):
        runner.run(test, out=report.append)
    assert runner.tries > 0
    assert runner.failures == 0, ''.join(report)
