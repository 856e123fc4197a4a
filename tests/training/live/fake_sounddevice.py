"""The module `sounddevice` without a sound card: streams play what a test gives."""

from __future__ import annotations

import threading

import numpy as np


class PortAudioError(Exception):
    """What PortAudio raises."""


class CallbackAbort(Exception):
    """What a callback raises to end its stream."""


class FakeSounddevice:
    """Two devices, of one rate each.

    Parameters
    ----------
    rates : that the devices take.
    blocks : that the microphone hears, `[samples]` each; then the stream ends.
    statuses : of blocks, by number; what is true is an overflow.
    has : `'input'`, `'output'`: what devices there are.
    """

    PortAudioError, CallbackAbort = PortAudioError, CallbackAbort

    def __init__(self, rates=(48000,), blocks=(), statuses=(), has=('input', 'output')):
        self.rates, self.has = rates, has
        self.blocks, self.statuses = blocks, statuses
        self.played = []
        self.opened = None
        self.busy = False
        fake = self

        class Stream:
            latency = (0.01, 0.02)

            def __init__(self, **options):
                if fake.busy:
                    raise PortAudioError('Device unavailable')
                fake.opened = options
                self.options = options

            def __enter__(self):
                self.thread = threading.Thread(target=self.run)
                self.thread.start()
                return self

            def __exit__(self, *error):
                self.thread.join()

            def run(self):
                """In a thread of its own, as PortAudio does."""
                channels = self.options['channels'][1]
                try:
                    for number, block in enumerate(fake.blocks):
                        out = np.full([len(block), channels], np.nan, np.float32)
                        status = number in fake.statuses
                        self.options['callback'](
                            np.asarray(block, np.float32)[:, None],
                            out,
                            len(block),
                            None,
                            status,
                        )
                        fake.played.append(out)
                except CallbackAbort:
                    pass
                self.options['finished_callback']()

        self.Stream = Stream

    def query_devices(self, device=None, kind=None):
        devices = [
            {
                'name': f'Fake {side}',
                'max_input_channels': int(side == 'input'),
                'max_output_channels': 2 * int(side == 'output'),
                'default_samplerate': float(self.rates[0]),
            }
            for side in self.has
        ]
        if kind is None:
            return devices
        if device is not None and not isinstance(device, int):
            devices = [x for x in devices if str(device).lower() in x['name'].lower()]
        found = [x for x in devices if x[f'max_{kind}_channels']]
        if not found:
            raise ValueError(f'No {kind} device matching {device!r}')
        return found[0]

    def check_input_settings(self, device, channels, dtype, samplerate):
        if samplerate not in self.rates:
            raise PortAudioError('Invalid sample rate')

    check_output_settings = check_input_settings
