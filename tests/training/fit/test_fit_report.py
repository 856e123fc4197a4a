from __future__ import annotations

import base64
import dataclasses
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import soundfile
from page_elements import Elements, assert_loads_nothing

from ddsp.training.fit.report import ReportData, write_report
from ddsp.training.reports import plots

RATE, FRAME_RATE = 16000, 250


def change(before: float, after: float) -> dict[str, float]:
    return {'before': before, 'after': after, 'ratio': before / after}


def make_data(seconds: float = 2.0, name: str = 'song.wav') -> ReportData:
    rng = np.random.default_rng(0)
    n_frames = round(seconds * FRAME_RATE)
    audio = np.sin(440 * 2 * np.pi * np.arange(round(seconds * RATE)) / RATE)
    audio = (0.5 * audio).astype('float32')
    frames = np.linspace(0, 1, n_frames)
    return ReportData(
        recording=name,
        sample_rate=RATE,
        frame_rate=FRAME_RATE,
        original=audio,
        resynthesis=audio / 2,
        transposed=audio * 3,
        f0_hz=200 + 100 * frames,
        resynthesis_f0_hz=201 + 100 * frames,
        confident=frames > 0.2,
        loudness_db=-20 * frames,
        resynthesis_loudness_db=-21 * frames,
        controls={
            'harmonic': {
                'amplitudes': frames[:, np.newaxis],
                'harmonic_distribution': rng.random((n_frames, 20)),
                'f0_hz': frames[:, np.newaxis],
            },
            'reverb': {'ir': rng.random(100), 'audio': audio},
        },
        impulse_response=rng.normal(size=800) * np.exp(-np.arange(800) / 100),
        losses=list(5 * np.exp(-np.arange(100) / 30) + 1),
        metrics={
            'seconds': seconds,
            'silent': False,
            'interrupted': False,
            'steps': 100,
            'steps_asked': 100,
            'training_seconds': 12.0,
            'transpose_semitones': 5.0,
            'spectral_loss': change(20.0, 5.0),
            'spectral_loss_magnitude': change(4.0, 0.5),
            'spectral_loss_log_magnitude': change(16.0, 4.5),
            'f0': {
                'confident_frames': 400,
                'within_50_cents': 0.987,
                'median_cents': 3.2,
            },
            'loudness_distance_db': 1.25,
        },
        command='ddsp fit song.wav --out "out dir"',
        config='FitSettings.steps = 100\nA.b = "<c>"\n',
    )


def page_of(data: ReportData, tmp_path) -> str:
    write_report(tmp_path / 'report.html', data)
    return (tmp_path / 'report.html').read_text('utf-8')


@pytest.fixture(scope='module')
def page(tmp_path_factory):
    return page_of(make_data(), tmp_path_factory.mktemp('report'))


def test_it_loads_nothing_from_anywhere(page):
    assert_loads_nothing(page)


def test_ids_are_unique(page):
    ids = [
        attributes['id'] for _, attributes in Elements(page).found if 'id' in attributes
    ]
    assert len(ids) == len(set(ids))


def test_players_hold_the_three_sounds(page):
    data = make_data()
    encoded = re.findall(r'src="data:audio/flac;base64,([^"]+)"', page)
    sounds = [soundfile.read(io.BytesIO(base64.b64decode(x))) for x in encoded]
    assert [rate for _, rate in sounds] == [RATE] * 3
    # The third is beyond full scale: turned down, not clipped.
    expected = [data.original, data.resynthesis, data.transposed / 1.5]
    for (found, _), audio in zip(sounds, expected, strict=True):
        np.testing.assert_allclose(found, audio, atol=1e-4)


def test_numbers_and_words(page):
    for text in ('4.0 ×', '8.0 ×', '98.7', '3.2 cents', '1.2', '5 semitones higher'):
        assert text in page
    assert 'song.wav, resynthesised' in page
    assert 'ddsp fit song.wav --out &quot;out dir&quot;' in page
    assert 'A.b = &quot;&lt;c&gt;&quot;' in page
    assert 'harmonic distribution' in page
    assert 'class="note"' not in page


def test_it_is_made_for_light_and_dark_and_small_screens(page):
    assert 'prefers-color-scheme: dark' in page
    assert 'name="viewport"' in page
    assert 'var(--ink)' in page


def test_a_name_cannot_write_into_the_page(tmp_path):
    page = page_of(make_data(name='<script>$title&.wav'), tmp_path)
    assert '<script>' not in page
    assert '&lt;script&gt;$title&amp;.wav' in page


def test_what_went_differently_is_said(tmp_path):
    data = make_data(70.0)
    metrics = {**data.metrics, 'interrupted': True, 'steps_asked': 900}
    page = page_of(dataclasses.replace(data, metrics=metrics), tmp_path)
    assert 'stopped by Ctrl-C after 100 of 900 steps' in page
    assert 'first 60 seconds' in page
    encoded = re.search(r'base64,([^"]+)"', page).group(1)
    audio, _ = soundfile.read(io.BytesIO(base64.b64decode(encoded)))
    assert len(audio) == 60 * RATE


def test_silence_without_reverb_or_training(tmp_path):
    data = make_data()
    nothing = {'before': 0.0, 'after': 0.0, 'ratio': None}
    losses = {key: nothing for key in data.metrics if key.startswith('spectral_loss')}
    f0 = {'confident_frames': 0, 'within_50_cents': None, 'median_cents': None}
    metrics = {**data.metrics, **losses, 'f0': f0, 'silent': True}
    silence = np.zeros_like(data.original)
    silent = dataclasses.replace(
        data,
        original=silence,
        resynthesis=silence,
        transposed=silence,
        confident=np.zeros(len(data.f0_hz), bool),
        impulse_response=None,
        losses=[],
        metrics=metrics,
    )
    page = page_of(silent, tmp_path)
    Elements(page)
    assert 'The recording is silent' in page
    assert 'The room' not in page
    assert 'Learning' not in page


def test_a_tone_is_at_its_place_on_the_mel_axis():
    tone = np.sin(1000 * 2 * np.pi * np.arange(RATE) / RATE)
    column = plots.log_mel(tone, RATE)[:, 50]
    position = plots._mel_position(np.array(1000.0), RATE)
    assert abs(np.argmax(column) - position) <= 0.5
    # A sine of amplitude 1 has a magnitude of 1 in the middle of a Hann window.
    assert abs(column.max()) < 1.5


def test_pictures_are_wellformed_and_take_their_colours_from_the_page():
    data = make_data()
    svg = plots.plot_f0(data.f0_hz, data.resynthesis_f0_hz, data.confident, FRAME_RATE)
    root = ET.fromstring(svg)
    assert root.tag.endswith('svg')
    assert root.get('viewBox')
    assert root.get('width') is None
    assert '#0102' not in svg
    for colour in ('--ink', '--faint', '--recording', '--resynthesis'):
        assert f'var({colour})' in svg


@pytest.mark.parametrize('n_losses', [2, 9, 1000])
def test_loss_curves_of_any_length(n_losses):
    ET.fromstring(plots.plot_losses(list(1 + np.arange(n_losses)[::-1])))


def test_pictures_leave_matplotlib_as_it_was():
    import matplotlib

    before = dict(matplotlib.rcParams)
    plots.plot_losses([3.0, 2.0, 1.0])
    assert dict(matplotlib.rcParams) == before
