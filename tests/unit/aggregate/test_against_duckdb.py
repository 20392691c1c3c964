"""Random tables against DuckDB, in every world."""

from __future__ import annotations

import math
import random
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
import pytest

KEYS: dict[str, Any] = {
    "word": lambda r: r.choice(["", "a", "b", "ab", "b" * 15, "b" * 16, "긴 열쇠 " * 9, "é", "Z", "zz", None]),
    "number": lambda r: r.choice([None, 0, 1, -1, 2**63 - 1, -(2**63), 7, 10**12, *range(20)]),
    "real": lambda r: r.choice([None, 0.0, -0.0, math.nan, math.inf, -math.inf, 1.5, -2.25, 5e-324]),
    "flag": lambda r: r.choice([None, True, False]),
    "moment": lambda r: r.choice([None, 0, -1, 1_700_000_000_000_000, 1_700_000_000_000_001]),
}
TYPES = {
    "word": pa.string(), "number": pa.int64(), "real": pa.float64(), "flag": pa.bool_(),
    "moment": pa.timestamp("us", "UTC"),
}  # fmt: skip


def make(seed: int, n: int) -> pa.Table:
    r = random.Random(seed)
    columns = {k: pa.array([f(r) for _ in range(n)], TYPES[k]) for k, f in KEYS.items()}
    columns["x"] = pa.array([r.choice([None, *range(-50, 50)]) for _ in range(n)], pa.int64())
    columns["y"] = pa.array([r.choice([None, r.uniform(-1e3, 1e3), -0.0]) for _ in range(n)], pa.float64())
    columns["s"] = pa.array([r.choice([None, "", "x", "yy", "한글", "q" * 20]) for _ in range(n)], pa.string())
    columns["ok"] = pa.array([r.choice([None, True, False]) for _ in range(n)], pa.bool_())
    return pa.table(columns)


def without_zone(table: pa.Table) -> pa.Table:
    return table.set_column(table.schema.get_field_index("moment"), "moment", table["moment"].cast(pa.timestamp("us")))


def rows(table: pa.Table) -> list[Any]:
    def one(v: Any) -> Any:
        if isinstance(v, float):
            return "nan" if v != v else f"{v + 0.0:.10g}"
        if isinstance(v, datetime):
            return v.replace(tzinfo=None)
        return v

    return [tuple(one(v) for v in row) for row in zip(*(c.to_pylist() for c in table.columns), strict=True)]


AGGS = [
    (("count",), "count(*)"),
    (("count", "x"), "count(x)"),
    (("count", "s"), "count(s)"),
    (("count", {"where": "ok"}), "count(*) filter (ok)"),
    (("countif", "ok"), "coalesce(sum(ok::int), 0)::bigint"),
    (("sum", "x"), "sum(x)::bigint"),
    (("avg", "x"), "avg(x)"),
    (("sum", "y"), "sum(y)"),
    (("avg", "y", {"where": "ok"}), "avg(y) filter (ok)"),
    (("min", "x"), "min(x)"),
    (("max", "y"), "max(y)"),
    (("range", "x"), "max(x) - min(x)"),
    (("anytrue", "ok"), "bool_or(ok)"),
    (("alltrue", "ok"), "bool_and(ok)"),
]


@pytest.mark.parametrize(
    "keys",
    [(), ("word",), ("number",), ("real",), ("flag",), ("moment",), ("word", "number"), ("flag", "real", "word")],
)
@pytest.mark.parametrize("n", [0, 1, 2500])
def test_groups_and_plain_aggregates(keys: tuple[str, ...], n: int, same_everywhere: Any) -> None:
    t = make(len(keys) * 10 + n, n)
    got = same_everywhere(t, keys, [a for a, _ in AGGS]).table
    columns = [f"case when real = 0 then 0.0 else real end as {k}" if k == "real" else k for k in keys]
    names = ", ".join([*columns, *(f"{sql} as a{i}" for i, (_, sql) in enumerate(AGGS))])
    by = f" group by {', '.join(map(str, range(1, len(keys) + 1)))}" if keys else ""
    order = f" order by {', '.join(f'{i + 1} nulls first' for i in range(len(keys)))}" if keys else ""
    with duckdb.connect() as db:
        db.register("t", without_zone(t))
        want = db.sql(f"select {names} from t{by}{order}").to_arrow_table()
    assert rows(got) == rows(want)


DEEP = [
    (("dc", "word"), "count(distinct word)"),
    (("dc", "x"), "count(distinct x)"),
    (("dc", "s", {"where": "ok"}), "count(distinct s) filter (ok)"),
    (("values", "s"), "list_sort(list(distinct s) filter (s is not null))"),
    (("values", "x"), "list_sort(list(distinct x) filter (x is not null))"),
    (("array", "s"), "list(s order by n) filter (s is not null)"),
    (("first", "x"), "first(x order by n) filter (x is not null)"),
    (("last", "s"), "last(s order by n) filter (s is not null)"),
    (("any", "moment"), "first(moment order by n) filter (moment is not null)"),
    (("min", "s"), "min(s)"),
    (("max", "s"), "max(s)"),
    (("max", "moment"), "max(moment)"),
    (("min", "flag"), "min(flag)"),
    (("argmin", "s", "y"), "first(s order by y, n) filter (y is not null)"),
    (("argmax", "x", "s"), "first(x order by s desc, n) filter (s is not null)"),
    (("argmax", "s", "x"), "first(s order by x desc, n) filter (x is not null)"),
    (("median", "x"), "quantile_cont(x, 0.5)"),
    (("percentile", "y", 25), "quantile_cont(y, 0.25)"),
    (("p90", "y"), "quantile_cont(y, 0.9)"),
    (("percentile", "y", 100, "higher"), "max(y)"),
    (("var", "y"), "var_pop(y)"),
    (("stddev", "x"), "stddev_pop(x)"),
    (("stddev_samp", "y"), "stddev_samp(y)"),
    (("var_samp", "x"), "var_samp(x)"),
    (("cov", "x", "y"), "covar_pop(x, y)"),
    (("cov_samp", "x", "y"), "covar_samp(x, y)"),
]


@pytest.mark.parametrize("keys", [(), ("word",), ("number", "flag")])
@pytest.mark.parametrize("n", [0, 1, 1500])
def test_deeper_aggregates(keys: tuple[str, ...], n: int, same_everywhere: Any) -> None:
    t = make(len(keys) * 10 + n + 7, n)
    t = t.append_column("n", pa.array(range(n), pa.int64()))
    got = same_everywhere(t, keys, [a for a, _ in DEEP]).table
    names = ", ".join([*keys, *(f"{sql} as a{i}" for i, (_, sql) in enumerate(DEEP))])
    by = f" group by {', '.join(map(str, range(1, len(keys) + 1)))}" if keys else ""
    order = f" order by {', '.join(f'{i + 1} nulls first' for i in range(len(keys)))}" if keys else ""
    with duckdb.connect() as db:
        db.register("t", without_zone(t))
        want = db.sql(f"select {names} from t{by}{order}").to_arrow_table()
    for name in got.column_names:
        assert rows(got.select([name])) == rows(want.select([name])), (
            name,
            DEEP[int(name[1:])] if name[0] == "a" else "",
        )
