"""Recordings and uploads in Colab, in a browser, and what stands in for them."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil

import numpy as np
import pytest
from sines import RATE, peak_hz, sine

from ddsp import audio_files, recordings
from ddsp.colab import colab_utils, recording


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
