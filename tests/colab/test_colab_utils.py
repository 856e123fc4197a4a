"""Statistics of a dataset, and names for notebooks that load without one."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from sines import RATE, sine

import ddsp
from ddsp.colab import colab_utils
from ddsp.training import postprocessing
from ddsp.training.transfer import tuning

WITHOUT_NOTEBOOK = """
import sys
for name in ('IPython', 'IPython.display', 'matplotlib', 'soundfile', 'google.colab'):
    sys.modules[name] = None  # The import of such a name fails.
from ddsp.colab import colab_utils
assert colab_utils.surroundings() == 'program'
try:
    colab_utils.play([0.0, 0.1])
except ImportError as error:
    print(error)
"""


def test_imports_without_a_notebook() -> None:
    done = subprocess.run(
        [sys.executable, '-c', WITHOUT_NOTEBOOK], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "pip install 'ddsp[notebook]'" in done.stdout
    assert 'save_audio' in done.stdout


class Provider:
    """Three seconds of a tone, as one example."""

    sample_rate, frame_rate = RATE, 250

    def get_batch(self, batch_size, shuffle, repeats, drop_remainder):
        audio = 0.5 * sine(440.0, 3.0)
        features = {
            'audio': audio[np.newaxis],
            'f0_hz': np.full([1, 750], 440.0, np.float32),
            'f0_confidence': np.ones([1, 750], np.float32),
        }
        return [features] * batch_size


@pytest.mark.parametrize('name', ['s.json', 'new/folder/s.json', 's.pkl'])
def test_save_dataset_statistics(tmp_path, name, capsys) -> None:
    provider = Provider()
    statistics = colab_utils.save_dataset_statistics(provider, tmp_path / name)
    (path,) = [path for path in tmp_path.rglob('*') if path.is_file()]
    assert path == (tmp_path / name).with_suffix('.json')
    assert json.loads(path.read_text()) == json.loads(json.dumps(statistics))
    assert abs(statistics['mean_pitch_note'] - 69.0) < 1e-3
    assert str(path) in capsys.readouterr().out
    expected = postprocessing.compute_dataset_statistics(provider, power_frame_size=256)
    assert statistics == expected


def test_save_dataset_statistics_nowhere(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert colab_utils.save_dataset_statistics(Provider())['n_examples'] == 1
    assert not list(tmp_path.iterdir())


def test_names_that_stand_elsewhere_too() -> None:
    assert colab_utils.auto_tune is tuning.auto_tune
    assert colab_utils.get_tuning_factor is tuning.get_tuning_factor
    assert colab_utils.specplot is ddsp.training.plotting.specplot
    assert set(colab_utils.__all__) <= set(vars(colab_utils))
