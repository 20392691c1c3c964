"""`dtw F by KEY [ SUB ]`: how far series are from a pattern when time may stretch, where a pattern occurs, all pairs."""

from __future__ import annotations

from typing import Any

from ..engine.lower import at_of
from ..planner.combine import has_side
from .base import Args, Command, Example, Node, Option, kinds, lowers, register
from .dtwbind import dtw_node
from .dtwplan import Dtw, DtwWide, Warping

DETAILS = """
Dynamic time warping pairs the points of two series so that both run forward and the sum of squared differences is least; the
distance is the square root of that sum. `window` bounds how far a pairing may run ahead.

**Series.** The rows of a `by` group, in order of `order=F` (default `_time`, or the only date field; without any, input order,
noted), are one series of the values of F; without `by` all rows are one. The pattern is the field F of the subquery, in
order of the same field where the subquery has it, else as its rows come; or `pattern=$p`, an array in a parameter; or numbers in
the text, `pattern=1,2.5,4`. Rows whose order is null are left out, counted (`drop`).

**Wide form.** With several fields, or a pattern of names such as `W*`, and no `by`, each row is a series. It keeps its place and
gets `_distance` (with several windows `_distance_0.05`, ...) and `_flat`; a subquery's pattern is its only field.

**Window.** How far a pairing may stray from the diagonal, in points: below 1 a fraction of the pattern's length, the decimal product
rounded down (0.29 of 100 is 29; archives that round up are met with whole numbers); whole numbers or `5p` are points; `0`
pairs point with point, the Euclidean distance; `none` has no bound. A bare `1` is E307: write `1p` or `none`. A list gives rows
for each. For two lengths n and m the band follows the stretched diagonal, the cells with
abs(i (m - 1) - j (n - 1)) <= w max(n - 1, m - 1), so it is the same from either side; with window 0 the distance is null, counted.

**Normalisation.** With `znorm=t` every series, and the pattern, first becomes (x - mean) / population standard deviation; a
flat one (all points equal) becomes zeros and has `_flat` true. `znorm=f` takes values as they are.

**Result.** The keys, `_window` (as written, where there are several), `_distance`, `_rank`, `_len` (points), `_flat`, and `_zscore`: by
how many standard deviations the distance lies from the mean of all. Rows go by window, in the order written, then by rank; equal
distances rank by key; null distances stand last and have no rank. `top=K` keeps the first K of each window, the same rows a full
run begins with, found by bounds and early abandoning; there is no `_zscore` then.

**Nulls.** A series with a null has a null distance, counted (`reject`); `nulls=drop` leaves such points out, `nulls=linear` puts
them on the line between their neighbours (by number of points; at the ends they stay). A series with NaN or an infinity has
no distance, counted; one without points is counted as `drop`.

**Paths.** `path=t` gives instead, for each window and key, a row a step: `step`, `i`, `j` (points of the series and of the pattern,
from 0) and `cost`, the squared difference; of equally cheap paths the one that ends, seen from its end, in a diagonal step, else a
step of i, else of j. It takes a byte a cell of the band; more than fits into memory is E701.

**mode=search** finds the pattern within each series: the nearest window of the pattern's length, then (`top`) the nearest
of those that overlap no better one by more than `exclude` of the length. Each window is normalised by itself. `_start` and `_end` are
its first and last point, from 0, `_start_time` and `_end_time` their values of the order field (absent where points are in input
order). Equally near: the earlier. Windows with a null, NaN or an infinity are left out, counted; a series shorter
than the pattern gives no rows, counted.

**mode=matrix** gives each pair of groups once, by their keys: `a`, `b`, `_distance`; with several keys `a_K`, `b_K` for each. Fractions
are of the shorter series. All distances are held in memory: more than fit are E701.

**Why there is no FastDTW.** The approximation is slower than the exact distance in a band: on 811 series of 52 points its package
took some 780 times the processor time of exact C code, and this command takes less than that code. See Wu and Keogh, "FastDTW is
approximate and generally slower than the algorithm it approximates" (arXiv 2003.11246).

All computing is in doubles, without shortcuts in their arithmetic: the same bits with any number of threads, with and without compiled
kernels. Blocking; the wide form is streaming. Rows are sorted, which spills; where memory is short, groups are measured as they come.
"""

WEEKS = "k:string n:long x:double\na 0 1\na 1 2\na 2 4\na 3 2\nb 0 5\nb 1 5\nb 2 5\nb 3 5\nc 0 2\nc 1 4\nc 2 2\nc 3 1"
SHAPE = "n:long x:double\n0 10\n1 20\n2 40\n3 20"


