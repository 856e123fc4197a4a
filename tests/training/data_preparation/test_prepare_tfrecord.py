from __future__ import annotations

import json
import os
import sys

import numpy as np
import pytest
import soundfile
from small_preparation import ARGUMENTS, command, examples, prepare, records

from ddsp import spectral_ops
from ddsp.audio_files import load_audio
from ddsp.recordings import singing_path
from ddsp.training import data
from ddsp.training.data_preparation import (
    ddsp_prepare_tfrecord,
    decoding,
    pipeline,
)
from ddsp.training.data_preparation import prepare_tfrecord_lib as lib


@pytest.fixture(scope='module')
def prepared(sounds, tmp_path_factory):
    """The stereo recording, prepared; gives the folder and the description."""
    folder = tmp_path_factory.mktemp('prepared')
    return folder, prepare(sounds / 'stereo.wav', folder)


def place_of(example, whole, hop=64) -> int:
    """The frame at which an example's audio stands in a recording."""
    length = len(example['audio'])
    starts = range(0, len(whole) - length + 1, hop)
    far = [np.abs(whole[s : s + length] - example['audio']).max() for s in starts]
    assert min(far) < 1e-6
    return int(np.argmin(far))


def test_records_hold_the_recording_and_its_features(prepared, sounds):
    folder, info = prepared
    whole = load_audio(sounds / 'stereo.wav')
    loudness = spectral_ops.compute_loudness(whole, use_tf=False)
    found = examples(folder)
    # Chunks of 2, 2 and 1 s, and an example each half second.
    assert len(found) == info['splits']['train']['num_examples'] == 3 + 3 + 1
    places = [place_of(example, whole) for example in found]
    assert sorted(places) == [0, 125, 250, 500, 625, 750, 1000]
    for place, example in zip(places, found):
        assert {k: v.shape for k, v in example.items()} == {
            'audio': (16000,),
            'audio_16k': (16000,),
            'f0_hz': (250,),
            'f0_confidence': (250,),
            'loudness_db': (250,),
        }
        np.testing.assert_array_equal(example['audio'], example['audio_16k'])
        # Measured with what is heard before and after, so the same to the last frame.
        expected = loudness[place : place + 250]
        np.testing.assert_allclose(example['loudness_db'], expected, atol=1e-2)
        assert (example['f0_hz'] > 0).all()


def test_f0_is_that_of_the_whole_recording(prepared, sounds):
    from ddsp import pitch

    folder, _ = prepared
    whole = load_audio(sounds / 'stereo.wav')
    f0_hz, confidence = pitch.estimate_f0(whole, 16000)
    for example in examples(folder):
        place = place_of(example, whole)
        part = slice(place, place + 250)
        sure = (confidence[part] > 0.9) & (example['f0_confidence'] > 0.9)
        cents = 1200 * np.log2(example['f0_hz'] / f0_hz[part])
        assert np.abs(cents[sure]).max() < 10


def test_the_description(prepared):
    folder, info = prepared
    assert json.loads((folder / 'dataset.json').read_text()) == info
    assert info['sample_rate'] == 16000 and info['frame_rate'] == 250
    assert info['example_secs'] == 1 and info['centered'] is False
    assert info['pitch_method'] == 'swift-f0'
    assert info['features']['audio'] == 16000
    nothing = {'remarks': [], 'skipped': []}
    assert info['recordings'] == {'num_read': 1, 'seconds': 5.0, **nothing}
    train = info['splits']['train']
    assert (train['num_chunks'], train['seconds']) == (3, 5.0)
    for file in train['files']:
        assert file['bytes'] == (folder / file['name']).stat().st_size


