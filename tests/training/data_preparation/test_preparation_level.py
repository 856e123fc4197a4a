from __future__ import annotations

import numpy as np
import pytest

from ddsp.training.data_preparation.level import Level

TONE = np.sin(2 * np.pi * 110 * np.arange(16000) / 16000)


@pytest.mark.parametrize(
    'audio, words',
    [
        (TONE, None),
        (np.round(TONE * 32767) / 32768, None),
        (5 * TONE, None),  # Beyond full scale, as floating-point files can be.
        (np.clip(5 * TONE, -1, 1), 'is clipped: 8'),
        (np.zeros(100), 'is silent'),
        (1e-4 * TONE, 'is very quiet: its loudest sample is at -80 dB'),
        (np.zeros(0), None),
    ],
)
def test_what_is_remarked(audio, words):
    level = Level()
    for block in np.array_split(audio.astype(np.float32), 3):
        level.add(block)
    remark = level.remark()
    assert remark is None if words is None else remark.startswith(words)
