"""Rolling origins, measures by hand and by scikit-learn's definitions, and the choice of models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cortado.engine.forecast import simple
from cortado.engine.forecast.backtest import backtest
from cortado.engine.forecast.bakeoff import bakeoff, choose
from cortado.engine.forecast.batch import Batch, Outcome
from cortado.engine.forecast.origins import Fit, Part, origins, scale

from .making import batch_of, holds_for_all, mixed

MODELS: dict[str, Fit] = {"naive": simple.naive, "snaive": simple.snaive, "linear": simple.linear}


def test_origins_are_a_horizon_apart_and_the_last_forecast_ends_with_the_series() -> None:
    y = np.arange(20.0)
    made = origins(batch_of([y], horizon=3), 3)
    assert [o.part.lengths.tolist() for o in made] == [[17], [14], [11]]
    np.testing.assert_array_equal(made[0].actual, [[17, 18, 19]])
    np.testing.assert_array_equal(made[2].batch.values, np.arange(11.0))


def test_short_series_have_nearer_or_fewer_origins() -> None:
    lengths = [7, 8, 9, 11, 6]
    made = origins(batch_of([np.arange(float(n)) for n in lengths], horizon=3), 3)
    ends = {
        k: [dict(zip(o.part.series.tolist(), o.part.lengths.tolist(), strict=True)).get(k) for o in made]
        for k in range(5)
    }
    assert ends == {0: [4, None, None], 1: [5, 4, None], 2: [6, 5, 4], 3: [8, 6, 4], 4: [None, None, None]}


def test_a_part_never_ends_with_a_hole() -> None:
    made = origins(batch_of([[1.0, 2, 3, 4, 5, np.nan, 7, 8, 9]], horizon=3), 1)
    assert made[0].part.lengths.tolist() == [5]
    np.testing.assert_array_equal(made[0].actual, [[np.nan, 7, 8]])
    assert origins(batch_of([[1.0, 2, 3, 4, 5, np.nan, np.nan, np.nan, 9]], horizon=3), 1) == []


def test_measures_by_hand() -> None:
    y = [1.0, 3, 2, 5, 4, 0, 8]
    made = backtest(batch_of([y], horizon=2), simple.naive, 1, (0.95,))
    error = np.array([4.0 - 0, 4.0 - 8])
    base = np.mean(np.abs(np.diff(y[:5])))
    got = {m: v[0] for m, v in made.model.series.items()}
    want = {
        "mase": np.mean(np.abs(error)) / base,
        "rmsse": np.sqrt(np.mean(error**2) / np.mean(np.diff(y[:5]) ** 2)),
        "smape": np.mean([200.0, 200 * 4 / 12]),
        "mape": 100 * 4 / 8,
        "rmse": 4.0,
        "bias": 0.0,
    }
    assert got.keys() == want.keys()
    for name, value in want.items():
        np.testing.assert_allclose(got[name], value, err_msg=name)
    assert made.model.zeros.tolist() == [1] and made.model.n_origins.tolist() == [1]
    sigma = np.sqrt(np.mean(np.diff(y[:5]) ** 2))
    inside = [abs(e) <= 1.959964 * sigma * np.sqrt(h) for h, e in ((1, 4.0), (2, 4.0))]
    assert made.model.coverage[0, 0] == np.mean(inside)


def test_overall_is_the_mean_of_series_and_rmse_of_all_errors() -> None:
    rng = np.random.default_rng(4)
    batch = batch_of([rng.normal(size=40).cumsum(), 100 * rng.normal(size=30), np.arange(3.0)], horizon=4)
    made = backtest(batch, simple.linear, 3)
    each = made.model.series["mase"]
    assert np.isnan(each[2]) and made.model.n_origins.tolist() == [3, 3, 0]
    np.testing.assert_allclose(made.model.overall["mase"], each[:2].mean())
    np.testing.assert_allclose(made.model.overall["rmse"], np.sqrt(np.mean(made.model.series["rmse"][:2] ** 2)))
    np.testing.assert_array_equal(made.naive.series["mase"], backtest(batch, simple.snaive, 3).model.series["mase"])


def test_coverage_of_a_random_walk_is_what_was_asked() -> None:
    rng = np.random.default_rng(9)
    batch = batch_of(list(rng.normal(size=(400, 80)).cumsum(axis=1)), horizon=5)
    made = backtest(batch, simple.naive, 3, (0.8, 0.95)).model
    np.testing.assert_allclose(made.overall_coverage, [0.8, 0.95], atol=0.02)


def test_a_constant_series_has_no_mase() -> None:
    made = backtest(batch_of([np.full(12, 5.0)], horizon=2), simple.naive, 2).model
    assert np.isnan(made.series["mase"][0]) and made.series["smape"][0] == 0 and made.series["rmse"][0] == 0


def test_the_scale_is_of_a_season() -> None:
    y = [1.0, 2, 3, 5, np.nan, 9]
    np.testing.assert_allclose(scale(batch_of([y, y], [2, 1]))[0], [np.mean([2, 3, 4]), np.mean([1, 1, 2])])


def test_each_series_goes_to_its_best_model() -> None:
    rng = np.random.default_rng(6)
    t = np.arange(60.0)
    walk, line = rng.normal(size=60).cumsum(), 2 * t + rng.normal(size=60)
    season = np.tile([0.0, 50, 10, 90], 15) + 10 * np.sin(t**2)
    batch = batch_of([walk, line, np.round(season), [1.0, 2.0]], [1, 1, 4, 1], 4)
    assert choose(batch, MODELS)[1:] == ["linear", "linear", "naive"]
    made = bakeoff(batch, (0.95,), MODELS)
    np.testing.assert_array_equal(made.mean[1], simple.linear(batch, (0.95,)).mean[1])
    np.testing.assert_array_equal(made.trend[:60], MODELS[choose(batch, MODELS)[0]](batch, (0.95,)).trend[:60])


def test_another_model_than_the_first_must_be_clearly_better() -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(200, 40))
    batch = batch_of(list(noise), 1, 4)
    chosen = choose(batch, {"mean": lambda b, levels: _level(b, 0.0), "near": lambda b, levels: _level(b, 0.1)})
    assert chosen.count("mean") == 200
    assert (
        choose(batch, {"far": lambda b, levels: _level(b, 5.0), "mean": lambda b, levels: _level(b, 0.0)}).count("mean")
        == 200
    )


def _level(batch: Batch, value: float) -> Outcome:
    made = simple.naive(batch, ())
    made.mean[:] = value
    return made


def test_the_bakeoff_answers_every_series_and_none_depends_on_another() -> None:
    holds_for_all(lambda batch, levels: bakeoff(batch, levels, MODELS))


class Told:
    """A model that needs to know which part it forecasts."""

    def __init__(self) -> None:
        self.parts: list[tuple[list[int], list[int]]] = []

    def of(self, part: Part) -> Fit:
        def fit(batch: Batch, levels: Sequence[float]) -> Outcome:
            assert np.diff(batch.offsets).tolist() == part.lengths.tolist()
            self.parts.append((part.series.tolist(), part.lengths.tolist()))
            return simple.naive(batch, levels)

        return fit


def test_a_model_with_columns_of_its_own_is_told_the_part() -> None:
    told = Told()
    batch = batch_of([np.arange(20.0), np.arange(3.0), np.arange(16.0)], horizon=3)
    backtest(batch, told, 2)
    assert told.parts == [([0, 2], [17, 13]), ([0, 2], [14, 10])]
    told.parts.clear()
    bakeoff(batch, (), {"told": told}, 1)
    assert told.parts == [([0, 2], [17, 13]), ([0, 1, 2], [20, 3, 16])]


def test_errors_of_the_hugest_values_do_not_end_the_choice() -> None:
    assert len(choose(mixed(), MODELS)) == len(mixed())
