"""A page that is complete in itself, and the parts it is made from."""

from __future__ import annotations

import base64
import html
import io
import string
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

import ddsp
from ddsp.training.output_paths import write_text

#: By this a page of ours is known.
GENERATOR = '<meta name="generator" content="ddsp">'
_TEMPLATE = Path(__file__).with_name('page.html')


def write_page(
    path: Path, title: str, lead: str, notes: Iterable[str], parts: Iterable[str]
) -> None:
    """Writes a page, UTF-8, with sounds and pictures inside it.

    Parameters
    ----------
    path : of the file; it is replaced when all is written.
    title, lead : at the top; plain text.
    notes : what a reader has to know first; plain text each.
    parts : HTML, one after the other.
    """
    text = string.Template(_TEMPLATE.read_text('utf-8')).substitute(
        title=html.escape(title),
        lead=html.escape(lead),
        generator=GENERATOR,
        version=ddsp.__version__,
        notes=noted(notes),
        body='\n'.join(parts),
    )
    write_text(path, text)


def noted(notes: Iterable[str]) -> str:
    """What a reader has to know first; plain text each."""
    return '\n'.join(f'<p class="note">{html.escape(note)}</p>' for note in notes)


def players(
    cards: Iterable[tuple[str, str, np.ndarray]], sample_rate: int, label: str
) -> str:
    """Cards with a title, a text and a player each.

    Parameters
    ----------
    cards : title, text and audio `[samples]`.
    sample_rate : in Hz.
    label : what all of them are, for those who cannot see the page.
    """
    inner = '\n'.join(
        f'<div class="card"><h3>{title}</h3><p>{text}</p>'
        f'{player(audio, sample_rate, title)}</div>'
        for title, text, audio in cards
    )
    return f'<section class="cards" aria-label="{label}">\n{inner}\n</section>'


def player(audio: np.ndarray, sample_rate: int, title: str) -> str:
    """A player with the sound inside it, as FLAC of 16 bits."""
    import soundfile

    # As in the WAV files, what is too loud is turned down and never clipped.
    audio = audio / max(1.0, float(np.max(np.abs(audio))))
    file = io.BytesIO()
    soundfile.write(file, audio, sample_rate, 'PCM_16', format='FLAC')
    encoded = base64.b64encode(file.getvalue()).decode('ascii')
    return (
        f'<audio controls preload="metadata" aria-label="{title}" '
        f'src="data:audio/flac;base64,{encoded}"></audio>'
    )


def tiles(numbers: Iterable[tuple[str, str]]) -> str:
    """Large numbers, each with what it says."""
    inner = '\n'.join(
        f'<div class="card"><div class="number">{number}</div><p>{text}</p></div>'
        for number, text in numbers
    )
    return f'<section class="cards numbers" aria-label="Results">\n{inner}\n</section>'


def section(title: str, text: str, content: str) -> str:
    """A heading, a text and what belongs to them."""
    heading = f'<h2>{title}</h2>\n<p class="soft">{text}</p>'
    return f'<section>\n{heading}\n{content}\n</section>'


def figure(svg: str, label: str) -> str:
    """A picture, with its name for those who cannot see it."""
    svg = svg.replace('<svg ', f'<svg role="img" aria-label="{label}" ', 1)
    return f'<figure>{svg}</figure>\n'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is words and whose others are numbers."""

    def line(cells: Sequence[str], tag: str) -> str:
        first, *others = cells
        numbers = ''.join(f'<{tag} class="right">{cell}</{tag}>' for cell in others)
        return f'<tr><{tag}>{first}</{tag}>{numbers}</tr>'

    lines = [line(head, 'th'), *(line(row, 'td') for row in rows)]
    return '\n'.join(['<div class="scroll"><table>', *lines, '</table></div>'])


def making(command: str, config: str = '') -> str:
    """The command and, folded away, the configuration behind a page."""
    parts = [f'<pre>{html.escape(command)}</pre>'] if command else []
    if config:
        parts.append(
            '<details><summary>Configuration</summary>'
            f'<pre>{html.escape(config.strip())}</pre></details>'
        )
    return '\n'.join(parts)


def duration(seconds: float) -> str:
    """A length of time in words."""
    if seconds < 90:
        return f'{seconds:.1f} seconds' if seconds < 10 else f'{seconds:.0f} seconds'
    minutes = seconds / 60
    return f'{minutes:.1f} minutes' if minutes < 90 else f'{minutes / 60:.1f} hours'