@lowers(Dtw)
@lowers(DtwWide)
@register
class DtwCommand(Command[Warping]):
    name = "dtw"
    summary = "Distance of series to a pattern when time may stretch (dynamic time warping); a pattern in a series; all pairs."
    syntax = (
        "dtw [mode={distance,search,matrix}] [window={FRACTION,Np,N,none},...] [znorm=t] [top=K] [path=B] [exclude=0.5] "
        "[nulls={null,drop,linear}] [order=F] [pattern=$p] F, ... [by KEY, ...] [ SUB ]"
    )
    grammar = "names [by_names] [subquery]"
    tier = 3
    details = DETAILS
    options = (
        Option("mode", ("distance", "search", "matrix"), "distances to a pattern, its occurrences, or all pairs", default="distance"),
        Option("window", kinds.VALUES, "how far pairs may stray: a fraction below 1, points, 0 or none; a list", default=("0.1",),
               words=("0.1", "none")),
        Option("stretch", kinds.VALUES, "another name of window", words=("0.1", "none")),
        Option("znorm", kinds.BOOL, "f: values as they are, not normalised", default=True),
        Option("top", kinds.INT, "only the nearest; of search so many matches, default 1", least=1),
        Option("path", kinds.BOOL, "the steps of the best path instead of its length", default=False),
        Option("exclude", kinds.NUMBER, "search: the part of the length by which matches may overlap", default=0.5),
        Option("nulls", ("null", "drop", "linear"), "what a null point does: no distance, left out, on a line", default="null"),
        Option("order", kinds.FIELD, "the order of points; default _time, or the only date field"),
        Option("pattern", kinds.NUMBERS, "the pattern, in place of a subquery"),
    )  # fmt: skip
    examples = (
        Example(
            title="which series have the pattern's shape",
            given={"t": WEEKS, "p": SHAPE},
            query="table t | dtw window=1p order=n x by k [ table p ] | eval d = round(_distance, 4) | fields k, d, _rank, _flat",
            expect="k:string d:double _rank:long _flat:bool\na 0.0 1 false\nc 1.2978 2 false\nb 2.0 3 true",
        ),
        Example(
            title="rows that are series, the pattern a list of numbers",
            given={"t": "code:string W0:long W1:long W2:long\nP1 1 2 4\nP2 4 2 1"},
            query="table t | dtw znorm=f window=0 pattern=1,2,6 W*",
            expect="code:string W0:long W1:long W2:long _distance:double _flat:bool\nP1 1 2 4 2.0 false\nP2 4 2 1 5.830951894845301 false",
        ),
        Example(
            title="where a pattern occurs",
            given={"t": "n:long x:long\n0 0\n1 0\n2 1\n3 5\n4 1\n5 0\n6 2\n7 10\n8 2"},
            query="table t | dtw mode=search top=2 order=n pattern=1,5,1 x | fields _start, _end, _start_time, _rank",
            expect="_start:long _end:long _start_time:long _rank:long\n2 4 2 1\n6 8 6 2",
        ),
        Example(
            title="all pairs",
            given={"t": WEEKS},
            query="table t | dtw mode=matrix znorm=f window=0 order=n x by k",
            expect="a:string b:string _distance:double\na b 5.916079783099616\na c 3.1622776601683795\nb c 5.916079783099616",
        ),
        Example(
            title="the path between two series",
            given={"t": "x:long\n1\n2\n2\n5"},
            query="table t | dtw path=t znorm=f window=none pattern=1,2,5 x",
            expect="step:long i:long j:long cost:double\n0 0 0 0.0\n1 1 1 0.0\n2 2 1 0.0\n3 3 2 0.0",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        return dtw_node(args, source)

    def lower(self, node: Warping) -> Any:
        from ..engine.operators.dtw.pattern import Given, PatternRun, PatternSink, of_numbers

        if not has_side(node):
            known = of_numbers(node.points) if node.points is not None else None
            return _operators(node, Given(known, node.late))
        schema = node.right.schema
        order = schema.index(node.their_order) if node.their_order is not None else None
        is_date = node.their_order is not None and _is_date(node.right, node.their_order)
        sink = PatternSink(schema.index(node.theirs), order, "null time" if is_date else "null order", at_of(node))
        return PatternRun(sink, lambda found: _operators(node, Given(found)))


def _operators(node: Warping, given: Any) -> list[Any]:
    before = node.left.schema
    if isinstance(node, DtwWide):
        from ..engine.operators.dtw.wide import WideTransform

        columns = [before.index(n) for n in node.fields]
        return [WideTransform(columns, node.widths, node.znorm, node.nulls, given, at_of(node))]
    assert isinstance(node, Dtw)
    return [_sink(node, given)]


def _sink(node: Dtw, given: Any) -> Any:
    from ..engine.operators.dtw.gather import Spec
    from ..engine.operators.dtw.matches import MatchSink
    from ..engine.operators.dtw.matrix import MatrixSink
    from ..engine.operators.dtw.paths import PathSink
    from ..engine.operators.dtw.ranked import RankedSink

    before = node.left.schema
    keys = tuple(before.index(n) for n in node.by)
    spec = Spec(
        keys=keys, key_types=tuple(before.fields[i][1] for i in keys), value=before.index(node.value),
        order=before.index(node.sort) if node.sort is not None else None, widths=node.widths, znorm=node.znorm,
        nulls=node.nulls, top=node.top, exclude=node.exclude, is_time=node.sort is not None and _is_date(node.left, node.sort),
    )  # fmt: skip
    if node.mode == "matrix":
        return MatrixSink(spec, node.schema, at_of(node))
    if node.mode == "search":
        return MatchSink(spec, given, node.schema, at_of(node))
    return (PathSink if node.path else RankedSink)(spec, given, node.schema, at_of(node))


def _is_date(node: Node, name: str) -> bool:
    kind = node.schema.type(name)
    return kind is not None and kind.kind == "date"
