"""From audio to features, and from features to controls, a frame at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import gin
import tensorflow as tf

from ddsp import spectral_ops
from ddsp.training import decoders, models, preprocessing
from ddsp.training.gin_scope import own_configuration
from ddsp.training.inference.configuration import (
    find_synths,
    parse_operative_config,
    whole_hop,
)
from ddsp.training.inference.tensor_function import TensorFunction
from ddsp.training.transfer import loading
from ddsp.training.transfer.finding import located

_FEATURES = ('f0_scaled', 'pw_scaled')


class VSTBaseModule(TensorFunction, models.Autoencoder):
    """What the parts of a plugin share: a trained model, of which one part is used.

    The model is made as its configuration says; the configuration of gin around is left
    alone.

    Parameters
    ----------
    ckpt : directory of a model such as `models/vst/vst.gin` describes, a checkpoint in
        it, or whatever else `ddsp.training.load_instrument` takes.
    verbose : whether to say what was read.
    **kwargs : of `ddsp.training.models.Autoencoder`.

    Raises
    ------
    FileNotFoundError
        When there is no such place.
    ValueError
        When there is no model in it, or one without the parts that are needed.
    """

    #: Parts of the model that are used, and read from the checkpoint.
    parts: ClassVar[tuple[str, ...]] = ()

    def __init__(self, ckpt: str | Path, verbose: bool = False, **kwargs: Any) -> None:
        with own_configuration():
            self.parse_gin(ckpt)
            self.configure_gin()
            super().__init__(**kwargs)
        self.shown = str(ckpt)
        self._check_parts()
        rates = loading.rates_of_model(self)
        self.sample_rate, self.frame_rate = rates['sample_rate'], rates['frame_rate']
        self.hop_size = whole_hop(**rates, shown=self.shown)
        self.build_network()
        self.restore(str(ckpt), verbose)

    def parse_gin(self, ckpt: str | Path) -> None:
        """Tells gin how the model is made."""
        parse_operative_config(ckpt)

    def configure_gin(self) -> None:
        """Changes what gin was told, before the model is made."""

    def build_network(self) -> None:
        """Makes the weights of what is used."""

    def restore(
        self, checkpoint_path: str | Path, verbose: bool = True, **unused_kwargs: Any
    ) -> None:
        """Fills the weights of what is used from a checkpoint.

        Parameters
        ----------
        checkpoint_path : as `ckpt`.
        verbose : whether to say what was read.

        Raises
        ------
        ValueError
            When there is no checkpoint, or it does not hold the parts that are needed.
        """
        if not self.parts:
            return
        with located(checkpoint_path) as place:
            report = loading.restore(self, place, self.parts)
        if verbose:
            print(report)

    def call(self, *unused_inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """Gives tensors by name."""
        raise NotImplementedError(f'{type(self).__name__} must define call.')

    def _check_parts(self) -> None:
        for part in ('preprocessor', 'processor_group', *self.parts):
            if getattr(self, part) is None:
                raise ValueError(
                    f'{self.shown} has no {part}; expected a model such as vst, with a '
                    'preprocessor, a decoder and a processor_group.'
                )


class VSTExtractFeatures(VSTBaseModule):
    """From a frame of audio to pitch and power.

    Pitch is estimated by CREPE, from audio at 16 kHz whatever the model plays at.

    Parameters
    ----------
    ckpt : see `VSTBaseModule`; its preprocessor must be `OnlineF0PowerPreprocessor`.
    crepe_saved_model_path : a capacity of CREPE or a file of its weights, see
        `ddsp.spectral_ops.PretrainedCREPE`; that of the configuration without it.
    **kwargs : `verbose`, and those of `Autoencoder`.

    Raises
    ------
    FileNotFoundError
        When CREPE's weights are missing; it says what to do.
    ValueError
        See `VSTBaseModule`; also when the preprocessor is another.
    """

    def __init__(
        self,
        ckpt: str | Path,
        crepe_saved_model_path: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.crepe_saved_model_path = crepe_saved_model_path
        super().__init__(ckpt, **kwargs)

    def configure_gin(self) -> None:
        """Has the preprocessor compute everything of one frame."""
        name = 'OnlineF0PowerPreprocessor'
        gin.bind_parameter(f'{name}.padding', 'valid')
        gin.bind_parameter(f'{name}.compute_f0', True)
        gin.bind_parameter(f'{name}.compute_power', True)
        if self.crepe_saved_model_path is not None:
            path = self.crepe_saved_model_path
            gin.bind_parameter(f'{name}.crepe_saved_model_path', path)

    def build_network(self) -> None:
        """Keeps the preprocessor, and runs it once.

        Raises
        ------
        ValueError
            When it is no `OnlineF0PowerPreprocessor`.
        """
        expected = preprocessing.OnlineF0PowerPreprocessor
        if not isinstance(self.preprocessor, expected):
            raise ValueError(
                f'{self.shown} has a {type(self.preprocessor).__name__}, expected '
                f'{expected.__name__}, as vst has: from others there is no way to get '
                'features of one frame of audio.'
            )
        self.decoder = self.processor_group = None
        self(tf.zeros([self.frame_size]))

    @property
    def frame_size(self) -> int:
        """Samples of a frame of audio, at 16 kHz; one that CREPE can hear."""
        return max(self.preprocessor.frame_size, spectral_ops.CREPE_FRAME_SIZE)

    @property
    def input_specs(self) -> dict[str, tf.TensorSpec]:
        """Audio, `[frame_size]`."""
        return {'audio': tf.TensorSpec([self.frame_size])}

    def call(self, audio: tf.Tensor) -> dict[str, tf.Tensor]:
        """Listens.

        Parameters
        ----------
        audio : of shape `[frame_size]`, at 16 kHz. What is no number counts as 0.

        Returns
        -------
        `f0_hz`, `pw_db`, and `f0_scaled` and `pw_scaled` for the decoder, each `[1]`.
        """
        audio = tf.where(tf.math.is_finite(audio), audio, 0.0)
        heard = self.preprocessor({'audio': audio[tf.newaxis]})
        keys = self.preprocessor.output_keys
        return {key: tf.reshape(heard[key], [-1])[:1] for key in keys}


class VSTStatelessPredictControls(VSTBaseModule):
    """From pitch and power of a frame to its controls; the state goes in and out.

    The decoder must be an `RnnFcDecoder` of `f0_scaled` and `pw_scaled`. Parameters are
    those of `VSTBaseModule`.
    """

    parts = ('decoder',)

    def configure_gin(self) -> None:
        """Makes the state of the decoder an input and an output."""
        gin.bind_parameter('RnnFcDecoder.stateless', True)

    def build_network(self) -> None:
        """Makes the weights of the decoder.

        Raises
        ------
        ValueError
            When it is no `RnnFcDecoder` of `f0_scaled` and `pw_scaled`, and when the
            model has no synthesizers of harmonics and noise.
        """
        decoder = self.decoder
        keys = set(getattr(decoder, 'input_keys', ()))
        if not isinstance(decoder, decoders.RnnFcDecoder) or keys != {
            *_FEATURES,
            'state',
        }:
            given = f'{type(decoder).__name__} of {sorted(keys - {"state"})}'
            raise ValueError(
                f'{self.shown} has a decoder {given}, expected an RnnFcDecoder of '
                f'{list(_FEATURES)}, as vst has. StreamingInstrument plays others.'
            )
        self._synths = find_synths(self.processor_group, self.shown)
        self._decode(*(tf.zeros([1]) for _ in _FEATURES), self._zeros())

    @property
    def state_dims(self) -> int:
        """Length of the state."""
        return self.decoder.state_dims

    @property
    def input_specs(self) -> dict[str, tf.TensorSpec]:
        """Features, `[1]` each, and the state, `[state_dims]`."""
        specs = {key: tf.TensorSpec([1]) for key in _FEATURES}
        return {**specs, 'state': tf.TensorSpec([self.state_dims])}

    def saved_variables(self) -> list[tf.Variable]:
        """Those of the decoder: the processors play elsewhere."""
        return [variable.value for variable in self.decoder.variables]

    def call(
        self, f0_scaled: tf.Tensor, pw_scaled: tf.Tensor, state: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Predicts controls.

        What is no number counts as 0: the lowest pitch, and silence.

        Parameters
        ----------
        f0_scaled : of shape `[1]`, pitch as MIDI / 127.
        pw_scaled : of shape `[1]`, power from 0 for silence to 1.
        state : of shape `[state_dims]`, zeros for the first frame, then what the last
            gave.

        Returns
        -------
        `amplitudes` `[1]`, `harmonic_distribution` `[harmonics]` and
        `noise_magnitudes` `[bands]`, as `VSTSynthesize` takes them, and `state`.
        """
        f0_scaled, pw_scaled, state = (
            tf.where(tf.math.is_finite(x), x, 0.0)
            for x in (f0_scaled, pw_scaled, state)
        )
        raw, state = self._decode(f0_scaled, pw_scaled, state)
        raw['f0_hz'] = preprocessing.inv_scale_f0_hz(f0_scaled)[tf.newaxis, tf.newaxis]
        controls = {}
        for synth, keys in self._synths.values():
            controls.update(synth.get_controls(*(raw[key] for key in keys)))
        return {
            'amplitudes': controls['amplitudes'][0, 0],
            'harmonic_distribution': controls['harmonic_distribution'][0, 0],
            'noise_magnitudes': controls['magnitudes'][0, 0],
            'state': state,
        }

    def _decode(
        self, f0_scaled: tf.Tensor, pw_scaled: tf.Tensor, state: tf.Tensor
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        features = {
            'f0_scaled': f0_scaled[tf.newaxis, tf.newaxis],
            'pw_scaled': pw_scaled[tf.newaxis, tf.newaxis],
            'state': state[tf.newaxis],
        }
        raw = dict(self.decoder(features, training=False))
        state = raw.pop('state')[0]
        return {**features, **raw}, state

    def _zeros(self) -> tf.Tensor:
        return tf.zeros([self.state_dims])


class VSTPredictControls(VSTStatelessPredictControls):
    """From pitch and power of a frame to its controls; it keeps the state itself.

    Parameters are those of `VSTBaseModule`.
    """

    def build_network(self) -> None:
        """Makes the weights of the decoder, and its state."""
        super().build_network()
        self._state = tf.Variable(self._zeros(), trainable=False, name='state')

    def reset(self) -> None:
        """Forgets the frames before."""
        self._state.assign(self._zeros())

    def save_model(self, save_dir: str | Path) -> None:
        """Writes a SavedModel that has heard nothing yet, see `VSTBaseModule`."""
        state = self._state.numpy()
        self.reset()
        super().save_model(save_dir)
        self._state.assign(state)

    @property
    def input_specs(self) -> dict[str, tf.TensorSpec]:
        """Features, `[1]` each."""
        return {key: tf.TensorSpec([1]) for key in _FEATURES}

    def saved_variables(self) -> list[tf.Variable]:
        """The decoder's, and the state."""
        return [*super().saved_variables(), self._state]

    def call(self, f0_scaled: tf.Tensor, pw_scaled: tf.Tensor) -> dict[str, tf.Tensor]:
        """Predicts controls of the next frame.

        Parameters
        ----------
        f0_scaled : of shape `[1]`, pitch as MIDI / 127.
        pw_scaled : of shape `[1]`, power from 0 for silence to 1.

        Returns
        -------
        `amplitudes` `[1]`, `harmonic_distribution` `[harmonics]` and
        `noise_magnitudes` `[bands]`, as `VSTSynthesize` takes them.
        """
        controls = super().call(f0_scaled, pw_scaled, self._state)
        self._state.assign(controls.pop('state'))
        return controls
