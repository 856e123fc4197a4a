"""TFRecord files read at random: where each record is, and whether it is intact.

A record is its length (8 bytes, little endian), a checksum of these, the data, and a
checksum of the data. Checksums are CRC-32C, rotated and offset ("masked").
"""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import dataclasses
import os
import re
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp.training.data import dataset_info

_HEADER = struct.Struct('<QI')
_FOOTER = struct.Struct('<I')
_EXTRA = _HEADER.size + _FOOTER.size
_SHARD_NUMBERS = re.compile(r'-\d{5,}-of-\d{5,}$')
_SHARD_NAME = re.compile(r'(?P<stem>.*)-(?P<index>\d{5,})-of-(?P<count>\d{5,})$')
_SCANNERS = 16
_MOST_NAMED = 4
_UNREADABLE = {
    ValueError: re.compile(r'ValueError: (?P<message>.* is (damaged|cut off).*)'),
    OSError: re.compile(r'OSError: (?P<message>.* is gone or cannot be read.*)'),
}


@dataclasses.dataclass(frozen=True)
class RecordIndex:
    """All records of some files.

    Parameters
    ----------
    files : paths.
    file_numbers : `[records]`, the file that each stands in.
    offsets : `[records]`, the byte at which it begins.
    sizes : `[records]`, bytes from there to the next one.
    infos : what each `dataset.json` says that describes some of the files.
    """

    files: tuple[str, ...]
    file_numbers: np.ndarray
    offsets: np.ndarray
    sizes: np.ndarray
    infos: tuple[dict[str, Any], ...]

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def info(self) -> dict[str, Any] | None:
        """What `dataset.json` says of the first file, if one describes it."""
        return self.infos[0] if self.infos else None

    def path(self, record: int) -> str:
        """The file that a record stands in."""
        return self.files[self.file_numbers[record]]

    def samples_of_each_form(self, most: int) -> list[int]:
        """Numbers of records that stand for all others, of their dataset and size.

        Parameters
        ----------
        most : how many of them there may be.
        """
        stems: dict[str, int] = {}
        by_file = [
            stems.setdefault(_SHARD_NUMBERS.sub('', path), len(stems))
            for path in self.files
        ]
        forms = np.stack([np.asarray(by_file)[self.file_numbers], self.sizes], axis=1)
        _, first = np.unique(forms, axis=0, return_index=True)
        return sorted(first.tolist())[:most]

    def read(self, record: int) -> bytes:
        """Reads one record.

        Raises
        ------
        ValueError
            When it is damaged; with the file and the offset.
        OSError
            When the file is gone.
        """
        return read_record(self.path(record), int(self.offsets[record]))

    def read_number(self, record: np.ndarray) -> bytes:
        """The same for `tf.numpy_function`."""
        # As Python's bytes: of arrays of bytes TensorFlow never lets go.
        return self.read(int(record))


def make_index(patterns: str | Sequence[str], setting: str) -> RecordIndex:
    """Finds the files of a pattern and the records in them.

    Files that `dataset.json` describes are not looked into; others are skimmed once,
    from record to record.

    Parameters
    ----------
    patterns : of file names; several may stand in a list.
    setting : what an error tells to set where none matches: the parameter of gin, and
        what it is to be.

    Raises
    ------
    FileNotFoundError
        When no file matches, or shards are missing.
    IsADirectoryError
        When a folder is named like a shard.
    ValueError
        When a file is damaged, with the offset; when shards of two datasets match, or
        there are no records.
    """
    files = match_files(patterns, setting)
    infos, described = dataset_info.find_infos(files)
    _check_complete(files)
    with concurrent.futures.ThreadPoolExecutor(_SCANNERS) as pool:
        offsets = list(pool.map(lambda f: find_records(f, described.get(f)), files))
        lengths = list(pool.map(_length, files))
    numbers = [np.full(len(found), i, np.int64) for i, found in enumerate(offsets)]
    sizes = [np.diff(found, append=length) for found, length in zip(offsets, lengths)]
    # A file without records has no sizes, though `diff` makes one out of its length.
    sizes = [size[: len(found)] for size, found in zip(sizes, offsets)]
    index = RecordIndex(
        tuple(files),
        np.concatenate(numbers),
        np.concatenate(offsets),
        np.concatenate(sizes),
        tuple(infos),
    )
    if not len(index):
        raise ValueError(
            f'the {len(files)} files of {patterns} hold no records; prepare them again.'
        )
    return index


