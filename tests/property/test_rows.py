# mypy: disable-error-code="arg-type, call-overload"
"""dedup, fillnull, explode, unpivot and bin say what a few lines of Python, DuckDB or Polars say of the same rows."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

import cortado
from tests.tabletext import cell_text, values_of

from .made import some
from .sqltables import tables

Sessions = dict[str, cortado.Session]
WORLD = st.sampled_from(["plain", "rows1", "rows3", "threads", "naive", "large"])
KEYS = st.lists(st.sampled_from(["i", "x", "s", "k", "b", "d"]), min_size=1, max_size=3, unique=True)


def same_key(value: Any) -> Any:
    """Values that are one key: NaN is one, zeros are one, true is no 1."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else value + 0.0
    return (type(value).__name__, value)


def texts(rows: list[tuple[Any, ...]]) -> list[tuple[str, ...]]:
    return [tuple(map(cell_text, row)) for row in rows]


@some(120)
@given(
    table=tables(),
    keys=KEYS,
    keep=st.sampled_from(["first", "last"]),
    limit=st.integers(1, 3),
    whole=st.booleans(),
    world=WORLD,
)
def test_dedup(
    sessions: Sessions, table: pa.Table, keys: list[str], keep: str, limit: int, whole: bool, world: str
) -> None:
    given_ = table.select(keys) if whole else table
    query = f"table t | dedup keep={keep} limit={limit} {'' if whole else ', '.join(keys)}"
    rows, places = values_of(given_), [given_.schema.names.index(k) for k in keys]
    seen: dict[Any, int] = defaultdict(int)
    chosen = []
    for i in range(len(rows)) if keep == "first" else reversed(range(len(rows))):
        key = tuple(same_key(rows[i][p]) for p in places)
        seen[key] += 1
        if seen[key] <= limit:
            chosen.append(i)
    found = sessions[world].query(query, sources={"t": given_}).run()
    assert texts(values_of(found.to_arrow())) == texts([rows[i] for i in sorted(chosen)])
    assert sum(n.count for n in found.notes) == len(rows) - len(chosen)


def filled(
    rows: list[dict[str, Any]], name: str, method: str, by: list[str], most: int | None, span: dt.timedelta | None
) -> list[Any]:
    """One gap after the other."""
    out = [row[name] for row in rows]
    groups: dict[Any, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        if method != "linear" or row["d"] is not None:
            groups[tuple(same_key(row[k]) for k in by)].append(i)
    for group in groups.values():
        if method == "linear":
            group.sort(key=lambda i: rows[i]["d"])
        begin = 0
        while begin < len(group):
            end = begin
            while end < len(group) and rows[group[end]][name] is None:
                end += 1
            before = group[begin - 1] if begin else None
            after = group[end] if end < len(group) else None
            if end > begin and fits(rows, group, begin, end, before, after, most, span):
                for i in group[begin:end]:
                    out[i] = between(rows, name, method, i, before, after)
            begin = end + 1
    return out


def fits(
    rows: Any,
    group: list[int],
    begin: int,
    end: int,
    before: Any,
    after: Any,
    most: int | None,
    span: dt.timedelta | None,
) -> bool:
    if most is not None and end - begin > most:
        return False
    if span is None:
        return True
    low = rows[group[begin] if before is None else before]["d"]
    high = rows[group[end - 1] if after is None else after]["d"]
    return low is not None and high is not None and abs(high - low) <= span


def between(rows: Any, name: str, method: str, i: int, before: int | None, after: int | None) -> Any:
    if method == "prev":
        return None if before is None else rows[before][name]
    if method == "next":
        return None if after is None else rows[after][name]
    if before is None or after is None:
        return None
    a, b, low, high = float(rows[before][name]), float(rows[after][name]), rows[before]["d"], rows[after]["d"]
    share = (rows[i]["d"] - low) / (high - low) if high > low else 0.0
    return a if a == b else a + (b - a) * share


@some(160)
@given(
    table=tables(), by=st.lists(st.sampled_from(["k", "b", "x"]), max_size=2, unique=True), world=WORLD,
    method=st.sampled_from(["prev", "next", "linear"]), most=st.none() | st.integers(1, 4), days=st.none() | st.integers(0, 9000),
)  # fmt: skip
def test_fillnull(
    sessions: Sessions, table: pa.Table, by: list[str], world: str, method: str, most: int | None, days: int | None
) -> None:
    names = ["i"] if method == "linear" else ["i", "s", "j"]
    span = None if most is not None or days is None else dt.timedelta(days=days)
    gap = f"maxgap={most} " if most is not None else f"maxgap={days}d " if span is not None else ""
    time = "time=d " if method == "linear" or span is not None else ""
    query = f"table t | fillnull method={method} {gap}{time}{', '.join(names)}{' by ' + ', '.join(by) if by else ''}"
    found = sessions[world].query(query, sources={"t": table}).to_arrow()
    rows = table.to_pylist()
    for name in names:
        wanted, got = filled(rows, name, method, by, most, span), found[name].to_pylist()
        assert all(same(a, b) for a, b in zip(got, wanted, strict=True)), f"{query}\n{got}\n{wanted}"
    assert texts(values_of(found.select(["id", "x", "k"]))) == texts(values_of(table.select(["id", "x", "k"])))


def same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and b is not None:
        return math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-9)
    return bool(a == b)


