"""`date(TEXT, FMT)` over whole columns: fixed layouts by byte position, all others by regular expression.

Instants are int64 microseconds since 1970-01-01 UTC (nanoseconds where a format has more than six digits of a second).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..planner.records import dataclass
from .arrow import bytes_of, indices, is_valid, offsets_of
from .batch import Spans
from .calendar import civil_of_day
from .datefixed import Bytes, Plan, plans
from .dateforms import FORMS, Form, fixed_formats, form_of, read, text_array, yearless_formats, zone_named
from .dateletters import BadFormat, Format, java, locale_of, percent
from .dateparts import Parts, Rules, assemble
from .zones import NS, US, Ints, Mask, Zone, zone

CHUNK = 32_768  # rows: what a plan works on stays in cache
SAMPLE = 64  # rows that decide which layout is tried first
NS_YEARS = (1678, 2261)  # whole years that nanoseconds hold


@dataclass(frozen=True, slots=True)
class Parsed:
    """`values` in ticks; `null`: no text; `bad`: text that is no date; `doubtful`: its wall time did not exist or came twice."""

    values: Ints
    null: Mask
    bad: Mask
    doubtful: Mask
    cut: Mask  # texts with more digits of a second than the result holds


@dataclass(slots=True)
class _Text:
    """Texts by place in one buffer; `size` is -1 for null."""

    column: pa.Array[Any] | Spans
    data: Bytes
    start: NDArray[Any]
    size: NDArray[Any]

    @classmethod
    def of(cls, column: pa.Array[Any] | Spans) -> _Text:
        if isinstance(column, Spans):
            return cls(column, column.data, column.start, column.length)
        offsets = offsets_of(column)
        size = np.diff(offsets)
        if column.null_count:
            size = np.where(is_valid(column), size, -1)
        return cls(column, bytes_of(column.buffers()[2]), offsets[:-1], size)

    def matrix(self, rows: NDArray[np.intp] | None, width: int) -> Bytes:
        """The bytes of these rows (None: all, which then follow each other), each `width` long."""
        if rows is None and not isinstance(self.column, Spans):
            begin = int(self.start[0])
            return self.data[begin : begin + len(self.start) * width].reshape(-1, width)
        start = self.start if rows is None else self.start[rows]
        out: Bytes = sliding_window_view(self.data, width)[start]
        return out

    def arrow(self, rows: NDArray[np.intp]) -> pa.Array[Any]:
        if isinstance(self.column, Spans):
            return self.column.take(rows).to_arrow()
        return self.column.take(indices(rows))


def parse_dates(
    column: pa.Array[Any] | Spans,
    fmt: Format | None,
    where: Zone | str,
    now_us: int,
    ticks: int = US,
    *,
    fixed: bool = True,
) -> Parsed:
    """Instants of a column of texts. `fmt` None: ISO 8601, common log, syslog, compact digits, told apart row by row.

    `where` is the zone of texts that name none. `fixed` False takes the general way only, which is the fast way's judge.
    """
    text = _Text.of(column)
    found = zone(where) if isinstance(where, str) else where
    rules = _rules(fmt, found, now_us)
    state = _State(text, ticks, fine=ticks == US and (fmt is None or fmt.nanos))
    if fixed:
        state.fixed([p for f in (fixed_formats() if fmt is None else (fmt,)) for p in plans(f)], rules)
        if fmt is None:
            state.fixed([p for f in yearless_formats() for p in plans(f)], _of_this_year(rules, now_us))
    for form in FORMS if fmt is None else (form_of(fmt),):
        state.general(form, _of_this_year(rules, now_us) if form.this_year else rules)
    return state.result()


def _rules(fmt: Format | None, where: Zone, now_us: int) -> Rules:
    if fmt is not None and fmt.lenient:
        return Rules(where, year=1900, check_weekday=False)
    if fmt is None or not any(t.kind == "year2" for t in fmt.tokens):
        return Rules(where)
    pivot = (_year(now_us, where) + 20) // 100 * 100, (_year(now_us, where) + 20) % 100
    return Rules(where, century=pivot[0], pivot=pivot[1] + 1)


def _of_this_year(rules: Rules, now_us: int) -> Rules:
    return Rules(rules.zone, year=_year(now_us, rules.zone))


def _year(now_us: int, where: Zone) -> int:
    now = np.array([now_us], np.int64)
    return int(civil_of_day((now + where.offset_at(now)) // (86_400 * US))[0][0])


class _State:
    """What is parsed so far."""

    def __init__(self, text: _Text, ticks: int, fine: bool) -> None:
        n = len(text.start)
        self.text, self.ticks, self.fine = text, ticks, fine  # fine: a text may say more than the result holds
        self.null = text.size < 0
        self.values = np.zeros(n, np.int64)
        self.good = np.zeros(n, np.bool_)
        self.doubtful = np.zeros(n, np.bool_)
        self.left = np.flatnonzero(~self.null)  # rows nothing has read yet
        self.cut = np.zeros(n, np.bool_)

    def fixed(self, layouts: Iterable[Plan], rules: Rules) -> None:
        by_width: dict[int, list[Plan]] = {}
        for plan in layouts:
            by_width.setdefault(plan.width, []).append(plan)
        size = self.text.size
        if not len(self.left) or not by_width:
            return
        least, most = int(size.min()), int(size.max())
        if least == most and len(self.left) == len(size):  # as in a log: no row is picked
            layouts_here = self._likely_first(by_width.get(least, []), self.left)
            if layouts_here:
                rest = self._chunks(layouts_here[0], rules, len(size))
                self.left = rest
                if len(rest):
                    self._by_rows({least: layouts_here[1:]}, rules, rest)
            return
        self._by_rows(by_width, rules, self.left)

    def _likely_first(self, layouts: list[Plan], rows: NDArray[np.intp]) -> list[Plan]:
        """By how many of the first rows each reads."""
        if len(layouts) < 2:
            return layouts
        sample = self.text.matrix(rows[:SAMPLE], layouts[0].width)
        return sorted(layouts, key=lambda p: -int(np.count_nonzero(p.run(sample).good)))

    def _chunks(self, plan: Plan, rules: Rules, n: int) -> NDArray[np.intp]:
        """The plan over all rows; which ones it did not read."""
        whole = self.text.matrix(None, plan.width) if not isinstance(self.text.column, Spans) else None
        rest = []
        for begin in range(0, n, CHUNK):
            rows = slice(begin, min(begin + CHUNK, n))
            bytes_ = (
                whole[rows]
                if whole is not None
                else sliding_window_view(self.text.data, plan.width)[self.text.start[rows]]
            )
            read_ = self._enter(rows, plan.run(bytes_), rules)
            if not read_.all():
                rest.append(np.flatnonzero(~read_) + begin)
        return np.concatenate(rest) if rest else np.empty(0, np.intp)

    def _by_rows(self, by_width: dict[int, list[Plan]], rules: Rules, rows: NDArray[np.intp]) -> None:
        """Each plan over the rows of its width that no plan has read."""
        sizes = self.text.size[rows]
        left = []
        for width, layouts in by_width.items():
            at = rows[sizes == width]
            for plan in self._likely_first(layouts, at) if len(at) else ():
                if len(at):
                    at = at[~self._enter(at, plan.run(self.text.matrix(at, width)), rules)]
            left.append(at)
        others = rows[~np.isin(sizes, list(by_width))]
        self.left = np.sort(np.concatenate([*left, others]))

    def general(self, form: Form, rules: Rules) -> None:
        if not len(self.left):
            return
        parts = read(form, self.text.arrow(self.left))
        if not parts.good.any():
            return
        self.left = self.left[~self._enter(self.left, parts, rules)]

    def _enter(self, rows: Any, parts: Parts, rules: Rules) -> Mask:
        """Which rows had the form; of those, the ones that are dates get their value."""
        had = parts.good.copy()
        values, good, doubtful = assemble(parts, rules, self.ticks)
        if self.ticks == NS:
            good &= _holds_ns(parts, rules)
        if self.fine and "fraction" in parts.fields:
            self._note_cut(rows, had & (parts.fields["fraction"] % 1000 != 0))
        if had.all():
            self.values[rows], self.good[rows], self.doubtful[rows] = values, good, doubtful
        else:
            some = np.flatnonzero(had)
            at = some + rows.start if isinstance(rows, slice) else rows[some]
            self.values[at], self.good[at], self.doubtful[at] = values[some], good[some], doubtful[some]
        return had

    def _note_cut(self, rows: Any, cut: Mask) -> None:
        if cut.any():
            self.cut[np.arange(rows.start, rows.stop)[cut] if isinstance(rows, slice) else rows[cut]] = True

    def result(self) -> Parsed:
        return Parsed(self.values, self.null, ~self.good & ~self.null, self.doubtful & self.good, self.cut & self.good)


def _holds_ns(parts: Parts, rules: Rules) -> Mask:
    year = parts.fields.get("year")
    if year is None:
        return np.ones(parts.n, np.bool_)
    return (year >= NS_YEARS[0]) & (year <= NS_YEARS[1])


# one literal at a time: `from=`, `to=`, and text compared with a date

_COMPACT = re.compile(r"\d{4}(?:\d\d){0,5}\Z")


@lru_cache(maxsize=512)
def parse_time_literal(text: str, where: str) -> int | None:
    """Microseconds UTC of `yyyy[MM[dd[HH[mm[ss]]]]]` or ISO 8601; None if it is neither, no date, or finer than a microsecond."""
    text = text.strip()
    if not _COMPACT.match(text) and not re.match(r"\d{4}-\d\d|\d{8}[Tt ]", text):
        return None
    got = parse_dates(text_array((text,)), None, where, 0)
    return None if bool(got.bad[0]) or bool(got.cut[0]) else int(got.values[0])


def locale_or_zone(name: str) -> tuple[str | None, str | None]:
    """What the last argument of date() and string() is: (locale, None), (None, zone), or neither."""
    found = locale_of(name)
    if found is not None:
        return found, None
    return (None, name) if zone_named(name) is not None else (None, None)


__all__ = ["BadFormat", "Format", "Parsed", "java", "locale_or_zone", "parse_dates", "parse_time_literal", "percent"]
