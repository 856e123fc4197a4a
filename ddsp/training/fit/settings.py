"""What can be chosen about a fit, and how .gin files choose it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gin

# Imported so that .gin files find what they name.
from ddsp import effects, losses, processors, synths  # noqa: F401
from ddsp.training.gin_scope import own_configuration

GIN_FILE = Path(__file__).parents[1] / 'gin' / 'fit' / 'fit.gin'


@gin.configurable(module='ddsp.training.fit')
@dataclasses.dataclass(frozen=True)
class FitSettings:
    """How a recording is read, trained on and rendered.

    Parameters
    ----------
    sample_rate : rate in Hz at which the recording is read and rendered.
    frame_rate : frames of f0, loudness and controls a second; divides `sample_rate`.
    f0_method : name of a pitch estimator, see `ddsp.pitch.estimate_f0`.
    f0_min_confidence : frames at least this confident count as voiced; f0 of the others
        is interpolated between them. Without it 0.9, or, where the recording is a tone
        without partials, 0.4.
    steps : number of training steps.
    batch_size : windows of the recording in a step.
    window_seconds : length of the part of a window that the loss compares.
    lead_in_seconds : what is rendered before that part, so that the decoder has seen
        what comes before and the reverb of it already sounds.
    learning_rate : of Adam, at the start.
    learning_rate_end : the rate decays exponentially to this, at the last step.
    clip_norm : gradients are clipped to this global norm.
    transpose : semitones by which `transposed.wav` is moved.
    block_seconds : longer recordings are rendered in blocks of this length.
    seed : of the weights, the windows and the noise.

    Raises
    ------
    ValueError
        For a value that is out of its range; the message says which.
    """

    sample_rate: int = 16000
    frame_rate: int = 250
    f0_method: str = 'swift-f0'
    f0_min_confidence: float | None = None
    steps: int = 2500
    batch_size: int = 1
    window_seconds: float = 2.0
    lead_in_seconds: float = 0.5
    learning_rate: float = 8e-3
    learning_rate_end: float = 1e-3
    clip_norm: float = 3.0
    transpose: float = 5.0
    block_seconds: float = 60.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.sample_rate <= 0 or self.frame_rate <= 0:
            raise ValueError(
                f'FitSettings: sample_rate {self.sample_rate} and frame_rate '
                f'{self.frame_rate} must be above 0.'
            )
        if self.sample_rate % self.frame_rate:
            raise ValueError(
                f'FitSettings: frame_rate {self.frame_rate} does not divide '
                f'sample_rate {self.sample_rate}: a frame must be a whole number of '
                'samples.'
            )
        for name in ('steps', 'lead_in_seconds'):
            if getattr(self, name) < 0:
                raise ValueError(
                    f'FitSettings: {name} is {getattr(self, name)}, expected >= 0.'
                )
        above_zero = (
            'batch_size',
            'window_seconds',
            'learning_rate',
            'learning_rate_end',
            'clip_norm',
            'block_seconds',
        )
        for name in above_zero:
            if not getattr(self, name) > 0:
                raise ValueError(
                    f'FitSettings: {name} is {getattr(self, name)}, expected > 0.'
                )
        if not abs(self.transpose) <= 48:
            raise ValueError(
                f'FitSettings: transpose is {self.transpose} semitones, '
                'expected between -48 and 48.'
            )


@contextlib.contextmanager
def gin_settings(
    gin_files: Sequence[str] = (),
    gin_params: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
) -> Iterator[None]:
    """Within the context, gin holds the shipped configuration and what you add to it.

    What gin held before is put back at the end, so that a fit inside a notebook leaves
    the notebook's own configuration alone.

    Parameters
    ----------
    gin_files : files read after the shipped one, each overriding what stands before it.
    gin_params : single bindings such as `'FitSettings.batch_size = 8'`, read last.
    overrides : values of `FitSettings` by name that win over everything.

    Yields
    ------
    Nothing; what matters is what gin holds meanwhile.

    Raises
    ------
    FileNotFoundError, ValueError
        For a file that is not there, and for names or values that gin does not know.
    """
    with own_configuration():
        _parse_file(str(GIN_FILE))
        for path in gin_files:
            _parse_file(path)
        for binding in gin_params:
            _parse_binding(binding)
        for name, value in (overrides or {}).items():
            gin.bind_parameter(f'FitSettings.{name}', value)
        yield


def _parse_file(path: str) -> None:
    if not Path(path).is_file():
        raise FileNotFoundError(f'there is no gin file {path}.')
    try:
        gin.parse_config_file(path)
    except (ValueError, SyntaxError, ImportError, OSError) as error:
        raise ValueError(f'the gin file {path}: {_one_line(error)}') from error


def _parse_binding(binding: str) -> None:
    try:
        gin.parse_config(binding)
    except (ValueError, SyntaxError, ImportError) as error:
        raise ValueError(
            f'the gin parameter {binding!r}: {_one_line(error)}; '
            "expected something like 'FitSettings.batch_size = 8'"
        ) from error


def _one_line(error: Exception) -> str:
    """The first line of a message of gin, which then goes on about where it was."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip('.') if lines else type(error).__name__
