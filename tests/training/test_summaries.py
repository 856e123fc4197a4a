from __future__ import annotations

import io

import numpy as np
import pytest
import tensorflow as tf
from eval_stand_ins import read_summaries
from PIL import Image

from ddsp.training import metrics, plotting, summaries

DOT = tf.io.encode_png(np.zeros([1, 1, 3], np.uint8)).numpy()


@pytest.fixture
def written(tmp_path):
    """Writes for TensorBoard; called, it gives what was written."""
    writer = tf.summary.create_file_writer(str(tmp_path))
    with writer.as_default():
        yield lambda: (writer.flush(), read_summaries(tmp_path))[1]


@pytest.fixture
def noise():
    return np.random.default_rng(0).normal(size=(2, 8000)).astype('float32') * 0.1


def image_of(entry):
    """The picture that `tf.summary.image` wrote, `[height, width, 3]`."""
    _, (width, height, png) = entry
    image = np.asarray(Image.open(io.BytesIO(png)))
    assert image.shape == (int(height), int(width), 3)
    return image


def blue(image):
    """Where the first line of a plot is."""
    return image[..., 2] > image[..., 0].astype(int) + 60


def test_figures_become_images(written):
    figure, (axis,) = plotting.new_figure(figsize=(2.0, 1.0))
    axis.set_axis_off()
    axis.axhspan(0, 1, color='red')
    summaries.fig_summary('red', figure, 5)
    ((step, _),) = written()['red']
    image = image_of(written()['red'][0])
    assert step == 5 and image.shape == (80, 160, 3)
    assert image[40, 80].tolist() == [255, 0, 0]


def test_waveforms_and_spectrograms(written, noise):
    summaries.waveform_summary(noise, noise[:, :7000], 1, name='violin')
    summaries.spectrogram_summary(noise, 0 * noise, 1)
    summaries.spectrogram_summary(noise[:1], noise[:1], 1, 'a', 'sounds')
    got = written()
    assert set(got) == {
        'waveform/violin_1',
        'waveform/violin_2',
        'spectrogram/1',
        'spectrogram/2',
        'sounds/a_1',
    }
    image = image_of(got['spectrogram/1'][0]).astype(int)
    above, below = np.array_split(image[:, 100:-100], 2)
    # Noise is bright, and of many colours; silence has one.
    assert above.std() > 2 * below[40:-40].std()


def test_waveforms_have_one_scale(written, noise):
    summaries.waveform_summary(noise[:1], noise[:1] * 0.1, 1)
    above, below = np.array_split(image_of(written()['waveform/1'][0]), 2)
    rows = [np.ptp(np.flatnonzero(blue(x).any(axis=1))) for x in (above, below)]
    assert rows[0] > 4 * rows[1]


def test_many_examples_are_cut(written, monkeypatch):
    many = np.zeros([20, 400], np.float32)
    monkeypatch.setattr(plotting, 'figure_to_png', lambda figure: DOT)
    summaries.f0_summary(many + 220, many + 220, 1)
    summaries.audio_summary(many, 1)
    got = written()
    assert len(got) == summaries.MAX_EXAMPLES + 1
    assert len(got['audio'][0][1]) == summaries.MAX_EXAMPLES


@pytest.mark.parametrize('axes', [1, 2, 3])
def test_audio_is_a_sound_file(written, noise, axes):
    loud = noise[0] * 100
    audio = {1: loud, 2: loud[np.newaxis], 3: loud[np.newaxis, :, np.newaxis]}[axes]
    summaries.audio_summary(audio, 3, 24000, 'loud')
    ((step, entries),) = written()['loud']
    samples, rate = tf.audio.decode_wav(entries[0])
    assert (step, int(rate)) == (3, 24000)
    np.testing.assert_allclose(samples[:, 0], np.clip(loud, -1, 1), atol=1e-4)


def test_audio_of_another_shape_is_refused(written):
    with pytest.raises(ValueError, match=r'audio_summary.*\[batch, samples\]'):
        summaries.audio_summary(np.zeros([1, 1, 1, 4]), 1)


def test_spectrogram_as_numbers(noise):
    spectrogram = summaries.get_spectrogram(noise[:1], size=512)
    assert spectrogram.shape == (63, 257)
    rotated = summaries.get_spectrogram(noise[0], rotate=True, size=512)
    np.testing.assert_allclose(rotated[::-1].T, spectrogram)
    window = np.hanning(513)[:-1]
    expected = np.log(np.abs(np.fft.rfft(noise[0, 128 * 9 : 128 * 9 + 512] * window)))
    np.testing.assert_allclose(spectrogram[9], expected, atol=1e-2)


