"""Boosted trees: cuts by brute force, both paths to the bit, and what one model of many series must find."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cortado.engine.forecast import simple, theta
from cortado.engine.forecast.backtest import backtest
from cortado.engine.forecast.batch import Batch
from cortado.engine.forecast.boosting import N_BINS, Growth, best_cuts, binned, bounds_of, grown
from cortado.engine.forecast.origins import Part, chosen
from cortado.engine.forecast.treecolumns import Past, Tail
from cortado.engine.forecast.trees import Pooled

from .making import F64, LEVELS, batch_of, mixed, parted

DAY = 86_400_000_000
STOP = np.zeros(1, np.uint8)
SMALL = Growth(n_trees=20, depth=3)


def test_a_bin_holds_about_as_many_rows_and_nan_has_its_own() -> None:
    rng = np.random.default_rng(0)
    column = rng.normal(size=10_000)
    column[::10] = np.nan
    bins = binned(column, bounds_of(column))
    assert (bins[::10] == 0).all()
    counts = np.bincount(bins, minlength=N_BINS)
    assert counts[0] == 1000 and counts[1:].min() > 100 and counts[1:].max() < 200
    few = binned(np.array([3.0, 1, 3, 7]), bounds_of(np.array([3.0, 1, 3, 7])))
    assert few.tolist() == [2, 1, 2, 3]
    assert binned(np.array([2.0, np.nan]), bounds_of(np.full(3, np.nan))).tolist() == [1, 0]


def test_the_best_cut_is_the_one_that_trying_all_finds() -> None:
    rng = np.random.default_rng(1)
    growth = Growth(least=5, ridge=1e-12)
    for _ in range(20):
        bins = rng.integers(0, 6, (80, 3)).astype(np.uint8)
        y = rng.normal(size=80) + (bins[:, 1] > 2)
        sums = np.zeros((1, 3, N_BINS, 2))
        for row in range(80):
            for f in range(3):
                sums[0, f, bins[row, f]] += (y[row], 1)
        field, cut, slot = best_cuts(sums, growth)
        tried = []
        for f in range(3):
            for c in range(6):
                left = bins[:, f] <= c
                if 5 <= left.sum() <= 75:
                    cost = sum(((y[m] - y[m].mean()) ** 2).sum() for m in (left, ~left))
                    tried.append(cost)
        cost = min(tried)
        left = bins[:, field[0]] <= cut[0]
        assert ((y[left] - y[left].mean()) ** 2).sum() + ((y[~left] - y[~left].mean()) ** 2).sum() == pytest.approx(
            cost
        )
        assert slot.tolist() == ([0, -1] if left.sum() <= 40 else [-1, 0])


def test_boosting_is_scikit_learns_with_exact_cuts() -> None:
    """Least squares boosting of full trees on few distinct values, as `GradientBoostingRegressor` grows them."""
    sk = pytest.importorskip("sklearn.ensemble")
    rng = np.random.default_rng(2)
    x = rng.integers(0, 12, (400, 4)).astype(float)
    y = x[:, 0] + np.sin(x[:, 1]) * 3 + rng.normal(size=400) * 0.1
    bounds = [bounds_of(x[:, f]) for f in range(4)]
    bins = np.stack([binned(x[:, f], b) for f, b in enumerate(bounds)], axis=1)
    trees, said = grown(bins, bounds, y, Growth(30, 3, 0.1, 1, 1e-12), False, STOP)
    peer = sk.GradientBoostingRegressor(n_estimators=30, max_depth=3, learning_rate=0.1).fit(x, y)
    np.testing.assert_allclose(said, peer.predict(x), atol=1e-8)
    np.testing.assert_allclose(trees.predicted(bins), said, rtol=1e-12)


def test_kernels_grow_the_same_trees_to_the_bit() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(3000, 6))
    x[rng.random(x.shape) < 0.1] = np.nan
    y = np.where(np.isnan(x[:, 0]), 2.0, x[:, 0] * np.nan_to_num(x[:, 1])) + rng.normal(size=3000)
    bounds = [bounds_of(x[:, f]) for f in range(6)]
    bins = np.stack([binned(x[:, f], b) for f, b in enumerate(bounds)], axis=1)
    general, compiled = (grown(bins, bounds, y, Growth(), is_, STOP) for is_ in (False, True))
    assert general[1].tobytes() == compiled[1].tobytes()
    for name in ("field", "cut", "leaf"):
        assert getattr(general[0], name).tobytes() == getattr(compiled[0], name).tobytes()
    assert np.var(y - general[1]) < 0.6 * np.var(y)


def test_steps_that_were_and_the_next_one_see_the_same() -> None:
    rng = np.random.default_rng(4)
    batch = batch_of([rng.normal(size=30), rng.normal(size=12)])
    past = Past(batch)
    for end in (1, 5, 11):
        tail = Tail(np.stack([np.concatenate([np.full(20, np.nan), batch.values[o : o + end]])[-20:] for o in (0, 30)]))
        rows = np.array([end, 30 + end])
        for n in (1, 3, 8):
            np.testing.assert_array_equal(past.lag(n)[rows], tail.lag(n))
            np.testing.assert_allclose(past.mean(n)[rows], tail.mean(n), atol=1e-12)
            np.testing.assert_allclose(past.spread(n)[rows], tail.spread(n), atol=1e-7)


def clock(batch: Batch, step: int = DAY) -> Pooled:
    lengths = np.diff(batch.offsets)
    times = np.concatenate([step * np.arange(n) for n in lengths.tolist()])
    ahead = step * (lengths[:, None] + np.arange(batch.horizon))
    return Pooled((7,), times, ahead, growth=SMALL, offsets=batch.offsets, horizon=batch.horizon)


def test_every_series_has_a_forecast_and_their_order_does_not_matter() -> None:
    batch = mixed()
    with np.errstate(all="raise", under="ignore"):
        whole = clock(batch)(batch, LEVELS)
    assert np.isfinite(whole.mean).all() and np.isfinite(whole.trend).all() and np.isfinite(whole.trend_ahead).all()
    known = ~np.isnan(whole.lower)
    assert (whole.lower <= whole.upper)[known].all() and np.isfinite(whole.upper[known]).all()
    assert (known.all(axis=(1, 2)) | (np.diff(batch.offsets) <= 3)).all()
    constant = [4, 5]
    np.testing.assert_array_equal(whole.mean[constant], [[4.25] * 6, [0.0] * 6])
    np.testing.assert_array_equal(whole.upper[constant, 0], [[4.25] * 6, [0.0] * 6])
    order = np.random.default_rng(1).permutation(len(batch)).tolist()
    made = clock(parted(batch, order))(parted(batch, order), LEVELS)
    for name in ("mean", "lower", "upper", "trend_ahead", "sigma"):
        assert getattr(made, name).tobytes() == getattr(whole, name)[order].tobytes(), name
    compiled = replace(clock(batch), compiled=True)(batch, LEVELS)
    assert compiled.mean.tobytes() == whole.mean.tobytes() and compiled.fitted.tobytes() == whole.fitted.tobytes()


def test_one_model_learns_what_many_series_share() -> None:
    rng = np.random.default_rng(5)
    n, horizon, k = 200, 14, 60
    t = np.arange(n + horizon)
    size = np.exp(rng.normal(size=(k, 1)))
    clean = size * (20 + 0.02 * t + np.array([9.0, 0, 0, 1, 2, 6, 12])[t % 7])
    noisy = clean + size * rng.normal(size=clean.shape)
    batch = batch_of(list(noisy[:, :n]), 7, horizon)
    made = replace(clock(batch), growth=Growth())(batch, (0.8, 0.95))

    def error(mean: F64) -> float:
        return float(np.sqrt(np.mean(((mean - clean[:, n:]) / size) ** 2)))

    assert error(made.mean) < 0.6 < error(simple.snaive(batch, ()).mean)
    assert error(made.mean) < 1.1 * error(theta.theta(batch, ()).mean)
    inside = (made.lower <= noisy[:, None, n:]) & (noisy[:, None, n:] <= made.upper)
    np.testing.assert_allclose(inside.mean(axis=(0, 2)), [0.8, 0.95], atol=0.06)


def test_given_fields_and_keys_are_looked_at() -> None:
    rng = np.random.default_rng(6)
    n, horizon, k = 150, 10, 30
    promo = (rng.random((k, n + horizon)) < 0.2).astype(float)
    kind = rng.integers(0, 2, k).astype(float)
    y = 10 + promo * np.where(kind, 8, -4)[:, None] + rng.normal(size=promo.shape)
    batch = batch_of(list(y[:, :n]), 1, horizon)
    given = np.concatenate([promo[:, :n].reshape(-1), promo[:, n:].reshape(-1)])[:, None]
    plain = Pooled(growth=Growth(60, 4))(batch, ())
    told = Pooled(growth=Growth(60, 4), given=given, codes=kind[:, None])(batch, ())
    want = 10 + promo[:, n:] * np.where(kind, 8, -4)[:, None]
    assert np.sqrt(np.mean((told.mean - want) ** 2)) < 1.0 < np.sqrt(np.mean((plain.mean - want) ** 2))


def test_a_part_has_its_own_times_and_fields() -> None:
    rng = np.random.default_rng(7)
    batch = batch_of([rng.normal(size=n) for n in (40, 30, 50)], 7, 5)
    past, ahead = rng.normal(size=(120, 2)), rng.normal(size=(15, 2))
    whole = replace(clock(batch), given=np.concatenate([past, ahead]), codes=np.array([[1.0], [2], [3]]))
    part = Part(np.array([2, 0]), np.array([48, 20]))
    small = chosen(batch, part)
    rows = [np.concatenate([past[70:120], ahead[10:15]]), np.concatenate([past[:40], ahead[:5]])]
    given = np.concatenate([rows[0][:48], rows[1][:20], rows[0][48:53], rows[1][20:25]])
    alone = replace(clock(small), given=given, codes=np.array([[3.0], [1]]))
    np.testing.assert_array_equal(whole.of(part)(small, LEVELS).mean, alone(small, LEVELS).mean)
    assert backtest(batch, whole, 2).model.n_origins.tolist() == [2, 2, 2]


def test_a_stop_ends_it() -> None:
    batch = batch_of([np.random.default_rng(8).normal(size=50)])
    made = Pooled(stop=np.ones(1, np.uint8))(batch, LEVELS)
    assert made.mean.shape == (1, 6)
