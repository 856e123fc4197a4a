"""What an f0 estimator is, and how estimators are known by name."""

from __future__ import annotations

import abc
import difflib
import importlib
import inspect
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import numpy as np

T = TypeVar('T', bound='type[PitchEstimator]')


class PitchEstimator(abc.ABC):
    """Listens to one recording at its own sample rate and gives f0 at its own hop.

    Subclasses write `estimate` and set the attributes below. Options go to the
    constructor: `estimate_f0(..., method='my-method', depth=3)` makes
    `MyEstimator(depth=3)`. A constructor with an argument `viterbi` is told whether
    to prefer a smooth path of f0 over the best guess of each frame.

    Attributes
    ----------
    sample_rate : samples per second of the audio that `estimate` wants.
    hop_size : samples from one of its frames to the next, at that rate.
    context : how far an estimate listens, in samples to either side of its frame's
        middle. Windows of long recordings overlap by so much.
    voiced_threshold : confidence from which on a frame is taken to have a pitch.

    Examples
    --------
    An estimator that counts rising zero crossings, good enough for a flute:

    >>> import numpy as np
    >>> from ddsp import pitch
    >>> @pitch.register_estimator('zero-crossings')
    ... class ZeroCrossings(pitch.PitchEstimator):
    ...     sample_rate, hop_size, context = 16000, 800, 800
    ...
    ...     def estimate(self, audio):
    ...         padded = np.pad(audio, self.hop_size)
    ...         rising = (padded[:-1] < 0) & (padded[1:] >= 0)
    ...         starts = range(0, len(audio) + 1, self.hop_size)
    ...         counts = np.array([rising[i : i + 1600].sum() for i in starts])
    ...         return counts * 10.0, counts > 0
    >>> audio = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    >>> f0_hz, confidence = pitch.estimate_f0(audio, 16000, method='zero-crossings')
    >>> float(f0_hz[125]), float(confidence[125]), f0_hz.shape
    (440.0, 1.0, (251,))
    """

    sample_rate: int = 16000
    hop_size: int
    context: int = 0
    voiced_threshold: float = 0.5

    @abc.abstractmethod
    def estimate(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Estimates f0 of one stretch of audio.

        Parameters
        ----------
        audio : float32 `[samples]` at `self.sample_rate`, at least `hop_size` of
            them. The recording's loudest sample is about 1.

        Returns
        -------
        f0_hz : `[frames]`, one for each `k * hop_size` up to the end of the audio,
            `samples // hop_size + 1` in all; frame `k` says what sounds at sample
            `k * hop_size`. NaN where there is no idea.
        confidence : `[frames]`, from 0 (no pitch here) to 1.
        """


class _Registry:
    """Names of estimators, and where those of the library stand."""

    rooms: ClassVar[dict[str, str]] = {
        'swift-f0': 'swift',
        'pyin': 'pyin',
        'crepe': 'crepe',
        # Stands on models, which are of a later room.
        'ddsp-inv': 'ddsp.training.inverse_pitch',
    }
    classes: ClassVar[dict[str, type[PitchEstimator]]] = {}


def register_estimator(name: str) -> Callable[[T], T]:
    """Makes a `PitchEstimator` known by name; a name given again is replaced.

    Parameters
    ----------
    name : what `estimate_f0(..., method=name)` calls it.

    Returns
    -------
    A decorator, which gives the class back as it was.

    Raises
    ------
    TypeError
        When the decorated class is no `PitchEstimator`.
    """

    def decorate(cls: T) -> T:
        if not (inspect.isclass(cls) and issubclass(cls, PitchEstimator)):
            raise TypeError(
                f'register_estimator({name!r}): {cls!r} is not a subclass of '
                'ddsp.pitch.PitchEstimator.'
            )
        _Registry.classes[name] = cls
        return cls

    return decorate


def known_methods() -> list[str]:
    """Lists the names that `estimate_f0` takes as `method`.

    Examples
    --------
    >>> 'swift-f0' in known_methods()
    True
    """
    return sorted({*_Registry.rooms, *_Registry.classes})


def get_estimator(
    method: str | PitchEstimator, *, viterbi: bool = True, **options: Any
) -> PitchEstimator:
    """Makes the estimator of a name; one that is made already passes unchanged.

    Parameters
    ----------
    method : a name out of `known_methods()`, or a `PitchEstimator`.
    viterbi : whether estimators that can are to find a smooth path of f0.
    **options : arguments of the estimator's constructor.

    Returns
    -------
    The estimator, ready to hear recordings.

    Raises
    ------
    ValueError
        For a name or an option that is not known; the message lists what there is.
    ImportError
        When the package that the estimator stands on is missing.
    """
    if isinstance(method, PitchEstimator):
        if options:
            raise ValueError(
                f'estimate_f0: options {sorted(options)} come too late, '
                f'the estimator {type(method).__name__} is made already.'
            )
        return method
    cls = _find_class(method)
    accepted = inspect.signature(cls).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
    unknown = [name for name in options if name not in accepted]
    if unknown and not takes_any:
        known = sorted(name for name in accepted if name != 'viterbi')
        raise ValueError(
            f'estimate_f0: method {method!r} has no option {unknown[0]!r}; '
            f'it has {", ".join(known) if known else "none"}.'
        )
    if 'viterbi' in accepted:
        options['viterbi'] = viterbi
    return cls(**options)


def _find_class(method: Any) -> type[PitchEstimator]:
    if method in _Registry.rooms and method not in _Registry.classes:
        # Importing the room registers its estimator.
        room = _Registry.rooms[method]
        importlib.import_module(room if '.' in room else f'ddsp.pitch.{room}')
    if method not in _Registry.classes:
        known = known_methods()
        near = difflib.get_close_matches(str(method).lower(), known, 1, 0.4)
        hint = f'; did you mean {near[0]!r}?' if near else '.'
        raise ValueError(
            f'estimate_f0: unknown method {method!r}, known are {known}{hint}'
        )
    return _Registry.classes[method]
