"""Where a function has a quicker way, its borders: what lies on either side of them gives what the plain way gives."""

from __future__ import annotations

import math
import operator
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import cortado
from cortado.engine.compare import double_holds
from cortado.engine.epoch import micros_of_epoch
from cortado.engine.operators.expand import windows

LEAST, MOST = -(2**63), 2**63 - 1
EDGES = [LEAST, LEAST + 1, LEAST + 6, -8, -7, -6, -1, 0, 1, 6, 7, 8, MOST - 1, MOST]


def asked(expression: str, **columns: Any) -> list[Any]:
    with cortado.connect(threads=1, timezone="UTC") as session:
        rows = session.query(f"table t | eval r = {expression} | fields r", sources={"t": pa.table(columns)}).to_arrow()
    return rows["r"].to_pylist()


@pytest.mark.parametrize("op", ["<", "<=", ">", ">="])
def test_doubles_are_ordered_with_nan_last(op: str) -> None:
    values = [-math.inf, -1.5, -0.0, 0.0, 2.0, math.inf, math.nan]
    rank = [(math.isnan(v), 0.0 if math.isnan(v) else v) for v in values]
    order = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}[op]
    column = np.array(values)
    for i, value in enumerate(values):
        want = [order(r, rank[i]) for r in rank]
        assert double_holds(op, column, np.float64(value)).tolist() == want
        assert double_holds(op, column, np.full(7, value)).tolist() == want
        assert double_holds(op, np.float64(value), column).tolist() == [order(rank[i], r) for r in rank]


@pytest.mark.parametrize("constant", [0, 2**53, 2**53 + 1, -(2**53) - 1, MOST])
def test_a_whole_number_beside_doubles_is_compared_exactly(constant: int) -> None:
    near = float(constant)
    values = [math.nextafter(near, -math.inf), near, math.nextafter(near, math.inf), math.nan, math.inf]
    exact = [math.inf if not math.isfinite(v) else Fraction(v) for v in values]
    assert asked(f"x > {constant}", x=values) == [v > constant for v in exact]
    assert asked(f"x <= {constant}", x=values) == [v <= constant for v in exact]


