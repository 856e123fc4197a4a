"""Chapters: what is added to a page that is there already."""

from __future__ import annotations

import hashlib
import html
import os
import re
from collections.abc import Iterable
from pathlib import Path

from ddsp.training.output_paths import write_text
from ddsp.training.reports import page

# The template has these; what is between them is written anew with each chapter.
_CHAPTERS = ('<!-- chapters -->', '<!-- end of chapters -->')
_CONTENTS = ('<!-- contents -->', '<!-- end of contents -->')
_CHAPTER = re.compile(
    r'<!-- chapter (?P<key>\w+) -->\n.*?\n<!-- end of chapter (?P=key) -->', re.S
)
_TITLE = re.compile(r'<h2 id="[^"]*">(.*?)</h2>')


def add_chapter(
    path: Path,
    about: Path,
    title: str,
    lead: str,
    notes: Iterable[str],
    parts: Iterable[str],
) -> None:
    """Adds a chapter to a page of ours, in place of an earlier one about the same.

    The page is replaced when all is written, and stays as it was otherwise.

    Parameters
    ----------
    path : of the page.
    about : the file that the chapter is about.
    title, lead : of the chapter; plain text.
    notes : what a reader has to know first; plain text each.
    parts : HTML of sections, one after the other.

    Raises
    ------
    FileNotFoundError, ValueError
        When there is no page, or it was not written by `page.write_page`.
    """
    text = _read(path)
    key = _key(path, about)
    before, chapters, after = _split(text, _CHAPTERS)
    found = {match['key']: match[0] for match in _CHAPTER.finditer(chapters)}
    found[key] = _chapter(key, title, lead, notes, parts)
    text = _join(before, found.values(), after, _CHAPTERS)
    before, _, after = _split(text, _CONTENTS)
    write_text(path, _join(before, [_contents(found)], after, _CONTENTS))


def check_page(path: Path) -> None:
    """Refuses, before any work is done, what no chapter can be added to.

    Raises
    ------
    FileNotFoundError, ValueError
        When there is no page, or it was not written by `page.write_page`.
    """
    _read(path)


def _read(path: Path) -> str:
    with path.open('rb') as file:
        is_ours = page.GENERATOR.encode() in file.read(1024)
    text = path.read_text('utf-8', 'replace') if is_ours else ''
    if any(text.count(mark) != 1 for mark in (*_CHAPTERS, *_CONTENTS)):
        raise ValueError(
            f'{path} is not a report that ddsp has written, so that nothing can be '
            'added to it; name another file.'
        )
    return text


def _key(path: Path, about: Path) -> str:
    """Names a chapter by the file that it is about, wherever the two are moved."""
    here = path.absolute().parent
    try:
        name = Path(os.path.relpath(about.absolute(), here)).as_posix()
    except ValueError:  # On another drive.
        name = about.absolute().as_posix()
    return hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]


def _chapter(
    key: str, title: str, lead: str, notes: Iterable[str], parts: Iterable[str]
) -> str:
    body = '\n'.join(
        _one_level_down(_with_own_ids(part, f'chapter-{key}-')) for part in parts
    )
    return f"""<!-- chapter {key} -->
<section class="chapter" aria-labelledby="chapter-{key}">
<h2 id="chapter-{key}">{html.escape(title)}</h2>
<p class="lead">{html.escape(lead)}</p>
{page.noted(notes)}
{body}
</section>
<!-- end of chapter {key} -->"""


def _contents(chapters: dict[str, str]) -> str:
    links = [
        f'<a href="#chapter-{key}">{_TITLE.search(chapter)[1]}</a>'
        for key, chapter in chapters.items()
    ]
    return f'<nav class="soft">Further down: {", ".join(links)}.</nav>'


def _with_own_ids(part: str, prefix: str) -> str:
    """Pictures of other chapters may have the same names for the same shapes."""
    return re.sub(r'( id="|url\(#|href="#)', rf'\g<1>{prefix}', part)


def _one_level_down(part: str) -> str:
    """Headings under that of the chapter."""
    return re.sub(
        r'(</?h)([2-5])\b', lambda found: f'{found[1]}{int(found[2]) + 1}', part
    )


def _split(text: str, marks: tuple[str, str]) -> tuple[str, str, str]:
    before, _, rest = text.partition(marks[0])
    inside, _, after = rest.partition(marks[1])
    return before, inside, after


def _join(
    before: str, inside: Iterable[str], after: str, marks: tuple[str, str]
) -> str:
    return before + '\n'.join([marks[0], *inside, marks[1]]) + after
