"""Sets of series with their futures, and the measures of the M4 competition: sMAPE, MASE, OWA, coverage, MSIS.

Makridakis, Spiliotis & Assimakopoulos, "The M4 Competition", 2020. A set is a Parquet file with the columns series, period
(YEARLY, ...), season, train and test (lists).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from cortado.engine.forecast.batch import Batch

SETS = [
    ("forecast_m1", "YEARLY"), ("forecast_m1", "QUARTERLY"), ("forecast_m1", "MONTHLY"), ("forecast_m3", "YEARLY"),
    ("forecast_m3", "OTHER"), ("forecast_m3", "QUARTERLY"), ("forecast_m3", "MONTHLY"),
]  # fmt: skip
Array = Any


def folder(argument: str | None) -> Path:
    """Where the sets are: the argument, or DATA of the environment."""
    place = argument or os.environ.get("DATA")
    if place is None or not Path(place).is_dir():
        raise SystemExit("name the folder with forecast_m1.parquet and forecast_m3.parquet, or set DATA")
    return Path(place)


@dataclass
class Group:
    """Series of one set and period; futures [K, h]."""

    name: str
    m: int
    train: list[Array]
    test: Array

    def __post_init__(self) -> None:
        m = self.m
        self.scale = np.array([np.mean(np.abs(y[m:] - y[:-m])) if len(y) > m else np.nan for y in self.train])
        self.base = self.point(np.array([naive2(y, m, self.h) for y in self.train]))

    @property
    def h(self) -> int:
        return int(self.test.shape[1])

    def batch(self) -> Batch:
        offsets = np.concatenate([[0], np.cumsum([len(y) for y in self.train])]).astype(np.int64)
        k = len(self.train)
        return Batch(
            np.concatenate(self.train), offsets, np.full(k, self.m, np.int64), np.arange(k, dtype=np.uint64), self.h
        )

    def thinned(self, most: int, seed: int = 1) -> Group:
        """Up to `most` of the series, drawn."""
        if most >= len(self.train):
            return self
        at = np.sort(np.random.default_rng(seed).choice(len(self.train), most, replace=False))
        return Group(self.name, self.m, [self.train[i] for i in at], self.test[at])

    def point(self, f: Array) -> tuple[float, float]:
        """Mean sMAPE and mean MASE."""
        miss = np.abs(self.test - f)
        size = np.abs(self.test) + np.abs(f)
        smape = 200 * np.mean(np.divide(miss, size, out=np.zeros_like(miss), where=size > 0), axis=1)
        return float(np.nanmean(smape)), self._scaled(miss.mean(axis=1))

    def owa(self, f: Array) -> float:
        smape, mase = self.point(f)
        return (smape / self.base[0] + mase / self.base[1]) / 2

    def interval(self, low: Array, high: Array) -> tuple[float, float]:
        """Coverage and MSIS of 95 % bands."""
        t = self.test
        width = (high - low) + 40 * (low - t) * (t < low) + 40 * (t - high) * (t > high)
        return float(np.mean((t >= low) & (t <= high))), self._scaled(width.mean(axis=1))

    def _scaled(self, each: Array) -> float:
        good = self.scale > 0
        return float(np.mean(each[good] / self.scale[good]))


def is_seasonal(y: Array, m: int) -> bool:
    """The competition's test: autocorrelation at the lag of the season beyond its 90 % limit; three periods needed."""
    if m == 1 or len(y) < 3 * m:
        return False
    x = y - y.mean()
    total = float((x * x).sum())
    if total == 0:
        return False
    r = np.array([(x[k:] * x[:-k]).sum() / total for k in range(1, m + 1)])
    return bool(abs(r[m - 1]) > 1.645 * np.sqrt((1 + 2 * (r[: m - 1] ** 2).sum()) / len(y)))


def naive2(y: Array, m: int, h: int) -> Array:
    """The last value, with the season of a classical multiplicative decomposition where the test finds one."""
    if not ((y > 0).all() and is_seasonal(y, m)):
        return np.repeat(y[-1], h)
    w = np.r_[0.5, np.ones(m - 1), 0.5] / m if m % 2 == 0 else np.ones(m) / m
    average = np.convolve(y, w, "valid")
    off = (len(w) - 1) // 2
    ratio = y[off : off + len(average)] / average
    at = (np.arange(len(ratio)) + off) % m
    s = np.array([ratio[at == k].mean() for k in range(m)])
    s /= s.mean()
    n = len(y)
    return y[-1] / s[(n - 1) % m] * s[(n + np.arange(h)) % m]


def read(place: Path, name: str, period: str) -> Group:
    rows = [r for r in pq.read_table(place / f"{name}.parquet").to_pylist() if r["period"] == period]
    train = [np.array(r["train"], float) for r in rows]
    return Group(
        f"{name.removeprefix('forecast_').upper()} {period.lower()}",
        rows[0]["season"],
        train,
        np.array([r["test"] for r in rows], float),
    )
