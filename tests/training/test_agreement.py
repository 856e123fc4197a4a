from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
import tiny_training

from ddsp import losses, processors, synths
from ddsp.training import agreement, data, eval_util, models, preprocessing, train_util


def _provider(**kwargs: Any) -> data.TFRecordProvider:
    return data.TFRecordProvider('nowhere', **kwargs)


def _features(samples: int = 64000, frames: int | None = 1000) -> dict[str, Any]:
    return {
        'audio': tf.TensorSpec([None, samples], tf.float32),
        'f0_hz': tf.TensorSpec([None, frames], tf.float32),
    }


def _model(*nodes: Any, **kwargs: Any) -> models.Autoencoder:
    group = processors.ProcessorGroup(dag=list(nodes)) if nodes else None
    return models.Autoencoder(processor_group=group, **kwargs)


def _harmonic(**kwargs: Any) -> tuple:
    return synths.Harmonic(**kwargs), ['amps', 'harmonic_distribution', 'f0_hz']


def _noise(**kwargs: Any) -> tuple:
    return synths.FilteredNoise(**kwargs), ['noise_magnitudes']


def _complaint(model: Any, provider: Any, batch: Any) -> str:
    with pytest.raises(ValueError, match='not what the model expects') as caught:
        agreement.check_agreement(model, provider, batch)
    return str(caught.value)


@pytest.mark.parametrize(
    ('model', 'rates', 'batch', 'parameter', 'value', 'expected'),
    [
        (
            lambda: _model(_harmonic(sample_rate=48000)),
            {},
            _features(),
            'Harmonic.sample_rate',
            48000,
            16000,
        ),
        (
            lambda: _model(_harmonic(n_samples=None, frame_rate=125)),
            {},
            _features(),
            'Harmonic.frame_rate',
            125,
            250,
        ),
        (
            lambda: _model(_noise(n_samples=None, frame_rate=50)),
            {},
            _features(),
            'FilteredNoise.frame_rate',
            50,
            250,
        ),
        (
            lambda: _model(_harmonic()),
            {},
            _features(32000),
            'Harmonic.n_samples',
            64000,
            32000,
        ),
        (
            lambda: _model(
                _harmonic(n_samples=64000),
                (processors.Crop(frame_size=320), ['harmonic/signal']),
            ),
            {},
            _features(32000),
            'Harmonic.n_samples',
            64000,
            32320,
        ),
        (
            lambda: _model(preprocessor=preprocessing.F0LoudnessPreprocessor(500)),
            {},
            _features(),
            'F0LoudnessPreprocessor.time_steps',
            500,
            1000,
        ),
        (
            lambda: _model(preprocessor=preprocessing.F0LoudnessPreprocessor()),
            {'sample_rate': 32000},
            _features(128000),
            'F0LoudnessPreprocessor.sample_rate',
            16000,
            32000,
        ),
        (
            lambda: _model(preprocessor=preprocessing.F0PowerPreprocessor(200)),
            {'frame_rate': 50},
            _features(frames=200),
            'F0PowerPreprocessor.frame_rate',
            250,
            50,
        ),
        (
            lambda: _model(
                preprocessor=preprocessing.OnlineF0PowerPreprocessor(
                    frame_rate=50, compute_f0=False
                )
            ),
            {},
            _features(),
            'OnlineF0PowerPreprocessor.frame_rate',
            50,
            250,
        ),
        (
            lambda: _model(losses=[losses.SpectralLoss(loudness_weight=1.0)]),
            {'sample_rate': 48000},
            _features(192000),
            'SpectralLoss.sample_rate',
            16000,
            48000,
        ),
    ],
)
def test_what_differs_is_told_with_both_values_and_the_parameter(
    model: Any,
    rates: dict[str, int],
    batch: dict[str, Any],
    parameter: str,
    value: int,
    expected: int,
):
    message = _complaint(model(), _provider(**rates), batch)
    assert f'{parameter} is {value}' in message
    assert 'of TFRecordProvider asks for' in message
    assert f'Set in gin: {parameter} = {expected};' in message


def test_all_that_differs_is_told_at_once():
    model = _model(_harmonic(sample_rate=8000), _noise(n_samples=8))
    message = _complaint(model, _provider(), _features())
    assert 'Harmonic.sample_rate = 16000' in message
    assert 'FilteredNoise.n_samples = 64000' in message
    # Nothing is said of what is right.
    assert 'Harmonic.n_samples' not in message


@pytest.mark.parametrize(
    ('model', 'rates', 'batch'),
    [
        # Rates that play no part.
        (
            lambda: _model(
                _harmonic(sample_rate=48000, n_samples=192000, frame_rate=7),
                _noise(n_samples=192000),
                losses=[losses.SpectralLoss()],
                preprocessor=preprocessing.F0LoudnessPreprocessor(
                    compute_loudness=False
                ),
            ),
            {'sample_rate': 48000},
            _features(192000),
        ),
        (
            lambda: _model(
                preprocessor=preprocessing.F0PowerPreprocessor(
                    200, frame_rate=1, sample_rate=1
                )
            ),
            {'frame_rate': 50},
            {**_features(frames=200), 'power_db': tf.TensorSpec([None, 200])},
        ),
        # One frame more where the data are centred; what is cropped is made first.
        (
            lambda: _model(
                _harmonic(n_samples=64320),
                (processors.Crop(frame_size=320), ['harmonic/signal']),
                preprocessor=preprocessing.F0LoudnessPreprocessor(),
            ),
            {},
            _features(frames=1001),
        ),
        # Sizes that nobody knows, and no features at all.
        (
            lambda: _model(preprocessor=preprocessing.F0LoudnessPreprocessor(500)),
            {},
            _features(None, None),
        ),
        (lambda: _model(_harmonic(n_samples=9)), {}, {}),
        (lambda: 'no model of Keras', {}, _features()),
    ],
)
def test_what_agrees_or_plays_no_part_is_accepted(
    model: Any, rates: dict[str, int], batch: dict[str, Any]
):
    agreement.check_agreement(model(), _provider(**rates), batch)


def test_of_zipped_data_those_with_audio_count():
    batch = {'f0_hz': tf.TensorSpec([None, 5], tf.float32)}, _features(32000)
    message = _complaint(_model(_harmonic()), _provider(), batch)
    assert 'Harmonic.n_samples = 32000' in message


def test_a_provider_that_names_no_rates_will_do():
    agreement.check_agreement(_model(_harmonic()), object(), _features())


class Faster(tiny_training.TinyProvider):
    """Data at another rate than the tiny model's."""

    sample_rate = 22050


def _train(save_dir: str) -> None:
    trainer = tiny_training.tiny_trainer(harmonic=True)
    train_util.train(Faster(), trainer, 4, 1, save_dir=save_dir)


def _evaluate(save_dir: str) -> None:
    eval_util.evaluate(Faster(), tiny_training.tiny_model(), [], save_dir=save_dir)


@pytest.mark.parametrize('use', [_train, _evaluate])
def test_training_and_evaluation_refuse_data_of_another_rate(use: Any, tmp_path: Path):
    with pytest.raises(ValueError, match=r'Harmonic\.sample_rate = 22050'):
        use(str(tmp_path))
    assert not list(tmp_path.iterdir())
