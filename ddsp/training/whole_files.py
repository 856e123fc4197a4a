"""Files that appear whole or not at all."""

from __future__ import annotations

import os

import tensorflow as tf


def write_text(
    path: str | os.PathLike[str], text: str, unfinished: str = '.tmp'
) -> None:
    """Writes a file beside its place, and puts it there when it is complete.

    Parameters
    ----------
    path : of the file, in any file system that TensorFlow writes to.
    text : all of it.
    unfinished : what its name ends in until then.
    """
    path = os.fspath(path)
    with tf.io.gfile.GFile(f'{path}{unfinished}', 'w') as file:
        file.write(text)
    tf.io.gfile.rename(f'{path}{unfinished}', path, overwrite=True)