def match_files(patterns: str | Sequence[str], setting: str) -> list[str]:
    """Paths that match, sorted; without descriptions, which may match too."""
    patterns = [patterns] if isinstance(patterns, str) else list(patterns)
    found: set[str] = set()
    for pattern in patterns:
        found.update(_glob(os.path.expanduser(pattern)))
    folders = {f for f in found if tf.io.gfile.isdir(f)}
    for folder in sorted(folders):
        if _SHARD_NAME.match(folder):
            raise IsADirectoryError(
                f'{folder} is a folder, expected a record file; copy or prepare it '
                'again.'
            )
    files = sorted(f for f in found - folders if not dataset_info.is_info(f))
    if not files:
        raise FileNotFoundError(
            f'no file matches {", ".join(patterns)}; set {setting}'
            f'{_there(patterns[0])}.'
        )
    return files


def _glob(pattern: str) -> list[str]:
    # Brackets more often are part of a name than a choice of characters.
    return tf.io.gfile.glob(pattern) or tf.io.gfile.glob(pattern.replace('[', '[[]'))


def _there(pattern: str) -> str:
    """Which records there are where a pattern looked in vain, for its message."""
    pattern = os.path.expanduser(pattern)
    folder = pattern if tf.io.gfile.isdir(pattern) else os.path.dirname(pattern)
    names = [n for n in _listed(folder) if _SHARD_NUMBERS.search(n)]
    stems = sorted({_SHARD_NUMBERS.sub('*', name) for name in names})[:_MOST_NAMED]
    if not stems:
        return ''
    return '; there are ' + ', '.join(os.path.join(folder, stem) for stem in stems)


def _listed(folder: str) -> list[str]:
    try:
        return tf.io.gfile.listdir(folder or '.')
    except tf.errors.OpError:
        return []


def _check_complete(files: list[str]) -> None:
    """Refuses sets of shards of which some are missing, or two that are mixed."""
    counts = collections.defaultdict(set)
    for path in files:
        match = _SHARD_NAME.match(path)
        if match:
            counts[match['stem']].add(int(match['count']))
    for stem, found in counts.items():
        if len(found) > 1:
            raise ValueError(
                f'{stem} has shards of several datasets side by side, of '
                f'{" and ".join(str(n) for n in sorted(found))} files each: name one '
                'of them, or remove the older ones.'
            )
        _check_siblings(stem, found.pop())


def _check_siblings(stem: str, count: int) -> None:
    pattern = f'{dataset_info.glob_escape(stem)}-*-of-{count:05d}'
    matches = [_SHARD_NAME.match(path) for path in tf.io.gfile.glob(pattern)]
    # A dataset whose name only begins like this one's has files of its own.
    own = [match for match in matches if match and match['stem'] == stem]
    missing = sorted(set(range(count)) - {int(match['index']) for match in own})
    if missing:
        raise FileNotFoundError(
            f'{len(missing)} of {count} files of {stem} are missing, the first is '
            f'{stem}-{missing[0]:05d}-of-{count:05d}: copying or preparing them was '
            'interrupted; do it again.'
        )


def find_records(path: str, described: dict[str, Any] | None = None) -> np.ndarray:
    """Offsets of all records of a file, int64.

    Parameters
    ----------
    path : the file.
    described : its `num_examples` and `bytes` from `dataset.json`. When both agree with
        the file, and with records of one length, there is no need to skim it.

    Raises
    ------
    ValueError
        When the file is damaged, with the offset; or has not as many records as
        described.
    """
    n_bytes = _length(path)
    if described and described['bytes'] == n_bytes:
        offsets = _even_offsets(path, described['num_examples'], n_bytes)
        if offsets is not None:
            return offsets
    offsets = np.fromiter(_skim(path, n_bytes), np.int64)
    if described and len(offsets) != described['num_examples']:
        raise ValueError(
            f'{path} has {len(offsets)} records in {n_bytes} bytes, but dataset.json '
            f'beside it says {described["num_examples"]} in {described["bytes"]}: '
            'prepare or copy the file again.'
        )
    return offsets


