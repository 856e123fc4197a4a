"""The loss of a training run, as a picture and as a table.

python -m benchmarks.training_curve RUN_DIR --svg benchmarks/training_loss.svg
"""

from __future__ import annotations

import argparse
import pathlib

ROWS = 10


def draw(steps: list[int], losses: list[float], path: pathlib.Path) -> None:
    """Draws the curve."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3), layout='constrained')
    axes = figure.subplots()
    axes.plot(steps, losses)
    axes.set(xlabel='step', ylabel='spectral loss')
    axes.grid(alpha=0.3)
    # No date, so that the same run draws the same file.
    figure.savefig(path, metadata={'Date': None})


def table(steps: list[int], losses: list[float]) -> str:
    """Some of the steps with their losses, as Markdown."""
    every = max(1, len(steps) // ROWS)
    chosen = sorted({0, *range(every - 1, len(steps), every), len(steps) - 1})
    lines = ['| step | loss |', '|---|---|']
    lines += [f'| {steps[i]} | {losses[i]:.2f} |' for i in chosen]
    return '\n'.join(lines)


def main() -> None:
    """Reads the run and writes the picture; prints the table."""
    from ddsp.training.instrument.losses import read_losses

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('run_dir', type=pathlib.Path)
    parser.add_argument('--svg', type=pathlib.Path)
    flags = parser.parse_args()
    steps, losses = read_losses(flags.run_dir)
    if flags.svg:
        draw(steps, losses, flags.svg)
    print(table(steps, losses))


if __name__ == '__main__':
    main()
