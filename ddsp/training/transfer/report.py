"""The report of a transfer: one page, complete in itself, or a chapter of another."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ddsp.training.reports import chapters, page, plots
from ddsp.training.transfer.adjust import note_name
from ddsp.training.transfer.controls import CONTROLS, Controls
from ddsp.training.transfer.instrument import InstrumentInfo, Performance
from ddsp.training.transfer.measures import Heard, compared

# Players and pictures show no more than this of a recording, to keep the page small.
EXCERPT_SECONDS = 30.0
# The whole of a longer recording is drawn as so many points.
_OVERVIEW_POINTS = 600


@dataclasses.dataclass(frozen=True)
class ReportData:
    """What a report is made from.

    Parameters
    ----------
    recording : name of the file.
    output : path of the sound that was written.
    info : of the instrument.
    performance : of it.
    heard : what it played, measured.
    metrics : see `measures.measure`.
    controls : how the recording was brought to the instrument.
    seconds : that all of it took, or `None`.
    command : that made it; may be empty.
    """

    recording: str
    output: Path
    info: InstrumentInfo
    performance: Performance
    heard: Heard
    metrics: Mapping[str, Any]
    controls: Controls
    seconds: float | None = None
    command: str = ''


def write_report(path: Path, data: ReportData) -> None:
    """Writes a page, UTF-8, with sounds and pictures inside it."""
    page.write_page(path, _title(data), _lead(data), _notes(data), _parts(data))


def add_to_report(path: Path, data: ReportData) -> None:
    """Adds a chapter to a report, of any kind, or writes a page if there is none.

    A chapter about the same file of output is replaced.

    Raises
    ------
    ValueError
        When the file is there, but no report.
    """
    if not path.exists():
        write_report(path, data)
        return
    chapters.add_chapter(
        path, data.output, _title(data), _lead(data), _notes(data), _parts(data)
    )


def _title(data: ReportData) -> str:
    return f'{data.info.title} plays {data.recording}'


def _lead(data: ReportData) -> str:
    """The result in words."""
    metrics = data.metrics
    sentences = [
        f'{data.info.title} was told nothing of this recording but how high and how '
        f'loud it is, from moment to moment, and plays that {_moved(data)}.'
    ]
    pitch, loudness = metrics['within_50_cents'], metrics['loudness_correlation']
    told = []
    if pitch is not None:
        told.append(f'{_percent(pitch)} of the notes are in tune with what was asked')
    if loudness is not None:
        told.append(f'loudness follows with a correlation of {loudness:.2f}')
    if data.seconds:
        told.append(f'it was made {_speed(data)} than it takes to listen')
    if told and not metrics['silent']:
        sentences.append(_and(told) + '.')
    return ' '.join(sentences)


def _notes(data: ReportData) -> list[str]:
    metrics, notes = data.metrics, list(data.performance.adjusted.warnings)
    if metrics['silent']:
        notes.append('What was played is silent.')
    if metrics['clipped_ratio']:
        notes.append(
            f'The sound goes beyond full scale, up to {metrics["peak"]:.2f}: the file '
            'is turned down as a whole until it fits, and nothing is clipped.'
        )
    excerpt = _excerpt(data.performance)
    if excerpt.partial:
        where = f'from {_clock(excerpt.start)} on' if excerpt.start else 'the first'
        seconds = f'{EXCERPT_SECONDS:.0f} seconds'
        notes.append(
            'Players and pictures show '
            f'{f"{seconds} {where}" if excerpt.start else f"{where} {seconds}"}; the '
            f'numbers are of all {page.duration(metrics["seconds"])}, which '
            f'{data.output.name} holds in full.'
        )
    return notes


def _parts(data: ReportData) -> list[str]:
    excerpt = _excerpt(data.performance)
    return [
        _players(data, excerpt),
        _headline(data),
        _spectrograms(data, excerpt),
        _curves(data, excerpt),
        _overview(data) if excerpt.partial else '',
        _controls(data.controls),
        _measured(data),
        _making(data),
    ]


@dataclasses.dataclass(frozen=True)
class _Excerpt:
    """The part of a recording that is shown."""

    start: float
    frames: slice
    samples: slice
    partial: bool


def _excerpt(performance: Performance) -> _Excerpt:
    """The beginning, or where the first note is if that comes late."""
    features, notes = performance.features, performance.adjusted.notes
    n_frames = round(EXCERPT_SECONDS * features.frame_rate)
    partial = len(features.f0_hz) > n_frames
    first = 0
    if partial and notes.any() and np.argmax(notes) > n_frames // 2:
        first = int(np.argmax(notes)) - features.frame_rate
        first = min(first, len(features.f0_hz) - n_frames)
    hop = features.hop
    return _Excerpt(
        start=first / features.frame_rate,
        frames=slice(first, first + n_frames),
        samples=slice(first * hop, (first + n_frames) * hop),
        partial=partial,
    )


def _players(data: ReportData, excerpt: _Excerpt) -> str:
    features = data.performance.features
    rate = features.sample_rate
    title = html.escape(data.info.title)
    return page.players(
        [
            (
                'What went in',
                f'{html.escape(data.recording)}, at {rate / 1000:g} kHz in mono.',
                features.audio[excerpt.samples],
            ),
            (
                'What came out',
                f'{title}, as it is in {html.escape(data.output.name)}. None of the '
                'recording is in it.',
                data.performance.audio[excerpt.samples],
            ),
        ],
        rate,
        'Listen',
    )


def _headline(data: ReportData) -> str:
    metrics = data.metrics
    tiles = [_shift_tile(data)]
    if metrics['within_50_cents'] is not None:
        tiles.append(
            (
                f'{100 * metrics["within_50_cents"]:.1f}<small> %</small>',
                'of the frames of notes within a quarter tone of what was asked; half '
                f'of them within {metrics["median_cents"]:.1f} cents',
            )
        )
    if metrics['loudness_correlation'] is not None:
        tiles.append(
            (
                f'{metrics["loudness_correlation"]:.2f}',
                'correlation of the loudness that was played with what was asked, in '
                'notes',
            )
        )
    if data.seconds:
        tiles.append(
            (
                f'{metrics["seconds"] / data.seconds:.1f}<small> ×</small>',
                f'as fast as real time: {page.duration(metrics["seconds"])} of sound '
                f'in {page.duration(data.seconds)}',
            )
        )
    return page.tiles(tiles)


def _shift_tile(data: ReportData) -> tuple[str, str]:
    octaves, info = data.metrics['octaves'], data.info
    title, known = html.escape(info.title), info.lowest is not None
    if not data.controls.adjust:
        text = 'the automatic shift was switched off'
    elif octaves:
        text = f'moved {"up" if octaves > 0 else "down"}, to where {title} plays'
    elif known and data.metrics['notes']:
        text = f'not moved: the melody lies where {title} plays'
    else:
        text = 'not moved'
    if known:
        text += f' ({note_name(info.lowest)} to {note_name(info.highest)})'
    if data.controls.pitch_shift:
        text += f'; {data.controls.pitch_shift:+g} by hand'
    unit = 'octave' if abs(octaves) == 1 else 'octaves'
    return f'{f"{octaves:+d}" if octaves else "0"}<small> {unit}</small>', text


def _spectrograms(data: ReportData, excerpt: _Excerpt) -> str:
    features = data.performance.features
    svg = plots.plot_spectrograms(
        features.audio[excerpt.samples],
        data.performance.audio[excerpt.samples],
        features.sample_rate,
        ('What went in', 'What came out'),
        excerpt.start,
    )
    return page.section(
        'What it sounds like, seen',
        'Time runs to the right, pitch upwards, and brightness is loudness. The '
        'stripes are harmonics: they move alike in both, and which of them are bright '
        'is what makes an instrument.',
        page.figure(svg, 'Log-mel spectrograms of what went in and what came out'),
    )


def _curves(data: ReportData, excerpt: _Excerpt) -> str:
    frames, performance = excerpt.frames, data.performance
    adjusted, rate = performance.adjusted, performance.features.frame_rate
    shown = {
        'frame_rate': rate,
        'labels': ('asked', 'played'),
        'notes': adjusted.notes[frames],
        'start': excerpt.start,
    }
    f0 = plots.plot_f0(
        adjusted.f0_hz[frames],
        data.heard.f0_hz[frames],
        compared(performance)[frames],
        **shown,
    )
    loudness = plots.plot_loudness(
        adjusted.loudness_db[frames],
        data.heard.loudness_db[frames],
        before_db=performance.features.loudness_db[frames],
        **shown,
    )
    return page.section(
        'Pitch and loudness',
        'What the instrument was asked to play, and the same measured again in what it '
        'played. Pitch is shown in notes, where the estimator is sure of the '
        'recording.',
        page.figure(f0, 'Pitch that was asked and pitch that was played')
        + page.figure(loudness, 'Loudness that was asked and loudness that was played'),
    )


def _overview(data: ReportData) -> str:
    """The whole of a long recording, a second or more to a point."""
    performance = data.performance
    rate, n_frames = performance.features.frame_rate, len(data.heard.f0_hz)
    width = max(rate, -(-n_frames // _OVERVIEW_POINTS))
    starts = np.arange(0, n_frames, width)
    counts = np.diff(np.append(starts, n_frames))

    def share(mask: np.ndarray) -> np.ndarray:
        return np.add.reduceat(mask.astype(np.float64), starts)

    sure = compared(performance)
    cents = 1200 * np.log2(data.heard.f0_hz / performance.adjusted.f0_hz)
    in_tune = sure & (np.abs(cents) <= 50)
    # Less than a tenth of a point says too little about it.
    enough = share(sure) >= 0.1 * counts
    svg = plots.plot_overview(
        (starts + counts / 2) / rate,
        np.where(enough, share(in_tune) / np.maximum(share(sure), 1), np.nan),
        np.maximum.reduceat(performance.adjusted.loudness_db, starts),
        np.maximum.reduceat(data.heard.loudness_db, starts),
    )
    return page.section(
        'From beginning to end',
        f'All {page.duration(data.metrics["seconds"])}, '
        f'{width / rate:.3g} s to a point: how much of the notes is in tune, '
        'and the greatest loudness.',
        page.figure(svg, 'Pitch and loudness over the whole recording'),
    )


def _controls(controls: Controls) -> str:
    classic = Controls()
    rows = [
        (
            'Match the instrument<br><small>'
            'moves by octaves to its mean pitch, and gives notes its loudness</small>',
            'yes' if controls.adjust else 'no',
            'yes',
        )
    ]
    for control in CONTROLS:
        unit = f' {control.unit}' if control.unit else ''
        values = [getattr(x, control.name) for x in (controls, classic)]
        rows.append(
            (
                f'{html.escape(control.title)}<br>'
                f'<small>{html.escape(control.help)}</small>',
                *(f'{value:g}{html.escape(unit)}' for value in values),
            )
        )
    return page.section(
        'What was turned',
        'The controls, and where they stand when nobody turns them.',
        page.table(['', 'here', 'untouched'], rows),
    )


def _measured(data: ReportData) -> str:
    metrics = data.metrics
    rows = [
        ('Notes in tune, within 50 cents', _percent(metrics['within_50_cents'])),
        ('the same, octaves aside', _percent(metrics['within_50_cents_any_octave'])),
        ('Half of them are nearer than', _number(metrics['median_cents'], ' cents')),
        (
            'Correlation of loudness in notes',
            _number(metrics['loudness_correlation'], digits=3),
        ),
        (
            'over all, pauses too',
            _number(metrics['loudness_correlation_all'], digits=3),
        ),
        (
            'Average difference in loudness in notes',
            _number(metrics['loudness_distance_db'], ' dB'),
        ),
        ('Passages of notes', f'{metrics["notes"]}'),
        ('part of the time that they take', _percent(metrics['note_ratio'])),
        ('Largest sample', _number(metrics['peak'], digits=3)),
        ('Largest step between samples', _number(metrics['largest_step'], digits=3)),
        ('Samples beyond full scale', _percent(metrics['clipped_ratio'])),
    ]
    return page.section(
        'Measured',
        f'Over all {page.duration(metrics["seconds"])}. Pitch is compared in '
        f'{metrics["confident_frames"]} frames: those of notes in which the estimator '
        'is sure of the recording.',
        page.table(['', 'value'], rows),
    )


def _making(data: ReportData) -> str:
    info = data.info
    text = f'{html.escape(info.title)}, at {info.sample_rate / 1000:g} kHz'
    if info.source:
        text += f', learnt from {html.escape(info.source)}'
        if info.licence:
            text += f' (licence: {html.escape(info.licence)})'
    return page.section('How it was made', f'{text}.', page.making(data.command))


def _moved(data: ReportData) -> str:
    """By how much the melody was moved in all, automatically and by hand."""
    octaves = data.metrics['octaves'] + data.controls.pitch_shift
    if not octaves:
        return 'at the same pitch'
    size = abs(octaves)
    words = {1: 'an octave', 2: 'two octaves', 3: 'three octaves', 4: 'four octaves'}
    by = words.get(size, f'{size:g} octaves')
    return f'{by} {"higher" if octaves > 0 else "lower"}'


def _speed(data: ReportData) -> str:
    times = data.metrics['seconds'] / data.seconds
    return (
        f'{times:.1f} times faster' if times >= 1 else f'{1 / times:.1f} times slower'
    )


def _and(sentences: list[str]) -> str:
    *most, last = sentences
    return f'{", ".join(most)}, and {last}' if most else last


def _clock(seconds: float) -> str:
    return f'{int(seconds) // 60}:{int(seconds) % 60:02d}'


def _percent(part: float | None) -> str:
    return '–' if part is None else f'{100 * part:.1f} %'


def _number(value: float | None, unit: str = '', digits: int = 1) -> str:
    return '–' if value is None else f'{value:.{digits}f}{unit}'
