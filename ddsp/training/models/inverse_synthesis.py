"""Pitch detection that supervises itself: hears sound as controls of synthesizers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import tensorflow as tf

from ddsp import core, effects, registration, synths
from ddsp.core import tensors
from ddsp.training.models.model import Model
from ddsp.training.models.renamed import Renamed

_F0_DEPTH = 64
_FREQ_SCALE = functools.partial(
    core.frequencies_softmax, depth=_F0_DEPTH, hz_min=20.0, hz_max=8000.0
)
# What a synthetic note is described by, and what no recording has.
TRUTH = ('f0_hz', 'harm_amp', 'harm_dist', 'sin_amps', 'sin_freqs', 'noise_magnitudes')


@registration.configurable('ddsp.training.models')
class InverseSynthesis(Model):
    """Hears audio first as sinusoids and noise, then these as one harmonic tone.

    It learns from synthetic notes, whose controls are known, from recordings, whose
    sound it has to give again, or from both at once, when features come as a pair
    (`data.ZippedProvider`).

    Losses of synthetic notes are called `synthetic_NAME`, those of recordings
    `recorded_NAME`.

    Parameters
    ----------
    sinusoidal_encoder : layer from `audio` to raw `frequencies`, `amplitudes` and
        `noise_magnitudes`, such as `encoders.ResnetSinusoidalEncoder`.
    harmonic_encoder : layer from `sin_freqs` and `sin_amps` to `harm_amp`, `harm_dist`
        and `f0_hz`, such as `encoders.SinusoidalToHarmonicEncoder`.
    losses : of audio and the audio that the sinusoids give, and of audio and the audio
        that the harmonics give; for both kinds of features.
    sinusoidal_consistency_losses : of two sets of partials, `(amps_a, freqs_a, amps_b,
        freqs_b)`: of synthetic notes the sinusoids heard and the true ones, of
        recordings the sinusoids heard and those of the harmonic tone heard.
    harmonic_consistency_losses : of harmonic controls heard and the true ones, for
        synthetic notes; `losses.HarmonicConsistencyLoss`.
    filtered_noise_consistency_loss : of noise magnitudes heard and the true ones, for
        synthetic notes.
    twm_loss : of the f0 heard and the sinusoids heard, for recordings:
        `losses.TWMLoss`.
    harmonic_distribution_prior : loss of the harmonic distribution heard, for
        recordings.
    freq_scale_fn : makes frequencies in Hz of the encoder's raw ones; by default a
        softmax over 64 pitches from 20 to 8000 Hz for each sinusoid.
    reverb : whether recordings sound in a room, whose response is learned.
    n_samples : length of the audio.
    sample_rate : in Hz.
    stop_gradient : whether the harmonic encoder leaves the sinusoids alone: it learns
        from them, and does not move them.
    **kwargs : of `keras.Model`.

    References
    ----------
    Engel, Swavely, Hantrakul, Roberts, Hawthorne 2020, "Self-supervised pitch detection
    by inverse audio synthesis".
    """

    def __init__(
        self,
        sinusoidal_encoder: keras.layers.Layer | None = None,
        harmonic_encoder: keras.layers.Layer | None = None,
        losses: Any = None,
        sinusoidal_consistency_losses: Any = None,
        harmonic_consistency_losses: Any = None,
        filtered_noise_consistency_loss: keras.layers.Layer | None = None,
        twm_loss: keras.layers.Layer | None = None,
        harmonic_distribution_prior: keras.layers.Layer | None = None,
        freq_scale_fn: Callable[[Any], tf.Tensor] | None = None,
        reverb: bool = True,
        n_samples: int = 64000,
        sample_rate: int = 16000,
        stop_gradient: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sinusoidal_encoder = sinusoidal_encoder
        self.harmonic_encoder = harmonic_encoder
        self.loss_objs = _as_list(losses)
        self.sinusoidal_consistency_losses = _as_list(sinusoidal_consistency_losses)
        self.harmonic_consistency_losses = _as_list(harmonic_consistency_losses)
        self.filtered_noise_consistency_loss = filtered_noise_consistency_loss
        self.twm_loss = twm_loss
        self.harmonic_distribution_prior = harmonic_distribution_prior
        self.freq_scale_fn = freq_scale_fn
        self.n_samples, self.sample_rate = n_samples, sample_rate
        self.stop_gradient = stop_gradient
        given = {'n_samples': n_samples, 'sample_rate': sample_rate}
        self.sinusoidal = synths.Sinusoidal(
            freq_scale_fn=freq_scale_fn or _FREQ_SCALE, **given
        )
        # Its controls come scaled, from the encoder as from the synthetic notes.
        self.harmonic = synths.Harmonic(scale_fn=None, **given)
        self.filtered_noise = synths.FilteredNoise(n_samples=n_samples)
        self.true_noise = synths.FilteredNoise(
            n_samples=n_samples, scale_fn=None, name='true_noise'
        )
        self.reverb = effects.Reverb(trainable=True) if reverb else None

    def generate_synthetic_audio(self, features: Mapping[str, Any]) -> tf.Tensor:
        """Plays the known controls of synthetic notes.

        Parameters
        ----------
        features : `f0_hz` and `harm_amp` `[batch, frames, 1]`, `harm_dist`
            `[batch, frames, harmonics]` and `noise_magnitudes` `[batch, frames, bands]`
            of a `data.SyntheticNotes`.

        Returns
        -------
        Audio `[batch, n_samples]`, without a gradient.
        """
        tone = self.harmonic(
            features['harm_amp'], features['harm_dist'], features['f0_hz']
        )
        audio = tone + self.true_noise(features['noise_magnitudes'])
        return tf.stop_gradient(audio)

    def parse_zipped_features(
        self, features: Any
    ) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """Tells synthetic notes from recordings.

        Parameters
        ----------
        features : a dictionary, or a pair of dictionaries in either order.

        Returns
        -------
        synthetic : features of synthetic notes with their `audio` beside them; None if
            there are none.
        recorded : features of recordings; None if there are none.

        Raises
        ------
        KeyError
            When features are neither, with what they lack.
        ValueError
            When two of a kind come together.
        """
        found: dict[str, dict[str, Any]] = {}
        for part in [features] if isinstance(features, Mapping) else features:
            kind = self._kind_of(part)
            if kind in found:
                raise ValueError(
                    f'{self.name}: both of the zipped features are {kind}; expected '
                    'synthetic notes (data.SyntheticNotes) and recordings.'
                )
            found[kind] = dict(part)
        synthetic = found.get('synthetic')
        if synthetic is not None:
            synthetic['audio'] = self.generate_synthetic_audio(synthetic)
        return synthetic, found.get('recorded')

    def _kind_of(self, features: Mapping[str, Any]) -> str:
        missing = [name for name in TRUTH if name not in features]
        if not missing:
            return 'synthetic'
        if 'audio' in features:
            return 'recorded'
        raise KeyError(
            f"{self.name}: the features have neither 'audio', as recordings have, nor "
            f'all of synthetic notes: {", ".join(missing)} missing; given are '
            f'{sorted(features)}.'
        )

    def get_audio_from_outputs(self, outputs: Mapping[str, Any]) -> tf.Tensor:
        """Takes the audio `[batch, samples]` of the harmonic tone and the noise."""
        return outputs['audio_synth']

    def call(self, features: Any, training: bool = True) -> dict[str, Any]:
        """Hears, and plays what it has heard.

        Parameters
        ----------
        features : of synthetic notes, with `TRUTH`; of recordings, with `audio`
            `[batch, n_samples]`; or a pair of both.
        training : whether layers shall behave as in training.

        Returns
        -------
        Those of `forward`, of the recordings where there are any.
        """
        synthetic, recorded = self.parse_zipped_features(features)
        if synthetic is not None:
            outputs = self.forward(synthetic, training, dry=True)
            self.append_losses(outputs)
        if recorded is not None:
            outputs = self.forward(recorded, training)
            self.append_losses(outputs, self_supervised_features=recorded)
        return outputs

    def forward(
        self, features: Mapping[str, Any], training: bool = True, dry: bool = False
    ) -> dict[str, Any]:
        """Hears one kind of features.

        Parameters
        ----------
        features : with `audio`, `[batch, n_samples]`.
        training : whether layers shall behave as in training.
        dry : whether to leave the room out, which synthetic notes do not have.

        Returns
        -------
        The features; `sinusoidal`, `harmonic` and `filtered_noise`, each with `signal`
        and `controls`; what was heard as `sin_amps_pred` and `sin_freqs_pred`
        `[batch, frames, sinusoids]`, `harm_amp_pred` and `f0_hz_pred`
        `[batch, frames, 1]`, `harm_dist_pred` `[batch, frames, harmonics]`,
        `noise_magnitudes_pred` `[batch, frames, bands]`; `sin_audio` and `audio_synth`
        `[batch, n_samples]`: the noise with the sinusoids, and with the harmonic tone.
        """
        heard = self.sinusoidal_encoder({'audio': features['audio']}, training=training)
        sines = self.sinusoidal(
            heard['amplitudes'], heard['frequencies'], return_outputs_dict=True
        )
        noise = self.filtered_noise(heard['noise_magnitudes'], return_outputs_dict=True)
        sin_amps = sines['controls']['amplitudes']
        sin_freqs = sines['controls']['frequencies']
        keep = tf.stop_gradient if self.stop_gradient else tf.identity
        tone = self.harmonic_encoder(
            {'sin_freqs': keep(sin_freqs), 'sin_amps': keep(sin_amps)},
            training=training,
        )
        harmonic = self.harmonic(
            tone['harm_amp'], tone['harm_dist'], tone['f0_hz'], return_outputs_dict=True
        )
        return {
            **features,
            'sinusoidal': sines,
            'harmonic': harmonic,
            'filtered_noise': noise,
            'sin_amps_pred': sin_amps,
            'sin_freqs_pred': sin_freqs,
            'noise_magnitudes_pred': noise['controls']['magnitudes'],
            **{f'{name}_pred': value for name, value in tone.items()},
            'sin_audio': self._in_room(sines['signal'] + noise['signal'], dry),
            'audio_synth': self._in_room(harmonic['signal'] + noise['signal'], dry),
        }

    def _in_room(self, audio: tf.Tensor, dry: bool) -> tf.Tensor:
        return audio if dry or self.reverb is None else self.reverb(audio)

    def append_losses(
        self,
        outputs: Mapping[str, Any],
        self_supervised_features: Mapping[str, Any] | None = None,
    ) -> None:
        """Computes the losses of what `forward` gave, if losses are wanted at all.

        Parameters
        ----------
        outputs : of `forward`.
        self_supervised_features : the features of recordings; None says that the
            outputs are of synthetic notes, with the truth beside what was heard.
        """
        if not self.wants_losses:
            return
        if self_supervised_features is None:
            self._compare_audio('synthetic', outputs)
            self._compare_with_truth(outputs)
        else:
            self._compare_audio('recorded', outputs)
            self._compare_with_itself(outputs)

    def _compare_audio(self, kind: str, outputs: Mapping[str, Any]) -> None:
        for loss in self.loss_objs:
            for part, key in (('sinusoidal', 'sin_audio'), ('harmonic', 'audio_synth')):
                self.update_losses(
                    Renamed(loss, f'{kind}_{part}'), outputs['audio'], outputs[key]
                )

    def _compare_with_truth(self, outputs: Mapping[str, Any]) -> None:
        def pair(name: str) -> tuple[tf.Tensor, tf.Tensor]:
            return outputs[f'{name}_pred'], outputs[name]

        (amps, true_amps), (freqs, true_freqs) = pair('sin_amps'), pair('sin_freqs')
        true_amps, true_freqs = _like(amps, true_amps), _like(freqs, true_freqs)
        for loss in self.sinusoidal_consistency_losses:
            self.update_losses(
                Renamed(loss, 'synthetic'), amps, freqs, true_amps, true_freqs
            )
        for loss in self.harmonic_consistency_losses:
            self.update_losses(
                Renamed(loss, 'synthetic'),
                *pair('harm_amp'),
                *pair('harm_dist'),
                *pair('f0_hz'),
            )
        for loss in _as_list(self.filtered_noise_consistency_loss):
            self.update_losses(Renamed(loss, 'synthetic'), *pair('noise_magnitudes'))

    def _compare_with_itself(self, outputs: Mapping[str, Any]) -> None:
        amps, freqs = outputs['sin_amps_pred'], outputs['sin_freqs_pred']
        partials = core.harmonic_to_sinusoidal(
            outputs['harm_amp_pred'],
            outputs['harm_dist_pred'],
            outputs['f0_hz_pred'],
            self.sample_rate,
        )
        for loss in self.sinusoidal_consistency_losses:
            self.update_losses(Renamed(loss, 'recorded'), amps, freqs, *partials)
        for loss in _as_list(self.twm_loss):
            self.update_losses(
                Renamed(loss, 'recorded'), outputs['f0_hz_pred'], freqs, amps
            )
        for loss in _as_list(self.harmonic_distribution_prior):
            self.update_losses(Renamed(loss, 'recorded'), outputs['harm_dist_pred'])

    def _constructor_arguments(self) -> dict[str, Any]:
        found = super()._constructor_arguments()
        if 'losses' in found:  # Under this name Keras has what layers add.
            found['losses'] = list(self.loss_objs)
        if 'reverb' in found:
            found['reverb'] = self.reverb is not None
        return found

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> InverseSynthesis:
        """Makes the model that `get_config` described."""
        config = dict(config)
        scale = config.get('freq_scale_fn')
        # Files of earlier releases have it without what says that it is a function.
        if not (isinstance(scale, Mapping) and 'callable' in scale):
            config['freq_scale_fn'] = registration.deserialize_callable(scale)
        return super().from_config(config)


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, Iterable):
        return list(value)
    return list(tensors.make_iterable(value))


def _like(value: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """A target with as many frames as the value."""
    if value.shape[1] is not None and value.shape[1] == target.shape[1]:
        return target
    return core.resample(target, tensors.size(value, 1))
