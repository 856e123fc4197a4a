from __future__ import annotations

import base64
import dataclasses
import io
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from page_elements import Elements, assert_loads_nothing
from sine_performances import FRAME_RATE, RATE, make_performance, sine

from ddsp.training.reports.page import write_page
from ddsp.training.transfer import report
from ddsp.training.transfer.controls import CONTROLS, Controls
from ddsp.training.transfer.instrument import InstrumentInfo
from ddsp.training.transfer.measures import Heard, measure
from ddsp.training.transfer.report import ReportData, add_to_report, write_report

VIOLIN = InstrumentInfo(
    'violin',
    'Violin',
    Path('violin'),
    lowest=55.0,
    highest=96.0,
    sample_rate=RATE,
    source='a <sound> font',
    licence='MIT',
)


def make_data(length: float = 2.0, first_note: float = 0.5, **changes) -> ReportData:
    n_frames = round(length * FRAME_RATE)
    frames = np.arange(n_frames)
    f0_hz = 440 + 20 * np.sin(frames / 30)
    performance = make_performance(
        f0_hz,
        sine(f0_hz, 0.25),
        notes=frames >= round(first_note * FRAME_RATE),
        loudness_db=-30 + 10 * np.sin(frames / 50),
        octaves=1,
        warnings=('Something to <say>.',),
    )
    heard = Heard(f0_hz * 1.001, performance.adjusted.loudness_db.astype('float64'))
    values = {
        'recording': 'song.wav',
        'output': Path('violin.wav'),
        'info': VIOLIN,
        'performance': performance,
        'heard': heard,
        'metrics': measure(performance, heard=heard),
        'controls': Controls(autotune=0.5),
        'seconds': length / 4,
        'command': 'ddsp transfer "song.wav" --out violin.wav',
    }
    return ReportData(**{**values, **changes})


def page_of(data: ReportData, tmp_path) -> str:
    write_report(tmp_path / 'report.html', data)
    return (tmp_path / 'report.html').read_text('utf-8')


def words(page: str) -> str:
    """What a reader sees, without the pictures."""
    page = re.sub(r'<(style|svg).*?</\1>', ' ', page, flags=re.S)
    return re.sub(r'\s+', ' ', re.sub('<[^>]+>', ' ', page))


def sounds(page: str) -> list[np.ndarray]:
    encoded = re.findall(r'src="data:audio/flac;base64,([^"]+)"', page)
    found = [soundfile.read(io.BytesIO(base64.b64decode(x))) for x in encoded]
    assert all(rate == RATE for _, rate in found)
    return [audio for audio, _ in found]


def ids(page: str) -> list[str]:
    return [a['id'] for _, a in Elements(page).found if 'id' in a]


@pytest.fixture(scope='module')
def page(tmp_path_factory):
    return page_of(make_data(), tmp_path_factory.mktemp('report'))


def test_it_is_complete_in_itself(page):
    assert_loads_nothing(page)
    assert len(ids(page)) == len(set(ids(page)))


def test_what_went_in_and_what_came_out(page):
    performance = make_data().performance
    went_in, came_out = sounds(page)
    np.testing.assert_allclose(went_in, performance.features.audio, atol=1e-4)
    np.testing.assert_allclose(came_out, performance.audio, atol=1e-4)


def test_the_result_in_words(page):
    text = words(page)
    assert 'Violin plays song.wav' in text
    assert 'plays that an octave higher.' in text
    assert '100.0 % of the notes are in tune' in text
    assert 'correlation of 1.00' in text
    assert '4.0 times faster' in text
    assert '+1 octave moved up, to where Violin plays (G3 to C7)' in text
    assert '4.0 × as fast as real time: 2.0 seconds of sound in 0.5 seconds' in text
    assert 'Something to &lt;say&gt;.' in text
    assert page.count('class="note"') == 1


def test_how_it_was_made(page):
    text = words(page)
    assert 'learnt from a &lt;sound&gt; font (licence: MIT)' in text
    assert 'ddsp transfer &quot;song.wav&quot; --out violin.wav' in text
    for control in CONTROLS:
        assert control.title in text
    assert re.search(r'Auto-tune how far [^.]*? 0\.5 0 ', text)


@pytest.mark.parametrize('label', ['Log-mel', 'Pitch that', 'Loudness that'])
def test_the_pictures(label, page):
    labels = [a.get('aria-label', '') for t, a in Elements(page).found if t == 'svg']
    assert len([found for found in labels if found.startswith(label)]) == 1
    assert len(labels) == 3


def test_a_long_recording_makes_no_long_page(tmp_path):
    short = page_of(make_data(40.0), tmp_path)
    long = page_of(make_data(240.0), tmp_path)
    assert len(long) < 1.3 * len(short)
    assert [len(audio) for audio in sounds(long)] == [30 * RATE] * 2
    text = words(long)
    assert 'show the first 30 seconds' in text
    assert 'of all 4.0 minutes, which violin.wav holds in full' in text
    assert 'From beginning to end' in text
    assert 'time (minutes)' in long


def test_what_is_shown_begins_where_the_notes_do(tmp_path):
    data = make_data(100.0, first_note=50.0)
    page = page_of(data, tmp_path)
    assert 'show 30 seconds from 0:49 on' in words(page)
    expected = data.performance.audio[49 * RATE : 79 * RATE]
    np.testing.assert_allclose(sounds(page)[1], expected, atol=1e-4)
    # The end comes before 30 seconds are over.
    page = page_of(make_data(100.0, first_note=98.0), tmp_path)
    assert 'show 30 seconds from 1:10 on' in words(page)


