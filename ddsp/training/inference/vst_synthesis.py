"""From the controls of a frame and of the one before to the sound between."""

from __future__ import annotations

import numbers
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from ddsp import core
from ddsp.core.streaming.memory import NO_END, Span
from ddsp.core.streaming.oscillators import (
    cycles_from_radians,
    look_around,
    radians_from_cycles,
)
from ddsp.registration import configurable
from ddsp.training import models
from ddsp.training.gin_scope import own_configuration
from ddsp.training.inference.configuration import (
    find_synths,
    parse_operative_config,
    whole_hop,
)
from ddsp.training.inference.tensor_function import TensorFunction
from ddsp.training.transfer import loading


@configurable('ddsp.training.inference')
class VSTSynthesize(TensorFunction, keras.Model):
    """Plays one hop: harmonics that go from one frame to the next, and noise.

    Controls are those of `VSTPredictControls`. Reverb and whatever else comes after the
    synthesizers is left to the program that plays.

    Parameters
    ----------
    ckpt : see `VSTBaseModule`. Only its configuration is read.
    new_hop_size : samples that are played; those of a frame without it.
    **kwargs : of `keras.Model`.

    Raises
    ------
    FileNotFoundError
        When there is no such place.
    ValueError
        When there is no model in it, or one without harmonics and noise, and for a hop
        size below 1.
    """

    def __init__(
        self, ckpt: str | Path, new_hop_size: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.shown = str(ckpt)
        is_hop = isinstance(new_hop_size, numbers.Integral) and new_hop_size > 0
        if new_hop_size is not None and not is_hop:
            raise ValueError(
                f'new_hop_size is {new_hop_size!r}, expected a whole number of samples '
                'above 0.'
            )
        self.new_hop_size = new_hop_size
        with own_configuration():
            self.parse_gin(ckpt)
        self.build_network()

    def parse_gin(self, ckpt: str | Path) -> None:
        """Tells gin how the model is made, and takes its synthesizers.

        Parameters
        ----------
        ckpt : see `VSTBaseModule`.

        Raises
        ------
        FileNotFoundError
            When there is no such place.
        ValueError
            When there is no model in it, or one without harmonics and noise.
        """
        parse_operative_config(ckpt)
        model = models.get_model()
        found = find_synths(getattr(model, 'processor_group', None), self.shown)
        self.harmonic, self.filtered_noise = (
            found[x][0] for x in ('harmonic', 'noise')
        )
        rates = loading.rates_of_model(model)
        self.sample_rate, self.frame_rate = rates['sample_rate'], rates['frame_rate']
        self.hop_size = int(self.new_hop_size or whole_hop(**rates, shown=self.shown))
        self.harmonic.hop_size = self.hop_size
        sizes = dict(getattr(model.decoder, 'output_splits', ()))
        self.n_harmonics = _size(sizes, found['harmonic'][1][1], self.shown)
        self.n_bands = _size(sizes, found['noise'][1][0], self.shown)

    def build_network(self) -> None:
        """Plays once.

        Raises
        ------
        ValueError
            When amplitudes are resampled from more than two frames.
        """
        before, after = look_around(self.harmonic.amp_resample_method)
        if (before, after) != (0, 1):
            method = self.harmonic.amp_resample_method
            raise ValueError(
                f'{self.shown}: Harmonic.amp_resample_method is {method!r}, which '
                "needs more than two frames; expected 'linear', 'window' or 'nearest'."
            )
        self(*(tf.zeros(spec.shape) for spec in self.input_specs.values()))

    @property
    def input_specs(self) -> dict[str, tf.TensorSpec]:
        """The controls of two frames, and the phase at the first of them."""
        one = tf.TensorSpec([1])
        distribution = tf.TensorSpec([self.n_harmonics])
        return {
            'amps': one,
            'prev_amps': one,
            'hd': distribution,
            'prev_hd': distribution,
            'f0': one,
            'prev_f0': one,
            'noise': tf.TensorSpec([self.n_bands]),
            'prev_phase': one,
        }

    def call(
        self,
        amps: tf.Tensor,
        prev_amps: tf.Tensor,
        hd: tf.Tensor,
        prev_hd: tf.Tensor,
        f0: tf.Tensor,
        prev_f0: tf.Tensor,
        noise: tf.Tensor,
        prev_phase: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Plays from one frame to the next.

        Parameters
        ----------
        amps, prev_amps : of shape `[1]`, amplitudes of this frame and of the one
            before.
        hd, prev_hd : `[harmonics]`, distributions, which sum to 1.
        f0, prev_f0 : of shape `[1]`, in Hz.
        noise : of shape `[bands]`, magnitudes of the noise filter.
        prev_phase : of shape `[1]`, in radians: 0 at first, then `phase` of the hop
            before.

        Returns
        -------
        `audio` `[hop_size]`, and `phase` `[1]`, that of the fundamental after it.
        """
        audio, phase = self.play_harmonics(
            (prev_amps, amps), (prev_hd, hd), (prev_f0, f0), prev_phase
        )
        return {'audio': audio + self.play_noise(noise), 'phase': phase}

    def play_harmonics(
        self,
        amps: tuple[tf.Tensor, tf.Tensor],
        hd: tuple[tf.Tensor, tf.Tensor],
        f0: tuple[tf.Tensor, tf.Tensor],
        phase: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Plays harmonics from one frame to another.

        Parameters
        ----------
        amps : of the frame before and of this one, each of shape `[1]`.
        hd : likewise, distributions `[harmonics]`, which sum to 1.
        f0 : likewise, each of shape `[1]`, in Hz.
        phase : of shape `[1]`, in radians, of the fundamental at the frame before.

        Returns
        -------
        Audio of shape `[hop_size]`, and the phase after it, in radians in [-pi, pi],
        of shape `[1]`.
        """
        before, now = (
            [x[i][tf.newaxis, tf.newaxis] for x in (amps, hd, f0)] for i in (0, 1)
        )
        rates = self.hop_size, self.harmonic.sample_rate
        cycles = cycles_from_radians(phase, *rates)
        memory = {
            'amplitudes': before[0] * before[1],
            'frequencies': before[2],
            'cycles': cycles[tf.newaxis, tf.newaxis],
        }
        # Any place in a stream but its beginning, which is silent.
        span = Span(tf.constant(self.hop_size, tf.int64), tf.constant(NO_END, tf.int64))
        audio, memory = self.harmonic.stream_signal(memory, span, *now)
        return audio[0], radians_from_cycles(memory['cycles'][0, 0], *rates)

    def play_noise(self, noise: tf.Tensor) -> tf.Tensor:
        """Plays a hop of noise through one filter, from the middle of a longer one.

        Parameters
        ----------
        noise : of shape `[bands]`, magnitudes of the noise filter.

        Returns
        -------
        Audio of shape `[hop_size]`.
        """
        # Frames on both sides, as many as the filter reaches, so that its level is the
        # same everywhere in the hop.
        reach = self.filtered_noise.window_size or 2 * self.n_bands
        around = -(-reach // self.hop_size)
        n_frames = 2 * around + 1
        magnitudes = tf.repeat(noise[tf.newaxis, tf.newaxis], n_frames, axis=1)
        audio = core.frequency_filter(
            core.uniform_noise([1, n_frames * self.hop_size]),
            magnitudes,
            window_size=self.filtered_noise.window_size,
        )
        first = around * self.hop_size
        return audio[0, first : first + self.hop_size]


@configurable('ddsp.training.inference')
class VSTSynthesizeHarmonic(VSTSynthesize):
    """The harmonics of `VSTSynthesize` alone, which see for parameters."""

    @property
    def input_specs(self) -> dict[str, tf.TensorSpec]:
        """The controls of two frames, and the phase at the first of them."""
        specs = super().input_specs
        del specs['noise']
        return specs

    def call(
        self,
        amps: tf.Tensor,
        prev_amps: tf.Tensor,
        hd: tf.Tensor,
        prev_hd: tf.Tensor,
        f0: tf.Tensor,
        prev_f0: tf.Tensor,
        prev_phase: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Plays from one frame to the next, see `VSTSynthesize.call`."""
        audio, phase = self.play_harmonics(
            (prev_amps, amps), (prev_hd, hd), (prev_f0, f0), prev_phase
        )
        return {'audio': audio, 'phase': phase}


@configurable('ddsp.training.inference')
class VSTSynthesizeNoise(VSTSynthesize):
    """The noise of `VSTSynthesize` alone, which see for parameters."""

    @property
    def input_specs(self) -> dict[str, tf.TensorSpec]:
        """Magnitudes of the noise filter."""
        return {'noise': tf.TensorSpec([self.n_bands])}

    def call(self, noise: tf.Tensor) -> dict[str, tf.Tensor]:
        """Plays a hop.

        Parameters
        ----------
        noise : of shape `[bands]`, magnitudes of the noise filter.

        Returns
        -------
        `audio`, `[hop_size]`.
        """
        return {'audio': self.play_noise(noise)}

    def build_network(self) -> None:
        """Plays once."""
        self(tf.zeros([self.n_bands]))


def _size(sizes: dict[str, int], key: str, shown: str) -> int:
    """The number of channels of an output of the decoder."""
    if key not in sizes:
        raise ValueError(
            f'the decoder of {shown} gives {sorted(sizes)}, but the synthesizers of '
            f'its processor_group take {key!r}.'
        )
    return sizes[key]
