"""What the page shows besides sound: messages and pictures, as HTML."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterable

from ddsp.training.reports import page, plots
from ddsp.training.serve.limits import in_words
from ddsp.training.serve.playing import Played
from ddsp.training.transfer.controls import CONTROLS
from ddsp.training.transfer.instrument import Performance
from ddsp.training.transfer.measures import compared, hear

# Pictures show no more than this of a recording, to keep the page light.
EXCERPT_SECONDS = 60.0


def waiting() -> str:
    """Stands where the result will be."""
    return (
        '<div class="told waiting">What the instrument plays appears here, to listen '
        'to, to look at and to keep.</div>'
    )


def refused(words: str) -> str:
    """An error, for people."""
    words = _of_the_page(words)
    words = words[:1].upper() + words[1:]
    return f'<div class="told refused" role="alert">{html.escape(words)}</div>'


def accepted(played: Played) -> str:
    """What was played, and what there is to say about it."""
    seconds = played.performance.features.seconds
    lead = (
        f'<div class="told accepted" role="status">{html.escape(played.title)} plays '
        f'{in_words(seconds)} of your melody{_moved(played)}. '
        f'It took {played.took:.1f} s.</div>'
    )
    notes = played.performance.adjusted.warnings
    return '\n'.join([lead, *(_warning(note) for note in notes)])


def pictures(played: Played) -> str:
    """Spectrograms, pitch and loudness of the recording and of what was played."""
    title = played.title
    whole = played.performance.features.seconds
    performance = _beginning(played.performance)
    features, adjusted = performance.features, performance.adjusted
    heard = hear(performance)
    spectrograms = plots.plot_spectrograms(
        features.audio, performance.audio, features.sample_rate, ('Your melody', title)
    )
    shown = {
        'frame_rate': features.frame_rate,
        'labels': ('what was asked', 'what was played'),
        'notes': adjusted.notes,
    }
    f0 = plots.plot_f0(adjusted.f0_hz, heard.f0_hz, compared(performance), **shown)
    loudness = plots.plot_loudness(
        adjusted.loudness_db,
        heard.loudness_db,
        before_db=features.loudness_db,
        **shown,
    )
    excerpt = ''
    if whole > EXCERPT_SECONDS:
        excerpt = f' Pictures show the first {in_words(EXCERPT_SECONDS)}.'
    return _sections(
        [
            (
                'The sound, seen',
                'Time runs to the right, pitch upwards; what is bright is loud. The '
                'lines move alike in both pictures; which of them are bright makes '
                f'the instrument.{excerpt}',
                spectrograms,
            ),
            ('Pitch', 'What was asked of the instrument, and what it made of it.', f0),
            ('Loudness', 'Louder is higher up; 10 dB sound twice as loud.', loudness),
        ]
    )


def _beginning(performance: Performance) -> Performance:
    """As much of a performance as pictures show."""
    features, adjusted = performance.features, performance.adjusted
    n_frames = round(EXCERPT_SECONDS * features.frame_rate)
    n_samples = n_frames * features.hop
    return Performance(
        dataclasses.replace(
            features,
            audio=features.audio[:n_samples],
            f0_hz=features.f0_hz[:n_frames],
            f0_confidence=features.f0_confidence[:n_frames],
            loudness_db=features.loudness_db[:n_frames],
        ),
        dataclasses.replace(
            adjusted,
            f0_hz=adjusted.f0_hz[:n_frames],
            loudness_db=adjusted.loudness_db[:n_frames],
            notes=adjusted.notes[:n_frames],
        ),
        performance.audio[:n_samples],
    )


def _moved(played: Played) -> str:
    octaves = played.performance.adjusted.octaves
    if not octaves:
        return ''
    size = 'an octave' if abs(octaves) == 1 else f'{abs(octaves)} octaves'
    way = 'higher' if octaves > 0 else 'lower'
    return f', {size} {way}, where it is at home'


def _sections(parts: Iterable[tuple[str, str, str]]) -> str:
    shown = [
        f'<section><h3>{html.escape(title)}</h3><p>{html.escape(text)}</p>'
        f'{page.figure(svg, html.escape(title))}</section>'
        for title, text, svg in parts
    ]
    return '\n'.join(shown)


def _warning(words: str) -> str:
    words = html.escape(_of_the_page(words))
    return f'<div class="told warning" role="status">{words}</div>'


def _of_the_page(words: str) -> str:
    """Options of the command have other names on the page."""
    for control in CONTROLS:
        if '_' in control.name:
            words = words.replace(control.name, f'“{control.title}”')
    return words
