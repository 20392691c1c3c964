"""Single rules of the language, each in every world."""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from .conftest import WORLDS, run_sink

NAN = math.nan


def one(check: Any, values: Any, *agg: Any, **more: Any) -> Any:
    """The value of one aggregate over one column `x`."""
    table = pa.table({"x": values, **more})
    return check(table, (), [agg]).table["a0"].to_pylist()[0]


def test_without_keys_no_rows_give_one_row(same_everywhere: Any) -> None:
    t = pa.table({"x": pa.array([], pa.int64()), "s": pa.array([], pa.string())})
    aggs = [("count",), ("count", "x"), ("dc", "s"), ("sum", "x"), ("max", "s"), ("values", "s"), ("median", "x"),
            ("first", "s"), ("mode", "x"), ("stddev", "x"), ("countif", "x"), ("anytrue", "x"), ("array", "s")]  # fmt: skip
    got = same_everywhere(t, (), aggs).table
    assert list(got.to_pylist()[0].values()) == [0, 0, 0, *[None] * 7, 0, None, None]


def test_with_keys_no_rows_give_none(same_everywhere: Any) -> None:
    t = pa.table({"x": pa.array([], pa.int64())})
    assert same_everywhere(t, ("x",), [("count",)]).table.num_rows == 0


def test_min_max_nan_only_when_alone(same_everywhere: Any) -> None:
    t = pa.table({"g": [1, 1, 1, 2, 3], "x": [NAN, 2.0, -1.0, NAN, None]})
    got = same_everywhere(t, ("g",), [("min", "x"), ("max", "x"), ("argmax", "g", "x")]).table.to_pylist()
    assert [got[0]["a0"], got[0]["a1"]] == [-1.0, 2.0]
    assert math.isnan(got[1]["a0"]) and math.isnan(got[1]["a1"])
    assert got[2]["a0"] is None and got[2]["a1"] is None
    assert [r["a2"] for r in got] == [1, 2, None]


def test_zero_has_one_sign(same_everywhere: Any) -> None:
    t = pa.table({"x": [-0.0, 0.0, -0.0]})
    got = same_everywhere(t, ("x",), [("min", "x"), ("max", "x"), ("values", "x"), ("mode", "x"), ("median", "x")])
    (row,) = got.table.to_pylist()
    flat = [row["x"], row["a0"], row["a1"], *row["a2"], row["a3"], row["a4"]]
    assert [math.copysign(1, v) for v in flat] == [1.0] * 6


def test_argmax_takes_the_first_of_ties_and_keeps_null(same_everywhere: Any) -> None:
    t = pa.table({"e": [None, "b", "c", "d"], "by": pa.array([5, 5, None, 1])})
    row = same_everywhere(
        t, (), [("argmax", "e", "by"), ("argmin", "e", "by"), ("arg_max", "by", "e")]
    ).table.to_pylist()[0]
    assert list(row.values()) == [None, "d", 1]


def test_first_and_last_skip_nulls(same_everywhere: Any) -> None:
    values = [None, *range(2000), None]
    assert one(same_everywhere, values, "first", "x") == 0
    assert one(same_everywhere, values, "last", "x") == 1999
    assert one(same_everywhere, values, "any", "x") == 0


@pytest.mark.parametrize("method", ["linear", "midpoint", "lower", "higher", "nearest"])
@pytest.mark.parametrize("n", [1, 2, 5, 20, 999])
def test_percentile_methods_as_numpy(method: str, n: int, same_everywhere: Any) -> None:
    values = np.random.default_rng(n).normal(size=n)
    for percent in (0, 1, 12.5, 50, 95, 100):
        got = one(same_everywhere, pa.array(values), "percentile", "x", percent, method)
        assert got == pytest.approx(np.percentile(values, percent, method=method), rel=1e-12)  # type: ignore[call-overload]


def test_percentiles_of_one_column_share_what_they_hold(same_everywhere: Any) -> None:
    r = random.Random(1)
    t = pa.table({"g": [r.randrange(3) for _ in range(3000)], "x": [r.randrange(10**9) for _ in range(3000)]})
    out = same_everywhere(t, ("g",), [("p5", "x"), ("median", "x"), ("p99", "x"), ("percentile", "x", 30, "lower")])
    assert len(out.sink._program.slots) == 1
    for row in out.table.to_pylist():
        mine = np.array([x for g, x in zip(t["g"].to_pylist(), t["x"].to_pylist(), strict=True) if g == row["g"]])
        assert row["a0"] == pytest.approx(np.percentile(mine, 5))
        assert row["a1"] == statistics.median(mine.tolist())
        assert row["a3"] == np.percentile(mine, 30, method="lower")


