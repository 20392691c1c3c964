"""Sales against a pattern and a word in a recording: published values, SciPy, and every cell recomputed with NumPy."""

from __future__ import annotations

import math
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats  # type: ignore[import-untyped]
from numpy.typing import NDArray

from ..unit.dtw.test_published import NEAREST
from .conftest import Run
from .warping import distances

FACTORS = {
    "0": 0,
    "0.01": 0,
    "0.025": 1,
    "0.05": 2,
    "0.1": 5,
    "0.25": 13,
    "0.5": 26,
}  # and 52 weeks times each, rounded down


@pytest.fixture(scope="module")
def sales(place: Path) -> Any:
    return pd.read_csv(place / "tests/data/sales_weekly.csv", index_col="Product_Code")[[f"W{i}" for i in range(52)]]


@pytest.fixture(scope="module")
def pattern(place: Path) -> NDArray[np.float64]:
    made: NDArray[np.float64] = pd.read_csv(place / "tests/data/pattern.csv").sales.to_numpy(float)
    return made


def test_nearest_products(run: Run, sales: Any, pattern: NDArray[np.float64]) -> None:
    got = run("nearest_products")
    assert len(got) == 70 and list(dict.fromkeys(got._window)) == list(FACTORS)
    for factor, width in FACTORS.items():
        own = got[got._window == factor]
        want = pd.Series(distances(sales.to_numpy(float), pattern, width), sales.index)
        nearest = want.sort_values(kind="stable").head(10)
        assert list(own.Product_Code) == list(nearest.index) and list(own._rank) == list(range(1, 11))
        np.testing.assert_allclose(own._distance, nearest, rtol=1e-12)


def test_nearest_products_as_published(run: Run) -> None:
    got = run("nearest_products", factors=[0.05, 0.1])
    for factor, text in NEAREST.items():
        own = got[got._window == factor]
        assert " ".join(f"{p} {d:.4f}" for p, d in zip(own.Product_Code, own._distance, strict=True)) == text


def test_without_stretching_the_distance_is_euclidean(run: Run, sales: Any, pattern: NDArray[np.float64]) -> None:
    apart = scipy.stats.zscore(sales.to_numpy(float), axis=1) - scipy.stats.zscore(pattern)
    want = pd.Series(np.linalg.norm(apart, axis=1), sales.index).nsmallest(25)
    got = run("nearest_products", factors=[0.0], top=25)
    assert list(got.Product_Code) == list(want.index)
    np.testing.assert_allclose(got._distance, want, rtol=1e-12)


def test_close_products(run: Run, sales: Any, pattern: NDArray[np.float64]) -> None:
    """17 of them are published."""
    want = pd.DataFrame({"distance": distances(sales.to_numpy(float), pattern, 2)}, sales.index)
    want["z"] = scipy.stats.zscore(want.distance)
    want = want[want.z <= -2].sort_values("distance")
    got = run("close_products")
    assert len(got) == 17 and list(got.Product_Code) == list(want.index)
    np.testing.assert_allclose(got._zscore, want.z, rtol=1e-9)
    assert set(run("close_products", deviations=2.5).Product_Code) == set(want.index[want.z <= -2.5]) != set()


def samples(path: Path) -> NDArray[np.float64]:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768


def test_word(run: Run, place: Path) -> None:
    """Every window of the recording by brute force; the nearest, then the nearest of those that overlap it by less than half."""
    speech, word = (samples(place / f"examples/data/{name}.wav") for name in ("speech", "word"))
    n = len(word)
    profile = distances(np.lib.stride_tricks.sliding_window_view(speech, n), word, math.floor(0.1 * n))
    want: list[int] = []
    for at in np.argsort(profile, kind="stable"):
        if len(want) < 3 and all(n - abs(at - other) <= n / 2 for other in want):
            want.append(int(at))
    got = run("word")
    assert list(got._start) == want and list(got._end) == [at + n - 1 for at in want]
    np.testing.assert_allclose(got._distance, profile[want], rtol=1e-9)
    np.testing.assert_allclose(got._start_time, np.array(want) / 1000, rtol=1e-12)
    assert np.abs(np.sort(got._start_time) - [0.2, 0.9, 1.5]).max() < 0.03  # where it was put
