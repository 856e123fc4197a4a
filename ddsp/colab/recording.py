"""Sound from the person before the browser: microphone and files, in Colab.

Other notebooks lend neither. There a notebook names a recording to take instead, or
is told what to do.
"""

from __future__ import annotations

import base64
import importlib.resources
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from ddsp import audio_files
from ddsp.colab.conversion import audio_bytes_to_np, audio_to_wav, normalize_peak
from ddsp.colab.surroundings import surroundings
from ddsp.spectral_ops import CREPE_SAMPLE_RATE


def record(
    seconds: float = 3,
    sample_rate: int = CREPE_SAMPLE_RATE,
    normalize_db: float | None = 0.1,
    fallback: str | os.PathLike[str] | None = None,
) -> np.ndarray:
    """Records from the microphone, in Colab.

    Parameters
    ----------
    seconds : how long.
    sample_rate : of the result in Hz, whatever that of the microphone.
    normalize_db : how far below full scale the peak shall be, in dB; None leaves the
        level as it is.
    fallback : a sound file to take, as far as `seconds`, where there is no Colab.

    Returns
    -------
    float32 `[samples]`.

    Raises
    ------
    ValueError
        When `seconds` is not above 0.
    RuntimeError
        When this is not Colab and there is no fallback, or when the browser could not
        record; the message says why.
    """
    if seconds <= 0:
        raise ValueError(f'record: seconds is {seconds}, expected above 0.')
    if surroundings() != 'colab':
        audio = _instead('record', 'the microphone', fallback, sample_rate)
        audio = audio[: round(seconds * sample_rate)]
        return audio if normalize_db is None else normalize_peak(audio, normalize_db)
    from google.colab import output

    answer = output.eval_js(recorder_script(seconds))
    return _heard(answer, sample_rate, normalize_db)


def recorder_script(seconds: float) -> str:
    """The JavaScript that records and answers with a JSON text.

    Parameters
    ----------
    seconds : how long.

    Returns
    -------
    An expression: the promise of `{"sample_rate": ..., "pcm16": base64}`, one channel
    of little-endian 16-bit samples, or of `{"error": ...}`.
    """
    function = importlib.resources.files('ddsp.colab').joinpath('recorder.js')
    return f'({function.read_text(encoding="utf-8").strip()})({float(seconds)})'


def _heard(answer: str, sample_rate: int, normalize_db: float | None) -> np.ndarray:
    """Samples of what the browser answered."""
    heard = json.loads(answer)
    if 'error' in heard:
        raise RuntimeError(
            f'record: the browser could not record ({heard["error"]}). Allow the page '
            'to use the microphone, see the sign beside its address, and run the cell '
            'again.'
        )
    pcm16 = np.frombuffer(base64.b64decode(heard['pcm16']), '<i2')
    if not pcm16.size:
        raise RuntimeError('record: the browser recorded nothing; try again.')
    wav = audio_to_wav(pcm16, heard['sample_rate'])
    return audio_bytes_to_np(wav, sample_rate, normalize_db)


def upload(
    sample_rate: int = CREPE_SAMPLE_RATE,
    normalize_db: float | None = None,
    fallback: str | os.PathLike[str] | None = None,
) -> tuple[list[str], list[np.ndarray]]:
    """Asks for sound files, in Colab.

    Parameters
    ----------
    sample_rate : of the results in Hz, whatever that of the files.
    normalize_db : how far below full scale each peak shall be, in dB; None leaves
        levels as they are.
    fallback : a sound file to take where there is no Colab.

    Returns
    -------
    names : of the files.
    audio : of each, float32 `[samples]`.

    Raises
    ------
    RuntimeError
        When this is not Colab and there is no fallback.
    ValueError
        When a file is no audio that can be read.
    """
    if surroundings() != 'colab':
        audio = _instead('upload', 'the files', fallback, sample_rate)
        if normalize_db is not None:
            audio = normalize_peak(audio, normalize_db)
        return [Path(fallback).name], [audio]
    from google.colab import files

    uploaded = files.upload()
    audio = [_read(*file, sample_rate, normalize_db) for file in uploaded.items()]
    return list(uploaded), audio


def _read(
    name: str, data: bytes, sample_rate: int, normalize_db: float | None
) -> np.ndarray:
    try:
        return audio_bytes_to_np(data, sample_rate, normalize_db)
    except ValueError as error:
        raise ValueError(f'{name}: {error}') from error


def _instead(function: str, source: str, fallback: Any, sample_rate: int) -> np.ndarray:
    """The recording to take where a browser lends nothing."""
    if fallback is None:
        raise RuntimeError(
            f'{function}: {source} of your browser can be reached in Colab only. Here, '
            "load a sound file: ddsp.audio_files.load_audio('my_recording.wav', "
            f'sample_rate={sample_rate}).'
        )
    name = Path(fallback).name
    print(f'Outside Colab, {source} cannot be reached: this is {name} instead.')
    return audio_files.load_audio(fallback, sample_rate)
