"""Sound and pictures in a notebook."""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np

from ddsp import spectral_ops
from ddsp.colab.conversion import as_samples, audio_to_wav
from ddsp.colab.surroundings import ipython_display, surroundings
from ddsp.optional import import_optional
from ddsp.spectral_ops import CREPE_SAMPLE_RATE

# What a spectrogram shows, as decimal logarithms of magnitude.
_DARKEST, _BRIGHTEST = -3.5, 1.5
_FFT_SIZE = 1024
_COLOUR = '#5b3a8c'


def play(
    array_of_floats: Any,
    sample_rate: int = CREPE_SAMPLE_RATE,
    ephemeral: bool = True,
    autoplay: bool = False,
) -> None:
    """Shows a player.

    The level is kept, so that quiet stays quiet; only audio beyond full scale is turned
    down until it fits.

    Parameters
    ----------
    array_of_floats : one recording, `[samples]` or `[1, samples]`, full scale [-1, 1].
    sample_rate : in Hz.
    ephemeral : whether Colab keeps the sound out of the saved notebook. Other notebooks
        always save what they show, until its outputs are cleared.
    autoplay : whether it begins by itself.

    Raises
    ------
    ValueError
        When it is not one recording, or holds NaN or infinity.
    ImportError
        When there is no IPython.
    """
    wav = audio_to_wav(array_of_floats, sample_rate)
    display = ipython_display('playing sound')
    if ephemeral and surroundings() == 'colab':
        _play_beside_notebook(display, wav, autoplay)
    else:
        display.display(display.Audio(wav, autoplay=autoplay))


def _play_beside_notebook(display: Any, wav: bytes, autoplay: bool) -> None:
    """Has the browser make the player: what a cell displays Colab would save."""
    from google.colab import output

    place = f'player_{uuid.uuid4().hex}'
    display.display(display.HTML(f'<div id="{place}"></div>'))
    encoded = base64.b64encode(wav).decode()
    output.eval_js(
        f"""
        const player = document.createElement('audio');
        player.controls = true;
        player.autoplay = {'true' if autoplay else 'false'};
        player.src = 'data:audio/wav;base64,{encoded}';
        document.getElementById('{place}').append(player);
        """,
        ignore_result=True,
    )


def listen(audio: Any, title: str = '', sample_rate: int = CREPE_SAMPLE_RATE) -> None:
    """Shows a recording as waveform and spectrogram, with a player below.

    Parameters
    ----------
    audio : one recording, `[samples]` or `[1, samples]`, full scale [-1, 1].
    title : says what it is.
    sample_rate : in Hz.

    Raises
    ------
    ValueError
        When it is not one recording, or holds NaN or infinity.
    ImportError
        When there is no IPython, or no matplotlib.
    """
    audio = as_samples(audio)
    pyplot = import_optional('matplotlib.pyplot', 'plotting')
    figure, (wave_axis, axis) = pyplot.subplots(
        2,
        1,
        figsize=(9.0, 3.6),
        sharex=True,
        height_ratios=[1, 3],
        layout='constrained',
    )
    seconds = len(audio) / sample_rate
    time = np.arange(len(audio)) / sample_rate
    wave_axis.plot(time, audio, lw=0.5, color=_COLOUR)
    peak = max(float(np.abs(audio).max()), 1e-3)
    wave_axis.set(title=title, ylim=(-1.1 * peak, 1.1 * peak), ylabel='wave')
    _draw_spectrogram(axis, audio, sample_rate)
    axis.set(xlabel='time (s)', ylabel='frequency (kHz)', xlim=(0.0, seconds))
    show_figure(figure)
    play(audio, sample_rate)


