from __future__ import annotations

import concurrent.futures
import json
import zipfile

import gin
import numpy as np
import pytest
import tiny_model

from ddsp.training import load_instrument, transfer
from ddsp.training.transfer import finding, loading, playing


@pytest.fixture(scope='module')
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp('models') / 'tiny'
    tiny_model.write_tiny_model(directory, tiny_model.REVERB)
    return directory


def tone(instrument, seconds=1.0):
    n_frames = round(seconds * instrument.frame_rate)
    notes = np.ones(n_frames, bool)
    f0_hz = np.linspace(200.0, 300.0, n_frames).astype(np.float32)
    loudness = np.linspace(-40.0, -10.0, n_frames).astype(np.float32)
    return transfer.Adjusted(f0_hz, loudness, notes, 0, ())


def zipped(directory, path, folder=''):
    with zipfile.ZipFile(path, 'w') as archive:
        for file in directory.iterdir():
            archive.write(file, f'{folder}{file.name}')
    return path


def test_a_directory_a_checkpoint_and_an_archive_play_the_same(directory, tmp_path):
    places = [
        directory,
        directory / 'ckpt-7',
        directory / 'ckpt-7.index',
        directory / 'ckpt-7.data-00000-of-00001',
        zipped(directory, tmp_path / 'flat.zip'),
        zipped(directory, tmp_path / 'folder.zip', 'some/folders/'),
    ]
    played = []
    for place in places:
        instrument = load_instrument(place)
        assert (instrument.sample_rate, instrument.frame_rate) == (16000, 125)
        played.append(instrument.play(tone(instrument)))
    assert np.abs(played[0]).max() > 1e-3
    for other in played[1:]:
        np.testing.assert_array_equal(other, played[0])
    assert load_instrument(places[-1]).name == 'folder'


def test_it_plays_what_the_model_plays(tmp_path):
    model = tiny_model.write_tiny_model(tmp_path, tiny_model.HARMONIC_REVERB)
    instrument = load_instrument(tmp_path)
    adjusted = tone(instrument)
    features = playing.network_features(
        adjusted.f0_hz, adjusted.loudness_db, adjusted.loudness_db
    )
    features = {k: np.float32(v)[None, :, None] for k, v in features.items()}
    expected = np.asarray(model.decode(features, training=False))[0]
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(instrument.play(adjusted), expected, atol=1e-5)


def test_names(monkeypatch, directory, tmp_path):
    shipped = tmp_path / 'shipped'
    target = shipped / 'kazoo'
    target.mkdir(parents=True)
    for file in directory.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    told = {'name': 'kazoo', 'title': 'Kazoo', 'lowest': 55, 'highest': 79}
    (target / 'instrument.json').write_text(json.dumps({**told, 'other': 1}))
    monkeypatch.setattr(finding, 'SHIPPED', shipped)
    (info,) = transfer.list_instruments()
    assert (info.name, info.title, info.lowest, info.highest) == (
        'kazoo',
        'Kazoo',
        55,
        79,
    )
    assert load_instrument('kazoo').info.title == 'Kazoo'
    with pytest.raises(FileNotFoundError, match=r'expected one of kazoo.*mean kazoo'):
        load_instrument('kazo')
    with pytest.raises(FileNotFoundError, match="no instrument ''"):
        load_instrument('')


def test_gin_is_left_alone(directory):
    gin.parse_config('Harmonic.sample_rate = 8000')
    no_text = object()
    gin.bind_parameter('ddsp.processors.Add.name', no_text)
    load_instrument(directory)
    assert gin.query_parameter('Harmonic.sample_rate') == 8000
    assert gin.query_parameter('ddsp.processors.Add.name') is no_text


def test_threads_may_load_at_once(directory, tmp_path):
    other = tmp_path / 'other'
    tiny_model.write_tiny_model(other, tiny_model.HARMONIC_REVERB)
    gin.parse_config('Harmonic.sample_rate = 8000')
    places = [directory, other, directory, other]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        loaded = list(pool.map(load_instrument, places))
    for place, instrument in zip(places, loaded):
        expected = load_instrument(place).play(tone(instrument))
        np.testing.assert_allclose(instrument.play(tone(instrument)), expected)
    assert gin.query_parameter('Harmonic.sample_rate') == 8000


