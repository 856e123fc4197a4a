"""Players, pictures and downloads of a notebook."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import numpy as np
import pytest
from sines import samples_of, sine

from ddsp.colab import colab_utils, showing


def test_play(shown) -> None:
    audio = 0.3 * sine(440.0)
    colab_utils.play(audio[np.newaxis], sample_rate=8000, autoplay=True)
    (player,) = shown
    written, rate = samples_of(player.data)
    assert rate == 8000 and player.autoplay
    np.testing.assert_allclose(written, audio, atol=1e-4)


def test_play_in_colab_leaves_nothing_in_the_notebook(colab, shown) -> None:
    audio = 0.3 * sine(440.0)
    colab_utils.play(audio)
    (place,) = shown
    assert 'audio' not in place.data
    (script,) = colab.asked
    assert re.search(r'id="(\w+)"', place.data)[1] in script
    assert 'autoplay = false' in script
    wav = base64.b64decode(re.search(r'base64,([^\']+)', script)[1])
    np.testing.assert_allclose(samples_of(wav)[0], audio, atol=1e-4)


def test_play_in_colab_to_keep(colab, shown) -> None:
    colab_utils.play(sine(440.0), ephemeral=False)
    assert not colab.asked
    assert shown[0].data.startswith(b'RIFF')


@pytest.fixture
def figures(monkeypatch) -> list:
    import matplotlib

    matplotlib.use('agg')
    figures = []
    monkeypatch.setattr(showing, 'show_figure', figures.append)
    yield figures
    matplotlib.pyplot.close('all')


@pytest.mark.parametrize('rate', [8000, 16000])
def test_listen_shows_the_tone_where_it_is(figures, shown, rate) -> None:
    tone = 0.5 * sine(1000.0, 1.0, rate)
    tone[: rate // 2] = 0.0
    colab_utils.listen(tone, 'A tone', sample_rate=rate)
    wave_axis, axis = figures[0].axes
    assert wave_axis.get_title() == 'A tone'
    (image,) = axis.images
    picture = np.asarray(image.get_array())
    start, end, bottom, top = image.get_extent()
    assert (bottom, top) == (0.0, rate / 2000.0)
    row, column = np.unravel_index(np.argmax(picture), picture.shape)
    khz = top * (1.0 - (row + 0.5) / len(picture))
    assert abs(khz - 1.0) < 0.02
    seconds = start + (end - start) * (column + 0.5) / picture.shape[1]
    assert 0.5 < seconds < 1.0
    # Silence is dark up to the frame in which the tone begins, half a frame early.
    loud = picture.max(axis=0) > -2.0
    columns = np.arange(picture.shape[1]) + 0.5
    frames = start + (end - start) * columns / len(columns)
    assert abs(frames[loud].min() - 0.5) <= 512 / rate + 1e-6
    assert len(shown) == 1  # the player


def test_listen_to_something_very_short(figures, shown) -> None:
    colab_utils.listen(np.zeros(10))
    assert len(figures) == 1


def test_plot_controls(figures) -> None:
    many = np.zeros([1, 50, 8], np.float32)
    many[0, :, 2] = 1.0
    colab_utils.plot_controls(
        {'f0_hz': np.linspace(1.0, 2.0, 50), 'many': many}, 2.0, 'Curves'
    )
    curve, picture = figures[0].axes
    assert curve.get_title() == 'Curves'
    x, y = curve.lines[0].get_data()
    assert (x[0], x[-1], y[0], y[-1]) == (0.0, 2.0, 1.0, 2.0)
    (image,) = picture.images
    assert image.get_array().shape == (8, 50) and image.origin == 'lower'
    assert np.asarray(image.get_array())[2].min() == 1.0
    assert picture.get_xlabel() == 'time (s)'


@pytest.mark.parametrize(
    'controls, message',
    [({}, 'no controls'), ({'a': np.zeros([2, 5, 1])}, r'a has shape \[2, 5, 1\]')],
)
def test_plot_controls_refuses(controls, message) -> None:
    with pytest.raises(ValueError, match=message):
        colab_utils.plot_controls(controls)


def test_figures_are_shown_and_closed(shown, notebook) -> None:
    import matplotlib

    matplotlib.use('agg')
    from matplotlib import pyplot

    figure = pyplot.figure()
    colab_utils.show_figure(figure)
    assert shown == [figure] and not pyplot.fignum_exists(figure.number)


def test_download(tmp_path, capsys) -> None:
    path = tmp_path / 'sound.wav'
    with pytest.raises(FileNotFoundError, match=r'sound\.wav'):
        colab_utils.download(path)
    path.write_bytes(b'')
    colab_utils.download(path)
    assert str(path) in capsys.readouterr().out


def test_download_in_notebooks(tmp_path, monkeypatch, notebook, shown) -> None:
    monkeypatch.chdir(tmp_path)
    Path('sound.wav').write_bytes(b'')
    colab_utils.download('sound.wav')
    assert "href='sound.wav'" in shown[0]._repr_html_()


def test_download_in_colab(tmp_path, colab) -> None:
    path = tmp_path / 'sound.wav'
    path.write_bytes(b'')
    colab_utils.download(path)
    assert colab.asked == [str(path)]
