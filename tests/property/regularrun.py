"""Runs a case of `regularoracle` and says where the answer differs."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pyarrow as pa

import cortado

from .regularoracle import Case, alike, expected

FIELDS: dict[str, pa.DataType] = {
    "n": pa.int64(), "t": pa.timestamp("us", "UTC"), "k": pa.string(), "x": pa.int64(), "y": pa.float64(), "s": pa.string(),
    "g": pa.int64(),
}  # fmt: skip


def table_of(case: Case) -> pa.Table:
    columns: dict[str, Any] = {n: pa.array([r[n] for r in case.rows], kind) for n, kind in FIELDS.items() if n != "t"}
    ticks = [None if r["t"] is None else int(r["t"] / case.tick) for r in case.rows]
    times = pa.array(ticks, pa.int64()).cast(pa.timestamp(case.unit, "UTC"))
    return pa.table({n: times if n == "t" else columns[n] for n in FIELDS})


def answer(session: cortado.Session, case: Case) -> list[dict[str, Any]]:
    """Times are seconds."""
    got = session.query(case.query(), sources={"r": table_of(case)}).run().to_arrow()
    ticks = 10**9 if got.schema.field("t").type.unit == "ns" else 10**6
    instants: list[Any] = got["t"].cast(pa.int64()).to_pylist()
    rows: list[dict[str, Any]] = got.drop_columns("t").to_pylist()
    return [row | {"t": Fraction(v, ticks)} for row, v in zip(rows, instants, strict=True)]


def difference(session: cortado.Session, case: Case) -> str:
    """Empty where the answer is right."""
    got, wanted = answer(session, case), expected(case)
    text = f"{case.query()}\n{case.unit} {case.rows}"
    mine, theirs = ([(*(r[k] for k in case.keys), r["t"]) for r in found] for found in (got, wanted))
    if mine != theirs:
        return f"{text}\nrows: {[(*k, str(t)) for *k, t in mine]}\nnot   {[(*k, str(t)) for *k, t in theirs]}"
    for row, right in zip(got, wanted, strict=True):
        for name, value in right.items():
            if not alike(row[name], value):
                return f"{text}\n{name} at {row['t']} of {[row[k] for k in case.keys]}: {row[name]!r}, not {value!r}"
    return ""
