"""Reads the documents: what they tell their readers to run, and where they point."""

from __future__ import annotations

import pathlib
import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple

ROOT = pathlib.Path(__file__).parents[1]
_FENCE = re.compile(r'^```(\w*)\n(.*?)^```$', re.DOTALL | re.MULTILINE)
_LINK = re.compile(r'!?\[[^\]]*\]\(([^)\s]+)\)')
_HEADING = re.compile(r'^#{1,6} (.+)$', re.MULTILINE)
_CODE = re.compile(r'`[^`\n]*`')
# A block that begins with the name of a file is the content of it.
_FILE_NAME = re.compile(r'# ([\w/]+\.(?:py|gin))\n')


class Block(NamedTuple):
    """A block of code.

    Attributes
    ----------
    language : after the fence, such as `'python'`.
    code : what stands in the block.
    line : of the document, on which the code begins, from 0.
    shown : what a `text` block right below it says is printed; None without one.
    """

    language: str
    code: str
    line: int
    shown: str | None = None

    @property
    def file(self) -> str | None:
        """The file whose content the block is, if it says so in its first line."""
        found = _FILE_NAME.match(self.code)
        return found[1] if found else None


def documents() -> list[str]:
    """The paths of all documents in the repository, relative to its top."""
    found = [*ROOT.glob('*.md'), *(ROOT / 'docs').rglob('*.md')]
    found += [*(ROOT / 'colab').glob('*.md'), *(ROOT / 'benchmarks').glob('*.md')]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def read(document: str) -> str:
    return (ROOT / document).read_text(encoding='utf-8')


def blocks(document: str, language: str | None = None) -> Iterator[Block]:
    """The blocks of code of a document, or those in one language."""
    text = read(document)
    matches = list(_FENCE.finditer(text))
    for match, after in zip(matches, [*matches[1:], None]):
        printed = after is not None and after[1] == 'text'
        if printed and text[match.end() : after.start()].strip():
            printed = False
        block = Block(
            match[1],
            match[2],
            text.count('\n', 0, match.start(2)),
            after[2] if printed else None,
        )
        if language in (None, block.language):
            yield block


def fences_outside(document: str) -> list[str]:
    """Lines of fences that `blocks` does not see, as in a list."""
    rest = _FENCE.sub('', read(document))
    return [line for line in rest.splitlines() if line.lstrip().startswith('```')]


def commands_of(code: str) -> list[list[str]]:
    """The commands of a block of shell, as lists of words."""
    lines = code.replace('\\\n', ' ').splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def commands(document: str) -> list[list[str]]:
    return [
        words for block in blocks(document, 'sh') for words in commands_of(block.code)
    ]


def command(document: str, *words: str) -> list[str]:
    """The one command that begins with these words, without the first."""
    found = [c for c in commands(document) if c[: len(words)] == list(words)]
    assert len(found) == 1, f'{document} has {len(found)} commands {words}'
    return found[0][1:]


def links(document: str) -> list[str]:
    """Where links and pictures point that stay in the repository."""
    text = _CODE.sub('``', _FENCE.sub('', read(document)))
    return [x for x in _LINK.findall(text) if not re.match(r'\w+:', x)]


def anchors(document: str) -> set[str]:
    """What links can say behind `#`, as GitHub and the site make it of headings."""
    headings = _HEADING.findall(_FENCE.sub('', read(document)))
    plain = [re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', x).lower() for x in headings]
    return {re.sub(r'[^\w\- ]', '', x).strip().replace(' ', '-') for x in plain}