@pytest.mark.parametrize(
    'told, said',
    [
        ('{"lowest": 50}', 'from 50 to None'),
        ('{"lowest": "C3", "highest": "C6"}', "from 'C3' to 'C6'"),
        ('[1]', 'expected a JSON object'),
        ('{', 'not valid JSON'),
    ],
)
def test_what_is_told_of_a_model_is_checked(directory, tmp_path, told, said):
    for file in directory.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / 'instrument.json').write_text(told)
    with pytest.raises(ValueError, match=said):
        load_instrument(tmp_path)


def test_what_is_no_model_is_refused(tmp_path, directory):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(ValueError, match='no operative_config'):
        load_instrument(tmp_path / 'empty')
    no_weights = tmp_path / 'no_weights'
    no_weights.mkdir()
    config = next(directory.glob('*.gin'))
    (no_weights / config.name).write_bytes(config.read_bytes())
    with pytest.raises(ValueError, match='no checkpoint'):
        load_instrument(no_weights)
    (no_weights / config.name).write_text('import ddsp\nHarmonic.sample_rate = 8000')
    with pytest.raises(ValueError, match='describes no model'):
        load_instrument(no_weights)
    (tmp_path / 'text.zip').write_text('no archive at all')
    with pytest.raises(ValueError, match=r'text.zip is damaged, or no zip file'):
        load_instrument(tmp_path / 'text.zip')


def test_a_damaged_checkpoint(tmp_path):
    tiny_model.write_tiny_model(tmp_path)
    data = next(tmp_path.glob('ckpt-7.data-*'))
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(OSError, match='damaged'):
        load_instrument(tmp_path)


def test_a_decoder_that_wants_timbre_is_refused(tmp_path):
    tiny_model.write_tiny_model(tmp_path)
    config = next(tmp_path.glob('*.gin'))
    text = config.read_text()
    config.write_text(text + "\nRnnFcDecoder.input_keys = ('ld_scaled', 'z')\n")
    with pytest.raises(ValueError, match='wants z besides pitch and loudness'):
        load_instrument(tmp_path)


def test_a_pickle_is_refused_with_the_command(tmp_path, directory):
    for file in directory.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / 'dataset_statistics.pkl').write_bytes(b'cos\nsystem\n')
    command = f'ddsp statistics RECORDINGS --instrument {tmp_path}'
    with pytest.raises(ValueError, match=command):
        load_instrument(tmp_path)
    with finding.located(tmp_path) as place:
        rates = loading.rates_of(place)
    assert rates == {'sample_rate': 16000, 'frame_rate': 125}
    (tmp_path / 'dataset_statistics.json').write_text('{"mean_pitch": 1')
    with pytest.raises(ValueError, match='not valid JSON'):
        load_instrument(tmp_path)
    (tmp_path / 'dataset_statistics.json').write_text('{"mean_pitch": 1}')
    with pytest.raises(ValueError, match='mean_pitch_note'):
        load_instrument(tmp_path)


def test_a_model_without_statistics_says_so(directory):
    instrument = load_instrument(directory)
    time = np.arange(16000) / 16000
    hum = sum(np.sin(2 * np.pi * 220 * h * time) / h for h in range(1, 9)) / 8
    performance = instrument.perform(hum.astype(np.float32), 16000)
    assert 'ddsp statistics' in performance.adjusted.warnings[-1]
    assert performance.adjusted.octaves == 0
    controls = transfer.Controls(adjust=False)
    assert not instrument.perform(hum, 16000, controls).adjusted.warnings


def test_lstm_and_power(tmp_path):
    tiny_model.write_tiny_model(
        tmp_path,
        "RnnFcDecoder.rnn_type = 'lstm'\n"
        "RnnFcDecoder.input_keys = ('pw_scaled', 'f0_scaled')\n",
    )
    instrument = load_instrument(tmp_path)
    time = np.arange(16000) / 16000
    hum = sum(np.sin(2 * np.pi * 220 * h * time) / h for h in range(1, 9)) / 8
    features = instrument.listen(hum, 16000)
    adjusted = instrument.adjust(features, transfer.Controls())
    with_power = instrument.play(adjusted, features)
    without = instrument.play(adjusted)
    assert np.abs(with_power).max() > 1e-4
    assert not np.allclose(with_power, without)
