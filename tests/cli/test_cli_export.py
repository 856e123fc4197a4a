"""`ddsp export`: the command line, and what it says."""

from __future__ import annotations

import pytest

from ddsp.cli import export, main
from ddsp.training.export import Exported

_TOLD = {
    'frames_per_block': 2,
    'samples_per_block': 256,
    'sample_rate': 16000,
    'latency_samples': 128,
    'latency_ms': 8.0,
}


def test_arguments_reach_the_export(tmp_path, monkeypatch, capsys):
    given = {}

    def pretend(instrument, out, format, **options):
        given.update(options, instrument=instrument, out=out, format=format)
        return Exported(tmp_path, format, {'a.onnx': 2048}, {'audio': 3e-7}, _TOLD)

    monkeypatch.setattr('ddsp.training.export.export_instrument', pretend)
    line = ['export', 'cello', '--out', 'there', '--format', 'tflite']
    options = ['--frames_per_block', '3', '--reverb_rate', '44100', '--overwrite']
    assert main.main([*line, *options]) == 0
    assert given == {
        'instrument': 'cello',
        'out': 'there',
        'format': 'tflite',
        'frames_per_block': 3,
        'reverb_rate': 44100,
        'overwrite': True,
    }
    told = capsys.readouterr().out
    assert '2.0 KB' in told and '3e-07' in told and 'latency 128 samples, 8 ms' in told


@pytest.mark.parametrize(
    ('arguments', 'told'),
    [
        (['violin', '--format', 'mp3'], "the format is 'mp3', expected one of"),
        (['viola'], 'did you mean violin?'),
    ],
)
def test_errors_are_one_line(tmp_path, capsys, arguments, told):
    out = tmp_path / 'out'
    assert main.main(['export', *arguments, '--out', str(out)]) == 1
    error = capsys.readouterr().err
    assert told in error and error.count('\n') == 1
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_says_what_is_left(monkeypatch, capsys):
    def aborted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr('ddsp.training.export.export_instrument', aborted)
    assert main.main(['export', 'violin', '--out', 'there']) == 130
    assert export.ABORTED in capsys.readouterr().err
