from __future__ import annotations

import asyncio
import re
import sys
import warnings
from pathlib import Path

import pytest
import soundfile
from kazoo import RATE, Kazoo, choice, record

from ddsp.recordings import singing_path
from ddsp.training.serve import Limits, looks
from ddsp.training.serve.desk import Desk
from ddsp.training.serve.page import build_page, import_gradio, launch_options
from ddsp.training.transfer import CONTROLS, Controls

with warnings.catch_warnings():
    # Packages that Gradio is made of deprecate each other.
    warnings.simplefilter('ignore')
    gradio = pytest.importorskip('gradio', reason="needs pip install 'ddsp[web]'")


@pytest.fixture
def desk(tmp_path):
    choices = {'Kazoo': choice(), 'Comb': choice(Kazoo(ValueError('no paper.')))}
    return Desk(choices, Limits(max_mb=3, max_minutes=1), tmp_path / 'played')


@pytest.fixture
def page(desk):
    async def build():
        return build_page(desk)

    # Where no event loop runs, Gradio makes one and never closes it.
    return asyncio.run(build())


def parts(page) -> dict:
    """Components by their id in the page."""
    return {b.elem_id: b for b in page.blocks.values() if getattr(b, 'elem_id', None)}


def call(page, name, *arguments, **named):
    """What a function behind the page returns."""
    (function,) = [f.fn for f in page.fns.values() if f.name == name]
    return function(*arguments, **named)


def test_every_control_has_its_slider(page):
    found = parts(page)
    usual = Controls()
    for control in CONTROLS:
        slider = found[f'control-{control.name}']
        assert (slider.minimum, slider.maximum) == (control.low, control.high)
        assert slider.step == control.step
        assert slider.value == getattr(usual, control.name)
        assert slider.label.startswith(control.title)
        assert control.unit in slider.label
    assert found['adjust'].value is usual.adjust


def test_the_usual_values_come_back(page):
    found = parts(page)
    sliders = [found[f'control-{control.name}'] for control in CONTROLS]
    (reset,) = [
        f
        for f in page.fns.values()
        if f.outputs == [found['adjust'], *sliders] and not f.inputs
    ]
    assert list(reset.fn()) == [found['adjust'].value, *(s.value for s in sliders)]


def test_instruments_can_be_chosen(page):
    radio = parts(page)['instrument']
    assert [value for _, value in radio.choices] == ['Kazoo', 'Comb']
    assert radio.value == 'Kazoo'
    assert 'At home in every pocket.' in parts(page)['note'].value


def test_the_limits_are_told(page):
    texts = [str(getattr(block, 'value', '')) for block in page.blocks.values()]
    assert any('up to 60 seconds and 3 MB' in text for text in texts)


def test_play(page, tmp_path):
    path = str(record(tmp_path / 'song.wav'))
    told = []
    usual = [getattr(Controls(), control.name) for control in CONTROLS]

    def progress(part, desc):
        told.append((part, desc))

    shown = call(page, 'play', path, 'Kazoo', True, *usual, progress=progress)
    messages, sound, download, pictures = shown
    assert 'Kazoo plays' in messages
    assert sound['visible'] and download['visible'] and pictures['visible']
    assert sound['value'] == download['value']
    assert soundfile.info(sound['value']).frames == RATE
    assert '<svg' in pictures['value']
    assert told[0][0] == 0

    shown = call(page, 'play', path, 'Comb', True, *usual, progress=progress)
    messages, *others = shown
    assert 'No paper.' in messages
    assert [part['visible'] for part in others] == [False] * 3
    assert [part['value'] for part in others] == [None, None, '']


def test_a_new_recording_takes_the_old_result_away(page, tmp_path):
    messages, *others = call(page, 'look', str(record(tmp_path / 'a.wav')))
    assert 'told waiting' in messages
    assert [part['visible'] for part in others] == [False] * 3


def test_the_example(page):
    recording, messages, *_ = call(page, 'example')
    assert Path(recording) == singing_path()
    assert 'told waiting' in messages


def test_one_at_a_time_and_not_too_many(page):
    assert page._queue.max_size == 16
    assert page._queue.default_concurrency_limit == 1
    (play,) = [f for f in page.fns.values() if f.name == 'play']
    assert play.queue
    assert play.concurrency_limit in (1, 'default')


def test_nothing_of_the_network(desk):
    options = launch_options(import_gradio(), desk)
    assert options['share'] is False
    assert options['max_file_size'] == 3 * 2**20
    # Fonts of the system, and a style sheet that is complete in itself.
    assert options['theme']._stylesheets == []
    style = looks.style_sheet()
    assert 'http' not in style
    assert '@import' not in style
    assert 'url(' not in style


def test_the_style_sheet_has_the_colours_of_pictures():
    used = set(re.findall(r'var\((--[a-z]+)\)', looks.style_sheet()))
    for name in {'--ink', '--faint', '--recording', '--resynthesis', *used}:
        # Once by day, once by night.
        assert looks.style_sheet().count(f'{name}:') == 2


def test_old_sounds_are_deleted(page):
    every, after = page.delete_cache
    assert 0 < every <= after <= 24 * 3600


def test_without_gradio(monkeypatch):
    monkeypatch.setitem(sys.modules, 'gradio', None)
    with pytest.raises(ImportError, match=r"pip install 'ddsp\[web\]'"):
        import_gradio()
