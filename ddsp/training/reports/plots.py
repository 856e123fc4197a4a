"""The pictures of a report, as SVG that takes its colours from the page."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# Colours that stand in the SVG for those of the page, which differ by light and dark.
_INK, _FAINT, _RECORDING, _RESYNTHESIS = '#010203', '#010204', '#010205', '#010206'
_PAGE_COLOURS = {
    _INK: 'var(--ink)',
    _FAINT: 'var(--faint)',
    _RECORDING: 'var(--recording)',
    _RESYNTHESIS: 'var(--resynthesis)',
}
_STYLE = {
    'svg.fonttype': 'none',
    'font.family': 'sans-serif',
    'font.sans-serif': ['DejaVu Sans'],
    'font.size': 10,
    'axes.titlesize': 11,
    'axes.titlelocation': 'left',
    'axes.labelsize': 10,
    'axes.edgecolor': _FAINT,
    'axes.labelcolor': _INK,
    'axes.titlecolor': _INK,
    'axes.facecolor': 'none',
    'axes.spines.top': False,
    'axes.spines.right': False,
    'figure.facecolor': 'none',
    'xtick.color': _FAINT,
    'ytick.color': _FAINT,
    'xtick.labelcolor': _INK,
    'ytick.labelcolor': _INK,
    'text.color': _INK,
    'legend.frameon': False,
    'legend.loc': 'upper right',
    'lines.linewidth': 1.3,
    'path.simplify': True,
    'path.simplify_threshold': 0.5,
    'image.cmap': 'magma',
    'image.aspect': 'auto',
    'image.origin': 'lower',
    'image.interpolation': 'nearest',
}
_WIDTH = 9.6
_MEL_BINS = 96
_RANGE_DB = 80.0
# More columns than a page shows would only make it heavy.
_MAX_COLUMNS = 900


def plot_spectrograms(
    target: np.ndarray,
    audio: np.ndarray,
    sample_rate: int,
    titles: Sequence[str] = ('Recording', 'Resynthesis'),
    start: float = 0.0,
) -> str:
    """Log-mel spectrograms of two sounds on one scale, from `start` seconds on."""
    mels = [log_mel(x, sample_rate) for x in (target, audio)]
    top = max(mel.max() for mel in mels)
    end = start + len(target) / sample_rate

    def draw(axes: Sequence[Any], figure: Any) -> None:
        for axis, mel, title in zip(axes, mels, titles):
            image = _heat(axis, mel, end, top - _RANGE_DB, top, start)
            hz = np.array([250, 1000, 2000, 4000, 8000, 16000])
            hz = hz[hz < sample_rate / 2]
            axis.set_yticks(_mel_position(hz, sample_rate), [_hz_label(f) for f in hz])
            axis.set(title=title, ylabel='frequency (Hz)')
        axes[-1].set_xlabel('time (s)')
        bar = figure.colorbar(image, ax=list(axes), pad=0.01, fraction=0.025)
        bar.set_label('level (dB)')
        bar.outline.set_visible(False)

    return _svg('spectrograms', draw, rows=2, height=5.2)


def plot_f0(
    f0_hz: np.ndarray,
    resynthesis_f0_hz: np.ndarray,
    confident: np.ndarray,
    frame_rate: float,
    labels: Sequence[str] = ('recording', 'resynthesis'),
    notes: np.ndarray | None = None,
    start: float = 0.0,
) -> str:
    """f0 of both, in Hz on a musical scale, where the recording's is sure.

    `notes` [frames], where notes sound, are shaded.
    """
    seconds = start + np.arange(len(f0_hz)) / frame_rate
    voiced = [np.where(confident, f0, np.nan) for f0 in (f0_hz, resynthesis_f0_hz)]

    def draw(axes: Sequence[Any], figure: Any) -> None:
        axis = axes[0]
        _shade(axis, seconds, notes)
        axis.plot(seconds, voiced[0], color=_RECORDING, lw=4, label=labels[0])
        axis.plot(seconds, voiced[1], color=_RESYNTHESIS, label=labels[1])
        if confident.any():
            low, high = np.nanmin(voiced[0]) * 0.9, np.nanmax(voiced[0]) * 1.1
            axis.set_ylim(low, high)
            _note_ticks(axis, low, high)
        axis.set(xlabel='time (s)', ylabel='pitch')
        _finish_lines(axis, seconds[-1], start, 'right' if notes is None else 'left')

    return _svg('f0', draw, rows=1, height=2.9)


def plot_loudness(
    loudness_db: np.ndarray,
    resynthesis_db: np.ndarray,
    frame_rate: float,
    labels: Sequence[str] = ('recording', 'resynthesis'),
    notes: np.ndarray | None = None,
    start: float = 0.0,
    before_db: np.ndarray | None = None,
) -> str:
    """A-weighted loudness of both, in dB.

    `notes` [frames], where notes sound, are shaded; `before_db` [frames] is a third
    curve, of the recording as it was.
    """
    seconds = start + np.arange(len(loudness_db)) / frame_rate

    def draw(axes: Sequence[Any], figure: Any) -> None:
        axis = axes[0]
        _shade(axis, seconds, notes)
        if before_db is not None:
            axis.plot(seconds, before_db, color=_FAINT, lw=1, label='recording')
        axis.plot(seconds, loudness_db, color=_RECORDING, lw=3, label=labels[0])
        axis.plot(seconds, resynthesis_db, color=_RESYNTHESIS, label=labels[1])
        axis.set(xlabel='time (s)', ylabel='loudness (dB)')
        _finish_lines(axis, seconds[-1], start, 'right' if notes is None else 'left')

    return _svg('loudness', draw, rows=1, height=2.9)


def plot_overview(
    seconds: np.ndarray,
    in_tune: np.ndarray,
    asked_db: np.ndarray,
    played_db: np.ndarray,
) -> str:
    """A long performance at a glance, each `[points]`.

    Parameters
    ----------
    seconds : of each point.
    in_tune : part of its notes that are, NaN where there are none.
    asked_db, played_db : loudness.
    """
    minutes = seconds[-1] > 180
    times = seconds / 60 if minutes else seconds

    def draw(axes: Sequence[Any], figure: Any) -> None:
        axes[0].plot(times, 100 * in_tune, '.', color=_RESYNTHESIS, ms=4)
        axes[0].set(ylabel='in tune (%)', ylim=(-3, 103))
        axes[1].plot(times, asked_db, color=_RECORDING, lw=3, label='asked')
        axes[1].plot(times, played_db, color=_RESYNTHESIS, label='played')
        axes[1].set_ylabel('loudness (dB)')
        axes[1].set_xlabel('time (minutes)' if minutes else 'time (s)')
        for axis in axes:
            _finish_lines(axis, times[-1], legend='left')

    return _svg('overview', draw, rows=2, height=4.4)


def plot_controls(
    controls: Mapping[str, Mapping[str, np.ndarray]], frame_rate: float
) -> str:
    """The controls of all processors: curves for one channel, heat maps for many.

    Parameters
    ----------
    controls : by processor and name, each `[frames, channels]`.
    frame_rate : in frames a second.

    Returns
    -------
    SVG text; empty when there is nothing to draw over time.
    """
    shown = [
        (f'{processor}: {name.replace("_", " ")}', values)
        for processor, named in controls.items()
        for name, values in named.items()
        if values.ndim == 2 and len(values) > 1 and name != 'f0_hz'
    ]
    if not shown:
        return ''

    def draw(axes: Sequence[Any], figure: Any) -> None:
        for axis, (title, values) in zip(axes, shown):
            seconds = len(values) / frame_rate
            if values.shape[1] == 1:
                times = np.arange(len(values)) / frame_rate
                axis.plot(times, values[:, 0], color=_RESYNTHESIS)
                axis.set_ylim(bottom=0)
                _finish_lines(axis, seconds)
            else:
                level = 20 * np.log10(np.maximum(values, 1e-7))
                top = level.max()
                _heat(axis, level.T, seconds, top - 60, top)
                axis.set_ylabel('channel')
            axis.set_title(title)
        axes[-1].set_xlabel('time (s)')

    return _svg('controls', draw, rows=len(shown), height=2.1 * len(shown))


def plot_impulse_response(impulse_response: np.ndarray, sample_rate: int) -> str:
    """The learnt impulse response after the direct sound, and how it dies away."""
    direct, room = float(impulse_response[0]), impulse_response[1:].astype('float64')
    milliseconds = 1000 * np.arange(1, len(room) + 1) / sample_rate
    # Backward integration: M. R. Schroeder, "New method of measuring reverberation
    # time", 1965.
    energy = np.cumsum(room[::-1] ** 2)[::-1]
    decay_db = 10 * np.log10(np.maximum(energy / max(direct**2, 1e-20), 1e-10))

    def draw(axes: Sequence[Any], figure: Any) -> None:
        axes[0].plot(milliseconds, room, color=_RESYNTHESIS, lw=0.7)
        axes[0].set(title='What follows the direct sound', ylabel='amplitude')
        axes[1].plot(milliseconds, decay_db, color=_RESYNTHESIS)
        axes[1].set(title='Energy still to come, beside that of the direct sound')
        axes[1].set(ylabel='dB', xlabel='time (ms)')
        top = 10 * np.ceil((decay_db.max() + 1) / 10)
        axes[1].set_ylim(top - 50, top)
        for axis in axes:
            axis.set_xlim(0, milliseconds[-1])
            axis.grid(axis='y', color=_FAINT, alpha=0.35, lw=0.6)

    return _svg('impulse_response', draw, rows=2, height=4.0)


def plot_losses(losses: Sequence[float], steps: Sequence[int] | None = None) -> str:
    """The loss over the steps, and its mean over about 50 values.

    Parameters
    ----------
    losses : at least 2.
    steps : of each loss; 1, 2, 3 ... by default.
    """
    values = np.asarray(losses)
    steps = np.arange(1, len(values) + 1) if steps is None else np.asarray(steps)
    width = max(1, min(51, len(values) // 8))
    smooth = np.convolve(values, np.ones(width) / width, mode='valid')
    middle = steps[(width - 1) // 2 :][: len(smooth)]
    label = 'each step' if len(values) == steps[-1] else 'every few steps'

    def draw(axes: Sequence[Any], figure: Any) -> None:
        axis = axes[0]
        axis.plot(steps, values, color=_RECORDING, lw=0.8, label=label)
        axis.plot(middle, smooth, color=_RESYNTHESIS, lw=1.8, label='smoothed')
        axis.set_yscale('log')
        axis.set(xlabel='step', ylabel='spectral loss')
        _plain_log_ticks(axis)
        _finish_lines(axis, steps[-1], start=steps[0])

    return _svg('losses', draw, rows=1, height=2.9)


def log_mel(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Log-mel spectrogram in dB `[bins, columns]`, as many as a page shows."""
    size = 2048 if sample_rate >= 16000 else 1024
    columns = min(_MAX_COLUMNS, max(2, len(audio) // 128))
    centers = np.linspace(0, len(audio) - 1, columns).round().astype(int)
    padded = np.pad(audio, (size // 2, size // 2))
    frames = np.stack([padded[c : c + size] for c in centers]) * np.hanning(size)
    power = np.abs(np.fft.rfft(frames, axis=-1)) ** 2 / (size / 4) ** 2
    mel = power @ _mel_filters(size, sample_rate)
    return 10 * np.log10(np.maximum(mel, 1e-10)).T


def _mel_filters(size: int, sample_rate: int) -> np.ndarray:
    """Triangles `[size // 2 + 1, bins]` of equal width on the mel scale."""
    mel = _hz_to_mel(np.fft.rfftfreq(size, 1 / sample_rate))[:, np.newaxis]
    low, high = _mel_range(sample_rate)
    step = (high - low) / (_MEL_BINS + 1)
    centers = low + step * np.arange(1, _MEL_BINS + 1)
    return np.maximum(0.0, 1 - np.abs(mel - centers) / step)


def _mel_range(sample_rate: int) -> tuple[float, float]:
    return float(_hz_to_mel(60.0)), float(_hz_to_mel(sample_rate / 2))


def _mel_position(hz: np.ndarray, sample_rate: int) -> np.ndarray:
    """Where a frequency is on an axis of mel bins."""
    low, high = _mel_range(sample_rate)
    return (_hz_to_mel(hz) - low) / (high - low) * (_MEL_BINS + 1) - 1


def _hz_to_mel(hz: Any) -> np.ndarray:
    return 2595 * np.log10(1 + np.asarray(hz) / 700)


def _hz_label(hz: float) -> str:
    return f'{hz / 1000:g}k' if hz >= 1000 else f'{hz:g}'


def _heat(
    axis: Any,
    values: np.ndarray,
    end: float,
    low: float,
    high: float,
    start: float = 0.0,
) -> Any:
    columns = np.linspace(0, values.shape[1] - 1, min(_MAX_COLUMNS, values.shape[1]))
    values = values[:, columns.round().astype(int)]
    # Pixels have their number at their middle.
    extent = (start, end, -0.5, len(values) - 0.5)
    image = axis.imshow(values, extent=extent, vmin=low, vmax=high)
    for spine in axis.spines.values():
        spine.set_visible(False)
    return image


def _shade(axis: Any, seconds: np.ndarray, notes: np.ndarray | None) -> None:
    if notes is None or not notes.any():
        return
    # One shape for all of them, as high as the axis whatever its range.
    axis.fill_between(
        seconds,
        0,
        1,
        where=notes,
        step='mid',
        transform=axis.get_xaxis_transform(),
        color=_FAINT,
        alpha=0.18,
        lw=0,
        label='notes found',
    )


def _note_ticks(axis: Any, low: float, high: float) -> None:
    """Marks some notes of the chromatic scale, with their frequency."""
    from matplotlib import ticker

    axis.set_yscale('log')
    notes = np.arange(np.ceil(_midi(low)), np.floor(_midi(high)) + 1)
    notes = notes[:: max(1, len(notes) // 6)]
    names = ['C', 'C♯', 'D', 'D♯', 'E', 'F', 'F♯', 'G', 'G♯', 'A', 'A♯', 'B']
    hz = 440 * 2 ** ((notes - 69) / 12)
    labels = [
        f'{names[int(note) % 12]}{int(note) // 12 - 1}  {f:.0f} Hz'
        for note, f in zip(notes, hz)
    ]
    axis.yaxis.set_minor_locator(ticker.NullLocator())
    axis.yaxis.set_major_locator(ticker.FixedLocator(list(hz)))
    axis.yaxis.set_major_formatter(ticker.FixedFormatter(labels))


def _midi(hz: float) -> float:
    return 69 + 12 * np.log2(hz / 440)


def _plain_log_ticks(axis: Any) -> None:
    from matplotlib import ticker

    axis.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 3, 5)))
    axis.yaxis.set_major_formatter(ticker.FormatStrFormatter('%g'))
    axis.yaxis.set_minor_locator(ticker.NullLocator())


def _finish_lines(
    axis: Any, end: float, start: float = 0.0, legend: str = 'right'
) -> None:
    axis.set_xlim(start, max(end, start + 1e-3))
    axis.grid(axis='y', color=_FAINT, alpha=0.35, lw=0.6)
    if axis.get_legend_handles_labels()[1]:
        x = 1.0 if legend == 'right' else 0.0
        axis.legend(ncols=4, loc=f'lower {legend}', bbox_to_anchor=(x, 1.0))


def _svg(name: str, draw: Any, rows: int, height: float) -> str:
    """Draws without matplotlib's global state and returns SVG for a page."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**_STYLE, 'svg.hashsalt': name}):
        figure = Figure(figsize=(_WIDTH, height), layout='constrained')
        axes = figure.subplots(rows, 1, squeeze=False)[:, 0]
        draw(list(axes), figure)
        text = io.StringIO()
        figure.savefig(text, format='svg', dpi=110, metadata={'Date': None})
    return _for_page(text.getvalue())


def _for_page(svg: str) -> str:
    """Takes what only a file needs out of an SVG, and the colours from the page."""
    svg = svg[svg.index('<svg') :]
    svg = re.sub(r'<metadata>.*?</metadata>', '', svg, flags=re.S)
    # A page holds several pictures: without this, ids would stand in it twice.
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
    svg = re.sub(
        r' id="([^"]+)"', lambda m: m.group(0) if m.group(1) in used else '', svg
    )
    for size in ('width', 'height'):
        svg = re.sub(rf'(<svg[^>]*?) {size}="[^"]*"', r'\1', svg, count=1)
    for colour, variable in _PAGE_COLOURS.items():
        svg = svg.replace(colour, variable)
    return svg.replace("'DejaVu Sans'", 'inherit').strip()
