"""`window` against going through all rows for each row: every frame, with ties, nulls, duplicates, NaN, in several worlds."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cortado
from tests.worlds import WORLDS

from .made import some
from .neighbouroracle import FUNCTIONS, near, wanted
from .windowcases import FIELDS, difference, random_case
from .windoworacle import AGGS, TIMED, Agg, Row, Shape, expected, same

Sessions = dict[str, cortado.Session]
DOUBLES = st.one_of(
    st.sampled_from(
        [0.0, -0.0, 0.1, 0.2, -0.3, 1e16, -1e16, 1e300, -1e300, 5e-324, float("nan"), float("inf"), -float("inf")]
    ),
    st.floats(-100, 100, width=16),
)
LONGS = st.one_of(st.integers(-3, 3), st.sampled_from([2**62, -(2**62), 2**63 - 1, -(2**63)]))


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(values, values, values, st.none())


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    tame = draw(st.booleans())  # so that sums stay in range of the quick ways
    doubles = st.sampled_from([0.1, 0.25, -3.75, 7.1, 1e3]) if tame else DOUBLES
    found = draw(
        st.lists(
            st.tuples(
                maybe(st.integers(0, 8)), maybe(st.sampled_from("ab")), maybe(LONGS), maybe(doubles), maybe(st.sampled_from(["", "a", "B", "é"]))
            ),
            max_size=14,
        )
    )  # fmt: skip
    return [dict(zip(FIELDS, (i, *row), strict=True)) for i, row in enumerate(found)]


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    kind = draw(st.sampled_from(["running", "rows", "sides", "span", "after", "around"]))
    current = draw(st.sampled_from([True, True, False]))
    words = [] if current else ["current=f"]
    if kind in ("running", "rows", "sides"):
        order = draw(st.sampled_from([None, None, "x", "y", "s", "t"]))
        words += [f"order={order}"] if order else []
        if kind == "running":
            return Shape(" ".join(words), False, None, 0, current=current, order=order)
        if kind == "rows":
            n = draw(st.integers(1, 4))
            return Shape(" ".join([f"rows={n}", *words]), False, n - 1 + (not current), 0, current=current, order=order)
        before, after = draw(st.integers(0, 3)), draw(st.integers(0, 3))
        return Shape(
            " ".join([f"before={before} after={after}", *words]), False, before, after, current=current, order=order
        )
    closed = draw(st.sampled_from(["both", "left", "right", "none"]))
    words += [f"closed={closed}"] if closed != "both" else []
    before, after = draw(st.integers(0, 4)), draw(st.integers(0, 4))
    if kind == "after":
        return Shape(" ".join([f"after={after}s", *words]), True, 0, after, closed, current=current)
    if kind == "around":
        return Shape(
            " ".join([f"before={before}s after={after}s", *words]), True, before, after, closed, current=current
        )
    ties = draw(st.sampled_from(["all", "row"]))
    words += [f"ties={ties}"] if ties == "row" else []
    return Shape(" ".join([f"span={before}s", *words]), True, before, 0, closed, ties, current)


def query(shape: Shape, aggs: list[Agg], least: int) -> str:
    calls = ", ".join(f"{a.text}{' where x > 0' if a.where else ''} as c{i}" for i, a in enumerate(aggs))
    time = "time=t " if shape.by_time else ""
    counts = all(a.text.startswith("count") for a in aggs)  # never null, so min= is E311
    few = f"min={least} " if least != 1 and not counts else ""
    return f"table r | window {time}{few}{shape.options} {calls} by k"


@some(150)
@given(
    found=rows(), shape=shapes(), aggs=st.lists(st.sampled_from(AGGS), min_size=1, max_size=6), least=st.sampled_from([1, 1, 0, 2]),
    world=st.sampled_from(["plain", "rows1", "rows3", "threads", "large"]),
)  # fmt: skip
def test_each_row_sees_its_frame(
    sessions: Sessions, found: list[Row], shape: Shape, aggs: list[Agg], least: int, world: str
) -> None:
    if shape.options.startswith("rows=1") and least > 1:
        least = 1
    if (
        not shape.by_time
        and "before" in shape.options
        and least > (shape.before or 0) + (shape.after or 0) + shape.current
    ):
        least = 1
    table = pa.table({name: pa.array([r[name] for r in found], kind) for name, kind in FIELDS.items()})
    text = query(shape, aggs, least)
    got = sessions[world].query(text, sources={"r": table}).run().to_arrow().to_pylist()
    assert [r["n"] for r in got] == [r["n"] for r in found], text
    for i, agg in enumerate(aggs):
        wanted = expected(found, shape, agg, least)
        for row in got:
            a, b = row[f"c{i}"], wanted.get(row["n"])
            assert same(a, b), f"{world}: {text}\n{agg.text} of row {row['n']}: {a!r}, not {b!r}"


@some(60)
@given(
    found=rows(), shape=shapes(), aggs=st.lists(st.sampled_from(TIMED), min_size=1, max_size=3),
    world=st.sampled_from(["plain", "rows1", "rows3", "threads", "large"]),
)  # fmt: skip
def test_frames_of_what_goes_by_time(
    sessions: Sessions, found: list[Row], shape: Shape, aggs: list[Agg], world: str
) -> None:
    if not shape.by_time:
        return
    table = pa.table({name: pa.array([r[name] for r in found], kind) for name, kind in FIELDS.items()})
    text = query(shape, aggs, 1)
    got = sessions[world].query(text, sources={"r": table}).run().to_arrow().to_pylist()
    for i, agg in enumerate(aggs):
        right = expected(found, shape, agg, 1)
        for row in got:
            a, b = row[f"c{i}"], right.get(row["n"])
            assert near(a, b), f"{world}: {text}\n{agg.text} of row {row['n']}: {a!r}, not {b!r}"


@some(120)
@given(
    found=rows(), shape=shapes(), chosen=st.lists(st.sampled_from(FUNCTIONS), min_size=1, max_size=5), least=st.sampled_from([1, 1, 2]),
    world=st.sampled_from(["plain", "rows1", "rows3", "threads", "large"]),
)  # fmt: skip
def test_functions_of_neighbours(
    sessions: Sessions, found: list[Row], shape: Shape, chosen: list[Any], least: int, world: str
) -> None:
    if shape.options.startswith(("rows=", "before=")) and not shape.by_time:
        least = 1
    calls = ", ".join([*(f"{fn.text} as c{i}" for i, fn in enumerate(chosen)), "sum(x) as more"])  # which has a frame
    time = "time=t " if shape.by_time or any(fn.by_time for fn in chosen) else ""
    text = f"table r | window {time}{f'min={least} ' if least != 1 else ''}{shape.options} {calls} by k"
    table = pa.table({name: pa.array([r[name] for r in found], kind) for name, kind in FIELDS.items()})
    got = sessions[world].query(text, sources={"r": table}).run().to_arrow().to_pylist()
    for i, fn in enumerate(chosen):
        right = wanted(found, shape, fn, least)
        for row in got:
            a, b = row[f"c{i}"], right.get(row["n"])
            assert near(a, b, found), f"{world}: {text}\n{fn.text} of row {row['n']}: {a!r}, not {b!r}\n{found}"


@pytest.mark.parametrize("world", WORLDS)
def test_any_case(sessions: Sessions, world: str) -> None:
    """Lists of frames, groups by any fields, units of time, months; `streamstats`."""
    first = 1_000 * list(WORLDS).index(world)
    for seed in range(first, first + 60):
        case = random_case(random.Random(seed))
        got = sessions[world].query(case.query(), sources={"r": case.table()}).run().to_arrow()
        found = difference(case, got.select([n for n in got.schema.names if n != "t"]).to_pylist())
        assert not found, f"seed {seed}: {case.query()}\n{case.rows}\n{found}"


@some(60)
@given(found=rows(), shape=shapes(), world=st.sampled_from(["plain", "threads"]), seed=st.randoms())
def test_with_ties_seen_by_all_input_order_makes_no_difference(
    sessions: Sessions, found: list[Row], shape: Shape, world: str, seed: Any
) -> None:
    if not shape.by_time or shape.ties == "row":
        return
    aggs = [a for a in AGGS if not a.text.startswith(("first", "last", "array", "arg"))]
    text = query(shape, aggs, 1)
    answers = []
    for mixed in (found, seed.sample(found, len(found))):
        table = pa.table({name: pa.array([r[name] for r in mixed], kind) for name, kind in FIELDS.items()})
        out = sessions[world].query(text, sources={"r": table}).run().to_arrow().to_pylist()
        answers.append({r["n"]: r for r in out})
    for n, row in answers[0].items():
        for name, value in row.items():
            assert same(value, answers[1][n][name]), f"{text}\n{name} of {n}"
