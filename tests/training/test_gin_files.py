from __future__ import annotations

from pathlib import Path
from typing import Any

import gin
import keras
import pytest

from ddsp.training import (
    data,
    ddsp_run,
    decoders,
    encoders,
    gin_files,
    models,
    nn,
    preprocessing,
    trainers,
)

FILES = sorted(
    str(path.relative_to(gin_files.GIN_DIR))
    for path in gin_files.GIN_DIR.rglob('*.gin')
    if path.parent.name != 'fit'
)
# What is read as it stands here, and has no library behind it yet.
LATER = (
    'models.MidiAutoencoder',
    'models.ZMidiAutoencoder',
    'models.InverseSynthesis',
    'segment_notes_batch',
    'heuristics.midi_heuristic',
    'heuristics.midi_heuristic_power',
    'heuristics.mean_f0',
    'heuristics.median_amps',
)
EXPECTED = (
    'models/ae',
    'models/solo_instrument',
    'models/small_inverse_synthesis',
    'models/small_inverse_synthesis_finetune',
    'models/vst/vst',
    'models/vst/vst_32k',
    'models/vst/vst_48k',
    'models/midiae/midiae',
    'models/midiae/z_midiae',
    'models/midiae/small_midiae',
    'models/midiae/mixins/midi_encoder',
    'models/midiae/mixins/recon_lossgroup',
    'datasets/base',
    'datasets/tfrecord',
    'datasets/nsynth',
    'datasets/urmp/all',
    'eval/basic',
    'eval/basic_f0_ld',
    'eval/basic_f0_ld_twm',
    'eval/midi_ae',
    'eval/heuristic',
    'eval/heuristic_power',
    'optimization/base',
    'optimization/base_tpu',
    'papers/iclr2020/nsynth_ae',
    'papers/iclr2020/solo_instrument',
    'papers/iclr2020/tiny_instrument',
    'papers/icml2020/pretrain_dataset',
    'papers/icml2020/pretrain_model',
    'papers/icml2020/finetune_dataset',
    'papers/icml2020/finetune_model',
)
USED = (data, ddsp_run, decoders, encoders, nn, preprocessing, trainers)


def _parse(*files: str) -> None:
    gin_files.parse_files(files)


def test_every_name_that_programs_know_is_there():
    assert not {f'{name}.gin' for name in EXPECTED} - set(FILES)


@pytest.mark.parametrize('file', FILES)
def test_every_file_is_understood(file: str):
    gin_files.add_search_paths()
    gin.parse_config_file(file, skip_unknown=list(LATER))


@pytest.mark.parametrize('file', FILES)
def test_files_have_an_explanation(file: str):
    assert (gin_files.GIN_DIR / file).read_text().startswith('# ')


@pytest.mark.parametrize(
    ('file', 'n_samples', 'harmonics', 'bands'),
    [
        ('models/ae.gin', 64000, 100, 65),
        ('models/solo_instrument.gin', 64000, 60, 65),
        ('papers/iclr2020/tiny_instrument.gin', 64000, 60, 65),
        ('models/vst/vst.gin', 64320, 60, 65),
        ('models/vst/vst_32k.gin', 128640, 100, 98),
        ('models/vst/vst_48k.gin', 192960, 100, 98),
    ],
)
def test_models_are_those_of_the_papers(
    file: str, n_samples: int, harmonics: int, bands: int
):
    _parse(file)
    model = models.get_model()
    assert isinstance(model, models.Autoencoder)
    assert [tuple(split) for split in model.decoder.output_splits] == [
        ('amps', 1),
        ('harmonic_distribution', harmonics),
        ('noise_magnitudes', bands),
    ]
    first, second, *_ = model.processor_group.processors
    assert first.n_samples == second.n_samples == n_samples
    names = [processor.name for processor in model.processor_group.processors]
    if 'ae.gin' in file:
        assert names == ['harmonic', 'filtered_noise', 'add']
        assert model.encoder.z_dims == 16
    else:
        assert 'reverb' in names
        assert model.encoder is None


