"""`ddsp live`: from a file to a file, or from the microphone to the speakers."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ddsp import audio_files
from ddsp.training.data_preparation.reading import read_recording
from ddsp.training.live import device
from ddsp.training.live.meter import can_show, meter_line
from ddsp.training.live.performer import Performer, steady
from ddsp.training.live.timing import Timings
from ddsp.training.telling import tell

Say = Callable[[str], None]
_LOOK_SECONDS = 0.1


def play_file(
    performer: Performer,
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    seconds: float | None = None,
    overwrite: bool = False,
) -> Timings:
    """Plays a sound file into another, through the block loop of the sound card.

    What is written begins where the recording does, without the latency, and lasts as
    long.

    Parameters
    ----------
    performer : which plays; the file is read at its rate.
    source : a file of any format, with ffmpeg those of telephones and films, too.
    target : a WAV file to write.
    seconds : to play, from the beginning; None for all. What is longer than the
        recording is played again and again.
    overwrite : whether `target` may be replaced.

    Raises
    ------
    OSError, ValueError
        When a file cannot be read or written. Nothing is left half written.
    """
    from ddsp.training.output_paths import check_file, new_files

    source, target = Path(source), Path(target)
    check_file(target, overwrite, source, 'recording')
    audio = read_recording(source, performer.sample_rate)
    if seconds is not None:
        audio = np.resize(audio, max(1, round(seconds * performer.sample_rate)))
    with new_files(target) as (partial,), steady():
        performer.warm_up()
        played = play_array(performer, audio)
        audio_files.save_audio(partial, played, performer.sample_rate)
    return performer.timings


def play_array(performer: Performer, audio: np.ndarray) -> np.ndarray:
    """Plays a recording block by block, from the beginning.

    Parameters
    ----------
    performer : which plays.
    audio : `[samples]`, at its rate.

    Returns
    -------
    float32 `[samples]`, without the latency.
    """
    performer.restart()
    block_size, latency = performer.block_size, performer.latency
    n_blocks = -(-(len(audio) + latency) // block_size)
    padded = np.pad(audio, (0, n_blocks * block_size - len(audio)))
    played = np.empty(len(padded), np.float32)
    for first in range(0, len(padded), block_size):
        block = slice(first, first + block_size)
        played[block] = performer.process(padded[block])
    return played[latency : latency + len(audio)]


def play_devices(
    performer: Performer,
    devices: device.Devices,
    seconds: float | None = None,
    say: Say | None = None,
) -> Timings:
    """Plays what a microphone hears, until Ctrl-C.

    Parameters
    ----------
    performer : which plays, at a rate that the devices take, see `device.find_rate`.
    devices : which.
    seconds : to play; None for no end.
    say : is told what is going on; prints on stderr by default.

    Raises
    ------
    OSError
        When the devices cannot be opened.
    """
    say = say or tell
    say('getting ready')
    performer.warm_up()
    stream = device.Stream(
        performer.process,
        performer.lose,
        devices,
        performer.sample_rate,
        performer.block_size,
    )
    with steady(), stream.running(), contextlib.suppress(KeyboardInterrupt):
        say(
            f'playing; {1000 * stream.latency:.0f} ms more in the sound card. Wear '
            'headphones, or the microphone hears the speakers. Ctrl-C ends.'
        )
        _watch(performer, stream, seconds)
    return performer.timings


def latency_line(performer: Performer) -> str:
    """Where the latency comes from, in ms."""
    voice, rate = performer.voice, performer.sample_rate
    waiting = 1000.0 * performer.latency / rate - voice.milliseconds
    total = voice.milliseconds + waiting + performer.block_ms
    return (
        f'latency {total:.0f} ms: {_ms(voice.hearing, voice)} to hear pitch, '
        f'{_ms(voice.instrument.latency, voice)} in the instrument, {waiting:.0f} '
        f'between blocks, {performer.block_ms:.0f} in a block'
    )


def timing_lines(performer: Performer, timings: Timings) -> list[str]:
    """What was measured, for people."""
    block_ms = performer.block_ms
    return [
        f'{timings.blocks} blocks of {block_ms:g} ms '
        f'({performer.block_size} samples at {performer.sample_rate} Hz), '
        f'{timings.seconds:.1f} s',
        f'a block took {timings.median_ms:.2f} ms (median), {timings.most_ms:.2f} ms '
        f'(99.9 %), {timings.longest_ms:.2f} ms (longest)',
        f'{timings.late} late: xruns, blocks that took longer than they last',
        latency_line(performer),
    ]


def _ms(samples: int, voice: object) -> str:
    return f'{1000.0 * samples / voice.sample_rate:.0f}'


def _watch(performer: Performer, stream: device.Stream, seconds: float | None) -> None:
    """Shows levels until it is time, or the stream ends by itself."""
    terminal, plain = can_show()
    until = None if seconds is None else time.monotonic() + seconds
    with _line(terminal):
        while until is None or time.monotonic() < until:
            left = _LOOK_SECONDS if until is None else until - time.monotonic()
            if stream.wait(min(_LOOK_SECONDS, max(left, 0.0))):
                return
            if terminal:
                line = meter_line(performer.moment, performer.timings.late, plain)
                print(f'\r{line:<78}', end='', file=sys.stderr, flush=True)


@contextlib.contextmanager
def _line(terminal: bool) -> Iterator[None]:
    """Leaves the line that was written again and again."""
    try:
        yield
    finally:
        if terminal:
            print(file=sys.stderr)
