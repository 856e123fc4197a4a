"""The instruments that come with the package: whole, small, and good enough."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import re
from typing import Any

import numpy as np
import pytest

from ddsp import pitch
from ddsp.training import checkpoint_files, checkpoints, models
from ddsp.training.gin_files import parse_files
from ddsp.training.gin_scope import own_configuration
from ddsp.training.transfer import list_instruments, load_instrument
from ddsp.training.transfer.finding import SHIPPED

ROOT = pathlib.Path(__file__).parents[2]
# Low and high instruments, strings and winds.
PROMISED = {'violin', 'flute', 'trumpet'}
LOW = {'cello', 'bassoon'}
LARGEST_BYTES = 3_000_000
NAMES = sorted(path.parent.name for path in SHIPPED.glob('*/instrument.json'))

each = pytest.mark.parametrize('name', NAMES)


def told(name: str) -> dict[str, Any]:
    return json.loads((SHIPPED / name / 'instrument.json').read_text('utf-8'))


def test_all_that_are_promised_are_there() -> None:
    assert set(NAMES) >= PROMISED
    assert LOW & set(NAMES)
    assert [info.name for info in list_instruments()] == NAMES


@each
def test_a_directory_is_complete_and_small(name: str) -> None:
    files = {path.name: path.stat().st_size for path in (SHIPPED / name).iterdir()}
    step = told(name)['training']['steps']
    assert set(files) == {
        f'ckpt-{step}.index',
        f'ckpt-{step}.data-00000-of-00001',
        f'operative_config-{step}.gin',
        'dataset_statistics.json',
        'instrument.json',
    }
    assert sum(files.values()) <= LARGEST_BYTES


@each
def test_no_optimizer_travels_along(name: str) -> None:
    newest = checkpoint_files.latest(str(SHIPPED / name))
    assert all(key.startswith('model/') for key, _, _ in checkpoints.inspect(newest))


@each
def test_no_place_of_the_machine_that_trained_it(name: str) -> None:
    for path in (SHIPPED / name).iterdir():
        text = path.read_bytes()
        # The weights are numbers, in which anything may happen to stand.
        if path.suffix in ('.gin', '.json', '.index'):
            assert not re.search(rb'/(tmp|home|root|Users|work)/|file_pattern', text)


@each
def test_the_configuration_describes_its_weights(name: str) -> None:
    newest = checkpoint_files.latest(str(SHIPPED / name))
    config = SHIPPED / name / f'operative_config-{told(name)["training"]["steps"]}.gin'
    with own_configuration():
        parse_files([str(config)])  # Every name in it is known.
        model = models.get_model()
    frames = np.ones([1, 8, 1], np.float32)
    model.decoder({'f0_scaled': 0.5 * frames, 'ld_scaled': 0.5 * frames})
    assert len(checkpoints.load(newest, model).restored) > 10


@each
def test_the_description_is_complete(name: str) -> None:
    description = told(name)
    assert description['name'] == name and description['title'] == name.capitalize()
    assert 20 < description['lowest'] < description['highest'] - 20 < 90
    assert description['sample_rate'] == 16000
    assert 'MIT' in description['licence'] and 'FluidR3' in description['source']
    training = description['training']
    assert training['steps'] == training['steps_asked']  # It was trained to its end.
    assert training['seconds_of_sound'] >= 20 * 60


@each
def test_what_was_measured_is_good_enough(name: str) -> None:
    metrics = told(name)['metrics']
    trained, untrained = (
        metrics['held_out'][kind] for kind in ('trained', 'untrained')
    )
    assert trained['f0_within_50_cents'] >= 0.97 and trained['f0_outliers'] <= 0.01
    assert trained['loudness_l1_deviations'] < 0.1
    assert trained['spectral_loss'] < 0.5 * untrained['spectral_loss']
    transfer = metrics['transfer']
    assert transfer['within_50_cents'] >= 0.95
    assert transfer['loudness_correlation'] >= 0.9
    assert not transfer['silent'] and transfer['clipped_ratio'] == 0.0
    assert transfer['borders'] >= 3
    assert transfer['border_step'] <= transfer['offline_step']
    assert transfer['border_excess'] < 0.05  # Noise is another in other blocks.


@each
def test_it_plays_in_tune(name: str) -> None:
    instrument = load_instrument(name)
    middle = 0.5 * (instrument.info.lowest + instrument.info.highest)
    f0_hz = 440.0 * 2.0 ** ((round(middle) - 69) / 12)
    rate, seconds = 16000, 1.5
    time = np.arange(round(seconds * rate)) / rate
    hum = sum(np.sin(2 * np.pi * f0_hz * h * time) / h for h in range(1, 6)) / 8
    played = instrument.transfer(hum, rate, adjust=False)
    assert len(played) == len(hum) and np.abs(played).max() > 0.01
    heard, confidence = pitch.estimate_f0(played, rate)
    sure = confidence > 0.85
    assert sure.mean() > 0.5
    assert abs(12 * np.log2(np.median(heard[sure]) / f0_hz)) < 0.2


def test_the_licence_of_the_sound_travels_along() -> None:
    notice = (SHIPPED / 'NOTICE.md').read_text('utf-8')
    assert 'Frank Wen' in notice
    assert 'The above copyright notice and this permission notice shall be' in notice


def test_the_page_tells_of_these_instruments() -> None:
    script = ROOT / 'scripts' / 'instruments_page.py'
    spec = importlib.util.spec_from_file_location('page_of_instruments', script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / 'INSTRUMENTS.md').read_text('utf-8') == module.page(SHIPPED)
