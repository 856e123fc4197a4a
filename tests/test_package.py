"""What the package promises as a whole: its names, its imports, its layers."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pathlib
import pkgutil
import subprocess
import sys
from typing import Any

import gin
import pytest
import tensorflow as tf

import ddsp

HERE = pathlib.Path(__file__).parent
PACKAGE = pathlib.Path(ddsp.__file__).parent
PROMISES = [
    line
    for line in (HERE / 'public_api.txt').read_text().splitlines()
    if line and not line.startswith('#')
]
# Importing these costs time or needs an extra, so they load when they are used.
ON_USE = (
    'IPython',
    'apache_beam',
    'gradio',
    'librosa',
    'matplotlib',
    'mir_eval',
    'pretty_midi',
    'numba',
    'onnxruntime',
    'pandas',
    'scipy.interpolate',
    'scipy.optimize',
    'scipy.signal',
    'scipy.stats',
    'sklearn',
    'soundfile',
    'soxr',
    'swift_f0',
    'tensorboard',
    'torch',
    'torchcrepe',
    'tqdm',
)
EXTRAS = [name for name in ON_USE if not name.startswith('scipy')]
# A module imports from rooms before its own or beside it, never from later ones.
ROOMS = (
    ('optional', 'registration', 'tracing'),
    ('core',),
    ('framing', 'spectral_tables', 'short_time', 'audio_files', 'recordings'),
    ('dag_structure',),
    ('dag_drawing', 'dag_svg'),
    ('levels',),
    ('dags', 'spectral_ops'),
    ('pitch', 'streaming'),
    ('processors',),
    ('synths',),
    ('effects',),
    ('losses',),
    ('training',),
    ('cli', 'colab'),
)


def find(path: str) -> Any:
    root, *parts = path.split('.')
    value = importlib.import_module(root)
    for part in parts:
        if inspect.ismodule(value) and not hasattr(value, part):
            value = importlib.import_module(f'{value.__name__}.{part}')
        else:
            value = getattr(value, part)
    return value


def signature_of(text: str) -> inspect.Signature:
    """Reads `name(a, b=1)` as Python does."""
    arguments = text[text.index('(') :]
    names = {'ddsp': ddsp, 'core': ddsp.core, 'tf': tf, 'DB_RANGE': 80.0, 'gin': gin}
    names |= {'spectral_ops': ddsp.spectral_ops, 'trainers': ddsp.training.trainers}
    exec(f'def promised{arguments}: pass', names)
    return inspect.signature(names['promised'])


def arguments_of(function: Any) -> dict[str, inspect.Parameter]:
    parameters = dict(inspect.signature(function).parameters)
    parameters.pop('self', None)
    parameters.pop('cls', None)
    return parameters


@pytest.mark.parametrize('line', PROMISES, ids=lambda line: line.split('(')[0][5:])
def test_promised_name(line: str) -> None:
    line, in_gin, _ = line.partition(' @gin')
    if '(' in line:
        check_signature(line)
    elif ' = ' in line:
        path, value = line.split(' = ')
        assert find(path) == eval(value, {'core': ddsp.core})
    elif ' < ' in line:
        path, base = line.split(' < ')
        module = path.rpartition('.')[0]
        base = f'ddsp.{base}' if '.' in base else f'{module}.{base}'
        assert issubclass(find(path), find(base))
    else:
        find(line)
    if in_gin:
        path = line.split('(')[0].split(' ')[0].removesuffix('.__init__')
        # gin knows a method by its name, without its class.
        path = path.replace('.DAGLayer.run_dag', '.run_dag')
        assert gin.get_configurable(path) is not None


def check_signature(line: str) -> None:
    promised = signature_of(line).parameters
    actual = arguments_of(find(line.split('(')[0]))
    ordered = [p for p in promised.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    for ours, theirs in zip(actual.values(), ordered):
        assert ours.name == theirs.name
        assert ours.kind is theirs.kind
        assert same_default(ours.default, theirs.default), ours
    assert len(actual) >= len(ordered)
    for p in promised.values():
        if p.kind is p.KEYWORD_ONLY:
            assert actual[p.name].default == p.default
        if p.kind is p.VAR_POSITIONAL:
            assert any(q.kind is p.VAR_POSITIONAL for q in actual.values())
        if p.kind is p.VAR_KEYWORD:
            # Losses take `**kwargs` for the sake of their name.
            assert 'name' in actual or any(
                q.kind is p.VAR_KEYWORD for q in actual.values()
            )
    # Old calls keep their meaning only when new arguments need no value.
    promised_names = set(promised)
    for ours in actual.values():
        if ours.name not in promised_names:
            variable = ours.kind in (ours.VAR_KEYWORD, ours.VAR_POSITIONAL)
            assert variable or ours.default is not ours.empty, ours


def same_default(ours: Any, theirs: Any) -> bool:
    if theirs is inspect.Parameter.empty:
        return True  # A default where none was asks nothing of old calls.
    if isinstance(theirs, tuple):
        return tuple(ours) == theirs
    if getattr(theirs, '__name__', '') == '<lambda>':
        return callable(ours)  # Ours has a name, by which it is saved.
    if callable(theirs):
        return inspect.unwrap(ours) is inspect.unwrap(theirs)
    if isinstance(theirs, str):  # Ours may know that nobody named it.
        return isinstance(ours, str) and ours == theirs
    return type(ours) is type(theirs) and ours == theirs


def run_python(program: str) -> str:
    """Runs a program in an interpreter of its own and gives what it printed."""
    done = subprocess.run(
        [sys.executable, '-c', program],
        capture_output=True,
        text=True,
        cwd=PACKAGE.parent,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_import_loads_nothing_that_waits_for_its_use() -> None:
    loaded = run_python(
        'import sys, json, tensorflow; before = set(sys.modules); import ddsp; '
        'ddsp.core, ddsp.spectral_ops, ddsp.synths, ddsp.effects, ddsp.losses; '
        'print(json.dumps(sorted(set(sys.modules) - before)))'
    )
    loaded = set(json.loads(loaded))
    assert {'ddsp.core', 'ddsp.synths', 'ddsp.losses'} <= loaded
    assert not loaded & set(ON_USE)
    assert not [name for name in loaded if name.startswith('ddsp.training')]


def test_import_needs_no_extra() -> None:
    program = f"""