def test_statistics_agree_with_numpy(prepared, sounds):
    folder, info = prepared
    whole = load_audio(sounds / 'stereo.wav')
    frames = {name: np.full(1250, np.nan) for name in ('f0_hz', 'f0_confidence')}
    frames['loudness_db'] = np.full(1250, np.nan)
    for example in examples(folder):
        place = place_of(example, whole)
        for name, values in frames.items():
            values[place : place + 250] = example[name]
    assert not np.isnan(frames['f0_hz']).any()
    statistics = info['splits']['train']['statistics']
    audible = frames['loudness_db'] > -79.99
    voiced = (frames['f0_confidence'] >= 0.9) & audible
    midi = 69 + 12 * np.log2(frames['f0_hz'][voiced] / 440)
    for name, values, width in (
        ('loudness_db', frames['loudness_db'], 0.1),
        ('f0_confidence', frames['f0_confidence'], 0.002),
        ('f0_hz', frames['f0_hz'][voiced], 0.5),
        ('f0_midi', midi, 0.02),
    ):
        found = statistics[name]
        assert found['mean'] == pytest.approx(values.mean(), abs=1e-3)
        assert found['std'] == pytest.approx(values.std(), abs=1e-3)
        assert found['min'] == pytest.approx(values.min(), abs=1e-3)
        assert found['max'] == pytest.approx(values.max(), abs=1e-3)
        # Between two values anything is a quantile: NumPy's own are as far apart.
        for part, value in found['quantiles'].items():
            low = np.quantile(values, float(part), method='lower') - width
            high = np.quantile(values, float(part), method='higher') + width
            assert low <= value <= high
    assert statistics['voiced_fraction'] == pytest.approx(voiced.mean())
    assert statistics['silent_fraction'] == pytest.approx(1 - audible.mean())
    assert statistics['audio']['peak'] == pytest.approx(np.abs(whole).max())
    rms = np.sqrt(np.mean(whole.astype(float) ** 2))
    assert statistics['audio']['rms'] == pytest.approx(rms, rel=1e-5)


def test_the_same_again_is_the_same(prepared, sounds, tmp_path):
    folder, _ = prepared
    options = '--direct_num_workers=1'
    prepare(sounds / 'stereo.wav', tmp_path, pipeline_options=options)
    assert records(tmp_path) == records(folder)
    prepare(sounds / 'stereo.wav', tmp_path, seed=1)
    assert records(tmp_path) != records(folder)


def test_other_rates_and_a_frame_more(sounds, tmp_path):
    prepare(
        sounds / 'stereo.wav', tmp_path, sample_rate=22050, frame_rate=50, center=True
    )
    rates = {'sample_rate': 22050, 'frame_rate': 50}
    for example in examples(tmp_path, **rates, centered=True):
        assert {k: v.shape for k, v in example.items()} == {
            'audio': (22050,),
            'audio_16k': (16000,),
            'f0_hz': (51,),
            'f0_confidence': (51,),
            'loudness_db': (51,),
        }
    with pytest.raises(ValueError, match=r'sample_rate is 22050 .* is 16000'):
        examples(tmp_path)


def test_splits(sounds, tmp_path):
    folder = tmp_path / 'new' / 'folder'
    both = [sounds / 'stereo.wav', sounds / 'mono.wav']
    info = prepare(both, folder, eval_split_fraction=0.25)
    assert sorted(records(folder)) == [
        'a-eval.tfrecord-00000-of-00002',
        'a-eval.tfrecord-00001-of-00002',
        'a-train.tfrecord-00000-of-00002',
        'a-train.tfrecord-00001-of-00002',
    ]
    train, held = info['splits']['train'], info['splits']['eval']
    assert (train['num_chunks'], held['num_chunks']) == (4, 2)
    assert len(examples(folder, 'a-train*')) == train['num_examples']
    assert len(examples(folder, 'a-eval*')) == held['num_examples']
    prepare(both, folder)
    assert sorted(records(folder)) == [f'a.tfrecord-0000{i}-of-00002' for i in range(2)]


