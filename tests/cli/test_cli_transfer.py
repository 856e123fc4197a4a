"""The installed command, on the bundled singing."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import soundfile
import tiny_model
from page_elements import assert_loads_nothing

from ddsp.cli import main, transfer
from ddsp.recordings import singing_path

COMMAND = [sys.executable, '-m', 'ddsp_command']


def call(*arguments) -> subprocess.CompletedProcess:
    environment = {**os.environ, 'CUDA_VISIBLE_DEVICES': '-1'}
    environment.pop('TF_CPP_MIN_LOG_LEVEL', None)
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
    )


def says(capsys, *arguments) -> str:
    """What the command says on stderr when it fails, called in this process."""
    assert main.main(list(map(str, arguments))) == 1
    return capsys.readouterr().err


@pytest.fixture(scope='module')
def done(tmp_path_factory):
    """A directory, and what the command said when it wrote there."""
    out = tmp_path_factory.mktemp('transfer')
    result = call(
        *('transfer', singing_path(), '--instrument', 'violin'),
        *('--out', out / 'violin.wav', '--report'),
    )
    assert result.returncode == 0, result.stderr
    return out, result


def test_singing_becomes_a_violin(done):
    out, result = done
    assert sorted(p.name for p in out.iterdir()) == ['violin.html', 'violin.wav']
    audio, rate = soundfile.read(out / 'violin.wav')
    sung, sung_rate = soundfile.read(singing_path())
    assert rate == 16000
    assert len(audio) == round(len(sung) * rate / sung_rate)
    assert 0.05 < np.abs(audio).max() <= 1.0
    assert 'octaves up' in result.stdout
    in_tune = re.search(r'within 50 cents on ([\d.]+)% of', result.stdout)
    assert float(in_tune[1]) > 95.0
    assert re.search(r'violin\.wav: 9\.1 s, in \d+\.\d s', result.stdout)
    # Nothing of TensorFlow's chatter.
    assert result.stderr.splitlines() == ['singing.flac: 9.1 s; finding its melody']


def test_the_page_can_be_read_alone(done):
    out, _ = done
    page = (out / 'violin.html').read_text('utf-8')
    assert_loads_nothing(page)
    assert 'Violin plays singing.flac' in page
    assert 'ddsp transfer' in page


def test_an_existing_file_is_kept(done, capsys):
    out, _ = done
    before = (out / 'violin.wav').read_bytes()
    told = says(capsys, 'transfer', singing_path(), '--out', out / 'violin.wav')
    assert 'is there already' in told and '--overwrite' in told
    assert (out / 'violin.wav').read_bytes() == before


def test_what_cannot_be_played(tmp_path, capsys):
    out = tmp_path / 'out.wav'
    silence, noise, short = (tmp_path / f'{n}.wav' for n in ('silence', 'noise', 's'))
    rng = np.random.default_rng(0)
    soundfile.write(silence, np.zeros(16000), 16000)
    soundfile.write(noise, rng.uniform(-0.2, 0.2, 16000), 16000)
    soundfile.write(short, 0.1 * np.sin(np.arange(800) * 0.2), 16000)
    (tmp_path / 'bad.zip').write_bytes(b'PK\x03\x04 and nothing else')
    wrong = [
        ((silence,), 'silent'),
        ((noise,), 'no pitch was found'),
        ((short,), 'lasts 50 ms'),
        ((tmp_path / 'none.wav',), 'none.wav'),
        ((singing_path(), '--instrument', 'violn'), 'did you mean violin?'),
        ((singing_path(), '--instrument', 'organ'), 'cello, flute'),
        ((singing_path(), '--instrument', tmp_path / 'bad.zip'), 'damaged'),
        ((singing_path(), '--autotune', 2), 'autotune is 2.0, expected'),
        ((singing_path(), '--add_to_report'), 'goes with --report'),
    ]
    for arguments, words in wrong:
        told = says(capsys, 'transfer', *arguments, '--out', out)
        assert words in told, told
        *before, last = told.splitlines()
        assert last.startswith('ddsp transfer: error: ')
        assert len(before) <= 1
        assert not out.exists()
    names = {'silence.wav', 'noise.wav', 's.wav', 'bad.zip'}
    assert {path.name for path in tmp_path.iterdir()} == names


def test_the_command_can_be_typed_again():
    words = 'transfer in.wav --out o.wav --instrument my/run --quiet 30 --report p.html'
    arguments = main.make_parser().parse_args([*words.split(), '--no_adjust'])
    typed = transfer.command_line(arguments)
    assert typed == (
        'ddsp transfer in.wav --out o.wav --instrument my/run --quiet 30 '
        '--report p.html --no_adjust'
    )
    again = main.make_parser().parse_args(shlex.split(typed)[1:])
    assert again == arguments


def test_statistics_let_an_old_model_play(tmp_path, capsys):
    model = tmp_path / 'model'
    tiny_model.write_tiny_model(model)
    (model / 'dataset_statistics.pkl').write_bytes(b'\x80\x04.')
    archive = tmp_path / 'model.zip'
    with zipfile.ZipFile(archive, 'w') as file:
        for path in model.iterdir():
            file.write(path, f'model/{path.name}')
    for place in (model, archive):
        out = tmp_path / f'{place.suffix}.wav'
        transferring = ('transfer', singing_path(), '--out', out)
        told = says(capsys, *transferring, '--instrument', place)
        command = shlex.split(told[told.index('ddsp statistics') :])
        assert command[1:3] == ['statistics', 'RECORDINGS']
        assert main.main(['statistics', str(singing_path()), *command[3:]]) == 0
        assert 'notes from' in capsys.readouterr().out
        words = [*map(str, transferring), '--instrument', str(place)]
        assert main.main(words) == 0
        assert 'in tune' in capsys.readouterr().out or out.exists()
    # Once more: what is there is replaced.
    words = ['statistics', str(singing_path()), '--instrument', str(archive)]
    assert main.main(words) == 0
    with zipfile.ZipFile(archive) as file:
        names = file.namelist()
    assert len(names) == len(set(names)) == len(list(model.iterdir()))
    told = says(capsys, 'statistics', singing_path(), '--instrument', 'violin')
    assert 'comes with the package' in told
    told = says(capsys, 'statistics', singing_path(), '--instrument', tmp_path / 'no')
    assert 'there is no instrument' in told
