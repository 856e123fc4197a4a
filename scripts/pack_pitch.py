"""Packs the encoders of a trained `InverseSynthesis` as the estimator `ddsp-inv`.

    ddsp_run --mode=train --save_dir=runs/pitch \
      --gin_file=models/small_inverse_synthesis.gin
    python scripts/pack_pitch.py runs/pitch

Writes `ddsp/training/inverse_pitch/weights.npz`, or the file of `--out`.
"""

from __future__ import annotations

import argparse
import pathlib

import tensorflow as tf

from ddsp.training.inverse_pitch import weights


def pack(checkpoint: str, out: pathlib.Path) -> None:
    """Writes the weights of a checkpoint, or of the newest one of a directory."""
    model = weights.make_model()
    model({'audio': tf.zeros([1, 16384])}, training=False)
    parts = ['sinusoidal_encoder', 'harmonic_encoder']
    model.restore(checkpoint, verbose=False, restore_keys=parts)
    weights.save_weights(model, out)


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('checkpoint', help='directory or checkpoint')
    parser.add_argument('--out', type=pathlib.Path, default=weights.SHIPPED)
    arguments = parser.parse_args()
    pack(arguments.checkpoint, arguments.out)
    print(f'{arguments.out}: {arguments.out.stat().st_size / 1000:.0f} kB')


if __name__ == '__main__':
    main()