def test_the_overview_tells_where_it_went_wrong(monkeypatch, tmp_path):
    drawn = {}

    def plot_overview(seconds, in_tune, asked_db, played_db):
        drawn.update(seconds=seconds, in_tune=in_tune, asked=asked_db)
        return '<svg ></svg>'

    monkeypatch.setattr(report.plots, 'plot_overview', plot_overview)
    data = make_data(100.0, first_note=20.0)
    f0_hz = data.heard.f0_hz.copy()
    f0_hz[60 * FRAME_RATE : 70 * FRAME_RATE] *= 1.5
    heard = Heard(f0_hz, data.heard.loudness_db)
    page_of(dataclasses.replace(data, heard=heard), tmp_path)
    np.testing.assert_allclose(drawn['seconds'], np.arange(100) + 0.5)
    assert np.isnan(drawn['in_tune'][:20]).all()
    expected = np.where((np.arange(100) >= 60) & (np.arange(100) < 70), 0, 1)[20:]
    np.testing.assert_array_equal(drawn['in_tune'][20:], expected)
    loudness = data.performance.adjusted.loudness_db.reshape(100, FRAME_RATE)
    np.testing.assert_array_equal(drawn['asked'], loudness.max(axis=1))


def test_silence_and_no_notes(tmp_path):
    n_frames = FRAME_RATE
    performance = make_performance(
        np.full(n_frames, 220.0),
        np.zeros(RATE, np.float32),
        notes=np.zeros(n_frames, bool),
        loudness_db=np.full(n_frames, -80.0),
    )
    heard = Heard(np.full(n_frames, 1.0), np.full(n_frames, -80.0))
    metrics = measure(performance, heard=heard)
    data = make_data(
        performance=performance, heard=heard, metrics=metrics, seconds=None, command=''
    )
    page = page_of(data, tmp_path)
    text = words(page)
    assert_loads_nothing(page)
    assert 'What was played is silent.' in text
    assert 'plays that at the same pitch.' in text
    assert '0 octaves not moved (G3 to C7)' in text
    assert 'in tune with what was asked' not in text
    assert 'as fast as' not in text
    assert 'Half of them are nearer than –' in text


def test_an_instrument_of_which_little_is_known(tmp_path):
    info = InstrumentInfo('run', '<b>run</b>', Path('run'))
    metrics = {**make_data().metrics, 'octaves': 0}
    data = make_data(info=info, metrics=metrics, seconds=8.0)
    text = words(page_of(data, tmp_path))
    assert '&lt;b&gt;run&lt;/b&gt; plays song.wav' in text
    assert '0 octaves not moved 100.0 %' in text
    assert '4.0 times slower' in text
    assert 'learnt from' not in text


def test_shifts_by_hand(tmp_path):
    data = make_data(controls=Controls(pitch_shift=-1.5))
    text = words(page_of(data, tmp_path))
    assert 'plays that 0.5 octaves lower.' in text
    assert '(G3 to C7); -1.5 by hand' in text
    data = make_data(controls=Controls(adjust=False, pitch_shift=1.0))
    text = words(page_of(data, tmp_path))
    assert 'plays that two octaves higher.' in text
    assert 'the automatic shift was switched off' in text


def test_beyond_full_scale_is_said_and_not_clipped(tmp_path):
    data = make_data()
    loud = dataclasses.replace(data.performance, audio=8 * data.performance.audio)
    metrics = measure(loud, heard=data.heard)
    page = page_of(
        dataclasses.replace(data, performance=loud, metrics=metrics), tmp_path
    )
    assert 'beyond full scale, up to 2.00' in words(page)
    expected = loud.audio / np.abs(loud.audio).max()
    np.testing.assert_allclose(sounds(page)[1], expected, atol=1e-4)


def test_a_report_gets_a_chapter(tmp_path):
    path = tmp_path / 'report.html'
    write_page(path, 'A page', 'What it is.', [], ['<h2 id="first">Before</h2>'])
    data = make_data(output=tmp_path / 'violin.wav')
    add_to_report(path, data)
    page = path.read_text('utf-8')
    assert_loads_nothing(page)
    assert len(ids(page)) == len(set(ids(page)))
    assert page.index('Before') < page.index('>Violin plays song.wav</h2>')
    assert len(sounds(page)) == 2
    # The same again is no second chapter, another file is.
    add_to_report(path, data)
    assert path.read_text('utf-8') == page
    add_to_report(path, dataclasses.replace(data, output=tmp_path / 'other.wav'))
    page = path.read_text('utf-8')
    assert len(sounds(page)) == 4
    assert len(ids(page)) == len(set(ids(page)))


def test_a_chapter_of_no_report_is_a_report(tmp_path, page):
    add_to_report(tmp_path / 'report.html', make_data())
    assert (tmp_path / 'report.html').read_text('utf-8') == page


def test_what_is_no_report_stays_as_it_is(tmp_path):
    path = tmp_path / 'mine.html'
    path.write_text('<p>My page</p>', 'utf-8')
    with pytest.raises(ValueError, match='is not a report that ddsp has written'):
        add_to_report(path, make_data())
    assert path.read_text('utf-8') == '<p>My page</p>'
    assert [p.name for p in tmp_path.iterdir()] == ['mine.html']
