"""From a recording to a directory with its resynthesis and a report."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gin
import keras
import numpy as np

from ddsp import audio_files
from ddsp.training.data_preparation.reading import read_recording
from ddsp.training.fit import measures, outputs
from ddsp.training.fit.features import Features, extract_features
from ddsp.training.fit.model import FitModel
from ddsp.training.fit.render import controls_of, render
from ddsp.training.fit.report import EXCERPT_SECONDS, ReportData, write_report
from ddsp.training.fit.settings import FitSettings, gin_settings
from ddsp.training.fit.training import TrainingRun, train
from ddsp.training.output_paths import check_directory, new_directory
from ddsp.training.telling import tell

MIN_SECONDS = 1.0


def fit_recording(
    recording: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    steps: int | None = None,
    transpose: float | None = None,
    gin_files: Sequence[str] = (),
    gin_params: Sequence[str] = (),
    method: str | None = None,
    seed: int | None = None,
    overwrite: bool = False,
    command: str = '',
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Trains a small model on one recording and writes what it has learnt.

    Written into `out_dir`: `original.wav`, `resynthesis.wav`, `transposed.wav`,
    `impulse_response.wav` (of a model with a reverb), `model.weights.h5`,
    `operative_config.gin`, `metrics.json` and `report.html`. The directory appears when
    all of it is complete. Ctrl-C ends training early and still writes everything; a
    second one aborts.

    The global random seeds of Python, NumPy and TensorFlow are set.

    Parameters
    ----------
    recording : a sound file of at least 1 s, of any format and rate.
    out_dir : directory to make.
    steps : training steps, instead of `FitSettings.steps`.
    transpose : semitones of `transposed.wav`, instead of `FitSettings.transpose`.
    gin_files : configuration read after the shipped `fit.gin`.
    gin_params : single bindings such as `'FitSettings.batch_size = 8'`.
    method : pitch estimator, instead of `FitSettings.f0_method`.
    seed : instead of `FitSettings.seed`.
    overwrite : replace a directory that has something in it.
    command : to be shown in the report.
    say : is told what is going on, line by line; prints on stderr by default.

    Returns
    -------
    The content of `metrics.json`.

    Raises
    ------
    OSError, ValueError
        For a recording that cannot be used, a directory that cannot be written, and
        configuration that is not understood.
    FloatingPointError
        When the loss becomes NaN.
    """
    say = say or tell
    recording, out_dir = Path(recording), Path(out_dir)
    overrides = _given(steps=steps, transpose=transpose, f0_method=method, seed=seed)
    check_directory(out_dir, overwrite, outputs.foreign)
    with gin_settings(gin_files, gin_params, overrides):
        settings = FitSettings()
        audio = read_recording(recording, settings.sample_rate, MIN_SECONDS)
        with new_directory(out_dir, overwrite, outputs.foreign) as partial:
            return _fit(recording.name, audio, settings, partial, command, say)


def _fit(
    name: str,
    audio: np.ndarray,
    settings: FitSettings,
    out_dir: Path,
    command: str,
    say: Callable[[str], None],
) -> dict[str, Any]:
    say(
        f'{name}: {len(audio) / settings.sample_rate:.1f} s; finding pitch and loudness'
    )
    features = extract_features(
        audio,
        settings.sample_rate,
        settings.frame_rate,
        settings.f0_method,
        settings.f0_min_confidence,
    )
    keras.utils.set_random_seed(settings.seed)
    model = build_model(features)
    untrained = render(model, features, settings)
    if features.silent:
        say('the recording is silent: nothing to train on')
    else:
        say(f'training {settings.steps} steps; Ctrl-C stops early and keeps the result')
    run = train(model, features, settings)
    say('playing the result and writing the report')
    config = gin.operative_config_str()
    _write_model(out_dir, model, config)
    data = _listen(name, model, features, settings, run, untrained, command, config)
    _write_results(out_dir, data)
    return dict(data.metrics)


