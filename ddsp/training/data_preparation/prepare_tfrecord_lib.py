"""Makes records for training out of recordings."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from ddsp import pitch, spectral_ops
from ddsp.training.data import dataset_info
from ddsp.training.data_preparation import decoding, pipeline
from ddsp.training.data_preparation.places import (
    check_free,
    check_writable,
    dataset_name,
    output_path,
)
from ddsp.training.data_preparation.progress import duration, telling_progress
from ddsp.training.data_preparation.settings import Settings, check_settings
from ddsp.training.data_preparation.splitting import record_prefix, splits_of
from ddsp.training.data_preparation.work_folders import work_folder
from ddsp.training.data_preparation.writing import feature_lengths, put_in_place
from ddsp.training.telling import tell

CREPE_SAMPLE_RATE = spectral_ops.CREPE_SAMPLE_RATE


def prepare_tfrecord(
    input_audio_paths: Sequence[str],
    output_tfrecord_path: str,
    num_shards: int | None = None,
    sample_rate: int = 16000,
    frame_rate: int = 250,
    example_secs: float = 4,
    hop_secs: float = 1,
    eval_split_fraction: float = 0.0,
    chunk_secs: float = 20.0,
    center: bool = False,
    viterbi: bool = True,
    pipeline_options: Sequence[str] | str = (),
    pitch_method: str = 'swift-f0',
    seed: int = 0,
    strict: bool = False,
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Writes audio, f0, confidence and loudness of recordings as TFRecords.

    Recordings, mono or stereo and of any rate, are cut into chunks, and chunks into
    examples. An example shorter than `example_secs` is filled with silence only where a
    whole recording is shorter. `dataset.json` beside the records describes them, see
    `ddsp.training.data.dataset_info`. The same recordings and arguments give the same
    records.

    Nothing is seen at the output until everything is complete; then older records of
    the same name are replaced, of whatever number of shards. An interrupted preparation
    leaves older records as they were, and what it had made is removed when it starts
    again; where another machine made it, when nothing was written there for a day.

    Parameters
    ----------
    input_audio_paths : wav, flac, mp3, ogg, aiff; m4a and others where there is ffmpeg.
        A file that is listed twice, by whatever path, counts once.
    output_tfrecord_path : where records go, such as `'data/violin.tfrecord'`. Files are
        `violin.tfrecord-00000-of-00010`, or, with an evaluation split,
        `violin-train.tfrecord-...` and `violin-eval.tfrecord-...`.
    num_shards : files of each split; by default 10, or more so that none holds more
        than 1000 examples, but no empty ones.
    sample_rate : of the audio, in Hz.
    frame_rate : of f0 and loudness, in Hz; divides `sample_rate`.
    example_secs : length of an example.
    hop_secs : from the start of one example to that of the next.
    eval_split_fraction : part of the chunks that is kept for evaluation, at least one
        chunk if above 0. No chunk is in both splits.
    chunk_secs : length of chunks; 0 leaves recordings whole, which takes memory of
        their length.
    center : whether an example has one more frame, where it ends.
    viterbi : whether a pitch estimator that can prefers a smooth course.
    pipeline_options : for Apache Beam, such as `['--runner=DataflowRunner']`, or the
        same in one string with commas. By default Beam runs here, on all cores.
    pitch_method : name of the pitch estimator, see `ddsp.pitch`.
    seed : of the order of examples and the choice of chunks for evaluation.
    strict : stop when a recording cannot be read, instead of leaving it out.
    say : is told what is going on, line by line; prints on stderr by default.

    Returns
    -------
    The content of `dataset.json`; `['recordings']['skipped']` lists what was left out.

    Raises
    ------
    ValueError
        For arguments that cannot be; when no recording can be read, or, if `strict`,
        when one cannot; for too few chunks to split; for a `dataset.json` beside the
        records that is none; when records of another dataset have the names that the
        new ones would get.
    OSError
        When no file may be written where the records go.
    RuntimeError
        When the same records are being prepared already on this machine, or when a
        step fails, as on a full disk.
    ImportError
        When Apache Beam, or the package of the pitch estimator, is missing.
    """
    say = say or tell
    if isinstance(input_audio_paths, (str, os.PathLike)):
        input_audio_paths = [input_audio_paths]
    paths = decoding.distinct([os.fspath(path) for path in input_audio_paths])
    output = output_path(output_tfrecord_path)
    settings = Settings(
        output_path=output,
        work_dir='',
        sample_rate=sample_rate,
        frame_rate=frame_rate,
        example_secs=example_secs,
        hop_secs=hop_secs,
        chunk_secs=chunk_secs or 0.0,
        eval_split_fraction=eval_split_fraction or 0.0,
        num_shards=num_shards,
        center=center,
        viterbi=viterbi,
        pitch_method=pitch_method,
        seed=seed,
    )
    _check_call(paths, output, settings)
    options = _split_options(pipeline_options)
    began = time.monotonic()
    say(f'preparing {_counted(len(paths))}; f0 by {pitch_method}')
    with work_folder(output) as folder:
        settings = dataclasses.replace(settings, work_dir=folder)
        with telling_progress(settings, len(paths), say):
            result = pipeline.run(paths, settings, strict, options)
        _check_result(result, strict)
        info = _describe(result, settings)
        _finish(result, info, settings)
    for line in summary(info):
        say(line)
    say(f'it took {duration(time.monotonic() - began)}')
    return info


