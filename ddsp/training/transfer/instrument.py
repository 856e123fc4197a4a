"""An instrument that plays what it hears."""

from __future__ import annotations

import dataclasses
import numbers
from typing import Any

import keras
import numpy as np

from ddsp import spectral_ops
from ddsp.processors import ProcessorGroup
from ddsp.training.fit.features import Features, extract_features
from ddsp.training.transfer.adjust import Adjusted, adjust
from ddsp.training.transfer.controls import Controls
from ddsp.training.transfer.info import InstrumentInfo
from ddsp.training.transfer.playing import Player, Progress
from ddsp.training.transfer.statistics import Statistics, without_statistics

_LEAST_SECONDS = 0.1
# Less of a pitch than this is a mistake of the estimator.
_LEAST_PITCHED_SECONDS = 0.05
_RATES_HZ = 1000, 768_000
_POWER_FRAME = 1024
_BLOCK_FRAMES = 15000


@dataclasses.dataclass(frozen=True)
class Performance:
    """A recording, and an instrument playing it.

    Parameters
    ----------
    features : of the recording, at the instrument's rates.
    adjusted : what the instrument was told to play.
    audio : `[samples]`, what it played.
    """

    features: Features
    adjusted: Adjusted
    audio: np.ndarray


class Instrument:
    """A trained model that plays the melody of any recording.

    `load_instrument` makes one. `transfer` does everything at once; `listen`, `adjust`
    and `play` are its three parts, for those who want to look at what is between them,
    or try other controls without listening again.

    Parameters
    ----------
    info : what there is to tell of it.
    player : of the model.
    statistics : of what it was trained on, or None where nobody knows.
    shown : how it was asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from ddsp.training.transfer import Controls, load_instrument
    >>> t = np.arange(16000) / 16000
    >>> hum = sum(np.sin(2 * np.pi * 220 * h * t) / h for h in range(1, 9)) / 8
    >>> violin = load_instrument('violin')
    >>> features = violin.listen(hum, 16000)
    >>> adjusted = violin.adjust(features, Controls(adjust=False, pitch_shift=1))
    >>> round(float(np.median(adjusted.f0_hz / features.f0_hz)), 3)  # An octave.
    2.0
    """

    def __init__(
        self,
        info: InstrumentInfo,
        player: Player,
        statistics: Statistics | None,
        shown: str = '',
    ) -> None:
        self.info = info
        self.statistics = statistics
        self._player = player
        self._shown = shown or info.name

    def __repr__(self) -> str:
        rates = f'{self.sample_rate} Hz, {self.frame_rate} frames a second'
        return f'<Instrument {self.name}: {rates}>'

    @property
    def name(self) -> str:
        """By which it is loaded."""
        return self.info.name

    @property
    def title(self) -> str:
        """What people call it."""
        return self.info.title

    @property
    def sample_rate(self) -> int:
        """Of what it plays, in Hz."""
        return self.info.sample_rate

    @property
    def frame_rate(self) -> int:
        """Frames of pitch and loudness a second."""
        return self.info.frame_rate

    @property
    def decoder(self) -> keras.layers.Layer:
        """The network, from features to the controls of the processors."""
        return self._player.decoder

    @property
    def processor_group(self) -> ProcessorGroup:
        """The processors, from controls of any number of frames to sound."""
        return self._player.processor_group

    def listen(
        self, audio: Any, sample_rate: int, method: str = 'swift-f0'
    ) -> Features:
        """Measures the pitch and loudness of a recording.

        Parameters
        ----------
        audio : `[samples]` or `[samples, channels]`, full scale [-1, 1]; channels are
            averaged.
        sample_rate : in Hz, 1000 to 768000; any other than the instrument's is
            resampled.
        method : pitch estimator, see `ddsp.pitch`.

        Returns
        -------
        Features at the instrument's rates, of the whole recording.

        Raises
        ------
        ValueError
            When there is less than 0.1 s of sound, only silence, no pitch in it, NaN or
            infinity, or the shape or rate is none of sound.
        ImportError
            When the package is missing that resamples or finds the pitch.
        """
        audio = _mono(audio, sample_rate)
        if sample_rate != self.sample_rate:
            audio = _resampled(audio, sample_rate, self.sample_rate)
        features = extract_features(audio, self.sample_rate, self.frame_rate, method)
        if features.silent:
            raise ValueError('the recording is silent; expected a melody.')
        pitched = features.confident().sum() / features.frame_rate
        if pitched < _LEAST_PITCHED_SECONDS:
            raise ValueError(
                'no pitch was found in the recording; expected one voice or instrument '
                'that plays one note at a time.'
            )
        return features

    def adjust(self, features: Features, controls: Controls | None = None) -> Adjusted:
        """Moves a melody to where the instrument plays.

        Parameters
        ----------
        features : of a recording, see `listen`.
        controls : how; those of `Controls()` without it.

        Returns
        -------
        Pitch and loudness to play, and warnings, such as of notes that the instrument
        was not trained on.
        """
        controls = controls or Controls()
        called = f'the {self.title.lower()}'
        adjusted = adjust(features, controls, self.statistics, called)
        if self.statistics is None and controls.adjust:
            warning = without_statistics(self._shown)
            adjusted = dataclasses.replace(
                adjusted, warnings=(*adjusted.warnings, warning)
            )
        return adjusted

    def play(
        self,
        adjusted: Adjusted,
        features: Features | None = None,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """Plays.

        Parameters
        ----------
        adjusted : what to play, see `adjust`.
        features : of the recording it comes from. Models of power instead of loudness,
            such as `vst`, take its power and move it as loudness was moved.
        progress : is told after each block how many frames of how many are done.

        Returns
        -------
        float32 `[samples]` at `sample_rate`, as long as the recording was, in whole
        frames. What would go beyond full scale is turned down as a whole.
        """
        power_db = adjusted.loudness_db
        if features is not None and self._player.takes_power:
            moved = adjusted.loudness_db - features.loudness_db
            power_db = measure_power(features) + moved
        audio = self._player.play(
            adjusted.f0_hz, adjusted.loudness_db, power_db, progress
        )
        peak = float(np.max(np.abs(audio), initial=0.0))
        return audio / peak if peak > 1.0 else audio

    def perform(
        self,
        audio: Any,
        sample_rate: int,
        controls: Controls | None = None,
        progress: Progress | None = None,
        method: str = 'swift-f0',
    ) -> Performance:
        """Listens, adjusts and plays, and keeps what was between.

        Parameters
        ----------
        audio : `[samples]` or `[samples, channels]`, see `listen`.
        sample_rate : of the audio, in Hz.
        controls : how to adjust; those of `Controls()` without it.
        progress : is told how far playing is, see `play`.
        method : pitch estimator, see `ddsp.pitch`.

        Returns
        -------
        What was heard, what was told to play, and what was played.

        Raises
        ------
        ValueError, ImportError
            As `listen` does.
        """
        features = self.listen(audio, sample_rate, method)
        adjusted = self.adjust(features, controls)
        return Performance(features, adjusted, self.play(adjusted, features, progress))

    def transfer(
        self,
        audio: Any,
        sample_rate: int,
        controls: Controls | None = None,
        **changed: Any,
    ) -> np.ndarray:
        """Plays the melody of a recording.

        Parameters
        ----------
        audio : `[samples]` or `[samples, channels]`, full scale [-1, 1].
        sample_rate : of it, in Hz.
        controls : how; those of `Controls()` without it.
        **changed : controls by name, such as `pitch_shift=1`.

        Returns
        -------
        float32 `[samples]`, at the instrument's `sample_rate`, as long as the recording
        to the sample.

        Raises
        ------
        ValueError
            For sound in which there is no melody, and controls out of their range.
        ImportError
            When the package is missing that resamples or finds the pitch.
        """
        if controls is not None and not isinstance(controls, Controls):
            raise ValueError(
                f'controls is {controls!r}, expected Controls(...), or controls by '
                'name, such as pitch_shift=1.'
            )
        controls = dataclasses.replace(controls or Controls(), **changed)
        played = self.perform(audio, sample_rate, controls).audio
        n_samples = np.shape(audio)[0] * self.sample_rate / sample_rate
        return played[: round(n_samples)]


def measure_power(features: Features) -> np.ndarray:
    """Power of a recording in dB, `[frames]`, in blocks of bounded memory."""
    hop, n_frames = features.hop, len(features.f0_hz)
    half = _POWER_FRAME // 2
    padded = np.pad(features.audio, (half, half))
    blocks = []
    for first in range(0, n_frames, _BLOCK_FRAMES):
        last = min(first + _BLOCK_FRAMES, n_frames)
        power = spectral_ops.compute_power(
            padded[np.newaxis, first * hop : (last - 1) * hop + _POWER_FRAME],
            sample_rate=features.sample_rate,
            frame_rate=features.frame_rate,
            frame_size=_POWER_FRAME,
            padding='valid',
        )
        blocks.append(np.asarray(power)[0])
    return np.concatenate(blocks)


def _mono(audio: Any, sample_rate: int) -> np.ndarray:
    """Checks a recording, and averages its channels."""
    audio = np.asarray(audio)
    shape, dtype = list(audio.shape), audio.dtype
    if audio.ndim not in (1, 2) or 0 in shape[1:]:
        raise ValueError(
            f'the audio has shape {shape}, expected [samples] or [samples, channels].'
        )
    if not np.issubdtype(dtype, np.floating):
        raise ValueError(
            f'the audio is of {dtype}, expected floats within [-1, 1]: divide int16 '
            'by 32768.'
        )
    if audio.ndim == 2 and shape[0] < shape[1]:
        raise ValueError(
            f'the audio has shape {shape}, which would be {shape[1]} channels; '
            'expected [samples, channels]: transpose it.'
        )
    low, high = _RATES_HZ
    if not isinstance(sample_rate, numbers.Real) or not low <= sample_rate <= high:
        raise ValueError(
            f'sample_rate is {sample_rate!r} Hz, expected {low} to {high} Hz.'
        )
    seconds = len(audio) / sample_rate
    if seconds < _LEAST_SECONDS:
        raise ValueError(
            f'the recording lasts {1000 * seconds:.0f} ms; expected at least '
            f'{1000 * _LEAST_SECONDS:.0f} ms.'
        )
    if audio.ndim == 2:
        audio = audio.mean(axis=1)
    if not np.isfinite(audio).all():
        raise ValueError('the recording holds values that are NaN or infinite.')
    return audio.astype(np.float32)


def _resampled(audio: np.ndarray, sample_rate: int, wanted: int) -> np.ndarray:
    from ddsp.optional import import_optional

    soxr = import_optional('soxr', 'resampling', 'ddsp[audio]')
    return soxr.resample(audio, sample_rate, wanted)
