"""A transform that gives any distribution of values an even or a normal one."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

_DISTRIBUTIONS = ('uniform', 'normal')
# Values this near the ends of [0, 1] would be infinite on the normal scale.
_LEAST_PROBABILITY = 1e-7
_SEED = 0


class QuantileTransformer:
    """Maps values to their rank among those it was fitted to, and ranks to values.

    Each column is mapped by itself: the quantiles of the fitted values are where a
    piecewise linear function has its corners. What lies outside of them is clipped.
    Results are those of scikit-learn's class of this name, without scikit-learn;
    `get_config` is plain data for a JSON file.

    Parameters
    ----------
    n_quantiles : number of quantiles; no more than there are values.
    output_distribution : `'uniform'`, over [0, 1], or `'normal'`, of mean 0 and
        variance 1, clipped at about ±5.2.
    subsample : of more values than this, so many are drawn to be fitted, always the
        same ones.

    Raises
    ------
    ValueError
        For another distribution, fewer than 1 quantile, or more quantiles than
        `subsample`.

    Examples
    --------
    >>> transformer = QuantileTransformer(n_quantiles=3)
    >>> transformer.fit_transform([0.0, 10.0, 30.0]).tolist()
    [0.0, 0.5, 1.0]
    >>> transformer.inverse_transform([0.25, 0.75]).tolist()
    [5.0, 20.0]
    """

    def __init__(
        self,
        n_quantiles: int = 1000,
        output_distribution: str = 'uniform',
        subsample: int = int(1e5),
    ) -> None:
        if output_distribution not in _DISTRIBUTIONS:
            raise ValueError(
                f'QuantileTransformer: output_distribution is {output_distribution!r}, '
                "expected 'uniform' or 'normal'."
            )
        if not 1 <= n_quantiles <= subsample:
            raise ValueError(
                f'QuantileTransformer: n_quantiles is {n_quantiles}, expected at least '
                f'1, and at most subsample, {subsample}.'
            )
        self.n_quantiles = n_quantiles
        self.output_distribution = output_distribution
        self.subsample = subsample
        self.quantiles_: np.ndarray | None = None  # [quantiles, columns]

    def fit(self, x: Any) -> QuantileTransformer:
        """Learns the quantiles of values.

        Parameters
        ----------
        x : `[values]` or `[values, columns]`; NaN counts as missing.

        Returns
        -------
        This transformer.

        Raises
        ------
        ValueError
            When a column has no value.
        """
        columns = _columns(x)
        if not len(columns) or not np.isfinite(columns).any(axis=0).all():
            raise ValueError(
                f'QuantileTransformer: x has shape {list(np.shape(x))}, expected at '
                'least one value in every column.'
            )
        n_values = len(columns)
        if n_values > self.subsample:
            chosen = np.random.default_rng(_SEED).choice(
                n_values, self.subsample, replace=False, shuffle=False
            )
            columns = columns[chosen]
        ranks = np.linspace(0.0, 1.0, min(self.n_quantiles, n_values))
        # In percent, for the sake of the very same rounding: it decides about ties.
        quantiles = np.nanpercentile(columns, 100.0 * ranks, axis=0)
        # Rounding can put one a little below the one before it.
        self.quantiles_ = np.maximum.accumulate(quantiles)
        return self

    def transform(self, x: Any) -> np.ndarray:
        """Maps values to ranks.

        Parameters
        ----------
        x : `[values]` or `[values, columns]`, as many columns as were fitted.

        Returns
        -------
        The same shape. NaN stays NaN.

        Raises
        ------
        ValueError
            Before `fit`, or for another number of columns.
        """
        return self._map(x, self._to_ranks)

    def inverse_transform(self, x: Any) -> np.ndarray:
        """Maps ranks to values.

        Parameters
        ----------
        x : `[values]` or `[values, columns]`, as many columns as were fitted.

        Returns
        -------
        The same shape. NaN stays NaN.

        Raises
        ------
        ValueError
            Before `fit`, or for another number of columns.
        """
        return self._map(x, self._to_values)

    def fit_transform(self, x: Any) -> np.ndarray:
        """Fits to values and maps them to ranks.

        Parameters
        ----------
        x : `[values]` or `[values, columns]`.

        Returns
        -------
        The same shape. NaN stays NaN.

        Raises
        ------
        ValueError
            For another rank, or a column without a value.
        """
        return self.fit(x).transform(x)

    def get_config(self) -> dict[str, Any]:
        """Everything that makes this transformer again, as plain data for JSON."""
        return {
            'n_quantiles': int(self.n_quantiles),
            'output_distribution': self.output_distribution,
            'subsample': int(self.subsample),
            'quantiles': None if self.quantiles_ is None else self.quantiles_.tolist(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> QuantileTransformer:
        """Makes the transformer that `get_config` described.

        Raises
        ------
        ValueError
            When it lacks an entry.
        """
        try:
            arguments = dict(config)
            quantiles = arguments.pop('quantiles')
            transformer = cls(**arguments)
        except (KeyError, TypeError) as error:
            raise ValueError(
                f'QuantileTransformer: {config!r:.200} is no configuration that '
                f'get_config gave ({error}).'
            ) from error
        if quantiles is not None:
            transformer.quantiles_ = np.asarray(quantiles, np.float64)
        return transformer

    def _map(self, x: Any, function: Any) -> np.ndarray:
        if self.quantiles_ is None:
            raise ValueError('QuantileTransformer: call fit before transforming.')
        columns = _columns(x)
        if columns.shape[1] != self.quantiles_.shape[1]:
            raise ValueError(
                f'QuantileTransformer: x has {columns.shape[1]} columns, but was '
                f'fitted to {self.quantiles_.shape[1]}.'
            )
        mapped = np.stack(list(map(function, columns.T, self.quantiles_.T)), axis=-1)
        dtype = np.result_type(np.asarray(x).dtype, np.float32)
        return mapped.reshape(np.shape(x)).astype(dtype)

    def _to_ranks(self, x: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
        references = np.linspace(0.0, 1.0, len(quantiles))
        # A value that many share has many ranks: the middle is taken of the lowest and
        # the highest.
        highest = np.interp(x, quantiles, references)
        lowest = -np.interp(-x, -quantiles[::-1], -references[::-1])
        ranks = 0.5 * (highest + lowest)
        normal = self.output_distribution == 'normal'
        if normal:
            high = x + _LEAST_PROBABILITY > quantiles[-1]
            low = x - _LEAST_PROBABILITY < quantiles[0]
        else:
            # The ends are no middles; beyond them interpolation holds.
            high, low = x == quantiles[-1], x == quantiles[0]
        ranks = np.where(low, 0.0, np.where(high, 1.0, ranks))
        ranks = np.where(np.isnan(x), np.nan, ranks)
        if not normal:
            return ranks
        least = _LEAST_PROBABILITY - np.spacing(1)
        return np.clip(
            special.ndtri(ranks), special.ndtri(least), special.ndtri(1.0 - least)
        )

    def _to_values(self, ranks: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
        if self.output_distribution == 'normal':
            ranks = special.ndtr(ranks)
            ranks = np.where(ranks < _LEAST_PROBABILITY, 0.0, ranks)
            ranks = np.where(ranks > 1.0 - _LEAST_PROBABILITY, 1.0, ranks)
        references = np.linspace(0.0, 1.0, len(quantiles))
        return np.interp(ranks, references, quantiles)


def _columns(x: Any) -> np.ndarray:
    """Values as float64 `[values, columns]`."""
    x = np.asarray(x, np.float64)
    if x.ndim not in (1, 2):
        raise ValueError(
            f'QuantileTransformer: x has shape {list(x.shape)}, expected [values] or '
            '[values, columns].'
        )
    return x[:, np.newaxis] if x.ndim == 1 else x
