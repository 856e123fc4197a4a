"""Stand-ins for Colab and for a notebook, and what they show."""

from __future__ import annotations

import sys
import types

import pytest


@pytest.fixture
def colab(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """Stands in for Colab; remembers what it was asked."""
    colab = types.ModuleType('google.colab')
    colab.asked = []
    colab.answer = None
    colab.uploaded = {}

    def eval_js(script, ignore_result=False):
        colab.asked.append(script)
        return None if ignore_result else colab.answer

    colab.output = types.SimpleNamespace(eval_js=eval_js)
    colab.files = types.SimpleNamespace(
        upload=lambda: colab.uploaded, download=colab.asked.append
    )
    colab.drive = types.SimpleNamespace(mount=colab.asked.append)
    monkeypatch.setitem(sys.modules, 'google.colab', colab)
    return colab


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list:
    """What a notebook would show."""
    from IPython import display

    shown = []
    monkeypatch.setattr(display, 'display', shown.append)
    return shown


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    import IPython

    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setattr(IPython, 'get_ipython', lambda: shell)
