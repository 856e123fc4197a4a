from __future__ import annotations

import tensorflow as tf

from ddsp.training.instrument.losses import read_losses


def write(folder, name: str, losses: dict[int, float]) -> None:
    """A file of summaries, as a part of a run leaves it."""
    writer = tf.summary.create_file_writer(str(folder), filename_suffix=name)
    with writer.as_default():
        for step, loss in losses.items():
            tf.summary.scalar('losses/total_loss', loss, step=step)
            tf.summary.scalar('learning_rate', 7.0, step=step)
    writer.close()


def rename(folder, names: list[str]) -> None:
    """Names files as if parts had begun one second after the other."""
    for number, name in enumerate(names):
        (path,) = folder.glob(f'*{name}')
        path.rename(folder / f'events.out.tfevents.{1000 + number}.{name}')


def test_parts_are_joined_and_later_ones_win(tmp_path):
    folder = tmp_path / 'summaries' / 'train'
    write(folder, 'one', {10: 4.0, 20: 3.0, 30: 2.5})
    write(folder, 'two', {30: 2.0, 40: 1.0})
    rename(folder, ['one', 'two'])
    assert read_losses(tmp_path) == ([10, 20, 30, 40], [4.0, 3.0, 2.0, 1.0])


def test_a_file_that_was_cut_short(tmp_path):
    folder = tmp_path / 'summaries' / 'train'
    write(folder, 'one', {10: 4.0, 20: 3.0})
    rename(folder, ['one'])
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    steps, losses = read_losses(tmp_path)
    assert steps == [10, 20]
    assert losses == [4.0, 3.0]


def test_no_summaries(tmp_path):
    assert read_losses(tmp_path) == ([], [])
