"""What TensorBoard shows of a model: audio to hear, pictures of what it did.

Everything is written by the default summary writer, as `tf.summary` does. Only the
first examples of a batch are, where there are many.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp import core
from ddsp.core import checks
from ddsp.training import plotting
from ddsp.training.metrics import (
    Note,
    notes_from_pianoroll,
    pianoroll_from_pitches,
)

# A run of days keeps what it wrote: more than this of a batch tells no more.
MAX_EXAMPLES = 8

_WIDE, _WIDER = (8.0, 3.0), (10.0, 5.0)
_SPECTRAL_RANGE = {'vmin': -5.0, 'vmax': 1.0}


def fig_summary(tag: str, fig: Any, step: int) -> None:
    """Writes a matplotlib figure as an image.

    Parameters
    ----------
    tag : its name in TensorBoard.
    fig : the figure; it stays as it is.
    step : of training.
    """
    image = tf.io.decode_png(plotting.figure_to_png(fig), channels=3)
    tf.summary.image(tag, image[tf.newaxis], step)


def waveform_summary(audio: Any, audio_gen: Any, step: int, name: str = '') -> None:
    """Writes pictures of waveforms, the recording above what was generated.

    Parameters
    ----------
    audio : recordings, `[batch, samples]`.
    audio_gen : generated audio, `[batch, samples]`.
    step : of training.
    name : is part of the tags, `waveform/NAME_1` and so on.
    """
    for number, pair in _numbered(audio, audio_gen):
        figure, axes = plotting.new_figure(2, _WIDER, sharex=True, sharey=True)
        for axis, samples, title in zip(axes, pair, ('recording', 'generated')):
            axis.plot(samples, lw=0.5)
            axis.set_title(title, loc='left')
        axes[-1].set_xlabel('sample')
        fig_summary(_tag('waveform', name, number), figure, step)


def get_spectrogram(audio: Any, rotate: bool = False, size: int = 1024) -> np.ndarray:
    """Computes the natural logarithm of magnitudes of one recording.

    Parameters
    ----------
    audio : `[samples]` or `[1, samples]`.
    rotate : whether frequency goes up the rows of the result, low ones last, rather
        than time down.
    size : of the FFT; frames overlap by three quarters.

    Returns
    -------
    `[frames, size // 2 + 1]`, or `[size // 2 + 1, frames]` if rotated.
    """
    return plotting.log_spectrogram(audio, size, rotate) * np.float32(np.log(10.0))


def spectrogram_summary(
    audio: Any, audio_gen: Any, step: int, name: str = '', tag: str = 'spectrogram'
) -> None:
    """Writes pictures of spectrograms, the recording above what was generated.

    Parameters
    ----------
    audio, audio_gen : recordings and generated audio, `[batch, samples]` each.
    step : of training.
    name, tag : parts of the tags, `TAG/NAME_1` and so on.
    """
    for number, pair in _numbered(audio, audio_gen):
        figure, axes = plotting.new_figure(2, _WIDER)
        for axis, samples, title in zip(axes, pair, ('recording', 'generated')):
            plotting.specplot(samples, axis=axis, **_SPECTRAL_RANGE)
            axis.set_title(title, loc='left')
            axis.set_xlabel('')
        fig_summary(_tag(tag, name, number), figure, step)


def audio_summary(
    audio: Any, step: int, sample_rate: int = 16000, name: str = 'audio'
) -> None:
    """Writes audio to listen to.

    Parameters
    ----------
    audio : `[samples]`, `[batch, samples]` or `[batch, samples, 1]`; what is beyond
        [-1, 1] is clipped, since it has no place in a WAV file.
    step : of training.
    sample_rate : in Hz.
    name : tag in TensorBoard.
    """
    audio = core.tf_float32(audio)
    if audio.shape.rank == 1:
        audio = audio[tf.newaxis]
    if audio.shape.rank == 2:
        audio = audio[:, :, tf.newaxis]
    checks.check_rank(audio, 3, 'audio', 'audio_summary', '[batch, samples]')
    tf.summary.audio(
        name,
        tf.clip_by_value(audio, -1.0, 1.0),
        sample_rate,
        step,
        max_outputs=MAX_EXAMPLES,
    )


def f0_summary(
    f0_hz: Any,
    f0_hz_predict: Any,
    step: int,
    name: str = 'f0_midi',
    tag: str = 'f0_midi',
) -> None:
    """Writes plots of f0, as MIDI notes.

    Parameters
    ----------
    f0_hz, f0_hz_predict : of the recordings and of what was generated, in Hz,
        `[batch, frames]` or `[batch, frames, 1]`; they may have different numbers of
        frames for the same time. 0 Hz, silence, is left blank.
    step : of training.
    name, tag : parts of the tags, `TAG/NAME_1` and so on.
    """
    for number, pair in _numbered(f0_hz, f0_hz_predict):
        notes = [core.hz_to_midi(f0).numpy() for f0 in pair]
        _curves_summary(
            _tag(tag, name, number), notes, ('recording', 'predicted'), step
        )


def loudness_summary(
    loudness_db: Any,
    loudness_db_gen: Any,
    step: int,
    name: str = '',
    tag: str = 'loudness',
) -> None:
    """Writes plots of loudness in dB.

    Parameters
    ----------
    loudness_db, loudness_db_gen : of the recordings and of what was generated,
        `[batch, frames]` or `[batch, frames, 1]`.
    step : of training.
    name, tag : parts of the tags, `TAG/NAME_1` and so on.
    """
    for number, pair in _numbered(loudness_db, loudness_db_gen):
        _curves_summary(
            _tag(tag, name, number), pair, ('recording', 'generated'), step, 'dB', None
        )


def _curves_summary(
    tag: str,
    curves: Any,
    labels: Any,
    step: int,
    ylabel: str = 'MIDI note',
    blank: float | None = 0.0,
) -> None:
    """One plot of curves of the same time, whatever their numbers of frames."""
    figure, (axis,) = plotting.new_figure(1, _WIDE)
    for values, label, width in zip(curves, labels, (3.0, 1.2, 0.8)):
        values = np.asarray(values, np.float32).reshape(-1)
        values = values if blank is None else np.where(values == blank, np.nan, values)
        axis.plot(np.arange(len(values)) / len(values), values, lw=width, label=label)
    axis.set(xlabel='part of the example', ylabel=ylabel, xlim=(0, 1))
    axis.legend(ncols=len(labels), loc='lower right', bbox_to_anchor=(1.0, 1.0))
    fig_summary(tag, figure, step)


def midi_summary(
    controls: Mapping[str, Any], step: int, name: str, frame_rate: int, notes_key: str
) -> None:
    """Writes pictures of notes over time.

    Parameters
    ----------
    controls : with `notes_key`: piano rolls `[batch, frames, 128]`, or note numbers of
        each frame, `[batch, frames]` or `[batch, frames, 1]`, 0 for silence.
    step : of training.
    name : is part of the tags, `midi/NAME_1` and so on.
    frame_rate : in frames a second.
    notes_key : key of the notes.

    Raises
    ------
    KeyError
        When there is no such key.
    """
    rolls = _as_rolls(_get(controls, notes_key, 'midi_summary'))
    for number, (roll,) in _numbered(rolls):
        notes = notes_from_pianoroll(roll, frame_rate)
        seconds = len(roll) / frame_rate
        _notes_summary(_tag('midi', name, number), {notes_key: notes}, seconds, step)


def midiae_f0_summary(f0_hz: Any, outputs: Mapping[str, Any], step: int) -> None:
    """Writes plots of f0 beside what a MIDI autoencoder makes of it.

    Parameters
    ----------
    f0_hz : of the recordings, `[batch, frames, 1]`.
    outputs : of the model; `q_pitch`, the notes, and `f0_midi_pred`, the f0 played
        from them, are drawn where they are there.
    step : of training.
    """
    curves = {'recording': core.hz_to_midi(f0_hz)}
    for key, label in (('q_pitch', 'notes'), ('f0_midi_pred', 'played')):
        if key in outputs:
            curves[label] = outputs[key]
    for number, drawn in _numbered(*curves.values()):
        _curves_summary(_tag('midiae_f0', '', number), drawn, list(curves), step)


def midiae_ld_summary(
    ld_feat: Any, outputs: Mapping[str, Any], step: int, db_key: str = 'loudness_db'
) -> None:
    """Writes plots of loudness beside what a MIDI autoencoder makes of it.

    Parameters
    ----------
    ld_feat : of the recordings, in dB, `[batch, frames, 1]`.
    outputs : of the model; `outputs[db_key + '_pred']` is drawn where it is there.
    step : of training.
    db_key : name of the loudness.
    """
    curves = {'recording': ld_feat}
    if f'{db_key}_pred' in outputs:
        curves['played'] = outputs[f'{db_key}_pred']
    for number, drawn in _numbered(*curves.values()):
        tag = _tag('midiae_loudness', '', number)
        _curves_summary(tag, drawn, list(curves), step, 'dB', None)


def midiae_sp_summary(outputs: Mapping[str, Any], step: int) -> None:
    """Writes pictures of the synthesiser's controls that a MIDI autoencoder predicts.

    Parameters
    ----------
    outputs : of the model; amplitudes, harmonic distribution and noise, as the
        synthesiser's branch gave them (`amps`, `hd`, `noise`) above what was predicted
        from notes (`amps_pred`, `hd_pred`, `noise_pred`), those that are there.
    step : of training.
    """
    for key in ('amps', 'hd', 'noise'):
        shown = [k for k in (key, f'{key}_pred') if k in outputs]
        for number, pair in _numbered(*(outputs[k] for k in shown)):
            figure, axes = plotting.new_figure(len(pair), _WIDER)
            for axis, values, title in zip(axes, pair, shown):
                if values.ndim == 1 or values.shape[-1] == 1:
                    axis.plot(values.reshape(-1))
                else:
                    axis.matshow(values.T, aspect='auto', origin='lower', cmap='magma')
                axis.set_title(title, loc='left')
            fig_summary(_tag('midiae_controls', key, number), figure, step)


def pianoroll_summary(
    batch: Mapping[str, Any],
    step: int,
    name: str,
    frame_rate: int,
    pred_key: str,
    gt_key: str = 'note_active_velocities',
    ch: int | None = None,
    threshold: float = 0.0,
    tb_name: str = 'pianoroll',
) -> None:
    """Writes pictures of predicted notes on those of the data.

    Parameters
    ----------
    batch : with both piano rolls, `[batch, frames, 128]`.
    step : of training.
    name : is part of the tags, `TB_NAME/NAME_1` and so on.
    frame_rate : in frames a second.
    pred_key, gt_key : keys of the piano rolls, predicted and of the data.
    ch : index on a last axis of `[batch, frames, 128, channels]`.
    threshold : what is above it sounds.
    tb_name : is part of the tags.

    Raises
    ------
    KeyError
        When there is no such key.
    """
    rolls = [_get(batch, key, 'pianoroll_summary') for key in (gt_key, pred_key)]
    rolls = [np.asarray(x) for x in rolls]
    rolls = [x[..., ch] if ch is not None and x.ndim == 4 else x for x in rolls]
    rolls = [_as_rolls(np.where(x > threshold, x, 0.0)) for x in rolls]
    for number, pair in _numbered(*rolls):
        notes = [notes_from_pianoroll(roll, frame_rate) for roll in pair]
        tag, seconds = _tag(tb_name, name, number), len(pair[0]) / frame_rate
        _notes_summary(tag, dict(zip(('data', 'predicted'), notes)), seconds, step)


def _notes_summary(
    tag: str, notes_by_name: Mapping[str, list[Note]], seconds: float, step: int
) -> None:
    figure, made = plotting.new_figure(1, _WIDER)
    made[0].remove()
    _, axis = plotting.pianoroll_plot_setup(xlim=(0.0, seconds), figure=figure)
    for (label, notes), color in zip(notes_by_name.items(), ('C0', 'C1')):
        plotting.draw_notes(axis, notes, color, label)
    axis.legend(ncols=2, loc='lower right', bbox_to_anchor=(1.0, 1.0))
    fig_summary(tag, figure, step)


def _as_rolls(notes: Any) -> np.ndarray:
    """Piano rolls `[batch, frames, 128]`, also of one note number a frame."""
    notes = np.asarray(notes)
    is_roll = notes.ndim == 3 and notes.shape[-1] == 128
    return notes if is_roll else pianoroll_from_pitches(notes)


def _get(values: Mapping[str, Any], key: str, where: str) -> Any:
    if key not in values:
        raise KeyError(f'{where}: there is no {key!r}; there are {sorted(values)}.')
    return values[key]


def _numbered(*batches: Any) -> Any:
    """The first examples of batches side by side, counted from 1."""
    arrays = [np.asarray(batch) for batch in batches]
    return list(enumerate(zip(*(x[:MAX_EXAMPLES] for x in arrays)), start=1))


def _tag(kind: str, name: str, number: int) -> str:
    return f'{kind}/{name}_{number}' if name else f'{kind}/{number}'
