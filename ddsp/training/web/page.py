"""Writes the files of the page around a model."""

from __future__ import annotations

import html
import lzma
import shutil
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ddsp

_STATIC = Path(__file__).parent / 'static'
_VENDOR = Path(__file__).parent / 'vendor'
_PACKED = '.xz'
_VOWELS = 'aeiou'


def write_page(folder: Path, metadata: Mapping[str, Any]) -> None:
    """Writes the page and onnxruntime-web beside a model and its metadata.

    Parameters
    ----------
    folder : with the model, and `metadata.json` sooner or later.
    metadata : see `describe_voice`.
    """
    for path in sorted(_STATIC.iterdir()):
        if path.suffix == '.html':
            page = string.Template(path.read_text('utf-8'))
            filled = page.substitute(_words(str(metadata['title'])))
            (folder / path.name).write_text(filled, 'utf-8')
        else:
            shutil.copyfile(path, folder / path.name)
    vendor = folder / 'vendor'
    vendor.mkdir(exist_ok=True)
    for path in sorted(_VENDOR.iterdir()):
        if path.suffix == _PACKED:
            (vendor / path.stem).write_bytes(lzma.decompress(path.read_bytes()))
        else:
            shutil.copyfile(path, vendor / path.name)


def _words(title: str) -> dict[str, str]:
    lower = title.lower()
    article = 'an' if lower[:1] in _VOWELS else 'a'
    words = {'title': title, 'lower': lower, 'article': f'{article} {lower}'}
    words['version'] = ddsp.__version__
    return {name: html.escape(word) for name, word in words.items()}
