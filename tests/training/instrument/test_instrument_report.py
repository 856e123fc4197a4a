from __future__ import annotations

import base64
import dataclasses
import io
import re

import numpy as np
import pytest
import soundfile
from page_elements import Elements, assert_loads_nothing

from ddsp.training.instrument.listening import Listening
from ddsp.training.instrument.report import ReportData, write_report
from ddsp.training.reports.sections import Curves

RATE, FRAME_RATE, SECS = 16000, 250, 1


def make_heard(**changes) -> Listening:
    rng = np.random.default_rng(0)
    time = np.arange(SECS * RATE) / RATE
    sounds = [
        (0.5 * np.sin(2 * np.pi * hz * time)).astype('float32') for hz in (220, 330)
    ]
    n_frames = len(sounds) * SECS * FRAME_RATE
    frames = np.linspace(0, 1, n_frames)
    values = {
        'originals': sounds,
        'resyntheses': [3 * sound for sound in sounds],
        'sample_rate': RATE,
        'curves': Curves(
            f0_hz=200 + 100 * frames,
            resynthesis_f0_hz=201 + 100 * frames,
            confident=frames > 0.2,
            loudness_db=-20 * frames,
            resynthesis_loudness_db=-21 * frames,
            frame_rate=FRAME_RATE,
        ),
        'controls': {'harmonic': {'amplitudes': rng.random((FRAME_RATE, 1))}},
        'impulse_response': rng.normal(size=400) * np.exp(-np.arange(400) / 50),
    }
    return Listening(**{**values, **changes})


def make_data(heard: Listening | None = None, skipped=(), **metrics) -> ReportData:
    return ReportData(
        recordings='my <violin>',
        heard=heard or make_heard(),
        steps=list(range(10, 310, 10)),
        losses=list(5 * np.exp(-np.arange(30) / 10) + 1),
        metrics={
            'step': 300,
            'steps_asked': 300,
            'examples': 12,
            'metrics': {
                'spectral/total': 5.125,
                'loudness/l1_db': 1.25,
                'f0_crepe/l1_semitones': 0.0625,
                'my/<own>': None,
            },
            'model': 'solo_instrument',
            'seconds': 600.0,
            'held_out': True,
            'interrupted': False,
            'training_seconds': 120.0,
            **metrics,
        },
        has_timbre=False,
        skipped=skipped,
        command='ddsp train "my <violin>" --out run',
        config='train.num_steps = 300\n',
    )


def page_of(data: ReportData, tmp_path) -> str:
    write_report(tmp_path / 'report.html', data)
    return (tmp_path / 'report.html').read_text('utf-8')


@pytest.fixture(scope='module')
def page(tmp_path_factory):
    return page_of(make_data(), tmp_path_factory.mktemp('report'))


def test_it_is_complete_in_itself(page):
    assert_loads_nothing(page)


def test_the_players_hold_the_passages(page):
    players = [a for tag, a in Elements(page).found if tag == 'audio']
    assert [player['aria-label'] for player in players] == [
        'Recording 1',
        'Resynthesis 1',
        'Recording 2',
        'Resynthesis 2',
    ]
    for player, peak in zip(players, [0.5, 1.0, 0.5, 1.0]):
        encoded = player['src'].removeprefix('data:audio/flac;base64,')
        audio, rate = soundfile.read(io.BytesIO(base64.b64decode(encoded)))
        assert rate == RATE
        assert audio.shape == (SECS * RATE,)
        assert np.abs(audio).max() == pytest.approx(peak, abs=1e-3)


def test_the_numbers(page):
    text = re.sub('<[^>]+>', ' ', page)
    assert '10.0 minutes of recordings' in text
    assert re.search(r'0\.06\s+semitones', text)
    assert re.search(r'Difference in loudness \(dB\)\s+1\.25', text)
    assert re.search(r'my/&lt;own&gt;\s+–', text)
    assert 'Over 12 held-out examples, at step 300' in text
    assert 'my &lt;violin&gt;, learnt' in text
    assert 'class="note"' not in page


@pytest.mark.parametrize(
    'label',
    [
        'Log-mel spectrograms',
        'Pitch of',
        'Loudness of',
        'Controls',
        'Impulse',
        'Loss over',
    ],
)
def test_the_pictures(label, page):
    labels = [
        a.get('aria-label', '') for tag, a in Elements(page).found if tag == 'svg'
    ]
    assert len([found for found in labels if found.startswith(label)]) == 1


def test_notes(tmp_path):
    skipped = [{'path': f'/a/{i}<.wav', 'reason': 'no sound'} for i in range(6)]
    data = make_data(skipped=skipped, held_out=False, interrupted=True, steps_asked=500)
    page = page_of(data, tmp_path)
    assert page.count('class="note"') == 3
    assert 'stopped by Ctrl-C at step 300 of 500' in page
    assert 'Nothing was held out' in page
    assert 'never heard' not in page
    assert '6 of the recordings' in page
    assert '0&lt;.wav' in page
    assert 'and others' in page


@pytest.mark.parametrize('step, few', [(1, True), (300, True), (1250, False)])
def test_few_steps_are_called_few(step, few, tmp_path):
    page = page_of(make_data(step=step, steps_default=5000), tmp_path)
    count = '1 step is' if step == 1 else f'{step} steps are'
    said = f'{count} few: the default of this model is 5000; it will sound unfinished.'
    assert (said in page) == few
    assert ('class="note"' in page) == few


def test_what_is_said_of_voices(tmp_path):
    data = dataclasses.replace(make_data(), voices='this does not sound like <one>.')
    page = page_of(data, tmp_path)
    assert 'This does not sound like &lt;one&gt;.' in page


def test_a_model_without_room_and_controls(tmp_path):
    heard = make_heard(controls={}, impulse_response=None)
    page = page_of(make_data(heard), tmp_path)
    assert 'The room' not in page
    assert 'plays on' not in page
    assert_loads_nothing(page)
