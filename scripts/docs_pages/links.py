"""Links of documents that are read both in the repository and on the site."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from docs_pages.public import Module

_DOCS = 'docs/'
_LINK = re.compile(r'(!?)\[([^\]\n]*(?:\n[^\]\n]+)?)\]\(([^)\s]+)\)')
_CODE = re.compile(r'(?<![\[`])`([A-Za-z][\w.]*)(?:\(\))?`(?![`\]])')
_FENCE = re.compile(r'(^```.*?^```$)', re.MULTILINE | re.DOTALL)


def adapt_links(
    markdown: str,
    source: str,
    page: str,
    places: Mapping[str, str],
    root: Path,
    repository: str = '',
) -> str:
    """Makes links to files of the repository lead to their pages.

    A link to a file that has no page leads to the repository, or, when nobody said
    where that is, becomes plain text. One that leads nowhere stays, for MkDocs to
    complain about.

    Parameters
    ----------
    markdown : a document.
    source : its path in the repository, such as `'benchmarks/README.md'`.
    page : that of its page on the site, such as `'benchmarks/index.md'`.
    places : paths of other files and folders, with those of their pages.
    root : of the repository.
    repository : address under which it is published.
    """

    def adapt(match: re.Match[str]) -> str:
        image, label, link = match.groups()
        target, mark, anchor = link.partition('#')
        if not target or re.match(r'[a-z]+:', target):
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if path in places or path.startswith(_DOCS):
            place = places.get(path) or path[len(_DOCS) :]
            there = posixpath.relpath(place, posixpath.dirname(page))
            return f'{image}[{label}]({there}{mark}{anchor})'
        if path.startswith('..') or not (root / path).exists():
            return match[0]
        if repository:
            address = f'{repository.rstrip("/")}/blob/main/{path}'
            return f'{image}[{label}]({address}{mark}{anchor})'
        return label

    return outside_code(markdown, lambda text: _LINK.sub(adapt, text))


def link_names(
    markdown: str,
    entries: Mapping[str, str],
    skip: tuple[str, ...] = ('#', ':::', '    '),
) -> str:
    """Makes a link to the API reference of each public name in code marks.

    Parameters
    ----------
    markdown : a document.
    entries : names as documents mention them, with those under which the reference has
        them; see `spellings`.
    skip : beginnings of lines that are no places for links, such as headings.
    """

    def link(match: re.Match[str]) -> str:
        entry = entries.get(match[1])
        return f'[{match[0]}][{entry}]' if entry else match[0]

    def in_line(line: str) -> str:
        # Nor are the labels of other links.
        if line.startswith(skip) or '](' in line:
            return line
        return _CODE.sub(link, line)

    return outside_code(
        markdown, lambda text: '\n'.join(in_line(line) for line in text.split('\n'))
    )


def spellings(modules: Mapping[str, Module]) -> dict[str, str]:
    """How documents mention what the reference has, and under which name it has that.

    A name has its whole path, its path without `ddsp.`, and, if it is unmistakable, a
    class or a word with an underscore that only one module offers, itself alone.

    Parameters
    ----------
    modules : those of the library.
    """
    found, alone = {}, {}
    for module in modules.values():
        for name in module.names:
            found[name.path] = found[name.path.removeprefix('ddsp.')] = name.entry
            if '_' in name.name.strip('_') or name.name[0].isupper():
                alone.setdefault(name.name, {})[name.defined] = name.entry
    for name, places in alone.items():
        if len(places) == 1:
            found[name] = next(iter(places.values()))
    return found


def outside_code(markdown: str, change: Callable[[str], str]) -> str:
    """Changes a document everywhere but in its fenced blocks of code."""
    pieces = _FENCE.split(markdown)
    return ''.join(piece if i % 2 else change(piece) for i, piece in enumerate(pieces))
