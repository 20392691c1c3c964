"""`asof` and `windowjoin` against Polars, pandas and DuckDB where these define the same."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import cortado

DIRECTIONS = ["backward", "forward", "nearest"]


def sides(seed: int) -> tuple[pa.Table, pa.Table]:
    """No two rows of the right have one time; values have no nulls. Of the left's times none is as far from two of the right."""
    rng = np.random.default_rng(seed)
    made = []
    for n, name in ((700, "i"), (1500, "v")):
        times = np.sort(rng.choice(10**6, n, replace=False)) * 4 + (1 if name == "i" else 0)
        made.append(
            pa.table(
                {
                    "t": pa.array(times, pa.timestamp("us", "UTC")),
                    "k": [f"k{x}" for x in rng.integers(0, 6, n)],
                    name: np.arange(n),
                }
            )
        )
    return made[0], made[1]


def cortado_rows(query: str, left: pa.Table, right: pa.Table) -> list[tuple[Any, ...]]:
    with cortado.connect(timezone="UTC") as session:
        got = session.query(query, sources={"a": left, "b": right}).run().to_arrow()
    return list(zip(*(got[c].to_pylist() for c in got.schema.names if c not in ("t", "k")), strict=True))


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("tolerance", [None, 3000])
@pytest.mark.parametrize("exact", [True, False])
def test_asof_as_polars_and_pandas(direction: Any, tolerance: int | None, exact: bool) -> None:
    left, right = sides(3)
    if not exact:  # some equal times, so that it says something
        left = left.set_column(0, "t", pa.array(np.sort(right["t"].cast(pa.int64()).to_numpy()[:700]), left["t"].type))
        right = right.slice(0, 900)
    options = f"direction={direction} exact={'t' if exact else 'f'}" + (
        f" tolerance={tolerance}us" if tolerance else ""
    )
    got = cortado_rows(f"table a | asof {options} on=t k [ table b ]", left, right)
    frame = pd.merge_asof(
        left.to_pandas(), right.to_pandas(), on="t", by="k", direction=direction, allow_exact_matches=exact,
        tolerance=None if tolerance is None else pd.Timedelta(tolerance, "us"),
    )  # fmt: skip
    by_pandas = [(int(i), None if v != v else int(v)) for i, v in zip(frame["i"], frame["v"], strict=True)]
    mine: Any = pl.from_arrow(left)
    theirs: Any = pl.from_arrow(right)
    found = mine.join_asof(
        theirs, on="t", by="k", strategy=direction, allow_exact_matches=exact,
        tolerance=None if tolerance is None else f"{tolerance}us",
    )  # fmt: skip
    assert got == list(found.select("i", "v").iter_rows())
    if direction != "nearest" or exact:
        assert got == by_pandas


@pytest.mark.parametrize("begin, end", [(-40_000, 40_000), (-90_000, -10_000), (0, 5000)])
def test_windowjoin_as_duckdb(begin: int, end: int) -> None:
    left, right = sides(5)
    calls = "count as n, sum(v) as s, min(v) as lo, max(v) as hi, avg(v) as m"
    got = cortado_rows(
        f"table a | windowjoin on=t from={begin}us to={end}us {calls} by k [ table b ]".replace("=0us", "=0s"),
        left,
        right,
    )
    with duckdb.connect() as db:
        db.register("a", left)
        db.register("b", right)
        wanted = db.execute(
            "select i, count(v), sum(v)::bigint, min(v), max(v), avg(v) from a left join b on a.k = b.k and b.t between a.t + "
            f"interval ({begin}) microsecond and a.t + interval ({end}) microsecond group by i order by i"
        ).fetchall()
    assert got == wanted


def details(query: str, left: pa.Table, right: pa.Table) -> str:
    with cortado.connect(timezone="UTC") as session:
        rows = session.query(query, sources={"a": left, "b": right}).run().to_arrow().to_pylist()
    return str(next(r["detail"] for r in rows if r["operator"] == "Asof"))


def test_explain_says_what_is_known_of_the_order() -> None:
    left, right = sides(5)
    mixed = right.take(np.random.default_rng(1).permutation(len(right)))
    either = "(sweep if both sides are in order of time, else partition)"
    assert either in details("explain table a | asof on=t k [ table b ]", left, right)
    assert either in details("explain table a | sort t | asof on=t k [ table b | sort -t ]", left, right)
    assert either in details("explain table a | sort t | asof on=t k [ table b | sort k, t ]", left, right)
    known = "table a | sort t | asof on=t k [ table b | sort t | where v > 10 ]"
    assert details(f"explain {known}", left, mixed).endswith("(sweep)")
    assert "partition" not in details(f"explain analyze {known}", left, mixed)
    assert details("explain analyze table a | asof on=t k [ table b ]", left, mixed).endswith(", partition)")
    assert details("explain analyze table a | asof on=t k [ table b ]", left, right).endswith(", sweep)")
