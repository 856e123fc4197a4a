"""Makes what the home page of the documentation plays and shows.

    python scripts/docs_sounds.py --out docs

Has the violin play the bundled singing, and draws the spectrograms of both. Needs
`pip install 'ddsp[train]'`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

_SAMPLE_RATE = 16000
_BINS, _FRAMES = 160, 900
_RANGE_DB = 70.0
_COLOURS = 96


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the script; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', type=Path, required=True, metavar='DIR')
    out = parser.parse_args(argv).out

    import soundfile

    from ddsp import audio_files, recordings
    from ddsp.training import load_instrument

    singing = audio_files.load_audio(recordings.singing_path(), _SAMPLE_RATE)
    violin = np.asarray(load_instrument('violin').transfer(singing, _SAMPLE_RATE))
    for folder in ('sounds', 'pictures'):
        (out / folder).mkdir(parents=True, exist_ok=True)
    soundfile.write(out / 'sounds/violin.mp3', violin, _SAMPLE_RATE)
    for name, audio in {'singing': singing, 'violin': violin}.items():
        draw_spectrogram(audio, out / f'pictures/{name}.png')
    return 0


def draw_spectrogram(audio: np.ndarray, path: Path) -> None:
    """Draws a spectrogram with a mel scale, from edge to edge, without axes.

    Parameters
    ----------
    audio : `[samples]`.
    path : of the PNG.
    """
    import matplotlib
    from PIL import Image

    from ddsp import spectral_ops

    mel = spectral_ops.compute_mel(
        audio[np.newaxis], lo_hz=60.0, hi_hz=7800.0, bins=_BINS, fft_size=2048
    )
    level_db = 20.0 * np.log10(np.maximum(np.asarray(mel)[0], 1e-7)).T[::-1]
    # From the loudest down: 1 to 0.
    level = np.clip(1.0 + (level_db - level_db.max()) / _RANGE_DB, 0.0, 1.0)
    coloured = matplotlib.colormaps['magma'](level, bytes=True)[..., :3]
    image = Image.fromarray(coloured).resize((_FRAMES, 2 * _BINS), Image.BICUBIC)
    image.quantize(_COLOURS).save(path, optimize=True)


if __name__ == '__main__':
    sys.exit(main())
