from __future__ import annotations

import os
import signal

import pytest

from ddsp.training.data_preparation import (
    ddsp_generate_synthetic_dataset,
    ddsp_prepare_tfrecord,
)

COMMANDS = [ddsp_prepare_tfrecord, ddsp_generate_synthetic_dataset]


@pytest.mark.parametrize('command', COMMANDS)
def test_an_interrupted_command_waits_for_no_worker(command, monkeypatch):
    ended = []
    monkeypatch.setattr(os, '_exit', ended.append)
    monkeypatch.setattr(command, 'main', lambda: 130)
    assert command.console_entry_point() == 130
    assert ended == [130]


@pytest.mark.parametrize(
    'number, status', [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_the_status_tells_the_signal(number, status, tmp_path, monkeypatch, capfd):
    module = ddsp_generate_synthetic_dataset
    monkeypatch.setattr(module, '_generate', lambda _: signal.raise_signal(number))
    # Shells start what is to run in the background deaf to it.
    ctrl_c = signal.signal(signal.SIGINT, signal.default_int_handler)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert module.main([f'--output_tfrecord_path={tmp_path}/a.tfrecord']) == status
    finally:
        signal.signal(signal.SIGINT, ctrl_c)
    assert 'aborted, nothing was written' in capfd.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before
