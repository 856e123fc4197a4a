"""The page in a real browser: what people do, and what they see then."""

from __future__ import annotations

import io
import re
import warnings

import numpy as np
import pytest
import soundfile
import tiny_model
from kazoo import record
from served_page import find_browser, serve

from ddsp.recordings import singing_path
from ddsp.training import list_instruments

with warnings.catch_warnings():
    # Packages that Gradio is made of deprecate each other.
    warnings.simplefilter('ignore')
    pytest.importorskip('gradio', reason="needs pip install 'ddsp[web]'")
playwright = pytest.importorskip(
    'playwright.sync_api', reason='needs pip install playwright, to drive a browser'
)
CHROMIUM = find_browser()
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason='needs a browser: apt install chromium'
)
SOUND_OF_PLAYER = """
async (player) => {
  const answer = await fetch(player.currentSrc);
  return Array.from(new Uint8Array(await answer.arrayBuffer()));
}
"""
# Other work may be waiting for the cores, too.
PATIENCE_MS = 120_000
WIDE, PHONE = {'width': 1280, 'height': 900}, {'width': 390, 'height': 844}
SECONDS = soundfile.info(singing_path()).duration


@pytest.fixture(scope='module')
def served(tmp_path_factory):
    directory = tmp_path_factory.mktemp('models') / 'tiny'
    tiny_model.write_tiny_model(directory)
    temporary = tmp_path_factory.mktemp('temporary')
    limits = ('--max_minutes', 0.5, '--max_mb', 2)
    with serve(temporary, '--instrument', directory, *limits) as served:
        yield served
        assert served.end() == 143
        assert list(temporary.glob('ddsp-serve-*')) == []
        assert 'Traceback' not in served.errors


@pytest.fixture(scope='module')
def browser(tmp_path_factory):
    # What the microphone hears, again and again: a held note, which browsers take for
    # noise if nobody stops them.
    heard = tmp_path_factory.mktemp('heard') / 'hum.wav'
    phase = 2 * np.pi * 220 * np.arange(5 * 48000) / 48000
    # With partials, as a voice has them.
    hum = 0.3 * sum(np.sin(n * phase) / n for n in range(1, 7))
    soundfile.write(heard, np.stack([hum, hum], axis=1), 48000)
    arguments = [
        '--no-sandbox',  # Which root, as in a container, needs.
        '--use-fake-device-for-media-stream',
        '--use-fake-ui-for-media-stream',
        f'--use-file-for-fake-audio-capture={heard}',
    ]
    with playwright.sync_playwright() as driver:
        yield driver.chromium.launch(executable_path=CHROMIUM, args=arguments)


@pytest.fixture
def page(served, browser):
    """A page just opened; what it asked of the network has to be of this machine."""
    context = browser.new_context(viewport=WIDE)
    context.set_default_timeout(PATIENCE_MS)
    asked, failed = [], []
    page = context.new_page()
    page.on('request', lambda request: asked.append(request.url))
    page.on('pageerror', lambda error: failed.append(str(error)))
    page.goto(served.url)
    page.wait_for_selector('#play')
    yield page
    context.close()
    own = ('data:', 'blob:', served.url)
    assert [url for url in asked if not url.startswith(own)] == []
    assert failed == []


def expect(page, selector):
    """Waits for what a part of the page has to be."""
    playwright.expect.set_options(timeout=PATIENCE_MS)
    return playwright.expect(page.locator(selector))


def upload(page, path):
    page.set_input_files('#recording input[type=file]', path)
    page.wait_for_selector('#recording [data-testid*=waveform] audio', state='attached')


def choose(page, title):
    page.locator('#instrument label', has_text=re.compile(f'^\\s*{title}\\s*$')).click()


def fetch(page) -> tuple[np.ndarray, int]:
    """The sound that the button gives, and its rate."""
    with page.expect_download() as download:
        page.click('#download')
    return soundfile.read(download.value.path())


