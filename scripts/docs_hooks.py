"""What MkDocs asks while it builds the site: pages that are made of other sources.

`mkdocs.yml` names this file. The work is done in `docs_pages`.
"""

from __future__ import annotations

import functools
import posixpath
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
for _folder in (ROOT, ROOT / 'scripts'):
    if str(_folder) not in sys.path:
        sys.path.insert(0, str(_folder))

from docs_pages import commands, documents, links, notebook, public, reference  # noqa: E402

# The entry of the menu below which the reference goes.
_REFERENCE = 'API reference'


@functools.cache
def modules() -> dict[str, public.Module]:
    """The public modules of the library."""
    return public.public_modules(ROOT)


@functools.cache
def places() -> dict[str, str]:
    """Where links to files of the repository lead on the site."""
    return documents.places(ROOT, modules())


@functools.cache
def entries() -> dict[str, str]:
    """What the reference has, by the names that documents may use."""
    pages = {module.path: module.path for module in reference.shown(modules())}
    return {**links.spellings(modules()), **pages}


@functools.cache
def command_lines() -> str:
    """The page of commands; importing them takes seconds."""
    import ddsp_command

    with ddsp_command.quiet_stderr():
        return commands.commands_page(commands.parsers())


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fills the reference into the menu."""
    for read in (modules, places, entries):  # `mkdocs serve` builds again and again.
        read.cache_clear()
    for entry in config.nav or []:
        if _REFERENCE in entry:
            entry[_REFERENCE] = reference.make_navigation(modules())
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are made of other sources."""
    for place, text in generated_pages(repository_of(config)).items():
        files.append(File.generated(config, place, content=text))
    beside = {path: _beside_its_page(path) for path in documents.notebooks(ROOT)}
    for source, place in {**documents.FILES, **beside}.items():
        file = File.generated(config, place, abs_src_path=str(ROOT / source))
        files.append(file)
    return files


def repository_of(config: MkDocsConfig) -> str:
    """The address under which the repository is published, or nothing."""
    return config.extra.get('repository') or ''


def generated_pages(repository: str) -> dict[str, str]:
    """Markdown of all pages that are made of other sources, by their places.

    Parameters
    ----------
    repository : address under which it is published, or nothing.
    """
    pages = reference.make_pages(modules())
    pages['commands.md'] = command_lines()
    texts = {
        source: (ROOT / source).read_text(encoding='utf-8')
        for source in documents.DOCUMENTS
    }
    notebooks = documents.notebooks(ROOT)
    for source in notebooks:
        texts[source] = notebook.notebook_markdown(ROOT / source)
    for source, text in texts.items():
        page = places()[source]
        text = links.adapt_links(text, source, page, places(), ROOT, repository)
        if source in notebooks:
            text = notebook.with_links(text, source, repository)
        pages[page] = text
    return pages


def on_page_markdown(
    markdown: str, page: Page, config: MkDocsConfig, files: Files, **_: Any
) -> str:
    """Lets written pages link to files of the repository, and all to the reference."""
    place = page.file.src_uri
    if page.file.generated_by is None:
        markdown = links.adapt_links(
            markdown, f'docs/{place}', place, places(), ROOT, repository_of(config)
        )
    return links.link_names(markdown, entries())


def _beside_its_page(path: str) -> str:
    folder = posixpath.dirname(documents.notebook_page(path))
    return posixpath.join(folder, posixpath.basename(path))
