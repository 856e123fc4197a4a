"""Which chunk, split, example and shard each frame of the recordings belongs to."""

from __future__ import annotations

import dataclasses
import os
import re

import numpy as np

from ddsp.training.data_preparation.decoding import Recording
from ddsp.training.data_preparation.settings import Settings

# That of a dataset that is not divided has no name.
SPLITS = ('', 'train', 'eval')
#: What names of record files end with.
SHARD_NUMBERS = re.compile(r'-\d{5,}-of-\d{5,}$')
_EXAMPLES_OF_A_SHARD = 1000
_FEWEST_SHARDS = 10


@dataclasses.dataclass(frozen=True)
class Chunk:
    """A stretch of a recording: in training or in evaluation, never in both.

    Parameters
    ----------
    recording : number of the recording.
    start : its first frame there.
    n_frames : its length.
    n_filled : how many frames at its end are silence that fills up a recording shorter
        than an example.
    peak : of the audio's absolute values.
    energy : sum of the audio's squares.
    """

    recording: int
    start: int
    n_frames: int
    n_filled: int = 0
    peak: float = 0.0
    energy: float = 0.0

    @property
    def n_recorded(self) -> int:
        """Frames that were recorded."""
        return self.n_frames - self.n_filled


@dataclasses.dataclass(frozen=True)
class Shard:
    """A file to write.

    Parameters
    ----------
    split : name of its split; empty where there is only one.
    path : of the finished file.
    temporary_path : of the file until all are complete.
    examples : `[examples, 3]`: recording, first frame of the chunk, first frame of the
        example, both frames counted in the recording.
    """

    split: str
    path: str
    temporary_path: str
    examples: np.ndarray


def cut_chunks(recording: Recording, settings: Settings) -> list[Chunk]:
    """Cuts a recording into chunks.

    What is left at the end and shorter than an example joins the last chunk, so that
    nothing is lost and nothing has to be filled with silence.
    """
    if recording.n_filled:
        return [Chunk(recording.index, 0, recording.n_frames, recording.n_filled)]
    length = settings.chunk_frames or recording.n_frames
    starts = list(range(0, recording.n_frames, length))
    if len(starts) > 1 and recording.n_frames - starts[-1] < settings.example_frames:
        starts.pop()
    ends = [*starts[1:], recording.n_frames]
    return [
        Chunk(recording.index, start, end - start) for start, end in zip(starts, ends)
    ]


def example_starts(n_frames: int, settings: Settings) -> np.ndarray:
    """First frames of a chunk's examples; the last one ends where the chunk does."""
    last = n_frames - settings.example_frames
    starts = np.arange(0, last + 1, settings.hop_frames)
    return starts if starts[-1] == last else np.append(starts, last)


def splits_of(settings: Settings) -> tuple[str, ...]:
    """Names of the splits that a preparation makes."""
    return SPLITS[1:] if settings.eval_split_fraction else SPLITS[:1]


def split_chunks(chunks: list[Chunk], settings: Settings) -> dict[str, list[Chunk]]:
    """Deals chunks to splits, by chance but the same way for the same seed.

    Raises
    ------
    ValueError
        When there are too few chunks to set any aside.
    """
    chunks = sorted(chunks, key=lambda chunk: (chunk.recording, chunk.start))
    if not settings.eval_split_fraction:
        return {'': chunks}
    if len(chunks) < 2:
        raise ValueError(
            f'eval_split_fraction is {settings.eval_split_fraction}, but all '
            'recordings together are one chunk: nothing would be left to train on. '
            f'Take a chunk_secs smaller than {settings.chunk_secs:g} (at least '
            f'example_secs, {settings.example_secs:g}), more recordings, or '
            'eval_split_fraction=0.'
        )
    wanted = round(settings.eval_split_fraction * len(chunks))
    n_eval = min(max(wanted, 1), len(chunks) - 1)
    order = np.random.RandomState(settings.seed).permutation(len(chunks))
    chosen = set(order[:n_eval].tolist())
    return {
        'train': [chunk for i, chunk in enumerate(chunks) if i not in chosen],
        'eval': [chunk for i, chunk in enumerate(chunks) if i in chosen],
    }


def plan_shards(splits: dict[str, list[Chunk]], settings: Settings) -> list[Shard]:
    """Deals the shuffled examples of each split evenly to its files."""
    plan = []
    for number, (split, chunks) in enumerate(splits.items()):
        examples = _examples(chunks, settings)
        shuffle = np.random.RandomState(settings.seed + 1 + number)
        examples = examples[shuffle.permutation(len(examples))]
        n_shards = settings.num_shards or _choose_shards(len(examples))
        for index in range(n_shards):
            path = shard_path(settings.output_path, split, index, n_shards)
            temporary = os.path.join(settings.work_dir, os.path.basename(path))
            plan.append(Shard(split, path, temporary, examples[index::n_shards]))
    return plan


def _examples(chunks: list[Chunk], settings: Settings) -> np.ndarray:
    rows = []
    for chunk in chunks:
        starts = chunk.start + example_starts(chunk.n_frames, settings)
        where = np.tile([chunk.recording, chunk.start], (len(starts), 1))
        rows.append(np.concatenate([where, starts[:, np.newaxis]], axis=1))
    return np.concatenate(rows).astype(np.int64)


def _choose_shards(n_examples: int) -> int:
    wanted = max(-(-n_examples // _EXAMPLES_OF_A_SHARD), _FEWEST_SHARDS)
    return min(wanted, n_examples)


def record_prefix(output_path: str, split: str) -> str:
    """What names of a split's files begin with: `NAME-train.tfrecord`."""
    if not split:
        return output_path
    return f'{output_path.removesuffix(".tfrecord")}-{split}.tfrecord'


def shard_path(output_path: str, split: str, index: int, n_shards: int) -> str:
    """Name of one file: `NAME-train.tfrecord-00000-of-00010`."""
    return f'{record_prefix(output_path, split)}-{index:05d}-of-{n_shards:05d}'
