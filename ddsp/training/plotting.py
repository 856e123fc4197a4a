"""Plots of audio, filters and notes.

Each draws on the axes that it is given. Without any it makes a figure of pyplot, which
notebooks show and `pyplot.show` shows. Pyplot keeps such figures until they are closed:
a program that draws for days takes those of `new_figure`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp import core, spectral_ops
from ddsp.core import checks
from ddsp.optional import import_optional

DEFAULT_SAMPLE_RATE = spectral_ops.CREPE_SAMPLE_RATE

_DOTS_PER_INCH = 80
_FIRST_PIANO_KEY, _LAST_PIANO_KEY = 21, 108
_BLACK_KEYS = (1, 3, 6, 8, 10)


def new_figure(
    rows: int = 1, figsize: tuple[float, float] | None = None, **subplots_kwargs: Any
) -> tuple[Any, list[Any]]:
    """Makes a figure that nothing but its caller knows of.

    Parameters
    ----------
    rows : of axes, one above the other.
    figsize : width and height in inches.
    **subplots_kwargs : of matplotlib's `Figure.subplots`.

    Returns
    -------
    The figure, and its axes from the top down.

    Raises
    ------
    ImportError
        When matplotlib is missing.
    """
    figure_module = import_optional('matplotlib.figure', 'plotting')
    figure = figure_module.Figure(
        figsize=figsize, layout='constrained', dpi=_DOTS_PER_INCH
    )
    axes = figure.subplots(rows, 1, squeeze=False, **subplots_kwargs)[:, 0]
    return figure, list(axes)


def _shown_figure(
    rows: int = 1, figsize: tuple[float, float] | None = None, **subplots_kwargs: Any
) -> tuple[Any, list[Any]]:
    """A figure that pyplot shows."""
    pyplot = import_optional('matplotlib.pyplot', 'plotting')
    figure, axes = pyplot.subplots(
        rows, 1, squeeze=False, figsize=figsize, layout='constrained', **subplots_kwargs
    )
    return figure, list(axes[:, 0])


def figure_to_png(figure: Any) -> bytes:
    """Draws a figure as a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format='png')
    return file.getvalue()


def log_spectrogram(audio: Any, size: int = 1024, rotate: bool = True) -> np.ndarray:
    """Computes the decimal logarithm of magnitudes, for a picture.

    Parameters
    ----------
    audio : `[samples]` or `[1, samples]`.
    size : of the FFT; frames overlap by three quarters.
    rotate : whether frequency goes up the rows of the result, low ones last, rather
        than time down.

    Returns
    -------
    `[size // 2 + 1, frames]`, or `[frames, size // 2 + 1]` if not rotated; at least -5.

    Raises
    ------
    ValueError
        For several recordings, or for audio that is empty, NaN or infinite.
    """
    audio = core.tf_float32(audio)
    if audio.shape.rank == 2:
        if audio.shape[0] != 1:
            raise ValueError(
                f'log_spectrogram: audio has shape {list(audio.shape)}, expected one '
                'recording, [samples] or [1, samples].'
            )
        audio = audio[0]
    logmag = spectral_ops.compute_logmag(audio, size).numpy() / np.log(10.0)
    return np.rot90(logmag) if rotate else logmag


def specplot(
    audio: Any,
    vmin: float = -5,
    vmax: float = 1,
    rotate: bool = True,
    size: int = 512 + 256,
    **matshow_kwargs: Any,
) -> Any:
    """Draws the spectrogram of one recording.

    Parameters
    ----------
    audio : `[samples]` or `[1, samples]`.
    vmin, vmax : what is darkest and brightest, decimal logarithms of magnitude.
    rotate : whether time goes to the right and frequency up.
    size : of the FFT.
    **matshow_kwargs : of matplotlib's `Axes.matshow`; with `axis`, axes to draw on.

    Returns
    -------
    The axes.

    Raises
    ------
    ImportError
        When matplotlib is missing.
    """
    axis = matshow_kwargs.pop('axis', None)
    if axis is None:
        axis = _shown_figure()[1][0]
    spectrogram = log_spectrogram(audio, size, rotate)
    options = {'cmap': 'magma', 'aspect': 'auto', **matshow_kwargs}
    axis.matshow(spectrogram, vmin=vmin, vmax=vmax, **options)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set(xlabel='time', ylabel='frequency')
    if not rotate:
        axis.set(xlabel='frequency', ylabel='time')
    return axis


def transfer_function(
    ir: Any, sample_rate: int = DEFAULT_SAMPLE_RATE
) -> tuple[np.ndarray, tf.Tensor]:
    """Computes how much a filter passes of each frequency.

    Parameters
    ----------
    ir : impulse responses, `[..., samples]`.
    sample_rate : in Hz.

    Returns
    -------
    frequencies : `[bins]`, in Hz, from 0 to half the sample rate.
    magnitudes : `[..., bins]`, linear.
    """
    ir = core.tf_float32(ir)
    checks.check_not_empty(ir, 'ir', 'transfer_function')
    n_fft = core.get_fft_size(0, int(ir.shape[-1]))
    magnitudes = tf.abs(tf.signal.rfft(ir, [n_fft]))
    return np.fft.rfftfreq(n_fft, 1.0 / sample_rate), magnitudes


