"""Fitted polynomials against numpy, statsmodels and the certified values of NIST."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cortado.engine.analytics.curve import fit


@pytest.mark.parametrize("degree", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_against_numpy_and_statsmodels(degree: int, offset: float) -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(degree)
    x = offset + rng.uniform(-3, 3, 80)
    y = np.sin(x) + 0.1 * rng.normal(size=80)
    made = fit(x, y, degree)
    assert made is not None
    peer: Any = np.polynomial.Polynomial.fit(x, y, degree)
    np.testing.assert_allclose(made.fitted, peer(x), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(made.coefs, peer.convert().coef, rtol=1e-6)
    if offset == 0 or degree < 3:  # beyond, the normal basis of powers has no digits left
        ols = sm.OLS(y, np.vander(x, degree + 1, increasing=True)).fit()
        np.testing.assert_allclose(made.stderr, ols.bse, rtol=1e-5)
        assert made.r2 == pytest.approx(ols.rsquared, abs=1e-9)


@pytest.mark.parametrize("certified", [np.ones(6), 10.0 ** -np.arange(6)], ids=["Wampler1", "Wampler2"])
def test_nist_wampler(certified: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    """NIST StRD, linear regression, higher difficulty: exact polynomials of degree 5 at 0, 1, ..., 20."""
    x = np.arange(21.0)
    made = fit(x, np.polynomial.polynomial.polyval(x, certified), 5)
    assert made is not None
    np.testing.assert_allclose(made.coefs, certified, rtol=1e-7)
    assert made.r2 == pytest.approx(1.0, abs=1e-15)
    assert (made.stderr < 1e-6).all()


def test_a_high_degree_far_from_zero() -> None:
    x = 1e6 + np.linspace(0, 10, 400)
    made = fit(x, np.cos(x), 25)
    assert made is not None
    np.testing.assert_allclose(made.fitted, np.cos(x), atol=1e-8)


def test_ends_of_the_range_of_doubles() -> None:
    made = fit(np.array([-1e308, 0.0, 1e308]), np.array([1e308, 0.0, 1e308]), 2)
    assert made is not None
    np.testing.assert_allclose(made.fitted, [1e308, 0.0, 1e308], rtol=1e-12, atol=1e294)


def test_too_few_different_points() -> None:
    assert fit(np.array([1.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0]), 2) is None
    exact = fit(np.array([1.0, 2.0, 3.0]), np.array([1.0, 4.0, 9.0]), 2)
    assert exact is not None and np.isnan(exact.stderr).all()
    np.testing.assert_allclose(exact.coefs, [0, 0, 1], atol=1e-12)
    flat = fit(np.arange(5.0), np.full(5, 2.5), 1)
    assert flat is not None and np.isnan(flat.r2)
