"""Notebooks as pages."""

from __future__ import annotations

import json
import pathlib

import pytest
from built_site import ROOT
from docs_pages import documents, notebook

GITHUB = 'https://github.com/someone/ddsp'


def test_text_and_code(tmp_path: pathlib.Path) -> None:
    cells = [
        ('markdown', '# Title\n\nText.\n'),
        ('code', "import sys\n\nif 'google.colab' in sys.modules:\n    %pip install x"),
        ('code', "text = '''\n````\n'''\n"),
        ('raw', 'no text of the page'),
        ('code', '  '),
        ('markdown', 'End.'),
    ]
    path = tmp_path / 'a.ipynb'
    content = [
        {'cell_type': kind, 'source': source.splitlines(keepends=True)}
        for kind, source in cells
    ]
    path.write_text(json.dumps({'cells': content}))
    fence = '`' * 5
    assert notebook.notebook_markdown(path) == (
        f"# Title\n\nText.\n\n{fence}python\ntext = '''\n````\n'''\n{fence}\n\nEnd.\n"
    )


@pytest.mark.parametrize('path', documents.notebooks(ROOT))
def test_all_cells_of_ours(path: str) -> None:
    cells = json.loads((ROOT / path).read_text(encoding='utf-8'))['cells']
    markdown = notebook.notebook_markdown(ROOT / path)
    shown = [cell for cell in cells if '%pip install' not in ''.join(cell['source'])]
    assert len(shown) == len(cells) - 1
    for cell in shown:
        assert ''.join(cell['source']).strip() in markdown


def test_links_to_the_notebook() -> None:
    source = 'colab/demos/timbre_transfer.ipynb'
    text = notebook.with_links('# Title\n\nText.\n', source)
    assert text.startswith('# Title\n\n[') and text.endswith('\n\nText.\n')
    assert '(timbre_transfer.ipynb)' in text
    assert 'https://colab.research.google.com/' in text
    opened = f'https://colab.research.google.com/github/someone/ddsp/blob/main/{source}'
    for repository in (GITHUB, GITHUB + '/', GITHUB + '.git'):
        assert opened in notebook.with_links('# Title\n', source, repository)
