"""Old records make way for new ones: all of them, or none."""

from __future__ import annotations

import json
import math
import os
import re

import pytest
import tensorflow as tf

from ddsp.training.data import dataset_info
from ddsp.training.data_preparation import places, writing

SHARDS = {'old': 3, 'new': 2}
N_RENAMES = sum(SHARDS.values()) + 2  # And the two descriptions.


def names_of(age: str) -> list[str]:
    n_shards = SHARDS[age]
    return [f'a.tfrecord-{i:05d}-of-{n_shards:05d}' for i in range(n_shards)]


def described(age: str) -> dict:
    files = [{'name': n, 'num_examples': 1, 'bytes': 3} for n in names_of(age)]
    return {'format': 1, 'name': 'a', 'age': age, 'splits': {'train': {'files': files}}}


@pytest.fixture
def work(tmp_path):
    """A working folder with new records, beside a dataset of old ones."""
    work = tmp_path / '.work'
    work.mkdir()
    for folder, age in ((tmp_path, 'old'), (work, 'new')):
        for name in names_of(age):
            (folder / name).write_text(age)
    dataset_info.write_json(str(tmp_path / 'dataset.json'), described('old'))
    return work


def replace(work, info=None) -> None:
    moves = [(str(work / n), str(work.parent / n)) for n in names_of('new')]
    output = str(work.parent / 'a.tfrecord')
    writing.put_in_place(moves, output, info or described('new'), str(work))


def there(folder) -> dict[str, str]:
    return {p.name: p.read_text() for p in folder.iterdir() if p.is_file()}


def readable(folder) -> bool:
    """Whether a set of records is complete, and what describes it speaks of it."""
    shards = [name for name in there(folder) if 'tfrecord' in name]
    ages = [age for age in SHARDS if sorted(shards) == names_of(age)]
    path = folder / 'dataset.json'
    told = json.loads(path.read_text())['age'] if path.exists() else None
    return bool(ages) and told in (*ages, None)


def test_new_records_replace_old_ones(work):
    replace(work)
    assert sorted(there(work.parent)) == [*names_of('new'), 'dataset.json']
    assert readable(work.parent)
    assert not list(work.iterdir())


@pytest.mark.parametrize('late', [False, True])
@pytest.mark.parametrize('nth', range(1, N_RENAMES + 1))
def test_old_records_come_back_where_a_file_cannot_be_moved(
    work, monkeypatch, nth, late
):
    before, rename, calls = there(work.parent), tf.io.gfile.rename, []

    def refuse_once(old, new, **kwargs):
        if not old.endswith('.unfinished'):
            calls.append(old)
        if len(calls) != nth:
            rename(old, new, **kwargs)
            return
        calls.append('refused')
        if late:  # As where a file is copied and cannot be removed then.
            tf.io.gfile.copy(old, new, overwrite=True)
        raise tf.errors.PermissionDeniedError(None, None, 'no')

    monkeypatch.setattr(tf.io.gfile, 'rename', refuse_once)
    with pytest.raises(tf.errors.PermissionDeniedError, match='no'):
        replace(work)
    assert there(work.parent) == before


@pytest.mark.parametrize('nth', range(N_RENAMES + 1))
def test_whenever_it_is_killed_there_is_no_mixture(work, monkeypatch, nth):
    rename, calls = tf.io.gfile.rename, []

    def rename_or_be_dead(old, new, **kwargs):
        if len(calls) == nth:
            raise SystemError
        if not old.endswith('.unfinished'):
            calls.append(old)
        rename(old, new, **kwargs)

    monkeypatch.setattr(tf.io.gfile, 'rename', rename_or_be_dead)
    if nth < N_RENAMES:
        with pytest.raises((SystemError, RuntimeError)):
            replace(work)
    else:
        replace(work)
    ages = set(there(work.parent).values()) & set(SHARDS)
    assert len(ages) < 2
    # All of one kind are there, or what is missing shows in the numbers of the others.
    whole = nth in (0, N_RENAMES - 1, N_RENAMES)
    assert readable(work.parent) == whole


def test_old_records_that_cannot_come_back_are_told_of(work, monkeypatch):
    before, rename, calls = there(work.parent), tf.io.gfile.rename, []

    def rename_twice(old, new, **kwargs):
        if len(calls) == 2:
            raise tf.errors.UnavailableError(None, None, 'gone')
        if not old.endswith('.unfinished'):
            calls.append(old)
        rename(old, new, **kwargs)

    monkeypatch.setattr(tf.io.gfile, 'rename', rename_twice)
    kept = work / 'replaced'
    with pytest.raises(RuntimeError, match=rf'gone.*{re.escape(str(kept))}'):
        replace(work)
    assert {**there(work.parent), **there(kept)} == before


def test_a_description_that_cannot_be_written_changes_nothing(work):
    before = there(work.parent)
    with pytest.raises(ValueError, match='not JSON compliant'):
        replace(work, {**described('new'), 'rms': math.nan})
    assert there(work.parent) == before


@pytest.mark.parametrize('name', [*names_of('new'), 'a.tfrecord-00000-of-00009'])
def test_a_folder_of_such_a_name_changes_nothing(work, name):
    (work.parent / name).mkdir()
    (work.parent / name / 'mine').touch()
    before = there(work.parent)
    with pytest.raises(ValueError, match=f'{name} is a folder'):
        replace(work)
    assert there(work.parent) == before
    assert os.listdir(work.parent / name) == ['mine']


def test_a_folder_in_place_of_a_description(work):
    (work.parent / 'dataset.json').unlink()
    (work.parent / 'dataset.json').mkdir()
    with pytest.raises(ValueError, match=r'dataset\.json is a folder'):
        places.check_free(str(work.parent / 'a.tfrecord'), [''])
    assert sorted(there(work.parent)) == names_of('old')
