"""A site that was built: its pages, what they link to and what they load."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import urllib.parse
from html.parser import HTMLParser

ROOT = pathlib.Path(__file__).parents[2]


class Page(HTMLParser):
    """What a page has anchors for, what it links to and what it loads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ('id', 'name') and value:
                self.anchors.add(value)
            if name == 'href' and value:
                (self.links if tag == 'a' else self.loads).add(value)
            if name in ('src', 'srcset', 'poster') and value:
                self.loads.add(value)


@dataclasses.dataclass
class Site:
    folder: pathlib.Path
    warnings: list[str]
    sources: set[str]
    in_menu: set[str]

    @functools.cached_property
    def pages(self) -> dict[str, Page]:
        """All pages by their addresses."""
        return {
            path.relative_to(self.folder).as_posix(): Page(path.read_text('utf-8'))
            for path in self.folder.rglob('*.html')
        }

    def target(self, page: str, link: str) -> tuple[str, str] | None:
        """File and anchor to which a link of a page leads, if it stays on the site."""
        parts = urllib.parse.urlsplit(link)
        if parts.scheme or parts.netloc:
            return None
        base = f'http://site/{page}'
        path = urllib.parse.urlsplit(urllib.parse.urljoin(base, parts.path)).path
        return urllib.parse.unquote(path[1:]), urllib.parse.unquote(parts.fragment)
