from __future__ import annotations

import json
import pathlib

import gin
import numpy as np
import pytest

from ddsp.training import data
from ddsp.training.data_preparation import ddsp_generate_synthetic_dataset as command

SMALL = [
    '--gin_param=generate_notes_v2.n_timesteps = 12',
    '--gin_param=generate_notes_v2.n_harmonics = 4',
    '--gin_param=generate_notes_v2.n_mags = 3',
]


def generate(folder, name='notes', **flags) -> tuple[int, str]:
    path = folder / f'{name}.tfrecord'
    words = [f'--{key}={value}' for key, value in flags.items()]
    return command.main([f'--output_tfrecord_path={path}', *SMALL, *words]), str(path)


def read(path: str, n_timesteps: int = 12) -> list[dict[str, np.ndarray]]:
    provider = data.SyntheticNotes(n_timesteps, 4, 3, file_pattern=f'{path}*')
    examples = provider.get_dataset(shuffle=False)
    found = [{k: v.numpy() for k, v in example.items()} for example in examples]
    return sorted(found, key=lambda example: float(example['f0_hz'].sum()))


@pytest.fixture(scope='module')
def written(tmp_path_factory) -> str:
    status, path = generate(
        tmp_path_factory.mktemp('notes'), num_examples=5, num_shards=2
    )
    assert status == 0
    return path


def test_records_are_what_the_provider_reads(written) -> None:
    examples = read(written)
    assert len(examples) == 5
    for example in examples:
        assert example['sin_freqs'].shape == (12, 4)
        np.testing.assert_allclose(example['harm_dist'].sum(-1), 1.0, rtol=1e-5)
    assert len({float(example['f0_hz'].sum()) for example in examples}) == 5


def test_other_shards_hold_the_same_notes_and_another_seed_does_not(
    written, tmp_path
) -> None:
    _, same = generate(tmp_path, 'same', num_examples=5, num_shards=1)
    _, other = generate(tmp_path, 'other', num_examples=5, num_shards=1, random_seed=1)
    for one, again in zip(read(written), read(same)):
        np.testing.assert_array_equal(one['f0_hz'], again['f0_hz'])
    assert not np.array_equal(read(written)[0]['f0_hz'], read(other)[0]['f0_hz'])


def test_a_description_stands_beside_them(written, tmp_path) -> None:
    info = json.loads(pathlib.Path(written).with_name('dataset.json').read_text())
    assert info['n_timesteps'] == 12 and info['n_harmonics'] == 4
    split = info['splits']['train']
    assert split['num_examples'] == 5
    assert [file['num_examples'] for file in split['files']] == [3, 2]
    with pytest.raises(ValueError, match='n_timesteps is 12'):
        read(written, n_timesteps=13)


def test_tones_that_last_can_be_asked_for(tmp_path) -> None:
    path = tmp_path / 'tones.tfrecord'
    status = command.main(
        [
            f'--output_tfrecord_path={path}',
            '--num_examples=1',
            '--num_shards=1',
            '--gin_param=generate_examples.generate_fn = @generate_notes',
            '--gin_param=generate_notes.n_timesteps = 6',
            '--gin_param=generate_notes.n_harmonics = 4',
            '--gin_param=generate_notes.n_mags = 3',
        ]
    )
    assert status == 0
    assert read(str(path), n_timesteps=6)[0]['f0_hz'].shape == (6, 1)


@pytest.mark.parametrize(
    ('flags', 'said'),
    [
        ({'num_examples': 0}, '--num_examples is 0'),
        ({'random_seed': -1}, '--random_seed is -1, expected at least 0.'),
        ({'num_examples': 2, 'num_shards': 3}, 'some files would be empty'),
        ({'gin_param': 'generate_notes_v2.n_note = 3'}, 'n_note'),
        ({'gin_file': 'nowhere.gin'}, 'nowhere.gin'),
        ({'gin_param': 'generate_notes_v2.p_silent = 3'}, 'p_silent is 3'),
    ],
)
def test_errors_are_told_and_nothing_is_written(tmp_path, capsys, flags, said) -> None:
    status, _ = generate(tmp_path, **flags)
    assert status == 1 and said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_output_on_another_machine(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = 'ram://notes/a.tfrecord'
    words = [f'--output_tfrecord_path={path}', '--num_examples=1', '--num_shards=1']
    assert command.main([*SMALL, *words]) == 0
    assert len(read(path)) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_output_in_the_home_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv('HOME', str(tmp_path))
    words = ['--output_tfrecord_path=~/a', '--num_examples=1', '--num_shards=1']
    assert command.main([*SMALL, *words]) == 0
    assert (tmp_path / 'a-00000-of-00001').exists()


def test_an_output_where_nothing_can_be_written(tmp_path, capsys) -> None:
    (tmp_path / 'file').touch()
    status, _ = generate(tmp_path / 'file')
    assert status == 1
    assert f'cannot be written to {tmp_path}/file' in capsys.readouterr().err


def test_records_of_another_dataset_are_not_replaced(tmp_path, capsys) -> None:
    assert generate(tmp_path, num_examples=1, num_shards=1)[0] == 0
    path = tmp_path / 'dataset.json'
    path.write_text(path.read_text().replace('"name": "notes"', '"name": "other"'))
    assert generate(tmp_path, num_examples=1, num_shards=1)[0] == 1
    assert "is of dataset 'other'" in capsys.readouterr().err


def test_the_help_tells_every_exit_status() -> None:
    assert '143 for SIGTERM' in command.make_parser().format_help()


def test_a_folder_is_no_name_of_files(tmp_path, capsys) -> None:
    assert command.main([f'--output_tfrecord_path={tmp_path}']) == 1
    assert 'is a folder' in capsys.readouterr().err


def test_the_configuration_is_left_as_it_was(tmp_path) -> None:
    with gin.unlock_config():
        gin.clear_config()
    before = gin.config_str()
    generate(tmp_path, num_examples=1, num_shards=1)
    assert gin.config_str() == before


def test_workers_elsewhere_read_the_configuration_themselves() -> None:
    text = '\n'.join(
        [
            'generate_examples.generate_fn = @generate_notes_v2',
            *(word.removeprefix('--gin_param=') for word in SMALL),
        ]
    )
    worker = command.GenerateExampleFn(text)
    with command.own_configuration():
        worker.start_bundle()
        (first,) = worker.process(3)
        (again,) = worker.process(3)
    command._READ.clear()
    assert first == again and len(first) > 100
