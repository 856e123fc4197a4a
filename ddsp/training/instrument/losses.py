"""The loss over a whole run, read from what TensorBoard reads."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from ddsp.optional import import_optional

_TAG = 'losses/total_loss'


def read_losses(out_dir: Path) -> tuple[list[int], list[float]]:
    """Steps and mean losses of a run, over all its parts.

    Where a part went back to an earlier checkpoint, the later value of a step counts. A
    file that was cut short is read as far as it goes.

    Parameters
    ----------
    out_dir : of the run, with `summaries/train`.
    """
    found: dict[int, float] = {}
    folder = out_dir / 'summaries' / 'train'
    # Names hold the time when a part began.
    for path in sorted(folder.glob('events.out.tfevents.*')):
        for step, loss in _read(path):
            found[step] = loss
    return sorted(found), [found[step] for step in sorted(found)]


def _read(path: Path) -> list[tuple[int, float]]:
    # The form of the records is TensorBoard's.
    events = import_optional('tensorboard.compat.proto.event_pb2', 'the loss of a run')
    values = []
    try:
        for record in tf.data.TFRecordDataset(str(path)):
            event = events.Event.FromString(record.numpy())
            for value in event.summary.value:
                if value.tag == _TAG:
                    loss = float(tf.make_ndarray(value.tensor))
                    values.append((int(event.step), loss))
    except tf.errors.DataLossError:
        pass
    return values