def test_percentile_of_dates_and_durations_keeps_the_type(same_everywhere: Any) -> None:
    when = pa.array([1_000_000, 3_000_001], pa.timestamp("us", "UTC"))
    assert one(same_everywhere, when, "median", "x").timestamp() == pytest.approx(2.0, abs=1e-5)
    length = pa.array([10, 30], pa.duration("us"))
    assert one(same_everywhere, length, "avg", "x").microseconds == 20
    assert one(same_everywhere, length, "sum", "x").microseconds == 40


def test_infinities_interpolate_to_themselves(same_everywhere: Any) -> None:
    assert one(same_everywhere, [math.inf, math.inf, math.inf, math.inf], "p30", "x") == math.inf
    assert one(same_everywhere, [1.7e308, -1.7e308], "median", "x") == 0.0


def test_mode_and_entropy(same_everywhere: Any) -> None:
    r = random.Random(2)
    values = [r.choice(["b", "a", "c", None]) for _ in range(500)]
    times = Counter(v for v in values if v is not None)
    best = max(times.values())
    assert one(same_everywhere, values, "mode", "x") == min(k for k, n in times.items() if n == best)
    assert one(same_everywhere, ["z", "y", "y", "z"], "mode", "x") == "y"
    shares = [n / sum(times.values()) for n in times.values()]
    assert one(same_everywhere, values, "entropy", "x") == pytest.approx(-sum(p * math.log2(p) for p in shares))


def test_values_and_array_are_capped_and_say_so(same_everywhere: Any) -> None:
    t = pa.table({"g": [1, 1, 1, 1, 2], "x": ["c", "a", "c", "b", "z"]})
    out = same_everywhere(t, ("g",), [("values", "x", 2), ("array", "x", 3), ("values", "x"), ("array", "x")])
    assert out.table.to_pylist() == [
        {"g": 1, "a0": ["a", "b"], "a1": ["c", "a", "c"], "a2": ["a", "b", "c"], "a3": ["c", "a", "c", "b"]},
        {"g": 2, "a0": ["z"], "a1": ["z"], "a2": ["z"], "a3": ["z"]},
    ]
    assert out.notes == {("truncate", "values"): 2}


def test_null_keys_can_be_dropped_and_are_noted(same_everywhere: Any) -> None:
    t = pa.table({"k": ["a", None, "b", None], "j": pa.array([1, 1, None, None]), "x": [1, 2, 3, 4]})
    out = same_everywhere(t, ("k", "j"), [("sum", "x")], drop=True)
    assert out.table.to_pylist() == [{"k": "a", "j": 1, "a0": 1}]
    assert out.notes == {("drop", "null key"): 3}


def test_where_counts_truthy_rows_only(same_everywhere: Any) -> None:
    t = pa.table({"x": [1, 2, 3], "ok": pa.array([True, None, False]), "s": ["", None, "q"]})
    aggs = [("sum", "x", {"where": "ok"}), ("count", {"where": "s"}), ("first", "x", {"where": "s"}), ("sum", "x")]
    row = same_everywhere(t, (), aggs).table.to_pylist()[0]
    assert list(row.values()) == [1, 2, 1, 6]


def test_numeric_aggregates_pass_over_text_and_warn(same_everywhere: Any) -> None:
    t = pa.table({"s": ["1", "2"]})
    out = same_everywhere(t, (), [("sum", "s"), ("avg", "s"), ("median", "s"), ("stddev", "s"), ("range", "s")])
    assert list(out.table.to_pylist()[0].values()) == [None] * 5
    assert out.warned == ["W320"] * 5


def test_count_of_a_condition_warns(same_everywhere: Any) -> None:
    out = same_everywhere(pa.table({"ok": pa.array([True, False, None])}), (), [("count", "ok"), ("countif", "ok")])
    assert list(out.table.to_pylist()[0].values()) == [2, 1]
    assert out.warned == ["W330"]


