"""Links of documents of the repository, on the site."""

from __future__ import annotations

import pathlib

import pytest
from built_site import ROOT
from docs_pages import links, public

PLACES = {
    'CHANGELOG.md': 'project/changelog.md',
    'benchmarks': 'benchmarks/index.md',
    'benchmarks/curve.svg': 'benchmarks/curve.svg',
}


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / 'benchmarks').mkdir()
    (tmp_path / 'benchmarks/plain.py').touch()
    return tmp_path


@pytest.mark.parametrize(
    'markdown, adapted',
    [
        ('[log](../CHANGELOG.md)', '[log](../project/changelog.md)'),
        ('[log](../CHANGELOG.md#added)', '[log](../project/changelog.md#added)'),
        ('![curve](curve.svg)', '![curve](curve.svg)'),
        ('[two\nlines](../benchmarks)', '[two\nlines](index.md)'),
        ('[page](../docs/how_to/x.md)', '[page](../how_to/x.md)'),
        ('[the source](plain.py)', 'the source'),
        ('[nowhere](gone.md)', '[nowhere](gone.md)'),
        ('[out](../../elsewhere)', '[out](../../elsewhere)'),
        ('[web](https://example.org/a.md)', '[web](https://example.org/a.md)'),
        ('[here](#below)', '[here](#below)'),
        ('```\n[log](../CHANGELOG.md)\n```', '```\n[log](../CHANGELOG.md)\n```'),
    ],
)
def test_adapts(markdown: str, adapted: str, root: pathlib.Path) -> None:
    found = links.adapt_links(
        markdown, 'benchmarks/README.md', 'benchmarks/index.md', PLACES, root
    )
    assert found == adapted


def test_files_without_a_page_are_in_the_repository(root: pathlib.Path) -> None:
    found = links.adapt_links(
        '[the source](plain.py#L3)',
        'benchmarks/README.md',
        'benchmarks/index.md',
        PLACES,
        root,
        'https://github.com/someone/ddsp/',
    )
    address = 'https://github.com/someone/ddsp/blob/main/benchmarks/plain.py#L3'
    assert found == f'[the source]({address})'


@pytest.mark.parametrize(
    'markdown, linked',
    [
        ('a `Harmonic`', 'a [`Harmonic`][ddsp.synths.Harmonic]'),
        ('`core.resample()`', '[`core.resample()`][ddsp.core.resample]'),
        ('`ddsp.core.resample`', '[`ddsp.core.resample`][ddsp.core.resample]'),
        ('`exp_sigmoid`', '[`exp_sigmoid`][ddsp.core.exp_sigmoid]'),
        ('`resample`', '`resample`'),  # A word that means other things too.
        ('# `Harmonic`', '# `Harmonic`'),
        ('[`Harmonic`](page.md)', '[`Harmonic`](page.md)'),
        ('```python\n`Harmonic`\n```', '```python\n`Harmonic`\n```'),
        ('    `Harmonic`', '    `Harmonic`'),
        ('``Harmonic``', '``Harmonic``'),
    ],
)
def test_links_names(markdown: str, linked: str) -> None:
    entries = links.spellings(public.public_modules(ROOT))
    assert links.link_names(markdown, entries) == linked
