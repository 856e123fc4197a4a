"""Whether what was written does what the Python model does."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from ddsp.training.export.errors import ExportError
from ddsp.training.export.functions import Arrays, ExportedFunction, Run

TOLERANCE = 1e-4
# By how much the level of some thousand samples of noise may differ.
_NOISE_RATIO = 1.15


def compare(
    exported: ExportedFunction,
    run: Run,
    blocks: Iterable[Arrays],
    what: str,
    state: Mapping[str, np.ndarray] | None = None,
    tolerance: float = TOLERANCE,
) -> dict[str, float]:
    """Runs a model and its export side by side, each with its own state.

    Parameters
    ----------
    exported : the Python model.
    run : the export, loaded back.
    blocks : inputs of one step after the other.
    what : the export, for people.
    state : of the export at the start of a stream; that of the model without it.
    tolerance : the largest difference that is none.

    Returns
    -------
    The largest difference of each output of one shape and type in both.

    Raises
    ------
    ExportError
        When an output is missing or differs by more, with its name and by how much; or
        when the export does not run.
    """
    ours, theirs = dict(exported.initial_state), dict(state or exported.initial_state)
    for port in exported.inputs:
        if port.name in exported.carried:
            ours.setdefault(port.name, np.zeros(port.shape, port.dtype))
            theirs.setdefault(port.name, ours[port.name])
    worst: dict[str, float] = {}
    drawn: dict[str, _Drawn] = {}
    for block in blocks:
        expected = exported({**block, **ours})
        given = _run(run, {**block, **theirs}, what)
        missing = sorted(set(expected) - set(given))
        if missing:
            raise ExportError(f'{what} gives no {", ".join(missing)}.')
        again = exported({**block, **ours}) if exported.draws_noise else expected
        for name, value in expected.items():
            if not np.array_equal(value, again[name]):
                noise = drawn.setdefault(name, _Drawn())
                noise.add(value, again[name], given[name])
                continue
            difference = _difference(name, value, given[name])
            if difference is not None:
                worst[name] = max(difference, worst.get(name, 0.0))
        ours = {name: expected[out] for name, out in exported.carried.items()}
        theirs = {name: given[out] for name, out in exported.carried.items()}
    worst |= {name: noise.difference() for name, noise in drawn.items()}
    _check(worst, tolerance, what)
    return worst


def _run(run: Run, inputs: Arrays, what: str) -> Arrays:
    try:
        return run(inputs)
    except Exception as error:  # Runtimes have errors of their own.
        raise ExportError(f'{what} does not run: {str(error)[:200]}') from error


class _Drawn:
    """An output with noise in it that is drawn anew each time.

    Two results of the model differ by noise, and so should one of the model and one of
    the export: as much, and not more.
    """

    def __init__(self) -> None:
        self.among_us = self.from_us = 0.0

    def add(self, value: np.ndarray, again: np.ndarray, given: np.ndarray) -> None:
        from_us = np.square(given.astype(np.float64) - value)
        if np.max(from_us) <= TOLERANCE**2:
            return  # The same noise: of one seed, or there is none.
        self.from_us += float(np.sum(from_us))
        self.among_us += float(np.sum(np.square(again.astype(np.float64) - value)))

    def difference(self) -> float:
        """0 where it is but noise of the same level, infinite where it is not."""
        if not self.from_us:
            return 0.0
        ratio = math.sqrt(self.from_us / self.among_us)
        return 0.0 if 1.0 / _NOISE_RATIO < ratio < _NOISE_RATIO else math.inf


def _difference(name: str, a: np.ndarray, b: np.ndarray) -> float | None:
    """The largest difference; infinite for NaN. None where both cannot be compared.

    The state may have another form in a runtime without complex numbers or float64.
    """
    if a.dtype != b.dtype or a.shape != b.shape:
        return None
    difference = np.abs(a - b) if np.iscomplexobj(a) else np.abs(a.astype(float) - b)
    if name == 'phase':  # The ends of a cycle are one.
        difference = np.minimum(difference, np.abs(2.0 * math.pi - difference))
    worst = float(np.max(difference, initial=0.0))
    return worst if math.isfinite(worst) else math.inf


def _check(worst: Mapping[str, float], tolerance: float, what: str) -> None:
    wrong = {name: x for name, x in worst.items() if not x <= tolerance}
    if wrong:
        listed = ', '.join(f'{name} by {x:.3g}' for name, x in wrong.items())
        raise ExportError(
            f'{what} does not do what the model does in Python: {listed}; at most '
            f'{tolerance:g} was expected. Nothing was kept.'
        )
