"""What is public: modules and names, read from the sources without running them."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from pathlib import Path

# Public modules that no `__all__` lists, because `import ddsp` does not load them.
BESIDE = (
    'ddsp.audio_files',
    'ddsp.recordings',
    'ddsp.registration',
    'ddsp.colab',
    'ddsp.colab.colab_utils',
)


@dataclasses.dataclass(frozen=True)
class Name:
    """A public name of a module that is no module itself.

    Attributes
    ----------
    path : under which users know it, such as `'ddsp.core.resample'`.
    origin : of the module in which it stands.
    shadows : whether a module of the same path is hidden by it.
    """

    path: str
    origin: str
    shadows: bool = False

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition('.')[2]

    @property
    def defined(self) -> str:
        """The path by which its definition is found."""
        return f'{self.origin}.{self.name}'

    @property
    def entry(self) -> str:
        """The path under which the reference has it."""
        return self.defined if self.shadows else self.path


@dataclasses.dataclass(frozen=True)
class Module:
    """A public module.

    Attributes
    ----------
    path : such as `'ddsp.training.nn'`.
    file : its source.
    docstring : of the module.
    names : what it offers.
    modules : paths of the public modules that it offers.
    """

    path: str
    file: Path
    docstring: str
    names: tuple[Name, ...]
    modules: tuple[str, ...]

    @property
    def title(self) -> str:
        """The first line of the docstring."""
        return self.docstring.split('\n')[0]


def public_modules(root: Path) -> dict[str, Module]:
    """All public modules by their paths: `ddsp`, what it offers, what these offer.

    Parameters
    ----------
    root : of the repository.
    """
    found: dict[str, Module] = {}
    waiting = ['ddsp', *BESIDE]
    while waiting:
        path = waiting.pop(0)
        if path not in found:
            found[path] = read_module(root, path)
            waiting += found[path].modules
    return dict(sorted(found.items()))


def read_module(root: Path, path: str) -> Module:
    """Reads one module.

    Parameters
    ----------
    root : of the repository.
    path : such as `'ddsp.core'`.

    Raises
    ------
    FileNotFoundError
        When there is no such module.
    ValueError
        When it offers a name that is neither imported nor defined in it.
    """
    file = _file_of(root, path)
    if file is None:
        raise FileNotFoundError(f'{path}: there is no such module under {root}.')
    tree = ast.parse(file.read_text(encoding='utf-8'))
    origins = dict(_origins(tree, path))
    values = dict(_literals(tree))
    for table in ('_LAZY', '_LAZY_FUNCTIONS'):
        loads = values.get(table, ())
        if isinstance(loads, dict):  # Names with the modules below that define them.
            for name, room in loads.items():
                origins[name] = _origin(root, f'{path}.{room}', name)
    offered = values.get('__all__') or [*_own(tree), *values.get('_LAZY', ())]
    names, modules = [], []
    for name in offered:
        is_file = _file_of(root, f'{path}.{name}') is not None
        if is_file and origins.get(name, path) == path:
            modules.append(f'{path}.{name}')
        elif name in origins:
            names.append(Name(f'{path}.{name}', origins[name], is_file))
        else:
            raise ValueError(f'{path}: {name} is offered and not defined.')
    docstring = ast.get_docstring(tree) or ''
    return Module(path, file, docstring, tuple(names), tuple(modules))


def _origin(root: Path, path: str, name: str) -> str:
    """The module that defines what another one, at `path`, defines or imports."""
    file = _file_of(root, path)
    if file is None:
        return path
    tree = ast.parse(file.read_text(encoding='utf-8'))
    return dict(_origins(tree, path)).get(name, path)


def _file_of(root: Path, path: str) -> Path | None:
    base = root.joinpath(*path.split('.'))
    for file in (base.with_suffix('.py'), base / '__init__.py'):
        if file.is_file():
            return file
    return None


def _own(tree: ast.Module) -> Iterator[str]:
    """Names that a module without `__all__` offers: what it defines, constants too."""
    for name in _defined(tree):
        if not name.startswith('_'):
            yield name


def _origins(tree: ast.Module, path: str) -> Iterator[tuple[str, str]]:
    """Each name of a module with the module that defines it."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) == alias.name:
                    yield alias.name, node.module
    for name in _defined(tree):
        yield name, path


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        for target in _targets(node):
            if target.isupper():
                yield target


def _targets(node: ast.stmt) -> list[str]:
    """Names that an assignment gives values to."""
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def _literals(tree: ast.Module) -> Iterator[tuple[str, object]]:
    for node in tree.body:
        for name in _targets(node):
            if name in ('__all__', '_LAZY', '_LAZY_FUNCTIONS'):
                yield name, ast.literal_eval(node.value)
