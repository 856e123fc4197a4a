"""What every processor has, to play block by block."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import tensorflow as tf

from ddsp.core import tensors
from ddsp.core.streaming.filters import filter_latency
from ddsp.core.streaming.memory import NO_END, Memory, Span, finite_or_zero, mute
from ddsp.streaming.holding import hold, hop_of

# How inputs go along with a stream, by the name of their second axis.
_KINDS = {'samples': 'samples', 'frames': 'frames', 'frames_of_tables': 'frames'}


class Streamed:
    """The part of a processor that plays block by block.

    A stream is a state and blocks: `state = processor.initial_state(batch_size)`, and
    for each block `signal, state = processor.step(inputs, state)`. Blocks of any number
    of frames, one after the other, give the same signal as the whole at once, `latency`
    samples late; `flush` gives the end that is still inside.

    A processor of your own streams when it defines `stream_signal`, and `start_stream`
    if something of one block is needed in the next; `latency` says how late it is.

    Examples
    --------
    >>> import ddsp
    >>> import tensorflow as tf
    >>> synth = ddsp.synths.FilteredNoise(n_samples=None, window_size=129, seed=1)
    >>> block = {'magnitudes': tf.zeros([1, 5, 65])}
    >>> state = synth.initial_state(batch_size=1, inputs=block)
    >>> first, state = synth.step(block, state)
    >>> second, state = synth.step(block, state)
    >>> rest, state = synth.flush(block, state)
    >>> played = tf.concat([first, second, rest], axis=1)[:, synth.latency :]
    >>> whole = synth(tf.zeros([1, 10, 65]))
    >>> bool(tf.reduce_all(tf.abs(played - whole) < 1e-5)), synth.latency
    (True, 64)
    """

    #: Samples a frame in a stream. A synthesizer of any length knows it by its rates,
    #: others are told by `initial_state`, or by the `ProcessorGroup` they are in.
    hop_size: int | None = None
    #: Samples by which the signal is later than the inputs.
    latency: int = 0
    #: Whether a stream cannot begin before the hop size is known.
    needs_hop: ClassVar[bool] = False
    #: Samples by which all of the signal is shorter than all of the inputs.
    shortening: int = 0
    #: Inputs that the whole stream shares whatever their axes: responses, for one.
    stream_constants: ClassVar[Sequence[str]] = ()

    def start_stream(self, batch_size: Any) -> dict[str, tf.Tensor]:
        """Makes what `stream_signal` gets as memory with the first block."""
        del batch_size
        return {}

    def stream_controls(self, memory: Memory, **inputs: tf.Tensor) -> dict[str, Any]:
        """Makes controls of a block's inputs, by default as `get_controls` does."""
        del memory
        return self.get_controls(**inputs)

    def stream_signal(
        self, memory: Memory, span: Span, **controls: Any
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Makes a block's signal of its controls, and the memory for the next block.

        Parameters
        ----------
        memory : of `start_stream`, or what the block before gave.
        span : where the block stands in the stream.
        **controls : what `stream_controls` gave, and the options of `step`.

        Returns
        -------
        signal : `[batch, samples]`.
        memory : tensors by name, for the next block.
        """
        raise NotImplementedError(
            f'{type(self).__name__} does not play block by block; for that it must '
            'define stream_signal, see ddsp.streaming.Streamed.'
        )

    def initial_state(
        self,
        batch_size: Any = 1,
        inputs: Mapping[str, Any] | None = None,
        hop_size: int | None = None,
    ) -> dict[str, Any]:
        """Makes the state of a stream that begins.

        Parameters
        ----------
        batch_size : a number or a scalar tensor.
        inputs : inputs such as `step` takes, of which only the number of channels is
            looked at. Without it, sizes are those of the last call; if there was none,
            they are found with the first block, after which the state has other shapes
            than before.
        hop_size : samples a frame; kept as the processor's `hop_size`.

        Returns
        -------
        A dictionary of tensors.
        """
        if hop_size is not None:
            self.hop_size = hop_size
        if inputs is not None:
            self._block_inputs(inputs)
        return self.start_at(batch_size, lag=0)

    @tf.autograph.experimental.do_not_convert
    def step(
        self,
        inputs: Any,
        state: Mapping[str, Any],
        return_outputs_dict: bool = False,
        **options: Any,
    ) -> tuple[Any, dict[str, Any]]:
        """Plays one block.

        What is not finite counts as 0, so that it does not stay in the state.

        Parameters
        ----------
        inputs : the arguments of `get_controls` for this block: a dictionary, a list in
            their order, or a tensor where there is one. Controls have as many frames,
            audio as many samples as the block; what has neither axis may change from
            block to block.
        state : of `initial_state`, or what the step before gave.
        return_outputs_dict : whether to give the controls beside the signal.
        **options : what else the processor takes, as `FilteredNoise` takes `noise`.

        Returns
        -------
        The signal, as long as the block, or `{'signal': signal, 'controls': controls}`;
        and the next state.

        Raises
        ------
        ValueError
            When an input has the wrong shape, or the hop size is needed and not known.
        """
        inputs = self._block_inputs(inputs)
        memory, span = state['memory'], Span(state['position'], state['end'])
        controls = self._block_controls(memory, inputs)
        controls = tf.nest.map_structure(_finite, controls)
        signal, memory = self.stream_signal(memory, span, **controls, **options)
        n_samples = tensors.size(signal, 1)
        last = span._replace(end=span.end - self.shortening)
        signal = mute(signal, last.inside(n_samples, late=self.latency))
        state = {
            'position': span.position + tf.cast(n_samples, tf.int64),
            'end': span.end,
            'memory': memory,
        }
        if return_outputs_dict:
            return {'signal': signal, 'controls': controls}, state
        return signal, state

    @tf.autograph.experimental.do_not_convert
    def flush(
        self, inputs: Any, state: Mapping[str, Any], **options: Any
    ) -> tuple[tf.Tensor, dict[str, Any]]:
        """Ends a stream and gives what is still inside.

        Controls hold their last frame, and audio and noise are silent beyond the end.

        Parameters
        ----------
        inputs : those of the last step.
        state : what the last step gave.
        **options : see `step`.

        Returns
        -------
        The last `latency - shortening` samples, `[batch, samples]`, and the state after
        them.
        """
        state = self.ended_at(state, state['position'])
        inputs = self._block_inputs(inputs)
        kinds = {name: self.kind_of(name, x.shape.rank) for name, x in inputs.items()}
        hop_size = hop_of(inputs, kinds) or self.hop_size
        held = hold(inputs, kinds, hop_size, self.latency)
        signal, state = self.step(held, state, **options)
        return signal[:, : max(self.latency - self.shortening, 0)], state

    def kind_of(self, name: str, rank: int | None = None) -> str | None:
        """How an input goes along with a stream.

        Parameters
        ----------
        name : of the input.
        rank : its number of axes; None for that seen last, or the most there can be.

        Returns
        -------
        `'samples'`, `'frames'` or `'constant'`, by the name of its second axis in
        `input_shapes`; None where that does not say.
        """
        if name in self.stream_constants:
            return 'constant'
        axes = self._axes_of(name, rank)
        if axes is None:
            return None
        return _KINDS.get(axes[1], 'constant') if len(axes) > 1 else 'constant'

    def blank_input(self, name: str, batch_size: Any, length: int) -> tf.Tensor:
        """Zeros that can stand for an input on axis 1 before it begins.

        Parameters
        ----------
        name : of the input.
        batch_size : how many streams go in parallel.
        length : of axis 1, in samples or in frames, whichever the input has there.

        Returns
        -------
        float32 `[batch, length, ...]`, with the channels that were seen last.
        """
        axes = self._axes_of(name) or ['batch', 'samples']
        seen = self._seen_shape(name)
        channels = [1] * (len(axes) - 2) if seen is None else seen[2:]
        return tf.zeros([batch_size, length, *(n or 1 for n in channels)])

    def _channels(self, name: str) -> int | None:
        """The last axis of an input that was seen."""
        seen = self._seen_shape(name)
        return seen[-1] if seen else None

    def _hop(self) -> int:
        """The hop size.

        Raises
        ------
        ValueError
            When it is not known.
        """
        if self.hop_size is None:
            raise ValueError(
                f'{self.name}: how many samples a frame lasts is not known. Give '
                'initial_state(..., hop_size=64), or whatever number it is; '
                'a synthesizer made with n_samples=None knows it by its rates.'
            )
        return self.hop_size

    def _filter_latency(self, window_size: int, name: str, crossfade: bool) -> int:
        """The latency of a filter whose magnitudes are an input.

        Raises
        ------
        ValueError
            When it depends on a size that is not known.
        """
        hop = self._hop() if crossfade else None
        latency = filter_latency(window_size, self._channels(name), crossfade, hop)
        if latency is None:
            raise ValueError(
                f'{self.name}: with window_size={window_size} its latency depends on '
                f'the number of channels of {name}, which is not known yet. Give '
                'initial_state(batch_size, inputs) a block of inputs first.'
            )
        return latency

    def start_at(self, batch_size: Any, lag: int) -> dict[str, Any]:
        """The state of a stream whose inputs begin after `lag` samples.

        Parameters
        ----------
        batch_size : how many streams go in parallel.
        lag : samples of silence before the inputs, 0 if there are none.

        Returns
        -------
        The state for the first step: nested dictionaries of tensors.

        Raises
        ------
        ValueError
            When the hop size is needed and not known.
        NotImplementedError
            When the processor does not play block by block.
        """
        if type(self).stream_signal is Streamed.stream_signal:
            self.stream_signal({}, Span(tf.constant(0), tf.constant(0)))
        if self.needs_hop:
            self._hop()
        return {
            'position': tf.constant(-lag, tf.int64),
            'end': tf.constant(NO_END, tf.int64),
            'memory': self.start_stream(batch_size),
        }

    def ended_at(self, state: Mapping[str, Any], end: tf.Tensor) -> dict[str, Any]:
        """The state of a stream whose inputs end at a position.

        Parameters
        ----------
        state : what the last step gave.
        end : int64 scalar, the sample before which the inputs end.

        Returns
        -------
        The same state with that end.
        """
        return {**state, 'end': end}

    def takes_option(self, name: str) -> bool:
        """Whether `step` takes an option of this name."""
        parameter = inspect.signature(self.stream_signal).parameters.get(name)
        return parameter is not None and parameter.default is not parameter.empty


def input_names(module: Any) -> list[str]:
    """The inputs of a processor, in the order of its arguments."""
    if not hasattr(module, 'input_shapes'):
        return ['inputs']
    return list(inspect.signature(module.get_controls).parameters)


def _finite(x: Any) -> Any:
    floating = tf.is_tensor(x) and x.dtype.is_floating
    return finite_or_zero(x) if floating else x