def test_f0_is_drawn_where_it_is(monkeypatch, written):
    drawn = {}
    monkeypatch.setattr(
        summaries,
        'fig_summary',
        lambda tag, figure, step: drawn.update({tag: figure.axes[0]}),
    )
    f0_hz = np.full([1, 10, 1], 440.0)
    f0_hz[0, :3] = 0
    summaries.f0_summary(f0_hz, np.full([1, 20], 880.0), 1)
    recorded, predicted = drawn['f0_midi/f0_midi_1'].get_lines()
    np.testing.assert_allclose(recorded.get_ydata(), [np.nan] * 3 + [69.0] * 7)
    np.testing.assert_allclose(predicted.get_ydata(), np.full(20, 81.0), rtol=1e-6)
    # Both span the same time.
    assert recorded.get_xdata()[5] == predicted.get_xdata()[10] == 0.5

    summaries.loudness_summary(np.full([1, 10], 0.0), np.full([1, 10], -20.0), 1)
    recorded, generated = drawn['loudness/1'].get_lines()
    assert (recorded.get_ydata() == 0).all() and (generated.get_ydata() == -20).all()


def rolls():
    notes = [metrics.Note(0.2, 0.6, 60, 100), metrics.Note(0.6, 1.0, 64, 50)]
    return notes, metrics.pianoroll_from_notes(notes, 50, 60)[np.newaxis]


@pytest.fixture
def bars(monkeypatch):
    """Notes instead of pictures, `{label: notes}`."""
    drawn = {}
    monkeypatch.setattr(
        plotting,
        'draw_notes',
        lambda axis, notes, color, label: drawn.update({label: notes}),
    )
    monkeypatch.setattr(
        summaries, 'fig_summary', lambda tag, figure, step: drawn.update(tag=tag)
    )
    monkeypatch.setattr('matplotlib.axes.Axes.legend', lambda *args, **kwargs: None)
    return drawn


def test_notes_are_drawn(bars):
    notes, roll = rolls()
    summaries.midi_summary({'notes': roll}, 1, 'violin', 50, 'notes')
    assert bars == {'notes': notes, 'tag': 'midi/violin_1'}
    pitches = (roll > 0) @ np.arange(128)
    summaries.midi_summary({'pitch': pitches[..., np.newaxis]}, 1, '', 50, 'pitch')
    assert [(n.start, n.end, n.pitch) for n in bars['pitch']] == [
        (0.2, 0.6, 60),
        (0.6, 1.0, 64),
    ]
    with pytest.raises(KeyError, match=r"no 'notes'.*pitch"):
        summaries.midi_summary({'pitch': pitches}, 1, '', 50, 'notes')


def test_predicted_notes_are_drawn_on_those_of_the_data(bars):
    notes, roll = rolls()
    batch = {
        'note_active_velocities': roll,
        'predicted': np.stack([0 * roll, roll / 127], axis=-1),
    }
    summaries.pianoroll_summary(
        batch, 1, 'x', 50, 'predicted', ch=1, threshold=0.5, tb_name='roll'
    )
    assert bars == {'data': notes, 'predicted': notes[:1], 'tag': 'roll/x_1'}


def test_pictures_of_notes(written):
    _, roll = rolls()
    summaries.midi_summary({'notes': roll}, 1, 'violin', 50, 'notes')
    assert blue(image_of(written()['midi/violin_1'][0])).any()


def test_midi_autoencoder_pictures(written):
    frames = np.ones([2, 50, 1], np.float32)
    outputs = {'q_pitch': 60 * frames, 'amps': frames, 'hd_pred': np.ones([2, 50, 9])}
    summaries.midiae_f0_summary(260 * frames, outputs, 1)
    summaries.midiae_ld_summary(-20 * frames, {'db_pred': frames}, 1, 'db')
    summaries.midiae_sp_summary(outputs, 1)
    assert set(written()) == {
        f'{kind}_{number}' if '/' in kind else f'{kind}/{number}'
        for kind in (
            'midiae_f0',
            'midiae_loudness',
            'midiae_controls/amps',
            'midiae_controls/hd',
        )
        for number in (1, 2)
    }