def test_addresses_sort_by_their_bytes(same_everywhere: Any) -> None:
    def v4(*b: int) -> bytes:
        return bytes([4, *[0] * 12, *b])

    v6 = bytes([6, *range(16)])
    rows = [v6, v4(10, 0, 0, 1), None, v4(9, 255, 0, 0), v4(10, 0, 0, 1), v6]
    t = pa.table({"ip": pa.array(rows, pa.binary(17))})
    out = same_everywhere(t, ("ip",), [("count",), ("min", "ip"), ("dc", "ip"), ("values", "ip")]).table
    assert out["ip"].to_pylist() == [None, v4(9, 255, 0, 0), v4(10, 0, 0, 1), v6]
    assert out["a0"].to_pylist() == [1, 1, 2, 2]
    assert out["a1"].to_pylist() == out["ip"].to_pylist()


def test_arrays_and_maps_are_keys_by_their_text(same_everywhere: Any) -> None:
    t = pa.table(
        {
            "a": pa.array([[1, 2], [1], [1, 2], None, []], pa.list_(pa.int64())),
            "m": pa.array([{"p": 1}, {"p": 2}, {"p": 1}, None, {"p": None}], pa.struct([("p", pa.int64())])),
        }
    )
    out = same_everywhere(t, ("a", "m"), [("count",), ("first", "a")]).table.to_pylist()
    found = {str(r["a"]) + str(r["m"]): r["a0"] for r in out}
    assert found == {"NoneNone": 1, "[1, 2]{'p': 1}": 2, "[1]{'p': 2}": 1, "[]{'p': None}": 1}
    assert out[0]["a"] is None


def test_wavg_is_rounded_once(same_everywhere: Any) -> None:
    r = random.Random(5)
    x = [r.choice([None, r.uniform(-1e3, 1e3)]) for _ in range(500)]
    w = [r.choice([None, r.randrange(100)]) for _ in range(500)]
    got = one(same_everywhere, x, "vwap", "x", "w", w=w)
    pairs = [(Fraction(a), b) for a, b in zip(x, w, strict=True) if a is not None and b is not None]
    assert got == float(sum(a * b for a, b in pairs) / sum(b for _, b in pairs))
    assert one(same_everywhere, [1.0], "wavg", "x", "w", w=[0]) is None


def test_equal_expressions_share_one_state(run: Any) -> None:
    t = pa.table({"x": [1, 2], "ok": [True, False]})
    out = run(t, (), [("sum", "x"), ("avg", "x"), ("sum", "x", {"where": "ok"}), ("count",), ("c",)])
    assert len(out.sink._program.slots) == 3
    assert list(out.table.to_pylist()[0].values()) == [3, 1.5, 1, 2, 2]


def test_keys_of_every_length_keep_apart_and_in_order(same_everywhere: Any) -> None:
    texts = ["", *("a" * n for n in range(1, 40)), *("a" * n + "b" for n in range(40)), "\x00", "a\x00", None]
    r = random.Random(3)
    rows = [r.choice(texts) for _ in range(3000)] + texts
    out = same_everywhere(pa.table({"k": rows}), ("k",), [("count",)]).table
    times = Counter(rows)
    order = [None, *sorted(t for t in texts if t is not None)]
    assert list(zip(out["k"].to_pylist(), out["a0"].to_pylist(), strict=True)) == [(k, times[k]) for k in order]


@pytest.mark.parametrize("n_keys", [2, 3, 6, 7])
def test_keys_of_more_values_than_a_word_has_room_for(n_keys: int) -> None:
    """Six keys have ten bits each: the first has more values than that, from the middle on."""
    rng = np.random.default_rng(n_keys)
    n = 9000
    first = np.where(np.arange(n) < n // 2, rng.integers(0, 900, n), rng.integers(0, 3000, n))
    columns = {"k0": first} | {f"k{i}": rng.integers(0, 3, n) for i in range(1, n_keys)}
    table = pa.table({**columns, "x": np.arange(n)})
    want: dict[tuple[int, ...], int] = {}
    for row, key in enumerate(zip(*(c.tolist() for c in columns.values()), strict=True)):
        want[key] = want.get(key, 0) + row
    for world in WORLDS:
        out = run_sink(table, list(columns), [("sum", "x")], world).table
        rows = list(zip(*(c.to_pylist() for c in out.columns), strict=True))
        assert rows == [(*k, v) for k, v in sorted(want.items())]
