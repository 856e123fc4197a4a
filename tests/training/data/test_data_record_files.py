from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from small_records import features, serialize, write_file, write_records

from ddsp.training.data import record_files


def spoil(path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x10
    path.write_bytes(content)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / 'a.tfrecord'
    write_file(path, [features(number) for number in range(3)])
    return path


def test_finds_what_tensorflow_reads(tmp_path):
    pattern = write_records(tmp_path, 7)
    index = record_files.make_index(pattern, 'X.file_pattern')
    files = sorted(tf.io.gfile.glob(pattern))
    expected = [record.numpy() for record in tf.data.TFRecordDataset(files)]
    assert [index.read(i) for i in range(len(index))] == expected


def test_records_of_other_lengths(tmp_path):
    path = tmp_path / 'a.tfrecord'
    lengths = [0, 1, 5, 100, 0, 70000]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for length in lengths:
            writer.write(b'\0' * length)
    offsets = record_files.find_records(str(path))
    read = [record_files.read_record(str(path), offset) for offset in offsets]
    assert [len(data) for data in read] == lengths


def test_bytes_that_end_with_zeros_pass_whole(tmp_path):
    path = tmp_path / 'a.tfrecord'
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b'ab\0\0')
    index = record_files.make_index(str(path), 'X')
    found = tf.numpy_function(index.read_number, [0], tf.string)
    assert found.numpy() == b'ab\0\0'


def test_a_cut_file_is_named_with_the_offset(path):
    whole = path.read_bytes()
    size = len(whole) // 3
    for kept in (2 * size + 4, 2 * size + 300, 3 * size - 1):
        path.write_bytes(whole[:kept])
        with pytest.raises(ValueError, match=rf'a\.tfrecord is cut off.*byte {kept},'):
            record_files.make_index(str(path), 'X')
        with pytest.raises(ValueError, match=f'the record at byte {2 * size};'):
            record_files.make_index(str(path), 'X')


def test_a_spoilt_length_is_found_before_training(path):
    size = path.stat().st_size // 3
    spoil(path, size + 2)
    with pytest.raises(ValueError, match=rf'a\.tfrecord is damaged.* at byte {size} '):
        record_files.make_index(str(path), 'X')


def test_spoilt_data_is_found_when_read(path):
    size = path.stat().st_size // 3
    spoil(path, size + 100)
    index = record_files.make_index(str(path), 'X')
    assert index.read(0) == serialize(features(0))
    with pytest.raises(ValueError, match=rf'a\.tfrecord is damaged.* at byte {size} '):
        index.read(1)


def test_checksum_without_its_package(path, monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'google_crc32c', None)
    assert record_files.read_record(str(path), 0) == serialize(features(0))


def test_the_two_checksums_agree():
    data = np.random.default_rng(0).bytes(1000)
    assert record_files.masked_crc(data) == record_files._fast_masked_crc(data)


def test_no_tfrecord_file(tmp_path):
    (tmp_path / 'a.tfrecord').write_text('These are words. ' * 10)
    with pytest.raises(ValueError, match='or is no TFRecord file'):
        record_files.make_index(str(tmp_path / 'a.tfrecord'), 'X')


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no file matches .*; set X\.pattern'):
        record_files.make_index(str(tmp_path / 'b*'), 'X.pattern')


def test_no_records(tmp_path):
    (tmp_path / 'a.tfrecord').touch()
    with pytest.raises(ValueError, match='hold no records'):
        record_files.make_index(str(tmp_path / 'a*'), 'X')


def test_a_missing_shard(tmp_path):
    pattern = write_records(tmp_path, 6)
    (tmp_path / 'a.tfrecord-00001-of-00003').unlink()
    with pytest.raises(FileNotFoundError, match=r'1 of 3 files .*00001-of-00003'):
        record_files.make_index(pattern, 'X')


