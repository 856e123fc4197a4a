from __future__ import annotations

import gin
import numpy as np
import pytest
import tensorflow as tf
from small_records import count_reads, numbers_of, write_file

from ddsp.training import data
from ddsp.training.data.urmp import INSTRUMENTS


def note(number: int, n_frames: int = 1000, instrument: bytes = b'vc') -> dict:
    """A record of URMP with one note, MIDI number 60 + number, in its second half."""
    roll = np.zeros([n_frames, 128], np.float32)
    roll[n_frames // 2 :, 60 + number] = 80
    curve = np.linspace(0, 1, n_frames, dtype=np.float32)
    return {
        'audio': np.full(64 * n_frames, number, np.float32),
        'f0_hz': curve,
        'f0_confidence': curve,
        'loudness_db': curve,
        'power_db': curve,
        'note_active_velocities': roll,
        'note_active_frame_indices': roll > 0,
        'note_onsets': np.diff(roll, axis=0, prepend=0) > 0,
        'note_offsets': 0 * roll,
        'instrument_id': instrument,
        'recording_id': b'7',
    }


def test_urmp_finds_its_files(tmp_path):
    name = 'urmp_vc_solo_ddsp_conditioning_test_unbatched.tfrecord-00000-of-00001'
    write_file(tmp_path / name, [note(0)])
    provider = data.Urmp(str(tmp_path), 'vc', 'test', 'unbatched')
    (example,) = provider.get_dataset()
    assert example['audio'].shape == [64000]
    assert (provider.sample_rate, provider.frame_rate) == (16000, 250)
    with pytest.raises(FileNotFoundError, match=r'urmp_vc_solo.*_train') as caught:
        data.Urmp(str(tmp_path), 'vc').get_dataset()
    assert 'split and suffix, which make up this pattern; there are' in str(
        caught.value
    )


def test_urmp_names_parameters_that_it_has(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'set Urmp\.base_dir, instrument_key'):
        data.Urmp(str(tmp_path), 'vc').get_dataset()
    name = 'urmp_vc_solo_ddsp_conditioning_train.tfrecord-00000-of-00001'
    write_file(tmp_path / name, [note(0, 500)])
    said = (
        r'has no parameter example_secs: .*LegacyTFRecordProvider, with example_secs 2'
    )
    with pytest.raises(ValueError, match=said):
        data.Urmp(str(tmp_path), 'vc').get_dataset()


def test_urmp_with_notes(tmp_path):
    name = 'urmp_all_solo_ddsp_conditioning_train.tfrecord-00000-of-00001'
    write_file(tmp_path / name, [note(0), note(1, instrument=b'kazoo')])
    provider = data.UrmpMidi(str(tmp_path), 'all')
    batch = next(iter(provider.get_batch(2, shuffle=False)))
    assert batch['note_active_velocities'].shape == [2, 1000, 128]
    assert batch['note_onsets'].shape == [2, 1000, 128]
    assert batch['midi'].shape == [2, 1000, 1]
    np.testing.assert_array_equal(batch['midi'][:, 0, 0], [0, 0])
    np.testing.assert_array_equal(batch['midi'][:, -1, 0], [60, 61])
    assert batch['instrument_id'].numpy().tolist() == [INSTRUMENTS.index('vc'), -1]
    assert batch['recording_id'].numpy().tolist() == [b'7', b'7']


def test_whole_pieces_of_urmp(tmp_path):
    name = 'urmp_vc_solo_ddsp_conditioning_train.tfrecord-00000-of-00001'
    write_file(tmp_path / name, [note(0, 30), note(1, 70)])
    provider = data.UrmpMidiUnsegmented(str(tmp_path), 'vc')
    lengths = {
        int(e['audio'][0]): e['note_offsets'].shape for e in provider.get_dataset()
    }
    assert lengths == {0: [30, 128], 1: [70, 128]}
    shapes = {e['midi'].shape[1] for e in provider.get_batch(1, repeats=1)}
    assert shapes == {30, 70}


def test_urmp_with_notes_goes_on_without_reading_what_it_skips(tmp_path, monkeypatch):
    name = 'urmp_vc_solo_ddsp_conditioning_train.tfrecord-00000-of-00001'
    write_file(tmp_path / name, [note(number) for number in range(3)])
    provider = data.UrmpMidi(str(tmp_path), 'vc')
    whole = numbers_of(provider.get_batch(2, seed=1), 6)
    assert numbers_of(provider.get_batch(2, seed=1, skip_batches=4), 2) == whole[4:]
    read = count_reads(monkeypatch)
    (batch,) = provider.get_batch(2, seed=1, skip_batches=500).take(1)
    assert batch['midi'].shape == [2, 1000, 1]
    assert len(read) < 500


def test_whole_pieces_of_urmp_go_in_batches_of_one(tmp_path):
    name = 'urmp_vc_solo_ddsp_conditioning_train.tfrecord-00000-of-00001'
    write_file(tmp_path / name, [note(0, 30), note(1, 70)])
    provider = data.UrmpMidiUnsegmented(str(tmp_path), 'vc')
    with pytest.raises(ValueError, match=r'batch_size is 2, .* batch_size = 1\b'):
        provider.get_batch(2)
    context = tf.distribute.InputContext(2, 0, num_replicas_in_sync=2)
    (batch,) = provider.get_batch(2, input_context=context).take(1)
    assert batch['audio'].shape[0] == 1


def test_synthetic_notes(tmp_path):
    sizes = {
        'f0_hz': 1,
        'harm_amp': 1,
        'harm_dist': 7,
        'sin_amps': 7,
        'sin_freqs': 7,
        'noise_magnitudes': 3,
    }
    values = {
        name: np.random.default_rng(0).uniform(size=[5, size]).astype(np.float32)
        for name, size in sizes.items()
    }
    write_file(tmp_path / 'notes.tfrecord', [values])
    provider = data.SyntheticNotes(5, 7, 3, str(tmp_path / 'notes*'))
    (example,) = provider.get_dataset()
    for name, value in values.items():
        np.testing.assert_array_equal(example[name], value)
    with pytest.raises(ValueError, match=r'harm_dist has 35 values .* expects 30'):
        data.SyntheticNotes(5, 6, 3, str(tmp_path / 'notes*')).get_batch(1)


def test_a_dataset_that_was_saved(tmp_path):
    examples = tf.data.Dataset.from_tensor_slices({'audio': tf.eye(6)})
    examples.save(str(tmp_path / 'saved'))
    provider = data.ExperimentalDataProvider(str(tmp_path / 'saved'), 16000, 250)

    def peaks(count, **kwargs):
        batches = provider.get_batch(2, seed=5, **kwargs).take(count)
        return [tf.argmax(b['audio'], axis=1).numpy().tolist() for b in batches]

    numbers = [n for batch in peaks(6) for n in batch]
    assert sorted(numbers[:6]) == sorted(numbers[6:]) == list(range(6))
    assert numbers[:6] != numbers[6:]
    assert peaks(2, skip_batches=4) == peaks(6)[4:]
    with pytest.raises(ValueError, match='larger than the dataset'):
        provider.get_batch(7)


def test_nothing_was_saved(tmp_path):
    provider = data.ExperimentalDataProvider(str(tmp_path), 16000, 250)
    with pytest.raises(FileNotFoundError, match='holds no dataset'):
        provider.get_batch(1)


@pytest.mark.parametrize(
    'name', [n for n in data.__all__ if n not in ('DataProvider', 'TfdsProvider')]
)
def test_gin_knows_them(name):
    assert gin.get_configurable(f'ddsp.training.data.{name}') is not None
    assert gin.get_configurable(f'data.{name}') is not None
