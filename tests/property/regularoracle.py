"""What `resample` and `gapfill` must give, bucket by bucket and row by row: the wall clock asked second by second, no grid numbered,
nothing carried."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any

from .regulargrid import EPOCH, HOUR, MINUTE, SPANS, Number, Span, bounds
from .windoworacle import Row, least, mean, percentile, ranked, total, values_of, whole


@dataclass(frozen=True)
class Column:
    """An item as written, the value of a bucket's rows (in order of time), its fill; `field`: of a plain field, its name."""

    text: str
    of: Callable[[list[Row]], Any]
    name: str
    fill: str = ""  # "": the option's
    field: str = ""


@dataclass
class Case:
    """One query, and what decides its answer."""

    rows: list[Row]
    span: Span
    zone: str
    command: str
    columns: list[Column]
    options: dict[str, Any] = field(default_factory=dict)
    keys: tuple[str, ...] = ("k",)
    unit: str = "us"

    @property
    def tick(self) -> Fraction:
        return Fraction(1, 10**9 if self.unit == "ns" else 10**6)

    def query(self) -> str:
        words = [f"{k}={v}" for k, v in self.options.items()]
        items = ", ".join(c.text + (f" fill {c.fill}" if c.fill else "") for c in self.columns if c.text)
        by = f" by {', '.join(self.keys)}" if self.keys else ""
        return f'set option.timezone = "{self.zone}" | table r | {self.command} span={self.span.text} {" ".join(words)} {items}{by}'


def bar(rows: list[Row], name: str, what: str) -> Any:
    values = values_of(rows, name)
    if what in ("first", "last"):
        return (values[0] if what == "first" else values[-1]) if values else None
    return least(values, what == "max")


AGGS = (
    ("count as c{i}", len, "c{i}"),
    ("count where x > 0 as c{i}", lambda r: sum(v["x"] is not None and v["x"] > 0 for v in r), "c{i}"),
    ("sum(x) as c{i}", lambda r: whole(sum(v)) if (v := values_of(r, "x")) else None, "c{i}"),
    ("avg(y) as c{i}", lambda r: mean(values_of(r, "y")), "c{i}"),
    ("max(x) as c{i}", lambda r: bar(r, "x", "max"), "c{i}"),
    ("first(y) as c{i}", lambda r: bar(r, "y", "first"), "c{i}"),
    ("last(x) as c{i}", lambda r: bar(r, "x", "last"), "c{i}"),
    ("sum(y) / count as c{i}", lambda r: total(v) / len(r) if (v := values_of(r, "y")) else None, "c{i}"),
)  # fmt: skip
PLAIN: dict[str, Callable[[list[Row], str], Any]] = {
    "last": lambda r, f: bar(r, f, "last"),
    "first": lambda r, f: bar(r, f, "first"),
    "max": lambda r, f: bar(r, f, "max"),
    "min": lambda r, f: bar(r, f, "min"),
    "avg": lambda r, f: mean(values_of(r, f)),
    "median": lambda r, f: percentile(values_of(r, f), 50),
    "sum": lambda r, f: (total(v) if f == "y" else sum(v)) if (v := values_of(r, f)) else None,
    "count": lambda r, f: len(values_of(r, f)),
}
OF_NUMBERS = ("avg", "median", "sum")
NOT_OBSERVED = ("sum", "count")
ZONES = [
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Asia/Seoul",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/St_Johns",
]
CENTRES = [
    "2026-11-01T06:00", "2026-03-08T07:00", "2026-03-29T01:00", "2026-10-25T01:00", "2026-10-03T15:30", "2026-04-04T15:00", "1970-01-01T00:00",
    "2024-02-29T12:00",
]  # fmt: skip
# whose clocks change at midnight, by a day, by two hours
ODD = [
    ("Asia/Beirut", "2026-03-28T22:00"), ("America/Sao_Paulo", "2018-11-04T03:00"), ("Pacific/Apia", "2011-12-30T10:00"),
    ("Antarctica/Troll", "2026-03-29T01:00"), ("Antarctica/Troll", "2026-10-25T01:00"), ("America/Havana", "2026-11-01T05:00"),
]  # fmt: skip
FILLS = ("", "null", "zero", "prev", "next", "linear", "7", "2.5")


