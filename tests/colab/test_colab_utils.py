from __future__ import annotations

import base64
import contextlib
import io
import json
import re
import shutil
import subprocess
import sys
import types
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf

import ddsp
from ddsp import audio_files, recordings
from ddsp.colab import colab_utils, recording, showing, surroundings
from ddsp.training import postprocessing
from ddsp.training.transfer import tuning

RATE = 16000


def sine(f0_hz: float, seconds: float = 0.5, rate: int = RATE) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return np.sin(2 * np.pi * f0_hz * time).astype(np.float32)


def peak_hz(audio: np.ndarray, rate: int = RATE) -> float:
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    return float(np.argmax(spectrum)) * rate / len(audio)


def samples_of(wav: bytes) -> tuple[np.ndarray, int]:
    with wave.open(io.BytesIO(wav)) as reader:
        assert (reader.getnchannels(), reader.getsampwidth()) == (1, 2)
        frames = reader.readframes(reader.getnframes())
        return np.frombuffer(frames, '<i2') / 32767.0, reader.getframerate()


@pytest.fixture
def colab(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """Stands in for Colab; remembers what it was asked."""
    colab = types.ModuleType('google.colab')
    colab.asked = []
    colab.answer = None
    colab.uploaded = {}

    def eval_js(script, ignore_result=False):
        colab.asked.append(script)
        return None if ignore_result else colab.answer

    colab.output = types.SimpleNamespace(eval_js=eval_js)
    colab.files = types.SimpleNamespace(
        upload=lambda: colab.uploaded, download=colab.asked.append
    )
    colab.drive = types.SimpleNamespace(mount=colab.asked.append)
    monkeypatch.setitem(sys.modules, 'google.colab', colab)
    return colab


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list:
    """What a notebook would show."""
    from IPython import display

    shown = []
    monkeypatch.setattr(display, 'display', shown.append)
    return shown


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    import IPython

    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setattr(IPython, 'get_ipython', lambda: shell)


# Surroundings


def test_surroundings_of_a_program() -> None:
    assert surroundings.surroundings() == 'program'


def test_surroundings_of_a_notebook(notebook: None) -> None:
    assert surroundings.surroundings() == 'notebook'


def test_surroundings_of_a_terminal_with_ipython(monkeypatch) -> None:
    import IPython

    monkeypatch.setattr(IPython, 'get_ipython', lambda: types.SimpleNamespace())
    assert surroundings.surroundings() == 'program'


def test_surroundings_of_colab(colab) -> None:
    assert surroundings.surroundings() == 'colab'


@pytest.mark.parametrize(
    'value, expected', [(None, 9), ('', 9), ('0', 9), ('1', 2), ('yes', 2)]
)
def test_sized(monkeypatch, value, expected) -> None:
    monkeypatch.delenv(surroundings.SMALL_VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(surroundings.SMALL_VARIABLE, value)
    assert colab_utils.sized(full=9, small=2) == expected


def test_working_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = colab_utils.working_folder('mine')
    assert folder == Path('mine') and (tmp_path / 'mine').is_dir()


def test_working_folder_on_drive(colab, tmp_path, monkeypatch) -> None:
    made = []
    monkeypatch.setattr(Path, 'mkdir', lambda self, **kwargs: made.append(self))
    folder = colab_utils.working_folder('mine')
    assert folder.as_posix() == '/content/drive/MyDrive/mine'
    assert made == [folder] and colab.asked == ['/content/drive']


WITHOUT_NOTEBOOK = """
import sys
for name in ('IPython', 'IPython.display', 'matplotlib', 'soundfile', 'google.colab'):
    sys.modules[name] = None  # The import of such a name fails.
from ddsp.colab import colab_utils
assert colab_utils.surroundings() == 'program'
try:
    colab_utils.play([0.0, 0.1])
except ImportError as error:
    print(error)
"""


def test_imports_without_a_notebook() -> None:
    done = subprocess.run(
        [sys.executable, '-c', WITHOUT_NOTEBOOK], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "pip install 'ddsp[notebook]'" in done.stdout
    assert 'save_audio' in done.stdout


# Conversion


@pytest.mark.parametrize(
    'audio',
    [
        [0.5, -0.25],
        np.array([[0.5, -0.25]]),
        tf.constant([[[0.5], [-0.25]]]),
        np.array([2**14, -(2**13)], np.int16),
        np.array([2**30, -(2**29)], np.int32),
    ],
)
def test_as_samples(audio) -> None:
    samples = colab_utils.as_samples(audio)
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples, [0.5, -0.25], atol=1e-6)


@pytest.mark.parametrize(
    'audio, message',
    [
        (np.zeros([2, 3]), r'shape \[2, 3\], expected one recording'),
        ([], r'shape \[0\], expected one recording'),
        ([0.0, np.nan], 'NaN'),
        ([0.0, np.inf], 'infinite'),
    ],
)
def test_as_samples_refuses(audio, message) -> None:
    with pytest.raises(ValueError, match=message):
        colab_utils.as_samples(audio)


def test_wav_keeps_the_level() -> None:
    audio = 0.01 * sine(440.0)
    written, rate = samples_of(colab_utils.audio_to_wav(audio, 22050))
    assert rate == 22050
    np.testing.assert_allclose(written, audio, atol=0.51 / 32767)


def test_wav_does_not_clip() -> None:
    audio = 3.0 * sine(440.0)
    written, _ = samples_of(colab_utils.audio_to_wav(audio))
    np.testing.assert_allclose(written, audio / np.abs(audio).max(), atol=1e-4)


@pytest.mark.parametrize('kind', ['WAV', 'FLAC', 'OGG'])
def test_bytes_of_any_kind_and_rate(kind) -> None:
    left = 0.4 * sine(500.0, 1.0, 44100)
    file = io.BytesIO()
    soundfile.write(file, np.stack([left, 0.0 * left], 1), 44100, format=kind)
    audio = colab_utils.audio_bytes_to_np(file.getvalue(), normalize_db=None)
    assert audio.dtype == np.float32 and audio.shape == (RATE,)
    assert abs(peak_hz(audio) - 500.0) < 2.0
    assert abs(np.abs(audio[4000:12000]).max() - 0.2) < 0.01
    both = colab_utils.audio_bytes_to_np(file.getvalue(), 44100, None, mono=False)
    assert both.shape == (44100, 2)
    normalized = colab_utils.audio_bytes_to_np(file.getvalue(), normalize_db=6.0)
    assert abs(np.abs(normalized).max() - 10 ** (-6.0 / 20.0)) < 1e-3


def test_bytes_that_are_no_sound() -> None:
    with pytest.raises(ValueError, match='13 bytes are no sound file'):
        colab_utils.audio_bytes_to_np(b'not a song...')


def test_silence_is_not_normalized() -> None:
    silence = colab_utils.audio_to_wav(np.zeros(100))
    assert not colab_utils.audio_bytes_to_np(silence).any()


# Showing


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


# Recording


@pytest.mark.parametrize('function', [colab_utils.record, colab_utils.upload])
def test_nothing_to_record_outside_colab(function) -> None:
    with pytest.raises(RuntimeError, match=r'Colab only.*load_audio'):
        function()


def test_a_recording_instead(capsys) -> None:
    singing = recordings.singing_path()
    audio = colab_utils.record(seconds=2.0, fallback=singing)
    assert audio.shape == (2 * RATE,)
    assert 'singing.flac instead' in capsys.readouterr().out
    assert abs(np.abs(audio).max() - 10 ** (-0.1 / 20.0)) < 1e-6
    as_it_is = audio_files.load_audio(singing)[: 2 * RATE]
    raw = colab_utils.record(2.0, normalize_db=None, fallback=singing)
    np.testing.assert_array_equal(raw, as_it_is)


def test_a_file_instead(capsys) -> None:
    names, audio = colab_utils.upload(fallback=recordings.singing_path())
    assert names == ['singing.flac']
    np.testing.assert_array_equal(
        audio[0], audio_files.load_audio(recordings.singing_path())
    )


def test_record_in_colab(colab) -> None:
    heard = np.round(8000 * sine(500.0, 1.0, 48000)).astype('<i2')
    pcm16 = base64.b64encode(heard.tobytes()).decode()
    colab.answer = json.dumps({'sample_rate': 48000, 'pcm16': pcm16})
    audio = colab_utils.record(seconds=1.0, normalize_db=None)
    assert audio.shape == (RATE,)
    assert abs(peak_hz(audio) - 500.0) < 2.0
    assert abs(np.abs(audio[4000:12000]).max() - 8000 / 32768) < 0.01
    (script,) = colab.asked
    assert script.endswith('(1.0)') and 'getUserMedia' in script


@pytest.mark.parametrize(
    'answer, message',
    [
        ({'error': 'Permission denied'}, 'Permission denied.*Allow the page'),
        ({'sample_rate': 48000, 'pcm16': ''}, 'recorded nothing'),
    ],
)
def test_the_browser_could_not(colab, answer, message) -> None:
    colab.answer = json.dumps(answer)
    with pytest.raises(RuntimeError, match=message):
        colab_utils.record()


def test_no_time_to_record() -> None:
    with pytest.raises(ValueError, match='seconds is 0'):
        colab_utils.record(seconds=0)


def test_upload_in_colab(colab) -> None:
    wav = colab_utils.audio_to_wav(0.5 * sine(440.0))
    colab.uploaded = {'a.wav': wav, 'b.wav': wav}
    names, audio = colab_utils.upload(normalize_db=0.0)
    assert names == ['a.wav', 'b.wav']
    assert abs(np.abs(audio[1]).max() - 1.0) < 1e-6
    colab.uploaded = {'a.txt': b'words'}
    with pytest.raises(ValueError, match=r'a\.txt: these 5 bytes'):
        colab_utils.upload()


BROWSERS = ('chromium', 'chromium-browser', 'google-chrome')
FAKE_MICROPHONE = [
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
]
FROM_FILE = '--use-file-for-fake-audio-capture'


@contextlib.contextmanager
def page_with(arguments: list[str]):
    playwright = pytest.importorskip(
        'playwright.sync_api', reason='needs pip install playwright'
    )
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip('needs chromium')
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=browser, args=['--no-sandbox', *arguments]
        )
        page = chromium.new_page()
        # Browsers lend a microphone only to pages that came by a safe way.
        page.route('**/*', lambda route: route.fulfill(body='<p>A page</p>'))
        page.goto('https://notebook.invalid/')
        yield page
        chromium.close()


def test_a_browser_records(tmp_path) -> None:
    heard = tmp_path / 'heard.wav'
    audio_files.save_audio(heard, 0.5 * sine(500.0, 4.0, 48000), 48000)
    with page_with([*FAKE_MICROPHONE, f'{FROM_FILE}={heard}']) as page:
        answer = page.evaluate(recording.recorder_script(1.2))
        assert page.inner_text('body') == 'A page'
    audio = recording._heard(answer, RATE, None)
    assert abs(len(audio) / RATE - 1.2) < 0.4
    assert abs(peak_hz(audio) - 500.0) < 5.0
    assert np.abs(audio).max() > 0.3


def test_a_browser_without_a_microphone_says_so() -> None:
    with page_with([]) as page:
        answer = json.loads(page.evaluate(recording.recorder_script(0.1)))
    assert list(answer) == ['error'] and answer['error']


# Statistics and tuning


class Provider:
    """Three seconds of a tone, as one example."""

    sample_rate, frame_rate = RATE, 250

    def get_batch(self, batch_size, shuffle, repeats, drop_remainder):
        audio = 0.5 * sine(440.0, 3.0)
        features = {
            'audio': audio[np.newaxis],
            'f0_hz': np.full([1, 750], 440.0, np.float32),
            'f0_confidence': np.ones([1, 750], np.float32),
        }
        return [features] * batch_size


@pytest.mark.parametrize('name', ['s.json', 'new/folder/s.json', 's.pkl'])
def test_save_dataset_statistics(tmp_path, name, capsys) -> None:
    provider = Provider()
    statistics = colab_utils.save_dataset_statistics(provider, tmp_path / name)
    (path,) = [path for path in tmp_path.rglob('*') if path.is_file()]
    assert path == (tmp_path / name).with_suffix('.json')
    assert json.loads(path.read_text()) == json.loads(json.dumps(statistics))
    assert abs(statistics['mean_pitch_note'] - 69.0) < 1e-3
    assert str(path) in capsys.readouterr().out
    expected = postprocessing.compute_dataset_statistics(provider, power_frame_size=256)
    assert statistics == expected


def test_save_dataset_statistics_nowhere(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert colab_utils.save_dataset_statistics(Provider())['n_examples'] == 1
    assert not list(tmp_path.iterdir())


def test_names_that_stand_elsewhere_too() -> None:
    assert colab_utils.auto_tune is tuning.auto_tune
    assert colab_utils.get_tuning_factor is tuning.get_tuning_factor
    assert colab_utils.specplot is ddsp.training.plotting.specplot
    assert set(colab_utils.__all__) <= set(vars(colab_utils))
