"""What a model being trained sounds and looks like, for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ddsp import spectral_ops
from ddsp.tracing import compile_apart
from ddsp.training import plotting, summaries


class SampleSummaries:
    """Plays some examples and writes their sound, spectrograms, f0 and loudness.

    Parameters
    ----------
    model : a `ddsp.training.models.Model`.
    batch : the examples.
    writer : a `tf.summary` writer.
    sample_rate : of the audio, in Hz; None for 16 kHz.
    """

    def __init__(
        self,
        model: keras.Model,
        batch: Any,
        writer: Any,
        sample_rate: float | None = None,
    ) -> None:
        self.model = model
        self.batch = batch
        self._features = batch if isinstance(batch, Mapping) else {}
        self.writer = writer
        self.sample_rate = int(sample_rate or 16000)
        self._play = compile_apart(self._outputs, autograph=False)
        self._wrote_originals = False

    def __call__(self, step: int) -> None:
        """Writes what there is to show after a step."""
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
                pair = audio[:, :shorter], synth[:, :shorter]
                summaries.spectrogram_summary(*pair, step)
                for i, figure in enumerate(self._figures(*pair)):
                    summaries.fig_summary(f'f0_and_loudness/{i}', figure, step)
        self.writer.flush()

    def _outputs(self, batch: Any) -> Mapping[str, Any]:
        return self.model(batch, training=False)

    def _figures(self, audio: tf.Tensor, synth: tf.Tensor) -> list[Any]:
        """One for each example: f0 in Hz, and the loudness of both sounds in dB."""
        frame_rate = 100 if self.sample_rate % 250 else 250
        loudness = [
            np.asarray(
                spectral_ops.compute_loudness(
                    x, sample_rate=self.sample_rate, frame_rate=frame_rate
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
            seconds = np.arange(loudness[0].shape[1]) / frame_rate
            below.plot(seconds, loudness[0][i], label='recorded')
            below.plot(seconds, loudness[1][i], label='synthesised')
            below.set(ylabel='loudness (dB)', xlabel='time (s)')
            below.legend(loc='lower right')
            figures.append(figure)
        return figures