def test_silence(tmp_path):
    soundfile.write(tmp_path / 'silence.wav', np.zeros(32000), 16000)
    info = prepare(tmp_path / 'silence.wav', tmp_path)
    for example in examples(tmp_path):
        np.testing.assert_array_equal(example['loudness_db'], -80)
        np.testing.assert_array_equal(example['f0_confidence'], 0)
        assert np.isfinite(example['f0_hz']).all()
    statistics = info['splits']['train']['statistics']
    assert statistics['silent_fraction'] == 1
    assert statistics['f0_hz'] is statistics['f0_midi'] is None


def test_another_dataset_in_the_same_folder(prepared, sounds, tmp_path):
    prepare(sounds / 'stereo.wav', tmp_path)
    before = records(tmp_path)
    path = str(tmp_path / 'b.tfrecord')
    lib.prepare_tfrecord(
        [sounds / 'mono.wav'], path, **{**ARGUMENTS, 'example_secs': 2}, say=str
    )
    assert records(tmp_path).items() > before.items()
    assert len(examples(tmp_path)) == 7
    provider = data.TFRecordProvider(f'{path}*', 2)
    assert provider.dataset_info['name'] == 'b'
    with pytest.raises(ValueError, match=r"dataset 'b' .*example_secs is 2"):
        data.TFRecordProvider(f'{path}*', 1).get_dataset()


@pytest.fixture
def mixed_folder(sounds, tmp_path):
    """A recording among files that are none."""
    folder = tmp_path / 'recordings'
    folder.mkdir()
    (folder / 'empty.wav').touch()
    soundfile.write(folder / 'zero.wav', np.zeros(0), 16000)
    (folder / 'words.wav').write_text('These are words. ' * 99)
    singing = singing_path().read_bytes()
    (folder / 'cut.flac').write_bytes(singing[: len(singing) // 2])
    (folder / 'good.wav').write_bytes((sounds / 'mono.wav').read_bytes())
    return folder


def test_unreadable_files_are_left_out_and_named(
    mixed_folder, tmp_path, capfd, monkeypatch
):
    # Where ffmpeg is, it has its own words for what is no audio.
    monkeypatch.setattr(decoding.shutil, 'which', lambda name: None)
    assert command(mixed_folder, tmp_path) == ddsp_prepare_tfrecord.EXIT_SKIPPED == 3
    told = capfd.readouterr().err
    assert 'left out 4 recordings' in told
    for name, reason in (
        ('empty.wav', 'is empty'),
        ('zero.wav', 'no samples'),
        ('words.wav', 'is not audio'),
        ('cut.flac', 'is damaged'),
    ):
        assert f'{mixed_folder}/{name}: ' in told and reason in told
    info = json.loads((tmp_path / 'dataset.json').read_text())
    names = [os.path.basename(s['path']) for s in info['recordings']['skipped']]
    assert names == ['cut.flac', 'empty.wav', 'words.wav', 'zero.wav']
    assert len(examples(tmp_path)) == 7


def test_strict_stops(mixed_folder, tmp_path, capfd):
    assert command(mixed_folder, tmp_path, '--strict') == 1
    assert 'empty.wav: is empty' in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ['recordings']


def test_nothing_can_be_read(mixed_folder, tmp_path, capfd):
    (mixed_folder / 'good.wav').unlink()
    assert command(mixed_folder, tmp_path) == 1
    assert 'no recording could be read' in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ['recordings']


def test_an_empty_folder(tmp_path, capfd):
    (tmp_path / 'none').mkdir()
    assert command(tmp_path / 'none', tmp_path / 'out') == 1
    assert 'holds no sound files' in capfd.readouterr().err


def test_an_output_where_nothing_can_be_written(sounds, tmp_path, capfd):
    (tmp_path / 'file').touch()
    assert command(sounds / 'mono.wav', tmp_path / 'file') == 1
    told = capfd.readouterr().err
    assert f'records cannot be written to {tmp_path}/file' in told
    assert '--debug' not in told


@pytest.mark.parametrize(
    'flags, message',
    [
        (['--frame_rate=300'], 'does not divide'),
        (['--pitch_method=swift'], "did you mean 'swift-f0'"),
        (['--eval_split_fraction=0.5', '--chunk_secs=20'], 'one chunk'),
        (['--output_tfrecord_path=/'], 'is a folder'),
    ],
)
def test_flags_that_cannot_be(sounds, tmp_path, capfd, flags, message):
    assert command(sounds / 'mono.wav', tmp_path, *flags) == 1
    told = capfd.readouterr().err
    assert message in told and 'Traceback' not in told
    assert not list(tmp_path.iterdir())


def test_the_command_does_what_it_is_told(sounds, tmp_path, capfd):
    flags = ['--center', '--noviterbi', '--pipeline_options=--runner=DirectRunner']
    assert command(f'{sounds}/*.wav,{sounds}/mono.wav', tmp_path, *flags) == 0
    assert '2 recordings, 10.0 s' in capfd.readouterr().err
    info = json.loads((tmp_path / 'dataset.json').read_text())
    assert info['centered'] is True and info['viterbi'] is False


def test_a_missing_package_is_named(sounds, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'apache_beam', None)
    with pytest.raises(ImportError, match=r"pip install 'ddsp\[train\]'"):
        prepare(sounds / 'mono.wav', tmp_path)


def test_names_that_are_no_text_or_hold_commas(sounds, tmp_path, capfd):
    content = (sounds / 'mono.wav').read_bytes()
    names = [b'latin\xe9.wav', 'ünï ☃ [1], {x} "q".wav'.encode()]
    (tmp_path / 'in').mkdir()
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path / 'in'), name), 'wb') as file:
            file.write(content)
    assert command(tmp_path / 'in', tmp_path) == 0
    assert '2 recordings, 10.0 s' in capfd.readouterr().err
    assert command(f'{tmp_path}/in/{names[1].decode()}', tmp_path) == 0
    assert '1 recording, 5.0 s' in capfd.readouterr().err


