"""The exported page in a real browser: it plays what Python plays."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import soundfile
from live_tiny import HOP, RATE, melody, tiny_voice
from served_page import find_browser

from ddsp.training import web
from ddsp.training.live import Controls, Performer, counted_noise
from ddsp.training.live.resampling import StreamResampler
from ddsp.training.live.run import play_array

pytest.importorskip('tf2onnx', reason="needs pip install 'ddsp[export]'")
playwright = pytest.importorskip(
    'playwright.sync_api', reason='needs pip install playwright, to drive a browser'
)
CHROMIUM = find_browser()
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason='needs a browser: apt install chromium'
)
TIMEOUT_MS = 60_000
# What the worker plays of blocks that come through a port, as from the worklet.
THROUGH_A_PORT = """
async ({ audio, values, count }) => {
  const worker = new Worker('worker.js', { type: 'module' });
  const channel = new MessageChannel();
  const played = [];
  return new Promise((resolve, reject) => {
    channel.port2.onmessage = ({ data }) => {
      played.push(...data);
      if (played.length >= count) resolve(played);
    };
    worker.onmessage = ({ data }) => {
      if (data.type === 'error') reject(new Error(data.message));
      if (data.type !== 'ready') return;
      worker.postMessage(
        { type: 'live', port: channel.port1, rate: 16000, values }, [channel.port1]);
      for (let i = 0; i < audio.length; i += 200) {
        channel.port2.postMessage(Float32Array.from(audio.slice(i, i + 200)));
      }
    };
    worker.postMessage({ type: 'load' });
  });
}
"""
# A worklet without a sound card: the machine is late once, then on time for long.
LATE_ONCE = """
async ({ target, most, late, steps }) => {
  let Live;
  window.AudioWorkletProcessor = class {
    constructor() { this.port = { postMessage() {} }; }
  };
  window.registerProcessor = (_, made) => { Live = made; };
  window.sampleRate = 16000;
  await import('./worklet.js');
  const live = new Live({ processorOptions: { target, most } });
  const port = { postMessage() {} };
  live.port.onmessage({ data: { port } });
  let given = 0;
  const give = () => port.onmessage({
    data: Float32Array.from({ length: 256 }, () => Math.sin(0.05 * given++)),
  });
  const targets = [];
  const heard = [];
  for (let step = 0; step < steps; step++) {
    // After two blocks of 128 the worker has played another of 256, or is late.
    if (step % 2 === 0 && !(step >= 100 && step < 100 + late)) give();
    if (step === 100 + late) for (let i = 0; i < late / 2; i++) give();
    const output = new Float32Array(128);
    live.process([[]], [[output]]);
    targets.push(live.target);
    if (step > 2 * (100 + late)) heard.push(...output);
  }
  return { targets, heard, gaps: live.gaps, waiting: live.waiting };
}
"""


@pytest.fixture(scope='module')
def url(exported_page):
    with web.serve_folder(exported_page.directory) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f'http://127.0.0.1:{server.server_address[1]}/'
        server.shutdown()
        thread.join()


@pytest.fixture(scope='module')
def browser(tmp_path_factory):
    heard = tmp_path_factory.mktemp('heard') / 'hum.wav'
    t = np.arange(2 * 48000) / 48000
    hum = sum(np.sin(2 * np.pi * 220 * h * t) / h for h in range(1, 6))
    soundfile.write(heard, 0.2 * hum, 48000)
    arguments = [
        '--no-sandbox',  # Which root, as in a container, needs.
        '--use-fake-device-for-media-stream',
        '--use-fake-ui-for-media-stream',
        f'--use-file-for-fake-audio-capture={heard}',
        '--autoplay-policy=no-user-gesture-required',
    ]
    with playwright.sync_playwright() as driver:
        yield driver.chromium.launch(executable_path=CHROMIUM, args=arguments)


@pytest.fixture(scope='module')
def opened(url, browser):
    """A page that is ready; what it asked for has to be of its own server."""
    page = browser.new_page(viewport={'width': 390, 'height': 844})
    page.set_default_timeout(TIMEOUT_MS)
    asked, failed = [], []
    page.on('request', lambda request: asked.append(request.url))
    page.on('pageerror', lambda error: failed.append(str(error)))
    page.goto(url)
    page.wait_for_function('seen.ready')
    yield page
    page.close()
    own = ('data:', 'blob:', url)
    assert [address for address in asked if not address.startswith(own)] == []
    assert failed == []


@pytest.fixture
def page(opened):
    opened.click('#reset')
    opened.evaluate('seen.rendered = seen.live = null')
    return opened


@pytest.fixture(scope='module')
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp('recordings') / 'voice.wav'
    soundfile.write(path, melody(1.2), RATE, 'FLOAT')
    return path


def rendered(page):
    page.wait_for_function('seen.rendered')
    return np.array(page.evaluate('Array.from(seen.rendered.audio)'))


def test_a_recording_is_played_as_python_plays_it(page, recording):
    page.set_input_files('#file', recording)
    audio = rendered(page)
    expected = play_array(Performer(tiny_voice()), melody(1.2))
    assert np.abs(expected).max() > 0.05
    assert np.abs(audio - expected).max() < 1e-5
    assert page.text_content('#status') == 'tiny plays voice.wav.'
    assert ' ms for each 8 ms' in page.text_content('#took')
    with page.expect_download() as download:
        page.click('#download')
    saved, rate = soundfile.read(download.value.path())
    assert (download.value.suggested_filename, rate) == ('voice tiny.wav', RATE)
    assert np.abs(saved - audio).max() <= 0.5 / 32768 + 1e-7


def test_sliders_are_turned_by_keys_and_heard(page, recording):
    page.set_input_files('#file', recording)
    rendered(page)
    page.evaluate('seen.rendered = null')
    page.focus('#control-pitch_shift')
    page.keyboard.press('ArrowRight')
    audio = rendered(page)
    performer = Performer(tiny_voice(), controls=Controls(pitch_shift=1.0))
    assert np.abs(audio - play_array(performer, melody(1.2))).max() < 1e-5
    assert page.get_attribute('#control-pitch_shift', 'aria-valuetext') == '1 octaves'


def test_blocks_through_a_port_are_played_alike(page):
    audio = melody(0.6)[: 70 * HOP]
    given = {'audio': audio.tolist(), 'values': values(page), 'count': len(audio)}
    played = np.array(page.evaluate(THROUGH_A_PORT, given))
    late = tiny_voice().latency
    expected = play_array(Performer(tiny_voice()), audio)
    assert np.abs(played[late:] - expected[: len(played) - late]).max() < 1e-5


def values(page):
    return page.evaluate("fetch('metadata.json').then((x) => x.json())")['controls'][
        'values'
    ]


def test_the_microphone_is_played(page):
    button = page.locator('#listen')
    button.focus()
    page.keyboard.press('Enter')
    page.wait_for_function('seen.live && seen.live.frames > 12000 && seen.live.note')
    moment = page.evaluate('seen.live')
    assert moment['heard'] == pytest.approx(220, rel=0.01)
    assert moment['heardLevel'] > 0.1 and moment['playedLevel'] > 1e-4
    assert moment['ms']['median'] > 0
    assert page.text_content('#heard') == 'A3'
    page.wait_for_function(
        '/Latency \\d+ ms; [\\d.]+ ms for each 8 ms/.test(document.getElementById('
        "'figures').textContent)"
    )
    assert button.get_attribute('aria-pressed') == 'true'
    page.keyboard.press('Enter')
    page.wait_for_function(
        "document.getElementById('status').textContent == 'Stopped.'"
    )
    assert button.get_attribute('aria-pressed') == 'false'


def test_noise_is_that_of_python(page):
    script = "import('./noise.js').then((x) => Array.from(x.countedNoise(...%s)))"
    for count, seed in ((0, 0), (2**32 - 7, 5), (123456789, 2**32 - 1)):
        noise = page.evaluate(script % [count, 20, seed])
        np.testing.assert_array_equal(noise, counted_noise(count, 20, seed))


@pytest.mark.parametrize(('given', 'wanted'), [(48000, 16000), (16000, 44100)])
def test_resampling_is_that_of_python(page, given, wanted):
    audio = np.random.default_rng(0).uniform(-1, 1, 3000).astype(np.float32)
    script = """
    async ([given, wanted, audio]) => {
      const { Resampler } = await import('./resampling.js');
      const resampler = new Resampler(given, wanted);
      const parts = [audio.slice(0, 1), audio.slice(1, 1000), audio.slice(1000)];
      return parts.flatMap((x) => Array.from(resampler.process(Float32Array.from(x))));
    }
    """
    played = page.evaluate(script, [given, wanted, audio.tolist()])
    expected = StreamResampler(given, wanted).process(audio)
    np.testing.assert_allclose(played, expected, atol=2e-6)


def test_what_is_no_sound_is_refused(page, tmp_path):
    path = tmp_path / 'poem.wav'
    path.write_text('no sound at all')
    page.set_input_files('#file', path)
    page.wait_for_selector('#status.refused')
    assert 'poem.wav: this browser cannot read it' in page.text_content('#status')


def test_silence_is_told(page, tmp_path):
    path = tmp_path / 'silence.wav'
    soundfile.write(path, np.zeros(4000), RATE)
    page.set_input_files('#file', path)
    rendered(page)
    assert 'No notes were found' in page.text_content('#status')


def test_nobody_has_to_scroll_sideways_on_a_phone(page):
    assert page.evaluate('document.documentElement.scrollWidth') <= 390


def test_the_file_itself_says_how_to_serve_it(browser, tmp_path):
    web.write_page(tmp_path, {'title': 'Violin'})
    page = browser.new_page()
    page.goto((tmp_path / 'index.html').as_uri())
    page.wait_for_selector('#status.refused')
    assert 'python -m http.server 8000' in page.text_content('#status')
    page.close()


def test_latency_comes_back_after_the_machine_was_busy(page):
    given = {'target': 512, 'most': 4096, 'late': 20, 'steps': 6000}
    told = page.evaluate(LATE_ONCE, given)
    assert told['gaps'] == 1
    assert max(told['targets']) > 512 and told['targets'][-1] == 512
    # What was late came at once and waited: 20 blocks of 128, of which few are left.
    assert told['waiting'] <= 3 * 256
    # A sine goes on as a sine, fades included: nothing clicks.
    heard = np.array(told['heard'])
    assert np.abs(np.diff(heard)).max() < 0.1 and np.abs(heard).max() > 0.9
