"""The site in a browser, from files: search works, and nothing asks the network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from built_site import Site
from served_page import find_browser

playwright = pytest.importorskip(
    'playwright.sync_api', reason='needs pip install playwright, to drive a browser'
)
CHROMIUM = find_browser()
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason='needs a browser: apt install chromium'
)
WIDE, PHONE = {'width': 1280, 'height': 900}, {'width': 390, 'height': 844}


@pytest.fixture(scope='module')
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=['--no-sandbox']
        )
        yield browser
        browser.close()


def test_search_finds_a_function_without_a_server(site: Site, browser: Any) -> None:
    asked, errors = [], []
    page = browser.new_page(viewport=WIDE)
    page.on('request', lambda request: asked.append(request.url))
    page.on('pageerror', lambda error: errors.append(str(error)))
    page.goto((site.folder / 'index.html').as_uri())
    page.click('.md-search__input')
    page.keyboard.type('exp_sigmoid')
    found = page.locator('.md-search-result__link[href*="ddsp.core.exp_sigmoid"]')
    found.first.wait_for(state='attached')
    page.close()
    assert errors == []
    assert [url for url in asked if not url.startswith(('file:', 'data:'))] == []
    assert any(url.endswith('/search/search_index.js') for url in asked)


def test_pages_fit_on_a_phone(site: Site, browser: Any) -> None:
    page = browser.new_page(viewport=PHONE)
    for address in ('index', 'api/core', 'commands', 'benchmarks/results'):
        page.goto((site.folder / f'{address}.html').as_uri())
        width = page.evaluate('document.documentElement.scrollWidth')
        assert width == PHONE['width'], address
    page.close()
