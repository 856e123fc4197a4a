"""Live timbre transfer, against its parts played at once."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tensorflow as tf
from live_tiny import HOP, RATE, melody, tiny_instrument, tiny_voice

from ddsp.core.portable import portable_ops
from ddsp.training.inference import StreamingInstrument
from ddsp.training.live import (
    Controls,
    LiveModule,
    LiveVoice,
    control_tensors,
    counted_noise,
    voice,
)

SECONDS = 1.2


def noise(n_samples):
    return counted_noise(0, n_samples, 4)[None]


@functools.lru_cache
def compiled():
    return tf.function(tiny_voice().step, autograph=False)


def play(audio, hops=5):
    """Plays in blocks of so many hops; gives what `Played` holds, joined."""
    step = compiled()
    size, state, parts = hops * HOP, tiny_voice().initial_state(), []
    controls = control_tensors(Controls(autotune=0.3, loudness_shift=3.0))
    source = noise(len(audio))
    for first in range(0, len(audio) // size * size, size):
        block = slice(first, first + size)
        played, state = step(audio[None, block], source[:, block], controls, state)
        parts.append([x.numpy()[0] for x in played])
    return voice.Played(*map(np.concatenate, zip(*parts))), state


@pytest.fixture(scope='module')
def audio():
    return melody(SECONDS)[: 150 * HOP]


@pytest.fixture(scope='module')
def hop_by_hop(audio):
    return play(audio, hops=1)[0]


def test_it_is_its_parts_one_after_the_other(audio, hop_by_hop):
    playing = tiny_voice()
    heard, _ = playing.pitch.step(audio[None], playing.pitch.initial_state())
    levels, _ = playing.loudness.step(audio[None], playing.loudness.initial_state())
    followed, _ = playing.follower.step(
        heard['f0_hz'],
        heard['f0_confidence'],
        levels['loudness_db'],
        control_tensors(Controls(autotune=0.3, loudness_shift=3.0)),
        playing.follower.initial_state(),
    )
    instrument = StreamingInstrument.from_instrument(tiny_instrument())
    features = {'f0_hz': followed.f0_hz, 'loudness_db': followed.loudness_db}
    expected, _ = instrument.step(
        features, instrument.initial_state(), noise(len(audio))
    )
    assert hop_by_hop.note.mean() > 0.3
    np.testing.assert_allclose(hop_by_hop.f0_hz, followed.f0_hz[0], rtol=1e-4)
    np.testing.assert_allclose(
        hop_by_hop.loudness_db, followed.loudness_db[0], atol=1e-2
    )
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(
        hop_by_hop.audio, voice.limit(expected)[0], atol=1e-3 * np.abs(expected).max()
    )


def test_blocks_do_not_matter(audio, hop_by_hop):
    played, _ = play(audio, hops=5)
    size = np.abs(played.audio).max()
    np.testing.assert_allclose(played.audio, hop_by_hop.audio, atol=1e-3 * size)


def test_what_it_hears_is_what_was_sung(audio, hop_by_hop):
    # Of the middle of each note, by when it is heard.
    for note in range(1, 4):
        middle = (note + 0.5) * 0.3 + tiny_voice().hearing / RATE
        frame = round(middle * RATE / HOP)
        sung = 150.0 * 2.0 ** (note % 5 / 6.0)
        cents = 1200 * np.log2(hop_by_hop.heard_hz[frame] / sung)
        assert abs(cents) < 50
        assert hop_by_hop.note[frame]


def test_the_latency_is_that_of_hearing_and_playing():
    playing = tiny_voice()
    assert playing.latency == playing.hearing + playing.instrument.latency
    assert playing.milliseconds == 1000 * playing.latency / RATE <= 64
    assert playing.pitch.latency == playing.loudness.latency == playing.hearing


def test_nan_and_infinity_are_silence(audio):
    broken, muted = audio.copy(), audio.copy()
    broken[5000:5700] = np.nan
    broken[9000], broken[9001] = np.inf, -np.inf
    muted[5000:5700] = muted[9000:9002] = 0.0
    played, state = play(broken)
    expected, _ = play(muted)
    np.testing.assert_array_equal(played.audio, expected.audio)
    assert all(np.isfinite(x).all() for x in state.values())


def test_sound_stays_within_full_scale_and_as_it_is_below():
    given = tf.linspace(-0.8, 0.8, 100)
    np.testing.assert_array_equal(voice.limit(given), given)
    loud = voice.limit(tf.linspace(-3.0, 3.0, 601)).numpy()
    assert np.abs(loud).max() <= 1.0
    assert np.diff(loud).min() > -1e-6
    # It bends, it does not break: the slope beside the knee is that before it.
    assert np.abs(np.diff(loud, 2)).max() < 0.01 * 0.05 * 4
    assert float(voice.limit(tf.constant(np.nan))) == 0.0


def test_an_instrument_too_late_is_refused(monkeypatch):
    monkeypatch.setattr(voice, 'LONGEST_SECONDS', 0.01)
    with pytest.raises(ValueError, match=r'plays \d+ ms late: 384 samples to hear'):
        LiveVoice(tiny_instrument())


@pytest.mark.parametrize('portable', [False, True])
def test_the_module_plays_the_same(audio, hop_by_hop, portable):
    if portable:
        with portable_ops():
            module = LiveModule(LiveVoice(tiny_instrument()))
    else:
        module = LiveModule(tiny_voice())
    state, parts = module.initial_state(), []
    controls = module.controls(Controls(autotune=0.3, loudness_shift=3.0))
    source = noise(len(audio))
    for first in range(0, 60 * HOP, HOP):
        block = slice(first, first + HOP)
        given = [audio[None, block], source[:, block], *controls.values()]
        given = [tf.constant(x) for x in (*given, *state.values())]
        outputs = dict(zip(module.input_names, given, strict=True))
        outputs = module.step(**outputs)
        assert sorted(outputs) == sorted(module.output_names)
        state = {name: outputs[f'next_{name}'] for name in state}
        parts.append(outputs['played'].numpy()[0])
    played = np.concatenate(parts)
    expected = hop_by_hop.audio[: len(played)]
    np.testing.assert_allclose(played, expected, atol=2e-3 * np.abs(expected).max())


def test_a_module_of_no_frames_is_refused():
    with pytest.raises(ValueError, match='frames_per_block is 0'):
        LiveModule(tiny_voice(), frames_per_block=0)
