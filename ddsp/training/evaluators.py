"""What is measured of a model, and what is shown: sets of metrics and summaries.

`ddsp.training.eval_util` hands each batch to all of them.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import gin
import numpy as np
import tensorflow as tf

from ddsp import core, losses, spectral_ops
from ddsp.core import tensors
from ddsp.training import metrics, summaries
from ddsp.training.metrics.base import write_metrics
from ddsp.training.metrics.sound import as_audio

_register = gin.register(module='ddsp.training.evaluators')

# Keys of the audio in a model's outputs, the first that is there counts.
_AUDIO_KEYS = ('audio_gen', 'audio_synth')
# f0 that is nearer to the data's, relative to it, is the data's: a fifth of a cent.
_F0_TOLERANCE = 1e-4
# Frames whose candidates for f0 are judged at once: each takes megabytes.
_TWM_FRAMES = 64
# Sinusoids this far below the loudest of their frame are taken for noise.
_TWM_NOISE_DB = 40.0


class BaseEvaluator:
    """Abstract base class of evaluators.

    To make your own, write those of `evaluate`, `sample` and `flush` that you need, and
    name the class in gin: `evaluate.evaluator_classes = [@MyEvaluator]`.

    Parameters
    ----------
    sample_rate : of audio, in Hz.
    frame_rate : of controls, in frames a second.
    """

    def __init__(self, sample_rate: int, frame_rate: int) -> None:
        self.set_rates(sample_rate, frame_rate)

    def set_rates(self, sample_rate: int, frame_rate: int) -> None:
        """Sets both rates; what was gathered before is forgotten.

        Parameters
        ----------
        sample_rate : of audio, in Hz.
        frame_rate : of controls, in frames a second.
        """
        self._sample_rate = sample_rate
        self._frame_rate = frame_rate
        self._metrics = self._make_metrics()

    def _make_metrics(self) -> Any:
        """Makes the metrics that need the rates."""
        return None

    def evaluate(
        self, batch: Mapping[str, Any], output: Mapping[str, Any], losses: Any
    ) -> None:
        """Adds a batch to the metrics.

        Parameters
        ----------
        batch : of the data.
        output : of the model, with `audio_gen`, the audio `[batch, samples]`.
        losses : of the model, numbers by name.
        """

    def sample(
        self, batch: Mapping[str, Any], outputs: Mapping[str, Any], step: int
    ) -> None:
        """Writes what there is to see and hear of a batch.

        Parameters
        ----------
        batch : of the data.
        outputs : of the model, with `audio_gen`, the audio `[batch, samples]`.
        step : number of the training step, for TensorBoard.
        """

    def flush(self, step: int) -> dict[str, float]:
        """Writes the metrics, gives them by name, and starts afresh."""
        return {}


@_register
class BasicEvaluator(BaseEvaluator):
    """Losses of the model, the multi-scale spectral loss; audio and spectrograms.

    The losses are means over examples under `losses/`. The spectral loss is
    `metrics.SpectralMetrics`, for data with audio.

    Parameters
    ----------
    sample_rate : of audio, in Hz.
    frame_rate : of controls, in frames a second.
    """

    def __init__(self, sample_rate: int, frame_rate: int) -> None:
        super().__init__(sample_rate, frame_rate)

    def _make_metrics(self) -> metrics.SpectralMetrics:
        self._losses: dict[str, metrics.RunningMean] = {}
        return metrics.SpectralMetrics(self._sample_rate, self._frame_rate)

    def evaluate(
        self,
        batch: Mapping[str, Any],
        outputs: Mapping[str, Any],
        losses: Mapping[str, Any],
    ) -> None:
        """Adds the losses of a batch, and its spectral distance."""
        weight = _batch_size(batch)
        for name, loss in (losses or {}).items():
            mean = self._losses.setdefault(name, metrics.RunningMean())
            mean.update_state(float(loss), weight)
        audio_gen = _audio_of(outputs)
        if 'audio' in batch and audio_gen is not None:
            self._metrics.update_state(batch, audio_gen)

    def sample(
        self, batch: Mapping[str, Any], outputs: Mapping[str, Any], step: int
    ) -> None:
        """Writes audio, waveforms and spectrograms of recordings and of the model."""
        audio, audio_gen = batch.get('audio'), _audio_of(outputs)
        for name, heard in (('audio_original', audio), ('audio_generated', audio_gen)):
            if heard is not None:
                summaries.audio_summary(heard, step, self._sample_rate, name)
        if audio is not None and audio_gen is not None:
            pair = as_audio(audio, 'audio'), as_audio(audio_gen, 'audio_gen')
            summaries.waveform_summary(*pair, step)
            summaries.spectrogram_summary(*pair, step)

    def flush(self, step: int) -> dict[str, float]:
        """Writes the losses and the spectral distance, and gives them by name."""
        results = {f'losses/{key}': mean.result() for key, mean in self._losses.items()}
        write_metrics(results, step)
        self._losses = {}
        return {**results, **self._metrics.flush(step)}


@_register
class F0LdEvaluator(BaseEvaluator):
    """How near f0 and loudness of generated audio are to the recording's.

    Metrics are those of `metrics.LoudnessMetrics`, of `metrics.F0CrepeMetrics` under
    `f0_crepe/`, and of `metrics.F0Metrics` under `f0/` where the model predicts an
    `f0_hz` that is not the data's own.

    Parameters
    ----------
    sample_rate : of audio, in Hz.
    frame_rate : of controls, in frames a second.
    run_f0_crepe : whether to estimate f0 in generated audio. The argument bears the
        name of the estimator that the established library uses.
    f0_method : name of the pitch estimator, see `ddsp.pitch`.
    """

    def __init__(
        self,
        sample_rate: int,
        frame_rate: int,
        run_f0_crepe: bool = True,
        f0_method: str = 'swift-f0',
    ) -> None:
        self._run_f0_crepe = run_f0_crepe
        self._f0_method = f0_method
        super().__init__(sample_rate, frame_rate)

    def _make_metrics(self) -> dict[str, metrics.BaseMetrics]:
        rates = self._sample_rate, self._frame_rate
        return {
            'loudness': metrics.LoudnessMetrics(*rates),
            'f0_crepe': metrics.F0CrepeMetrics(*rates, method=self._f0_method),
            'f0': metrics.F0Metrics(*rates),
        }

    def evaluate(
        self,
        batch: Mapping[str, Any],
        outputs: Mapping[str, Any],
        losses: Mapping[str, Any],
    ) -> None:
        """Adds loudness and f0 of a batch."""
        audio_gen = _audio_of(outputs)
        if audio_gen is not None:
            self._metrics['loudness'].update_state(batch, audio_gen)
            if self._run_f0_crepe:
                self._metrics['f0_crepe'].update_state(batch, audio_gen)
        if _predicts_f0(batch, outputs):
            self._metrics['f0'].update_state(batch, outputs['f0_hz'])

    def sample(
        self, batch: Mapping[str, Any], outputs: Mapping[str, Any], step: int
    ) -> None:
        """Writes plots of f0 and loudness."""
        audio_gen = _audio_of(outputs)
        few = slice(0, summaries.MAX_EXAMPLES)
        if audio_gen is not None and 'audio' in batch:
            loudness = [
                spectral_ops.compute_loudness(
                    as_audio(x, 'audio')[few], self._sample_rate, self._frame_rate
                )
                for x in (batch['audio'], audio_gen)
            ]
            summaries.loudness_summary(*loudness, step)
        if audio_gen is not None and 'f0_hz' in batch and self._run_f0_crepe:
            f0_hz_gen = self._estimate(as_audio(audio_gen, 'audio_gen')[few])
            summaries.f0_summary(batch['f0_hz'], f0_hz_gen, step, name='f0_crepe')
        if _predicts_f0(batch, outputs):
            summaries.f0_summary(batch['f0_hz'], outputs['f0_hz'], step)

    def _estimate(self, audio: tf.Tensor) -> list[np.ndarray]:
        """f0 of each example, 0 where there is no pitch to be seen."""
        features = [
            metrics.compute_audio_features(
                x, self._frame_rate, self._sample_rate, self._f0_method
            )
            for x in audio.numpy()
        ]
        return [np.where(x['f0_confidence'] > 0.5, x['f0_hz'], 0.0) for x in features]

    def flush(self, step: int) -> dict[str, float]:
        """Writes the metrics and gives them by name."""
        return _flush_all(self._metrics.values(), step)


@_register
class TWMEvaluator(BaseEvaluator):
    """f0 that the two-way mismatch finds in the sinusoids that a model predicts.

    Each frame's sinusoids are the candidates (`losses.TWMLoss`); the metrics are those
    of `metrics.F0Metrics`, under `f0_twm/`.

    Parameters
    ----------
    sample_rate : of audio, in Hz.
    frame_rate : of controls, in frames a second.
    processor_name : of the processor whose controls hold `frequencies` in Hz and
        `amplitudes`, each `[batch, frames, sinusoids]`.
    noisy : whether to leave out what is 40 dB below the loudest sinusoid of its frame,
        for models that describe noise by sinusoids too.
    """

    def __init__(
        self,
        sample_rate: int,
        frame_rate: int,
        processor_name: str = 'sinusoidal',
        noisy: bool = False,
    ) -> None:
        self._processor_name = processor_name
        self._noisy = noisy
        super().__init__(sample_rate, frame_rate)

    def _make_metrics(self) -> metrics.F0Metrics:
        self._twm = losses.TWMLoss(sample_rate=self._sample_rate)
        return metrics.F0Metrics(self._sample_rate, self._frame_rate, name='f0_twm')

    def evaluate(
        self,
        batch: Mapping[str, Any],
        outputs: Mapping[str, Any],
        losses: Mapping[str, Any],
    ) -> None:
        """Adds the f0 of a batch's sinusoids.

        Raises
        ------
        KeyError
            When the outputs have no such controls.
        """
        self._metrics.update_state(batch, self._predict_f0(outputs))

    def sample(
        self, batch: Mapping[str, Any], outputs: Mapping[str, Any], step: int
    ) -> None:
        """Writes plots of f0.

        Raises
        ------
        KeyError
            When the outputs have no such sinusoids; the message lists what there is.
        """
        if 'f0_hz' in batch:
            predicted = self._predict_f0(outputs)
            summaries.f0_summary(batch['f0_hz'], predicted, step, name='f0_twm')

    def flush(self, step: int) -> dict[str, float]:
        """Writes the metrics and gives them by name."""
        return self._metrics.flush(step)

    def _predict_f0(self, outputs: Mapping[str, Any]) -> np.ndarray:
        try:
            controls = outputs[self._processor_name]['controls']
            freqs, amps = controls['frequencies'], controls['amplitudes']
        except KeyError as error:
            raise KeyError(
                f'TWMEvaluator: the outputs have no {self._processor_name}/controls '
                f'with frequencies and amplitudes; they have {sorted(outputs)}. Set '
                'TWMEvaluator.processor_name.'
            ) from error
        freqs, amps = core.tf_float32(freqs), core.tf_float32(amps)
        if self._noisy:
            loudest = tf.reduce_max(amps, axis=-1, keepdims=True)
            amps = tf.where(amps < loudest * 10 ** (-_TWM_NOISE_DB / 20), 0.0, amps)
        shape = tf.shape(freqs)[:2]
        freqs, amps = (
            tf.reshape(x, [1, -1, x.shape[-1]]) for x in (freqs, amps)
        )  # Frames do not know of each other.
        f0 = [
            self._twm.predict_f0(freqs[:, part], freqs[:, part], amps[:, part])
            for part in _parts(freqs.shape[1], _TWM_FRAMES)
        ]
        return tf.reshape(tf.concat(f0, axis=1), shape).numpy()


@_register
class MidiAutoencoderEvaluator(BaseEvaluator):
    """Losses, f0, loudness and notes of a MIDI autoencoder.

    Each is measured where the outputs have it: `f0_midi_pred`, the f0 played from
    notes; `midi_audio`, what sounds from them; `q_pitch`, the notes, for data with
    piano rolls.

    Parameters
    ----------
    sample_rate : of audio, in Hz.
    frame_rate : of controls, in frames a second.
    db_key : name of the loudness in the data.
    f0_key : name of f0 in the data.
    """

    def __init__(
        self,
        sample_rate: int,
        frame_rate: int,
        db_key: str = 'loudness_db',
        f0_key: str = 'f0_hz',
    ) -> None:
        self._db_key = db_key
        self._f0_key = f0_key
        super().__init__(sample_rate, frame_rate)

    def _make_metrics(self) -> dict[str, Any]:
        rates = self._sample_rate, self._frame_rate
        self._basic = BasicEvaluator(*rates)
        return {
            'f0': metrics.F0Metrics(*rates),
            'loudness': metrics.LoudnessMetrics(*rates),
        }

    def evaluate(
        self,
        batch: Mapping[str, Any],
        outputs: Mapping[str, Any],
        losses: Mapping[str, Any],
    ) -> None:
        """Adds what there is of a batch."""
        self._basic.evaluate(batch, outputs, losses)
        if 'f0_midi_pred' in outputs and self._f0_key in batch:
            renamed = {**batch, 'f0_hz': batch[self._f0_key]}
            f0_hz = core.midi_to_hz(outputs['f0_midi_pred'], midi_zero_silence=True)
            self._metrics['f0'].update_state(renamed, f0_hz)
        audio = outputs.get('midi_audio')
        if audio is not None:
            self._metrics['loudness'].update_state(batch, audio)
        if 'q_pitch' in outputs and 'note_active_velocities' in batch:
            if 'midi' not in self._metrics:
                self._metrics['midi'] = metrics.MidiMetrics(self._frame_rate, 'midi')
            rolls = metrics.pianoroll_from_pitches(outputs['q_pitch'])
            notes = [metrics.notes_from_pianoroll(x, self._frame_rate) for x in rolls]
            self._metrics['midi'].update_state(batch, notes)

    def sample(
        self, batch: Mapping[str, Any], outputs: Mapping[str, Any], step: int
    ) -> None:
        """Writes audio, f0, loudness, notes and controls."""
        self._basic.sample(batch, outputs, step)
        for key in ('midi_audio', 'synth_audio'):
            if key in outputs:
                summaries.audio_summary(outputs[key], step, self._sample_rate, key)
        if self._f0_key in batch:
            summaries.midiae_f0_summary(batch[self._f0_key], outputs, step)
        if self._db_key in batch:
            loudness = batch[self._db_key]
            summaries.midiae_ld_summary(loudness, outputs, step, self._db_key)
        if 'q_pitch' in outputs:
            summaries.midi_summary(
                outputs, step, 'q_pitch', self._frame_rate, 'q_pitch'
            )
        summaries.midiae_sp_summary(outputs, step)

    def flush(self, step: int) -> dict[str, float]:
        """Writes the metrics and gives them by name."""
        return {
            **self._basic.flush(step),
            **_flush_all(self._metrics.values(), step),
        }


@_register
class MidiHeuristicEvaluator(BaseEvaluator):
    """Notes that rules find in f0 and loudness, compared with those of the data.

    The rules are `ddsp.training.heuristics.segment_notes_batch`, which gin configures.
    Metrics are those of `metrics.MidiMetrics`, under `midi_heuristic/`.

    Parameters
    ----------
    sample_rate : of audio, in Hz.
    frame_rate : of controls, in frames a second.
    """

    def __init__(self, sample_rate: int, frame_rate: int) -> None:
        super().__init__(sample_rate, frame_rate)

    def _make_metrics(self) -> metrics.MidiMetrics:
        return metrics.MidiMetrics(self._frame_rate, 'midi_heuristic')

    def evaluate(
        self,
        batch: Mapping[str, Any],
        outputs: Mapping[str, Any],
        losses: Mapping[str, Any],
    ) -> None:
        """Adds the notes of a batch."""
        self._metrics.update_state(batch, self._find_notes(batch, outputs))

    def sample(
        self, batch: Mapping[str, Any], outputs: Mapping[str, Any], step: int
    ) -> None:
        """Writes pictures of the notes."""
        key = 'note_active_velocities'
        if key not in batch:
            return
        rolls = [
            metrics.pianoroll_from_notes(notes, self._frame_rate, len(roll))
            for notes, roll in zip(self._find_notes(batch, outputs), batch[key])
        ]
        both = {key: np.asarray(batch[key]), 'found': np.stack(rolls)}
        summaries.pianoroll_summary(
            both, step, 'heuristic', self._frame_rate, pred_key='found'
        )

    def flush(self, step: int) -> dict[str, float]:
        """Writes the metrics and gives them by name."""
        return self._metrics.flush(step)

    def _find_notes(
        self, batch: Mapping[str, Any], outputs: Mapping[str, Any]
    ) -> Sequence[Any]:
        heuristics = importlib.import_module('ddsp.training.heuristics')
        return heuristics.segment_notes_batch(
            controls_batch={**batch, **outputs}, frame_rate=self._frame_rate
        )


def _audio_of(outputs: Mapping[str, Any]) -> Any:
    """The audio of a model's outputs; None where there is none."""
    return next((outputs[key] for key in _AUDIO_KEYS if key in outputs), None)


def _batch_size(batch: Mapping[str, Any]) -> int:
    return int(tf.shape(next(iter(batch.values())))[0])


def _predicts_f0(batch: Mapping[str, Any], outputs: Mapping[str, Any]) -> bool:
    """Whether there is an f0 that does not just pass through the model."""
    if 'f0_hz' not in batch or 'f0_hz' not in outputs:
        return False
    predicted, recorded = (
        tensors.without_channel(x['f0_hz']) for x in (outputs, batch)
    )
    # Preprocessors bring what they pass on to the frames of their model.
    recorded = core.resample(recorded, predicted.shape[1])
    return predicted.shape != recorded.shape or not np.allclose(
        predicted, recorded, rtol=_F0_TOLERANCE, atol=0.0
    )


def _flush_all(gathered: Any, step: int) -> dict[str, float]:
    results: dict[str, float] = {}
    for one in gathered:
        results.update(one.flush(step))
    return results


def _parts(length: int, size: int) -> list[slice]:
    return [slice(first, first + size) for first in range(0, length, size)]
