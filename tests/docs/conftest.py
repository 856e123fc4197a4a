"""Builds the site once for all tests, with the scripts that `make docs` runs."""

from __future__ import annotations

import logging
import sys

import pytest
from built_site import ROOT, Site

sys.path.append(str(ROOT / 'scripts'))
if not (ROOT / 'mkdocs.yml').is_file():
    # The matrix tests the wheel, to which the documentation does not belong.
    collect_ignore_glob = ['*']


class Gathered(logging.Handler):
    """Keeps what is warned of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@pytest.fixture(scope='session')
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The site as `make docs` builds it, whatever it warns of."""
    pytest.importorskip('mkdocs', reason="needs pip install 'ddsp[docs]'")
    pytest.importorskip('mkdocstrings', reason="needs pip install 'ddsp[docs]'")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    folder = tmp_path_factory.mktemp('site')
    config = load_config(str(ROOT / 'mkdocs.yml'), site_dir=str(folder), strict=False)
    seen: list = []
    config.plugins.events['nav'].append(lambda nav, config, files: seen.extend([nav]))
    gathered = Gathered()
    logger = logging.getLogger('mkdocs')
    logger.addHandler(gathered)
    try:
        build(config)
    finally:
        logger.removeHandler(gathered)
    in_menu = {page.file.src_uri for page in seen[0].pages}
    sources = {
        path.relative_to(ROOT / 'docs').as_posix()
        for path in (ROOT / 'docs').rglob('*.md')
    }
    return Site(folder, gathered.messages, sources, in_menu)
