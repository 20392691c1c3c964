"""Safety stock: the normal formula where demand is normal, and the level that is met."""

from __future__ import annotations

import numpy as np

from cortado.engine.forecast import croston, safety

from .making import batch_of

Z95 = 1.6448536269514722


def test_normal_demand_gives_the_textbook_formula() -> None:
    rng = np.random.default_rng(1)
    paths = rng.normal(100, 10, (3, 50_000, 7))
    kept, reorder = safety.stock(paths, 0.95, 7)
    np.testing.assert_allclose(kept, Z95 * 10 * np.sqrt(7), rtol=0.02)
    np.testing.assert_allclose(reorder, 700 + Z95 * 10 * np.sqrt(7), rtol=0.002)


def test_a_part_of_a_step_counts_in_part() -> None:
    paths = np.array([[[1.0, 2, 4], [2, 2, 2], [-5, 0, 8]]])
    np.testing.assert_array_equal(safety.lead_demand(paths, 2.5), [[5, 5, 4]])
    np.testing.assert_array_equal(safety.lead_demand(paths, 3), [[7, 6, 8]])
    np.testing.assert_array_equal(safety.lead_demand(paths, 0.5), [[0.5, 1, 0]])


def test_the_level_is_met_by_the_least_stock_that_meets_it() -> None:
    paths = np.arange(20.0).reshape(1, 20, 1)
    for level, want in ((0.95, 18.0), (0.951, 19.0), (0.5, 9.0), (0.05, 0.0), (1e-9, 0.0), (1 - 1e-9, 19.0)):
        kept, reorder = safety.stock(paths, level, 1)
        assert reorder[0] == want and kept[0] == max(want - 9.5, 0)


def test_stock_for_spare_parts_meets_its_level_in_a_simulation_of_its_own() -> None:
    y = np.array([0, 0, 5, 0, 0, 0, 3, 7, 0, 0, 0, 0, 2, 0, 0, 9, 0, 1, 0, 0, 0.0])
    batch = batch_of([y])
    _, reorder = safety.stock(croston.paths(batch, 20_000, 6, 1), 0.9, 6)
    asked = safety.lead_demand(croston.paths(batch, 20_000, 6, 2), 6)[0]
    assert np.mean(asked <= reorder[0]) >= 0.89
    assert np.mean(asked <= reorder[0] - 1) < 0.9


def test_the_hugest_demand_stays_a_number() -> None:
    kept, reorder = safety.stock(np.full((1, 5, 1), 1.7e308), 0.9, 1)
    assert kept[0] == 0 and reorder[0] == 1.7e308
