"""A picture of pitch and notes, beside the keys of a piano."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ddsp import core
from ddsp.optional import import_optional
from ddsp.training.plotting import new_figure
from ddsp.training.transcription.transcribe import Transcription
from ddsp.training.transfer.adjust import note_name

SUFFIXES = ('.png', '.svg', '.pdf')
_BLACK_KEYS = (1, 3, 6, 8, 10)
_NOTE, _LINE, _KEY = '#9ecae1', '#c4442a', '#f1f1ef'
_WIDTH, _WIDEST, _HEIGHT = 9.6, 60.0, 4.8
_INCHES_PER_SECOND = 0.6
# Keys shown beyond the highest and the lowest pitch.
_MARGIN = 2


def draw(found: Transcription, title: str) -> Any:
    """Draws f0, fainter where it is unsure, over notes as bars; gives the figure.

    Parameters
    ----------
    found : in a recording.
    title : of the picture.
    """
    features = found.features
    width = float(np.clip(_INCHES_PER_SECOND * features.seconds, _WIDTH, _WIDEST))
    figure, (axis,) = new_figure(1, (width, _HEIGHT))
    midi = np.asarray(core.hz_to_midi(features.f0_hz), np.float64)
    time = np.arange(len(midi)) / features.frame_rate
    sure = features.confident(0.5)
    shown = midi[sure] if sure.any() else np.array([57.0, 69.0])
    low = int(min([shown.min(), *(n.pitch for n in found.notes)])) - _MARGIN
    high = int(max([shown.max(), *(n.pitch for n in found.notes)])) + _MARGIN + 1
    for key in range(low, high + 1):
        if key % 12 in _BLACK_KEYS:
            axis.axhspan(key - 0.5, key + 0.5, color=_KEY, zorder=0)
    for note in found.notes:
        axis.barh(
            note.pitch + found.tuning,
            note.end - note.start,
            left=note.start,
            height=0.8,
            color=_NOTE,
            edgecolor='white',
            linewidth=0.8,
            zorder=1,
        )
    axis.plot(time, np.where(sure, midi, np.nan), color=_LINE, linewidth=1.2, zorder=2)
    naturals = [k for k in range(low, high + 1) if k % 12 in (0, 4, 7)]
    axis.set_yticks(naturals, [note_name(key) for key in naturals])
    axis.set(
        title=title,
        xlabel='time (s)',
        ylabel='note',
        xlim=(0.0, features.seconds),
        ylim=(low - 0.5, high + 0.5),
    )
    return figure


def write_picture(
    path: str | os.PathLike[str], found: Transcription, title: str
) -> None:
    """Writes the picture that `draw` makes, in the format of the name's suffix."""
    form = Path(path).suffix.lower()[1:]
    # Neither a date nor names drawn by chance: the same sound gives the same file.
    metadata = {'svg': {'Date': None}, 'pdf': {'CreationDate': None}}.get(form)
    matplotlib = import_optional('matplotlib', 'plotting')
    with matplotlib.rc_context({'svg.hashsalt': 'ddsp'}):
        draw(found, title).savefig(path, format=form, metadata=metadata)
