"""The report of a run: one page, complete in itself."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ddsp.training.instrument.listening import Listening
from ddsp.training.reports import page, plots, sections

# Of the steps that are usual; with fewer, it is said.
_FEW = 0.25
# Names and units of what is measured; others keep the name that TensorBoard shows.
_NAMES = {
    'losses/total_loss': 'Loss that training made small',
    'losses/spectral_loss': 'its spectral part',
    'spectral/total': 'Multi-scale spectral loss',
    'spectral/mag': 'its magnitude part',
    'spectral/logmag': 'its log-magnitude part',
    'loudness/l1_db': 'Difference in loudness (dB)',
    'loudness/l1_deviations': 'the same in standard deviations of the recordings',
    'f0_crepe/l1_semitones': 'Difference in pitch (semitones)',
    'f0_crepe/outlier_ratio': 'Passages whose pitch is lost (part of all)',
    'f0_crepe/raw_pitch_accuracy': 'Frames within half a semitone (part of all)',
    'f0_crepe/raw_chroma_accuracy': 'the same, octaves aside',
}


@dataclasses.dataclass(frozen=True)
class ReportData:
    """What a report is made from.

    Parameters
    ----------
    recordings : name of the folder or file.
    heard : passages, and what the model makes of them.
    steps, losses : the loss over the run.
    metrics : as in `metrics.json`.
    has_timbre : whether the model is given more of a sound than pitch and loudness.
    skipped : path and reason of recordings that were left out.
    command : that made it; may be empty.
    config : the operative gin configuration.
    voices : what there is to say where recordings are not of one voice; may be empty.
    """

    recordings: str
    heard: Listening
    steps: Sequence[int]
    losses: Sequence[float]
    metrics: Mapping[str, Any]
    has_timbre: bool
    skipped: Sequence[Mapping[str, str]]
    command: str
    config: str
    voices: str = ''


def few_steps(metrics: Mapping[str, Any]) -> str | None:
    """Says so when a model has had far fewer steps than are usual; else None.

    Parameters
    ----------
    metrics : as in `metrics.json`.
    """
    step, default = metrics['step'], metrics.get('steps_default', 0)
    if step >= _FEW * default:
        return None
    steps = '1 step is' if step == 1 else f'{step} steps are'
    return (
        f'{steps} few: the default of this model is {default}; it will sound '
        'unfinished.'
    )


def write_report(path: Path, data: ReportData) -> None:
    """Writes the page, UTF-8, with sounds and pictures inside it."""
    heard = data.heard
    page.write_page(
        path,
        title=f'{data.recordings}, learnt',
        lead=f'A network listened to {page.duration(data.metrics["seconds"])} of '
        'recordings and learnt to play them again from '
        f'{"pitch, loudness and timbre" if data.has_timbre else "pitch and loudness"} '
        'alone. Everything else you hear is made by oscillators and filtered noise.',
        notes=_notes(data),
        parts=[
            _players(data),
            _headline(data.metrics['metrics']),
            sections.spectrograms(
                np.concatenate(heard.originals),
                np.concatenate(heard.resyntheses),
                heard.sample_rate,
            ),
            sections.pitch_and_loudness(heard.curves),
            sections.controls(heard.controls, heard.curves.frame_rate),
            sections.room(heard.impulse_response, heard.sample_rate),
            _training(data),
            _measures(data),
            page.section(
                'How it was made',
                f'The model is <code>{html.escape(data.metrics["model"])}</code>.',
                page.making(data.command, data.config),
            ),
        ],
    )


def _notes(data: ReportData) -> list[str]:
    metrics, notes = data.metrics, []
    if metrics['interrupted']:
        notes.append(
            f'Training was stopped by Ctrl-C at step {metrics["step"]} of '
            f'{metrics["steps_asked"]}; this is how far it had come. Without '
            '--overwrite, the same command goes on from here.'
        )
    if few := few_steps(metrics):
        notes.append(few)
    if data.voices:
        notes.append(f'{data.voices[0].upper()}{data.voices[1:]}')
    if not metrics['held_out']:
        notes.append(
            'Nothing was held out: these are passages that the model was trained on, '
            'and the numbers tell how well it remembers them.'
        )
    if data.skipped:
        names = ', '.join(Path(s['path']).name for s in data.skipped[:5])
        more = ' and others' if len(data.skipped) > 5 else ''
        notes.append(
            f'{len(data.skipped)} of the recordings could not be read and were left '
            f'out: {names}{more}.'
        )
    return notes


def _players(data: ReportData) -> str:
    heard = data.heard
    what = (
        'Held out: the model has never heard it.'
        if data.metrics['held_out']
        else 'The model was trained on it.'
    )
    played = 'Played by the model. None of the recording is in it.'
    pairs = enumerate(zip(heard.originals, heard.resyntheses), 1)
    return '\n'.join(
        page.players(
            [
                (f'Recording {n}', f'As it was recorded. {what}', original),
                (f'Resynthesis {n}', played, resynthesis),
            ],
            heard.sample_rate,
            f'Passage {n}',
        )
        for n, (original, resynthesis) in pairs
    )


def _headline(metrics: Mapping[str, float | None]) -> str:
    texts = [
        ('f0_crepe/l1_semitones', 'semitones', 2, 'average difference in pitch'),
        ('loudness/l1_db', 'dB', 1, 'average difference in loudness'),
        ('spectral/total', '', 2, 'multi-scale spectral loss; smaller is nearer'),
    ]
    return page.tiles(
        [
            (f'{metrics[name]:.{digits}f}<small> {unit}</small>', text)
            for name, unit, digits, text in texts
            if metrics.get(name) is not None
        ]
    )


def _training(data: ReportData) -> str:
    if len(data.losses) < 2:
        return ''
    svg = plots.plot_losses(data.losses, data.steps)
    return page.section(
        'Learning',
        f'{data.metrics["step"]} steps, the last of them in '
        f'{page.duration(data.metrics["training_seconds"])}. Each step plays some of '
        'the examples and compares spectra.',
        page.figure(svg, 'Loss over the steps of training'),
    )


def _measures(data: ReportData) -> str:
    metrics = data.metrics
    of = 'held-out examples' if metrics['held_out'] else 'examples it was trained on'
    rows = [
        (html.escape(_NAMES.get(name, name)), '–' if x is None else f'{x:.4g}')
        for name, x in metrics['metrics'].items()
    ]
    return page.section(
        'Measured',
        f'Over {metrics["examples"]} {of}, at step {metrics["step"]}.',
        page.table(['', 'value'], rows),
    )
