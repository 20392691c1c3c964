"""Joins of every type give what nested loops over the rows give, in every world, also where the right is on disk."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cortado

from .made import some

TYPES = ["inner", "left", "leftonly", "right", "rightonly", "full", "cross"]
VALUES: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "long": (pa.int64(), st.integers(-2, 3) | st.sampled_from([2**53, 2**53 + 1, -(2**63)])),
    "near": (pa.int64(), st.integers(-2, 3)),
    "double": (pa.float64(), st.sampled_from([-0.0, 0.0, 1.0, 2.5, math.nan, math.inf, 2.0**53, -(2.0**63), 2.0**63])),
    "string": (pa.string(), st.sampled_from(["", "a", "b", "a longer text than fifteen bytes", "é"])),
    "bool": (pa.bool_(), st.booleans()),
    "ms": (pa.timestamp("ms", "UTC"), st.integers(0, 2)),
    "ns": (pa.timestamp("ns", "UTC"), st.sampled_from([0, 1, 1_000_000, 2_000_000])),
}
PAIRS = [("near", "near"), ("near", "long"), ("near", "double"), ("long", "long"), ("long", "double"), ("double", "double"), ("double", "long"), ("string", "string"),
         ("bool", "bool"), ("ms", "ns"), ("ns", "ms"), ("long", "string"), ("string", "bool")]  # fmt: skip
COMPARABLE = {
    frozenset(("near", "long")),
    frozenset(("near", "double")),
    frozenset(("long", "double")),
    frozenset(("ms", "ns")),
}


def column(draw: st.DrawFn, kind: str, n: int) -> pa.Array[Any]:
    type_, values = VALUES[kind]
    found = draw(st.lists(st.none() | values, min_size=n, max_size=n))
    made = (
        pa.array(found, type_)
        if kind != "string" or not draw(st.booleans())
        else pa.array(found, type_).dictionary_encode()
    )
    return made


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    n_left, n_right = draw(st.integers(0, 12)), draw(st.integers(0, 12))
    kinds = draw(st.lists(st.sampled_from(PAIRS), min_size=1, max_size=3))
    left = {f"k{i}": column(draw, a, n_left) for i, (a, _) in enumerate(kinds)}
    right = {f"r{i}": column(draw, b, n_right) for i, (_, b) in enumerate(kinds)}
    left["i"] = pa.array(range(n_left), pa.int64())
    right["j"] = pa.array(range(n_right), pa.int64())
    if draw(st.booleans()):
        left["v"], right["v"] = column(draw, "string", n_left), column(draw, "string", n_right)
    return {
        "left": pa.table(left), "right": pa.table(right), "kinds": kinds, "type": draw(st.sampled_from(TYPES)),
        "match": draw(st.booleans()), "suffix": draw(st.booleans()),
    }  # fmt: skip


def equal(a: Any, b: Any, kinds: tuple[str, str], match: bool) -> bool:
    if a is None or b is None:
        return match and a is None and b is None
    if kinds[0] != kinds[1] and frozenset(kinds) not in COMPARABLE:
        return False
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b):
        return True
    return bool(a == b)


def cells(table: pa.Table, names: list[str]) -> list[dict[str, Any]]:
    """Times as nanoseconds."""
    out: dict[str, list[Any]] = {}
    for n in names:
        c: Any = table[n]
        if pa.types.is_timestamp(c.type):
            c = c.cast(pa.timestamp("ns", "UTC")).cast(pa.int64())
        out[n] = c.to_pylist()
    return [dict(zip(names, row, strict=True)) for row in zip(*out.values(), strict=True)] if names else []


def oracle(case: dict[str, Any]) -> list[tuple[int | None, int | None]]:
    """Pairs of row numbers, in order."""
    kinds, kind = case["kinds"], case["type"]
    left = cells(case["left"], [f"k{i}" for i in range(len(kinds))])
    right = cells(case["right"], [f"r{i}" for i in range(len(kinds))])

    def fits(a: dict[str, Any], b: dict[str, Any]) -> bool:
        return kind == "cross" or all(equal(a[f"k{i}"], b[f"r{i}"], k, case["match"]) for i, k in enumerate(kinds))

    pairs: list[tuple[int | None, int | None]] = []
    met: set[int] = set()
    for i, a in enumerate(left):
        found = [j for j, b in enumerate(right) if fits(a, b)]
        met.update(found)
        if kind == "leftonly":
            pairs += [] if found else [(i, None)]
        elif kind != "rightonly":
            pairs += [(i, j) for j in found] or ([(i, None)] if kind in ("left", "full") else [])
    if kind in ("right", "rightonly", "full"):
        pairs += [(None, j) for j in range(len(right)) if j not in met]
    return pairs


def query_of(case: dict[str, Any]) -> str:
    options = (
        f"type={case['type']}" + (" nulls=match" if case["match"] else "") + (" suffix=_x" if case["suffix"] else "")
    )
    keys = "" if case["type"] == "cross" else ", ".join(f"k{i} as r{i}" for i in range(len(case["kinds"])))
    return f"table a | join {options} {keys} [ table b ]"


def expected(case: dict[str, Any]) -> list[tuple[Any, ...]]:
    """i, j and v of each row."""
    out = []
    left, right = case["left"].to_pylist(), case["right"].to_pylist()
    for i, j in oracle(case):
        a, b = left[i] if i is not None else {}, right[j] if j is not None else {}
        v, x = a.get("v"), b.get("v")
        if case["suffix"]:
            row = (i, j, v, x)
        elif case["type"] == "rightonly":
            row = (i, j, x, None)
        else:
            row = (i, j, x if j is not None else v, None)
        out.append(row)
    return out


def given_rows(table: pa.Table) -> list[tuple[Any, ...]]:
    n = table.num_rows
    columns = [table[c].to_pylist() if c in table.schema.names else [None] * n for c in ("i", "j", "v", "v_x")]
    return list(zip(*columns, strict=True))


def of_rightonly(case: dict[str, Any], table: pa.Table) -> pa.Table:
    """Its only `v` is the right's; with a suffix the others have the right's under another name."""
    if case["type"] == "rightonly" and case["suffix"] and "v" in table.schema.names:
        return table.rename_columns([("v_x" if n == "v" else n) for n in table.schema.names])
    return table


@some(150)
@given(case=cases())
def test_joins_say_what_loops_say(sessions: dict[str, cortado.Session], case: dict[str, Any]) -> None:
    query = query_of(case)
    wanted = expected(case)
    notes = None
    for name, session in sessions.items():
        result = session.query(query, sources={"a": case["left"], "b": case["right"]}).run()
        assert given_rows(of_rightonly(case, result.to_arrow())) == wanted, (name, query)
        told = sorted((n.kind, n.reason, n.count, n.samples) for n in result.notes)
        notes = told if notes is None else notes
        assert told == notes, name


@some(60)
@given(case=cases(), wanted=st.sampled_from(["i", "j", "v", ""]))
def test_fields_that_nobody_reads_change_no_other(
    sessions: dict[str, cortado.Session], case: dict[str, Any], wanted: str
) -> None:
    """A join makes only what is read of it: one field, or no field at all."""
    sources = {"a": case["left"], "b": case["right"]}
    for name, session in sessions.items():
        whole = session.query(query_of(case), sources=sources).run().to_arrow()
        if wanted and wanted not in whole.schema.names:
            continue
        tail = f"fields {wanted}" if wanted else "stats count"
        got = session.query(f"{query_of(case)} | {tail}", sources=sources).run().to_arrow()
        want = whole[wanted].to_pylist() if wanted else [whole.num_rows]
        assert got.column(0).to_pylist() == want, name


@pytest.fixture(scope="module")
def small() -> Iterator[cortado.Session]:
    with cortado.connect(timezone="UTC", threads=2, memory=4 << 20) as session:
        yield session


@pytest.fixture(scope="module")
def ample() -> Iterator[cortado.Session]:
    with cortado.connect(timezone="UTC", threads=2, memory=1 << 30) as session:
        yield session


def large(n: int, keys: int, seed: int, name: str) -> pa.Table:
    import numpy as np

    rng = np.random.default_rng(seed)
    key = rng.integers(0, keys, n)
    text = [None if k % 97 == 0 else f"key {k} of a table" for k in key.tolist()]
    return pa.table({"k": text, "m": rng.integers(0, 3, n), name: np.arange(n), "v": [f"{name} {i}" for i in range(n)]})


@pytest.mark.parametrize("kind", TYPES[:-1])
@pytest.mark.parametrize("keys", [7, 40_000])
def test_a_spilled_join_gives_the_same(
    small: cortado.Session, ample: cortado.Session, kind: str, keys: int
) -> None:  # fmt: skip
    n = 60_000 if keys > 100 else 1500
    sources = {"a": large(n, keys, 1, "i"), "b": large(n, keys, 2, "j")}
    query = f"table a | join type={kind} k, m [ table b ]"
    one, other = (s.query(query, sources=sources).run() for s in (ample, small))
    assert one.to_arrow().equals(other.to_arrow())
    assert [(n.kind, n.reason, n.count, n.samples) for n in one.notes] == [
        (n.kind, n.reason, n.count, n.samples) for n in other.notes
    ]
    assert other.stats.spilled_bytes > 0 if keys > 100 else other.stats.spilled_bytes >= 0
    assert one.stats.spilled_bytes == 0


@pytest.mark.parametrize("kind", TYPES[:-1])
@pytest.mark.parametrize("wide", [1, 1 << 40])
def test_a_spilled_join_by_numbers(
    small: cortado.Session, ample: cortado.Session, kind: str, wide: int
) -> None:  # fmt: skip
    """Close together, and too far apart for a cell each; all fields, one field, and none are read."""
    sources = {"a": numbered(25_000, wide, 3, "i"), "b": numbered(25_000, wide, 4, "j")}
    field = "j" if kind == "rightonly" else "i"
    for tail in ("", f"| fields {field}", "| stats count"):
        query = f"table a | join type={kind} k, m [ table b ] {tail}"
        one, other = (s.query(query, sources=sources).run() for s in (ample, small))
        assert one.to_arrow().equals(other.to_arrow())
        assert other.stats.spilled_bytes > 0 == one.stats.spilled_bytes


def numbered(n: int, wide: int, seed: int, name: str) -> pa.Table:
    """Keys below n times `wide`, of either sign, some null."""
    import numpy as np

    rng = np.random.default_rng(seed)
    key = (rng.integers(0, n, n) - n // 2) * wide
    return pa.table({"k": pa.array(key, mask=rng.random(n) < 0.01), "m": rng.integers(0, 3, n), name: np.arange(n),
                     "v": [f"{name} {i}" for i in range(n)]})  # fmt: skip


@pytest.mark.parametrize("kind", TYPES[:-1])
def test_a_spilled_join_before_an_aggregation(small: cortado.Session, ample: cortado.Session, kind: str) -> None:
    """It asks for no order: parts are joined as they are read."""
    sources = {"a": large(60_000, 40_000, 7, "i"), "b": large(60_000, 40_000, 8, "j")}
    field = {"leftonly": "i", "rightonly": "j"}.get(kind, "i + j")
    query = (
        f"table a | join type={kind} k, m [ table b ] | eval x = {field} | stats count, sum(x) as s, dc(v) as d by m"
    )
    one, other = (s.query(query, sources=sources).run() for s in (ample, small))
    assert one.to_arrow().equals(other.to_arrow())
    assert [(n.kind, n.reason, n.count, n.samples) for n in one.notes] == [
        (n.kind, n.reason, n.count, n.samples) for n in other.notes
    ]
    assert other.stats.spilled_bytes > 0 == one.stats.spilled_bytes


def test_a_spilled_lookup_takes_the_first_row(small: cortado.Session, ample: cortado.Session) -> None:
    sources = {"a": large(50_000, 20_000, 3, "i"), "b": large(50_000, 20_000, 4, "j")}
    query = "table a | lookup b k output j, v as w"
    one, other = (s.query(query, sources=sources).run() for s in (ample, small))
    assert one.to_arrow().equals(other.to_arrow())
    assert [(n.kind, n.reason, n.count, n.samples) for n in one.notes] == [
        (n.kind, n.reason, n.count, n.samples) for n in other.notes
    ]
    assert other.stats.spilled_bytes > 0 == one.stats.spilled_bytes


@pytest.mark.parametrize("kind", ["inner", "left", "leftonly"])
@pytest.mark.parametrize("memory", [4 << 20, 1 << 30])
def test_a_small_left_is_read_first(kind: str, memory: int) -> None:
    sources = {"a": large(200, 900, 5, "i"), "b": large(150_000, 50_000, 6, "j")}
    query = f"table a | join type={kind} k, m [ table b ]"
    with cortado.connect(timezone="UTC", threads=2, memory=memory) as session:
        assert "left first" in session.query(query, sources=sources).explain()
        one = session.query(query, sources=sources).run()
        other = session.query("set option.optimiser = false | " + query, sources=sources).run()
    assert one.to_arrow().equals(other.to_arrow())
    assert [(n.kind, n.reason, n.count, n.samples) for n in one.notes] == [
        (n.kind, n.reason, n.count, n.samples) for n in other.notes
    ]
    built = [
        int(o.detail.split("build_rows=")[1].split(",")[0]) for o in one.stats.operators if "build_rows=" in o.detail
    ]
    assert all(n < 150_000 for n in built)  # none is told of where the table went to disk


@pytest.mark.parametrize("optimiser", [True, False])
def test_a_small_left_that_refuses_values_is_not_read_beyond_a_limit(optimiser: bool) -> None:
    texts = [str(i) if i < 3000 else "none" for i in range(4000)]
    sources = {"a": pa.table({"x": texts}), "b": large(150_000, 50_000, 6, "j")}
    query = "table a | eval m = long(x) | join type=left m [ table b ] | limit 3"
    with cortado.connect(timezone="UTC", threads=2, batch_rows=256, strict=True, optimiser=optimiser) as session:
        assert len(session.query(query, sources=sources).run()) == 3


@pytest.mark.parametrize("kind", ["inner", "left", "leftonly"])
def test_rows_behind_a_spilled_join_say_where_they_stood(
    small: cortado.Session, ample: cortado.Session, kind: str
) -> None:
    sources = {"a": large(60_000, 40_000, 9, "i"), "b": large(60_000, 40_000, 10, "j").drop_columns(["v"])}
    query = f"table a | join type={kind} k, m [ table b ] | eval x = long(v)"
    for text in (query, f"{query} | stats count by m"):
        one, other = (s.query(text, sources=sources).run() for s in (ample, small))
        assert one.to_arrow().equals(other.to_arrow())
        assert [(n.kind, n.reason, n.count, n.samples) for n in one.notes] == [
            (n.kind, n.reason, n.count, n.samples) for n in other.notes
        ]
        assert "a:" in one.notes[0].samples[0]
        assert other.stats.spilled_bytes > 0 == one.stats.spilled_bytes
