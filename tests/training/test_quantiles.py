from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ddsp.training.postprocessing import QuantileTransformer


@pytest.fixture
def values():
    return np.random.default_rng(0).gamma(2.0, size=5000)


def test_values_become_their_ranks(values):
    ranks = QuantileTransformer().fit_transform(values)
    assert stats.kstest(ranks, 'uniform').statistic < 2e-3
    assert np.all(np.diff(ranks[np.argsort(values)]) >= 0)
    assert ranks.min() == 0 and ranks.max() == 1


def test_normal_distribution(values):
    scores = QuantileTransformer(output_distribution='normal').fit_transform(values)
    inner = np.sort(scores)[1:-1]
    assert stats.kstest(inner, 'norm').statistic < 2e-3
    ends = stats.norm.ppf([1e-7, 1 - 1e-7])
    np.testing.assert_allclose([scores.min(), scores.max()], ends, atol=1e-6)


@pytest.mark.parametrize('distribution', ['uniform', 'normal'])
def test_inverse(values, distribution):
    transformer = QuantileTransformer(output_distribution=distribution)
    ranks = transformer.fit_transform(values)
    np.testing.assert_allclose(transformer.inverse_transform(ranks), values, atol=1e-6)
    beyond = transformer.transform([-5.0, 1e9])
    ends = transformer.inverse_transform(beyond)
    np.testing.assert_allclose(ends, [values.min(), values.max()])


columns = st.lists(st.floats(-100, 100), min_size=1, max_size=60)


@settings(deadline=None, max_examples=100)
@given(columns, columns, st.integers(1, 80), st.sampled_from(['uniform', 'normal']))
def test_same_as_scikit_learn(fitted, asked, n_quantiles, distribution):
    preprocessing = pytest.importorskip('sklearn.preprocessing')
    theirs = preprocessing.QuantileTransformer(
        n_quantiles=min(n_quantiles, len(fitted)), output_distribution=distribution
    )
    ours = QuantileTransformer(n_quantiles, distribution)
    fitted, asked = (np.array(x)[:, np.newaxis] for x in (fitted, asked))
    np.testing.assert_allclose(
        ours.fit_transform(fitted), theirs.fit_transform(fitted), atol=1e-6
    )
    ranks = theirs.transform(asked)
    np.testing.assert_allclose(ours.transform(asked), ranks, atol=1e-6)
    np.testing.assert_allclose(
        ours.inverse_transform(ranks), theirs.inverse_transform(ranks), atol=1e-6
    )


def test_values_that_many_share():
    preprocessing = pytest.importorskip('sklearn.preprocessing')
    values = np.repeat([1.0, 2.0, 2.0, 3.0], 50)[:, np.newaxis]
    theirs = preprocessing.QuantileTransformer(n_quantiles=100).fit_transform(values)
    ranks = QuantileTransformer(n_quantiles=100).fit_transform(values)
    np.testing.assert_allclose(ranks, theirs, atol=1e-9)
    # The middle half is tied: its rank is the middle.
    assert ranks[100, 0] == pytest.approx(0.5, abs=0.01)


def test_columns_are_mapped_by_themselves(values):
    both = np.stack([values, -3 * values], axis=-1)
    ranks = QuantileTransformer().fit_transform(both)
    np.testing.assert_allclose(ranks[:, 0], 1 - ranks[:, 1], atol=1e-9)


def test_missing_values(values):
    holes = values.copy()
    holes[::7] = np.nan
    ranks = QuantileTransformer().fit_transform(holes)
    assert (
        np.isnan(ranks[::7]).all() and np.isfinite(np.delete(ranks, np.s_[::7])).all()
    )


def test_too_many_values_are_sampled_always_alike(values):
    few = [QuantileTransformer(50, subsample=500).fit(values) for _ in range(2)]
    np.testing.assert_array_equal(few[0].quantiles_, few[1].quantiles_)
    ranks = few[0].transform(values)
    assert 0.01 < stats.kstest(ranks, 'uniform').statistic < 0.1


def test_configuration_is_plain_data(values):
    transformer = QuantileTransformer(100, 'normal').fit(values)
    text = json.dumps(transformer.get_config())
    again = QuantileTransformer.from_config(json.loads(text))
    np.testing.assert_array_equal(
        again.transform(values), transformer.transform(values)
    )
    assert QuantileTransformer.from_config(QuantileTransformer(7).get_config())
    with pytest.raises(ValueError, match='no configuration'):
        QuantileTransformer.from_config({'n_quantiles': 5})


def test_dtype_and_shape_are_kept():
    x = np.linspace(0, 1, 30, dtype=np.float32)
    transformer = QuantileTransformer().fit(x)
    assert transformer.transform(x).dtype == np.float32
    assert transformer.transform(x.astype(np.float64)).dtype == np.float64
    assert transformer.transform(x[:, np.newaxis]).shape == (30, 1)


def test_mistakes():
    with pytest.raises(ValueError, match="'gaussian'"):
        QuantileTransformer(output_distribution='gaussian')
    with pytest.raises(ValueError, match='n_quantiles is 20'):
        QuantileTransformer(20, subsample=10)
    with pytest.raises(ValueError, match='call fit'):
        QuantileTransformer().transform([1.0])
    with pytest.raises(ValueError, match='at least one value'):
        QuantileTransformer().fit([])
    with pytest.raises(ValueError, match='2 columns, but was fitted to 1'):
        QuantileTransformer().fit([1.0]).transform([[1.0, 2.0]])
    with pytest.raises(ValueError, match=r'\[1, 1, 1\]'):
        QuantileTransformer().fit([[[1.0]]])