def test_singing_becomes_a_violin(page):
    upload(page, singing_path())
    choose(page, 'Violin')
    expect(page, '#note').to_contain_text('At home from')
    expect(page, '#sound').to_have_count(0)
    page.click('#play')
    expect(page, '#messages').to_contain_text('Violin plays 9.')
    expect(page, '#messages').to_contain_text('octave')
    expect(page, '#pictures figure svg').to_have_count(3)
    expect(page, '#sound').to_be_visible()
    audio, rate = fetch(page)
    assert rate == 16000
    assert len(audio) == pytest.approx(SECONDS * rate, abs=1)
    assert 0.03 < np.abs(audio).max() <= 1
    assert np.sqrt(np.mean(audio**2)) > 0.005
    # The player has the same sound.
    player = page.locator('#sound #waveform audio')
    played, _ = soundfile.read(io.BytesIO(bytes(player.evaluate(SOUND_OF_PLAYER))))
    np.testing.assert_array_equal(played, audio)


def test_the_example_on_a_phone(page):
    page.set_viewport_size(PHONE)
    page.click('#example')
    page.wait_for_selector('#recording audio', state='attached')
    choose(page, 'tiny')
    expect(page, '#note').to_contain_text('Your own, from')
    page.click('#play')
    expect(page, '#messages').to_contain_text('tiny plays 9.')
    # Without statistics, as the page says.
    expect(page, '#messages .warning').to_contain_text('does not say what pitch')
    expect(page, '#pictures figure svg').to_have_count(3)
    width = page.evaluate('document.documentElement.scrollWidth')
    assert width <= PHONE['width'], 'nobody wants to scroll sideways'


def test_controls_change_the_sound(page):
    sounds = []
    upload(page, singing_path())
    page.click('#controls .label-wrap')
    field = page.locator('#control-pitch_shift input[type=number]')
    for octaves in (0, 1):
        field.fill(str(octaves))
        field.blur()
        page.click('#play')
        expect(page, '#messages').to_contain_text('plays 9.')
        expect(page, '#pictures figure svg').to_have_count(3)
        sounds.append(fetch(page)[0])
        page.click('#example')  # Takes the result away.
        expect(page, '#pictures').to_have_count(0)
    assert np.abs(sounds[0] - sounds[1]).max() > 0.01
    page.click('#reset')
    playwright.expect(field).to_have_value('0')


def test_what_the_microphone_hears_is_played(page):
    page.click('#recording [aria-label="Record audio"]')
    page.click('#recording .record-button')
    expect(page, '#recording').to_contain_text('0:02')
    page.click('#recording .stop-button')
    page.wait_for_selector('#recording audio', state='attached')
    choose(page, 'tiny')
    page.click('#play')
    expect(page, '#messages').to_contain_text('tiny plays')
    audio, rate = fetch(page)
    assert len(audio) / rate > 1
    assert np.abs(audio).max() > 1e-3


def test_silence_is_told(page, tmp_path):
    upload(page, record(tmp_path / 'silence.wav', 1.0, f0=0))
    page.click('#play')
    expect(page, '#messages [role=alert]').to_contain_text('The recording is silent')
    expect(page, '#sound').to_have_count(0)
    expect(page, '#pictures').to_have_count(0)


def test_no_recording_is_told(page):
    page.click('#play')
    expect(page, '#messages [role=alert]').to_contain_text('Record or upload a melody')


def test_a_recording_too_long_is_told_at_once(page, tmp_path):
    upload(page, record(tmp_path / 'long song.flac', 31.0, 8000))
    told = expect(page, '#messages [role=alert]')
    told.to_contain_text('“long song.flac” is longer than 30 seconds')
    page.click('#play')
    told.to_contain_text('“long song.flac” is longer than 30 seconds')


def test_a_file_too_large_is_told_at_once(page, tmp_path):
    path = record(tmp_path / 'large.wav', 13.0, 96000)
    assert path.stat().st_size > 2 * 2**20
    page.set_input_files('#recording input[type=file]', path)
    expect(page, '.toast-body').to_contain_text('exceed the maximum allowed size of 2')


def test_what_is_no_audio_is_told_at_once(page, tmp_path):
    (tmp_path / 'words.wav').write_text('These are words.')
    page.set_input_files('#recording input[type=file]', tmp_path / 'words.wav')
    told = expect(page, '#messages [role=alert]')
    told.to_contain_text('“words.wav” is not audio')


def test_all_that_ships_can_be_chosen(page):
    titles = [info.title for info in list_instruments()]
    # Waits until the page is there.
    expect(page, '#instrument label').to_have_text(['tiny', *titles])
