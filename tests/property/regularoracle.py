"""What `resample` and `gapfill` must give, bucket by bucket and row by row: the wall clock asked second by second, no grid numbered,
nothing carried."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from .windoworacle import Row, least, mean, ranked, total, values_of, whole

UTC = dt.UTC
EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = 60, 3600, 86_400


# grids


@dataclass(frozen=True)
class Span:
    """As written, in seconds or months; `offset` in seconds."""

    text: str
    seconds: int = 0
    months: int = 0
    offset: int = 0


SPANS = (
    Span("1m", MINUTE), Span("15m", 15 * MINUTE), Span("1h", HOUR), Span("7m", 7 * MINUTE), Span("90m", 90 * MINUTE),
    Span("2h", 2 * HOUR), Span("6h", 6 * HOUR), Span("1d", DAY), Span("2d", 2 * DAY), Span("1w", 7 * DAY), Span("1mon", months=1),
    Span("1q", months=3), Span("1y", months=12), Span("1h offset=20m", HOUR, offset=20 * MINUTE), Span("1d offset=9h", DAY, offset=9 * HOUR),
    Span("6h offset=5h", 6 * HOUR, offset=5 * HOUR),
)  # fmt: skip


def wall_at(instant: int, zone: str) -> int:
    """Seconds of the wall clock since 1970-01-01 00:00 on it."""
    local = (EPOCH + dt.timedelta(seconds=instant)).astimezone(ZoneInfo(zone))
    return int((local.replace(tzinfo=UTC) - EPOCH).total_seconds())


def instant_of(wall: int, zone: str) -> int:
    """The earlier one of an ambiguous wall time; of one that does not exist as the gap moves it on."""
    local = (EPOCH + dt.timedelta(seconds=wall)).replace(tzinfo=ZoneInfo(zone), fold=0)
    return int((local.astimezone(UTC) - EPOCH).total_seconds())


def _is_bound_of_hours(t: int, span: Span, zone: str) -> bool:
    wall, before = wall_at(t, zone), wall_at(t - MINUTE, zone)
    return (wall - span.offset) % span.seconds == 0 or (wall - before - MINUTE) % span.seconds != 0


def _walls(low: int, high: int, span: Span) -> list[int]:
    """Bounds on the wall from some bucket before `low` to one behind `high`."""
    if span.months:
        year = (EPOCH + dt.timedelta(seconds=low)).year - 1
        last = (EPOCH + dt.timedelta(seconds=high)).year + 3
        months = range((year - 1970) * 12, (last - 1970) * 12, span.months)
        days = [dt.datetime(1970 + m // 12, m % 12 + 1, 1, tzinfo=UTC) for m in months]
        return [int((d - EPOCH).total_seconds()) + span.offset for d in days]
    phase = span.offset - (3 * DAY if span.text.startswith("1w") else 0)
    first = (low - DAY - phase) // span.seconds - 1
    return [phase + n * span.seconds for n in range(first, (high + DAY - phase) // span.seconds + 3)]


@lru_cache(maxsize=4096)
def bounds(low: int, high: int, span: Span, zone: str) -> list[int]:
    """Starts of all buckets from that of `low` to the one behind that of `high`, ascending."""
    if span.seconds and HOUR % span.seconds == 0:
        found = [
            t
            for t in range(low - low % MINUTE - 2 * HOUR, high + 3 * HOUR, MINUTE)
            if _is_bound_of_hours(t, span, zone)
        ]
    elif span.months or (span.seconds % HOUR == 0 and (DAY % span.seconds == 0 or span.seconds % DAY == 0)):
        found = sorted({instant_of(w, zone) for w in _walls(low, high, span)})
    else:
        origin = instant_of(0, zone) + span.offset
        first = (low - origin) // span.seconds
        found = [origin + n * span.seconds for n in range(first, (high - origin) // span.seconds + 2)]
    at = max(i for i, t in enumerate(found) if t <= low)
    end = min(i for i, t in enumerate(found) if t > high)
    return found[at : end + 1]


# cases


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
    keyed: bool = True

    def query(self) -> str:
        words = [f"{k}={v}" for k, v in self.options.items()]
        items = ", ".join(c.text + (f" fill {c.fill}" if c.fill else "") for c in self.columns if c.text)
        by = " by k" if self.keyed else ""
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
PLAIN = {
    "last": lambda r, f: bar(r, f, "last"),
    "first": lambda r, f: bar(r, f, "first"),
    "max": lambda r, f: bar(r, f, "max"),
    "avg": lambda r, f: mean(values_of(r, f)),
}
FILLS = ("", "null", "zero", "prev", "next", "linear", "7", "2.5")


def made(seed: int) -> Case:
    """A case at random; the same for the same number."""
    draw = random.Random(seed)
    span = draw.choice(SPANS)
    zone = draw.choice(
        ["UTC", "America/New_York", "Europe/Berlin", "Asia/Seoul", "Australia/Lord_Howe", "Asia/Kathmandu"]
    )
    rows = _rows(draw, span)
    options = _options(draw, rows, span)
    keyed = draw.random() < 0.7
    if draw.random() < 0.35:
        names = draw.sample(["x", "y", "s"], draw.randint(1, 3))
        columns = [Column(n, lambda r: None, n, _fill(draw, n), n) for n in names]
        _fit_fill(draw, columns, options)
        return Case(rows, span, zone, "gapfill", columns, options, keyed)
    agg = draw.choice(["last", "last", "first", "max", "avg"])
    columns = _columns(draw, agg)
    _fit_fill(draw, columns, options)
    if agg != "last":
        options["agg"] = agg
    return Case(rows, span, zone, "resample", columns, options, keyed)


def _rows(draw: random.Random, span: Span) -> list[Row]:
    length = span.seconds or span.months * 30 * DAY
    centre = draw.choice(
        [
            "2026-11-01T06:00",
            "2026-03-08T07:00",
            "2026-03-29T01:00",
            "2026-10-25T01:00",
            "2026-10-03T15:30",
            "2026-04-04T15:00",
            "1970-01-01T00:00",
            "2024-02-29T12:00",
        ]
    )
    middle = int((dt.datetime.fromisoformat(centre + "+00:00") - EPOCH).total_seconds())
    reach = length * draw.choice([1, 3, 8, 25])
    spots = [middle + draw.randint(-reach, reach) for _ in range(draw.randint(1, 6))]
    rows: list[Row] = []
    for n in range(draw.choice([0, 1, 2, 3, 5, 8, 13])):
        t: int | None = draw.choice(spots) if draw.random() < 0.5 else middle + draw.randint(-reach, reach)
        if draw.random() < 0.4:
            t = (t or 0) // MINUTE * MINUTE if draw.random() < 0.5 else (t or 0) // HOUR * HOUR
        if draw.random() < 0.06:
            t = None
        x = draw.choice([None, -2, 0, 1, 5, 7, 2**40])
        y = draw.choice([None, 0.5, -1.25, 3.0, 0.1, 1e6] + [math.nan] * (draw.random() < 0.1))
        rows.append(
            {
                "n": n,
                "t": t,
                "k": draw.choice([None, "a", "b", "b"]),
                "x": x,
                "y": y,
                "s": draw.choice([None, "p", "q"]),
            }
        )
    return rows


def _options(draw: random.Random, rows: list[Row], span: Span) -> dict[str, Any]:
    length = span.seconds or span.months * 30 * DAY
    times = [r["t"] for r in rows if r["t"] is not None] or [1_793_500_000]
    options: dict[str, Any] = {}
    if draw.random() < 0.25:
        options["from"] = stamp(draw.choice(times) - draw.randint(0, 5) * length + draw.choice([0, 17]))
    if draw.random() < 0.25:
        low = dt.datetime.fromisoformat(options["from"]).timestamp() if "from" in options else min(times) - length
        options["to"] = stamp(int(low) + draw.randint(0, 9) * length + draw.choice([0, 29]))
    if draw.random() < 0.3:
        options["grid"] = draw.choice(["key", "global"])
    if draw.random() < 0.4:
        options["maxgap"] = f"{max(60, draw.choice([1, 2, 3, 5]) * length)}s"
    if draw.random() < 0.5:
        options["flag"] = "flagged"
    if draw.random() < 0.3:
        options["label"] = draw.choice(["left", "right"])
    options["time"] = "t"
    return options


def stamp(t: int) -> str:
    return (EPOCH + dt.timedelta(seconds=t)).isoformat()


def _fill(draw: random.Random, name: str) -> str:
    return draw.choice(FILLS if name != "s" else ("", "null", "prev", "next", '"none"'))


def _columns(draw: random.Random, agg: str) -> list[Column]:
    out = []
    for i in range(draw.randint(1, 4)):
        if draw.random() < 0.5:
            name = draw.choice(["x", "y", "s"] if agg != "avg" else ["x", "y"])
            kind = PLAIN[agg]
            out.append(Column(f"{name} as c{i}", lambda r, f=name, k=kind: k(r, f), f"c{i}", _fill(draw, name), name))  # type: ignore[misc]
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


def label_of(at: int, found: Sequence[int], right: bool) -> int:
    return found[at + 1] if right else found[at]


def grouped(case: Case) -> list[tuple[Any, list[Row]]]:
    """Keys in order, null first; rows in order of time, ties as they came; without a time they are nowhere."""
    rows = [r for r in case.rows if r["t"] is not None]
    keys = sorted({r["k"] for r in rows}, key=ranked) if case.keyed else [None]
    out = [(k, sorted((r for r in rows if not case.keyed or r["k"] == k), key=lambda r: r["t"])) for k in keys]
    return [(k, g) for k, g in out if g or (not case.keyed and {"from", "to"} <= case.options.keys())]


def instant(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp())


@dataclass
class Point:
    """A row of the answer: its label, and the rows that it stands for (None: it was added)."""

    label: int
    rows: list[Row] | None


def points_of_buckets(case: Case, rows: list[Row], everything: list[Row]) -> list[Point]:
    """`resample`: all buckets between those of the ends."""
    times = [r["t"] for r in (everything if case.options.get("grid") == "global" else rows)]
    ends = list(times)
    ends += [instant(case.options["from"])] if "from" in case.options else []
    low = min(ends) if ends else 0
    tops = [max(times)] if times else []
    if "to" in case.options:
        # microseconds are the unit of time: the last instant before
        last = Fraction(instant(case.options["to"])) - Fraction(1, 10**6)
        tops.append(math.floor(last))
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
        low_enough = not times or label <= max(times)
        high_enough = not times or label >= min(times)
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


def _plain(case: Case, key: Any, point: Point) -> dict[str, Any]:
    if case.command == "gapfill":
        row = dict(point.rows[0]) if point.rows is not None else dict.fromkeys(("n", "x", "y", "s"))
        if case.keyed:
            row["k"] = key
        elif point.rows is None:
            row["k"] = None
        return row | {"t": point.label}
    row = {"k": key} if case.keyed else {}
    row["t"] = point.label
    return row | {c.name: c.of(point.rows) if point.rows is not None else None for c in case.columns}


def _fill_column(
    case: Case, column: Column, points: list[Point], answer: list[dict[str, Any]], rows: list[Row]
) -> list[int]:
    """Fills a column; gives the rows that were filled."""
    fill = column.fill or case.options.get("fill", "null")
    known = [row[column.name] is not None for row in answer]
    most = int(case.options["maxgap"][:-1]) if "maxgap" in case.options else None
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
) -> tuple[tuple[int, Any], tuple[int, Any]]:
    """The last one of the bucket before, the first of the bucket behind."""
    early = [r for r in points[before].rows or () if r[column.field] is not None][-1]
    late = next(r for r in points[after].rows or () if r[column.field] is not None)
    return (early["t"], early[column.field]), (late["t"], late[column.field])


def between(low: tuple[int, Any], high: tuple[int, Any], at: int) -> float:
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