def test_one_shard_may_be_asked_for(tmp_path):
    write_records(tmp_path, 6)
    path = tmp_path / 'a.tfrecord-00001-of-00003'
    assert len(record_files.make_index(str(path), 'X')) == 2


def test_shards_of_two_datasets(tmp_path):
    write_records(tmp_path, 6, n_files=2)
    pattern = write_records(tmp_path, 6, n_files=3)
    with pytest.raises(ValueError, match=r'several datasets .* of 2 and 3 files'):
        record_files.make_index(pattern, 'X')
    pattern = str(tmp_path / 'a.tfrecord-*-of-00003')
    assert len(record_files.make_index(pattern, 'X')) == 6


def test_a_folder_with_signs_of_patterns_in_its_name(tmp_path):
    folder = tmp_path / 'takes [1]'
    folder.mkdir()
    write_records(folder, 4)
    path = str(tmp_path / 'takes [[]1]' / 'a*')
    assert len(record_files.make_index(path, 'X')) == 4


def test_brackets_in_a_name_need_not_be_escaped(tmp_path):
    folder = tmp_path / 'takes [1]'
    folder.mkdir()
    write_records(folder, 4)
    assert len(record_files.make_index(str(folder / 'a*'), 'X')) == 4


def test_a_description_beside_records_may_match(tmp_path):
    write_records(tmp_path, 4)
    (tmp_path / 'dataset-b.json.unfinished').write_text('{')
    (tmp_path / 'dataset.json').write_text('{"format": 1}')
    assert len(record_files.make_index(str(tmp_path / '*'), 'X')) == 4


@pytest.mark.parametrize('pattern', ['', 'b*'])
def test_what_is_there_is_told_where_a_pattern_looks_in_vain(tmp_path, pattern):
    write_records(tmp_path, 4)
    with pytest.raises(FileNotFoundError, match=r'; there are .*/a\.tfrecord\*\.$'):
        record_files.make_index(str(tmp_path / pattern), 'X')


def test_a_shard_that_is_a_folder(tmp_path):
    pattern = write_records(tmp_path, 6)
    (tmp_path / 'a.tfrecord-00001-of-00003').unlink()
    (tmp_path / 'a.tfrecord-00001-of-00003').mkdir()
    with pytest.raises(IsADirectoryError, match=r'00001-of-00003 is a folder'):
        record_files.make_index(pattern, 'X')


@pytest.mark.parametrize(
    'other', ['a.tfrecord-x-00001-of-00003', 'a.tfrecord-x-of-00003']
)
def test_files_of_others_are_no_shards(tmp_path, other):
    pattern = write_records(tmp_path, 6)
    (tmp_path / other).touch()
    assert len(record_files.make_index(f'{pattern[:-1]}-0*', 'X')) == 6
    (tmp_path / 'a.tfrecord-00001-of-00003').unlink()
    with pytest.raises(FileNotFoundError, match=r'1 of 3 files .*00001-of-00003'):
        record_files.make_index(f'{pattern[:-1]}-0*', 'X')


def test_a_file_that_is_gone(path):
    index = record_files.make_index(str(path), 'X')
    path.unlink()
    match = r'a\.tfrecord is gone or cannot be read \(No such file or directory\)'
    with pytest.raises(OSError, match=match):
        index.read(0)


def test_a_file_that_is_gone_from_another_file_system(path):
    index = record_files.make_index(f'file://{path}', 'X')
    path.unlink()
    with pytest.raises(OSError, match=r'^file://.*a\.tfrecord is gone or cannot be'):
        index.read(0)


def test_a_file_without_records_among_others(tmp_path):
    write_records(tmp_path, 2, n_files=3)
    index = record_files.make_index(str(tmp_path / 'a*'), 'X')
    assert len(index.sizes) == len(index) == 2
    assert [index.path(i)[-14:] for i in range(2)] == [
        '00000-of-00003',
        '00001-of-00003',
    ]
