"""The API reference: one page for each public module, made of docstrings."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from itertools import groupby

from docs_pages.public import Module, Name

FOLDER = 'api'
# A page with more names than these is divided by the files in which they stand.
_MANY = 12

_MODULE = """\
::: {path}
    options:
      heading_level: 1
      members: false
      show_root_full_path: true
      show_source: false
"""
_INDEX = """\
# API reference

What the library offers, made of its docstrings: every public name is here. Audio is
`[batch, samples]`, controls are `[batch, frames, channels]`, both float32, unless a
name says otherwise.
"""


def page_of(path: str) -> str:
    """Where the page of a module stands: `ddsp.core` in `api/core.md`."""
    return posixpath.join(FOLDER, *path.split('.')[1:]) + '.md'


def shown(modules: Mapping[str, Module]) -> list[Module]:
    """The modules that have a page: all but `ddsp` itself, which the index stands for,
    and those that offer nothing.
    """
    offers = [m for m in modules.values() if m.names or m.modules]
    return [module for module in offers if module.path != 'ddsp']


def make_pages(modules: Mapping[str, Module]) -> dict[str, str]:
    """Markdown of all pages by where they stand."""
    pages = {f'{FOLDER}/index.md': index_page(modules)}
    for module in shown(modules):
        pages[page_of(module.path)] = module_page(module, modules)
    return pages


def make_navigation(modules: Mapping[str, Module]) -> list[dict[str, object]]:
    """The pages for the menu, those of `ddsp.training` and `ddsp.colab` below them."""
    above: list[dict[str, object]] = [{'Overview': f'{FOLDER}/index.md'}]
    below: dict[str, list[dict[str, object]]] = {}
    for module in shown(modules):
        _, top, *rest = module.path.split('.')
        entry: dict[str, object] = {'.'.join(rest) or top: page_of(module.path)}
        if rest:
            below.setdefault(top, []).append(entry)
        else:
            above.append({top: page_of(module.path)})
    for top, entries in below.items():
        own = [e for e in above if top in e]
        first = [{'Overview': page_of(f'ddsp.{top}')}] if own else []
        above = [e for e in above if top not in e]
        above.append({top: [*first, *entries]})
    return above


def index_page(modules: Mapping[str, Module]) -> str:
    """The overview: all modules in two tables."""
    page = f'{FOLDER}/index.md'
    training = [m for m in shown(modules) if m.path.startswith('ddsp.training')]
    others = [module for module in shown(modules) if module not in training]
    parts = [
        _INDEX,
        *_table_of_modules(others, page),
        '\n## Training\n',
        *_table_of_modules(training, page),
    ]
    return '\n'.join(parts) + '\n'


def module_page(module: Module, modules: Mapping[str, Module]) -> str:
    """The page of a module: what it is for, what it offers, and each name at length."""
    page = page_of(module.path)
    parts = [
        f'---\ntitle: {module.path}\n---\n',
        _MODULE.format(path=module.path),
    ]
    inner = [modules[path] for path in module.modules]
    if inner:
        parts += ['\n'.join(_table_of_modules(inner, page)) + '\n']
    groups = _groups(module)
    if len(groups) == 1:
        parts += [_entry(name, level=2) for name in module.names]
        return '\n'.join(parts)
    for title, names in groups:
        parts.append(f'## {title}\n')
        parts += [_entry(name, level=3) for name in names]
    return '\n'.join(parts)


def _groups(module: Module) -> list[tuple[str, list[Name]]]:
    """Names by the file in which they stand, if there are many of both."""
    ordered = sorted(module.names, key=lambda name: (name.origin, name.name))
    groups = [(o, list(g)) for o, g in groupby(ordered, lambda name: name.origin)]
    if len(module.names) <= _MANY or len(groups) < 2:
        return [('', list(module.names))]
    return [(_title(origin), names) for origin, names in groups]


def _title(origin: str) -> str:
    return origin.rpartition('.')[2].replace('_', ' ').capitalize()


def _entry(name: Name, level: int) -> str:
    return f'::: {name.entry}\n    options:\n      heading_level: {level}\n'


def _table_of_modules(modules: list[Module], page: str) -> list[str]:
    rows = ['| module | what it is |', '|---|---|']
    for module in modules:
        link = posixpath.relpath(page_of(module.path), posixpath.dirname(page))
        if module.names or module.modules:
            rows.append(f'| [`{module.path}`]({link}) | {module.title} |')
    return rows
