"""The recipe of the shipped instruments, on tones instead of a soundfont."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any

import instruments_page
import measure_transfer
import numpy as np
import pytest
import soundfile
import tensorflow as tf
import tiny_instrument
import train_instruments
from train_instruments import Places, Recipe

from ddsp.cli import main
from ddsp.training import checkpoints
from ddsp.training.postprocessing import QuantileTransformer

MINUTES, STEPS = 0.2, 3


def render_tones(
    name: str, minutes: float, out: pathlib.Path, seed: int, swelling: float
) -> list[pathlib.Path]:
    """Notes of half a second, in place of those that fluidsynth would play."""
    rng = np.random.default_rng(seed)
    time = np.arange(8000) / 16000
    notes = [
        np.hanning(8000) * np.sin(2 * np.pi * f0_hz * np.arange(1, 5)[:, None] * time)
        for f0_hz in rng.uniform(220, 440, round(120 * minutes))
    ]
    audio = np.concatenate([0.1 * note.sum(axis=0) for note in notes])
    out.mkdir(parents=True)
    soundfile.write(out / f'{name}.wav', audio, 16000)
    return [out / f'{name}.wav']


def run_here(command: Sequence[str], check: bool) -> subprocess.CompletedProcess:
    """Runs the command in this process, and draws few of the examples it measures."""
    assert command[:3] == [sys.executable, '-m', 'ddsp_command'] and check
    few = ['--gin_param', 'eval_util.evaluate.batch_size = 2']
    assert main.main([*command[3:], *few]) == 0
    return subprocess.CompletedProcess(command, 0)


@pytest.fixture(scope='module')
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    folder = tmp_path_factory.mktemp('recipe')
    return Places(folder / 'work', folder / 'instruments', folder / 'INSTRUMENTS.md')


@pytest.fixture(scope='module')
def made(places: Places) -> Iterator[Places]:
    """A violin that was trained for three steps, from rendering to the page."""
    model = places.work / 'tiny.gin'
    model.parent.mkdir()
    model.write_text(tiny_instrument.GIN)
    recipe = Recipe(
        minutes=MINUTES,
        held_out_minutes=0.1,
        model=str(model),
        steps=STEPS,
        batch_size=2,
        seed=7,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_instruments, 'render', render_tones)
        here = types.SimpleNamespace(run=run_here)
        patch.setattr(train_instruments, 'subprocess', here)
        patch.setattr(measure_transfer, '_TIMES', 2)
        train_instruments.make(['violin'], recipe, places)
        yield places


@pytest.fixture(scope='module')
def told(made: Places) -> dict[str, Any]:
    path = made.instruments / 'violin' / 'instrument.json'
    return json.loads(path.read_text('utf-8'))


def test_the_directory_holds_what_an_instrument_needs(made: Places) -> None:
    directory = made.instruments / 'violin'
    assert {path.name for path in directory.iterdir()} == {
        'ckpt-3.index',
        'ckpt-3.data-00000-of-00001',
        'operative_config-3.gin',
        'dataset_statistics.json',
        'instrument.json',
    }
    assert [path.name for path in made.instruments.iterdir()] == ['violin']


def test_weights_are_those_of_the_run_without_its_optimizer(made: Places) -> None:
    packed = made.instruments / 'violin' / 'ckpt-3'
    names = [name for name, _, _ in checkpoints.inspect(packed)]
    assert names and all(name.startswith('model/') for name in names)
    run = tf.train.load_checkpoint(str(made.work / 'runs' / 'violin' / 'ckpt-3'))
    reader = tf.train.load_checkpoint(str(packed))
    for key in reader.get_variable_to_shape_map():
        np.testing.assert_array_equal(reader.get_tensor(key), run.get_tensor(key))


def test_no_file_names_a_place_of_this_machine(made: Places) -> None:
    for path in (made.instruments / 'violin').iterdir():
        assert str(made.work).encode() not in path.read_bytes(), path.name


def test_statistics_are_those_of_what_was_trained_on(made: Places) -> None:
    path = made.instruments / 'violin' / 'dataset_statistics.json'
    statistics = json.loads(path.read_text('utf-8'))
    low, high = 57.0, 69.0  # 220 and 440 Hz.
    assert low - 1 < statistics['mean_min_pitch_note']
    assert statistics['mean_max_pitch_note'] < high + 1
    transform = QuantileTransformer.from_config(statistics['quantile_transform'])
    median = transform.inverse_transform(np.array([[0.5]]))[0, 0]
    assert statistics['min_loudness_note'] < median < statistics['max_loudness_note']


def test_the_description_says_how_it_was_made(told: dict[str, Any]) -> None:
    assert (told['name'], told['title']) == ('violin', 'Violin')
    assert (told['lowest'], told['highest']) == (55.0, 93.0)
    assert (told['sample_rate'], told['frame_rate']) == (16000, 250)
    assert 'MIT' in told['licence'] and 'FluidR3' in told['source']
    training = told['training']
    assert (training['steps'], training['seed']) == (STEPS, 7)
    assert training['model'] == 'tiny.gin'
    assert training['seconds_of_sound'] == pytest.approx(60 * MINUTES)
    assert f'trainers.Trainer.lr_decay_steps = {STEPS}' in training['gin_params']


def test_both_models_are_measured_on_other_phrases(told: dict[str, Any]) -> None:
    held_out = told['metrics']['held_out']
    assert held_out['examples'] == 6 and held_out['seconds'] == 6.0
    for kind in ('trained', 'untrained'):
        found = held_out[kind]
        assert found['confident_frames'] > 500
        assert found['f0_within_50_cents'] > 0.9  # Oscillators play the f0 they get.
        assert found['loudness_l1_db'] > 0 and found['spectral_loss'] > 0
    assert held_out['trained'] != held_out['untrained']


def test_it_is_measured_at_playing_the_singing(told: dict[str, Any]) -> None:
    transfer = told['metrics']['transfer']
    assert transfer['repetitions'] == 2 and transfer['borders'] >= 1
    assert transfer['within_50_cents'] > 0.9
    assert 0.0 < transfer['border_step'] <= transfer['offline_step']
    assert transfer['border_excess'] < 0.02  # Noise is another in other blocks.
    assert not transfer['silent'] and transfer['clipped_ratio'] == 0.0


def test_the_page_has_a_row_for_each(made: Places, told: dict[str, Any]) -> None:
    text = made.page.read_text('utf-8')
    assert '| `violin` | G3 to A6 (55 to 93) | 12 | 3 |' in text
    loss = told['metrics']['held_out']['trained']['spectral_loss']
    untrained = told['metrics']['held_out']['untrained']['spectral_loss']
    (row,) = (x for x in text.splitlines() if x.endswith(f'| {loss:.2f} |'))
    assert row.startswith('| `violin` |')
    assert f'| {untrained:.2f} |' in text
    assert '--steps 3 --instruments violin' in text and '--seed 1 --swells 0.5' in text


def test_what_is_rendered_is_not_rendered_again(
    made: Places, capsys: pytest.CaptureFixture[str]
) -> None:
    sounds = made.work / 'sounds' / 'violin'
    before = {path: path.stat().st_mtime_ns for path in sounds.iterdir()}
    train_instruments.render_all('violin', Recipe(minutes=MINUTES), made)
    assert 'rendered already' in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in sounds.iterdir()}


def test_what_was_rendered_otherwise_is_rendered_anew(
    made: Places, tmp_path: pathlib.Path
) -> None:
    shutil.copytree(made.work / 'sounds', tmp_path / 'sounds')
    train_instruments.render_all(
        'violin', Recipe(minutes=0.1), made._replace(work=tmp_path)
    )
    info = soundfile.info(tmp_path / 'sounds' / 'violin' / 'violin.wav')
    assert info.duration == pytest.approx(6.0)


def test_what_is_trained_is_not_trained_again(
    made: Places, capsys: pytest.CaptureFixture[str]
) -> None:
    result = made.work / 'runs' / 'violin' / 'metrics.json'
    before = result.read_bytes()
    train_instruments.train('violin', Recipe(steps=STEPS), made)
    assert 'trained to step 3 already' in capsys.readouterr().out
    assert result.read_bytes() == before


def test_a_page_of_nothing_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError, match='holds no instruments'):
        instruments_page.page(tmp_path)
