"""What a model being trained sounds and looks like, for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ddsp import spectral_ops
from ddsp.core import tensors
from ddsp.tracing import compile_apart
from ddsp.training import plotting, summaries
from ddsp.training.telling import tell


class SampleSummaries:
    """Plays some examples and writes their sound, spectrograms, f0 and loudness.

    What cannot be played or drawn is told on stderr, once, and left out.

    Parameters
    ----------
    model : a `ddsp.training.models.Model`.
    batch : the examples.
    writer : a `tf.summary` writer.
    sample_rate : of the audio, in Hz; None for 16 kHz.
    frame_rate : of the loudness, in frames a second; None for 250 or 100, whichever
        divides the sample rate.
    """

    def __init__(
        self,
        model: keras.Model,
        batch: Any,
        writer: Any,
        sample_rate: float | None = None,
        frame_rate: float | None = None,
    ) -> None:
        self.model = model
        self.batch = batch
        self._features = batch if isinstance(batch, Mapping) else {}
        self.writer = writer
        self.sample_rate = int(sample_rate or 16000)
        self.frame_rate = frame_rate or (100 if self.sample_rate % 250 else 250)
        self._play = compile_apart(self._outputs, autograph=False)
        self._wrote_originals = self._told = False

    def __call__(self, step: int) -> None:
        """Writes what there is to show after a step."""
        try:
            self._write(step)
        except Exception as error:  # No run of days may end for want of a picture.
            self._tell(error)

    def _write(self, step: int) -> None:
        outputs = self._play(self.batch)
        synth = self.model.get_audio_from_outputs(outputs)
        audio = self._features.get('audio')
        with self.writer.as_default():
            summaries.audio_summary(
                synth, step, sample_rate=self.sample_rate, name='audio_synth'
            )
            if audio is not None and not self._wrote_originals:
                summaries.audio_summary(
                    audio, step, sample_rate=self.sample_rate, name='audio'
                )
                self._wrote_originals = True
            if audio is not None:
                shorter = min(audio.shape[1], synth.shape[1])
                pair = [tensors.without_channel(x)[:, :shorter] for x in (audio, synth)]
                summaries.spectrogram_summary(*pair, step)
                for i, figure in enumerate(self._figures(*pair)):
                    summaries.fig_summary(f'f0_and_loudness/{i}', figure, step)
        self.writer.flush()

    def _tell(self, error: Exception) -> None:
        if not self._told:
            reason = f'{type(error).__name__}: {" ".join(str(error).split())[:300]}'
            tell(f'training goes on with some samples missing in TensorBoard: {reason}')
        self._told = True

    def _outputs(self, batch: Any) -> Mapping[str, Any]:
        return self.model(batch, training=False)

    def _figures(self, audio: tf.Tensor, synth: tf.Tensor) -> list[Any]:
        """One for each example: f0 in Hz, and the loudness of both sounds in dB."""
        loudness = [
            np.asarray(
                spectral_ops.compute_loudness(
                    x, sample_rate=self.sample_rate, frame_rate=self.frame_rate
                )
            )
            for x in (audio, synth)
        ]
        f0_hz = self._features.get('f0_hz')
        figures = []
        for i in range(len(audio)):
            figure, (above, below) = plotting.new_figure(2, (8.0, 5.0))
            if f0_hz is not None:
                above.plot(np.ravel(f0_hz[i]))
            above.set(ylabel='f0 (Hz)', xlabel='frame')
            seconds = np.arange(loudness[0].shape[1]) / self.frame_rate
            below.plot(seconds, loudness[0][i], label='recorded')
            below.plot(seconds, loudness[1][i], label='synthesised')
            below.set(ylabel='loudness (dB)', xlabel='time (s)')
            below.legend(loc='lower right')
            figures.append(figure)
        return figures