def build_model(features: Features) -> FitModel:
    """Makes the model that gin describes, untrained, adapted to a recording."""
    model = FitModel()
    model.decoder.adapt(features.f0_hz, features.loudness_db)
    # A short call builds every weight, so that an untrained model can be saved too.
    some = slice(0, min(len(features.f0_hz), features.frame_rate))
    model(
        {
            'f0_hz': features.f0_hz[np.newaxis, some, np.newaxis],
            'loudness_db': features.loudness_db[np.newaxis, some, np.newaxis],
        }
    )
    return model


def _listen(
    name: str,
    model: FitModel,
    features: Features,
    settings: FitSettings,
    run: TrainingRun,
    untrained: np.ndarray,
    command: str,
    config: str,
) -> ReportData:
    """Renders the trained model, measures it, and gathers all that is shown."""
    resynthesis = render(model, features, settings)
    transposed = render(model, features, settings, semitones=settings.transpose)
    f0_hz, loudness_db = measures.resynthesis_features(
        features, resynthesis, settings.f0_method
    )
    before = measures.spectral_distance(features.audio, untrained)
    after = measures.spectral_distance(features.audio, resynthesis)
    metrics = {
        'recording': name,
        'seconds': features.seconds,
        'silent': features.silent,
        'steps': len(run.losses),
        'steps_asked': settings.steps,
        'interrupted': run.interrupted,
        'training_seconds': run.seconds,
        'transpose_semitones': settings.transpose,
        'spectral_loss': _change(before, after, 'total'),
        'spectral_loss_magnitude': _change(before, after, 'magnitude'),
        'spectral_loss_log_magnitude': _change(before, after, 'log_magnitude'),
        'f0': measures.f0_distance(features, f0_hz),
        'loudness_distance_db': measures.loudness_distance(features, loudness_db),
    }
    excerpt = round(EXCERPT_SECONDS * features.frame_rate)
    return ReportData(
        recording=name,
        sample_rate=features.sample_rate,
        frame_rate=features.frame_rate,
        original=features.audio,
        resynthesis=resynthesis,
        transposed=transposed,
        f0_hz=features.f0_hz,
        resynthesis_f0_hz=f0_hz,
        confident=features.confident(),
        loudness_db=features.loudness_db,
        resynthesis_loudness_db=loudness_db,
        controls=controls_of(model, features, excerpt),
        impulse_response=impulse_response_of(model),
        losses=run.losses,
        metrics=metrics,
        command=command,
        config=config,
    )


def impulse_response_of(model: FitModel) -> np.ndarray | None:
    """The impulse response of the last reverb, the dry sound included.

    Returns
    -------
    `[samples]`, or `None` when no processor has one of its own.
    """
    for processor in reversed(model.processor_group.processors):
        if hasattr(processor, 'reverb_length') and processor.trainable_variables:
            impulse = np.zeros((1, processor.reverb_length), np.float32)
            impulse[0, 0] = 1.0
            return np.asarray(processor(impulse))[0]
    return None


def _write_model(out_dir: Path, model: FitModel, config: str) -> None:
    # Without the optimizer, whose moments are twice as large as the model.
    model.compile(optimizer=None)
    model.save_weights(out_dir / 'model.weights.h5')
    (out_dir / 'operative_config.gin').write_text(config, 'utf-8')


def _write_results(out_dir: Path, data: ReportData) -> None:
    sounds = {
        'original': data.original,
        'resynthesis': data.resynthesis,
        'transposed': data.transposed,
    }
    for name, audio in sounds.items():
        audio_files.save_audio(out_dir / f'{name}.wav', audio, data.sample_rate)
    if data.impulse_response is not None:
        audio_files.save_audio(
            out_dir / 'impulse_response.wav',
            data.impulse_response,
            data.sample_rate,
            encoding='float32',
        )
    text = json.dumps(data.metrics, indent=2, allow_nan=False)
    (out_dir / 'metrics.json').write_text(text + '\n', 'utf-8')
    write_report(out_dir / 'report.html', data)


def _change(
    before: Mapping[str, float], after: Mapping[str, float], key: str
) -> dict[str, float | None]:
    ratio = before[key] / after[key] if after[key] > 0 else math.inf
    return {
        'before': before[key],
        'after': after[key],
        # Between two silences there is nothing to compare.
        'ratio': ratio if math.isfinite(ratio) else None,
    }


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
