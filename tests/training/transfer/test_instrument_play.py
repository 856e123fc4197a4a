from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
import tiny_model

from ddsp.training import load_instrument, postprocessing, transfer
from ddsp.training.transfer import Controls, measures, transfer_file
from ddsp.training.transfer import run as transfer_run

RATE = 16000


def melody(seconds=2.0, rate=RATE, low=220.0):
    """Two notes with overtones, the second one louder."""
    time = np.arange(round(seconds * rate)) / rate
    f0_hz = np.where(time < seconds / 2, low, 1.5 * low)
    phase = 2 * np.pi * np.cumsum(f0_hz) / rate
    level = np.where(time < seconds / 2, 0.1, 0.3)
    harmonics = [np.sin(h * phase) / h for h in range(1, 9) if h * low * 1.5 < rate / 2]
    return (level * sum(harmonics)).astype(np.float32)


class Examples:
    """A dataset of one recording."""

    sample_rate, frame_rate = RATE, tiny_model.FRAME_RATE

    def __init__(self, features):
        self.features = features

    def get_batch(self, batch_size, shuffle, repeats, drop_remainder):
        names = ('audio', 'f0_hz', 'f0_confidence', 'loudness_db')
        yield {name: getattr(self.features, name)[np.newaxis] for name in names}


@pytest.fixture(scope='module')
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp('models') / 'tiny'
    tiny_model.write_tiny_model(directory)
    features = load_instrument(directory).listen(melody(low=880.0), RATE)
    statistics = postprocessing.compute_dataset_statistics(Examples(features))
    (directory / 'dataset_statistics.json').write_text(json.dumps(statistics))
    return directory


@pytest.fixture(scope='module')
def instrument(directory):
    return load_instrument(directory)


@pytest.mark.parametrize('rate', [8000, 11025, 16000, 44100, 96000])
def test_any_rate(instrument, rate):
    performance = instrument.perform(melody(rate=rate), rate)
    played = instrument.transfer(melody(rate=rate), rate)
    assert played.dtype == np.float32
    assert abs(len(played) - 2 * RATE) <= 1
    assert performance.adjusted.octaves == 2
    notes = performance.adjusted.notes & (performance.features.f0_confidence > 0.95)
    f0_hz = performance.features.f0_hz[notes]
    near = np.minimum(abs(f0_hz / 220 - 1), abs(f0_hz / 330 - 1)) < 0.02
    assert near.mean() > 0.95


def test_channels_are_averaged(instrument):
    mono = melody()
    five = np.stack([2.0 * mono, mono, mono, mono, np.zeros_like(mono)], axis=1)
    np.testing.assert_allclose(instrument.listen(five, RATE).audio, mono, atol=1e-6)
    assert len(instrument.transfer(five, RATE)) == len(mono)


def test_the_length_is_that_of_the_recording(instrument):
    assert len(instrument.transfer(melody()[:20001], RATE)) == 20001


def test_the_same_twice(instrument):
    first, second = (instrument.transfer(melody(), RATE) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_controls_by_name(instrument):
    plain = instrument.transfer(melody(), RATE)
    by_name = instrument.transfer(melody(), RATE, pitch_shift=-1)
    given = instrument.transfer(melody(), RATE, Controls(pitch_shift=-1))
    np.testing.assert_array_equal(by_name, given)
    assert not np.allclose(plain, by_name)
    with pytest.raises(ValueError, match='expected Controls'):
        instrument.transfer(melody(), RATE, 1)
    with pytest.raises(ValueError, match='pitch_shift is 3'):
        instrument.transfer(melody(), RATE, pitch_shift=3)


@pytest.mark.parametrize(
    'audio, rate, said',
    [
        (np.zeros(RATE, np.float32), RATE, 'silent'),
        (melody()[:800], RATE, 'lasts 50 ms; expected at least 100 ms'),
        (np.zeros(0, np.float32), RATE, 'lasts 0 ms'),
        (np.full(RATE, np.nan, np.float32), RATE, 'NaN'),
        (np.zeros([2, 3, 4], np.float32), RATE, r'shape \[2, 3, 4\]'),
        (np.zeros([RATE, 0], np.float32), RATE, r'shape \[16000, 0\]'),
        (np.zeros([2, RATE], np.float32), RATE, 'transpose it'),
        (np.zeros(RATE, np.int16), RATE, 'divide int16 by 32768'),
        (melody(), '16000', "sample_rate is '16000' Hz"),
        (melody(), 10, 'sample_rate is 10 Hz'),
    ],
)
def test_what_is_no_melody(instrument, audio, rate, said):
    with pytest.raises(ValueError, match=said):
        instrument.perform(audio, rate)


def test_a_sine_is_a_melody(instrument):
    """Of which the pitch estimator is less sure."""
    t = np.arange(2 * RATE) / RATE
    sine = 0.3 * np.sin(2 * np.pi * np.where(t < 1.0, 220.0, 330.0) * t)
    performance = instrument.perform(sine.astype(np.float32), RATE)
    assert performance.adjusted.notes.mean() > 0.9
    assert not any('Notes were found in' in w for w in performance.adjusted.warnings)
    metrics = measures.measure(performance)
    assert metrics['confident_frames'] > 0.9 * len(performance.adjusted.notes)


def test_noise_has_no_pitch(instrument):
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 2 * RATE).astype(np.float32)
    with pytest.raises(ValueError, match='no pitch was found'):
        instrument.transfer(noise, RATE)


