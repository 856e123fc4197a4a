"""Whether a model and its data have the same rates and lengths."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from ddsp import losses, processors, synths
from ddsp.training import preprocessing
from ddsp.training.data.base import describe

_RATES = ('sample_rate', 'frame_rate')


def check_agreement(model: Any, provider: Any, batch: Any) -> None:
    """Refuses data of other rates or lengths than those that parts of a model name.

    Values that a part does not use, such as the frame rate of a synthesiser whose
    `n_samples` is given, may be anything.

    Parameters
    ----------
    model : a `ddsp.training.models.Model`; it need not have been called yet.
    provider : of the data, see `ddsp.training.data`.
    batch : dictionary of the features of a batch, or of their `tf.TensorSpec`s; or a
        tuple of such.

    Raises
    ------
    ValueError
        With each pair of values that differ, and the gin parameters to set.
    """
    if not isinstance(model, keras.Model):
        return
    features = _features(batch)
    wrong: dict[str, str] = {}
    for layer in model._flatten_layers():
        for name, value, expected in _pairs(layer, model, provider, features):
            if not math.isclose(value, expected, rel_tol=1e-9):
                parameter = f'{type(layer).__name__}.{name}'
                what = 'length' if name in ('n_samples', 'time_steps') else name
                wrong[f'{parameter} = {describe(expected)}'] = (
                    f'{parameter} is {describe(value)}, where the {what} of '
                    f'{type(provider).__name__} asks for {describe(expected)}'
                )
    if wrong:
        raise ValueError(
            f'the data are not what the model expects: {"; ".join(wrong.values())}. '
            f'Set in gin: {", ".join(wrong)}; or prepare the recordings again with '
            'what the model expects.'
        )


def _features(batch: Any) -> Mapping[str, Any]:
    """The features of a batch that has audio, if any has."""
    parts = batch if isinstance(batch, (tuple, list)) else [batch]
    found = [part for part in parts if isinstance(part, Mapping) and 'audio' in part]
    return found[0] if found else {}


def _pairs(
    layer: Any, model: Any, provider: Any, features: Mapping[str, Any]
) -> Iterator[tuple[str, float, float]]:
    """What a part of the model names: the parameter, its value, that of the data."""
    for name in _RATES:
        pair = getattr(layer, name, None), getattr(provider, name, None)
        if all(map(_is_number, pair)) and _uses_rate(layer, name, features):
            yield name, *pair
    n_samples, audio = getattr(layer, 'n_samples', None), _length(features, 'audio')
    if isinstance(layer, processors.Processor) and n_samples and audio:
        # What is cut off at the end is made first.
        longer = audio + _n_cropped(model)
        yield 'n_samples', n_samples, audio if n_samples == audio else longer
    frames = _length(features, 'f0_hz')
    if isinstance(layer, preprocessing.F0LoudnessPreprocessor) and frames:
        # Data that are centred have one more frame.
        centered = frames == layer.time_steps + 1
        yield 'time_steps', layer.time_steps, frames - centered


def _uses_rate(layer: Any, name: str, features: Mapping[str, Any]) -> bool:
    """Whether a rate of a layer has any effect."""
    if isinstance(layer, losses.SpectralLoss):
        return layer.loudness_weight > 0
    if isinstance(layer, preprocessing.F0PowerPreprocessor):
        return 'power_db' not in features
    if isinstance(layer, preprocessing.F0LoudnessPreprocessor):
        return layer.compute_loudness
    if isinstance(layer, preprocessing.OnlineF0PowerPreprocessor):
        return layer.compute_power or layer.compute_f0
    if name == 'frame_rate' or isinstance(layer, synths.FilteredNoise):
        return getattr(layer, 'n_samples', None) is None
    return True


def _n_cropped(model: Any) -> int:
    """Samples that the model cuts off what it has played."""
    layers = model._flatten_layers()
    return sum(x.frame_size for x in layers if isinstance(x, processors.Crop))


def _length(features: Mapping[str, Any], key: str) -> int | None:
    """Size of a feature's second axis; None where it is missing or unknown."""
    shape = getattr(features.get(key), 'shape', None)
    return shape[1] if shape is not None and len(shape) > 1 else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and value > 0