def _even_offsets(path: str, count: int, n_bytes: int) -> np.ndarray | None:
    if not count:
        return np.zeros(0, np.int64)
    with _open(path) as file:
        length = _length_at(file, path, 0, n_bytes)
    if (length + _EXTRA) * count != n_bytes:
        return None
    return np.arange(count, dtype=np.int64) * (length + _EXTRA)


def _skim(path: str, n_bytes: int) -> Iterator[int]:
    with _open(path) as file:
        offset = 0
        while offset < n_bytes:
            yield offset
            offset += _length_at(file, path, offset, n_bytes) + _EXTRA


def _length_at(file: Any, path: str, offset: int, n_bytes: int) -> int:
    """Length of the record's data."""
    file.seek(offset)
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        raise ValueError(_cut_off(path, offset, n_bytes))
    length, checksum = _HEADER.unpack(header)
    if masked_crc(header[:8]) != checksum:
        raise ValueError(
            f'{path} is damaged, or is no TFRecord file: the record at byte {offset} '
            'has a wrong checksum of its length; prepare or copy the file again.'
        )
    if offset + length + _EXTRA > n_bytes:
        raise ValueError(_cut_off(path, offset, n_bytes))
    return length


def _cut_off(path: str, offset: int, n_bytes: int) -> str:
    return (
        f'{path} is cut off: it ends at byte {n_bytes}, within the record at byte '
        f'{offset}; prepare or copy the file again.'
    )


def read_record(path: str, offset: int) -> bytes:
    """The data of the record at an offset.

    Raises
    ------
    ValueError
        When it is damaged.
    OSError
        When the file is gone or cannot be read.
    """
    try:
        data, checksum = _data_at(path, offset)
    except (OSError, tf.errors.OpError) as error:
        why = getattr(error, 'strerror', None) or getattr(error, 'message', error)
        raise OSError(
            f'{path} is gone or cannot be read ({why}): put the records back, or '
            'prepare them again, and start the run again.'
        ) from error
    actual = _fast_masked_crc(data)
    if actual is not None and actual != checksum:
        raise ValueError(
            f'{path} is damaged: the record at byte {offset} has a wrong checksum; '
            'prepare or copy the file again.'
        )
    return data


def _data_at(path: str, offset: int) -> tuple[bytes, int]:
    """The data of a record, and its checksum."""
    with _open(path) as file:
        file.seek(0, os.SEEK_END)
        length = _length_at(file, path, offset, file.tell())
        file.seek(offset + _HEADER.size)
        data = file.read(length)
        return data, _FOOTER.unpack(file.read(_FOOTER.size))[0]


@contextlib.contextmanager
def telling_damage() -> Iterator[None]:
    """Makes what TensorFlow says of a record that cannot be read what it was at first.

    Around whatever takes batches: TensorFlow puts a traceback in its message.

    Raises
    ------
    ValueError
        When the record is damaged.
    OSError
        When its file is gone.
    """
    try:
        yield
    except (tf.errors.InvalidArgumentError, tf.errors.UnknownError) as error:
        for kind, pattern in _UNREADABLE.items():
            found = pattern.search(error.message)
            if found is not None:
                raise kind(found['message']) from error
        raise


def _open(path: str) -> Any:
    # Plain files are read much faster than through TensorFlow's file systems.
    return tf.io.gfile.GFile(path, 'rb') if '://' in path else open(path, 'rb')


def _length(path: str) -> int:
    return int(tf.io.gfile.stat(path).length)


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _crc_table()


def masked_crc(data: bytes) -> int:
    """The checksum of TFRecords, for a few bytes."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return _mask(crc ^ 0xFFFFFFFF)


def _mask(crc: int) -> int:
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _fast_masked_crc(data: bytes) -> int | None:
    """The same for many bytes; None without the package that is quick enough."""
    try:
        import google_crc32c
    except ImportError:
        return None
    return _mask(google_crc32c.value(data))
