from __future__ import annotations

import numpy as np
import pytest
import soundfile
from small_preparation import prepare

from ddsp.training.data_preparation.statistics import QUANTILES, Distribution


@pytest.mark.parametrize('shape', ['normal', 'two', 'constant', 'beyond'])
def test_a_distribution_agrees_with_numpy(shape):
    rng = np.random.default_rng(0)
    values = {
        'normal': rng.normal(-20, 5, 20_000),
        'two': np.concatenate([rng.normal(-60, 1, 5000), rng.normal(0, 1, 15_000)]),
        'constant': np.full(1000, 3.217),
        'beyond': rng.normal(-79, 0.5, 10_000),
    }[shape]
    found = Distribution(-80.0, 20.0, 0.05)
    for part in np.array_split(values, 7):
        found.add(part)
    found.add(np.zeros(0))
    summary = found.summary()
    assert summary['mean'] == pytest.approx(values.mean(), abs=1e-9)
    assert summary['std'] == pytest.approx(values.std(), abs=1e-9)
    assert summary['min'] == values.min()
    assert summary['max'] == values.max()
    for part in QUANTILES:
        expected = max(np.quantile(values, part), -80.0)
        # Between two clusters there is nothing: any value there is a quantile.
        if shape == 'two' and part == 0.25:
            assert -60 < summary['quantiles'][str(part)] < 0
        else:
            assert summary['quantiles'][str(part)] == pytest.approx(expected, abs=0.1)


def test_large_means_do_not_cancel():
    values = 1e8 + np.random.default_rng(0).normal(0, 1, 1000)
    found = Distribution(0.0, 2e8, 1e5)
    for value in values:
        found.add(value)
    assert found.summary()['std'] == pytest.approx(values.std(), rel=1e-6)


def test_nothing_was_added():
    assert Distribution(0.0, 1.0, 0.1).summary() is None


def test_silence_that_fills_up_an_example_does_not_count(tmp_path):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    for name in 'bc':
        soundfile.write(tmp_path / f'{name}.wav', tone, 16000, 'FLOAT')
    paths = [tmp_path / 'b.wav', tmp_path / 'c.wav']
    lengths = {'example_secs': 4, 'chunk_secs': 4, 'num_shards': 1}
    info = prepare(paths, tmp_path, **lengths)
    split = info['splits']['train']
    assert (split['seconds'], split['num_chunks'], split['num_examples']) == (2.0, 2, 2)
    statistics = split['statistics']
    assert statistics['silent_fraction'] == 0
    assert statistics['audio']['rms'] == pytest.approx(0.5 / np.sqrt(2), rel=1e-3)
    assert statistics['loudness_db']['min'] > -60
