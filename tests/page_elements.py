"""The elements of an HTML page."""

from __future__ import annotations

import html.parser
import re


class Elements(html.parser.HTMLParser):
    """Collects the elements of a page, and sees that they close as they opened."""

    VOID = ('meta', 'br', 'link', 'img', 'input')

    def __init__(self, page: str):
        super().__init__()
        self.found, self.open = [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def assert_loads_nothing(page: str) -> None:
    """Sees that a page is complete in itself."""
    elements = Elements(page).found
    assert {tag for tag, _ in elements}.isdisjoint({'script', 'link', 'iframe'})
    for _, attributes in elements:
        for name in ('src', 'href', 'xlink:href', 'data', 'poster', 'srcset'):
            value = attributes.get(name) or '#'
            assert value.startswith(('#', 'data:'))
    assert '@import' not in page
    assert re.findall(r'url\(["\']?(?!#)', page) == []
