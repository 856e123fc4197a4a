"""The site: complete, without a warning, its links whole, and all of it local."""

from __future__ import annotations

import importlib
import inspect
import pathlib
import re

import pytest
from built_site import ROOT, Site
from docs_pages import documents, public, reference

PROMISES = (ROOT / 'tests/public_api.txt').read_text(encoding='utf-8').splitlines()
# Files of the theme's whose addresses are made by its scripts.
MADE_BY_SCRIPTS = {'404.html'}


@pytest.fixture(scope='module')
def modules() -> dict[str, public.Module]:
    return public.public_modules(ROOT)


def test_nothing_is_warned_of(site: Site) -> None:
    assert site.warnings == []


def test_every_public_name_has_an_entry(
    site: Site, modules: dict[str, public.Module]
) -> None:
    missing = []
    for module in reference.shown(modules):
        page = reference.page_of(module.path).replace('.md', '.html')
        anchors = site.pages[page].anchors
        missing += [name.entry for name in module.names if name.entry not in anchors]
        missing += [] if module.path in anchors else [module.path]
    assert missing == []


def documented(path: str, anchors: set[str], defined: set[str]) -> bool:
    """Whether a name has an entry, itself or the class whose it is.

    A name may be promised under several paths and have its entry under another one.
    """
    root, *parts = path.split('.')
    value = importlib.import_module(root)
    for i, part in enumerate(parts):
        if inspect.ismodule(value) and not hasattr(value, part):
            importlib.import_module(f'{value.__name__}.{part}')
        value = getattr(value, part)
        if not inspect.ismodule(value):
            here = '.'.join([root, *parts[: i + 1]])
            value = inspect.unwrap(value)
            there = (
                f'{getattr(value, "__module__", "")}.{getattr(value, "__name__", "")}'
            )
            return here in anchors or there in defined
    return path in anchors


def test_every_promised_name_has_an_entry(
    site: Site, modules: dict[str, public.Module]
) -> None:
    anchors = set().union(*(page.anchors for page in site.pages.values()))
    defined = {name.defined for module in modules.values() for name in module.names}
    paths = [re.split(r'[( ]', line)[0] for line in PROMISES if line[:5] == 'ddsp.']
    missing = [path for path in paths if not documented(path, anchors, defined)]
    assert missing == []
    assert len(paths) > 400


def test_every_written_page_is_in_the_menu(site: Site) -> None:
    assert site.sources - site.in_menu == set()


def test_every_notebook_and_document_is_in_the_menu(site: Site) -> None:
    pages = {documents.notebook_page(path) for path in documents.notebooks(ROOT)}
    pages |= {page for page in documents.DOCUMENTS.values() if '/notice_' not in page}
    assert pages - site.in_menu == set()
    assert len(pages) > 12


def test_every_module_is_in_the_menu(
    site: Site, modules: dict[str, public.Module]
) -> None:
    pages = {reference.page_of(module.path) for module in reference.shown(modules)}
    assert pages - site.in_menu == set()
    wanted = ('core', 'spectral_ops', 'dags', 'processors', 'synths', 'effects')
    wanted += ('losses', 'pitch', 'streaming', 'audio_files', 'recordings')
    wanted += ('training/nn', 'training/data', 'training/models', 'colab/colab_utils')
    assert {f'api/{name}.md' for name in wanted} <= pages


def test_links_lead_somewhere(site: Site) -> None:
    broken = []
    for address, page in site.pages.items():
        if address in MADE_BY_SCRIPTS:
            continue
        for link in page.links | page.loads:
            target = site.target(address, link)
            if target is None:
                continue
            path, anchor = target
            if path.endswith('/') or path == '':
                path += 'index.html'
            if not (site.folder / path).is_file():
                broken.append(f'{address}: {link}')
            elif anchor and path in site.pages:
                # The theme makes these itself.
                known = site.pages[path].anchors | {'__codelineno', '__toc'}
                if anchor not in known:
                    broken.append(f'{address}: {link}')
    assert sorted(broken) == []


def test_nothing_loads_from_the_network(site: Site) -> None:
    loads = {load for page in site.pages.values() for load in page.loads}
    away = {load for load in loads if re.match(r'(https?:)?//', load)}
    assert away == set()
    assert any(load.endswith('.css') for load in loads)
    for path in site.folder.rglob('*.css'):
        text = path.read_text(encoding='utf-8')
        assert not re.search(r'url\(["\']?(https?:)?//', text), path.name
        assert not re.search(r'@import\s+(url\()?["\']?(https?:)?//', text), path.name


def test_the_home_page_plays(site: Site) -> None:
    assert {'sounds/singing.flac', 'sounds/violin.mp3'} <= site.pages[
        'index.html'
    ].loads
    singing = (site.folder / 'sounds/singing.flac').read_bytes()
    assert singing == (ROOT / 'ddsp/recordings/singing.flac').read_bytes()


def test_notebooks_can_be_downloaded(site: Site) -> None:
    for path in documents.notebooks(ROOT):
        page = documents.notebook_page(path).replace('.md', '.html')
        name = pathlib.PurePosixPath(path).name
        assert name in site.pages[page].links
        published = (site.folder / page).with_name(name)
        assert published.read_bytes() == (ROOT / path).read_bytes()


def test_examples_and_types_are_read(site: Site) -> None:
    # Of one function all that a reader looks for, as it stands in the source.
    html = (site.folder / 'api/core.html').read_text(encoding='utf-8')
    entry = html.split('id="ddsp.core.frequency_filter"')[1].split(
        'doc doc-object doc-'
    )[0]
    text = re.sub(r'<[^>]+>', '', entry)
    for words in ('Parameters:', 'magnitudes', 'window_size', 'Returns:', 'Raises:'):
        assert words in text, words


def test_docstrings_link_to_each_other(site: Site) -> None:
    assert any(
        link.endswith('core.html#ddsp.core.reproducible_noise')
        for link in site.pages['api/synths.html'].links
    )
