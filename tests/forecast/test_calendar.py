"""The calendar model: its algebra against plain least squares, and effects that were put in and must be found."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from cortado.engine.forecast.backtest import backtest
from cortado.engine.forecast.batch import Batch, Outcome
from cortado.engine.forecast.calendar import Calendar
from cortado.engine.forecast.calendardesign import BEND, SEASON, designed
from cortado.engine.forecast.calendarridge import blocks, ridge
from cortado.engine.forecast.origins import Part, chosen
from cortado.planner.text import QueryError

from .making import LEVELS, batch_of, holds_for_all

DAY = 86_400_000_000
HOUR = DAY // 24
START = int(np.datetime64("2015-01-01", "us").astype(np.int64))


def calendar_of(batch: Batch, step: int = DAY, start: int = START, **more: object) -> Calendar:
    """All series begin at one time."""
    lengths = np.diff(batch.offsets)
    times = np.concatenate([start + step * np.arange(n) for n in lengths.tolist()])
    ahead = start + step * (lengths[:, None] + np.arange(batch.horizon))
    return Calendar(times, ahead, batch.offsets, **more)  # type: ignore[arg-type]


def days(n: int) -> NDArray[np.int64]:
    return START + DAY * np.arange(n)


def test_every_series_is_answered_and_none_depends_on_another() -> None:
    def fit(batch: Batch, levels: Sequence[float]) -> Outcome:
        return calendar_of(batch)(batch, levels)

    holds_for_all(fit)


def test_the_ridge_in_two_parts_is_the_ridge_in_one() -> None:
    rng = np.random.default_rng(4)
    x, ahead, y = rng.normal(size=(77, 9)), rng.normal(size=(5, 9)), rng.normal(size=77)
    is_bend = np.array([0, 0, 1, 1, 0, 1, 0, 0, 0], bool)
    fixed, bends = np.full(9, 0.5), np.array([2.0, 0.1, 30.0])
    made = ridge(x, ahead, is_bend, fixed)
    penalty = fixed.copy()
    penalty[is_bend] = bends
    whole = x.T @ x + np.diag(penalty)
    beta = np.asarray(np.linalg.solve(whole, x.T @ y), np.float64)
    np.testing.assert_allclose(made.solved(*made.moments(y), bends), beta, rtol=1e-10)
    told, used = made.told(bends)
    np.testing.assert_allclose(told, np.sum((ahead @ np.linalg.inv(whole)) * ahead, axis=1), rtol=1e-10)
    np.testing.assert_allclose(used, np.trace(np.linalg.solve(whole, x.T @ x)), rtol=1e-10)
    np.testing.assert_allclose(blocks(x).times(beta), x @ beta, rtol=1e-12)


def test_seasons_are_those_that_the_steps_and_the_length_allow() -> None:
    def n_terms(step: int, n: int, period: int = 1) -> int:
        return int(np.sum(designed(START + step * np.arange(n), n - 3, period, None).kinds == SEASON))

    assert n_terms(DAY, 20) == 6  # a week
    assert n_terms(DAY, 13) == 0
    assert n_terms(DAY, 740) == 20 + 6
    assert n_terms(HOUR, 24 * 20) == 6 + 12 + 12  # a week, a day, and a day that is free
    assert n_terms(DAY, 60, 10) == 6 + 8  # a season of its own
    assert int(np.sum(designed(days(400), 390, 1, None).kinds == BEND)) == 25


def test_weeks_years_and_a_bend_are_found_and_the_band_covers() -> None:
    rng = np.random.default_rng(7)
    n, horizon, k = 1100, 60, 40
    t = np.arange(n + horizon)
    clean = 100 + 0.05 * t - 0.08 * np.maximum(t - 500, 0) + 15 * np.sin(2 * np.pi * days(n + horizon) / (365.25 * DAY))
    clean = clean + np.array([5.0, 0, 0, 0, 3, 10, 8])[t % 7]
    noisy = clean + rng.normal(size=(k, n + horizon)) * 4
    batch = batch_of(list(noisy[:, :n]), 7, horizon)
    made = calendar_of(batch)(batch, (0.8, 0.95))
    assert np.sqrt(np.mean((made.mean - clean[n:]) ** 2)) < 2.0
    inside = (made.lower <= noisy[:, None, n:]) & (noisy[:, None, n:] <= made.upper)
    np.testing.assert_allclose(inside.mean(axis=(0, 2)), [0.8, 0.95], atol=0.04)
    trend = 100 + 0.05 * t[:n] - 0.08 * np.maximum(t[:n] - 500, 0)
    assert np.abs(made.trend[:n] - np.mean(made.trend[:n]) - trend + trend.mean()).mean() < 2.0


def test_a_holiday_is_found_and_moves_with_the_moon() -> None:
    pytest.importorskip("holidays")
    from cortado.engine.holidays import table

    n, horizon = 3 * 365, 60
    found, names = table("KR", None, days(1)[0] // DAY, days(n + horizon)[-1] // DAY + 1)
    at = found[[name == "설날" for name in names]] - START // DAY
    rng = np.random.default_rng(1)
    y = 50 + rng.normal(size=n + horizon)
    y[at] += 30
    batch = batch_of([y[:n]], 7, horizon)
    made = calendar_of(batch, country="kr")(batch, LEVELS)
    ahead = at[at >= n] - n
    assert len(ahead) == 1
    np.testing.assert_allclose(made.mean[0, ahead], 80, atol=8)
    assert np.abs(np.delete(made.mean[0], ahead) - 50).max() < 5


def test_a_given_field_explains_what_it_does() -> None:
    rng = np.random.default_rng(2)
    n, horizon = 300, 20
    heat = rng.normal(size=n + horizon)
    y = 10 + 3 * heat + 0.1 * rng.normal(size=n + horizon)
    batch = batch_of([y[:n], 2 * y[:n]], 7, horizon)
    given = np.concatenate([heat[:n], heat[:n], heat[n:], heat[n:]])[:, None]
    made = calendar_of(batch, given=given)(batch, LEVELS)
    np.testing.assert_allclose(made.mean, [y[n:], 2 * y[n:]], rtol=0.1, atol=0.6)
    assert (made.upper - made.lower)[0, 1].max() < 0.8
    holes = given.copy()
    holes[5], holes[-1] = np.nan, np.inf
    told = calendar_of(batch, given=holes)(batch, LEVELS)
    assert told.note == ["", "a given field is not known ahead: its mean is taken"]
    np.testing.assert_allclose(told.mean[:, :-1], made.mean[:, :-1], rtol=0.05, atol=0.1)


def test_growth_in_per_cent_is_taken_as_such() -> None:
    t = np.arange(60)
    y = 100 * 1.03**t * (1 + 0.3 * np.sin(2 * np.pi * t / 12)) * np.exp(0.01 * np.random.default_rng(0).normal(size=60))
    times = np.datetime64("2015-01", "M") + np.arange(60)
    us = times.astype("datetime64[us]").astype(np.int64)
    batch = batch_of([y[:48]], 12, 12)
    made = Calendar(us[:48], us[None, 48:], batch.offsets)(batch, LEVELS)
    assert made.model == ["calendar, log"]
    np.testing.assert_allclose(made.mean[0], y[48:], rtol=0.12)
    assert (made.lower > 0).all()


def test_what_is_left_goes_on_with_its_autocorrelation() -> None:
    rng = np.random.default_rng(5)
    e = np.zeros(400)
    for i in range(1, 400):
        e[i] = 0.8 * e[i - 1] + rng.normal()
    batch = batch_of([e], 1, 30)
    made = calendar_of(batch)(batch, (0.95,))
    assert 0.6 < made.phi[0] < 0.9
    width = (made.upper - made.lower)[0, 0]
    assert width[0] < 0.75 * width[-1]
    assert abs(made.fitted[200] - e[200]) != abs(made.trend[200] - e[200])


def test_a_part_has_its_own_times_and_fields() -> None:
    rng = np.random.default_rng(9)
    lengths, horizon = [40, 30, 50], 5
    batch = batch_of([rng.normal(size=n) for n in lengths], 7, horizon)
    past, ahead = rng.normal(size=(sum(lengths), 2)), rng.normal(size=(3 * horizon, 2))
    whole = calendar_of(batch, given=np.concatenate([past, ahead]))
    part = Part(np.array([2, 0]), np.array([48, 20]))
    made = whole.of(part)(chosen(batch, part), LEVELS)
    rows = [np.concatenate([past[70:120], ahead[10:15]]), np.concatenate([past[:40], ahead[:5]])]
    given = np.concatenate([rows[0][:48], rows[1][:20], rows[0][48:53], rows[1][20:25]])
    alone = calendar_of(chosen(batch, part), given=given)(chosen(batch, part), LEVELS)
    np.testing.assert_array_equal(made.mean, alone.mean)
    assert backtest(batch, whole, 2).model.n_origins.tolist() == [2, 2, 2]


def test_a_country_without_the_package_is_a_fault_that_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    batch = batch_of([np.arange(30.0)])
    with pytest.raises(QueryError) as caught:
        calendar_of(batch, start=START - 90 * 365 * DAY, country="KR")(batch, LEVELS)
    assert caught.value.code == "E610" and "cortado[holidays]" in str(caught.value.first.hint)
