"""Measures a packed instrument on phrases that it has not heard.

    python scripts/measure_instrument.py ddsp/training/instruments/violin recordings/

Printed as JSON: how near f0, loudness and spectra of the resynthesis are to those of
the recordings, and the same for a model of the same configuration that was not trained.
`train_instruments.py` does this for the instruments that come with the library.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import pathlib
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from ddsp import spectral_ops
from ddsp.training import evaluators
from ddsp.training.metrics.features import MIN_F0_CONFIDENCE, estimate_f0

_SAME_PITCH_CENTS = 50.0
# Names in what is measured, and those that evaluators give them.
_NAMES = {
    'f0_l1_semitones': 'f0_crepe/l1_semitones',
    'f0_outliers': 'f0_crepe/outlier_ratio',
    'f0_within_50_cents': 'frames/within_50_cents',
    'confident_frames': 'frames/confident',
    'loudness_l1_deviations': 'loudness/l1_deviations',
    'loudness_l1_db': 'loudness/l1_db',
    'spectral_loss': 'spectral/total',
}


class FrameEvaluator(evaluators.BaseEvaluator):
    """Counts frames whose pitch is kept, all examples taken together.

    Parameters
    ----------
    sample_rate : of audio, in Hz.
    frame_rate : of controls, in frames a second.
    """

    def _make_metrics(self) -> list[np.ndarray]:
        """Distances in cents, at confident frames of each example."""
        return []

    def evaluate(
        self, batch: Mapping[str, Any], output: Mapping[str, Any], losses: Any
    ) -> None:
        """Adds the frames in which the recording can be heard and its pitch is sure."""
        rates = self._sample_rate, self._frame_rate
        names = 'f0_hz', 'f0_confidence', 'loudness_db'
        columns = [np.reshape(batch[x], [len(batch[x]), -1]) for x in names]
        for audio, *rows in zip(np.asarray(output['audio_gen']), *columns):
            played, _ = estimate_f0(audio, *rates, method='swift-f0')
            length = min(len(played), len(rows[0]))
            f0_hz, confidence, loudness_db = (x[:length] for x in rows)
            audible = loudness_db > -spectral_ops.DB_RANGE + 1e-3
            sure = (confidence >= MIN_F0_CONFIDENCE) & audible & (f0_hz > 0)
            with np.errstate(divide='ignore'):  # No pitch at all is far off.
                cents = 1200.0 * np.abs(np.log2(played[:length][sure] / f0_hz[sure]))
            self._metrics.append(cents)

    def flush(self, step: int) -> dict[str, float]:
        """Gives the part of the frames within 50 cents, and how many there were."""
        cents = np.concatenate([*self._metrics, np.zeros(0)])
        self._metrics = []
        if not len(cents):
            return {'frames/confident': 0}
        return {
            'frames/within_50_cents': float(np.mean(cents <= _SAME_PITCH_CENTS)),
            'frames/confident': len(cents),
        }


def measure_held_out(
    instrument_dir: pathlib.Path, recordings: pathlib.Path, seed: int = 0
) -> dict[str, Any]:
    """Measures an instrument, and one of its kind that has learnt nothing.

    Parameters
    ----------
    instrument_dir : with a checkpoint and its configuration.
    recordings : a folder of sound files.
    seed : of the weights of the other model.

    Returns
    -------
    `examples`, `seconds`, and `trained` and `untrained`, each a dictionary by the names
    in the tables of INSTRUMENTS.md.
    """
    import keras
    from pack_instrument import configured, make_model, make_provider

    from ddsp.training import checkpoints

    with tempfile.TemporaryDirectory() as folder, configured(instrument_dir):
        work = pathlib.Path(folder)
        pattern, seconds = _make_records(make_provider(), recordings, work)
        provider = make_provider(pattern)
        keras.utils.set_random_seed(seed)
        model = make_model(provider)
        # As yet it has the weights that it was born with.
        fresh = checkpoints.save(work / 'untrained' / 'ckpt-0', model)
        trained = _evaluate(model, provider, str(instrument_dir), work / 'trained')
        untrained = _evaluate(model, provider, fresh, work / 'untrained')
    return {
        'examples': trained['examples'],
        'seconds': round(seconds, 1),
        'trained': _named(trained['metrics']),
        'untrained': _named(untrained['metrics']),
    }


def _make_records(
    provider: Any, recordings: pathlib.Path, out_dir: pathlib.Path
) -> tuple[str, float]:
    """Makes records of all recordings; gives their pattern and the seconds of sound."""
    from ddsp.training.data_preparation import decoding, prepare_tfrecord_lib

    info = prepare_tfrecord_lib.prepare_tfrecord(
        decoding.find_audio([str(recordings)]),
        str(out_dir / 'held_out.tfrecord'),
        sample_rate=provider.sample_rate,
        frame_rate=provider.frame_rate,
        example_secs=provider._example_secs,
        center=provider._centered,
        # Whole recordings in examples that do not overlap: each moment counts once.
        hop_secs=provider._example_secs,
        chunk_secs=0,
        say=lambda line: None,
    )
    pattern = info['splits']['train']['file_pattern']
    return str(out_dir / pattern), info['recordings']['seconds']


def _evaluate(
    model: Any, provider: Any, restore_dir: str, save_dir: pathlib.Path
) -> dict[str, Any]:
    """What evaluation reports of a checkpoint: `examples`, and `metrics` by name."""
    from ddsp.training import eval_util

    with contextlib.redirect_stdout(io.StringIO()):
        eval_util.evaluate(
            data_provider=provider,
            model=model,
            evaluator_classes=[
                evaluators.BasicEvaluator,
                evaluators.F0LdEvaluator,
                FrameEvaluator,
            ],
            save_dir=str(save_dir),
            restore_dir=restore_dir,
            batch_size=8,
            num_batches=1 << 20,
            repeats=1,
            run_once=True,
        )
    return json.loads((save_dir / 'metrics.json').read_text('utf-8'))


def _named(metrics: Mapping[str, float | None]) -> dict[str, float | None]:
    """What is told of them; what no example could tell, such as f0 of noise, is None.

    Six digits are more than two machines agree on.
    """
    found = {key: metrics.get(name) for key, name in _NAMES.items()}
    rounded = {k: v if v is None else float(f'{v:.6g}') for k, v in found.items()}
    return {**rounded, 'confident_frames': int(rounded['confident_frames'] or 0)}


def main() -> None:
    """Reads the command line and measures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('instrument_dir', type=pathlib.Path)
    parser.add_argument('recordings', type=pathlib.Path)
    flags = parser.parse_args()
    found = measure_held_out(flags.instrument_dir, flags.recordings)
    print(json.dumps(found, indent=1))


if __name__ == '__main__':
    main()
