from __future__ import annotations

import sys

import matplotlib
import numpy as np
import pytest
from scipy import signal
from tones import tone

from ddsp import core
from ddsp.training import metrics, plotting


@pytest.fixture
def axis():
    return plotting.new_figure()[1][0]


def test_figures_are_those_of_pyplot_unless_there_are_axes(axis):
    matplotlib.use('agg')
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    try:
        plotting.specplot(np.zeros(4000), axis=axis)
        plotting.figure_to_png(axis.figure)
        plotting.pianoroll_plot_setup(figure=new_empty_figure())
        assert pyplot.get_fignums() == before
        assert plotting.specplot(np.zeros(4000)).figure is pyplot.gcf()
        assert plotting.pianoroll_plot_setup(figsize=(4, 2))[0] is pyplot.gcf()
        assert pyplot.gcf().get_size_inches().tolist() == [4, 2]
        assert len(pyplot.get_fignums()) == len(before) + 2
    finally:
        pyplot.close('all')


def test_figures_are_files():
    figure, axes = plotting.new_figure(2, (3, 2))
    assert len(axes) == 2
    assert plotting.figure_to_png(figure)[:4] == b'\x89PNG'


def test_spectrogram_of_a_tone_has_a_line_at_its_frequency(axis):
    audio = np.cos(2 * np.pi * 2000.0 / 16000 * np.arange(8000)).astype('float32')
    plotting.specplot(audio, size=512, axis=axis)
    (image,) = axis.get_images()
    picture = np.asarray(image.get_array())
    assert picture.shape == (257, -(-8000 // 128))
    # Frequency goes up: the lowest bin is the last row.
    assert set(256 - picture[:, 2:-5].argmax(axis=0)) == {64}
    # A cosine's magnitude is half the sum of the window.
    assert picture.max() == pytest.approx(np.log10(512 / 4), abs=1e-2)
    assert image.get_clim() == (-5, 1)


def test_spectrogram_on_its_side(axis):
    plotting.specplot(np.zeros([1, 4000]), 0, 2, rotate=False, cmap='gray', axis=axis)
    (image,) = axis.get_images()
    assert image.get_array().shape[1] == 385
    assert image.get_clim() == (0, 2) and image.get_cmap().name == 'gray'
    with pytest.raises(ValueError, match=r'\[2, 4000\].*one recording'):
        plotting.specplot(np.zeros([2, 4000]), axis=axis)


def test_transfer_function_of_a_filter():
    taps = signal.firwin(101, 3000, fs=24000).astype('float32')
    frequencies, magnitudes = plotting.transfer_function(taps[np.newaxis], 24000)
    assert magnitudes.shape == (1, len(frequencies))
    assert (frequencies[0], frequencies[-1]) == (0, 12000)
    _, expected = signal.freqz(taps, worN=frequencies, fs=24000)
    np.testing.assert_allclose(magnitudes[0], abs(expected), atol=1e-5)


def test_impulse_responses_are_drawn_with_what_was_wanted():
    desired = np.linspace(1.0, 0.0, 65, dtype=np.float32)[np.newaxis, np.newaxis]
    impulse = core.frequency_impulse_response(desired)
    axes = plotting.new_figure(2)[1]
    assert plotting.plot_impulse_responses(impulse, desired, 8000, axes) == axes
    wanted, reached = axes[1].get_lines()
    assert wanted.get_xdata()[-1] == reached.get_xdata()[-1] == 4000
    at = np.interp(1000.0, *reached.get_data())
    assert at == pytest.approx(20 * np.log10(0.75), abs=0.1)
    assert axes[0].get_lines()[0].get_xdata()[1] == 1 / 8


def test_piano_roll():
    figure, axis = plotting.pianoroll_plot_setup(
        figsize=(5, 3), xlim=(0, 2), figure=new_empty_figure()
    )
    plotting.draw_notes(axis, [metrics.Note(0.5, 1.5, 60)], 'C0', 'played')
    bar = axis.patches[-1]
    assert (bar.get_x(), bar.get_width()) == (0.5, 1.0)
    assert bar.get_y() + bar.get_height() / 2 == 60
    assert axis.get_xlim() == (0, 2)
    keys = figure.axes[0]
    labels = [text.get_text() for text in keys.get_yticklabels()]
    assert dict(zip(labels, keys.get_yticks()))['C4'] == 60
    black = [p for p in keys.patches if p.get_facecolor() == (0, 0, 0, 1)]
    assert (len(keys.patches), len(black)) == (88, 36)
    shaded = len(axis.patches) - 1
    assert shaded == 36
    bare = plotting.pianoroll_plot_setup(faint_pr=False, figure=new_empty_figure())[1]
    assert not bare.patches


def new_empty_figure():
    figure, (axis,) = plotting.new_figure()
    axis.remove()
    return figure


def test_missing_matplotlib_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'matplotlib.figure', None)
    with pytest.raises(ImportError, match=r"matplotlib.*pip install 'ddsp\[train\]'"):
        plotting.new_figure()


def test_drawing_a_tone_changes_nothing_of_it(axis):
    audio = tone(np.full(4000, 220.0))
    before = audio.copy()
    plotting.specplot(audio, axis=axis)
    np.testing.assert_array_equal(audio, before)
