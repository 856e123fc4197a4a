"""The report of a fit: one page, complete in itself."""

from __future__ import annotations

import base64
import dataclasses
import html
import io
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import ddsp
from ddsp.training.fit import plots

# Players and pictures show no more than this of a recording, to keep the page small.
EXCERPT_SECONDS = 60.0

_TEMPLATE = Path(__file__).with_name('report.html')


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
    page = string.Template(_TEMPLATE.read_text('utf-8')).substitute(
        title=html.escape(data.recording),
        length=_duration(data.metrics['seconds']),
        version=ddsp.__version__,
        notes=_notes(data),
        body='\n'.join(
            [
                _players(data),
                _headline(data.metrics),
                _spectrograms(data),
                _curves(data),
                _controls(data),
                _room(data),
                _training(data),
                _making(data),
            ]
        ),
    )
    path.write_text(page, 'utf-8')


def _notes(data: ReportData) -> str:
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
    return '\n'.join(f'<p class="note">{html.escape(note)}</p>' for note in notes)


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
    inner = '\n'.join(
        f'<div class="card"><h3>{title}</h3><p>{text}</p>'
        f'{_player(audio, data.sample_rate, title)}</div>'
        for title, text, audio in cards
    )
    return f'<section class="cards" aria-label="Listen">\n{inner}\n</section>'


def _player(audio: np.ndarray, sample_rate: int, title: str) -> str:
    import soundfile

    audio = audio[: round(EXCERPT_SECONDS * sample_rate)]
    # As in the WAV files, what is too loud is turned down and never clipped.
    audio = audio / max(1.0, float(np.max(np.abs(audio))))
    file = io.BytesIO()
    soundfile.write(file, audio, sample_rate, 'PCM_16', format='FLAC')
    encoded = base64.b64encode(file.getvalue()).decode('ascii')
    return (
        f'<audio controls preload="metadata" aria-label="{title}" '
        f'src="data:audio/flac;base64,{encoded}"></audio>'
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
    inner = '\n'.join(
        f'<div class="card"><div class="number">{number}</div><p>{text}</p></div>'
        for number, text in tiles
    )
    return f'<section class="cards numbers" aria-label="Results">\n{inner}\n</section>'


def _spectrograms(data: ReportData) -> str:
    excerpt = round(EXCERPT_SECONDS * data.sample_rate)
    svg = plots.plot_spectrograms(
        data.original[:excerpt], data.resynthesis[:excerpt], data.sample_rate
    )
    return _section(
        'What it sounds like, seen',
        'Time runs to the right, pitch upwards, and brightness is loudness. The '
        'horizontal stripes are harmonics; haze between them is breath and consonants. '
        'The closer the two pictures, the closer the sounds.',
        _figure(svg, 'Log-mel spectrograms of recording and resynthesis'),
    )


def _curves(data: ReportData) -> str:
    n = round(EXCERPT_SECONDS * data.frame_rate)
    f0 = plots.plot_f0(
        data.f0_hz[:n],
        data.resynthesis_f0_hz[:n],
        data.confident[:n],
        data.frame_rate,
    )
    loudness = plots.plot_loudness(
        data.loudness_db[:n], data.resynthesis_loudness_db[:n], data.frame_rate
    )
    return _section(
        'Pitch and loudness',
        'The two curves that the model is given, and the same two measured again in '
        'what it played. Pitch is shown where the estimator is sure of it.',
        _figure(f0, 'Pitch of recording and resynthesis')
        + _figure(loudness, 'Loudness of recording and resynthesis'),
    )


def _controls(data: ReportData) -> str:
    n = round(EXCERPT_SECONDS * data.frame_rate)
    controls = {
        processor: {name: values[:n] for name, values in named.items()}
        for processor, named in data.controls.items()
    }
    svg = plots.plot_controls(controls, data.frame_rate)
    if not svg:
        return ''
    return _section(
        'What the network plays on',
        f'{data.frame_rate} times a second the network sets these: how loud the '
        'oscillators are, how the sound is shared among the harmonics of the pitch, '
        'and how much noise there is in each band from low to high.',
        _figure(svg, 'Controls over time'),
    )


def _room(data: ReportData) -> str:
    if data.impulse_response is None:
        return ''
    svg = plots.plot_impulse_response(data.impulse_response, data.sample_rate)
    return _section(
        'The room',
        'What a clap would leave behind in the room that was learnt along with the '
        'network; next to nothing, for a recording made close to the microphone. Any '
        'other sound can be placed in it: <code>impulse_response.wav</code>.',
        _figure(svg, 'Impulse response and its decay'),
    )


def _training(data: ReportData) -> str:
    if len(data.losses) < 2:
        return ''
    metrics = data.metrics
    text = (
        f'{metrics["steps"]} steps in {_duration(metrics["training_seconds"])}. '
        'Each step plays random windows of the recording and compares spectra at six '
        'resolutions.'
    )
    svg = plots.plot_losses(data.losses)
    return _section('Learning', text, _figure(svg, 'Loss of each training step'))


def _making(data: ReportData) -> str:
    parts = [_table(data.metrics)]
    if data.command:
        parts.append(f'<pre>{html.escape(data.command)}</pre>')
    parts.append(
        '<details><summary>Configuration</summary>'
        f'<pre>{html.escape(data.config.strip())}</pre></details>'
    )
    return _section(
        'How it was made',
        'The untrained model is the same network before its first step. The loss is '
        'the L1 distance of spectrograms and of their logarithms, summed over window '
        'lengths of 2048 down to 64 samples.',
        '\n'.join(parts),
    )


def _table(metrics: Mapping[str, Any]) -> str:
    rows = [
        ('Multi-scale spectral loss', 'spectral_loss'),
        ('its magnitude part', 'spectral_loss_magnitude'),
        ('its log-magnitude part', 'spectral_loss_log_magnitude'),
    ]
    lines = [
        '<div class="scroll"><table><tr><th></th><th class="right">untrained</th>'
        '<th class="right">trained</th><th class="right">smaller</th></tr>'
    ]
    for title, key in rows:
        before, after = metrics[key]['before'], metrics[key]['after']
        lines.append(
            f'<tr><td>{title}</td><td class="right">{before:.4g}</td>'
            f'<td class="right">{after:.4g}</td>'
            f'<td class="right">{_times(metrics[key]["ratio"])}</td></tr>'
        )
    lines.append('</table></div>')
    return '\n'.join(lines)


def _section(title: str, text: str, content: str) -> str:
    heading = f'<h2>{title}</h2>\n<p class="soft">{text}</p>'
    return f'<section>\n{heading}\n{content}\n</section>'


def _figure(svg: str, label: str) -> str:
    svg = svg.replace('<svg ', f'<svg role="img" aria-label="{label}" ', 1)
    return f'<figure>{svg}</figure>\n'


def _times(ratio: float | None) -> str:
    return '–' if ratio is None else f'{ratio:.1f} ×'


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f'{seconds:.1f} seconds' if seconds < 10 else f'{seconds:.0f} seconds'
    minutes = seconds / 60
    return f'{minutes:.1f} minutes' if minutes < 90 else f'{minutes / 60:.1f} hours'