def made(seed: int) -> Case:
    """A case at random; the same for the same number."""
    draw = random.Random(seed)
    span = draw.choice(SPANS)
    zone, centre = draw.choice(ODD) if draw.random() < 0.2 else (draw.choice(ZONES), draw.choice(CENTRES))
    unit = draw.choice(["us", "us", "us", "ns"])
    rows = _rows(draw, span, centre, unit)
    options = _options(draw, rows, span)
    keys = draw.choice([("k",), ("k",), (), ("k", "g"), ("g",)])
    if draw.random() < 0.35:
        names = draw.sample(["x", "y", "s"], draw.randint(1, 3))
        columns = [Column(n, lambda r: None, n, _fill(draw, n), n) for n in names]
        _fit_fill(draw, columns, options)
        return Case(rows, span, zone, "gapfill", columns, options, keys, unit)
    agg = draw.choice(["last", "last", *PLAIN])
    columns = _columns(draw, agg)
    _fit_fill(draw, columns, options)
    if agg != "last":
        options["agg"] = agg
    return Case(rows, span, zone, "resample", columns, options, keys, unit)


def _rows(draw: random.Random, span: Span, centre: str, unit: str) -> list[Row]:
    fine = Fraction(1, draw.choice([1, 1, 1000, 10**6 if unit == "us" else 10**9]))
    middle = int((dt.datetime.fromisoformat(centre + "+00:00") - EPOCH).total_seconds())
    reach = math.ceil(span.length * draw.choice([1, 3, 8, 25]) / fine)
    spots = [draw.randint(-reach, reach) for _ in range(draw.randint(1, 6))]
    rows: list[Row] = []
    for n in range(draw.choice([0, 1, 2, 3, 5, 8, 13])):
        t: Number | None = middle + fine * (draw.choice(spots) if draw.random() < 0.5 else draw.randint(-reach, reach))
        if draw.random() < 0.4:
            step = draw.choice([MINUTE, HOUR]) if span.length >= MINUTE else span.length
            t = (t or 0) // step * step
        if draw.random() < 0.06:
            t = None
        x = draw.choice([None, -2, 0, 1, 5, 7, 2**40])
        y = draw.choice([None, 0.5, -1.25, 3.0, 0.1, 1e6] + [math.nan] * (draw.random() < 0.1))
        k, s = draw.choice([None, "a", "b", "b"]), draw.choice([None, "p", "q"])
        rows.append({"n": n, "t": t, "k": k, "x": x, "y": y, "s": s, "g": draw.choice([None, 1, 1, 2])})
    return rows


def _options(draw: random.Random, rows: list[Row], span: Span) -> dict[str, Any]:
    length = span.length
    times = [r["t"] for r in rows if r["t"] is not None] or [1_793_500_000]
    options: dict[str, Any] = {}
    odd: list[Number] = [0, 17] if length >= MINUTE else [0, Fraction(1, 1000)]
    if draw.random() < 0.25:
        options["from"] = stamp(draw.choice(times) - draw.randint(0, 5) * length + draw.choice(odd))
    if draw.random() < 0.25:
        low = instant(options["from"]) if "from" in options else min(times) - length
        options["to"] = stamp(low + draw.randint(0, 9) * length + draw.choice(odd) + Fraction(1, 10**6))
    if draw.random() < 0.3:
        options["grid"] = draw.choice(["key", "global"])
    if draw.random() < 0.4:
        options["maxgap"] = f"{int(draw.choice([1, 2, 3, 5]) * length * 1000)}ms"
    if draw.random() < 0.5:
        options["flag"] = "flagged"
    if draw.random() < 0.3:
        options["label"] = draw.choice(["left", "right"])
    if draw.random() < 0.6:
        options["time"] = "t"
    return options


def stamp(t: Number) -> str:
    """To the microsecond."""
    return (EPOCH + dt.timedelta(microseconds=math.floor(t * 10**6))).isoformat()


def _fill(draw: random.Random, name: str) -> str:
    return draw.choice(FILLS if name != "s" else ("", "null", "prev", "next", '"none"'))


def _of_field(kind: Callable[[list[Row], str], Any], name: str, rows: list[Row]) -> Any:
    return kind(rows, name)


