"""`ddsp live`: sing, and hear a violin at once."""

from __future__ import annotations

import argparse
from typing import Any

from ddsp.cli.options import (
    add_command,
    add_controls,
    add_debug,
    add_instrument,
    chosen_controls,
)

ABORTED = 'nothing was written'

_DESCRIPTION = """\
Plays what the microphone hears on an instrument, about 60 ms later, and shows levels,
pitch and how long blocks take. Wear headphones: a microphone that hears the speakers
plays itself. Ctrl-C ends it.

With --input and --output the same goes from a file to a file, as fast as it can and
without a sound card.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `live` to the subcommands."""
    parser = add_command(
        subparsers,
        'live',
        'play an instrument by singing into the microphone',
        _DESCRIPTION,
    )
    add = parser.add_argument
    add_instrument(parser)
    add('--input', metavar='FILE', help='a sound file to hear in place of a microphone')
    add('--output', metavar='FILE.wav', help='sound file to write, with --input')
    add('--overwrite', action='store_true', help='replace a file that is there')
    add('--seconds', type=float, metavar='S', help='end after so long')
    add(
        '--block_ms',
        type=float,
        default=20.0,
        metavar='MS',
        help='length of a block (default: 20); shorter is sooner heard, and harder',
    )
    add(
        '--sample_rate',
        type=int,
        metavar='HZ',
        help="of the sound card, or the file written (default: the instrument's if the "
        'device takes it)',
    )
    add('--list_devices', action='store_true', help='show sound devices, and end')
    add('--input_device', metavar='N|NAME', help='microphone, see --list_devices')
    add('--output_device', metavar='N|NAME', help='speakers, see --list_devices')
    add_controls(parser)
    add(
        '--no_xla',
        action='store_true',
        help='do without compiling by XLA: starts sooner, plays slower',
    )
    add_debug(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    from ddsp.training.live import device

    if arguments.list_devices:
        print(device.describe_devices())
        return 0
    if (arguments.input is None) != (arguments.output is None):
        raise ValueError('--input FILE and --output FILE.wav go together.')
    if arguments.seconds is not None and not arguments.seconds > 0:
        raise ValueError(f'--seconds is {arguments.seconds:g}, expected above 0.')
    devices = device.Devices(
        _device(arguments.input_device), _device(arguments.output_device)
    )
    return _play(arguments, devices)


def _play(arguments: argparse.Namespace, devices: Any) -> int:
    from ddsp.training.live import device
    from ddsp.training.live import run as running
    from ddsp.training.live.performer import Performer
    from ddsp.training.live.voice import LiveVoice
    from ddsp.training.transfer import load_instrument

    controls = chosen_controls(arguments)
    # Before the instrument loads, so that what is missing is told at once.
    sounddevice = None if arguments.input else device.load_sounddevice()
    voice = LiveVoice(load_instrument(arguments.instrument))
    rate = arguments.sample_rate or voice.sample_rate
    if sounddevice is not None:
        rate = device.find_rate(sounddevice, devices, rate)
    performer = Performer(
        voice, arguments.block_ms, rate, controls, jit_compile=not arguments.no_xla
    )
    print(f'{voice.info.title}: {running.latency_line(performer)}', flush=True)
    if arguments.input:
        timings = running.play_file(
            performer,
            arguments.input,
            arguments.output,
            arguments.seconds,
            arguments.overwrite,
        )
        print(f'{arguments.output}: written')
    else:
        timings = running.play_devices(performer, devices, arguments.seconds)
    print('\n'.join(running.timing_lines(performer, timings)))
    return 0


def _device(given: str | None) -> int | str | None:
    """A device's number, or a part of its name."""
    return int(given) if given is not None and given.isdecimal() else given
