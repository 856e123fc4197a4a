"""Where a notebook runs, and what it does there."""

from __future__ import annotations

import types
from pathlib import Path

import pytest

from ddsp.colab import colab_utils, surroundings


def test_surroundings_of_a_program() -> None:
    assert surroundings.surroundings() == 'program'


def test_surroundings_of_a_notebook(notebook: None) -> None:
    assert surroundings.surroundings() == 'notebook'


def test_surroundings_of_a_terminal_with_ipython(monkeypatch) -> None:
    import IPython

    monkeypatch.setattr(IPython, 'get_ipython', lambda: types.SimpleNamespace())
    assert surroundings.surroundings() == 'program'


def test_surroundings_of_colab(colab) -> None:
    assert surroundings.surroundings() == 'colab'


@pytest.mark.parametrize(
    'value, expected', [(None, 9), ('', 9), ('0', 9), ('1', 2), ('yes', 2)]
)
def test_sized(monkeypatch, value, expected) -> None:
    monkeypatch.delenv(surroundings.SMALL_VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(surroundings.SMALL_VARIABLE, value)
    assert colab_utils.sized(full=9, small=2) == expected


def test_working_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = colab_utils.working_folder('mine')
    assert folder == Path('mine') and (tmp_path / 'mine').is_dir()


def test_working_folder_on_drive(colab, tmp_path, monkeypatch) -> None:
    made = []
    monkeypatch.setattr(Path, 'mkdir', lambda self, **kwargs: made.append(self))
    folder = colab_utils.working_folder('mine')
    assert folder.as_posix() == '/content/drive/MyDrive/mine'
    assert made == [folder] and colab.asked == ['/content/drive']
