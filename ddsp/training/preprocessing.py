"""What a network is given: pitch and loudness, at one frame rate, scaled to about 1."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp import core, registration, spectral_ops
from ddsp.training.nn.dict_layers import DictLayer

F0_RANGE = spectral_ops.F0_RANGE
DB_RANGE = spectral_ops.DB_RANGE


def at_least_3d(x: tf.Tensor) -> tf.Tensor:
    """Adds channels to `[batch, time]`; what has three axes or more stays.

    Examples
    --------
    >>> at_least_3d(tf.zeros([2, 5])).shape
    TensorShape([2, 5, 1])
    """
    return x[..., tf.newaxis] if x.shape.rank is not None and x.shape.rank < 3 else x


def scale_db(db: Any) -> Any:
    """Scales decibels from [-DB_RANGE, 0] to [0, 1].

    Parameters
    ----------
    db : a number, list, array or tensor of any shape, in dB.

    Returns
    -------
    The same shape and kind; of a list a float32 tensor.

    Examples
    --------
    >>> scale_db(-20.0)  # A quarter of 80 dB below full scale.
    0.75
    """
    return _without_lists(db) / DB_RANGE + 1.0


def inv_scale_db(db_scaled: Any) -> Any:
    """Undoes `scale_db`.

    Parameters
    ----------
    db_scaled : a number, list, array or tensor of any shape.

    Returns
    -------
    Levels in dB, the same shape and kind; of a list a float32 tensor.
    """
    return (_without_lists(db_scaled) - 1.0) * DB_RANGE


def _without_lists(x: Any) -> Any:
    return core.tf_float32(x) if isinstance(x, (list, tuple)) else x


def scale_f0_hz(f0_hz: Any) -> tf.Tensor:
    """Scales frequency in Hz to MIDI / 127: [0, 1] on the keyboard of MIDI.

    Parameters
    ----------
    f0_hz : array-like of any shape, in Hz; 0 is silence.

    Returns
    -------
    float32 of the same shape.

    Examples
    --------
    >>> round(float(scale_f0_hz(440.0)) * 127, 3)
    69.0
    """
    return core.hz_to_midi(f0_hz) / F0_RANGE


def inv_scale_f0_hz(f0_scaled: Any) -> tf.Tensor:
    """Undoes `scale_f0_hz`.

    Parameters
    ----------
    f0_scaled : array-like of any shape, MIDI / 127.

    Returns
    -------
    Frequencies in Hz, float32 of the same shape.
    """
    return core.midi_to_hz(core.tf_float32(f0_scaled) * F0_RANGE)


class _Preprocessor(DictLayer):
    """A layer without weights that stays in float32, whatever the dtype policy."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{'dtype': 'float32', 'autocast': False, **kwargs})

    def _need(self, value: Any, what: str, why: str) -> Any:
        """Refuses to go on without an optional input that is needed after all."""
        if value is None:
            raise ValueError(f'{self.name}: the input {what!r} is missing: {why}.')
        return value


