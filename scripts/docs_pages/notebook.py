"""Notebooks as pages: their text and code, as they are, without running them."""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path

_COLAB = 'https://colab.research.google.com'
# The cell that installs the package in Colab is of no use to a reader.
_INSTALLS = re.compile(r"^if 'google\.colab' in sys\.modules:\n +%pip ", re.MULTILINE)
_FENCE = re.compile(r'^`{3,}', re.MULTILINE)


def notebook_markdown(path: Path) -> str:
    """The cells of a notebook as Markdown."""
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    parts = [_cell(cell['cell_type'], ''.join(cell['source'])) for cell in cells]
    return '\n\n'.join(part for part in parts if part) + '\n'


def with_links(markdown: str, source: str, repository: str = '') -> str:
    """Puts links to the notebook itself below the heading of its page.

    Parameters
    ----------
    markdown : of the page.
    source : path of the notebook in the repository. On the site it lies beside its
        page, to be downloaded.
    repository : address under which the repository is published; from GitHub, Colab
        opens notebooks by itself.
    """
    heading, _, text = markdown.partition('\n')
    name = posixpath.basename(source)
    links = ' '.join(_links(name, repository, source))
    return f'{heading}\n\n{links}\n{text}'


def _cell(kind: str, source: str) -> str:
    if kind == 'markdown':
        return source.strip()
    if kind != 'code' or not source.strip() or _INSTALLS.search(source):
        return ''
    # A fence that is longer than all in the code.
    longest = max((len(fence) for fence in _FENCE.findall(source)), default=2)
    fence = '`' * max(3, longest + 1)
    return f'{fence}python\n{source.strip()}\n{fence}'


def _links(name: str, repository: str, source: str) -> list[str]:
    download = (
        f'[:material-download: Download the notebook]({name})'
        f'{{ .md-button .notebook-link download="{name}" }}'
    )
    owner = re.fullmatch(
        r'https://github\.com/([\w.-]+/[\w.-]+?)(\.git)?/?', repository
    )
    if owner:
        address = posixpath.join(_COLAB, 'github', owner[1], 'blob/main', source)
        label = 'Open in Colab'
    else:
        # Colab asks for a notebook, and takes the one that was downloaded.
        address, label = f'{_COLAB}/#upload=true', 'Upload it to Colab'
    colab = f'[:simple-googlecolab: {label}]({address}){{ .md-button .notebook-link }}'
    return [download, colab]
