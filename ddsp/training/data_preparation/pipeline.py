"""The work as an Apache Beam pipeline, on one machine or on many.

What goes from step to step is small: names, numbers and counts. Samples, features and
records go through files in a working folder, so that memory stays bounded whatever the
length of the recordings and whatever a runner keeps of the elements that pass.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from ddsp.optional import import_optional
from ddsp.training.data_preparation.decoding import Recording, decode
from ddsp.training.data_preparation.features import measure
from ddsp.training.data_preparation.settings import Settings
from ddsp.training.data_preparation.splitting import (
    Chunk,
    Shard,
    cut_chunks,
    plan_shards,
    split_chunks,
)
from ddsp.training.data_preparation.statistics import summarise
from ddsp.training.data_preparation.writing import write_shard

_RESULT = 'result.json'
# Variables that list hosts to be reached directly; gRPC reads the first that is set.
_NOT_BY_PROXY, _NOT_BY_ANY_PROXY = 'no_grpc_proxy', 'no_proxy'
_LOCAL_RUNNERS = ('DirectRunner', 'FnApiRunner')


def run(
    paths: Sequence[str], settings: Settings, strict: bool, options: Sequence[str]
) -> dict[str, Any]:
    """Runs all steps up to records in the working folder.

    Parameters
    ----------
    paths : the recordings.
    settings : what to make of them.
    strict : make nothing when a recording cannot be read.
    options : for Beam, such as `'--runner=DataflowRunner'`.

    Raises
    ------
    RuntimeError
        When a step fails, as on a full disk.

    Returns
    -------
    `skipped` (`path` and `reason` of each unreadable recording), `remarks` (`path` and
    `remark` of those that are silent, very quiet, clipped or perhaps damaged), `error`
    (None, or why there are no records), and, without an error, `files` (split, path,
    examples, bytes of each), `splits` (statistics and counts of each) and `seconds`.
    """
    beam = import_beam()
    pipeline = make_pipeline(options)
    with _without_notebook(beam):
        _build(beam, pipeline, list(enumerate(paths)), settings, strict)
    run_pipeline(pipeline)
    with tf.io.gfile.GFile(os.path.join(settings.work_dir, _RESULT)) as file:
        return json.loads(file.read())


def make_pipeline(options: Sequence[str]) -> Any:
    """An empty pipeline: on this machine, unless the options say otherwise."""
    # Not for use as a context: with it Ctrl-C would run the pipeline before it stops.
    beam = import_beam()
    return beam.Pipeline(options=_pipeline_options(beam, options))


def run_pipeline(pipeline: Any) -> None:
    """Runs a pipeline to its end.

    Raises
    ------
    RuntimeError
        When a step fails, with the last line of what happened.
    """
    with _plain_errors(), _past_proxies():
        pipeline.run().wait_until_finish()


@contextlib.contextmanager
def _without_notebook(beam: Any) -> Iterator[None]:
    """Keeps Beam from naming steps after the cell of the notebook that runs them.

    For such a name it would load its interactive runner, which asks for packages, and
    for versions of them, that nobody needs who prepares records.
    """
    name_by_cell = getattr(beam.pipeline, 'alter_label_if_ipython', None)
    beam.pipeline.alter_label_if_ipython = lambda transform, pvalueish: None
    try:
        yield
    finally:
        beam.pipeline.alter_label_if_ipython = name_by_cell


@contextlib.contextmanager
def _past_proxies() -> Iterator[None]:
    """Lets Beam reach its workers on this machine where `http_proxy` is set.

    The two talk over gRPC, which would ask the proxy for `localhost`, and wait in vain.
    """
    before = os.environ.get(_NOT_BY_PROXY)
    known = before or os.environ.get(_NOT_BY_ANY_PROXY)
    local = ['localhost', '127.0.0.1']
    os.environ[_NOT_BY_PROXY] = ','.join([known, *local] if known else local)
    try:
        yield
    finally:
        del os.environ[_NOT_BY_PROXY]
        if before is not None:
            os.environ[_NOT_BY_PROXY] = before


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Tells in one line what went wrong in a worker.

    Beam prints the worker's stack, logs it again, and raises it within the message;
    here the last line of it remains, with the whole as its cause.
    """
    from apache_beam.runners.worker import sdk_worker

    log = logging.getLogger('apache_beam')
    level = log.level
    log.setLevel(logging.CRITICAL)
    sdk_worker.print = lambda *_, **__: None  # Found before the one that is built in.
    try:
        yield
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        if not lines or not lines[0].startswith('Traceback'):
            raise
        reason = re.sub(r" \[while running '.*", '', lines[-1])
        reason = reason.removeprefix('RuntimeError: ')
        reason = re.sub(r'^[\w.]*\.(?=\w+: )', '', reason)  # The module of the error.
        raise RuntimeError(f'preparing records stopped: {reason}') from error
    finally:
        log.setLevel(level)
        del sdk_worker.print


def import_beam() -> Any:
    """Apache Beam; raises ImportError with what to install where it is missing."""
    # Beam tells on import which cloud libraries are missing.
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        import_optional('google_crc32c', 'preparing records')
        return import_optional('apache_beam', 'preparing records')
    finally:
        logging.disable(level)


