"""An instrument that plays block by block, as pitch and loudness come."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ddsp import core, spectral_ops
from ddsp.core import size
from ddsp.processors import ProcessorGroup
from ddsp.tracing import compile_apart
from ddsp.training import decoders
from ddsp.training.inference.layout import StateLayout
from ddsp.training.transfer import loading
from ddsp.training.transfer.decoding import check_inputs, with_state
from ddsp.training.transfer.instrument import Instrument
from ddsp.training.transfer.playing import network_features

if TYPE_CHECKING:
    from ddsp.training.inference.streaming_module import StreamingModule

_OF_POWER = ('pw_scaled', 'pw_db')
_NETWORK, _HELD = 'decoder_state', 'held_f0_hz'
State = dict[str, tf.Tensor]


class StreamingInstrument:
    """A decoder and the processors that it controls, block by block.

    `state = instrument.initial_state()`, and for each block
    `audio, state = instrument.step(features, state)`. Blocks of any number of frames,
    one after the other, give what the instrument plays at once, `latency` samples late.

    What is not a number in the features does not stay: f0 is held from the frame
    before, and loudness is that of silence.

    Parameters
    ----------
    decoder : an `RnnFcDecoder` with its weights, from pitch and loudness, or power.
    processor_group : its processors, with their weights, whose synthesizers play any
        length.
    sample_rate, frame_rate : in Hz; the one is a multiple of the other.
    jit_compile : whether XLA compiles the step.
    shown : how people know the instrument, for what is said of it.

    Raises
    ------
    ValueError
        When the decoder keeps its state to itself or wants more than f0 and loudness or
        power, and when a frame does not last whole samples.

    Examples
    --------
    >>> violin = StreamingInstrument.load('violin')
    >>> violin.input_keys, violin.hop_size, violin.latency
    (('f0_hz', 'loudness_db'), 128, 128)
    >>> state = violin.initial_state()
    >>> block = {'f0_hz': tf.fill([1, 2], 440.0), 'loudness_db': tf.fill([1, 2], -20.0)}
    >>> for _ in range(3):
    ...     audio, state = violin.step(block, state)
    >>> audio.shape
    TensorShape([1, 256])
    """

    def __init__(
        self,
        decoder: decoders.RnnFcDecoder,
        processor_group: ProcessorGroup,
        sample_rate: int,
        frame_rate: int,
        jit_compile: bool = False,
        shown: str = 'the model',
    ) -> None:
        check_inputs(decoder, shown)
        if not isinstance(decoder, decoders.RnnFcDecoder):
            raise ValueError(
                f'{shown} does not play block by block: its decoder is '
                f'{type(decoder).__name__}, expected RnnFcDecoder, which has a state '
                'that goes from block to block.'
            )
        if sample_rate % frame_rate:
            raise ValueError(
                f'{shown} has {sample_rate} samples and {frame_rate} frames a second; '
                'expected a frame of whole samples.'
            )
        self.sample_rate, self.frame_rate = int(sample_rate), int(frame_rate)
        self.shown = shown
        self.decoder = decoder if decoder.stateless else with_state(decoder)
        self.processor_group = processor_group
        first = processor_group.initial_state(hop_size=self.hop_size)
        self._layout = StateLayout(first)
        self._compiled = compile_apart(
            self.trace, autograph=False, jit_compile=jit_compile, reduce_retracing=True
        )

    @classmethod
    def load(
        cls, instrument: str | Path, jit_compile: bool = False
    ) -> StreamingInstrument:
        """Makes one of a name, directory, checkpoint or archive.

        Parameters
        ----------
        instrument : whatever `ddsp.training.load_instrument` takes.
        jit_compile : whether XLA compiles the step.

        Returns
        -------
        The instrument, with its weights.

        Raises
        ------
        FileNotFoundError
            When there is no such instrument, directory or file.
        ValueError
            When there is no model in it, or one that does not play block by block.
        """
        return cls.from_instrument(loading.load_instrument(instrument), jit_compile)

    @classmethod
    def from_instrument(
        cls, instrument: Instrument, jit_compile: bool = False
    ) -> StreamingInstrument:
        """Makes one of an instrument that is loaded.

        Parameters
        ----------
        instrument : what `ddsp.training.load_instrument` gave.
        jit_compile : whether XLA compiles the step.

        Returns
        -------
        The same instrument, to play block by block.

        Raises
        ------
        ValueError
            When it does not play block by block.
        """
        return cls(
            instrument.decoder,
            instrument.processor_group,
            instrument.sample_rate,
            instrument.frame_rate,
            jit_compile,
            shown=instrument.name,
        )

    @classmethod
    def from_model(cls, model: Any, jit_compile: bool = False) -> StreamingInstrument:
        """Makes one of a model that has its weights; the decoder's are copied.

        Parameters
        ----------
        model : an `Autoencoder` that was called or restored.
        jit_compile : whether XLA compiles the step.

        Returns
        -------
        What the model plays, block by block.

        Raises
        ------
        ValueError
            When it has no decoder or processors, or no weights yet, and when it does
            not play block by block.
        """
        for part in ('decoder', 'processor_group'):
            if getattr(model, part, None) is None:
                raise ValueError(
                    f'{model.name} has no {part}; expected an Autoencoder with a '
                    'decoder and a processor_group.'
                )
        if not model.decoder.weights:
            raise ValueError(
                f'{model.name} has no weights yet: call it once, or take '
                'StreamingInstrument.load(directory).'
            )
        rates = loading.rates_of_model(model)
        group = loading.of_any_length(model.processor_group, **rates)
        loading.call_once(model.decoder, group)
        return cls(
            model.decoder, group, **rates, jit_compile=jit_compile, shown=model.name
        )

    @property
    def hop_size(self) -> int:
        """Samples a frame."""
        return self.sample_rate // self.frame_rate

    @property
    def latency(self) -> int:
        """Samples by which the sound is later than the features."""
        return self.processor_group.latency

    @property
    def input_keys(self) -> tuple[str, ...]:
        """The features: `'f0_hz'`, and `'loudness_db'` or `'power_db'` or both."""
        wanted = [*self.decoder.input_keys, *self.processor_group.input_keys]
        power = any(key in _OF_POWER for key in wanted)
        loudness = any(key in ('ld_scaled', 'loudness_db') for key in wanted)
        keys = {'f0_hz': True, 'loudness_db': loudness, 'power_db': power}
        return tuple(key for key, is_wanted in keys.items() if is_wanted)

    @property
    def takes_noise(self) -> bool:
        """Whether there are processors that make noise, or are given it."""
        return self.processor_group.takes_option('noise')

    @property
    def state_keys(self) -> tuple[str, ...]:
        """The names of the state's tensors, in alphabetical order."""
        return tuple(sorted([_NETWORK, _HELD, *self._layout.names]))

    def initial_state(self, batch_size: int = 1) -> State:
        """Makes the state of a stream that begins: tensors by name, of known shapes."""
        nested = self.processor_group.initial_state(batch_size, hop_size=self.hop_size)
        state = {
            **self._layout.flatten(nested),
            _NETWORK: tf.zeros([batch_size, self.decoder.state_dims]),
            _HELD: tf.zeros([batch_size, 1]),
        }
        return {name: state[name] for name in self.state_keys}

    def step(
        self, features: Mapping[str, Any], state: State, noise: Any = None
    ) -> tuple[tf.Tensor, State]:
        """Plays a block.

        Parameters
        ----------
        features : those of `input_keys`, each `[batch, frames]`; others are ignored.
        state : of `initial_state`, or what the step before gave.
        noise : `[batch, frames * hop_size]` in [-1, 1], from which processors make
            breath and bow; drawn anew without it.

        Returns
        -------
        float32 audio `[batch, frames * hop_size]`, and the state after it.

        Raises
        ------
        ValueError
            When a feature is missing, or something has a wrong shape.
        """
        features = self._checked(features)
        if noise is not None:
            noise = self._checked_noise(noise, features['f0_hz'])
        _check_state(state, self.state_keys)
        return self._compiled(features, dict(state), noise)

    def as_module(self, frames_per_block: int) -> StreamingModule:
        """Makes functions of tensors, of fixed shapes, to export.

        Parameters
        ----------
        frames_per_block : frames in each block.

        Returns
        -------
        One step of this instrument as a `tf.Module`, which holds the weights.

        Raises
        ------
        ValueError
            When `frames_per_block` is no whole number above 0.
        """
        from ddsp.training.inference.streaming_module import StreamingModule

        return StreamingModule(self, frames_per_block)

    def trace(
        self, features: Mapping[str, tf.Tensor], state: State, noise: tf.Tensor | None
    ) -> tuple[tf.Tensor, State]:
        """What `step` compiles, on tensors that are right.

        Parameters
        ----------
        features : those of `input_keys`, each `[batch, frames]`; others are ignored.
        state : of `initial_state`, or what the step before gave.
        noise : `[batch, frames * hop_size]` in [-1, 1]; drawn anew when it is None.

        Returns
        -------
        float32 audio `[batch, frames * hop_size]`, and the state after it.
        """
        f0_hz, held = _hold(core.tf_float32(features['f0_hz']), state[_HELD])
        silence = tf.fill(tf.shape(f0_hz), -spectral_ops.DB_RANGE)
        silence = tf.ensure_shape(silence, f0_hz.shape)
        levels = [
            _finite_or(features[key], silence) if key in self.input_keys else silence
            for key in ('loudness_db', 'power_db')
        ]
        known = network_features(f0_hz, *levels)
        known = {name: value[..., tf.newaxis] for name, value in known.items()}
        known.update(self.decoder({**known, 'state': state[_NETWORK]}, training=False))
        inputs = {name: known[name] for name in self.processor_group.input_keys}
        options = {'noise': noise} if noise is not None and self.takes_noise else {}
        nested = self._layout.nest(state)
        audio, nested = self.processor_group.step(inputs, nested, **options)
        after = {
            **self._layout.flatten(nested),
            _NETWORK: known['state'],
            _HELD: held,
        }
        return audio, {name: after[name] for name in self.state_keys}

    def _checked(self, features: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        missing = [key for key in self.input_keys if key not in features]
        if missing:
            raise ValueError(
                f'{self.shown}: features {missing} are missing; expected '
                f'{list(self.input_keys)}, given are {sorted(features)}.'
            )
        checked = {key: core.tf_float32(features[key]) for key in self.input_keys}
        shapes = {key: x.shape.as_list() for key, x in checked.items()}
        alike = len(set(map(tuple, shapes.values()))) == 1
        if not alike or len(shapes['f0_hz']) != 2 or 0 in shapes['f0_hz']:
            listed = ', '.join(f'{key} {shape}' for key, shape in shapes.items())
            raise ValueError(
                f'{self.shown}: the features of a block have the shapes {listed}; '
                'expected [batch, frames], the same for all.'
            )
        return checked

    def _checked_noise(self, noise: Any, f0_hz: tf.Tensor) -> tf.Tensor:
        noise = core.tf_float32(noise)
        batch, n_frames = f0_hz.shape
        expected = [batch, None if n_frames is None else n_frames * self.hop_size]
        if not noise.shape.is_compatible_with(expected):
            raise ValueError(
                f'{self.shown}: noise has the shape {list(noise.shape)}, expected '
                f'{expected}: {self.hop_size} samples a frame.'
            )
        return noise


def _check_state(state: Mapping[str, Any], expected: tuple[str, ...]) -> None:
    if not isinstance(state, Mapping) or set(state) != set(expected):
        given = sorted(state) if isinstance(state, Mapping) else type(state).__name__
        raise ValueError(
            f'the state has {given}, expected {list(expected)}, as initial_state or '
            'the step before gave it.'
        )


def _is_finite(x: tf.Tensor) -> tf.Tensor:
    # In operations that every runtime of exported models has.
    return tf.abs(x) <= x.dtype.max


def _finite_or(x: Any, other: tf.Tensor) -> tf.Tensor:
    x = core.tf_float32(x)
    return tf.where(_is_finite(x), x, other)


def _hold(x: tf.Tensor, held: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Puts the last finite value in place of others.

    Parameters
    ----------
    x : `[batch, frames]`.
    held : `[batch, 1]`, the last value before.

    Returns
    -------
    What is finite now, and the last of it, like `held`.
    """
    n_frames = size(x, 1)
    if isinstance(n_frames, int) and n_frames == 1:
        x = _finite_or(x, held)
        return x, x
    x = tf.concat([held, x], axis=1)
    place = tf.range(n_frames + 1)
    # What was held is finite, so each frame has such a place at or before its own.
    finite = tf.where(_is_finite(x), place, 0)
    before = place[:, tf.newaxis] >= place
    latest = tf.reduce_max(tf.where(before, finite[:, tf.newaxis], 0), axis=2)
    is_latest = latest[..., tf.newaxis] == place
    x = tf.reduce_sum(tf.where(is_latest, x[:, tf.newaxis], 0.0), axis=2)
    return x[:, 1:], x[:, -1:]
