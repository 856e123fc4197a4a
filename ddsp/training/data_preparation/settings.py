"""What a preparation was asked for, and the lengths that follow from it."""

from __future__ import annotations

import dataclasses
import math
import os

from ddsp import spectral_ops

# The second form of the audio in each record, which estimators of pitch listen to.
RATE_16K = spectral_ops.CREPE_SAMPLE_RATE
_SEEDS = 1 << 31


@dataclasses.dataclass(frozen=True)
class Settings:
    """Arguments of `prepare_tfrecord`, checked.

    Everything is cut at frames of the controls, so that f0, loudness and audio of an
    example always belong together; lengths in seconds are rounded to frames.

    Parameters
    ----------
    output_path : where records go; `-00000-of-00010` is added.
    work_dir : folder for what is made on the way.
    sample_rate, frame_rate : in Hz; a frame is a whole number of samples.
    example_secs : length of an example.
    hop_secs : from the start of one example to that of the next.
    chunk_secs : recordings are cut into stretches of so many seconds; 0 leaves them
        whole.
    eval_split_fraction : part of the chunks that is set aside.
    num_shards : files for each split; None chooses.
    center : whether an example has one frame more, at its end.
    viterbi : whether f0 is to be smooth, for estimators that can.
    pitch_method : name of the estimator.
    seed : of the order of examples and of the choice of evaluation chunks.
    """

    output_path: str
    work_dir: str
    sample_rate: int = 16000
    frame_rate: int = 250
    example_secs: float = 4.0
    hop_secs: float = 1.0
    chunk_secs: float = 20.0
    eval_split_fraction: float = 0.0
    num_shards: int | None = None
    center: bool = False
    viterbi: bool = True
    pitch_method: str = 'swift-f0'
    seed: int = 0

    @property
    def hop(self) -> int:
        """Samples of a frame."""
        return self.sample_rate // self.frame_rate

    @property
    def example_frames(self) -> int:
        """Frames from the start of an example to its end."""
        return round(self.example_secs * self.frame_rate)

    @property
    def n_frames(self) -> int:
        """Frames that a record holds: with `center`, one more than fit its length."""
        return self.example_frames + int(self.center)

    @property
    def n_samples(self) -> int:
        """Samples of an example."""
        return self.example_frames * self.hop

    @property
    def n_samples_16k(self) -> int:
        """Samples of an example at 16 kHz."""
        return self.frame_to_16k(self.example_frames)

    @property
    def hop_frames(self) -> int:
        """Frames from one example to the next."""
        return round(self.hop_secs * self.frame_rate)

    @property
    def chunk_frames(self) -> int:
        """Frames of a chunk; 0 for whole recordings."""
        return round(self.chunk_secs * self.frame_rate)

    def frame_to_16k(self, frame: int) -> int:
        """The sample of the 16 kHz audio at which a frame stands."""
        return round(frame * RATE_16K / self.frame_rate)

    def work_path(self, kind: str, *numbers: int) -> str:
        """Name of a file of intermediate results."""
        name = '-'.join([kind, *(f'{number:06d}' for number in numbers)])
        return os.path.join(self.work_dir, name)


def check_settings(settings: Settings) -> None:
    """Refuses what cannot be, before any work is done.

    Raises
    ------
    ValueError
        With the name of the argument, its value and what was expected.
    """
    s = settings
    for name in ('sample_rate', 'frame_rate', 'example_secs', 'hop_secs'):
        if not 0 < getattr(s, name) < math.inf:
            raise ValueError(f'{name} is {getattr(s, name)}, expected above 0.')
    if s.sample_rate % s.frame_rate:
        raise ValueError(
            f'frame_rate {s.frame_rate} does not divide sample_rate {s.sample_rate}: '
            'take a frame rate that does, so that a frame is a whole number of samples.'
        )
    for name in ('example_secs', 'hop_secs'):
        frames = getattr(s, name) * s.frame_rate
        if round(frames) < 1 or abs(frames - round(frames)) > 1e-3:
            raise ValueError(
                f'{name} {getattr(s, name)} is {frames:g} frames at {s.frame_rate} '
                'frames per second, expected a whole number.'
            )
    if not 0 <= s.chunk_secs < math.inf:
        raise ValueError(
            f'chunk_secs is {s.chunk_secs}, expected above 0, or 0 to leave recordings '
            'whole.'
        )
    if s.chunk_frames and s.chunk_frames < s.example_frames:
        raise ValueError(
            f'chunk_secs {s.chunk_secs} is shorter than example_secs '
            f'{s.example_secs}: a chunk has to hold an example; 0 leaves recordings '
            'whole.'
        )
    if not 0 <= s.eval_split_fraction < 1:
        raise ValueError(
            f'eval_split_fraction is {s.eval_split_fraction}, expected at least 0 and '
            'below 1.'
        )
    if s.num_shards is not None and s.num_shards < 1:
        raise ValueError(f'num_shards is {s.num_shards}, expected at least 1.')
    if not 0 <= s.seed < _SEEDS:
        raise ValueError(f'seed is {s.seed}, expected 0 to {_SEEDS - 1}.')
