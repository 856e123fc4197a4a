"""Reads the docstrings of this library for mkdocstrings: an extension of Griffe.

They have the sections of numpydoc, and each entry says what it is, not of which type:
that stands in the signature already. Griffe's own reader of numpydoc would take the
text after the colon for a type.
"""

from __future__ import annotations

import logging
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import griffe
from docs_pages.links import link_names, spellings
from docs_pages.public import Module, public_modules

# What this logs, MkDocs counts: with `--strict` a warning fails the build.
_log = logging.getLogger('mkdocs.plugins.docs_docstrings')
_HEADING = re.compile(r'^(\w[\w ]*)\n-{3,}\n', re.MULTILINE)
_NAMED = re.compile(r'^(\*{0,2}\w+(?:, \*{0,2}\w+)*) : ', re.MULTILINE)
_DOCTEST = re.compile(r'^>>> ', re.MULTILINE)
# Constants with more to them are shown without their value, in characters.
_LONG = 200
_TEXT = griffe.DocstringSectionKind.text
_EXAMPLES = griffe.DocstringSectionKind.examples


class Docstrings(griffe.Extension):
    """Gives every docstring its sections, and lazy names their places."""

    def on_package(
        self, *, pkg: griffe.Module, loader: griffe.GriffeLoader, **kwargs: Any
    ) -> None:
        """Reads all docstrings of a package, once it is loaded."""
        modules = public_modules(pkg.filepath.parents[1])
        for module in modules.values():
            _add_lazy_names(pkg, module)
        known = spellings(modules)
        for thing in _things(pkg):
            if isinstance(thing, griffe.Attribute) and len(str(thing.value)) > _LONG:
                thing.value = None  # A table that nobody reads there.
            if thing.docstring is not None:
                others = _of_others(known, thing)
                text = link_names(thing.docstring.value, others, skip=('>>>', '...'))
                # Griffe keeps here what its own readers find.
                thing.docstring.__dict__['parsed'] = read_docstring(text, thing)


def read_docstring(text: str, thing: griffe.Object) -> list[griffe.DocstringSection]:
    """The sections of a docstring.

    Parameters
    ----------
    text : the docstring, without indentation.
    thing : whose docstring it is: types and defaults are taken from it. A documented
        parameter that its signature lacks is warned about.
    """
    pieces = _HEADING.split(text)
    sections: list[griffe.DocstringSection] = []
    if pieces[0].strip():
        sections.append(griffe.DocstringSectionText(pieces[0].strip()))
    for title, body in zip(pieces[1::2], pieces[2::2]):
        reader = _READERS.get(title, _read_other)
        sections.append(reader(title, body.strip('\n'), thing))
    return sections


def entries(body: str) -> list[tuple[str, str]]:
    """The entries of a section, `name : what it is`, with lines that go on indented."""
    pieces = _NAMED.split(body)
    return [
        (name, _flow(description))
        for name, description in zip(pieces[1::2], pieces[2::2])
    ]


def _flow(text: str) -> str:
    """A text without the indentation of the lines after its first."""
    lines = text.strip('\n').split('\n')
    return '\n'.join([lines[0], *(line.removeprefix('    ') for line in lines[1:])])


def _read_parameters(
    title: str, body: str, thing: griffe.Object
) -> griffe.DocstringSection:
    known = _parameters(thing)
    found = []
    for names, description in entries(body):
        parameters = []
        for name in names.split(', '):
            plain = name.lstrip('*')
            if plain not in known:
                _log.warning(
                    f'{thing.path}: documents the parameter {name}, '
                    f'its signature has {", ".join(known) or "none"}'
                )
                continue
            parameters.append(known[plain])
        found.append(
            griffe.DocstringParameter(
                names,
                description=description,
                annotation=parameters[0].annotation if parameters else None,
                value=_common_default(parameters),
            )
        )
    return griffe.DocstringSectionParameters(found)


def _parameters(thing: griffe.Object) -> dict[str, griffe.Parameter]:
    """What a signature takes; of a dataclass, its fields."""
    if isinstance(thing, griffe.Class) and 'dataclass' in _decorators(thing):
        fields = [m for m in thing.members.values() if m.is_attribute]
        return {
            field.name: griffe.Parameter(
                field.name, annotation=field.annotation, default=field.value
            )
            for field in fields
        }
    return {p.name.lstrip('*'): p for p in getattr(thing, 'parameters', ())}