def _columns(draw: random.Random, agg: str) -> list[Column]:
    out = []
    for i in range(draw.randint(1, 4)):
        if draw.random() < 0.5:
            name = draw.choice(["x", "y"] if agg in OF_NUMBERS else ["x", "y", "s"])
            kind = PLAIN[agg]
            shown, observed = "x" if agg == "count" else name, "" if agg in NOT_OBSERVED else name
            out.append(Column(f"{name} as c{i}", partial(_of_field, kind, name), f"c{i}", _fill(draw, shown), observed))
        elif draw.random() < 0.25:
            fill = _fill(draw, "y")
            for what, part in (("first", "open"), ("max", "high"), ("min", "low"), ("last", "close")):
                text = f"ohlc(y) as c{i}" if part == "open" else ""
                out.append(Column(text, lambda r, w=what: bar(r, "y", w), f"c{i}_{part}", fill))  # type: ignore[misc]
        else:
            text, of, alias = draw.choice(AGGS)
            out.append(Column(text.format(i=i), of, alias.format(i=i), _fill(draw, "x")))
    return out


def _fit_fill(draw: random.Random, columns: list[Column], options: dict[str, Any]) -> None:
    """A fill for all that every column can take."""
    texts = any(c.field == "s" and not c.fill for c in columns)
    chosen = draw.choice(("", "null", "prev", "next") if texts else FILLS)
    if chosen:
        options["fill"] = chosen


# answers


def label_of(at: int, found: Sequence[Number], right: bool) -> Number:
    return found[at + 1] if right else found[at]


def grouped(case: Case) -> list[tuple[tuple[Any, ...], list[Row]]]:
    """Keys in order, null first; rows in order of time, ties as they came; without a time they are nowhere."""
    rows = [r for r in case.rows if r["t"] is not None]

    def key(row: Row) -> tuple[Any, ...]:
        return tuple(row[n] for n in case.keys)

    keys = sorted({key(r) for r in rows}, key=lambda k: tuple(map(ranked, k))) if case.keys else [()]
    out = [(k, sorted((r for r in rows if key(r) == k), key=lambda r: r["t"])) for k in keys]
    return [(k, g) for k, g in out if g or (not case.keys and {"from", "to"} <= case.options.keys())]


