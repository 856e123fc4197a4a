from __future__ import annotations

import stat
import zipfile

import pytest

from ddsp.training.transfer import archives


def archive(path, **files):
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as target:
        for name, content in files.items():
            target.writestr(name, content)
    return path


def test_contents_are_there_while_the_context_lasts(tmp_path):
    files = {
        'model/a.txt': 'x' * 1000,
        'model/deep/b.txt': 'y',
        'model/operative_config-1.gin': '',
    }
    with archives.unpacked(archive(tmp_path / 'a.zip', **files)) as folder:
        assert (folder / 'a.txt').read_text() == 'x' * 1000
        assert (folder / 'deep' / 'b.txt').read_text() == 'y'
    assert not folder.exists()


@pytest.mark.parametrize(
    'name',
    ['../out.txt', 'a/../../out.txt', '/etc/out', 'C:\\out', 'C:out', '..\\out', '\\o'],
)
def test_what_leads_outside_is_not_opened(tmp_path, name):
    path = archive(tmp_path / 'a.zip', **{'good.txt': 'x', name: 'bad'})
    before = sorted(tmp_path.rglob('*'))
    refused = pytest.raises(ValueError, match='outside of the directory')
    with refused, archives.unpacked(path):
        pass
    assert sorted(tmp_path.rglob('*')) == before
    assert archives.leaves(name)


def test_names_that_stay_inside():
    assert not any(map(archives.leaves, ['a', 'a/b', 'a..b/c', '...', 'a/./b']))


def test_links_are_not_opened(tmp_path):
    member = zipfile.ZipInfo('link')
    member.create_system = 3
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = archive(tmp_path / 'a.zip')
    with zipfile.ZipFile(path, 'w') as target:
        target.writestr(member, '/etc/passwd')
    with pytest.raises(ValueError, match='is a link'), archives.unpacked(path):
        pass


def test_too_large(tmp_path, monkeypatch):
    path = archive(tmp_path / 'a.zip', zeros=b'0' * 100_000)
    monkeypatch.setattr(archives, '_MOST_BYTES', 50_000)
    with pytest.raises(ValueError, match='that is no model'), archives.unpacked(path):
        pass


@pytest.mark.parametrize('where', [0.1, 0.5, 0.9])
def test_damage_is_found(tmp_path, where):
    path = archive(tmp_path / 'a.zip', data=bytes(range(256)) * 400)
    content = bytearray(path.read_bytes())
    # Cut short, and changed inside.
    cut = tmp_path / 'cut.zip'
    cut.write_bytes(content[: int(where * len(content))])
    refused = pytest.raises(ValueError, match=r'cut\.zip is damaged')
    with refused, archives.unpacked(cut):
        pass
    content[50] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'a\.zip is damaged'), archives.unpacked(path):
        pass


def test_the_folder_with_the_model_is_found(tmp_path):
    files = {'m/operative_config-7.gin': 'x', 'm/a': 'y', '.DS_Store': 'z', 'n/b': ''}
    with archives.unpacked(archive(tmp_path / 'a.zip', **files)) as folder:
        assert {path.name for path in folder.iterdir()} == {
            'operative_config-7.gin',
            'a',
        }


@pytest.mark.parametrize('kind', [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression(tmp_path, kind):
    path = tmp_path / 'a.zip'
    with zipfile.ZipFile(path, 'w', kind) as target:
        target.writestr('data', bytes(range(256)) * 400)
    with archives.unpacked(path) as folder:
        assert (folder / 'data').stat().st_size == 102400
    content = bytearray(path.read_bytes())
    content[60:90] = bytes(30)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'a\.zip is damaged'), archives.unpacked(path):
        pass


def test_encrypted(tmp_path):
    path = archive(tmp_path / 'a.zip', data='x')
    content = path.read_bytes()
    flagged = bytearray(content)
    # The flag stands in the local header and in the list of contents.
    flagged[6] |= 1
    flagged[content.index(b'PK\x01\x02') + 8] |= 1
    path.write_bytes(flagged)
    with pytest.raises(ValueError, match='is encrypted'), archives.unpacked(path):
        pass
