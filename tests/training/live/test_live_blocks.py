"""Blocks of any size and rate around steps of one hop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp.training.live import BlockLoop


def through(loop, audio):
    size = loop.block_size
    blocks = audio[: len(audio) // size * size].reshape(-1, size)
    return np.concatenate([loop.process(block) for block in blocks])


@settings(max_examples=40, deadline=None)
@given(hop=st.integers(1, 300), block=st.integers(1, 700))
def test_sound_is_late_by_the_latency_and_the_same(hop, block):
    loop = BlockLoop(lambda x: x, hop, 16000, block, 16000)
    audio = np.arange(1, 5 * max(hop, block) + 1, dtype=np.float32)
    played = through(loop, audio)
    late = loop.latency
    assert 0 <= late < hop
    assert not played[:late].any()
    np.testing.assert_array_equal(played[late:], audio[: len(played) - late])


@pytest.mark.parametrize('rate', [8000, 22050, 44100, 48000])
@pytest.mark.parametrize('block', [128, 441, 960])
def test_other_rates(rate, block):
    loop = BlockLoop(lambda x: x, 128, 16000, block, rate)
    audio = np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    played = through(loop, audio)
    expected = np.sin(2 * np.pi * 440 * (np.arange(len(played)) - loop.latency) / rate)
    # The latency is told in whole samples.
    allowed = 1e-3 + 0.5 * 2 * np.pi * 440 / rate
    assert np.abs(played - expected)[rate // 4 :].max() < allowed
    assert loop.latency < 0.02 * rate


def test_there_is_always_a_block_to_give():
    loop = BlockLoop(lambda x: x, 128, 16000, 470, 44100)
    for _ in range(3000):  # As many as half a minute has.
        assert loop.process(np.zeros(470)).shape == (470,)


def test_steps_have_whole_hops():
    sizes = []

    def step(audio):
        sizes.append(audio.shape)
        return audio

    through(BlockLoop(step, 128, 16000, 320, 16000), np.zeros(3200))
    assert sizes == [(128,)] * 25


def test_nan_and_infinity_are_silence():
    audio = np.ones(640)
    audio[100:110], audio[200] = np.nan, np.inf
    played = through(BlockLoop(lambda x: x, 64, 16000, 320, 16000), audio)
    np.testing.assert_array_equal(played, np.where(np.isfinite(audio), audio, 0.0))


def test_nan_does_not_stay_in_a_filter():
    loop = BlockLoop(lambda x: x, 128, 16000, 960, 48000)
    loop.process(np.full(960, np.nan))
    assert np.isfinite(through(loop, np.ones(9600))).all()


def test_a_block_of_another_size_is_refused():
    loop = BlockLoop(lambda x: x, 128, 16000, 320, 16000)
    with pytest.raises(ValueError, match=r'shape \[319\], expected \[320\]'):
        loop.process(np.zeros(319))
    with pytest.raises(ValueError, match=r'shape \[320, 2\]'):
        loop.process(np.zeros([320, 2]))


def test_restarting_forgets():
    loop = BlockLoop(lambda x: x, 128, 16000, 300, 48000)
    first = through(loop, np.linspace(0, 1, 3000))
    loop.restart()
    np.testing.assert_array_equal(through(loop, np.linspace(0, 1, 3000)), first)