def _draw_spectrogram(axis: Any, audio: np.ndarray, sample_rate: int) -> None:
    """Draws whole frames only: one that hangs over an end would look like a click."""
    if len(audio) < _FFT_SIZE:
        audio = np.pad(audio, [0, _FFT_SIZE - len(audio)])
    logmag = spectral_ops.compute_logmag(audio, _FFT_SIZE, pad_end=False).numpy()
    # The first frame is the middle of its samples, and a hop wide.
    first, hop = _FFT_SIZE / 2 / sample_rate, _FFT_SIZE / 4 / sample_rate
    start, end = first - hop / 2, first - hop / 2 + hop * len(logmag)
    axis.imshow(
        np.rot90(logmag / np.log(10.0)),
        vmin=_DARKEST,
        vmax=_BRIGHTEST,
        cmap='magma',
        aspect='auto',
        interpolation='nearest',
        extent=(start, end, 0.0, sample_rate / 2000.0),
    )
    axis.set_facecolor('black')


def plot_controls(
    controls: Mapping[str, Any],
    seconds: float | None = None,
    title: str = '',
    along: str = 'frame',
) -> None:
    """Draws controls over time: one channel as a curve, many as a picture.

    Parameters
    ----------
    controls : by name, each `[frames]`, `[1, frames]` or `[1, frames, channels]`.
    seconds : how long all frames last; None numbers them.
    title : above the drawing.
    along : what is counted, where it is not seconds.

    Raises
    ------
    ValueError
        When there are none, or one has another shape.
    ImportError
        When matplotlib is missing.
    """
    drawn = {name: _frames_by_channels(x, name) for name, x in controls.items()}
    if not drawn:
        raise ValueError('plot_controls: there are no controls to draw.')
    pyplot = import_optional('matplotlib.pyplot', 'plotting')
    figure, axes = pyplot.subplots(
        len(drawn),
        1,
        figsize=(9.0, 0.6 + 1.4 * len(drawn)),
        sharex=True,
        squeeze=False,
        layout='constrained',
    )
    axes = axes[:, 0]
    for axis, (name, x) in zip(axes, drawn.items()):
        end = len(x) if seconds is None else seconds
        if x.shape[1] == 1:
            axis.plot(np.linspace(0.0, end, len(x)), x[:, 0], color=_COLOUR)
        else:
            extent = (0.0, end, 0.5, x.shape[1] + 0.5)
            # A share of a tenth should not look like none.
            bright = np.sqrt(x.T) if x.min() >= 0.0 else x.T
            axis.imshow(
                bright, origin='lower', aspect='auto', cmap='magma', extent=extent
            )
        axis.set_ylabel(name.replace('_', '\n'))
        axis.margins(x=0.0)
    axes[0].set_title(title)
    axes[-1].set_xlabel(along if seconds is None else 'time (s)')
    show_figure(figure)


def _frames_by_channels(x: Any, name: str) -> np.ndarray:
    shape = list(np.shape(x))
    x = np.asarray(x)
    if x.ndim in (2, 3) and x.shape[0] == 1:
        x = x[0]
    elif x.ndim != 1:
        raise ValueError(
            f'plot_controls: {name} has shape {shape}, expected [frames], '
            '[1, frames] or [1, frames, channels].'
        )
    return x.reshape(len(x), -1)


def show_figure(figure: Any) -> None:
    """Shows a figure where a notebook can, and closes it.

    Parameters
    ----------
    figure : of pyplot.
    """
    pyplot = import_optional('matplotlib.pyplot', 'plotting')
    if surroundings() != 'program':
        ipython_display('showing a figure').display(figure)
    # What stays open would be drawn a second time at the end of the cell.
    pyplot.close(figure)


def download(path: str | os.PathLike[str]) -> None:
    """Offers a file to the person before the browser.

    Colab sends it to the browser, other notebooks show a link, and elsewhere a line
    says where it is.

    Parameters
    ----------
    path : of the file.

    Raises
    ------
    FileNotFoundError
        When there is none.
    """
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f'there is no file {path}.')
    where = surroundings()
    if where == 'colab':
        from google.colab import files

        files.download(path)
    elif where == 'notebook':
        display = ipython_display('a link')
        display.display(display.FileLink(path))
    else:
        print(f'The file is {os.path.abspath(path)}.')
