"""From a sound file to a sound file."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ddsp import audio_files
from ddsp.training.data_preparation.reading import read_recording
from ddsp.training.fit.progress import on_terminal
from ddsp.training.output_paths import check_file, check_writable, new_files
from ddsp.training.reports import chapters
from ddsp.training.telling import tell
from ddsp.training.transfer.controls import Controls
from ddsp.training.transfer.instrument import Instrument, Performance
from ddsp.training.transfer.loading import load_instrument
from ddsp.training.transfer.measures import hear, measure
from ddsp.training.transfer.playing import Progress
from ddsp.training.transfer.report import ReportData, add_to_report, write_report


def transfer_file(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    instrument: str | os.PathLike[str] | Instrument = 'violin',
    controls: Controls | None = None,
    method: str = 'swift-f0',
    report: str | os.PathLike[str] | None = None,
    add_to: bool = False,
    overwrite: bool = False,
    command: str = '',
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Plays the melody of a sound file on an instrument, into another file.

    Parameters
    ----------
    path : a sound file of any format, rate and number of channels.
    out : WAV file to write, 16 bits, at the instrument's rate, as long as the input.
    instrument : see `load_instrument`.
    controls : how; those of `Controls()` without it.
    method : pitch estimator, see `ddsp.pitch`.
    report : HTML page to write, too.
    add_to : whether `report`, if it is there, is a page of `ddsp fit`, `ddsp train` or
        `ddsp transfer` that gets a chapter more.
    overwrite : whether files that are there may be replaced.
    command : to be shown in the report.
    say : is told what is going on, line by line; prints on stderr by default.

    Returns
    -------
    What was measured, see `measures.measure`, and `transfer_seconds`.

    Raises
    ------
    OSError, ValueError
        When a file cannot be read or written, the instrument is not known, or there is
        no melody in the recording. Nothing is left half written.
    """
    say = say or tell
    path, out = Path(path), Path(out)
    if out.suffix.lower() not in ('', '.wav'):
        raise ValueError(
            f'{out}: what is written is a WAV file; name it {out.stem}.wav.'
        )
    report = None if report is None else Path(report)
    check_file(out, overwrite, path, 'recording')
    if report is not None:
        _check_report(report, out, add_to)
        if not add_to:
            check_file(report, overwrite, path, 'recording')
    if not isinstance(instrument, Instrument):
        instrument = load_instrument(os.fspath(instrument))
    audio = read_recording(path, instrument.sample_rate)
    started = time.monotonic()
    say(f'{path.name}: {len(audio) / instrument.sample_rate:.1f} s; finding its melody')
    with progress_bar(instrument.title) as progress:
        performance = instrument.perform(
            audio, instrument.sample_rate, controls, progress, method
        )
    seconds = time.monotonic() - started
    performance = _as_long_as(performance, len(audio))
    for warning in performance.adjusted.warnings:
        say(f'note: {warning}')
    heard = hear(performance, method)
    metrics = {
        **measure(performance, method, heard=heard),
        'transfer_seconds': seconds,
    }
    with new_files(out) as (partial,):
        audio_files.save_audio(partial, performance.audio, instrument.sample_rate)
        if report is not None:
            # Before the sound is put in its place: both appear, or none.
            data = ReportData(
                recording=path.name,
                output=out,
                info=instrument.info,
                performance=performance,
                heard=heard,
                metrics=metrics,
                controls=controls or Controls(),
                seconds=seconds,
                command=command,
            )
            (add_to_report if add_to else write_report)(report, data)
    return metrics


def _check_report(report: Path, out: Path, add_to: bool) -> None:
    """Refuses a page that the report cannot be, before there is any work in it."""
    if report.resolve() == out.resolve():
        raise ValueError(f'{report} is the sound to write: name another report.')
    if report.is_dir():
        raise IsADirectoryError(
            f'{report} is a directory, expected the name of a page.'
        )
    check_writable(report.absolute().parent, report)
    if add_to and report.exists():
        chapters.check_page(report)


def _as_long_as(performance: Performance, n_samples: int) -> Performance:
    """Without the end of the last frame, which the recording does not fill."""
    return Performance(
        performance.features, performance.adjusted, performance.audio[:n_samples]
    )


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[Progress | None]:
    """A bar on a terminal, over the frames that are played; nothing elsewhere."""
    if not on_terminal():
        yield None
        return
    from ddsp.optional import import_optional

    tqdm = import_optional('tqdm', 'the progress bar')
    with tqdm.tqdm(desc=title, unit='frame', dynamic_ncols=True) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
