"""Whether records are what a model expects of them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import tensorflow as tf

from ddsp.training.data.base import describe
from ddsp.training.data.record_files import RecordIndex

_RATE_16K = 16000
# Records that are looked at when a provider begins; usually all are of one form.
_MOST_FORMS = 32


def check_info(
    info: Mapping[str, Any],
    told: Mapping[str, Any],
    gin_name: str,
    settable: Collection[str],
) -> None:
    """Compares `dataset.json` with what a provider was told.

    Parameters
    ----------
    info : content of the file.
    told : `sample_rate`, `frame_rate`, `example_secs` and `centered` of the provider.
    gin_name : of the provider.
    settable : names of its parameters.

    Raises
    ------
    ValueError
        With each pair of values that differ, and the gin parameter to set.
    """
    known = [name for name in told if name in info]
    wrong = [name for name in known if not _same(info[name], told[name])]
    if wrong:
        pairs = [
            f'{name} is {_shown(info[name])} in dataset.json, '
            f'{gin_name}.{name} is {describe(told[name])}'
            for name in wrong
        ]
        raise ValueError(
            f'the records of dataset {info.get("name")!r} are not what the model '
            f'expects: {"; ".join(pairs)}. '
            f'{_advice({n: info[n] for n in wrong}, gin_name, settable)}'
        )


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) else describe(value)


def _same(ours: Any, theirs: Any) -> bool:
    if not isinstance(ours, (int, float)):
        return False
    return math.isclose(ours, theirs, rel_tol=1e-9)


def _advice(values: Mapping[str, Any], gin_name: str, settable: Collection[str]) -> str:
    fixed = [name for name in values if name not in settable]
    if fixed:
        needed = ', '.join(f'{name} {describe(v)}' for name, v in values.items())
        return (
            f'{gin_name} has no parameter {" or ".join(fixed)}: read these records by '
            f'TFRecordProvider or LegacyTFRecordProvider, with {needed}.'
        )
    bindings = [f'{gin_name}.{name} = {describe(v)}' for name, v in values.items()]
    return (
        f'To read these records, set in gin: {", ".join(bindings)} (and give the model '
        'the same rates), or prepare the recordings again with what the model expects.'
    )


def check_records(
    index: RecordIndex,
    features: Mapping[str, tf.io.FixedLenFeature],
    told: Mapping[str, Any],
    gin_name: str,
    settable: Collection[str],
) -> None:
    """Looks at records before a graph does, which would not say what is wrong.

    One stands for all that are as long and of the same dataset.

    Parameters
    ----------
    index : the records.
    features : expected of them.
    told, gin_name, settable : as in `check_info`.

    Raises
    ------
    ValueError
        When a feature is missing, of another type, or of another length.
    OSError
        When a file is gone.
    """
    # Where any length will do, records are all of other sizes, and the first will do.
    any_length = tf.io.FixedLenSequenceFeature
    varies = any(isinstance(feature, any_length) for feature in features.values())
    for record in index.samples_of_each_form(1 if varies else _MOST_FORMS):
        path = index.path(record)
        where = f'the record at byte {index.offsets[record]}'
        try:
            example = tf.train.Example.FromString(index.read(record))
        except (ValueError, OSError):
            raise
        except Exception as error:  # protobuf's own, named as its version pleases.
            raise ValueError(f'{path}: {where} is no tf.train.Example.') from error
        _check_record(example, path, where, features, told, gin_name, settable)


def _check_record(
    example: Any,
    path: str,
    where: str,
    features: Mapping[str, tf.io.FixedLenFeature],
    told: Mapping[str, Any],
    gin_name: str,
    settable: Collection[str],
) -> None:
    found = {name: _values(f) for name, f in example.features.feature.items()}
    missing = [name for name in features if name not in found]
    if missing:
        raise ValueError(
            f'{path}: {where} has no {" or ".join(missing)}; it has '
            f'{", ".join(sorted(found)) or "nothing"}.{_hint(missing, gin_name)}'
        )
    lengths = {name: len(values) for name, values in found.items()}
    for name, feature in features.items():
        if feature.dtype == tf.float32 and not _is_float(example, name):
            raise ValueError(f'{path}: {name} of {where} is no list of floats.')
        if isinstance(feature, tf.io.FixedLenSequenceFeature):
            continue
        expected = math.prod(feature.shape)
        if lengths[name] != expected:
            raise ValueError(
                f'{path}: {name} has {lengths[name]} values in {where}, but '
                f'{gin_name} expects {expected}, {_expectation(told)}. '
                f'{_guess(lengths, told, gin_name, settable)}'
            )


def _values(feature: Any) -> Any:
    kind = feature.WhichOneof('kind')
    return getattr(feature, kind).value if kind else []


def _is_float(example: Any, name: str) -> bool:
    return example.features.feature[name].WhichOneof('kind') == 'float_list'


def _hint(missing: list[str], gin_name: str) -> str:
    if missing == ['audio_16k'] and gin_name == 'TFRecordProvider':
        return ' That is the older form: use LegacyTFRecordProvider instead.'
    return ''


def _expectation(told: Mapping[str, Any]) -> str:
    values = (f'{name} {describe(value)}' for name, value in told.items())
    return f'for {", ".join(values)}'


def _guess(
    lengths: Mapping[str, int],
    told: Mapping[str, Any],
    gin_name: str,
    settable: Collection[str],
) -> str:
    """Which parameters would fit the record, as far as its lengths tell."""
    if not {'audio', 'f0_hz'} <= set(lengths) or 'example_secs' not in told:
        return f'Set the parameters of {gin_name} to those of the records.'
    audio, frames = lengths['audio'], lengths['f0_hz']
    secs = told['example_secs']
    if lengths.get('audio_16k'):
        secs = lengths['audio_16k'] / _RATE_16K
    elif abs(frames - secs * told['frame_rate']) > 1:
        # The frames do not fit the length either, so that is what differs.
        secs = audio / told['sample_rate']
    centered = _is_centered(frames, secs, audio / secs, told)
    likely = {
        'example_secs': secs,
        'sample_rate': audio / secs,
        'frame_rate': (frames - centered) / secs,
        'centered': centered,
    }
    likely = {
        name: int(v) if float(v).is_integer() and name != 'centered' else v
        for name, v in likely.items()
    }
    differing = {n: v for n, v in likely.items() if not _same(v, told[n])}
    return _advice(differing, gin_name, settable)


def _is_centered(
    frames: int, secs: float, sample_rate: float, told: Mapping[str, Any]
) -> bool:
    """Whether one of the frames is beyond the length, judging by the rates."""
    ways = (bool(told['centered']), not told['centered'])
    rates = {way: (frames - way) / secs for way in ways}
    for way in ways:
        if _same(rates[way], told['frame_rate']):
            return way
    for way in ways:
        if rates[way] > 0 and not sample_rate % rates[way]:
            return way
    return ways[0]