@pytest.mark.parametrize(
    ('file', 'rate'),
    [('vst', 16000), ('vst_32k', 32000), ('vst_48k', 48000)],
)
def test_streaming_models_fit_their_rates(file: str, rate: int):
    _parse(f'models/vst/{file}.gin')
    query = gin.query_parameter
    model = models.get_model()
    harmonic = model.processor_group.processors[0]
    crop = model.processor_group.processors[-1]
    assert harmonic.sample_rate == rate
    # 4 s and one frame more, which is cropped.
    assert harmonic.n_samples - crop.frame_size == 4 * rate
    assert crop.frame_size == rate // 50
    assert model.preprocessor.frame_rate == 50
    assert query('TFRecordProvider.centered') is True
    reverb = model.processor_group.processors[-2]
    assert (reverb.name, reverb.reverb_length) == ('reverb', rate * 3 // 2)
    assert reverb.trainable


def test_optimisation_has_the_values_of_the_papers():
    _parse('optimization/base.gin')
    query = gin.query_parameter
    assert str(query('Trainer.learning_rate')) == '%learning_rate'
    assert query('learning_rate/gin.macro.value') == 3e-4
    assert query('batch_size/gin.macro.value') == 32
    assert query('Trainer.lr_decay_steps') == 10000
    assert query('Trainer.lr_decay_rate') == 0.98
    assert query('Trainer.grad_clip_norm') == 3.0
    assert query('train.num_steps') == 1000000


def test_the_directory_of_a_user_comes_first(tmp_path: Path):
    (tmp_path / 'mine.gin').write_text(
        "include 'models/ae.gin'\nReverb.name = 'hall'\n"
    )
    gin_files.add_search_paths([tmp_path])
    _parse('mine.gin')
    assert gin.query_parameter('Reverb.name') == 'hall'
    assert gin.query_parameter('Harmonic.n_samples') == 64000


@pytest.mark.parametrize(
    ('text', 'parts'),
    [
        ('Harmonik.n_samples = 3', ['Harmonik', 'Near names: synths.Harmonic']),
        ('Harmonic.n_sample = 3', ['n_sample', 'Near names: n_samples']),
        ('Harmonic.colour = 3', ['colour', 'It has: n_samples, sample_rate']),
        (
            'get_model.model = @models.Autoencodr()',
            ['Autoencodr', 'Near names: models.Autoencoder'],
        ),
        (
            'Harmonic.n_samples = [',
            ["'Harmonic.n_samples = ['", 'a bracket is opened, but not closed'],
        ),
        ('Harmonic.name = high', ["'high' in line 1 is no value; a text needs quotes"]),
        ('Harmonic.name = /a/b*', ['a text needs quotes']),
    ],
)
def test_what_gin_does_not_know_is_told_with_near_names(text: str, parts: list[str]):
    with pytest.raises(ValueError, match='the gin parameter') as caught:
        gin_files.parse_params([text])
    message = str(caught.value)
    assert all(part in message for part in parts), message
    assert '\n' not in message


def test_mistakes_in_files_are_told_with_their_place(tmp_path: Path):
    path = tmp_path / 'a.gin'
    path.write_text('Harmonic.n_samples = 3\n\nReverb.trainabel = True\n')
    with pytest.raises(ValueError) as caught:
        _parse(str(path))
    message = str(caught.value)
    assert str(path) in message
    assert 'line 3' in message
    assert 'Near names: trainable' in message
    with pytest.raises(ValueError, match=r'nowhere\.gin'):
        _parse('nowhere.gin')


def test_what_a_read_configuration_has_too_much_is_told_of_its_file(tmp_path: Path):
    """Else the next thing that is read would be said to have it."""
    path = tmp_path / 'operative_config-3.gin'
    path.write_text('Gone.value = 1\nHarmonic.sparkle = 3\n')
    with pytest.raises(ValueError) as caught:
        gin_files.parse_files([str(path)], skip_unknown=True)
    message = str(caught.value)
    assert f"{path}, line 2: 'Harmonic' doesn't have" in message
    assert message.count(' name,') == 1


@pytest.mark.parametrize(
    ('file', 'near'),
    [
        ('models/solo_instrumnt.gin', 'models/solo_instrument.gin'),
        ('mien.gin', 'mine.gin'),
    ],
)
def test_a_file_that_is_missing_is_told_with_near_names(
    file: str, near: str, tmp_path: Path
):
    (tmp_path / 'mine.gin').touch()
    gin_files.add_search_paths([tmp_path])
    with pytest.raises(ValueError, match=f'Near names: .*{near}'):
        _parse(file)


@pytest.mark.parametrize(
    ('binding', 'told'),
    [
        ('Harmonic.n_samples = %lenght', 'the macro %lenght has no value'),
        ('Harmonic.scale_fn = @exp_sigmod', 'Near names: core.exp_sigmoid'),
    ],
)
def test_what_cannot_be_followed_is_told_in_words(binding: str, told: str):
    gin.parse_config(
        f'get_model.model = @synths.Harmonic()\n{binding}', skip_unknown=True
    )
    with pytest.raises((TypeError, ValueError)) as caught:
        models.get_model()
    message = gin_files.explain_use(caught.value)
    assert told in message
    assert '\n' not in message
    assert gin_files.explain_use(ValueError('something else')) is None


@gin.register(module='test_gin_files')
class MyDense(keras.layers.Dense):
    """A layer of a user's, made from one of Keras's."""

    def __init__(self, colour: str = 'red', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.colour = colour


@pytest.mark.parametrize(
    'parameter',
    [
        'tf.keras.layers.Dense.units',
        'tf.keras.layers.GRU.units',
        'tf.keras.layers.GRU.name',
        'tf.keras.layers.GRU.unroll',
        'tf.keras.Sequential.layers',
        'MyDense.units',
        'MyDense.colour',
        'MyDense.name',
    ],
)
def test_arguments_of_keras_layers_and_of_what_is_made_from_them_are_set(
    parameter: str,
):
    gin_files.parse_params([f'{parameter} = None'])
    assert gin.query_parameter(parameter) is None


def test_arguments_that_no_base_of_a_layer_takes_are_refused():
    with pytest.raises(ValueError, match=r"named 'unit'\. Near names: units"):
        gin_files.parse_params(['MyDense.unit = 3'])
