"""The report of a fit: one page, complete in itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ddsp.training.reports import page, plots, sections

# Players and pictures show no more than this of a recording, to keep the page small.
EXCERPT_SECONDS = 60.0


@dataclasses.dataclass(frozen=True)
class ReportData:
    """What a report is made from.

    Parameters
    ----------
    recording : name of the file.
    sample_rate, frame_rate : of everything below.
    original, resynthesis, transposed : `[samples]` each.
    f0_hz, resynthesis_f0_hz : `[frames]`.
    confident : `[frames]`, where f0 of the recording is sure.
    loudness_db, resynthesis_loudness_db : `[frames]`.
    controls : by processor and name, `[frames, channels]`.
    impulse_response : `[samples]`, or `None` for a model without a reverb.
    losses : of each step.
    metrics : as in `metrics.json`.
    command : that made it; may be empty.
    config : the operative gin configuration.
    """

    recording: str
    sample_rate: int
    frame_rate: int
    original: np.ndarray
    resynthesis: np.ndarray
    transposed: np.ndarray
    f0_hz: np.ndarray
    resynthesis_f0_hz: np.ndarray
    confident: np.ndarray
    loudness_db: np.ndarray
    resynthesis_loudness_db: np.ndarray
    controls: Mapping[str, Mapping[str, np.ndarray]]
    impulse_response: np.ndarray | None
    losses: Sequence[float]
    metrics: Mapping[str, Any]
    command: str
    config: str


def write_report(path: Path, data: ReportData) -> None:
    """Writes the page, UTF-8, with sounds and pictures inside it."""
    page.write_page(
        path,
        title=f'{data.recording}, resynthesised',
        lead=f'A small network listened to {page.duration(data.metrics["seconds"])} of '
        'this recording and learnt to play it again from two curves alone: how high it '
        'is, and how loud it is. Everything else you hear is made by oscillators, '
        'filtered noise and a room.',
        notes=_notes(data),
        parts=[
            _players(data),
            _headline(data.metrics),
            _spectrograms(data),
            _curves(data),
            _controls(data),
            sections.room(data.impulse_response, data.sample_rate),
            _training(data),
            _making(data),
        ],
    )


def _notes(data: ReportData) -> list[str]:
    metrics, notes = data.metrics, []
    if metrics['silent']:
        notes.append(
            'The recording is silent: nothing was trained, and all is silence.'
        )
    if metrics['interrupted']:
        notes.append(
            f'Training was stopped by Ctrl-C after {metrics["steps"]} of '
            f'{metrics["steps_asked"]} steps; this is how far it had come.'
        )
    if metrics['seconds'] > EXCERPT_SECONDS:
        notes.append(
            f'Players and pictures show the first {EXCERPT_SECONDS:.0f} seconds; the '
            'numbers are of the whole recording, which the WAV files beside this page '
            'hold in full.'
        )
    return notes


def _players(data: ReportData) -> str:
    semitones = data.metrics['transpose_semitones']
    if semitones == 0:
        moved = 'Not moved: the transposition was 0 semitones.'
    else:
        moved = (
            f'The same performance {abs(semitones):g} '
            f'semitone{"" if abs(semitones) == 1 else "s"} '
            f'{"higher" if semitones > 0 else "lower"}: only the pitch curve was '
            'moved, and the colour of the sound stays where it is.'
        )
    cards = [
        (
            'Recording',
            f'What was recorded, at {data.sample_rate / 1000:g} kHz in mono.',
            data.original,
        ),
        (
            'Resynthesis',
            'Played by the model from pitch and loudness. None of the recording is in '
            'it.',
            data.resynthesis,
        ),
        ('Transposed', moved, data.transposed),
    ]
    excerpt = round(EXCERPT_SECONDS * data.sample_rate)
    return page.players(
        [(title, text, audio[:excerpt]) for title, text, audio in cards],
        data.sample_rate,
        'Listen',
    )


def _headline(metrics: Mapping[str, Any]) -> str:
    if metrics['silent']:
        return ''
    total, magnitude = metrics['spectral_loss'], metrics['spectral_loss_magnitude']
    tiles = [
        (
            _times(total['ratio']),
            'smaller spectral loss than before training',
        ),
        (
            _times(magnitude['ratio']),
            'smaller in its magnitude part, which follows the loudest of the sound',
        ),
    ]
    f0 = metrics['f0']
    if f0['within_50_cents'] is not None:
        tiles.append(
            (
                f'{100 * f0["within_50_cents"]:.1f}<small> %</small>',
                'of sung or played frames within a quarter tone of the recording; half '
                f'of them within {f0["median_cents"]:.1f} cents',
            )
        )
    tiles.append(
        (
            f'{metrics["loudness_distance_db"]:.1f}<small> dB</small>',
            'average difference in loudness',
        )
    )
    return page.tiles(tiles)


def _spectrograms(data: ReportData) -> str:
    excerpt = round(EXCERPT_SECONDS * data.sample_rate)
    return sections.spectrograms(
        data.original[:excerpt], data.resynthesis[:excerpt], data.sample_rate
    )


def _curves(data: ReportData) -> str:
    n = round(EXCERPT_SECONDS * data.frame_rate)
    curves = sections.Curves(
        f0_hz=data.f0_hz[:n],
        resynthesis_f0_hz=data.resynthesis_f0_hz[:n],
        confident=data.confident[:n],
        loudness_db=data.loudness_db[:n],
        resynthesis_loudness_db=data.resynthesis_loudness_db[:n],
        frame_rate=data.frame_rate,
    )
    return sections.pitch_and_loudness(curves)


def _controls(data: ReportData) -> str:
    n = round(EXCERPT_SECONDS * data.frame_rate)
    controls = {
        processor: {name: values[:n] for name, values in named.items()}
        for processor, named in data.controls.items()
    }
    return sections.controls(controls, data.frame_rate)


def _training(data: ReportData) -> str:
    if len(data.losses) < 2:
        return ''
    metrics = data.metrics
    text = (
        f'{metrics["steps"]} steps in {page.duration(metrics["training_seconds"])}. '
        'Each step plays random windows of the recording and compares spectra at six '
        'resolutions.'
    )
    svg = plots.plot_losses(data.losses)
    return page.section(
        'Learning', text, page.figure(svg, 'Loss of each training step')
    )


def _making(data: ReportData) -> str:
    return page.section(
        'How it was made',
        'The untrained model is the same network before its first step. The loss is '
        'the L1 distance of spectrograms and of their logarithms, summed over window '
        'lengths of 2048 down to 64 samples.',
        f'{_table(data.metrics)}\n{page.making(data.command, data.config)}',
    )


def _table(metrics: Mapping[str, Any]) -> str:
    rows = [
        ('Multi-scale spectral loss', metrics['spectral_loss']),
        ('its magnitude part', metrics['spectral_loss_magnitude']),
        ('its log-magnitude part', metrics['spectral_loss_log_magnitude']),
    ]
    return page.table(
        ['', 'untrained', 'trained', 'smaller'],
        [
            (
                title,
                f'{change["before"]:.4g}',
                f'{change["after"]:.4g}',
                _times(change['ratio']),
            )
            for title, change in rows
        ],
    )


def _times(ratio: float | None) -> str:
    return '–' if ratio is None else f'{ratio:.1f} ×'