def plot_impulse_responses(
    impulse_response: Any,
    desired_magnitudes: Any,
    sample_rate: int = DEFAULT_SAMPLE_RATE,
    axes: Sequence[Any] | None = None,
) -> list[Any]:
    """Draws filters: what each is in time, and what it passes beside what it should.

    Parameters
    ----------
    impulse_response : `[batch, frames, samples]` or with fewer axes before `samples`;
        the first frame of the first example is drawn.
    desired_magnitudes : of the same frame, `[batch, frames, bands]`, linear, evenly
        from 0 Hz to half the sample rate.
    sample_rate : in Hz.
    axes : two, to draw on.

    Returns
    -------
    Both axes.

    Raises
    ------
    ImportError
        When matplotlib is missing.
    """
    impulse = _first_frame(impulse_response)
    desired = _first_frame(desired_magnitudes)
    frequencies, magnitudes = transfer_function(impulse, sample_rate)
    time_axis, level_axis = axes if axes is not None else _shown_figure(2, (8, 6))[1]
    milliseconds = 1000.0 * np.arange(len(impulse)) / sample_rate
    time_axis.plot(milliseconds, impulse)
    time_axis.set(title='Impulse response', xlabel='time (ms)', ylabel='amplitude')
    wanted_hz = np.linspace(0, sample_rate / 2, len(desired))
    level_axis.plot(wanted_hz, _db(desired), label='desired')
    level_axis.plot(frequencies, _db(magnitudes), label='reached')
    level_axis.set(title='Transfer function', xlabel='frequency (Hz)', ylabel='dB')
    level_axis.legend()
    return [time_axis, level_axis]


def _first_frame(x: Any) -> np.ndarray:
    x = np.asarray(x)
    return x.reshape(-1, x.shape[-1])[0]


def _db(amplitude: Any) -> np.ndarray:
    return core.amplitude_to_db(np.asarray(amplitude), range_db=120.0, use_tf=False)


def pianoroll_plot_setup(
    figsize: tuple[float, float] | None = None,
    side_piano_ratio: float = 0.025,
    faint_pr: bool = True,
    xlim: tuple[float, float] | None = None,
    figure: Any = None,
) -> tuple[Any, Any]:
    """Makes axes for notes over time, with the keys of a piano beside them.

    Parameters
    ----------
    figsize : width and height in inches.
    side_piano_ratio : width of the keys, as a part of the axes'.
    faint_pr : whether rows of black keys are shaded.
    xlim : first and last time.
    figure : an empty one to draw on.

    Returns
    -------
    The figure, and the axes for notes: pitch is a MIDI note number, upwards.

    Raises
    ------
    ImportError
        When matplotlib is missing.
    """
    if figure is None:
        figure, made = _shown_figure(1, figsize)
        made[0].remove()
    keys_axis, axis = figure.subplots(
        1, 2, sharey=True, gridspec_kw={'width_ratios': [side_piano_ratio, 1.0]}
    )
    pitches = np.arange(_FIRST_PIANO_KEY, _LAST_PIANO_KEY + 1)
    black = np.isin(pitches % 12, _BLACK_KEYS)
    keys_axis.barh(
        pitches, 1.0, height=1.0, color=np.where(black, 'black', 'white'), ec='0.7'
    )
    keys_axis.set(xticks=[], xlim=(0, 1), ylim=(pitches[0] - 0.5, pitches[-1] + 0.5))
    octaves = pitches[pitches % 12 == 0]
    keys_axis.set_yticks(octaves, [f'C{pitch // 12 - 1}' for pitch in octaves])
    if faint_pr:
        for pitch in pitches[black]:
            axis.axhspan(pitch - 0.5, pitch + 0.5, color='0.93', lw=0, zorder=0)
    axis.tick_params(left=False, labelleft=False)
    axis.set_xlabel('time (s)')
    if xlim is not None:
        axis.set_xlim(xlim)
    return figure, axis


def draw_notes(axis: Any, notes: Any, color: str, label: str) -> None:
    """Draws notes as bars on the axes of `pianoroll_plot_setup`.

    Parameters
    ----------
    axis : to draw on.
    notes : objects with `start` and `end` in seconds, and `pitch`.
    color : of matplotlib.
    label : for the legend.
    """
    axis.barh(
        [note.pitch for note in notes],
        [note.end - note.start for note in notes],
        left=[note.start for note in notes],
        height=0.8,
        color=color,
        alpha=0.6,
        label=label,
    )
