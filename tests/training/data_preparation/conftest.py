from __future__ import annotations

import numpy as np
import pytest
import soundfile

from ddsp.audio_files import load_audio
from ddsp.recordings import singing_path


@pytest.fixture(scope='module')
def sounds(tmp_path_factory):
    """Five seconds of singing, in stereo at 44.1 kHz and in mono at 16 kHz."""
    folder = tmp_path_factory.mktemp('sounds')
    audio, rate = soundfile.read(singing_path(), frames=5 * 44100)
    soundfile.write(folder / 'stereo.wav', np.stack([audio, audio], 1), rate, 'FLOAT')
    mono = load_audio(folder / 'stereo.wav')
    soundfile.write(folder / 'mono.wav', mono, 16000, 'FLOAT')
    return folder
