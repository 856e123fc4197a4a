"""Which files of a folder describe datasets."""

from __future__ import annotations

import pytest

from ddsp.training.data import dataset_info, record_files

OTHERS = ('dataset_statistics.json', 'dataset_info.json', 'datasets.json')


def test_other_files_of_such_names_describe_nothing(tmp_path):
    for name in (*OTHERS, 'dataset.json', 'dataset-violin.json'):
        (tmp_path / name).write_text('{}')
    assert dataset_info.infos_in(str(tmp_path)) == [
        str(tmp_path / 'dataset-violin.json'),
        str(tmp_path / 'dataset.json'),
    ]


@pytest.mark.parametrize('name', OTHERS)
def test_records_are_found_beside_them(tmp_path, name):
    (tmp_path / name).write_text('{"words": []}')
    info = {'format': 1, 'name': 'a', 'splits': {}}
    dataset_info.write_json(str(tmp_path / 'dataset.json'), info)
    record = tmp_path / 'a.tfrecord-00000-of-00001'
    record.touch()
    assert dataset_info.find_infos([str(record)]) == ([], {})
    # Nor are they records, though a wide pattern matches them.
    found = record_files.match_files(str(tmp_path / '*'), 'file_pattern')
    assert found == [str(record)]
