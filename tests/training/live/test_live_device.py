"""From microphone to speakers, without either."""

from __future__ import annotations

import builtins
import sys

import numpy as np
import pytest
from fake_sounddevice import FakeSounddevice
from live_tiny import RATE, melody, tiny_voice

from ddsp.cli import main
from ddsp.training.live import Performer, device
from ddsp.training.live.run import play_array, play_devices


@pytest.fixture
def install(monkeypatch):
    """Puts a fake in the place of sounddevice."""

    def put(**options):
        fake = FakeSounddevice(**options)
        monkeypatch.setitem(sys.modules, 'sounddevice', fake)
        return fake

    return put


@pytest.fixture(scope='module')
def performer():
    return Performer(tiny_voice())


def test_what_is_heard_is_played(install, performer):
    audio = melody(0.4)
    fake = install(rates=(RATE,), blocks=audio.reshape(-1, 320), statuses=[3, 5])
    said = []
    timings = play_devices(performer, device.Devices(), say=said.append)
    played = np.concatenate(fake.played)
    assert played.shape == (len(audio), 2)
    np.testing.assert_array_equal(played[:, 0], played[:, 1])
    late = performer.latency
    expected = play_array(performer, audio)[: len(audio) - late]
    np.testing.assert_array_equal(played[late:, 0], expected)
    assert timings.blocks == 20
    # Two that the device lost, and what this machine was too slow for.
    assert timings.late >= 2
    assert fake.opened['samplerate'] == RATE
    assert fake.opened['blocksize'] == 320
    assert fake.opened['channels'] == (1, 2)
    assert '30 ms more in the sound card' in said[-1]


def test_an_error_while_playing_ends_it_and_is_told(install, performer, monkeypatch):
    fake = install(rates=(RATE,), blocks=np.zeros([5, 320]))
    process, count = performer.process, iter(range(9))

    def broken(block):
        if next(count) == 3:
            raise FloatingPointError('something broke')
        return process(block)

    monkeypatch.setattr(performer, 'warm_up', performer.restart)
    monkeypatch.setattr(performer, 'process', broken)
    with pytest.raises(FloatingPointError, match='something broke'):
        play_devices(performer, device.Devices(), say=lambda line: None)
    assert len(fake.played) == 3


def test_the_rate_is_the_instruments_if_the_device_takes_it(install):
    fake = install(rates=(48000, RATE))
    assert device.find_rate(fake, device.Devices(), RATE) == RATE


def test_otherwise_it_is_the_devices_own(install):
    fake = install(rates=(96000, 48000))
    assert device.find_rate(fake, device.Devices(), RATE) == 96000


def test_no_rate_at_all_is_told(install):
    fake = install(rates=(48000,))
    fake.check_output_settings = fake.check_input_settings
    fake.rates = ()
    fake.query_devices = lambda device, kind: {
        'name': 'Odd',
        'max_input_channels': 1,
        'max_output_channels': 1,
        'default_samplerate': 11.0,
    }
    with pytest.raises(OSError, match=r'no rate in common \(Invalid sample rate\)'):
        device.find_rate(fake, device.Devices(), RATE)


def test_a_device_in_use_is_told(install, performer, monkeypatch):
    install(rates=(RATE,)).busy = True
    monkeypatch.setattr(performer, 'warm_up', performer.restart)
    with pytest.raises(OSError, match=r'cannot be opened \(Device unavailable\)'):
        play_devices(performer, device.Devices(), say=lambda line: None)


@pytest.mark.parametrize(
    ('has', 'side'), [(('output',), 'input'), (('input',), 'output'), ((), 'input')]
)
def test_a_missing_device_is_told(install, has, side):
    fake = install(has=has)
    with pytest.raises(OSError, match=f'no {side} device; connect one'):
        device.find_rate(fake, device.Devices(), RATE)


def test_devices_have_names(install):
    fake = install(rates=(RATE,))
    named = device.Devices('fake in', 'fake out')
    assert device.find_rate(fake, named, RATE) == RATE
    with pytest.raises(OSError, match="no input device 'organ'"):
        device.find_rate(fake, device.Devices('organ'), RATE)


def test_devices_are_listed(install, capsys):
    install()
    assert main.main(['live', '--list_devices']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        '  0  Fake input (1 in; 48000 Hz)',
        '  1  Fake output (2 out; 48000 Hz)',
    ]
    install(has=())
    assert main.main(['live', '--list_devices']) == 1
    assert 'there is no sound device' in capsys.readouterr().err


def test_a_missing_library_or_package_is_told(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, 'sounddevice', raising=False)
    ordinary = builtins.__import__

    def missing(error):
        def find(name, *arguments, **options):
            if name == 'sounddevice':
                raise error
            return ordinary(name, *arguments, **options)

        return find

    monkeypatch.setattr(
        'importlib.import_module', missing(OSError('PortAudio library not found'))
    )
    assert main.main(['live', '--instrument', 'none']) == 1
    assert 'apt install libportaudio2' in capsys.readouterr().err
    monkeypatch.setattr('importlib.import_module', missing(ImportError('no module')))
    assert main.main(['live', '--instrument', 'none']) == 1
    assert "pip install 'ddsp[live]'" in capsys.readouterr().err


def test_it_is_over_when_it_is_time(install, performer, monkeypatch):
    monkeypatch.setattr(performer, 'warm_up', performer.restart)
    install(rates=(RATE,), blocks=np.zeros([2, 320]))
    timings = play_devices(
        performer, device.Devices(), seconds=0.01, say=lambda line: None
    )
    assert timings.blocks == 2


def test_ctrl_c_ends_it_and_times_are_told(install, performer, monkeypatch):
    monkeypatch.setattr(performer, 'warm_up', performer.restart)
    install(rates=(RATE,), blocks=np.zeros([4, 320]))

    def interrupted(self, seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(device.Stream, 'wait', interrupted)
    timings = play_devices(performer, device.Devices(), say=lambda line: None)
    assert timings.blocks == 4
