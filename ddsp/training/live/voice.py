"""From the sound of a voice to the sound of an instrument, hop by hop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from ddsp import pitch, streaming
from ddsp.core import tensors
from ddsp.core.streaming.memory import finite_or_zero
from ddsp.training.inference import StreamingInstrument
from ddsp.training.live.following import Follower, Tensors, within_ranges
from ddsp.training.transfer import Instrument

# Up to here sound passes as it is; beyond it bends towards full scale.
_KNEE = 0.8
_PARTS = ('pitch', 'loudness', 'follower', 'instrument')
#: What people may wait for, in seconds, estimators and instrument together.
LONGEST_SECONDS = 0.064


class Played(NamedTuple):
    """What a step gives.

    Attributes
    ----------
    audio : `[1, samples]`, within [-1, 1].
    f0_hz, loudness_db, note, heard_hz : `[1, frames]`, see `Followed`.
    """

    audio: tf.Tensor
    f0_hz: tf.Tensor
    loudness_db: tf.Tensor
    note: tf.Tensor
    heard_hz: tf.Tensor


class LiveVoice:
    """Timbre transfer with a state in place of the whole recording.

    Estimators of pitch and loudness, `Follower`, and the instrument; all of them from
    block to block. Sound that is NaN or infinite counts as silence.

    Parameters
    ----------
    instrument : see `ddsp.training.transfer.load_instrument`.

    Raises
    ------
    ValueError
        When the instrument cannot play block by block within 64 ms.

    Examples
    --------
    >>> import tensorflow as tf
    >>> from ddsp.training import load_instrument
    >>> from ddsp.training.live import Controls, LiveVoice, control_tensors
    >>> voice = LiveVoice(load_instrument('violin'))
    >>> silence, controls = tf.zeros([1, voice.hop_size]), control_tensors(Controls())
    >>> state = voice.initial_state()
    >>> played, state = voice.step(silence, silence, controls, state)
    >>> played.audio.shape[1], voice.hop_size, voice.latency <= 1024
    (128, 128, True)
    """

    def __init__(self, instrument: Instrument) -> None:
        self.info = instrument.info
        self.sample_rate = instrument.sample_rate
        self.frame_rate = instrument.frame_rate
        # Each runtime rounds float32 in its own way, and phase adds up what f0 is off.
        rates = {
            'sample_rate': self.sample_rate,
            'frame_rate': self.frame_rate,
            'dtype': 'float64',
        }
        self.pitch = pitch.PitchStream(**rates)
        # Loudness waits for pitch, so that a note begins with its own.
        least = streaming.LoudnessStream(**rates).latency
        #: Samples by which pitch and loudness are later than the sound.
        self.hearing = max(self.pitch.latency, least)
        self.pitch = pitch.PitchStream(**rates, latency=self.hearing)
        self.loudness = streaming.LoudnessStream(**rates, latency=self.hearing)
        self.follower = Follower(instrument.statistics, self.frame_rate)
        self.instrument = StreamingInstrument.from_instrument(instrument)
        self.hop_size = self.instrument.hop_size
        #: Samples by which what is played is later than what was heard.
        self.latency = self.hearing + self.instrument.latency
        if self.latency > LONGEST_SECONDS * self.sample_rate:
            raise ValueError(
                f'{self.info.name} plays {self.milliseconds:.0f} ms late: '
                f'{self.hearing} samples to hear pitch, and {self.instrument.latency} '
                f'of its own, at {self.sample_rate} Hz; expected at most '
                f'{1000 * LONGEST_SECONDS:.0f} ms. Choose another instrument.'
            )

    @property
    def milliseconds(self) -> float:
        """`latency` in ms."""
        return 1000.0 * self.latency / self.sample_rate

    def initial_state(self) -> dict[str, tf.Tensor]:
        """The state of a stream that begins: tensors by name, of known shapes."""
        return _flat({part: getattr(self, part).initial_state() for part in _PARTS})

    def step(
        self, audio: Any, noise: Any, controls: Tensors, state: Tensors
    ) -> tuple[Played, dict[str, tf.Tensor]]:
        """Plays one block.

        Parameters
        ----------
        audio : `[1, samples]` at `sample_rate`, full scale [-1, 1]; a whole number of
            hops, known when this is traced.
        noise : of the same shape, uniform in [-1, 1], for the instrument's noise.
        controls : float32 scalars by name: `adjust` (0 or 1) and those of
            `ddsp.training.transfer.CONTROLS`; what is beyond its range is brought
            into it.
        state : of `initial_state`, or what the step before gave.

        Returns
        -------
        What is played, `latency` samples late, and the state after it.
        """
        audio = finite_or_zero(tensors.tf_float32(audio))
        controls, parts, new = within_ranges(controls), _by_part(state), {}
        heard, new['pitch'] = self.pitch.step(audio, parts['pitch'])
        levels, new['loudness'] = self.loudness.step(audio, parts['loudness'])
        followed, new['follower'] = self.follower.step(
            heard['f0_hz'],
            heard['f0_confidence'],
            levels['loudness_db'],
            controls,
            parts['follower'],
        )
        features = {
            'f0_hz': followed.f0_hz,
            'loudness_db': followed.loudness_db,
            # Power is moved as loudness was.
            'power_db': levels['power_db']
            + followed.loudness_db
            - levels['loudness_db'],
        }
        played, new['instrument'] = self.instrument.trace(
            features, parts['instrument'], finite_or_zero(tensors.tf_float32(noise))
        )
        return Played(limit(played), *followed), _flat(new)


def _flat(parts: Mapping[str, Tensors]) -> dict[str, tf.Tensor]:
    """The states of the parts in one dictionary."""
    return {
        f'{part}_{name}': x
        for part in _PARTS
        for name, x in sorted(parts[part].items())
    }


def _by_part(state: Tensors) -> dict[str, dict[str, tf.Tensor]]:
    """Undoes `_flat`."""
    parts: dict[str, dict[str, tf.Tensor]] = {part: {} for part in _PARTS}
    for name, x in state.items():
        part, _, rest = name.partition('_')
        parts[part][rest] = x
    return parts


def limit(audio: tf.Tensor) -> tf.Tensor:
    """Keeps sound within full scale, and as it is up to 0.8 of it."""
    audio = finite_or_zero(audio)
    size = tf.abs(audio)
    room = 1.0 - _KNEE
    bent = _KNEE + room * tf.tanh((size - _KNEE) / room)
    return tf.sign(audio) * tf.where(size <= _KNEE, size, bent)
