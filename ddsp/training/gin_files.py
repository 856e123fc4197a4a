"""Reading gin files: where they are found, and what is wrong when they are not read."""

from __future__ import annotations

import difflib
import functools
import inspect
import logging
import os
import re
import tokenize
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import gin
import keras

from ddsp import dags

#: Where the files stand that come with the library, such as `models/ae.gin`.
GIN_DIR = Path(__file__).parent / 'gin'

_ERRORS = (
    ValueError,
    TypeError,
    SyntaxError,
    ImportError,
    OSError,
    tokenize.TokenError,
)
# What any layer takes beside its own arguments.
_OF_EVERY_LAYER = ('name', 'trainable', 'dtype', 'autocast')
_UNKNOWN_NAME = re.compile(
    r"No configurable matching (?:reference )?'@?(?:[\w/.]+/)?(?P<name>[\w.]+)"
)
_UNKNOWN_PARAMETER = re.compile(
    r"Configurable '(?P<name>[\w.]+)' doesn't have a parameter named '(?P<arg>\w+)'"
)
_NO_FILE = re.compile(r'Unable to open file: (?P<file>.+?)\. Searched config paths')
_NO_VALUE = re.compile(
    r"macro\(\) missing .* in scope '(?:[\w.]+/)*(?P<name>[\w.]+)'", re.S
)
_BAD_TOKEN = re.compile(r'Failed to parse token (?P<token>.*) \(line (?P<line>\d+)\)')
_OF_TEXTS = "a text needs quotes, such as 'data/violin.tfrecord*'"
_added: list[str] = []


def add_search_paths(paths: Iterable[str | os.PathLike[str]] = ()) -> None:
    """Lets gin find files in some directories, and last among the library's own."""
    _pass_over_folders_without_code()
    for path in [*map(os.fspath, paths), str(GIN_DIR)]:
        if path not in _added:
            gin.add_config_file_search_path(path)
            _added.append(path)


def _pass_over_folders_without_code() -> None:
    """Mends gin's search of packages for a file such as `models/ae.gin`.

    Where Python finds a folder `models`, as it does beside a script, but no package in
    it, gin ends in a TypeError instead of looking further.
    """
    readers = getattr(gin.config, '_FILE_READERS', [])
    for i, (reader, exists) in enumerate(readers):
        if getattr(exists, '__module__', '') == 'gin.resource_reader':
            readers[i] = reader, functools.partial(_exists, exists)


def _exists(in_package: Callable[[str], bool], path: str) -> bool:
    # It logs an error for each file that is not in a package, as if one had to be.
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        return in_package(path)
    except TypeError:
        return False
    finally:
        logging.disable(before)


def parse_files(files: Sequence[str], skip_unknown: bool = False) -> None:
    """Reads gin files in order, each overriding what stands before it.

    Parameters
    ----------
    files : paths, or names relative to a search path, such as `'models/ae.gin'`.
    skip_unknown : whether names that there are no more are passed over.

    Raises
    ------
    ValueError
        For a file that is not there, and for names and values that gin does not know.
    """
    add_search_paths()
    for file in files:
        try:
            gin.parse_config_file(file, skip_unknown=skip_unknown)
        except _ERRORS as error:
            raise ValueError(f'the gin file {file}: {explain(error)}') from error
        _check_parameters(f'the gin file {file}', file)


def parse_params(params: Sequence[str]) -> None:
    """Reads single bindings such as `'train.num_steps = 100'`.

    Raises
    ------
    ValueError
        For names and values that gin does not know.
    """
    for param in params:
        try:
            gin.parse_config(param)
        except _ERRORS as error:
            raise ValueError(
                f'the gin parameter {param!r}: {explain(error)}'
            ) from error
        _check_parameters(f'the gin parameter {param!r}')


def _check_parameters(where: str, file: str = '') -> None:
    """Refuses arguments that no layer takes, though its `**kwargs` let gin believe so.

    Raises
    ------
    ValueError
        For the first of them, with names near to it.
    """
    registry = getattr(gin.config, '_REGISTRY', {})
    for (_, selector), bindings in getattr(gin.config, '_CONFIG', {}).items():
        configurable = registry.get_match(selector)
        known = _layer_parameters(configurable.wrapped) if configurable else None
        for name in bindings:
            if known is not None and name not in known:
                raise ValueError(
                    f"{where}{_line_of(name, file)}: '{selector.split('.')[-1]}' "
                    f"doesn't have a parameter named '{name}'."
                    f'{_suggestion(name, known, all_of=True)}'
                )