def test_a_recording_counts_once(sounds, tmp_path):
    (tmp_path / 'link.wav').symlink_to(sounds / 'mono.wav')
    paths = [str(sounds / 'mono.wav'), f'{sounds}/./mono.wav', tmp_path / 'link.wav']
    assert prepare(paths, tmp_path)['recordings']['num_read'] == 1
    info = lib.prepare_tfrecord(
        paths[0], str(tmp_path / 'a.tfrecord'), **ARGUMENTS, say=lambda line: None
    )
    assert info['recordings']['num_read'] == 1


def test_an_output_in_the_home_folder(sounds, tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert command(sounds / 'mono.wav', '~/out') == 0
    assert [path.name for path in tmp_path.iterdir()] == ['out']


@pytest.mark.parametrize(
    'given, expected',
    [
        (['--runner=X', '--experiments=a', 'b'], ['--runner=X', '--experiments=a,b']),
        (['--runner X --streaming'], ['--runner=X', '--streaming']),
        ([], []),
    ],
)
def test_forms_of_pipeline_options(given, expected):
    assert pipeline.joined_options(given) == expected


@pytest.mark.parametrize(
    'flag, message',
    [
        ('runner=DataflowRunner', "'runner=DataflowRunner' is no option"),
        ('--direct_num_worker=3', 'knows no direct_num_worker'),
        ('--runner NoSuchRunner', 'NoSuchRunner'),
    ],
)
def test_pipeline_options_without_effect(sounds, tmp_path, capfd, flag, message):
    flag = f'--pipeline_options={flag}'
    assert command(sounds / 'mono.wav', tmp_path, flag) == 1
    assert message in capfd.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_is_worth_a_look_is_told(sounds, tmp_path, capfd):
    soundfile.write(tmp_path / 'still.wav', np.zeros(20000), 16000)
    assert command(f'{sounds}/mono.wav,{tmp_path}/still.wav', tmp_path) == 0
    assert 'still.wav: is silent throughout.' in capfd.readouterr().err
    info = json.loads((tmp_path / 'dataset.json').read_text())
    (remark,) = info['recordings']['remarks']
    assert remark['path'] == f'{tmp_path}/still.wav'
