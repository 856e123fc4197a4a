"""Finds instruments and makes them ready to play."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gin
import numpy as np
import tensorflow as tf

from ddsp import processors, synths
from ddsp.training import checkpoint_files, checkpoints, gin_files, models, train_util
from ddsp.training.gin_scope import own_configuration
from ddsp.training.transfer.configuration import check_configuration
from ddsp.training.transfer.decoding import check_inputs
from ddsp.training.transfer.finding import Place, located, read_info
from ddsp.training.transfer.instrument import Instrument
from ddsp.training.transfer.playing import Player, network_features
from ddsp.training.transfer.statistics import read_statistics

_DEFAULT_FRAME_RATE = 250


def load_instrument(instrument: str | Path) -> Instrument:
    """Makes an instrument ready to play.

    Parameters
    ----------
    instrument : a name that `list_instruments` gives; or the directory of a model, as
        `ddsp train` and `ddsp_run` write it; a checkpoint in it, such as
        `DIR/ckpt-100`; or a zip file of such a directory.

    Returns
    -------
    The instrument, its weights read.

    Raises
    ------
    FileNotFoundError
        When there is no such instrument, directory or file.
    ValueError
        When there is no model in it, or one that cannot be played from pitch and
        loudness; when the archive is damaged or unsafe, or the statistics are a pickle.
    OSError
        When the checkpoint is damaged.

    Examples
    --------
    >>> violin = load_instrument('violin')
    >>> violin.title, violin.sample_rate
    ('Violin', 16000)
    """
    with located(instrument) as place:
        return _load(place)


def rates_of(place: Place) -> dict[str, int]:
    """The `sample_rate` and `frame_rate` of a model, in Hz, whatever its statistics.

    Raises
    ------
    ValueError
        When there is no model in the place.
    """
    return _build(place)[1]


def _load(place: Place) -> Instrument:
    info = read_info(place)
    statistics = read_statistics(place.directory, place.shown)
    model, rates = _build(place)
    restore(model, place)
    if statistics is not None and info.lowest is not None:
        statistics = dataclasses.replace(
            statistics, lowest=info.lowest, highest=info.highest
        )
    info = dataclasses.replace(info, **rates)
    hop_size = info.sample_rate // info.frame_rate
    player = Player(model.decoder, model.processor_group, hop_size, info.frame_rate)
    return Instrument(info, player, statistics, place.shown)


def _build(place: Place) -> tuple[Any, dict[str, int]]:
    """Makes the model that a directory describes, for any length, and its weights."""
    shown = place.shown
    with own_configuration():
        parse_configuration(place)
        try:
            gin.query_parameter('get_model.model')
        except ValueError as error:
            raise ValueError(f'{shown}: its gin file describes no model.') from error
        model = models.get_model()
    check_inputs(getattr(model, 'decoder', None), shown)
    rates = rates_of_model(model)
    model.processor_group = of_any_length(model.processor_group, **rates)
    make_weights(model)
    return model, rates


def parse_configuration(place: Place) -> None:
    """Tells gin what the newest configuration in a place says.

    Raises
    ------
    ValueError
        When there is none, or one that gin does not understand or should not read.
    """
    shown = place.shown
    try:
        config = train_util.get_latest_operative_config(str(place.directory))
    except FileNotFoundError as error:
        raise ValueError(
            f'{shown} holds no model: there is no operative_config-STEP.gin in it, '
            'which says how the model is made.'
        ) from error
    check_configuration(Path(config), shown, from_archive=place.archive is not None)
    gin_files.add_search_paths()
    try:
        gin_files.parse_files([config], skip_unknown=True)
    except (ValueError, SyntaxError) as error:
        told = str(error).replace(config, Path(config).name)
        raise ValueError(f'the configuration of {shown}: {told}') from error


def rates_of_model(model: Any) -> dict[str, int]:
    """The `sample_rate` and `frame_rate` at which a model works, in Hz."""
    timed = [p for p in model.processor_group.processors if hasattr(p, 'sample_rate')]
    # Noise of a given length sounds the same whatever its rate, which may be a default.
    timed.sort(key=lambda processor: isinstance(processor, synths.FilteredNoise))
    sample_rate = int(timed[0].sample_rate) if timed else 16000
    steps = getattr(model.preprocessor, 'time_steps', None)
    lengths = [p.n_samples for p in timed if getattr(p, 'n_samples', None)]
    # What was trained counts, not a default that nobody looked at.
    if steps and lengths and lengths[0] % steps == 0:
        frame_rate = sample_rate * steps // lengths[0]
    else:
        frame_rate = getattr(model.preprocessor, 'frame_rate', _DEFAULT_FRAME_RATE)
    return {'sample_rate': sample_rate, 'frame_rate': int(frame_rate)}


def of_any_length(group: Any, sample_rate: int, frame_rate: int) -> Any:
    """The same processors, whose synthesizers render as long as their controls last.

    Parameters
    ----------
    group : a `ddsp.processors.ProcessorGroup` without weights yet.
    sample_rate, frame_rate : in Hz.
    """
    rates = {'sample_rate': sample_rate, 'frame_rate': frame_rate}
    replaced = {}
    for module in group.processors:
        config = module.get_config() if isinstance(module, processors.Processor) else {}
        if 'n_samples' in config:
            changed = {**config, 'n_samples': None, **rates}
            module = type(module).from_config(changed)
        replaced[module.name] = module
    nodes: list[tuple] = []
    for step in group.steps:
        node = (replaced[step.name], list(step.inputs))
        nodes.append((*node, list(step.outputs)) if step.outputs else node)
    return type(group)(dag=nodes, name=group.name)


def make_weights(model: Any, n_frames: int = 4) -> None:
    """Calls the decoder and the processors once, on next to nothing."""
    call_once(model.decoder, model.processor_group, n_frames)


def call_once(decoder: Any, processor_group: Any, n_frames: int = 4) -> None:
    """Calls a decoder and its processors on next to nothing."""
    frames = np.ones(n_frames, np.float32)
    features = network_features(220.0 * frames, -30.0 * frames, -30.0 * frames)
    tensors = {
        name: tf.constant(value[None, :, None], tf.float32)
        for name, value in features.items()
    }
    if getattr(decoder, 'stateless', False):
        tensors['state'] = tf.zeros([1, decoder.state_dims])
    tensors.update(decoder(tensors, training=False))
    processor_group(tensors)


def restore(
    model: Any, place: Place, restore_keys: Sequence[str] | None = None
) -> checkpoints.Report:
    """Fills the weights of a model, or of parts of it, from the checkpoint of a place.

    Parameters
    ----------
    model : that was called once.
    place : where the checkpoint is.
    restore_keys : parts to fill, such as `['decoder']`; all without it.

    Raises
    ------
    ValueError
        When there is no checkpoint, or it does not hold what the model needs.
    """
    reports = []

    def load(prefix: str) -> None:
        reports.append(checkpoints.load(prefix, model, restore_keys=restore_keys))

    try:
        checkpoint_files.load_newest(str(place.checkpoint), load)
    except FileNotFoundError as error:
        raise ValueError(
            f'{place.shown} holds no weights: there is no checkpoint in it, a file '
            'ckpt-STEP.index and one beside it.'
        ) from error
    return reports[-1]