def test_nothing_goes_beyond_full_scale(instrument):
    features = instrument.listen(melody(), RATE)
    adjusted = instrument.adjust(features, Controls(loudness_shift=20.0))
    louder = adjusted.__class__(
        adjusted.f0_hz, adjusted.loudness_db + 300.0, adjusted.notes, 0, ()
    )
    assert np.abs(instrument.play(louder)).max() <= 1.0


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / 'hum.wav'
    soundfile.write(path, melody()[:-30], RATE)
    return path


def test_a_file_to_a_file(recording, directory, tmp_path):
    said: list[str] = []
    out, page = tmp_path / 'new' / 'out.wav', tmp_path / 'page.html'
    metrics = transfer_file(recording, out, directory, report=page, say=said.append)
    audio, rate = soundfile.read(out)
    assert (rate, len(audio)) == (RATE, 2 * RATE - 30)
    assert np.abs(audio).max() > 1e-3
    assert metrics['octaves'] == 2 and metrics['transfer_seconds'] > 0
    assert 'hum.wav: 2.0 s' in said[0]
    assert 'hum.wav' in page.read_text('utf-8')
    assert [path.name for path in out.parent.iterdir()] == ['out.wav']
    with pytest.raises(FileExistsError, match='give --overwrite'):
        transfer_file(recording, out, directory)
    with pytest.raises(FileExistsError, match='give --overwrite'):
        transfer_file(recording, tmp_path / 'b.wav', directory, report=page)
    assert not (tmp_path / 'b.wav').exists()
    transfer_file(recording, out, directory, overwrite=True, say=said.append)


def test_a_page_of_others_is_left_alone(recording, directory, tmp_path):
    page, out = tmp_path / 'page.html', tmp_path / 'out.wav'
    page.write_text('<html>mine</html>')
    with pytest.raises(ValueError, match=r'page\.html'):
        transfer_file(recording, out, directory, report=page, add_to=True)
    assert not out.exists() and page.read_text() == '<html>mine</html>'
    again = tmp_path / 'new' / '..' / out.name
    for same in (out, again):
        with pytest.raises(ValueError, match='name another report'):
            transfer_file(recording, out, directory, report=same)
    with pytest.raises(IsADirectoryError, match='name of a page'):
        transfer_file(recording, out, directory, report=tmp_path)


def test_what_cannot_be_written_is_refused_first(recording, directory, tmp_path):
    (tmp_path / 'file').write_text('x')
    said: list[str] = []
    for out in (tmp_path / 'file' / 'out.wav', '/proc/none/out.wav'):
        with pytest.raises(PermissionError, match='cannot be written'):
            transfer_file(recording, out, directory, say=said.append)
    with pytest.raises(ValueError, match=r'name it out\.wav'):
        transfer_file(recording, tmp_path / 'out.mp3', directory, say=said.append)
    assert not said


def test_sound_and_page_appear_together(recording, directory, tmp_path, monkeypatch):
    def fail(*args):
        raise OSError('disk full')

    monkeypatch.setattr(transfer_run, 'write_report', fail)
    files = sorted(tmp_path.iterdir())
    out, page = tmp_path / 'out.wav', tmp_path / 'page.html'
    with pytest.raises(OSError, match='disk full'):
        transfer_file(recording, out, directory, report=page)
    assert sorted(tmp_path.iterdir()) == files


def level(instrument, seconds):
    n_frames = round(seconds * instrument.frame_rate)
    f0_hz = np.full(n_frames, 440.0, np.float32)
    loudness = np.full(n_frames, -20.0, np.float32)
    return transfer.Adjusted(f0_hz, loudness, np.ones(n_frames, bool), 0, ())


def test_noise_is_other_noise_in_each_block(instrument):
    player = instrument._player
    block = player.block_frames * player.hop_size
    audio = instrument.play(level(instrument, 3 * block / RATE)).astype(np.float64)
    # A whole number of periods: harmonics are the same in each block, noise is not.
    assert block * 440 % RATE == 0
    parts = [audio[k * block + RATE : (k + 1) * block] for k in range(3)]
    assert np.std(parts[1] - parts[0]) > 1e-5
    assert np.std(parts[2] - parts[1]) > 1e-5
    # And it is the same after other lengths were played.
    again = instrument.play(level(instrument, 1.5))
    np.testing.assert_allclose(again[: RATE // 2], audio[: RATE // 2], atol=1e-6)
    after = instrument.play(level(instrument, 3 * block / RATE))
    np.testing.assert_allclose(after, audio, atol=1e-6)


def test_the_recording_itself_is_not_written(recording, directory):
    before = recording.read_bytes()
    with pytest.raises(ValueError, match='is the recording itself'):
        transfer_file(recording, recording, directory, overwrite=True)
    with pytest.raises(IsADirectoryError, match='expected the name of a file'):
        transfer_file(recording, recording.parent, directory)
    assert recording.read_bytes() == before


def test_nothing_is_left_half_written(recording, directory, tmp_path, monkeypatch):
    out = tmp_path / 'out.wav'
    out.write_text('before')

    def fail(path, *args, **kwargs):
        path.write_text('half')
        raise OSError('disk full')

    monkeypatch.setattr(transfer_run.audio_files, 'save_audio', fail)
    files = sorted(tmp_path.iterdir())
    with pytest.raises(OSError, match='disk full'):
        transfer_file(recording, out, directory, overwrite=True)
    assert out.read_text() == 'before'
    assert sorted(tmp_path.iterdir()) == files
