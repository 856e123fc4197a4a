"""How right pitch is that is found block by block, and what a block costs.

    python -m benchmarks.streaming_pitch --minutes 0.5

Tones of known pitch are compared with what is known. The bundled singing and phrases of
sampled instruments, for which fluidsynth has to be installed, are compared with
SwiftF0, which hears the whole recording. Frames are compared where their sound is: the
latency is taken off.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import numpy as np

SAMPLE_RATE, FRAME_RATE, HOP = 16000, 250, 64
INSTRUMENTS = ('violin', 'cello', 'flute', 'trumpet', 'bassoon')
SCRIPT = pathlib.Path(__file__).resolve().parents[1] / 'scripts' / 'render_phrases.py'
HEAD = """\
| sound | within 50 cents | of frames both call voiced | of clear frames | an octave \
away | median cents | voiced found | unvoiced called voiced |
|---|---|---|---|---|---|---|---|"""


def tones() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Names, audio and f0 in Hz at every sample, of tones of 6 s."""
    t = np.arange(6 * SAMPLE_RATE) / SAMPLE_RATE
    there_and_back = np.abs((t / 3) % 2 - 1)
    glissando = 100 * 8**there_and_back
    vibrato = 440 * 2 ** (0.05 * np.sin(2 * np.pi * 5.5 * t))
    yield 'glissando 100 to 800 Hz', tone(glissando), glissando
    yield 'vibrato of 60 cents at 440 Hz', tone(vibrato), vibrato
    low = 55 * (80 / 55) ** there_and_back
    yield 'glissando 55 to 80 Hz', tone(low), low
    high = 800 * (1500 / 800) ** there_and_back
    yield 'glissando 800 to 1500 Hz', tone(high), high
    pure = 100 * 15**there_and_back
    yield 'sine, 100 to 1500 Hz', tone(pure, n_partials=1), pure
    for snr_db in (10, 0):
        audio = with_noise(tone(glissando), snr_db)
        yield f'glissando in noise, {snr_db} dB', audio, glissando
        yield (
            f'vibrato in noise, {snr_db} dB',
            with_noise(tone(vibrato), snr_db),
            vibrato,
        )


def tone(f0_hz: np.ndarray, n_partials: int = 20) -> np.ndarray:
    """A sawtooth of so many partials, none above the Nyquist frequency."""
    phase = 2 * np.pi * np.cumsum(f0_hz) / SAMPLE_RATE
    partials = range(1, n_partials + 1)
    heard = ((h * f0_hz < 0.48 * SAMPLE_RATE) * np.sin(h * phase) / h for h in partials)
    return (0.2 * sum(heard)).astype(np.float32)


def with_noise(audio: np.ndarray, snr_db: float) -> np.ndarray:
    """Adds white noise, so many dB below the audio."""
    noise = np.random.default_rng(0).normal(size=len(audio))
    gain = np.sqrt(np.mean(audio**2) / np.mean(noise**2)) * 10 ** (-snr_db / 20)
    return (audio + gain * noise).astype(np.float32)


def recordings(minutes: float) -> Iterator[tuple[str, np.ndarray]]:
    """The bundled singing, and so many minutes of each instrument."""
    import soundfile
    import soxr

    from ddsp.recordings import singing_path

    audio, rate = soundfile.read(singing_path(), dtype='float32')
    yield 'singing', soxr.resample(audio, rate, SAMPLE_RATE)
    for name in INSTRUMENTS:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, str(SCRIPT), '--instrument', name, '--seed', '5']
            command += ['--minutes', str(minutes), '--swells', '0.5', '--out', folder]
            subprocess.run(command, check=True, capture_output=True)
            files = sorted(pathlib.Path(folder).glob('*.wav'))
            parts = [soundfile.read(file, dtype='float32')[0] for file in files]
        yield name, np.concatenate(parts)