def summary(info: dict[str, Any]) -> list[str]:
    """What was made, in a few lines, with what was left out and why."""
    recordings = info['recordings']
    lines = [
        f'{_counted(recordings["num_read"])}, {recordings["seconds"]:.1f} s, '
        f'at {info["sample_rate"]} Hz with {info["frame_rate"]} frames per second'
    ]
    for split, content in info['splits'].items():
        voiced = content['statistics']['voiced_fraction']
        lines.append(
            f'{split}: {content["num_examples"]} examples of '
            f'{info["example_secs"]:g} s from {content["seconds"]:.1f} s, '
            f'{100 * voiced:.0f}% voiced: {content["file_pattern"]}'
        )
    if recordings['remarks']:
        lines.append(f'worth a look, {_counted(len(recordings["remarks"]))}:')
        lines += [f'  {r["path"]}: {r["remark"]}' for r in recordings['remarks']]
    if recordings['skipped']:
        lines.append(f'left out {_counted(len(recordings["skipped"]))}:')
        lines += [f'  {s["path"]}: {s["reason"]}' for s in recordings['skipped']]
    return lines


def _counted(n_recordings: int) -> str:
    return f'{n_recordings} recording{"s" if n_recordings != 1 else ""}'


def _check_call(paths: list[str], output: str, settings: Settings) -> None:
    if not paths:
        raise ValueError(
            'input_audio_paths is empty: there is no recording to prepare.'
        )
    check_settings(settings)
    # Fails here, in one line, for an unknown name or a missing package.
    pitch.get_estimator(settings.pitch_method, viterbi=settings.viterbi)
    check_writable(os.path.dirname(output))
    check_free(output, splits_of(settings))


def _split_options(options: Sequence[str] | str) -> list[str]:
    if isinstance(options, str):
        options = options.split(',')
    return [option.strip() for option in options if option.strip()]


def _check_result(result: dict[str, Any], strict: bool) -> None:
    reasons = '; '.join(f'{s["path"]}: {s["reason"]}' for s in result['skipped'])
    if strict and result['skipped']:
        raise ValueError(
            f'strict: nothing was written, as recordings cannot be read: {reasons}'
        )
    if result['error']:
        detail = f': {reasons}' if reasons else ''
        raise ValueError(f'{result["error"]}{detail}')


def _describe(result: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """The content of `dataset.json`."""
    splits = {}
    for split, content in result['splits'].items():
        files = [
            {'name': os.path.basename(path), 'num_examples': n, 'bytes': n_bytes}
            for of, path, n, n_bytes in result['files']
            if of == split
        ]
        prefix = os.path.basename(record_prefix(settings.output_path, split))
        splits[split or 'train'] = {
            'file_pattern': f'{prefix}-*-of-{len(files):05d}',
            'num_examples': sum(file['num_examples'] for file in files),
            **content,
            'files': files,
        }
    return {
        'format': dataset_info.FORMAT,
        'name': dataset_name(settings.output_path),
        'sample_rate': settings.sample_rate,
        'frame_rate': settings.frame_rate,
        'example_secs': settings.example_secs,
        'hop_secs': settings.hop_secs,
        'chunk_secs': settings.chunk_secs,
        'centered': settings.center,
        'pitch_method': settings.pitch_method,
        'viterbi': settings.viterbi,
        'eval_split_fraction': settings.eval_split_fraction,
        'seed': settings.seed,
        'features': feature_lengths(settings),
        'splits': splits,
        'recordings': {
            'num_read': result['num_read'],
            'seconds': result['seconds'],
            'remarks': result['remarks'],
            'skipped': result['skipped'],
        },
    }


def _finish(result: dict[str, Any], info: dict[str, Any], settings: Settings) -> None:
    moves = [
        (os.path.join(settings.work_dir, os.path.basename(final)), final)
        for _, final, _, _ in result['files']
    ]
    put_in_place(moves, settings.output_path, info, settings.work_dir)
