from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddsp.training.data_preparation.decoding import Recording
from ddsp.training.data_preparation.settings import Settings, check_settings
from ddsp.training.data_preparation.splitting import (
    cut_chunks,
    example_starts,
    plan_shards,
    shard_path,
    split_chunks,
)


def settings(**values) -> Settings:
    return Settings('/out/a.tfrecord', '/work', **values)


def recordings(*frames: int) -> list[Recording]:
    return [Recording(i, f'{i}.wav', n_frames=n) for i, n in enumerate(frames)]


def chunks_of(s: Settings, *frames: int) -> list:
    return [chunk for r in recordings(*frames) for chunk in cut_chunks(r, s)]


def test_chunks_lie_end_to_end():
    s = settings(example_secs=1, chunk_secs=4)
    chunks = chunks_of(s, 4500)
    assert [(c.start, c.n_frames) for c in chunks] == [
        (0, 1000),
        (1000, 1000),
        (2000, 1000),
        (3000, 1000),
        (4000, 500),
    ]


def test_a_rest_shorter_than_an_example_joins_the_last_chunk():
    s = settings(example_secs=1, chunk_secs=4)
    assert [c.n_frames for c in chunks_of(s, 2249)] == [1000, 1249]
    assert [c.n_frames for c in chunks_of(s, 2250)] == [1000, 1000, 250]


@pytest.mark.parametrize('chunk_secs', [0, 4])
def test_a_short_recording_is_one_chunk_and_its_filling_is_known(chunk_secs):
    s = settings(chunk_secs=chunk_secs)
    recording = Recording(0, 'a.wav', 1.0, n_frames=1000, n_filled=750)
    (chunk,) = cut_chunks(recording, s)
    assert (chunk.n_frames, chunk.n_recorded) == (1000, 250)
    assert [c.n_recorded for c in chunks_of(s, 1000)] == [1000]


def test_recordings_can_stay_whole():
    s = settings(chunk_secs=0)
    assert [c.n_frames for c in chunks_of(s, 100_000, 1000)] == [100_000, 1000]


@given(
    n_frames=st.integers(100, 1000),
    hop=st.integers(1, 150),
)
def test_examples_reach_from_the_first_frame_to_the_last(n_frames, hop):
    s = settings(frame_rate=100, example_secs=1, hop_secs=hop / 100)
    starts = example_starts(n_frames, s)
    assert starts[0] == 0
    assert starts[-1] == n_frames - 100
    steps = np.diff(starts)
    assert (steps > 0).all() and (steps <= hop).all()
    assert (steps[:-1] == hop).all()


@pytest.mark.parametrize('part', [0.01, 0.1, 0.5, 0.99])
def test_splits_never_share_a_chunk(part):
    s = settings(eval_split_fraction=part)
    chunks = chunks_of(s, 40_000, 30_000, 5000)
    splits = split_chunks(chunks, s)
    assert len(splits['eval']) == np.clip(round(part * len(chunks)), 1, 14)
    together = splits['train'] + splits['eval']
    assert len(set(together)) == len(together) == len(chunks) == 15
    plan = plan_shards(splits, s)
    places = {'train': set(), 'eval': set()}
    for shard in plan:
        for recording, _, start in shard.examples.tolist():
            frames = range(start, start + s.example_frames)
            places[shard.split].update((recording, frame) for frame in frames)
    assert not places['train'] & places['eval']


def test_the_seed_chooses():
    chunks = chunks_of(settings(), 100_000)
    once, again, other = (
        split_chunks(order, settings(eval_split_fraction=0.3, seed=seed))['eval']
        for order, seed in ((chunks, 1), (chunks[::-1], 1), (chunks, 2))
    )
    assert once == again != other


def test_one_chunk_cannot_be_split():
    s = settings(eval_split_fraction=0.1)
    with pytest.raises(ValueError, match='chunk_secs smaller than 20 '):
        split_chunks(chunks_of(s, 2000), s)


def test_examples_are_dealt_evenly():
    s = settings(num_shards=7)
    plan = plan_shards(split_chunks(chunks_of(s, 9000, 2275), s), s)
    counts = [len(shard.examples) for shard in plan]
    assert len(plan) == 7
    assert max(counts) - min(counts) <= 1
    everything = np.concatenate([shard.examples for shard in plan])
    assert len(np.unique(everything, axis=0)) == len(everything)
    assert (everything[:, 2] >= everything[:, 1]).all()


@pytest.mark.parametrize('frames, shards', [(1250, 2), (5000, 10), (2_800_000, 10)])
def test_number_of_shards(frames, shards):
    s = settings()
    assert len(plan_shards(split_chunks(chunks_of(s, frames), s), s)) == shards


def test_many_examples_make_more_shards():
    s = settings(hop_secs=0.1)
    plan = plan_shards(split_chunks(chunks_of(s, 500_000), s), s)
    assert len(plan) > 10
    assert max(len(shard.examples) for shard in plan) <= 1000


def test_names():
    path = '/out/a.tfrecord'
    assert shard_path(path, '', 0, 10) == '/out/a.tfrecord-00000-of-00010'
    assert shard_path(path, 'eval', 3, 10) == '/out/a-eval.tfrecord-00003-of-00010'
    assert shard_path('/out/a', 'train', 0, 1) == '/out/a-train.tfrecord-00000-of-00001'


@pytest.mark.parametrize(
    'values, message',
    [
        ({'sample_rate': 0}, 'sample_rate is 0'),
        ({'frame_rate': 300}, 'frame_rate 300 does not divide sample_rate 16000'),
        ({'example_secs': 0.0}, 'example_secs is 0'),
        ({'example_secs': 1.001}, 'example_secs 1.001 is 250.25 frames'),
        ({'hop_secs': -1}, 'hop_secs is -1'),
        ({'chunk_secs': 3}, 'chunk_secs 3 is shorter than example_secs 4'),
        ({'eval_split_fraction': 1}, 'eval_split_fraction is 1'),
        ({'num_shards': 0}, 'num_shards is 0'),
        ({'seed': -5}, 'seed is -5, expected 0 to 2147483647'),
        ({'chunk_secs': math.nan}, 'chunk_secs is nan'),
        ({'hop_secs': math.inf}, 'hop_secs is inf'),
    ],
)
def test_settings_that_cannot_be(values, message):
    with pytest.raises(ValueError, match=message.replace('.', r'\.')):
        check_settings(settings(**values))
