from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

_PATH = Path(__file__).parent.parent / 'update_gin_config.py'


def _load():
    spec = importlib.util.spec_from_file_location('update_gin_config', _PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Where the tests run on an installed wheel, the script is not there.
if not _PATH.exists():
    pytest.skip('update_gin_config.py is not here', allow_module_level=True)
update_gin_config = _load()

_OLD = """\
# Parameters for Autoencoder:
Autoencoder.decoder = @decoders.ZRnnFcDecoder()

# Parameters for DilatedConvDecoder:
DilatedConvDecoder.ch = 8
DilatedConvDecoder.resample = True
my/encoders.DilatedConvEncoder.resample = \\
    False

# Parameters for SpectralLoss:
SpectralLoss.delta_delta_freq_weight = 0.0
SpectralLoss.delta_delta_time_weight = 0.0
SpectralLoss.delta_time_weight = 0.5

# Parameters for ZRnnFcDecoder:
ZRnnFcDecoder.ch = 512
ZRnnFcDecoder.output_splits = \\
    (('amps', 1),
     ('harmonic_distribution', 60))
"""

_NEW = """\
# Parameters for Autoencoder:
Autoencoder.decoder = @decoders.RnnFcDecoder()

# Parameters for DilatedConvDecoder:
DilatedConvDecoder.ch = 8

# Parameters for SpectralLoss:
SpectralLoss.delta_time_weight = 0.5

# Parameters for ZRnnFcDecoder:
RnnFcDecoder.ch = 512
RnnFcDecoder.output_splits = \\
    (('amps', 1),
     ('harmonic_distribution', 60))
RnnFcDecoder.input_keys = ("f0_scaled", "ld_scaled")
"""


def test_all_that_has_changed_is_updated():
    assert update_gin_config.update_config(_OLD) == _NEW


def test_what_is_up_to_date_stays():
    assert update_gin_config.update_config(_NEW) == _NEW
    other = "Reverb.name = 'ZRnnFcDecoder.input_keys ('\nHarmonic.n_samples = 3\n"
    assert update_gin_config.update_config('') == ''
    assert 'Harmonic.n_samples = 3' in update_gin_config.update_config(other)


def test_input_keys_stay():
    text = "decoders.RnnFcDecoder.ch = 2\nRnnFcDecoder.input_keys = ('z',)\n"
    assert update_gin_config.update_config(text) == text


def test_each_scope_without_input_keys_gets_them():
    text = 'a/RnnFcDecoder.ch = 2\nb/RnnFcDecoder.input_keys = ["z"]'
    assert update_gin_config.update_config(text) == (
        'a/RnnFcDecoder.ch = 2\n'
        'a/RnnFcDecoder.input_keys = ("f0_scaled", "ld_scaled")\n'
        'b/RnnFcDecoder.input_keys = ["z"]'
    )


def test_a_decoder_of_which_nothing_is_said_gets_input_keys():
    text = 'Autoencoder.decoder = @decoders.RnnFcDecoder()\n'
    assert update_gin_config.update_config(text) == (
        text + 'RnnFcDecoder.input_keys = ("f0_scaled", "ld_scaled")\n'
    )


def test_files_are_kept_or_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture):
    old = tmp_path / 'run' / 'operative_config-7.gin'
    old.parent.mkdir()
    old.write_text(_OLD)
    (tmp_path / 'operative_config-0.gin').write_text(_NEW)
    assert update_gin_config.main([str(tmp_path)]) == 0
    assert old.read_text() == _OLD
    assert (old.parent / 'operative_config-7.updated.gin').read_text() == _NEW
    assert 'operative_config-0.gin: is up to date' in capsys.readouterr().out
    assert update_gin_config.main([str(tmp_path), '--overwrite']) == 0
    assert old.read_text() == _NEW
    assert update_gin_config.main([str(old)]) == 0
    assert 'is up to date' in capsys.readouterr().out


def test_nothing_to_update_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture):
    assert update_gin_config.main([str(tmp_path / 'nowhere')]) == 1
    assert 'neither a gin file nor a directory' in capsys.readouterr().err
