"""Runs a case of `regularoracle` and says where the answer differs."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

import cortado

from .regularoracle import Case, alike, expected

FIELDS: dict[str, pa.DataType] = {
    "n": pa.int64(), "t": pa.timestamp("us", "UTC"), "k": pa.string(), "x": pa.int64(), "y": pa.float64(), "s": pa.string(),
}  # fmt: skip


def table_of(case: Case, unit: str = "us") -> pa.Table:
    scale = {"us": 10**6, "ns": 10**9, "s": 1}[unit]
    columns: dict[str, Any] = {n: pa.array([r[n] for r in case.rows], kind) for n, kind in FIELDS.items()}
    ticks = [None if r["t"] is None else r["t"] * scale for r in case.rows]
    columns["t"] = pa.array(ticks, pa.int64()).cast(pa.timestamp(unit, "UTC"))
    return pa.table(columns)


def answer(session: cortado.Session, case: Case, unit: str = "us") -> list[dict[str, Any]]:
    got = session.query(case.query(), sources={"r": table_of(case, unit)}).run().to_arrow()
    ticks = 10**9 if got.schema.field("t").type.unit == "ns" else 10**6
    at = got.schema.get_field_index("t")
    instants: list[Any] = got["t"].cast(pa.int64()).to_pylist()
    seconds = pa.array([v // ticks for v in instants], pa.int64())
    rows: list[dict[str, Any]] = got.set_column(at, "t", seconds).to_pylist()
    return rows


def difference(session: cortado.Session, case: Case, unit: str = "us") -> str:
    """Empty where the answer is right."""
    got, wanted = answer(session, case, unit), expected(case)
    text = f"{case.query()}\n{case.rows}"
    if [(r.get("k"), r["t"]) for r in got] != [(r.get("k"), r["t"]) for r in wanted]:
        return f"{text}\nrows: {[(r.get('k'), r['t']) for r in got]}\nnot   {[(r.get('k'), r['t']) for r in wanted]}"
    for mine, theirs in zip(got, wanted, strict=True):
        for name, value in theirs.items():
            if not alike(mine[name], value):
                return f"{text}\n{name} at {mine['t']} of {mine.get('k')}: {mine[name]!r}, not {value!r}"
    return ""