def _decorators(thing: griffe.Class) -> str:
    return ' '.join(str(decorator.value) for decorator in thing.decorators)


def _of_others(known: dict[str, str], thing: griffe.Object) -> dict[str, str]:
    """Names that a docstring may link to: neither its own nor those of parameters."""
    own = {thing.name, *(p.name for p in getattr(thing, 'parameters', ()))}
    return {spelling: name for spelling, name in known.items() if spelling not in own}


def _common_default(parameters: list[griffe.Parameter]) -> Any:
    """The default of parameters that are documented together, if they share one."""
    defaults = [p.default for p in parameters if p.default is not None]
    if not defaults or len(defaults) < len(parameters):
        return None
    texts = list(dict.fromkeys(str(default) for default in defaults))
    return defaults[0] if len(texts) == 1 else ', '.join(texts)


def _read_attributes(
    title: str, body: str, thing: griffe.Object
) -> griffe.DocstringSection:
    found = []
    for names, description in entries(body):
        member = thing.members.get(names.split(', ')[0])
        annotation = getattr(member, 'annotation', None)
        found.append(
            griffe.DocstringAttribute(
                names, description=description, annotation=annotation
            )
        )
    return griffe.DocstringSectionAttributes(found)


def _read_returns(
    title: str, body: str, thing: griffe.Object
) -> griffe.DocstringSection:
    named = entries(body)
    if named:
        items = [(name, description, None) for name, description in named]
    else:
        items = [('', body, getattr(thing, 'returns', None))]
    section, item = (
        (griffe.DocstringSectionYields, griffe.DocstringYield)
        if title == 'Yields'
        else (griffe.DocstringSectionReturns, griffe.DocstringReturn)
    )
    return section(
        [
            item(name=name, description=description, annotation=annotation)
            for name, description, annotation in items
        ]
    )


def _read_raises(
    title: str, body: str, thing: griffe.Object
) -> griffe.DocstringSection:
    pieces = re.split(r'^(\w[\w, ]*)$', body, flags=re.MULTILINE)
    found = [
        griffe.DocstringRaise(annotation=kind, description=textwrap.dedent(why).strip())
        for kind, why in zip(pieces[1::2], pieces[2::2])
    ]
    return griffe.DocstringSectionRaises(found)


def _read_examples(
    title: str, body: str, thing: griffe.Object
) -> griffe.DocstringSection:
    parts = []
    for paragraph in re.split(r'\n{2,}', body):
        kind = _EXAMPLES if _DOCTEST.match(paragraph) else _TEXT
        parts.append((kind, paragraph))
    return griffe.DocstringSectionExamples(parts)


def _read_other(title: str, body: str, thing: griffe.Object) -> griffe.DocstringSection:
    """Notes, References, and sections that only this library has."""
    named = entries(body)
    if named:
        # One bullet an entry, its further lines indented below it.
        body = '\n'.join(
            f'- **`{name}`** : ' + description.replace('\n', '\n    ')
            for name, description in named
        )
    return griffe.DocstringSectionText(f'**{title}:**\n\n{body}')


_READERS: dict[str, Callable[..., griffe.DocstringSection]] = {
    'Parameters': _read_parameters,
    'Attributes': _read_attributes,
    'Returns': _read_returns,
    'Yields': _read_returns,
    'Raises': _read_raises,
    'Examples': _read_examples,
}


def _things(thing: griffe.Object) -> Iterator[griffe.Object]:
    """An object and all that it defines, but not what it imports."""
    yield thing
    for member in thing.members.values():
        if not member.is_alias:
            yield from _things(member)


def _add_lazy_names(package: griffe.Module, module: Module) -> None:
    """Makes names known that a module loads on use: its source does not import them."""
    place = package.modules_collection[module.path]
    for name in module.names:
        if name.name not in place.members:
            alias = griffe.Alias(name.name, name.defined, parent=place)
            place.set_member(name.name, alias)
