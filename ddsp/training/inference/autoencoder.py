"""A trained autoencoder that only plays, for sound of one length."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp import core, effects, spectral_ops
from ddsp.registration import configurable
from ddsp.tracing import compile_apart
from ddsp.training import models, preprocessing
from ddsp.training.gin_scope import own_configuration
from ddsp.training.inference.configuration import parse_operative_config, whole_hop
from ddsp.training.inference.tensor_function import (
    compile_named,
    save_function,
    tensorflow_variables,
)
from ddsp.training.transfer import loading
from ddsp.training.transfer.decoding import check_inputs
from ddsp.training.transfer.finding import located
from ddsp.training.transfer.playing import network_features

_POWER = ('pw_scaled', 'pw_db')
_POWER_FRAME = 1024


@configurable('ddsp.training.inference')
class AutoencoderInference(models.Autoencoder):
    """From pitch and loudness, or power, to sound, `length_seconds` at a time.

    The model is made as its configuration says, for another length and maybe without
    its reverb; the configuration of gin around is left alone. For blocks that go on
    from each other see `StreamingInstrument`.

    Parameters
    ----------
    ckpt : whatever `ddsp.training.load_instrument` takes: a directory of a model, a
        checkpoint in it, or a name.
    length_seconds : of the sound.
    remove_reverb : whether the sound is dry, for programs that have a reverb.
    verbose : whether to say what was read.
    **kwargs : of `ddsp.training.models.Autoencoder`.

    Raises
    ------
    FileNotFoundError
        When there is no such place.
    ValueError
        When there is no model in it that plays pitch and loudness, and when the length
        is not of whole frames, one or more.

    Examples
    --------
    >>> model = AutoencoderInference('violin', length_seconds=0.4, verbose=False)
    >>> features = {'f0_hz': tf.fill([50], 440.0), 'loudness_db': tf.fill([50], -20.0)}
    >>> model(features)['audio_synth'].shape
    TensorShape([1, 6400])
    """

    def __init__(
        self,
        ckpt: str | Path,
        length_seconds: float = 4,
        remove_reverb: bool = True,
        verbose: bool = True,
        **kwargs: Any,
    ) -> None:
        self.shown = str(ckpt)
        self.length_seconds, self.remove_reverb = length_seconds, remove_reverb
        self.verbose = verbose
        with own_configuration():
            self.configure_gin(ckpt)
            super().__init__(**kwargs)
        self.encoder, self.loss_objs = None, []
        check_inputs(self.decoder, self.shown)
        if self.processor_group is None:
            raise ValueError(f'{self.shown} has no processor_group to play with.')
        rates = loading.rates_of_model(self)
        self.sample_rate, self.frame_rate = rates['sample_rate'], rates['frame_rate']
        self.hop_size = whole_hop(**rates, shown=self.shown)
        self.n_frames = _whole_frames(length_seconds, self.frame_rate)
        self.build_network()
        with located(ckpt) as place:
            report = loading.restore(self, place)
        if verbose:
            print(report)
        if remove_reverb:
            self.processor_group = without_reverb(self.processor_group)
        self._function = compile_apart(self.resynthesise, autograph=False)

    def configure_gin(self, ckpt: str | Path) -> None:
        """Tells gin how the model is made."""
        parse_operative_config(ckpt)

    def build_network(self) -> None:
        """Makes processors for any length, and all weights."""
        rates = {'sample_rate': self.sample_rate, 'frame_rate': self.frame_rate}
        self.processor_group = loading.of_any_length(self.processor_group, **rates)
        loading.make_weights(self)

    @property
    def n_samples(self) -> int:
        """Samples of the sound."""
        return self.n_frames * self.hop_size

    @property
    def takes_power(self) -> bool:
        """Whether the decoder is given power rather than loudness."""
        return any(key in _POWER for key in self.decoder.input_keys)

    def __call__(self, inputs: Mapping[str, Any], **unused_kwargs: Any) -> Any:
        """Plays, see `call`."""
        return self.call(inputs)

    def call(self, inputs: Mapping[str, Any], **unused_kwargs: Any) -> dict[str, Any]:
        """Plays.

        Parameters
        ----------
        inputs : `f0_hz` in Hz, and `loudness_db`, or for models of power `power_db` or
            `pw_db`, in dB: `[frames]`, `[batch, frames]` or `[batch, frames, 1]`, of
            any number of frames, which are resampled. Or `audio` in place of loudness
            or power, `[samples]` or `[batch, samples]`, from which it is computed.

        Returns
        -------
        What `Autoencoder` gives: features, controls, and the sound `'audio_synth'`,
        `[batch, n_samples]`.

        Raises
        ------
        ValueError
            When an input is missing or has no frames.
        """
        level = self._level(inputs)
        if 'f0_hz' not in inputs:
            raise ValueError(
                f"{self.shown}: the input 'f0_hz' is missing; given are "
                f'{sorted(inputs)}. ddsp.pitch estimates it.'
            )
        return self._function(self._frames(inputs['f0_hz'], 'f0_hz'), level)

    def resynthesise(self, f0_hz: tf.Tensor, level_db: tf.Tensor) -> dict[str, Any]:
        """Plays as many frames as the model was made for.

        Parameters
        ----------
        f0_hz : `[batch, n_frames, 1]`.
        level_db : `[batch, n_frames, 1]`, power if `takes_power`, else loudness.

        Returns
        -------
        What `call` gives.
        """
        features = network_features(f0_hz, level_db, level_db)
        # What the model does not know, it does not tell.
        other = ('ld_scaled', 'loudness_db') if self.takes_power else _POWER
        features = {key: x for key, x in features.items() if key not in other}
        features.update(self.decoder(features, training=False))
        played = self.processor_group(features, return_outputs_dict=True)
        return {**features, **played['controls'], 'audio_synth': played['signal']}

    def save_model(self, save_dir: str | Path) -> None:
        """Writes a SavedModel.

        Its signature `serving_default` takes `f0_hz` and `loudness_db`, or `power_db`,
        `[1, n_frames]`, and gives `audio_synth`, `[1, n_samples]`, and the outputs of
        the decoder.

        Parameters
        ----------
        save_dir : directory, which is made.
        """
        level = 'power_db' if self.takes_power else 'loudness_db'
        frames = tf.TensorSpec([1, self.n_frames])

        def play(f0_hz: tf.Tensor, level_db: tf.Tensor) -> dict[str, tf.Tensor]:
            outputs = self.resynthesise(
                f0_hz[..., tf.newaxis], level_db[..., tf.newaxis]
            )
            return {
                key: outputs[key] for key in ('audio_synth', *self.decoder.output_keys)
            }

        layers = [self.decoder, self.processor_group]
        save_function(
            compile_named(play, {'f0_hz': frames, level: frames}),
            tensorflow_variables(layers),
            save_dir,
        )

    def _level(self, inputs: Mapping[str, Any]) -> tf.Tensor:
        """Loudness or power, `[batch, n_frames, 1]`."""
        keys = ('power_db', 'pw_db') if self.takes_power else ('loudness_db',)
        for key in keys:
            if key in inputs:
                return self._frames(inputs[key], key)
        if 'audio' not in inputs:
            raise ValueError(
                f'{self.shown}: the input {keys[0]!r} is missing, and so is '
                f"'audio', from which to compute it; given are {sorted(inputs)}."
            )
        audio = core.tf_float32(inputs['audio'])
        audio = audio[tf.newaxis] if audio.shape.rank == 1 else audio
        rates = {'sample_rate': self.sample_rate, 'frame_rate': self.frame_rate}
        if self.takes_power:
            size = getattr(self.preprocessor, 'frame_size', _POWER_FRAME)
            level = spectral_ops.compute_power(audio, frame_size=size, **rates)
        else:
            level = spectral_ops.compute_loudness(audio, **rates)
        return self._frames(level, keys[0])

    def _frames(self, x: Any, name: str) -> tf.Tensor:
        """Brings a feature to `[batch, n_frames, 1]`; NaN counts as 0."""
        x = core.tf_float32(x)
        x = x[tf.newaxis] if x.shape.rank == 1 else x
        x = preprocessing.at_least_3d(x)
        if x.shape.rank != 3 or 0 in x.shape or x.shape[-1] not in (1, None):
            raise ValueError(
                f'{self.shown}: {name} has the shape {x.shape.as_list()}, expected '
                '[frames], [batch, frames] or [batch, frames, 1].'
            )
        silence = 0.0 if name == 'f0_hz' else -spectral_ops.DB_RANGE
        x = tf.where(tf.math.is_finite(x), x, silence)
        return x if x.shape[1] == self.n_frames else core.resample(x, self.n_frames)


def without_reverb(group: Any) -> Any:
    """The same processors without reverbs: what these were given goes on from there.

    Parameters
    ----------
    group : a `ddsp.processors.ProcessorGroup`.

    Raises
    ------
    ValueError
        When there is nothing else in it.
    """
    dry: dict[str, str] = {}
    nodes: list[tuple] = []
    for step in group.steps:
        module = getattr(group, step.name)
        inputs = [dry.get(key, key) for key in step.inputs]
        if isinstance(module, effects.Reverb):
            # Under both names by which a signal can be known.
            dry[step.name] = dry[f'{step.name}/signal'] = inputs[0]
        else:
            node = (module, inputs)
            nodes.append((*node, list(step.outputs)) if step.outputs else node)
    if not dry:
        return group
    if not nodes:
        raise ValueError(f'{group.name} has nothing but reverb.')
    return type(group)(dag=nodes, name=group.name)


def _whole_frames(seconds: float, frame_rate: int) -> int:
    is_number = isinstance(seconds, numbers.Real) and np.isfinite(seconds)
    n_frames = round(seconds * frame_rate) if is_number else 0
    if n_frames < 1 or abs(n_frames - seconds * frame_rate) > 1e-6 * n_frames:
        raise ValueError(
            f'length_seconds is {seconds!r}, expected a number of whole frames, of '
            f'which there are {frame_rate} a second, above 0.'
        )
    return n_frames