def _line_of(name: str, file: str) -> str:
    """Where a file binds a parameter; empty if that is in a file it includes."""
    if not os.path.isfile(file):
        return ''
    lines = Path(file).read_text('utf-8').splitlines()
    found = [i for i, line in enumerate(lines, 1) if re.search(rf'\.{name}\s*=', line)]
    return f', line {found[0]}' if found else ''


def _layer_parameters(cls: Any) -> list[str] | None:
    """All arguments of a layer, those of its bases too; None where any will do."""
    if not (inspect.isclass(cls) and issubclass(cls, keras.layers.Layer)):
        return None
    if issubclass(cls, dags.DAGLayer):
        return None
    known: list[str] = []
    for base in cls.__mro__:
        # What these take is what every layer does; below them are Keras's own parts.
        if base in (keras.Model, keras.layers.Layer):
            break
        if '__init__' in vars(base):
            parameters = inspect.signature(base.__init__).parameters.values()
            known += [
                p.name
                for p in parameters
                if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name != 'self'
            ]
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                return list(dict.fromkeys(known))
    return list(dict.fromkeys([*known, *_OF_EVERY_LAYER]))


def explain(error: Exception) -> str:
    """What an error of gin says, in one line, with names near to an unknown one."""
    text = str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = lines[0].rstrip('.') if lines else type(error).__name__
    place = next((line for line in lines[1:] if line.startswith('In file')), '')
    first = _plain_syntax(error, text) or first
    if place:
        first += f' ({place.rstrip(".").removesuffix(",")})'
    return f'{first}.{_near(text)}'


def explain_use(error: Exception) -> str | None:
    """What is wrong with a configuration that was read, but cannot be followed.

    Parameters
    ----------
    error : what came when something that gin configures was made.

    Returns
    -------
    One line on a macro without a value or a reference to an unknown name; None for
    all other errors.
    """
    text = str(error)
    no_value = _NO_VALUE.search(text)
    if no_value:
        name = no_value['name']
        return f'the macro %{name} has no value; give it one in gin, as in {name} = 1.'
    if 'No configurable matching reference' in text:
        return explain(error)
    return None


def _plain_syntax(error: Exception, text: str) -> str:
    """What Python's own parser says, in words; empty for other errors."""
    if isinstance(error, tokenize.TokenError):
        what = 'text' if 'string' in text else 'bracket'
        return f'a {what} is opened, but not closed'
    token = _BAD_TOKEN.search(text)
    if token:
        return f'{token["token"]} in line {token["line"]} is no value; {_OF_TEXTS}'
    if text.startswith('Unable to parse value'):
        place = text.removeprefix('Unable to parse value').strip(' .')
        return f'this is no value {place}; {_OF_TEXTS}'
    return ''


def _near(text: str) -> str:
    unknown = _UNKNOWN_NAME.search(text)
    if unknown:
        return _suggestion(unknown['name'], registered_names())
    parameter = _UNKNOWN_PARAMETER.search(text)
    if parameter:
        return _suggestion(
            parameter['arg'], _parameters(parameter['name']), all_of=True
        )
    file = _NO_FILE.search(text)
    return _near_files(file['file']) if file else ''


def _near_files(name: str) -> str:
    known = {path.relative_to(GIN_DIR).as_posix() for path in GIN_DIR.rglob('*.gin')}
    # Not below the folders of users, which may be as large as a disk.
    for folder in ['', *_added]:
        known.update(path.name for path in Path(folder).glob('*.gin'))
    near = difflib.get_close_matches(name, sorted(known), 3)
    return f' Near names: {", ".join(near)}.' if near else ''


def registered_names() -> list[str]:
    """The names of everything that gin can configure, each by the end of its path."""
    registry = getattr(gin.config, '_REGISTRY', {})
    return sorted({'.'.join(path.split('.')[-2:]) for path, _ in registry.items()})


def _parameters(name: str) -> list[str]:
    try:
        configurable = gin.get_configurable(name)
    except ValueError:
        return []
    known = _layer_parameters(configurable)
    if known is not None:
        return known
    target = configurable.__init__ if inspect.isclass(configurable) else configurable
    return [p for p in inspect.signature(target).parameters if p != 'self']


def _suggestion(name: str, known: Sequence[str], all_of: bool = False) -> str:
    last = name.split('.')[-1]
    # People mistype the last part, or give a wrong room before it.
    by_last = {path.split('.')[-1].lower(): path for path in known}
    near = [by_last[x] for x in difflib.get_close_matches(last.lower(), by_last, 3)]
    if near:
        return f' Near names: {", ".join(near)}.'
    if all_of and known:
        return f' It has: {", ".join(known)}.'
    return ''
