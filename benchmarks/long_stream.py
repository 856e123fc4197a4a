"""Whether a stream is as exact and as loud after half an hour as at its start.

python -m benchmarks.long_stream [--minutes 30] [--instrument violin]

An instrument plays a melody of one minute again and again, block by block, as fast as
it can, twice side by side: once without noise, to compare its harmonics with a
reference in float64 that sums up the frequency of each sample and plays each harmonic
by itself, and once with noise, to measure how loud each minute is.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

MINUTE, BLOCK_FRAMES = 60, 25
# Length of what is compared, at the end of each of these parts of the whole.
COMPARED_SECONDS, PARTS = 4, 6


class Melody:
    """Pitch with vibrato and slides, loudness that comes and goes; anew each minute."""

    def __init__(self, frame_rate: int) -> None:
        seconds = np.arange(MINUTE * frame_rate) / frame_rate
        notes = np.array([69, 71, 72, 76, 74, 72, 71, 67, 69, 64, 65, 69])
        steps = notes[(seconds * len(notes) / MINUTE).astype(int)]
        slides = np.convolve(np.pad(steps, 10, 'wrap'), np.ones(21) / 21, 'valid')
        midi = slides + 0.3 * np.sin(2 * np.pi * 5.5 * seconds)
        self.f0_hz = (440.0 * 2.0 ** ((midi - 69) / 12)).astype(np.float32)
        swell = np.sin(2 * np.pi * seconds * len(notes) / MINUTE)
        self.loudness_db = (-25.0 + 8.0 * swell).astype(np.float32)

    def block(self, first: int) -> dict[str, np.ndarray]:
        """A block of features, `[frames]` each."""
        at = (first + np.arange(BLOCK_FRAMES)) % len(self.f0_hz)
        return {'f0_hz': self.f0_hz[at], 'loudness_db': self.loudness_db[at]}


class Reference:
    """Harmonics in float64, from the same controls."""

    def __init__(self, instrument: Any) -> None:
        self._instrument = instrument
        self._harmonic = instrument.processor_group.harmonic
        self._cycles = np.longdouble(0.0)
        self._last: tuple[np.ndarray, ...] = ()

    def advance(self, f0_hz: np.ndarray) -> np.ndarray:
        """The phase in cycles at each sample between given frames and the next.

        Parameters
        ----------
        f0_hz : `[frames + 1]`, the last of which is the first of the next block.
        """
        hop = self._instrument.hop_size
        part = np.arange(hop) / hop
        hz = f0_hz.astype(np.float64)
        each = hz[:-1, np.newaxis] * (1 - part) + hz[1:, np.newaxis] * part
        moved = np.cumsum(each.astype(np.longdouble).ravel())
        cycles = self._cycles + moved / self._instrument.sample_rate
        self._cycles = cycles[-1] % 1
        return (cycles % 1).astype(np.float64)

    def play(
        self, cycles: np.ndarray, f0_hz: np.ndarray, amplitudes: np.ndarray
    ) -> np.ndarray:
        """Plays what lies between frames, of which there is one more."""
        hop = self._instrument.hop_size
        part = np.arange(hop) / hop
        into = 0.5 - 0.5 * np.cos(np.pi * part)
        if self._harmonic.amp_resample_method == 'linear':
            into = part
        hz = f0_hz.astype(np.float64)
        hz = (hz[:-1, np.newaxis] * (1 - part) + hz[1:, np.newaxis] * part).ravel()
        audio = np.zeros(len(cycles))
        for i in range(amplitudes.shape[1]):
            here, there = amplitudes[:-1, i, np.newaxis], amplitudes[1:, i, np.newaxis]
            envelope = (here * (1 - into) + there * into).ravel()
            envelope[hz * (i + 1) >= self._instrument.sample_rate / 2] = 0.0
            audio += envelope * np.sin(2 * np.pi * ((i + 1) * cycles % 1))
        return audio


def amplitudes_of(instrument: Any, melody: Melody, n_blocks: int) -> Iterator[Any]:
    """The amplitude of each harmonic, block after block, float64."""
    import tensorflow as tf

    from ddsp.training.transfer.playing import network_features

    decode = tf.function(lambda inputs: instrument.decoder(inputs, training=False))
    state = tf.zeros([1, instrument.decoder.state_dims])
    for number in range(n_blocks):
        block = melody.block(number * BLOCK_FRAMES)
        f0_hz, loudness_db = (tf.constant(x)[None, :, None] for x in block.values())
        raw = decode(
            {**network_features(f0_hz, loudness_db, loudness_db), 'state': state}
        )
        state = raw['state']
        controls = instrument.processor_group.harmonic.get_controls(
            raw['amps'], raw['harmonic_distribution'], f0_hz
        )
        distribution = controls['harmonic_distribution'].numpy().astype(np.float64)
        yield distribution[0] * controls['amplitudes'].numpy()[0]


def stream(instrument: Any, melody: Melody, n_blocks: int) -> Iterator[Any]:
    """Plays without noise and with it, `[2, samples]` a block."""
    import tensorflow as tf

    generator = np.random.default_rng(0)
    state = instrument.initial_state(batch_size=2)
    for number in range(n_blocks):
        block = melody.block(number * BLOCK_FRAMES)
        two = {name: tf.constant(np.stack([x, x])) for name, x in block.items()}
        noise = generator.uniform(-1, 1, BLOCK_FRAMES * instrument.hop_size)
        noise = np.stack([np.zeros_like(noise), noise]).astype(np.float32)
        audio, state = instrument.step(two, state, tf.constant(noise))
        yield audio.numpy()


def run(instrument: Any, minutes: int) -> None:
    """Plays, compares and prints."""
    melody = Melody(instrument.frame_rate)
    reference = Reference(instrument)
    hop, late = instrument.hop_size, instrument.latency
    per_block = BLOCK_FRAMES * hop
    per_minute = MINUTE * instrument.frame_rate // BLOCK_FRAMES
    n_blocks = minutes * per_minute
    compared = COMPARED_SECONDS * instrument.frame_rate // BLOCK_FRAMES
    ends = {round(n_blocks * (i + 1) / PARTS) for i in range(PARTS)} | {2 * compared}
    levels, snrs, energy = [], {}, 0.0
    kept: list[tuple] = []
    before = np.zeros(late)
    amplitudes = amplitudes_of(instrument, melody, n_blocks + 1)
    here = next(amplitudes)
    started = time.perf_counter()
    for number, audio in enumerate(stream(instrument, melody, n_blocks)):
        first = number * BLOCK_FRAMES
        f0_hz = np.append(
            melody.block(first)['f0_hz'],
            melody.block(first + BLOCK_FRAMES)['f0_hz'][0],
        )
        there = next(amplitudes)
        cycles = reference.advance(f0_hz)
        kept.append((cycles, f0_hz, np.concatenate([here, there[:1]])))
        kept, here = kept[-compared:], there
        played = np.concatenate([before, audio[0]])[-compared * per_block - late :]
        before = played
        energy += float(np.sum(np.square(audio[1], dtype=np.float64)))
        if (number + 1) % per_minute == 0:
            levels.append(10 * np.log10(energy / (per_minute * per_block)))
            energy = 0.0
        if number + 1 in ends:
            expected = np.concatenate([reference.play(*parts) for parts in kept])
            # What lies after the last frames that were given is still to come.
            expected = expected[: len(expected) - late]
            error = played[-len(expected) :] - expected
            snr = 10 * np.log10(np.mean(expected**2) / np.mean(error**2))
            snrs[(number + 1) / per_minute] = snr
    took = time.perf_counter() - started
    print('| after minutes | SNR of harmonics against float64, dB |\n|---|---|')
    for minute, snr in sorted(snrs.items()):
        print(f'| {minute:.1f} | {snr:.1f} |')
    # The first begins out of silence.
    drift = np.array(levels[1:] or levels)
    drift -= drift[0]
    print(
        f'\nLevel of each of {len(drift)} minutes, beside the first of them: within '
        f'{np.abs(drift).max():.4f} dB; of the last: {drift[-1]:+.4f} dB.\n{minutes} '
        f'minutes, twice, with their reference, took {took:.0f} s.'
    )


def main() -> None:
    """Reads the options and runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--minutes', type=int, default=30)
    parser.add_argument('--instrument', default='violin')
    arguments = parser.parse_args()

    from ddsp.training.inference import StreamingInstrument

    run(StreamingInstrument.load(arguments.instrument), arguments.minutes)


if __name__ == '__main__':
    main()