class Listener:
    """Finds pitch in blocks of 8 frames, in one compiled step."""

    def __init__(self) -> None:
        import tensorflow as tf

        from ddsp import pitch

        self.stream = pitch.PitchStream(SAMPLE_RATE, FRAME_RATE)
        self.step = tf.function(self.stream.step)

    def __call__(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """f0 and confidence of each frame of a recording, without latency."""
        block, late = 8 * HOP, self.stream.latency // HOP
        audio = np.pad(audio, (0, self.stream.latency + HOP))
        audio = np.pad(audio, (0, -len(audio) % block))
        state, f0_hz, confidence = self.stream.initial_state(), [], []
        for start in range(0, len(audio), block):
            found, state = self.step(audio[np.newaxis, start : start + block], state)
            f0_hz.append(found['f0_hz'][0])
            confidence.append(found['f0_confidence'][0])
        return np.concatenate(f0_hz)[late:], np.concatenate(confidence)[late:]


def row(
    name: str,
    found: tuple[np.ndarray, np.ndarray],
    truth_hz: np.ndarray,
    truth_confidence: np.ndarray,
) -> str:
    """One row of the table."""
    n = min(len(found[0]), len(truth_hz))
    f0_hz, confidence = found[0][:n], found[1][:n]
    sure = truth_confidence[:n]
    voiced = sure >= 0.5
    cents = np.abs(1200 * np.log2(f0_hz / truth_hz[:n]))
    near = cents < 50
    octave = (np.abs(cents - 1200) < 60) | (np.abs(cents - 2400) < 60)
    called = confidence >= 0.5
    percents = [
        near[voiced],
        near[voiced & called],
        near[sure >= 0.8],
        octave[voiced],
    ]
    cells = [name, *(_percent(x) for x in percents), f'{np.median(cents[voiced]):.1f}']
    cells += [_percent(called[voiced]), _percent(called[~voiced])]
    return '| ' + ' | '.join(cells) + ' |'


def _percent(of: np.ndarray) -> str:
    return f'{100 * np.mean(of):.1f} %' if len(of) else ''


def print_costs() -> None:
    """Prints rows of what one block takes, on one core."""
    import tensorflow as tf

    from ddsp import pitch, streaming

    audio = tone(np.full(SAMPLE_RATE * 6, 220.0))
    for cls in (pitch.PitchStream, streaming.LoudnessStream):
        for rate, n_frames in [(250, 1), (250, 5), (125, 1)]:
            stream = cls(SAMPLE_RATE, rate)
            step, state = tf.function(stream.step), stream.initial_state()
            size, seconds = n_frames * stream.hop_size, []
            for start in range(0, len(audio) - size, size):
                block = tf.constant(audio[np.newaxis, start : start + size])
                begin = time.perf_counter()
                _, state = step(block, state)
                seconds.append(time.perf_counter() - begin)
            median, worst = (1e3 * np.quantile(seconds[10:], q) for q in (0.5, 0.99))
            cells = [cls.__name__, f'{rate}', f'{n_frames}', f'{stream.latency / 16:g}']
            print('| ' + ' | '.join([*cells, f'{median:.2f}', f'{worst:.2f}']) + ' |')


def main() -> None:
    """Prints the tables."""
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--minutes', type=float, default=0.5, help='an instrument')
    flags = parser.parse_args()
    import tensorflow as tf

    from ddsp import pitch

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    listen = Listener()
    print(HEAD)
    for name, audio, f0_hz in tones():
        truth = f0_hz[::HOP]
        print(row(name, listen(audio), truth, np.ones_like(truth)), flush=True)
    for name, audio in recordings(flags.minutes):
        truth = pitch.estimate_f0(audio, SAMPLE_RATE, FRAME_RATE)
        print(row(name, listen(audio), *truth), flush=True)
    print('\n| what | frames per second | frames a block | latency ms | ', end='')
    print('median ms | 99th percentile ms |\n|---|---|---|---|---|---|')
    print_costs()


if __name__ == '__main__':
    main()
