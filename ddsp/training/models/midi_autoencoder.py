"""From sound to notes and back: synthesis controls in between."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from ddsp import core, effects, processors, registration, synths
from ddsp import losses as ddsp_losses
from ddsp.core import tensors
from ddsp.training import nn, preprocessing
from ddsp.training.models.model import Model
from ddsp.training.models.renamed import Renamed

_SAMPLE_RATE, _FRAME_RATE = 16000, 250
_LOWEST_PITCH = 20.0
# Of amplitudes that become decimal logarithms.
_FLOOR = 1e-5
_NOTES_KEY = 'note_active_velocities'
_CONTROLS = ('f0_midi', 'amps', 'hd', 'noise')


@registration.configurable('ddsp.training.models')
class MidiAutoencoder(Model):
    """Hears sound as controls of synthesizers, these as notes, and plays it all again.

    The `synthcoder` makes controls of f0 and loudness, and learns to give the recording
    again. The notes are found in its controls by `midi_encoder`, or come with the data;
    `midi_decoder` makes controls of them and learns to give those of the synthcoder.

    Parameters
    ----------
    synthcoder : layer from features to raw `amplitudes`, `harmonic_distribution` and
        `magnitudes`, such as `decoders.DilatedConvDecoder`.
    midi_encoder : layer from `f0_midi`, `amps`, `hd` and `noise` to `z_pitch` and
        `z_vel`, such as `encoders.HarmonicToMidiEncoder`. Without it, notes are those
        of the data, `note_active_velocities`.
    midi_decoder : layer from `z_pitch`, `z_vel` (and `z`) to raw controls and their f0
        (`decoders.MidiToHarmonicDecoder`), or to f0 and loudness, from which the
        synthcoder makes controls (`decoders.MidiDecoder`).
    sg_before_midiae : whether notes leave the synthcoder alone: they learn from its
        controls and do not move them.
    reverb : whether all sounds in a room, whose response is learned.
    preprocessor : layer from features to `f0_scaled` and `ld_scaled`.
    reconstruction_losses : `ddsp.losses.LossGroup` of the outputs of `call`.
    qpitch_f0rec_loss : of the notes and the f0 played from them, `losses.ParamLoss`.
    pitch_f0rec_loss : of the pitch before it is rounded and the f0 played.
    pitch_qpitch_loss : of the pitch before it is rounded, and after.
    midi_slowness_loss : of that pitch and the same a frame before, within notes.
    mask_f0_loss : whether f0 counts only where the recording has one and a note sounds.
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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.synthcoder = synthcoder
        self.midi_encoder, self.midi_decoder = midi_encoder, midi_decoder
        self.sg_before_midiae, self.mask_f0_loss = sg_before_midiae, mask_f0_loss
        self.preprocessor = preprocessor
        self.reconstruction_losses = reconstruction_losses
        self.qpitch_f0rec_loss = qpitch_f0rec_loss
        self.pitch_f0rec_loss = pitch_f0rec_loss
        self.pitch_qpitch_loss = pitch_qpitch_loss
        self.midi_slowness_loss = midi_slowness_loss
        self.reverb = reverb
        self.processor_group = self._make_synthesizers(reverb)

    def _make_synthesizers(self, reverb: bool) -> processors.ProcessorGroup:
        sample_rate = getattr(self.preprocessor, 'sample_rate', _SAMPLE_RATE)
        frame_rate = getattr(self.preprocessor, 'frame_rate', _FRAME_RATE)
        rates = {'n_samples': None, 'frame_rate': frame_rate}
        dag: list[tuple] = [
            (
                synths.Harmonic(sample_rate=sample_rate, **rates),
                ['amplitudes', 'harmonic_distribution', 'f0_hz'],
            ),
            (synths.FilteredNoise(sample_rate=sample_rate, **rates), ['magnitudes']),
            (processors.Add(), ['filtered_noise/signal', 'harmonic/signal']),
        ]
        if reverb:
            dag.append((effects.Reverb(trainable=True), ['add/signal']))
        return processors.ProcessorGroup(dag=dag)

    def preprocess(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """Adds to the features what the preprocessor makes of them."""
        features = dict(features)
        if self.preprocessor is not None:
            features.update(self.preprocessor(features))
        return features

    def synthcoder_branch(
        self,
        features: Mapping[str, Any],
        training: bool = True,
        z: tf.Tensor | None = None,
    ) -> dict[str, Any]:
        """Makes controls, and audio, of f0 and loudness.

        Parameters
        ----------
        features : what the synthcoder asks for, and `f0_hz` `[batch, frames, 1]`.
        training : whether layers shall behave as in training.
        z : latent variables for the synthcoder, `[batch, frames, channels]`.

        Returns
        -------
        `synth_audio` `[batch, samples]`, and `synth_params`: the scaled controls.
        """
        inputs = dict(features) if z is None else {**features, 'z': z}
        raw = self.synthcoder(inputs, training=training)
        audio, params = self._play({**raw, 'f0_hz': features['f0_hz']})
        return {'synth_audio': audio, 'synth_params': params}

    def _play(self, raw: Mapping[str, Any]) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        played = self.processor_group(dict(raw), return_outputs_dict=True)
        tone = played['controls']['harmonic']['controls']
        noise = played['controls']['filtered_noise']['controls']
        return played['signal'], {**tone, 'magnitudes': noise['magnitudes']}

    def synthesize_audio(
        self,
        f0_hz: Any,
        db: Any,
        z: tf.Tensor | None = None,
        training: bool = False,
        return_params: bool = False,
    ) -> Any:
        """Plays f0 and loudness on the synthcoder.

        Parameters
        ----------
        f0_hz, db : `[batch, frames, 1]`, in Hz and in dB.
        z : latent variables, `[batch, frames, channels]`.
        training : whether layers shall behave as in training.
        return_params : whether to give the scaled controls too.

        Returns
        -------
        Audio `[batch, samples]`; with `return_params` a pair of it and the controls.
        """
        scaled = preprocessing.scale_db(db)
        features = {
            'f0_hz': f0_hz,
            'f0_scaled': preprocessing.scale_f0_hz(f0_hz),
            'loudness_db': db,
            'ld_scaled': scaled,
            'power_db': db,
            'pw_scaled': scaled,
        }
        made = self.synthcoder_branch(features, training, z)
        if return_params:
            return made['synth_audio'], made['synth_params']
        return made['synth_audio']

    @staticmethod
    def extract_harm_controls(
        synth_params: Mapping[str, tf.Tensor],
        log_scale: bool = True,
        stop_gradient: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Takes what notes are found in from scaled controls.

        Parameters
        ----------
        synth_params : `f0_hz`, `amplitudes`, `harmonic_distribution` and `magnitudes`,
            `[batch, frames, channels]`.
        log_scale : whether amplitudes and magnitudes become their decimal logarithms,
            with a floor of -5, through which gradients pass: what is played too softly
            can become louder again.
        stop_gradient : whether no gradient goes back to the controls.

        Returns
        -------
        f0 as MIDI note numbers, amplitudes, harmonic distribution, noise magnitudes,
        each `[batch, frames, channels]`.
        """
        f0_midi = core.hz_to_midi(synth_params['f0_hz'])
        amps, noise = synth_params['amplitudes'], synth_params['magnitudes']
        if log_scale:
            amps, noise = _log10(amps), _log10(noise)
        found = (f0_midi, amps, synth_params['harmonic_distribution'], noise)
        return tuple(map(tf.stop_gradient, found)) if stop_gradient else found

    @staticmethod
    def pianoroll_to_midi(pianoroll: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Takes the loudest note of each frame from a piano roll.

        Parameters
        ----------
        pianoroll : velocities `[batch, frames, pitches]`.

        Returns
        -------
        Note numbers, 0 where nothing sounds, and velocities, `[batch, frames, 1]` each.
        """
        pianoroll = core.tf_float32(pianoroll)
        velocity = tf.reduce_max(pianoroll, axis=-1, keepdims=True)
        pitch = tf.cast(tf.argmax(pianoroll, axis=-1)[..., tf.newaxis], tf.float32)
        return tf.where(velocity > 0.0, pitch, 0.0), velocity

    @staticmethod
    def midi_to_pianoroll(
        q_pitch: Any, q_vel: Any, piano_keys: int = 128, thresh: float = _LOWEST_PITCH
    ) -> tf.Tensor:
        """Writes one note a frame into piano rolls.

        Parameters
        ----------
        q_pitch, q_vel : whole note numbers and velocities, `[batch, frames, 1]`.
        piano_keys : pitches of the roll.
        thresh : note numbers below it are silence.

        Returns
        -------
        Velocities, `[batch, frames, piano_keys]`.
        """
        q_pitch, q_vel = core.tf_float32(q_pitch), core.tf_float32(q_vel)
        keys = tf.cast(tf.round(q_pitch[..., 0]), tf.int32)
        roll = tf.one_hot(keys, piano_keys) * q_vel
        return tf.where(q_pitch >= thresh, roll, 0.0)

    def encode_to_midi(
        self, *args: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Finds notes in controls.

        Parameters
        ----------
        *args : what `midi_encoder` takes: f0 in MIDI, amplitudes, harmonic distribution
            and noise magnitudes, `[batch, frames, channels]` each.

        Returns
        -------
        z_pitch, z_vel : pitch and velocity before they are rounded.
        q_pitch, q_vel : the same as whole numbers from 0 to 127; all
            `[batch, frames, 1]`.
        """
        inputs = dict(zip(self._encoder_inputs(), args))
        encoded = self.midi_encoder(inputs)
        z_pitch, z_vel = encoded['z_pitch'], encoded['z_vel']
        q_pitch, q_vel = (
            nn.straight_through_int_quantization(tf.clip_by_value(z, 0.0, 127.0))
            for z in (z_pitch, z_vel)
        )
        return z_pitch, z_vel, q_pitch, q_vel

    def _encoder_inputs(self) -> Sequence[str]:
        return list(self.midi_encoder.input_keys)

    def get_gt_midi(self, features: Mapping[str, Any]) -> tuple[tf.Tensor, tf.Tensor]:
        """The notes of the data: `q_pitch` and `q_vel`, each `[batch, frames, 1]`.

        Raises
        ------
        KeyError
            When the data has no notes.
        """
        if _NOTES_KEY not in features:
            raise KeyError(
                f'{self.name}: there is no midi_encoder, and the features have no '
                f'{_NOTES_KEY!r} to take the notes from; they have {sorted(features)}. '
                'Give one (models/midiae/mixins/midi_encoder.gin), or data with notes.'
            )
        return self.pianoroll_to_midi(features[_NOTES_KEY])

    def midi_to_audio(
        self,
        q_pitch: Any,
        q_vel: Any,
        z: tf.Tensor | None = None,
        return_synth_params: bool = False,
        z_synth: tf.Tensor | None = None,
    ) -> Any:
        """Plays notes.

        Parameters
        ----------
        q_pitch, q_vel : note numbers and velocities, `[batch, frames, 1]`; 0 is
            silence.
        z : latent variables for the decoder, `[batch, frames, channels]`.
        return_synth_params : whether to give the scaled controls too.
        z_synth : latent variables for a synthcoder that plays f0 and loudness,
            `[batch, frames, channels]`.

        Returns
        -------
        Audio `[batch, samples]`; with `return_synth_params` a pair of it and a
        dictionary of controls, with `f0_midi_pred` among them, and `loudness_db_pred`
        of a decoder that makes loudness.
        """
        inputs = {'z_pitch': core.tf_float32(q_pitch), 'z_vel': core.tf_float32(q_vel)}
        if z is not None:
            inputs['z'] = z
        decoded = self.midi_decoder(inputs)
        f0_midi = decoded['f0_midi']
        if 'loudness' in decoded:
            audio, params = self.synthesize_audio(
                core.midi_to_hz(f0_midi), decoded['loudness'], z_synth, True, True
            )
            params = {**params, 'loudness_db_pred': decoded['loudness']}
        else:
            audio, params = self._play(decoded)
        params = {**params, 'f0_midi_pred': f0_midi}
        return (audio, params) if return_synth_params else audio

    def add_closeness_loss(
        self, loss_obj: Any, f0: tf.Tensor, pitch: tf.Tensor, tag: str = ''
    ) -> None:
        """Compares two pitches `[batch, frames, 1]` in MIDI, where a note sounds.

        Parameters
        ----------
        loss_obj : `losses.ParamLoss`, or None, which compares nothing.
        f0, pitch : what is compared, `[batch, frames, 1]`, in MIDI; frames where
            `pitch` is below 1 do not count.
        tag : stands before the name of the loss.
        """
        if loss_obj is not None:
            sounds = tf.cast(pitch >= 1.0, tf.float32)
            self.update_losses(Renamed(loss_obj, tag), f0, pitch, weights=sounds)

    def add_slowness_loss(
        self, loss_obj: Any, z_pitch: tf.Tensor, q_pitch: tf.Tensor, tag: str = ''
    ) -> None:
        """Compares a pitch with that of the frame before, within notes.

        Parameters
        ----------
        loss_obj : `losses.ParamLoss`, or None, which compares nothing.
        z_pitch, q_pitch : `[batch, frames, 1]`; a note ends where `q_pitch` changes.
        tag : stands before the name of the loss.
        """
        if loss_obj is not None:
            held = tf.cast(q_pitch[:, 1:] == q_pitch[:, :-1], tf.float32)
            self.update_losses(
                Renamed(loss_obj, tag), z_pitch[:, 1:], z_pitch[:, :-1], weights=held
            )

    def add_zpitch_losses(
        self, z_pitch: tf.Tensor, q_pitch: tf.Tensor, f0_midi_pred: tf.Tensor
    ) -> None:
        """Adds all losses of pitch that there are, see the constructor.

        Parameters
        ----------
        z_pitch, q_pitch, f0_midi_pred : pitch before and after it is rounded, and the
            f0 played from it, `[batch, frames, 1]`, in MIDI.
        """
        self.add_closeness_loss(
            self.qpitch_f0rec_loss, f0_midi_pred, q_pitch, 'qpitch_f0rec'
        )
        self.add_closeness_loss(
            self.pitch_f0rec_loss, f0_midi_pred, z_pitch, 'pitch_f0rec'
        )
        self.add_closeness_loss(
            self.pitch_qpitch_loss, q_pitch, z_pitch, 'pitch_qpitch'
        )
        self.add_slowness_loss(
            self.midi_slowness_loss, z_pitch, q_pitch, 'midi_slowness'
        )

    def get_audio_from_outputs(self, outputs: Mapping[str, Any]) -> tf.Tensor:
        """Takes the audio `[batch, samples]` that was played from notes."""
        return outputs['midi_audio']

    def call(self, features: dict[str, Any], training: bool = True) -> dict[str, Any]:
        """Hears, writes down, and plays again.

        Parameters
        ----------
        features : what the preprocessor asks for, `audio` `[batch, samples]` for losses
            of it, and the notes, where there is no `midi_encoder`.
        training : whether layers shall behave as in training.

        Returns
        -------
        The features; `synth_audio` and `midi_audio` `[batch, samples]`, played from f0
        and loudness, and from notes; `f0_midi`, `amps`, `hd` and `noise` of the first,
        `f0_midi_pred`, `amps_pred`, `hd_pred` and `noise_pred` of the second,
        `[batch, frames, channels]`, amplitudes and noise as decimal logarithms;
        `z_pitch`, `q_pitch`, `q_vel` and `f0_loss_weights` `[batch, frames, 1]`; and
        the scaled controls of both as `synth_params` and `midi_params`.

        Raises
        ------
        KeyError
            When there is neither a `midi_encoder`, nor are there notes in the data.
        ValueError
            When the notes of the data have another number of frames than f0.
        """
        return self._autoencode(self.preprocess(features), training)

    def _autoencode(
        self, features: dict[str, Any], training: bool, z_synth: Any = None
    ) -> dict[str, Any]:
        outputs = {**features, **self.synthcoder_branch(features, training, z_synth)}
        controls = self.extract_harm_controls(
            outputs['synth_params'], stop_gradient=self.sg_before_midiae
        )
        outputs.update(zip(_CONTROLS, controls))
        outputs.update(self._notes_of(outputs, controls))
        z = self._latent(outputs)
        outputs['midi_audio'], params = self.midi_to_audio(
            outputs['q_pitch'], outputs['q_vel'], z, True, z_synth
        )
        played = dict(zip(_CONTROLS, self.extract_harm_controls(params)))
        outputs.update((f'{key}_pred', value) for key, value in played.items())
        # Of a note that is silence as well, in MIDI: in Hz it is none.
        outputs['f0_midi_pred'] = params.pop('f0_midi_pred')
        if 'loudness_db_pred' in params:
            outputs['loudness_db_pred'] = params.pop('loudness_db_pred')
        outputs['midi_params'] = params
        outputs['f0_loss_weights'] = self._f0_weights(outputs)
        self._compare(outputs)
        return outputs

    def _notes_of(
        self, outputs: Mapping[str, Any], controls: Sequence[tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        if self.midi_encoder is None:
            q_pitch, q_vel = self.get_gt_midi(outputs)
            q_pitch, q_vel = (self._fit(x, controls[0]) for x in (q_pitch, q_vel))
            return {'z_pitch': q_pitch, 'q_pitch': q_pitch, 'q_vel': q_vel}
        if 'loudness' in self._encoder_inputs():
            controls = (controls[0], outputs['ld_scaled'])
        z_pitch, z_vel, q_pitch, q_vel = self.encode_to_midi(*controls)
        return {'z_pitch': z_pitch, 'z_vel': z_vel, 'q_pitch': q_pitch, 'q_vel': q_vel}

    def _fit(self, notes: tf.Tensor, f0: tf.Tensor) -> tf.Tensor:
        ours, theirs = notes.shape[1], f0.shape[1]
        if ours is not None and theirs is not None and ours != theirs:
            raise ValueError(
                f'{self.name}: the notes of the data have {ours} frames, f0 has '
                f'{theirs}; make the preprocessor give as many (time_steps = {ours}).'
            )
        return notes

    def _latent(self, outputs: dict[str, Any]) -> tf.Tensor | None:
        """Latent variables for the decoder of notes; here there are none."""
        del outputs
        return None

    def _f0_weights(self, outputs: Mapping[str, Any]) -> tf.Tensor:
        f0_midi = outputs['f0_midi']
        if not self.mask_f0_loss:
            return tf.ones_like(f0_midi)
        sounds = (f0_midi > 0.0) & (outputs['q_pitch'] > 0.0)
        return tf.cast(sounds, tf.float32)

    def _compare(self, outputs: Mapping[str, Any]) -> None:
        if not self.wants_losses:
            return
        for loss_obj in tensors.make_iterable(self.reconstruction_losses or []):
            if isinstance(loss_obj, ddsp_losses.LossGroup):
                self.update_losses(loss_obj, outputs)
            else:
                self.update_losses(loss_obj, outputs['audio'], outputs['synth_audio'])
        self.add_zpitch_losses(
            outputs['z_pitch'], outputs['q_pitch'], outputs['f0_midi_pred']
        )


def _log10(x: tf.Tensor) -> tf.Tensor:
    """`core.log10`, whose gradient goes on below its floor as it is there."""
    slope = x / (_FLOOR * math.log(10.0))
    below = tf.where(x < _FLOOR, slope, 0.0)
    return core.log10(x, _FLOOR) + below - tf.stop_gradient(below)


def __getattr__(name: str) -> Any:
    """Finds `ZMidiAutoencoder` here too, which has a room of its own."""
    if name == 'ZMidiAutoencoder':
        from ddsp.training.models.z_midi_autoencoder import ZMidiAutoencoder

        return ZMidiAutoencoder
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}.')