def instant(text: str) -> Number:
    return Fraction((dt.datetime.fromisoformat(text) - EPOCH) // dt.timedelta(microseconds=1), 10**6)


@dataclass
class Point:
    """A row of the answer: its label, and the rows that it stands for (None: it was added)."""

    label: Number
    rows: list[Row] | None


def points_of_buckets(case: Case, rows: list[Row], everything: list[Row]) -> list[Point]:
    """`resample`: all buckets between those of the ends."""
    times = [r["t"] for r in (everything if case.options.get("grid") == "global" else rows)]
    ends = list(times)
    ends += [instant(case.options["from"])] if "from" in case.options else []
    low = min(ends) if ends else 0
    tops = [max(times)] if times else []
    if "to" in case.options:
        tops.append(instant(case.options["to"]) - case.tick)  # the last instant before
    high = max(tops) if tops else low
    if high < low and not times:
        return []
    found = bounds(min(low, high), max(low, high), case.span, case.zone)
    right = case.options.get("label") == "right"
    out = []
    for i in range(len(found) - 1):
        if found[i + 1] <= low or found[i] > high:
            continue
        inside = [r for r in rows if found[i] <= r["t"] < found[i + 1]]
        out.append(Point(label_of(i, found, right), inside or None))
    return out


def points_of_rows(case: Case, rows: list[Row], everything: list[Row]) -> list[Point]:
    """`gapfill`: all rows, and bounds between on which none stands."""
    right = case.options.get("label") == "right"
    times = [r["t"] for r in (everything if case.options.get("grid") == "global" else rows)]
    given = [instant(case.options[o]) for o in ("from", "to") if o in case.options]
    if not times and len(given) < 2:
        return [Point(r["t"], [r]) for r in rows]
    found = bounds(min(times + given) - 1, max(times + given), case.span, case.zone)
    labels = set()
    if times:
        labels = {b for b in found if min(times) <= b <= max(times)}
    for i in range(len(found) - 1):
        begin, end = found[i], found[i + 1]
        behind_from = "from" in case.options and end > instant(case.options["from"])
        before_to = "to" in case.options and begin < instant(case.options["to"])
        label = label_of(i, found, right)
        low_enough = bool(times) and label <= max(times)
        high_enough = bool(times) and label >= min(times)
        if (behind_from and (before_to or low_enough)) or (before_to and (behind_from or high_enough)):
            labels.add(label)
    if not times and given[0] >= given[1]:
        labels = set()
    out = [Point(r["t"], [r]) for r in rows]
    out += [Point(b, None) for b in labels - {r["t"] for r in rows}]
    return sorted(out, key=lambda p: p.label)


def expected(case: Case) -> list[dict[str, Any]]:
    """The rows of the answer, with times as seconds."""
    out = []
    everything = [r for r in case.rows if r["t"] is not None]
    for key, rows in grouped(case):
        make = points_of_buckets if case.command == "resample" else points_of_rows
        points = make(case, rows, everything)
        answer = [_plain(case, key, p) for p in points]
        flags = [False] * len(points)
        for column in case.columns:
            for i in _fill_column(case, column, points, answer, rows):
                flags[i] = True
        if "flag" in case.options:
            for row, flag in zip(answer, flags, strict=True):
                row[case.options["flag"]] = flag
        out += answer
    return out


def _plain(case: Case, key: tuple[Any, ...], point: Point) -> dict[str, Any]:
    keys = dict(zip(case.keys, key, strict=True))
    if case.command == "gapfill":
        row = dict(point.rows[0]) if point.rows is not None else dict.fromkeys(("n", "x", "y", "s", "k", "g"))
        return row | keys | {"t": point.label}
    row = dict(keys)
    row["t"] = point.label
    return row | {c.name: c.of(point.rows) if point.rows is not None else None for c in case.columns}


def _fill_column(
    case: Case, column: Column, points: list[Point], answer: list[dict[str, Any]], rows: list[Row]
) -> list[int]:
    """Fills a column; gives the rows that were filled."""
    fill = column.fill or case.options.get("fill", "null")
    known = [row[column.name] is not None for row in answer]
    most = Fraction(int(case.options["maxgap"][:-2]), 1000) if "maxgap" in case.options else None
    done, values = [], {}
    for i, point in enumerate(points):
        if known[i] or (case.command == "gapfill" and point.rows is not None):
            continue
        before = max((j for j in range(i) if known[j]), default=None)
        after = min((j for j in range(i + 1, len(points)) if known[j]), default=None)
        length = points[-1 if after is None else after].label - points[0 if before is None else before].label
        if most is not None and length > most:
            continue
        value = _value(case, column, fill, points, answer, rows, i, before, after)
        if value is not None:
            values[i] = value
            done.append(i)
    for i, value in values.items():
        answer[i][column.name] = value
    if fill == "linear" or fill == "2.5":  # whole numbers are doubles then
        for row in answer:
            if isinstance(row[column.name], int):
                row[column.name] = float(row[column.name])
    return done


def _value(
    case: Case, column: Column, fill: str, points: list[Point], answer: list[dict[str, Any]], rows: list[Row], i: int,
    before: int | None, after: int | None,
) -> Any:  # fmt: skip
    match fill:
        case "null":
            return None
        case "prev":
            return None if before is None else answer[before][column.name]
        case "next":
            return None if after is None else answer[after][column.name]
        case "linear":
            if before is None or after is None:
                return None
            low = points[before].label, answer[before][column.name]
            high = points[after].label, answer[after][column.name]
            if column.field and case.command == "resample":
                low, high = _observations(column, points, before, after)
            return between(low, high, points[i].label)
        case "zero":
            return 0 if isinstance(_sample(answer, column), int) else 0.0
        case '"none"':
            return "none"
    return float(fill)


def _sample(answer: list[dict[str, Any]], column: Column) -> Any:
    return next((row[column.name] for row in answer if row[column.name] is not None), None)


def _observations(
    column: Column, points: list[Point], before: int, after: int
) -> tuple[tuple[Number, Any], tuple[Number, Any]]:
    """The last one of the bucket before, the first of the bucket behind."""
    early = [r for r in points[before].rows or () if r[column.field] is not None][-1]
    late = next(r for r in points[after].rows or () if r[column.field] is not None)
    return (early["t"], early[column.field]), (late["t"], late[column.field])


def between(low: tuple[Number, Any], high: tuple[Number, Any], at: Number) -> float:
    if any(isinstance(v, float) and not math.isfinite(v) for v in (low[1], high[1])):
        return math.nan
    share = Fraction(at - low[0], high[0] - low[0]) if high[0] > low[0] else Fraction(0)
    return float(Fraction(low[1]) + (Fraction(high[1]) - Fraction(low[1])) * share)


def alike(a: Any, b: Any) -> bool:
    """Equal; numbers as doubles to a few bits of the larger operands, NaN as NaN."""
    if a is None or b is None or isinstance(a, str | bool) or isinstance(b, str | bool):
        return bool(type(a) is type(b) and a == b)
    if a != a or b != b:
        return bool(a != a and b != b)
    return math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-4 if max(abs(a), abs(b)) > 1e8 else 1e-9)
