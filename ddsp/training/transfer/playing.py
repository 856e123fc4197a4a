"""Plays f0 and loudness of any length on a model, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from ddsp import core, streaming
from ddsp.streaming import rendering
from ddsp.training import preprocessing
from ddsp.training.transfer.decoding import Decoding

_BLOCK_SECONDS = 10.0
_NOISE_SEED = 0

Progress = Callable[[int, int], None]


class Player:
    """A decoder and the processors that it controls, for any number of frames.

    Parameters
    ----------
    decoder : of the model.
    processor_group : of the model, whose synthesizers render any length.
    hop_size : samples in a frame.
    frame_rate : frames a second.
    block_seconds : seconds that are rendered at once.
    """

    def __init__(
        self,
        decoder: keras.layers.Layer,
        processor_group: Any,
        hop_size: int,
        frame_rate: int,
        block_seconds: float = _BLOCK_SECONDS,
    ) -> None:
        self.hop_size = hop_size
        self.block_frames = max(1, round(block_seconds * frame_rate))
        self.decoder, self.processor_group = decoder, processor_group
        self.takes_power = (
            'pw_scaled' in decoder.input_keys or 'pw_db' in decoder.input_keys
        )
        self._decoding = Decoding(decoder, self.block_frames)
        self._step = rendering.compile_step(processor_group)

    def play(
        self,
        f0_hz: np.ndarray,
        loudness_db: np.ndarray,
        power_db: np.ndarray,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """Plays.

        Parameters
        ----------
        f0_hz, loudness_db, power_db : `[frames]` each.
        progress : is told after each block how many frames of how many are done.

        Returns
        -------
        float32 `[frames * hop_size]`.
        """
        features = network_features(f0_hz, loudness_db, power_db)
        audio = np.zeros(len(f0_hz) * self.hop_size, np.float32)
        done = 0
        with core.reproducible_noise(_NOISE_SEED):
            for part in self._parts(features):
                audio[done : done + len(part)] = part[: len(audio) - done]
                done = min(done + len(part), len(audio))
                if progress is not None:
                    progress(done // self.hop_size, len(f0_hz))
        return audio

    def _parts(self, features: dict[str, np.ndarray]) -> Iterator[np.ndarray]:
        wanted = self.processor_group.input_keys
        blocks = (
            {name: block[name] for name in wanted}
            for block in self._decoding.blocks(features)
        )
        parts = streaming.render(
            self.processor_group,
            blocks,
            hop_size=self.hop_size,
            step=rendering.numbered(self._step),
        )
        for part in parts:
            yield np.asarray(part)[0]


def network_features(f0_hz: Any, loudness_db: Any, power_db: Any) -> dict[str, Any]:
    """All that a decoder may ask for, see `decoding.KNOWN_INPUTS`.

    Parameters
    ----------
    f0_hz, loudness_db, power_db : arrays or tensors of any shape.

    Returns
    -------
    Arrays or tensors of that shape.
    """
    return {
        'f0_hz': f0_hz,
        'loudness_db': loudness_db,
        'pw_db': power_db,
        'f0_scaled': preprocessing.scale_f0_hz(f0_hz),
        'ld_scaled': preprocessing.scale_db(loudness_db),
        'pw_scaled': preprocessing.scale_db(power_db),
    }
