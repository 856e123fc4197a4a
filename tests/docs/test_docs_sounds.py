"""The pictures of the home page show what is heard."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
from docs_sounds import draw_spectrogram

from ddsp import core

Image = pytest.importorskip('PIL.Image', reason="needs pip install 'ddsp[train]'")


def test_a_sine_is_a_line_at_its_pitch(tmp_path: pathlib.Path) -> None:
    hz = 1000.0
    audio = np.sin(2 * np.pi * hz * np.arange(16000) / 16000).astype(np.float32)
    draw_spectrogram(audio, tmp_path / 'sine.png')
    picture = np.asarray(Image.open(tmp_path / 'sine.png').convert('L'), float)
    height, width = picture.shape
    # Away from the edges, where the sine begins and ends.
    rows = picture[:, width // 4 : 3 * width // 4].mean(axis=1)
    low, high, here = (float(core.hz_to_mel(f)) for f in (60.0, 7800.0, hz))
    expected = height * (1.0 - (here - low) / (high - low))
    assert abs(int(rows.argmax()) - expected) < 0.02 * height
    assert rows.max() > 150 and np.median(rows) < 40
