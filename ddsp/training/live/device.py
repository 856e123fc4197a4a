"""The microphone and the speakers."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ddsp.optional import import_optional

# Rates that most sound cards know, in Hz, when neither the instrument's nor their own
# suits both sides.
_USUAL_RATES = (48000, 44100)
_NO_PORTAUDIO = (
    'PortAudio is missing, through which sound comes and goes. Install it, on Debian '
    'and Ubuntu by: apt install libportaudio2. Without a sound card: --input FILE '
    '--output FILE.'
)


@dataclasses.dataclass(frozen=True)
class Devices:
    """What sound comes from and goes to.

    Parameters
    ----------
    heard, played : number or part of the name of a device; None for the system's own.
    """

    heard: int | str | None = None
    played: int | str | None = None


def load_sounddevice() -> Any:
    """Imports sounddevice.

    Raises
    ------
    ImportError
        When the package is missing.
    OSError
        When the library PortAudio is, which some systems bring by themselves.
    """
    try:
        return import_optional('sounddevice', 'ddsp live', 'ddsp[live]')
    except OSError as error:
        raise OSError(f'{_NO_PORTAUDIO} ({error})') from error


def describe_devices() -> str:
    """All devices, a line each, as `ddsp live --list_devices` prints them."""
    sounddevice = load_sounddevice()
    found = list(sounddevice.query_devices())
    if not found:
        raise OSError(_no_device('sound'))
    lines = []
    for number, device in enumerate(found):
        sides = [
            f'{device[f"max_{side}_channels"]} {word}'
            for side, word in (('input', 'in'), ('output', 'out'))
            if device[f'max_{side}_channels']
        ]
        rate = f'{device["default_samplerate"]:.0f} Hz'
        lines.append(f'{number:3d}  {device["name"]} ({", ".join(sides)}; {rate})')
    return '\n'.join(lines)


def find_rate(sounddevice: Any, devices: Devices, wanted: int) -> int:
    """A rate that both sides take: the one that is wanted, if they do.

    Raises
    ------
    OSError
        When there is no device, or no rate that both take.
    """
    found = {
        side: _query(sounddevice, device, side)
        for side, device in (('input', devices.heard), ('output', devices.played))
    }
    own = [round(device['default_samplerate']) for device in found.values()]
    said = ''
    for rate in dict.fromkeys([wanted, *own, *_USUAL_RATES]):
        try:
            sounddevice.check_input_settings(
                device=devices.heard, channels=1, dtype='float32', samplerate=rate
            )
            sounddevice.check_output_settings(
                device=devices.played,
                channels=_channels(found['output']),
                dtype='float32',
                samplerate=rate,
            )
        except (sounddevice.PortAudioError, ValueError) as error:
            said = said or str(error)
            continue
        return rate
    raise OSError(
        f'{found["input"]["name"]} and {found["output"]["name"]} take no rate in '
        f'common ({said}); choose others by --input_device and --output_device, see '
        '--list_devices.'
    )


class Stream:
    """Sound that comes from one device, is played block by block, and goes to another.

    Parameters
    ----------
    process : takes and gives float32 `[samples]`; runs in a thread of the sound card.
    lose : is called for each block that the sound card says it lost.
    devices : which.
    sample_rate : in Hz, see `find_rate`.
    block_size : samples.
    """

    def __init__(
        self,
        process: Callable[[np.ndarray], np.ndarray],
        lose: Callable[[], None],
        devices: Devices,
        sample_rate: int,
        block_size: int,
    ) -> None:
        self._process, self._lose = process, lose
        self._devices = devices
        self._sample_rate, self._block_size = sample_rate, block_size
        self._ended = threading.Event()
        self._error: Exception | None = None
        #: Seconds that the sound card needs beside, as it says.
        self.latency = 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[Stream]:
        """Plays while the context lasts.

        Raises
        ------
        OSError
            When the devices cannot be opened.
        Exception
            What `process` raised, which ends the stream.
        """
        sounddevice = load_sounddevice()
        device = (self._devices.heard, self._devices.played)
        output = _query(sounddevice, self._devices.played, 'output')
        try:
            stream = sounddevice.Stream(
                samplerate=self._sample_rate,
                blocksize=self._block_size,
                device=device,
                channels=(1, _channels(output)),
                dtype='float32',
                latency='low',
                callback=self._callback,
                finished_callback=self._ended.set,
            )
            with stream:
                self.latency = float(sum(stream.latency))
                yield self
        except sounddevice.PortAudioError as error:
            raise OSError(
                f'the sound device cannot be opened ({error}); another program may '
                'have it. Choose another by --input_device and --output_device, see '
                '--list_devices.'
            ) from error
        if self._error is not None:
            raise self._error

    def wait(self, seconds: float) -> bool:
        """Waits; whether the stream ended meanwhile."""
        return self._ended.wait(seconds)

    def _callback(
        self, heard: np.ndarray, played: np.ndarray, frames: int, time: Any, status: Any
    ) -> None:
        del frames, time
        if status:
            self._lose()
        try:
            played[:] = self._process(heard[:, 0])[:, np.newaxis]
        except Exception as error:
            # An error in this thread would be printed, and lost.
            self._error = error
            played.fill(0.0)
            raise load_sounddevice().CallbackAbort from error


def _query(sounddevice: Any, device: int | str | None, side: str) -> Any:
    """What is known of a device.

    Raises
    ------
    OSError
        When there is none.
    """
    try:
        found = sounddevice.query_devices(device, side)
    except (sounddevice.PortAudioError, ValueError) as error:
        raise OSError(f'{_no_device(side, device)} ({error})') from error
    if not found[f'max_{side}_channels']:
        raise OSError(_no_device(side, device))
    return found


def _channels(output: Any) -> int:
    return min(2, int(output['max_output_channels']))


def _no_device(side: str, device: int | str | None = None) -> str:
    named = '' if device is None else f' {device!r}'
    return (
        f'there is no {side} device{named}; connect one, or choose by --input_device '
        'and --output_device of those that --list_devices shows. Without a sound card: '
        '--input FILE --output FILE.'
    )
