"""What may travel in a packed instrument, and what may not."""

from __future__ import annotations

import pathlib

import pack_instrument
import pytest

CONFIG = """\
import ddsp

# Macros:
# ====
batch_size = 8

# Parameters for train/TFRecordProvider:
# ====
train/TFRecordProvider.example_secs = 4
train/TFRecordProvider.file_pattern = \\
    '/home/me/runs/violin/data/instrument-train.tfrecord-*-of-00010'
train/TFRecordProvider.sample_rate = 16000
held_out/data.TFRecordProvider.file_pattern = 'here.tfrecord'

# Parameters for train:
# ====
train.restore_dir = '~/runs'
train.save_dir = [
    '/home/me',
]
train.num_steps = 4000
RnnFcDecoder.output_splits = \\
    (('amps', 1), ('harmonic_distribution', 100))
"""


def test_places_are_left_out_and_nothing_else() -> None:
    kept = pack_instrument.without_places(CONFIG)
    left_out = [line for line in CONFIG.splitlines() if line not in kept.splitlines()]
    assert left_out == [
        'train/TFRecordProvider.file_pattern = \\',
        "    '/home/me/runs/violin/data/instrument-train.tfrecord-*-of-00010'",
        "held_out/data.TFRecordProvider.file_pattern = 'here.tfrecord'",
        "train.restore_dir = '~/runs'",
        'train.save_dir = [',
        "    '/home/me',",
        ']',
    ]


@pytest.mark.parametrize('path', ['/etc/model.gin', '~/model.gin', 'C:\\\\model.gin'])
def test_other_places_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r'place of this machine: model\.file'):
        pack_instrument.without_places(f"{CONFIG}model.file = '{path}'\n")


def test_a_place_in_a_description_is_refused(tmp_path: pathlib.Path) -> None:
    pack_instrument.write_json(tmp_path / 'instrument.json', {'model': '/me/a.gin'})
    with pytest.raises(ValueError, match='place of this machine'):
        pack_instrument.check(tmp_path)


def test_what_is_too_large_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / 'ckpt-1.data-00000-of-00001').write_bytes(bytes(2_900_000))
    assert pack_instrument.check(tmp_path) == pytest.approx(2.9)
    (tmp_path / 'ckpt-1.index').write_bytes(bytes(200_000))
    with pytest.raises(ValueError, match=r'3\.10 MB, expected at most 3'):
        pack_instrument.check(tmp_path)


def test_what_is_no_run_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError, match='expected a run of ddsp train'):
        pack_instrument.records_of(tmp_path)
