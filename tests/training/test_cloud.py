from __future__ import annotations

import pathlib
import sys
import types

import pytest

from ddsp.training import cloud


@pytest.fixture
def storage(monkeypatch):
    """Buckets of files, `{bucket: {name: text}}`, in place of Google's."""
    buckets = {'music': {'a/violin.gin': 'violin', 'b/violin.gin': 'viola'}}

    class Blob:
        def __init__(self, text):
            self.text = text

        def download_to_filename(self, path):
            if self.text is None:
                pathlib.Path(path).write_text('half of')
                raise ConnectionError
            pathlib.Path(path).write_text(self.text)

    class Client:
        def bucket(self, name):
            files = buckets.get(name, {})
            return types.SimpleNamespace(
                get_blob=lambda name: Blob(files[name]) if name in files else None
            )

    module = types.SimpleNamespace(Client=Client)
    monkeypatch.setitem(sys.modules, 'google.cloud.storage', module)
    return buckets


def test_downloads(storage, tmp_path):
    path = tmp_path / 'new' / 'copy.gin'
    cloud.download_from_gstorage('gs://music/a/violin.gin', str(path))
    assert path.read_text() == 'violin'
    assert [p.name for p in path.parent.iterdir()] == ['copy.gin']


def test_half_a_download_is_no_file(storage, tmp_path):
    storage['music']['a/violin.gin'] = None
    path = tmp_path / 'copy.gin'
    path.write_text('old')
    with pytest.raises(ConnectionError):
        cloud.download_from_gstorage('gs://music/a/violin.gin', str(path))
    assert path.read_text() == 'old'


def test_what_cannot_be_downloaded(storage, tmp_path):
    target = str(tmp_path / 'x')
    with pytest.raises(FileNotFoundError, match='gs://music/cello'):
        cloud.download_from_gstorage('gs://music/cello.gin', target)
    for path in ('gs://music', 'gs://', '/music/a', 'gs:///a'):
        with pytest.raises(ValueError, match='no file in Google Cloud Storage'):
            cloud.download_from_gstorage(path, target)


def test_local_paths_pass(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'google.cloud.storage', None)
    assert (
        cloud.make_file_paths_local('models/ae.gin', str(tmp_path)) == 'models/ae.gin'
    )
    paths = ['a.gin', '/b/c.gin']
    assert cloud.make_file_paths_local(paths, str(tmp_path)) == paths
    assert cloud.make_file_paths_local([], str(tmp_path)) == []
    assert not list(tmp_path.iterdir())


def test_paths_in_the_cloud_become_local(storage, tmp_path):
    paths = cloud.make_file_paths_local(
        ['x.gin', 'gs://music/a/violin.gin'], str(tmp_path)
    )
    assert paths == ['x.gin', str(tmp_path / 'violin.gin')]
    assert (tmp_path / 'violin.gin').read_text() == 'violin'
    path = cloud.make_file_paths_local('gs://music/b/violin.gin', str(tmp_path))
    assert pathlib.Path(path).read_text() == 'viola'
    both = [f'gs://music/{folder}/violin.gin' for folder in 'ab']
    with pytest.raises(ValueError, match='both would become'):
        cloud.make_file_paths_local(both, str(tmp_path))


def test_missing_packages_are_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, 'google.cloud.storage', None)
    with pytest.raises(ImportError, match="pip install 'google-cloud-storage'"):
        cloud.make_file_paths_local('gs://a/b', str(tmp_path))
    monkeypatch.setitem(sys.modules, 'hypertune', None)
    with pytest.raises(ImportError, match="pip install 'cloudml-hypertune'"):
        cloud.report_metric_to_hypertune(1.0, 2)


def test_hypertune_is_told(monkeypatch):
    told = []
    tuner = types.SimpleNamespace(
        report_hyperparameter_tuning_metric=lambda **report: told.append(report)
    )
    module = types.SimpleNamespace(HyperTune=lambda: tuner)
    monkeypatch.setitem(sys.modules, 'hypertune', module)
    cloud.report_metric_to_hypertune(0.5, 30)
    assert told == [
        {
            'hyperparameter_metric_tag': 'Loss',
            'metric_value': 0.5,
            'global_step': 30,
        }
    ]