@registration.register('ddsp.training.preprocessing')
class F0LoudnessPreprocessor(_Preprocessor):
    """Brings f0 and loudness to one number of frames, and adds them scaled.

    Parameters
    ----------
    time_steps : number of frames that are given; others are resampled.
    frame_rate : of loudness that is computed, in frames per second.
    sample_rate : of the audio, in Hz.
    compute_loudness : whether to compute loudness from the audio, which makes the model
        independent of how the dataset did it.
    **kwargs : passed on to `DictLayer`.
    """

    output_keys = ('f0_hz', 'loudness_db', 'f0_scaled', 'ld_scaled')

    def __init__(
        self,
        time_steps: int = 1000,
        frame_rate: int = 250,
        sample_rate: int = 16000,
        compute_loudness: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.time_steps = time_steps
        self.frame_rate = frame_rate
        self.sample_rate = sample_rate
        self.compute_loudness = compute_loudness

    def call(
        self, loudness_db: tf.Tensor, f0_hz: tf.Tensor, audio: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, ...]:
        """Resamples and scales.

        Parameters
        ----------
        loudness_db : `[batch, frames]` or `[batch, frames, 1]`, in dB; of no use
            where loudness is computed.
        f0_hz : `[batch, frames]` or `[batch, frames, 1]`, in Hz.
        audio : `[batch, samples]`, where loudness is computed from it.

        Returns
        -------
        `f0_hz`, `loudness_db`, `f0_scaled` and `ld_scaled`, each
        `[batch, time_steps, 1]`.
        """
        if self.compute_loudness:
            loudness_db = spectral_ops.compute_loudness(
                self._need(audio, 'audio', 'compute_loudness is True'),
                sample_rate=self.sample_rate,
                frame_rate=self.frame_rate,
            )
        f0_hz, loudness_db = self.resample(f0_hz), self.resample(loudness_db)
        return f0_hz, loudness_db, scale_f0_hz(f0_hz), scale_db(loudness_db)

    @staticmethod
    def invert_scaling(
        f0_scaled: tf.Tensor, ld_scaled: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Takes f0 in Hz and loudness in dB back from what is scaled.

        Parameters
        ----------
        f0_scaled : array-like of any shape, MIDI / 127.
        ld_scaled : array-like of any shape, [0, 1] for [-DB_RANGE, 0] dB.

        Returns
        -------
        f0 in Hz and loudness in dB, each of its own shape.
        """
        return inv_scale_f0_hz(f0_scaled), inv_scale_db(ld_scaled)

    def resample(self, x: tf.Tensor) -> tf.Tensor:
        """Brings `[batch, frames]` or `[batch, frames, 1]` to `time_steps` frames."""
        x = at_least_3d(x)
        if x.shape[1] == self.time_steps:
            return x
        return core.resample(x, self.time_steps)


@registration.register('ddsp.training.preprocessing')
class F0PowerPreprocessor(F0LoudnessPreprocessor):
    """Brings f0 and power to one number of frames, and adds them scaled.

    Power is the mean square of a frame, which is faster to compute than loudness and
    can be computed in small frames.

    Parameters
    ----------
    time_steps : number of frames that are given; others are resampled.
    frame_rate : of power that is computed, in frames per second.
    sample_rate : of the audio, in Hz.
    frame_size : samples of a frame of power that is computed.
    **kwargs : passed on to `DictLayer`.
    """

    output_keys = ('f0_hz', 'pw_db', 'f0_scaled', 'pw_scaled')

    def __init__(
        self,
        time_steps: int = 1000,
        frame_rate: int = 250,
        sample_rate: int = 16000,
        frame_size: int = 64,
        **kwargs: Any,
    ) -> None:
        kwargs.pop('compute_loudness', None)
        super().__init__(
            time_steps, frame_rate, sample_rate, compute_loudness=False, **kwargs
        )
        self.frame_size = frame_size

    def call(
        self,
        f0_hz: tf.Tensor,
        power_db: tf.Tensor | None = None,
        audio: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, ...]:
        """Resamples and scales.

        Parameters
        ----------
        f0_hz : `[batch, frames]` or `[batch, frames, 1]`, in Hz.
        power_db : `[batch, frames]` or `[batch, frames, 1]`, in dB; computed from the
            audio without it.
        audio : `[batch, samples]`.

        Returns
        -------
        `f0_hz`, `pw_db`, `f0_scaled` and `pw_scaled`, each `[batch, time_steps, 1]`.
        """
        if power_db is None:
            power_db = spectral_ops.compute_power(
                self._need(audio, 'audio', 'there is no power_db either'),
                sample_rate=self.sample_rate,
                frame_rate=self.frame_rate,
                frame_size=self.frame_size,
            )
        f0_hz, pw_db = self.resample(f0_hz), self.resample(power_db)
        return f0_hz, pw_db, scale_f0_hz(f0_hz), scale_db(pw_db)

    @staticmethod
    def invert_scaling(
        f0_scaled: tf.Tensor, pw_scaled: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Takes f0 in Hz and power in dB back from what is scaled.

        Parameters
        ----------
        f0_scaled : array-like of any shape, MIDI / 127.
        pw_scaled : array-like of any shape, [0, 1] for [-DB_RANGE, 0] dB.

        Returns
        -------
        f0 in Hz and power in dB, each of its own shape.
        """
        return inv_scale_f0_hz(f0_scaled), inv_scale_db(pw_scaled)


@registration.register('ddsp.training.preprocessing')
class OnlineF0PowerPreprocessor(_Preprocessor):
    """Computes power, and f0 if wanted, from the audio as it comes, and scales both.

    It resamples nothing: with `'center'` there is one frame more than the audio has
    hops.

    Parameters
    ----------
    frame_rate : frames per second; divides 16000.
    frame_size : samples of a frame of power, at 16 kHz.
    padding : `'center'`, `'same'` or `'valid'`, as in `ddsp.spectral_ops`.
    compute_power : whether to compute power; else it is the input `pw_db`.
    compute_f0 : whether to estimate f0, by CREPE; else it is the input `f0_hz`.
    crepe_saved_model_path : a capacity of CREPE or a file of its weights, see
        `ddsp.spectral_ops.PretrainedCREPE`.
    viterbi : whether the estimate prefers a smooth course of pitch.
    **kwargs : passed on to `DictLayer`.

    Raises
    ------
    FileNotFoundError
        When f0 is to be estimated and CREPE's weights are missing; it says what to do.
    """

    output_keys = ('f0_hz', 'pw_db', 'f0_scaled', 'pw_scaled')
    # A checkpoint need not hold what the constructor loads.
    not_in_checkpoints = ('crepe',)

    def __init__(
        self,
        frame_rate: int = 250,
        frame_size: int = 1024,
        padding: str = 'center',
        compute_power: bool = True,
        compute_f0: bool = True,
        crepe_saved_model_path: str = 'full',
        viterbi: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.frame_rate, self.frame_size = frame_rate, frame_size
        self.padding = padding
        self.compute_power, self.compute_f0 = compute_power, compute_f0
        self.crepe_saved_model_path, self.viterbi = crepe_saved_model_path, viterbi
        if compute_f0:
            hop_size = spectral_ops.CREPE_SAMPLE_RATE // frame_rate
            self.crepe = spectral_ops.PretrainedCREPE(
                crepe_saved_model_path, hop_size=hop_size
            )
            self.crepe.trainable = False

    def call(
        self,
        audio: tf.Tensor,
        f0_hz: tf.Tensor | None = None,
        f0_confidence: tf.Tensor | None = None,
        audio_16k: tf.Tensor | None = None,
        pw_db: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, ...]:
        """Computes and scales.

        Parameters
        ----------
        audio : `[batch, samples]`; at 16 kHz, if there is no `audio_16k`.
        f0_hz : `[batch, frames]` or `[batch, frames, 1]`, unless it is computed.
        f0_confidence : of any shape, without use.
        audio_16k : `[batch, samples]`, the audio at 16 kHz, where the model works at
            another rate.
        pw_db : `[batch, frames]` or `[batch, frames, 1]`, unless it is computed.

        Returns
        -------
        `f0_hz`, `pw_db`, `f0_scaled` and `pw_scaled`, each `[batch, frames, 1]`.

        Raises
        ------
        ValueError
            When `f0_hz` or `pw_db` is missing and is not computed.
        """
        audio = audio if audio_16k is None else audio_16k
        if self.compute_power:
            pw_db = spectral_ops.compute_power(
                audio,
                sample_rate=spectral_ops.CREPE_SAMPLE_RATE,
                frame_rate=self.frame_rate,
                frame_size=self.frame_size,
                padding=self.padding,
            )
        if self.compute_f0:
            f0_hz, _ = self.crepe.predict_f0_and_confidence(
                audio, viterbi=self.viterbi, padding=self.padding
            )
        for key, value in (('f0_hz', f0_hz), ('pw_db', pw_db)):
            if value is None:
                raise ValueError(
                    f'{self.name}: the input {key!r} is missing and is not computed.'
                )
        f0_hz, pw_db = at_least_3d(f0_hz), at_least_3d(pw_db)
        return f0_hz, pw_db, scale_f0_hz(f0_hz), scale_db(pw_db)