import sys
for name in {EXTRAS}:
    sys.modules[name] = None  # The import of such a name fails.
import ddsp
print(ddsp.synths.Harmonic().name, ddsp.losses.SpectralLoss().name)
"""
    assert run_python(program) == 'harmonic spectral_loss'


def test_version_is_that_of_the_distribution() -> None:
    text = (HERE.parent / 'pyproject.toml').read_text()
    assert f'\nversion = "{ddsp.__version__}"\n' in text


def module_names() -> list[str]:
    found = pkgutil.walk_packages([str(PACKAGE)], 'ddsp.')
    return ['ddsp', *(module.name for module in found)]


@pytest.mark.parametrize('name', ['ddsp.core', 'ddsp.losses', 'ddsp.pitch'])
def test_package_lists_what_it_offers(name: str) -> None:
    package = importlib.import_module(name)
    offered = package.__all__
    assert offered == sorted(set(offered)), 'sorted, each name once'
    assert not [n for n in offered if n.startswith('_')]
    assert not [n for n in offered if inspect.ismodule(getattr(package, n))]


@pytest.mark.parametrize('name', ['ddsp.core', 'ddsp.losses'])
def test_package_leaks_nothing(name: str) -> None:
    package = importlib.import_module(name)
    # Submodules and __future__ features become attributes of a package by themselves.
    own = {n for n in vars(package) if not n.startswith('_')}
    own -= {n for n in own if is_submodule(package, n)} | {'annotations'}
    assert own == set(package.__all__)


def is_submodule(package: Any, name: str) -> bool:
    value = getattr(package, name)
    return inspect.ismodule(value) and value.__name__ == f'{package.__name__}.{name}'


@pytest.mark.parametrize('name', module_names())
def test_everything_public_is_documented(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    missing = []
    for key, value in vars(module).items():
        ours = getattr(value, '__module__', None) == name and not key.startswith('_')
        if ours and (inspect.isclass(value) or inspect.isroutine(value)):
            missing += undocumented(key, value)
    assert not missing


def undocumented(name: str, value: Any) -> list[str]:
    missing = [] if value.__doc__ else [name]
    if inspect.isclass(value):
        members = [n for n in vars(value) if not n.startswith('_')]
        routines = [n for n in members if inspect.isroutine(getattr(value, n))]
        missing += [
            f'{name}.{n}' for n in routines if not inspect.getdoc(getattr(value, n))
        ]
    return missing


def room(module: str) -> int:
    part = module.split('.')[1]
    places = [i for i, names in enumerate(ROOMS) if part in names]
    assert places, f'{module}: give it a place in ROOMS'
    return places[0]


def imports_at_the_top(path: pathlib.Path) -> list[str]:
    """Names of ddsp's own modules that a file imports when it is loaded itself."""
    found = []
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == 'ddsp':
            found += [f'ddsp.{alias.name}' for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(node.module or '')
    return [name for name in found if name.startswith('ddsp.')]


@pytest.mark.parametrize(
    'path',
    [p for p in sorted(PACKAGE.rglob('*.py')) if p != PACKAGE / '__init__.py'],
    ids=lambda path: path.relative_to(PACKAGE).as_posix(),
)
def test_imports_point_one_way(path: pathlib.Path) -> None:
    relative = path.relative_to(PACKAGE.parent).with_suffix('')
    own = room('.'.join(relative.parts))
    later = [name for name in imports_at_the_top(path) if room(name) > own]
    assert not later