def _pipeline_options(beam: Any, options: Sequence[str]) -> Any:
    """Options with the local runner and all cores where they do not say otherwise.

    The local runner works in threads of this process: nearly all of the time is spent
    in libraries that let go of Python's lock (decoding, resampling, ONNX, FFT), the
    pitch estimator is loaded once, and no worker process can be lost or left behind.
    """
    from apache_beam.options.pipeline_options import PipelineOptions

    given = joined_options(options)
    names = {option.split('=')[0].lstrip('-') for option in given}
    runners = [o.split('=', 1)[1] for o in given if o.startswith('--runner=')]
    if not runners or runners[-1] in _LOCAL_RUNNERS:
        _check_known(PipelineOptions(given))
        given = [o for o in given if not o.startswith('--runner=')]
        # By its own name: 'DirectRunner' may try to fetch another runner's binary.
        given.append('--runner=FnApiRunner')
        if 'direct_running_mode' not in names:
            given.append('--direct_running_mode=multi_threading')
        if 'direct_num_workers' not in names:
            given.append(f'--direct_num_workers={_n_cores()}')
    return PipelineOptions(given)


def joined_options(options: Sequence[str]) -> list[str]:
    """Options as `--name=value` or `--name`, one each.

    Parameters
    ----------
    options : the parts of a command line, or of a list with commas between, where
        values may hold commas too.

    Raises
    ------
    ValueError
        For one that does not begin with `--`: Beam would leave it out and say nothing.
    """
    joined: list[str] = []
    words = [word for option in options for word in option.split()]
    for word in words:
        if word.startswith('-'):
            joined.append(word)
        elif joined and '=' not in word:
            joined[-1] += f',{word}' if '=' in joined[-1] else f'={word}'
        else:
            raise ValueError(
                f'pipeline_options: {word!r} is no option, expected --name=value with '
                'commas between, such as --runner=DataflowRunner,--project=P.'
            )
    return joined


def _check_known(options: Any) -> None:
    """Refuses options that no part of Beam knows; it would take no notice of them."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        everything = options.get_all_options(retain_unknown_options=True)
        known = options.get_all_options()
    finally:
        logging.disable(level)
    unknown = sorted(set(everything) - set(known))
    if unknown:
        raise ValueError(
            f'pipeline_options: Apache Beam knows no {", ".join(unknown)}; check the '
            'spelling.'
        )


def _n_cores() -> int:
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _build(
    beam: Any,
    pipeline: Any,
    paths: list[tuple[int, str]],
    settings: Settings,
    strict: bool,
) -> None:
    as_list = beam.pvalue.AsList
    recordings = (
        pipeline
        # As bytes: a name may hold some that are no text, which Beam cannot encode.
        | 'Paths' >> beam.Create([(n, os.fsencode(path)) for n, path in paths])
        | 'SpreadPaths' >> beam.Reshuffle()
        | 'Decode' >> beam.Map(_decode, settings)
    )
    failed = recordings | 'Failed' >> beam.Filter(_has_failed)
    chunks = (
        recordings
        | 'Cut' >> beam.FlatMap(_chunks_of, as_list(failed), settings, strict)
        | 'SpreadChunks' >> beam.Reshuffle()
        | 'Measure' >> beam.Map(functools.partial(measure, settings=settings))
    )
    files = (
        pipeline
        | 'Plan' >> beam.Create([None])
        | 'Deal' >> beam.FlatMap(_plan, as_list(chunks), settings)
        | 'SpreadShards' >> beam.Reshuffle()
        | 'Write' >> beam.Map(functools.partial(write_shard, settings=settings))
    )
    _ = (
        pipeline
        | 'Finish' >> beam.Create([None])
        | 'Summarise'
        >> beam.Map(
            _write_result,
            as_list(recordings),
            as_list(chunks),
            as_list(files),
            settings,
            strict,
        )
    )


def _decode(numbered_path: tuple[int, bytes], settings: Settings) -> Recording:
    number, path = numbered_path
    return decode((number, os.fsdecode(path)), settings)


def _has_failed(recording: Recording) -> bool:
    return recording.failure is not None


def _chunks_of(
    recording: Recording, failed: Sequence[Recording], settings: Settings, strict: bool
) -> list[Chunk]:
    if _has_failed(recording) or (strict and failed):
        return []
    return cut_chunks(recording, settings)


def _plan(_: None, chunks: Sequence[Chunk], settings: Settings) -> list[Shard]:
    if _problem(chunks, settings):
        return []
    return plan_shards(split_chunks(list(chunks), settings), settings)


def _problem(chunks: Sequence[Chunk], settings: Settings) -> str | None:
    """Why chunks cannot become records."""
    if not chunks:
        return 'no recording could be read'
    try:
        split_chunks(list(chunks), settings)
    except ValueError as error:
        return str(error)
    return None


def _write_result(
    _: None,
    recordings: Iterable[Recording],
    chunks: Sequence[Chunk],
    files: Sequence[tuple[str, str, int, int]],
    settings: Settings,
    strict: bool,
) -> None:
    recordings = sorted(recordings, key=lambda recording: recording.index)
    skipped = [r for r in recordings if _has_failed(r)]
    read = [r for r in recordings if not _has_failed(r)]
    result = {
        'skipped': [{'path': r.path, 'reason': r.failure} for r in skipped],
        'remarks': [{'path': r.path, 'remark': r.remark} for r in read if r.remark],
        'num_read': len(read),
        'seconds': sum(r.seconds for r in read),
        'error': None if skipped and strict else _problem(chunks, settings),
    }
    if files:
        result['files'] = sorted(files)
        result['splits'] = {
            split: {
                'num_chunks': len(own),
                'seconds': sum(c.n_recorded for c in own) / settings.frame_rate,
                'statistics': summarise(own, settings),
            }
            for split, own in split_chunks(list(chunks), settings).items()
        }
    with tf.io.gfile.GFile(os.path.join(settings.work_dir, _RESULT), 'w') as file:
        file.write(json.dumps(result))