@pytest.mark.parametrize("divisor", [1, 2, 7, 10**9, MOST])
def test_div_and_bucket_by_one_number(divisor: int) -> None:
    quotients = [abs(x) // divisor * (1 if x >= 0 else -1) for x in EDGES]
    assert asked(f"div(x, {divisor})", x=EDGES) == quotients
    assert asked("div(x, y)", x=EDGES, y=[divisor] * (len(EDGES) - 1) + [3]) == [*quotients[:-1], MOST // 3]
    floors = [x // divisor * divisor for x in EDGES]
    assert asked(f"bucket(x, {divisor})", x=EDGES) == [f if f >= LEAST else None for f in floors]


def test_powers_of_two_are_squares_wherever_the_two_stands() -> None:
    x = [*np.random.default_rng(2).normal(0, 1e3, 500).tolist(), 1e200, 1e-200, -0.0, math.inf, None]
    want = [None if v is None else v * v for v in x]
    assert asked("pow(x, 2)", x=x) == asked("pow(x, 2.0)", x=x) == want
    assert asked("pow(x, y)", x=x, y=[2] * len(x)) == want
    assert asked("pow(x, y)", x=[3.0, 3.0, None, 4.0], y=[2.0, 0.5, 2.0, None]) == [9.0, 3.0**0.5, None, None]


def test_units_of_epochs_change_behind_the_year_9999() -> None:
    last = 253_402_300_799
    cases = {
        last: (last * 10**6, 0), last + 1: ((last + 1) * 10**3, 1), -last: (-last * 10**6, 0), -last - 1: ((-last - 1) * 10**3, 1),
        last * 1000 + 999: ((last * 1000 + 999) * 1000, 1), (last + 1) * 1000: ((last + 1) * 1000, 2),
        -last * 1000: (-last * 10**6, 1), -last * 1000 - 1: (-last * 1000 - 1, 2),
        (last + 1) * 10**6 - 1: ((last + 1) * 10**6 - 1, 2), (last + 1) * 10**6: ((last + 1) * 10**3, 3),
    }  # fmt: skip
    micros, size, _ = micros_of_epoch(np.array(list(cases)))
    assert list(zip(micros.tolist(), size.tolist(), strict=True)) == list(cases.values())
    for value, (us, unit) in cases.items():  # alone: within the first unit a batch goes the quick way
        got, size, _ = micros_of_epoch(np.array([value]))
        assert (got.tolist(), size.tolist()) == ([us], [unit])


@pytest.mark.parametrize("scale", [0, 2, 3, 22, 23])
def test_decimals_of_doubles_are_rounded_as_they_are_written(scale: int) -> None:
    rng = np.random.default_rng(3)
    halves = (rng.integers(-(10**6), 10**6, 2000) + 0.5) / 100
    edge = 2.0**40 / 10**scale
    x = [*halves.tolist(), *np.round(rng.normal(0, 100, 2000), 3).tolist(), 1.005, -1.005, 0.0, -0.0, 5e-324, 1e15]
    x += [edge, math.nextafter(edge, 0), -edge, 1e37, 1e39, math.nan, math.inf]
    exact = Context(prec=400)

    def written(value: float) -> Decimal | None:
        if not math.isfinite(value):
            return None
        made = Decimal(repr(value)).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, context=exact)
        return made if abs(made.scaleb(scale, exact)) < Decimal(10) ** 38 else None

    assert asked(f"decimal(x, {scale})", x=[*x, None]) == [*map(written, x), None]


def test_texts_of_a_case_are_null_where_no_condition_holds() -> None:
    x = [3.0, 1.0, -1.0, None, math.nan]
    assert asked('case(x > 2, "a", x > 0, "b")', x=x) == ["a", "b", None, None, "a"]
    assert asked('case(x > 2, null, x > 0, "b", "c")', x=x) == [None, "b", "c", "c", None]
    assert asked("case(x > 2, 1, x > 0, 2)", x=x) == [1, 2, None, None, 1]
    assert asked("case(x > 2, n, x > 0, 2, x)", x=x, n=[7, 7, 7, 7, None]) == [7.0, 2.0, -1.0, None, None]


def test_repeated_rows_are_cut_into_pieces() -> None:
    counts = np.array([1, 5, 1, 1, 3, 2, 9, 1])
    rows = np.repeat(np.arange(8), counts)
    nth = np.concatenate([np.arange(c) for c in counts])
    for size in range(1, 26):
        pieces = list(windows(counts, size))
        assert [p.high - p.low for p in pieces[:-1]] == [size] * (len(pieces) - 1)
        assert np.concatenate([p.rows for p in pieces]).tolist() == rows.tolist()
        assert np.concatenate([p.nth() for p in pieces]).tolist() == nth.tolist()
    assert list(windows(np.zeros(0, np.int64), 3)) == []


@pytest.mark.parametrize("method", ["prev", "linear"])
def test_nulls_are_filled_from_their_neighbours_across_batches(method: str) -> None:
    rng = np.random.default_rng(4)
    given = [float(i) if rng.random() < 0.4 else None for i in range(200)]
    want: list[float | None] = list(given)
    known = [i for i, v in enumerate(given) if v is not None]
    for i, value in enumerate(given):
        if value is None and known[0] < i and (method == "prev" or i < known[-1]):
            want[i] = float(max(k for k in known if k < i)) if method == "prev" else float(i)
    times = pa.array(np.arange(200) * 1_000_000).cast(pa.timestamp("us", "UTC"))
    table = pa.table(
        {"_time": times, "x": pa.array(given, pa.float64()), "s": [str(v) if v is not None else None for v in given]}
    )
    for rows in (1, 3, 64, 65_536):
        with cortado.connect(threads=1, timezone="UTC", batch_rows=rows) as session:
            names = "x, s" if method == "prev" else "x"
            got = session.query(f"table t | fillnull method={method} {names}", sources={"t": table}).to_arrow()
        assert got["x"].to_pylist() == want
        if method == "prev":
            assert got["s"].to_pylist() == [None if v is None else str(v) for v in want]
