from __future__ import annotations

from ddsp.training.fit.outputs import foreign


def test_only_what_a_fit_writes_may_be_replaced(tmp_path):
    assert foreign(tmp_path) is None
    for name in ('report.html', 'metrics.json'):
        (tmp_path / name).touch()
    assert foreign(tmp_path) is None
    (tmp_path / 'song.wav').touch()
    assert foreign(tmp_path) == 'what no fit has written, such as song.wav'