@some(60)
@given(table=tables(), world=WORLD)
def test_fillnull_says_what_polars_says(sessions: Sessions, table: pa.Table, world: str) -> None:
    frame: Any = pl.from_arrow(table)
    for query, wanted in (
        ("fillnull method=prev i, s, d", frame.with_columns(pl.col("i", "s", "d").forward_fill())),
        ("fillnull method=next i, s, d by k", frame.with_columns(pl.col("i", "s", "d").backward_fill().over("k"))),
        ("fillnull value=7 i, x", frame.with_columns(pl.col("i").fill_null(7), pl.col("x").fill_null(7.0))),
    ):
        found = sessions[world].query(f"table t | {query}", sources={"t": table}).to_arrow()
        assert texts(values_of(found)) == texts(values_of(wanted.to_arrow().cast(table.schema))), query


LISTS = st.one_of(st.none(), st.lists(st.none() | st.integers(-9, 9), max_size=4))


@some(80)
@given(rows=st.lists(st.tuples(LISTS, LISTS, st.sampled_from(["u", "v", None])), max_size=12), world=WORLD)
def test_explode(sessions: Sessions, rows: list[tuple[Any, Any, Any]], world: str) -> None:
    kind = pa.list_(pa.int64())
    table = pa.table({
        "a": pa.array([r[0] for r in rows], kind), "s": pa.array([r[2] for r in rows], pa.string()), "b": pa.array([r[1] for r in rows], kind),
    })  # fmt: skip
    wanted, n_hollow = [], 0
    for a, b, s in rows:
        n = max(len(a or ()), len(b or ()), 1)
        n_hollow += not a and not b and (a is not None or b is not None)
        pad = [[*(x or ()), *[None] * (n - len(x or ()))] for x in (a, b)]
        wanted += [(x, s, y) for x, y in zip(*pad, strict=True)]
    found = sessions[world].query("table t | explode a, b", sources={"t": table}).run()
    assert values_of(found.to_arrow()) == wanted
    assert [n.count for n in found.notes] == ([n_hollow] if n_hollow else [])
    if all(r[0] != [] for r in rows):  # Polars leaves out rows of empty lists
        one = sessions[world].query("table t | fields s, a | explode a", sources={"t": table}).to_arrow()
        frame: Any = pl.from_arrow(table.select(["s", "a"]))
        assert values_of(one) == values_of(frame.explode("a").to_arrow().cast(one.schema))


@some(60)
@given(table=tables(), names=st.permutations(["i", "j", "id"]), n=st.integers(1, 3), drop=st.booleans(), world=WORLD)
def test_unpivot(sessions: Sessions, table: pa.Table, names: list[str], n: int, drop: bool, world: str) -> None:
    listed = names[:n]
    query = f"table t | unpivot nulls={'drop' if drop else 'keep'} {', '.join(listed)} | fields s, x, key, value"
    found = values_of(sessions[world].query(query, sources={"t": table}).to_arrow())
    with duckdb.connect() as db:
        db.register("t", table.append_column("rn", pa.array(range(table.num_rows), pa.int64())))
        order = "case key " + " ".join(f"when '{name}' then {i}" for i, name in enumerate(listed)) + " end"
        sql = f"select s, x, key, value from t unpivot {'' if drop else 'include nulls '}(value for key in ({', '.join(listed)})) order by rn, {order}"
        wanted = values_of(db.sql(sql).to_arrow_table())
    assert texts(found) == texts(wanted), query


@some(60)
@given(table=tables(), span=st.sampled_from([1, 2, 7, 0.5, 0.1, 1000]), offset=st.sampled_from([0, 3, -5]), world=WORLD)
def test_bin_of_numbers(sessions: Sessions, table: pa.Table, span: float, offset: int, world: str) -> None:
    query = f"table t | bin span={span} offset={offset} i as q | fields i, q"
    for number, start in values_of(sessions[world].query(query, sources={"t": table}).to_arrow()):
        if number is None:
            assert start is None
            continue
        steps = (start - offset) / span
        assert start <= number < start + span * (1 + 1e-12)
        assert math.isclose(steps, round(steps), abs_tol=1e-9)
