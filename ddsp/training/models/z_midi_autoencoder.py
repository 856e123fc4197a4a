"""A MIDI autoencoder that also hears how each note, and the whole, is played."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from ddsp import core, registration
from ddsp import losses as ddsp_losses
from ddsp.core import tensors
from ddsp.training import nn, preprocessing
from ddsp.training.models.midi_autoencoder import MidiAutoencoder


@registration.configurable('ddsp.training.models')
class ZMidiAutoencoder(MidiAutoencoder):
    """A `MidiAutoencoder` with latent variables of sound, performance and notes.

    Parameters
    ----------
    synthcoder, midi_encoder, midi_decoder : see `MidiAutoencoder`.
    sg_before_midiae, reverb, preprocessor : see `MidiAutoencoder`.
    reconstruction_losses, qpitch_f0rec_loss : see `MidiAutoencoder`.
    pitch_f0rec_loss, pitch_qpitch_loss : see `MidiAutoencoder`.
    midi_slowness_loss, mask_f0_loss : see `MidiAutoencoder`.
    z_synth_encoders : layers from features to `z`, for the synthcoder, side by side.
    z_global_encoders : layers from features to `z`, for the decoder of notes.
    z_note_encoder : layer from features and the controls as `amps_scaled`, `hd_scaled`
        and `noise_scaled` to `z`, which is averaged over each note.
    z_preconditioning_stack : layer through which all latent variables of the decoder of
        notes go together.
    z_global_prior, z_note_prior : a loss of the latent variables; or a layer through
        which they go, such as `nn.VectorQuantization`, whose commitment loss is added.
    **kwargs : of `keras.Model`.
    """

    def __init__(
        self,
        synthcoder: keras.layers.Layer | None = None,
        midi_encoder: keras.layers.Layer | None = None,
        midi_decoder: keras.layers.Layer | None = None,
        sg_before_midiae: bool = True,
        reverb: bool = True,
        preprocessor: keras.layers.Layer | None = None,
        reconstruction_losses: Any = None,
        qpitch_f0rec_loss: keras.layers.Layer | None = None,
        pitch_f0rec_loss: keras.layers.Layer | None = None,
        pitch_qpitch_loss: keras.layers.Layer | None = None,
        midi_slowness_loss: keras.layers.Layer | None = None,
        mask_f0_loss: bool = True,
        z_synth_encoders: Any = None,
        z_global_encoders: Any = None,
        z_note_encoder: keras.layers.Layer | None = None,
        z_preconditioning_stack: keras.layers.Layer | None = None,
        z_global_prior: keras.layers.Layer | None = None,
        z_note_prior: keras.layers.Layer | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            synthcoder,
            midi_encoder,
            midi_decoder,
            sg_before_midiae,
            reverb,
            preprocessor,
            reconstruction_losses,
            qpitch_f0rec_loss,
            pitch_f0rec_loss,
            pitch_qpitch_loss,
            midi_slowness_loss,
            mask_f0_loss,
            **kwargs,
        )
        self.z_synth_encoders = list(tensors.make_iterable(z_synth_encoders or []))
        self.z_global_encoders = list(tensors.make_iterable(z_global_encoders or []))
        self.z_note_encoder = z_note_encoder
        self.z_preconditioning_stack = z_preconditioning_stack
        self.z_global_prior, self.z_note_prior = z_global_prior, z_note_prior

    def z_synth_encode(self, features: Mapping[str, Any]) -> tf.Tensor | None:
        """Latent variables of the sound, `[batch, frames, channels]`, if any."""
        return self._encode_all(self.z_synth_encoders, features)

    def z_global_encode(self, features: Mapping[str, Any]) -> tf.Tensor | None:
        """Latent variables of the whole performance, `[batch, frames, channels]`."""
        z = self._encode_all(self.z_global_encoders, features)
        return self._regularise(self.z_global_prior, z)

    def z_note_encode(
        self, features: Mapping[str, Any], q_pitch: tf.Tensor
    ) -> tf.Tensor | None:
        """Latent variables of each note, `[batch, frames, channels]`.

        Parameters
        ----------
        features : what the encoder asks for.
        q_pitch : the notes, `[batch, frames, 1]`; the latent is the same in all frames
            of one, and 0 in silence.

        Returns
        -------
        `[batch, frames, channels]`, or None without an encoder.
        """
        if self.z_note_encoder is None:
            return None
        z = self.z_note_encoder(dict(features))['z']
        pooled = nn.pool_over_notes(z, nn.get_note_mask(q_pitch), return_std=False)
        return self._regularise(self.z_note_prior, pooled)

    def call(self, features: dict[str, Any], training: bool = True) -> dict[str, Any]:
        """Hears, writes down, and plays again; see `MidiAutoencoder.call`."""
        features = self.preprocess(features)
        return self._autoencode(features, training, self.z_synth_encode(features))

    def _latent(self, outputs: dict[str, Any]) -> tf.Tensor | None:
        scaled = {
            f'{name}_scaled': preprocessing.scale_db(core.amplitude_to_db(value))
            for name, value in (
                ('amps', outputs['synth_params']['amplitudes']),
                ('hd', outputs['hd']),
                ('noise', outputs['synth_params']['magnitudes']),
            )
        }
        if self.sg_before_midiae:
            scaled = {key: tf.stop_gradient(value) for key, value in scaled.items()}
        features = {**outputs, **scaled}
        parts = [
            self.z_global_encode(features),
            self.z_note_encode(features, outputs['q_pitch']),
        ]
        parts = [z for z in parts if z is not None]
        if not parts:
            return None
        z = tf.concat(parts, axis=-1)
        if self.z_preconditioning_stack is not None:
            z = self.z_preconditioning_stack(z)
        outputs['z'] = z
        return z

    def _encode_all(
        self, encoders: Sequence[keras.layers.Layer], features: Mapping[str, Any]
    ) -> tf.Tensor | None:
        if not encoders:
            return None
        n_frames = tensors.size(features['f0_scaled'], 1)
        latents = [encoder(dict(features))['z'] for encoder in encoders]
        return tf.concat([_over_time(z, n_frames) for z in latents], axis=-1)

    def _regularise(self, prior: Any, z: tf.Tensor | None) -> tf.Tensor | None:
        if prior is None or z is None:
            return z
        if isinstance(prior, ddsp_losses.Loss):
            self.update_losses(prior, z)
            return z
        if isinstance(prior, nn.VectorQuantization):
            quantised, _ = prior(z)
            self.update_losses(prior, z, quantised)
            return quantised
        return prior(z)


def _over_time(z: tf.Tensor, n_frames: Any) -> tf.Tensor:
    """A latent `[batch, channels]` or `[batch, frames, channels]` in each frame."""
    z = z[:, tf.newaxis] if z.shape.rank == 2 else z
    return tf.repeat(z, n_frames, axis=1) if z.shape[1] == 1 else z
