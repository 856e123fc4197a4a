from __future__ import annotations

import numpy as np
import pytest

from ddsp.training.data_preparation import progress
from ddsp.training.data_preparation.settings import Settings


def test_what_is_told_follows_the_files(tmp_path):
    state = progress.Progress(Settings('', str(tmp_path)), n_recordings=3)
    assert state.line(0) is None
    (tmp_path / 'owner').touch()
    (tmp_path / 'audio-000000').write_bytes(np.zeros(160_000, '<f4'))
    (tmp_path / 'audio-000001').write_bytes(np.zeros(16_000, '<f4'))
    # That of the pitch estimator does not count again.
    (tmp_path / 'audio16k-000001').write_bytes(np.zeros(16_000, '<f4'))
    assert state.line(5) == 'reading recordings: 2 of 3 begun, 11 s read'
    features = tmp_path / 'features-000000-000000'
    features.write_bytes(np.zeros([250, 3], '<f4'))
    assert state.line(10) == 'found f0 and loudness of 1 of 11 s'
    features.write_bytes(np.zeros([1500, 3], '<f4'))
    assert state.line(20) == 'found f0 and loudness of 6 of 11 s, about 10 s left'
    (tmp_path / 'a.tfrecord-00000-of-00010').touch()
    assert state.line(30) == 'writing records: file 1'


def test_it_is_told_while_the_work_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, '_INTERVAL_SECS', 0.01)
    (tmp_path / 'audio-000000').write_bytes(np.zeros(16_000, '<f4'))
    told = []
    with progress.telling_progress(Settings('', str(tmp_path)), 1, told.append):
        while not told:
            pass
    assert told == ['reading recordings: 1 of 1 begun, 1 s read']


@pytest.mark.parametrize(
    'seconds, words',
    [(0.4, '0 s'), (99, '99 s'), (720, '12 min'), (11_100, '3 h 05 min')],
)
def test_durations(seconds, words):
    assert progress.duration(seconds) == words
