"""What counts as public: what Python says when it imports the modules."""

from __future__ import annotations

import importlib
import inspect
import pathlib
import sys

import pytest
from built_site import ROOT
from docs_pages import public

MODULES = public.public_modules(ROOT)


@pytest.mark.parametrize('path', MODULES)
def test_agrees_with_python(path: str) -> None:
    module = importlib.import_module(path)
    read = MODULES[path]
    assert pathlib.Path(module.__file__).samefile(read.file)
    for name in read.names:
        assert getattr(module, name.name) is getattr(
            sys.modules[name.origin], name.name
        )
        assert not inspect.ismodule(getattr(module, name.name))
    for inner in read.modules:
        imported = importlib.import_module(inner)
        assert getattr(module, inner.rpartition('.')[2]) is imported
    offered = {name.name for name in read.names}
    offered |= {inner.rpartition('.')[2] for inner in read.modules}
    if hasattr(module, '__all__'):
        assert offered == set(module.__all__)


def write(folder: pathlib.Path, text: str) -> None:
    (folder / 'ddsp').mkdir()
    (folder / 'ddsp/__init__.py').write_text(text)


def test_a_new_name_appears_by_itself(tmp_path: pathlib.Path) -> None:
    write(
        tmp_path,
        'LIMIT: int = 3\n_HIDDEN = 4\nlogger = 1\n\n'
        'def shown(): ...\ndef _hidden(): ...\nclass Also: ...\n',
    )
    names = public.read_module(tmp_path, 'ddsp').names
    assert [name.path for name in names] == ['ddsp.LIMIT', 'ddsp.shown', 'ddsp.Also']


def test_a_name_that_is_not_there_is_an_error(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "__all__ = ['gone']\n")
    with pytest.raises(ValueError, match='gone'):
        public.read_module(tmp_path, 'ddsp')


def test_a_module_that_is_not_there_is_an_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'ddsp\.gone'):
        public.read_module(tmp_path, 'ddsp.gone')
