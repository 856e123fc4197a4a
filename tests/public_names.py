"""Every name that ddsp offers.

It is listed in `__all__` of a module, promised in public_api.txt, or defined in one of
the modules that the documents tell readers to import.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import pathlib
import pkgutil
from types import ModuleType
from typing import Any

from docstring_rules import Documented, docstring, errors_raised, told_by

import ddsp

RECOMMENDED = (
    'ddsp.audio_files',
    'ddsp.recordings',
    'ddsp.registration',
    'ddsp.training.data_preparation.ddsp_prepare_tfrecord',
    'ddsp.training.data_preparation.prepare_tfrecord_lib',
    'ddsp.training.gin_files',
    'ddsp.training.strategies',
)
PROMISES = pathlib.Path(__file__).parent / 'public_api.txt'


def modules() -> list[ModuleType]:
    """Imports every module of ddsp."""
    found = pkgutil.walk_packages([str(pathlib.Path(ddsp.__file__).parent)], 'ddsp.')
    return [ddsp, *(importlib.import_module(module.name) for module in found)]


def documented() -> list[Documented]:
    """Gives everything public that has a docstring of its own, each thing once."""
    found = {}
    for value in [*_listed(), *_promised()]:
        value = inspect.unwrap(value) if inspect.isroutine(value) else value
        for item in _described(value):
            found[item.path] = item
    return [found[path] for path in sorted(found)]


def _listed() -> list[Any]:
    """What modules list; a listed module that lists nothing offers what it defines."""
    found: list[Any] = [importlib.import_module(name) for name in RECOMMENDED]
    for module in modules():
        found += [getattr(module, name) for name in getattr(module, '__all__', ())]
    for value in list(found):
        if inspect.ismodule(value) and not hasattr(value, '__all__'):
            found += _defined(value)
    return found


def _defined(module: ModuleType) -> list[Any]:
    return [
        value
        for name, value in vars(module).items()
        if not name.startswith('_')
        and getattr(value, '__module__', None) == module.__name__
    ]


def _promised() -> list[Any]:
    found = []
    for line in PROMISES.read_text().splitlines():
        if line.startswith('ddsp'):
            path = line.split('(')[0].split(' ')[0]
            value = functools.reduce(_child, path.split('.')[1:], ddsp)
            found.append(value)
    return found


def _child(parent: Any, name: str) -> Any:
    if inspect.ismodule(parent):
        if not hasattr(parent, name):
            return importlib.import_module(f'{parent.__name__}.{name}')
        return getattr(parent, name)
    # Properties and the like as they stand in the class.
    return inspect.getattr_static(parent, name)


def _described(value: Any) -> list[Documented]:
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        return []  # A constant, or a property, which comes with its class.
    if not value.__module__.startswith('ddsp'):
        return []
    node = _nodes(value.__module__).get(value.__qualname__)
    if isinstance(node, ast.ClassDef):
        return _of_class(value, node)
    if node is None or '.' in value.__qualname__:
        return []
    errors = errors_raised(node, _helpers(value.__module__))
    path = f'{value.__module__}.{value.__qualname__}'
    return [Documented(path, docstring(node), node, errors)]


def _of_class(cls: type, node: ast.ClassDef) -> list[Documented]:
    path = f'{cls.__module__}.{cls.__qualname__}'
    own = _methods(node)
    private = {name: method for name, method in own.items() if name.startswith('_')}
    helpers = {**_helpers(cls.__module__), **private}
    controls = own.get('get_controls')
    found = [_of_constructor(cls, node, helpers)]
    for name in own.keys() - private.keys():
        overridden = _overridden(cls, name)
        elsewhere = told_by(overridden) if overridden is not None else set()
        if controls and own[name] is not controls:
            elsewhere |= told_by(controls)
        # Keras asks for these names, made of those of the inputs.
        elsewhere |= {shape for shape in told_by(own[name]) if shape.endswith('_shape')}
        found.append(
            Documented(
                f'{path}.{name}',
                docstring(own[name]),
                own[name],
                errors_raised(own[name], helpers),
                elsewhere,
                # What a layer's `call` gives, Keras does not say.
                overrides=overridden is not None and name != 'call',
            )
        )
    return found


def _of_constructor(
    cls: type, node: ast.ClassDef, helpers: dict[str, ast.FunctionDef]
) -> Documented:
    """What a class says of the arguments that make an instance of it."""
    path = f'{cls.__module__}.{cls.__qualname__}'
    own = _methods(node).get('__init__')
    constructor, elsewhere, errors = own, set(), set()
    making = own or _methods(node).get('__post_init__')
    if making:
        errors = errors_raised(making, helpers)
    if not own:
        constructor = _inherited_constructor(cls)
        elsewhere = set() if constructor is None else told_by(constructor)
    fields = {} if constructor else _fields(cls, node)
    return Documented(
        path, docstring(node), constructor, errors, elsewhere, fields, is_class=True
    )


def _methods(node: ast.ClassDef) -> dict[str, ast.FunctionDef]:
    """The methods of a class by name; of a property, what reads it."""
    found: dict[str, ast.FunctionDef] = {}
    for child in node.body:
        if isinstance(child, ast.FunctionDef):
            found.setdefault(child.name, child)
    return found


def _inherited_constructor(cls: type) -> ast.FunctionDef | None:
    for base in filter(_is_ours, cls.__mro__[1:]):
        node = _nodes(base.__module__).get(base.__qualname__)
        if node is not None and '__init__' in _methods(node):
            return _methods(node)['__init__']
    return None


def _fields(cls: type, node: ast.ClassDef) -> dict[str, str]:
    """The fields of a data class or a named tuple, which are its parameters."""
    if not hasattr(cls, '__dataclass_fields__') and not hasattr(cls, '_fields'):
        return {}
    return {
        n.target.id: ast.unparse(n.annotation)
        for n in node.body
        if isinstance(n, ast.AnnAssign) and 'ClassVar' not in ast.unparse(n.annotation)
    }


def _overridden(cls: type, name: str) -> ast.FunctionDef | None:
    """The method that a method overrides, if there is one."""
    for base in cls.__mro__[1:]:
        if name in vars(base):
            return _source(base, name)
    return None


def _source(base: type, name: str) -> ast.FunctionDef:
    """A method of ddsp, or what inspect knows of one of Keras."""
    node = _nodes(base.__module__).get(base.__qualname__) if _is_ours(base) else None
    if isinstance(node, ast.ClassDef) and name in _methods(node):
        return _methods(node)[name]
    method = inspect.getattr_static(base, name)
    method = getattr(method, '__func__', method)
    text = ''
    if inspect.isfunction(method):
        text = ', '.join(
            f'*{p.name}' if p.kind is p.VAR_POSITIONAL else p.name
            for p in inspect.signature(method).parameters.values()
            if p.kind not in (p.VAR_KEYWORD, p.KEYWORD_ONLY)
        )
    return ast.parse(f'def {name}({text}): pass').body[0]


def _is_ours(cls: type) -> bool:
    return cls.__module__.split('.')[0] == 'ddsp'


@functools.cache
def _nodes(module: str) -> dict[str, ast.AST]:
    """The functions and classes that stand in a module, by qualified name."""
    path = importlib.import_module(module).__file__
    tree = ast.parse(pathlib.Path(path).read_text())
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {node.name: node for node in tree.body if isinstance(node, kinds)}


@functools.cache
def _helpers(module: str) -> dict[str, ast.FunctionDef]:
    """The private functions of a module, and the checks that it has or imports."""
    found = {
        name: node
        for name, node in _nodes(module).items()
        if name.startswith(('_', 'check_')) and isinstance(node, ast.FunctionDef)
    }
    for name, value in vars(importlib.import_module(module)).items():
        elsewhere = getattr(value, '__module__', module) != module
        if name.startswith('check_') and inspect.isfunction(value) and elsewhere:
            found[name] = _nodes(value.__module__)[name]
    return found
