"""What `render` gives at the ends: all of a sound, and no more."""

from __future__ import annotations

import numpy as np
from late_voice import voice, voice_inputs
from stream_inputs import BATCH, HOP, audio, blocks

from ddsp import processors, streaming


def test_nothing_to_render() -> None:
    assert list(streaming.render(processors.Add(), [])) == []


def test_less_than_the_latency() -> None:
    short = {key: x[:, :1] for key, x in voice_inputs.items()}
    group = voice()
    group(voice_inputs)
    played = list(streaming.render(group, [short], hop_size=HOP, compiled=False))
    assert sum(signal.shape[1] for signal in played) == HOP - 40


def test_a_crop_at_the_end_is_rendered() -> None:
    group = processors.ProcessorGroup(dag=[(processors.Crop(100), ['audio'])])
    played = list(streaming.render(group, blocks({'audio': audio}), BATCH))
    np.testing.assert_array_equal(np.concatenate(played, axis=1), audio[:, :-100])
