"""Documents of the repository that are pages of the site as well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from docs_pages.public import Module
from docs_pages.reference import page_of

# Where they stand in the repository and on the site.
DOCUMENTS = {
    'CHANGELOG.md': 'project/changelog.md',
    'CONTRIBUTING.md': 'project/contributing.md',
    'INSTRUMENTS.md': 'project/instruments.md',
    'benchmarks/README.md': 'benchmarks/index.md',
    'benchmarks/RESULTS.md': 'benchmarks/results.md',
    'benchmarks/TRAINING.md': 'benchmarks/training.md',
    'colab/README.md': 'notebooks/index.md',
    'ddsp/recordings/NOTICE.md': 'project/notice_recordings.md',
    'ddsp/training/instruments/NOTICE.md': 'project/notice_instruments.md',
}
# What they show, or what the home page plays.
FILES = {
    'benchmarks/training_loss.svg': 'benchmarks/training_loss.svg',
    'ddsp/recordings/singing.flac': 'sounds/singing.flac',
    'LICENSE': 'project/LICENSE.txt',
}
# Links to these lead to pages that say the same.
_INSTEAD = {
    'README.md': 'index.md',
    'benchmarks': 'benchmarks/index.md',
    'colab': 'notebooks/index.md',
}


def notebooks(root: Path) -> list[str]:
    """Paths of all notebooks in the repository."""
    found = (root / 'colab').rglob('*.ipynb')
    paths = (path.relative_to(root) for path in found)
    shown = (path for path in paths if '.ipynb_checkpoints' not in path.parts)
    return sorted(path.as_posix() for path in shown)


def notebook_page(path: str) -> str:
    """Where the page of a notebook stands."""
    return path.replace('colab/', 'notebooks/', 1).replace('.ipynb', '.md')


def places(root: Path, modules: dict[str, Module]) -> dict[str, str]:
    """Files of the repository with the pages to which links to them lead."""
    return {
        **DOCUMENTS,
        **FILES,
        **_INSTEAD,
        **{path: notebook_page(path) for path in notebooks(root)},
        **dict(_sources(root, modules)),
    }


def _sources(root: Path, modules: dict[str, Module]) -> Iterator[tuple[str, str]]:
    for module in modules.values():
        page = page_of(module.path) if module.path != 'ddsp' else 'api/index.md'
        if module.names or module.modules:
            yield module.file.relative_to(root).as_posix(), page
