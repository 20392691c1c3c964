"""What `asof` must give, by going through all rows of the right for each of the left.

Times are exact Python numbers: nanoseconds, whole numbers, doubles.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

Row = dict[str, Any]
I64 = range(-(2**63), 2**63)
NS = 10**9
UNITS = {
    "us": pa.timestamp("us", "UTC"), "ns": pa.timestamp("ns", "UTC"), "s": pa.timestamp("s", "Asia/Seoul"),
    "ms": pa.timestamp("ms", "America/New_York"), "naive": pa.timestamp("us"), "day": pa.date32(),
}  # fmt: skip
PER = {"s": NS, "ms": 10**6, "us": 1000, "ns": 1}  # nanoseconds in a unit of Arrow's
SCALE = {
    "us": 1000,
    "ns": 1,
    "s": NS,
    "ms": 10**6,
    "naive": 1000,
    "day": 86_400 * NS,
    "duration": 1000,
    "long": 1,
    "double": 1,
}
KINDS: dict[str, pa.DataType] = UNITS | {"duration": pa.duration("us"), "long": pa.int64(), "double": pa.float64()}  # type: ignore[assignment]


@dataclass(frozen=True)
class Key:
    """A key's name on either side, and of what types it is there."""

    left: str
    right: str
    types: tuple[pa.DataType, pa.DataType]

    def text(self) -> str:
        return self.left if self.left == self.right else f"{self.left} as {self.right}"


@dataclass
class Case:
    """Times as stored (in the units of `kinds`); fields of either side with their types, in order."""

    left: list[Row]
    right: list[Row]
    mine: dict[str, pa.DataType]
    theirs: dict[str, pa.DataType]
    kinds: tuple[str, str]
    on: str
    righton: str
    written: str  # how the fields of time are asked for
    keys: list[Key]
    by: bool = False
    direction: str = "backward"
    exact: bool = True
    tolerance: tuple[str, Any] | None = None  # as written, and as a number in ns or of the field
    inner: bool = False
    skipnull: bool = False
    gap: bool = True
    prefix: bool = False
    kept: list[str] | None = None  # by `fields` behind it
    chosen: tuple[str, str, int] | None = None  # by `search` behind it: a field, how, and a number
    tables: dict[str, pa.Table] = field(default_factory=dict)

    def query(self) -> str:
        words = [f"direction={self.direction}"] if self.direction != "backward" else []
        words += [] if self.exact else ["exact=f"]
        words += [] if self.tolerance is None else [f"tolerance={self.tolerance[0]}"]
        words += ["type=inner"] if self.inner else []
        words += ["skipnull=t"] if self.skipnull else []
        words += ["gap=age"] if self.gap else []
        words += ["prefix=q_"] if self.prefix else []
        keys = ("by " if self.by and self.keys else "") + ", ".join(k.text() for k in self.keys)
        behind = ""
        if self.chosen is not None:
            name, how, than = self.chosen
            behind += f" | search {name} {how} {than}" if how in (">=", "<") else f" | search {how}({name})"
        behind += f" | fields {', '.join(self.kept)}" if self.kept else ""
        return f"table a | asof {' '.join(words)} {self.written} {keys} [ table b ]{behind}"

    def fresh(self) -> dict[str, str]:
        """Fields of the right that come out, and as what."""
        out = {k.right for k in self.keys} | (set() if self.prefix else {self.righton})
        return {n: f"q_{n}" if self.prefix else n for n in self.theirs if n not in out}

    def names(self) -> list[str]:
        """Of what comes out of it, in order."""
        return [*dict.fromkeys([*self.mine, *self.fresh().values()]), *(["age"] if self.gap else [])]

    def chooses(self, row: Row) -> bool:
        if self.chosen is None:
            return True
        name, how, than = self.chosen
        match how:
            case "isnull":
                return row[name] is None
            case "isnotnull":
                return row[name] is not None
        return bool(row[name] >= than if how == ">=" else row[name] < than)

    def is_overflowing(self) -> bool:
        """Whether times are compared by nanoseconds of which not all have 64 bits."""
        dates = set(self.kinds) & set(UNITS)
        return "ns" in dates and dates != {"ns"}


def known(value: Any, kind: str) -> Any:
    """A time on the common scale; None: it takes no part."""
    if value is None or (kind == "double" and math.isnan(value)):
        return None
    return value * SCALE[kind]


def far(a: Any, b: Any) -> Any:
    if a == b:
        return 0
    if isinstance(a, float) or isinstance(b, float):
        return abs(float(a) - float(b))
    return abs(a - b)


def equal(a: Any, b: Any) -> bool:
    """As keys: a null equals nothing, NaN itself."""
    return a is not None and b is not None and bool(a == b or (a != a and b != b))


def found(case: Case, row: Row, column: str | None = None) -> Row | None:
    """The row of the right that matches; `column`: the nearest that has a value there."""
    as_double, can_overflow = "double" in case.kinds, case.is_overflowing()

    def time(value: Any, kind: str) -> Any:
        got = known(value, kind)
        if got is None or (can_overflow and got not in I64):
            return None
        return float(got) if as_double else got

    t = time(row[case.on], case.kinds[0])
    if t is None:
        return None
    before: tuple[Any, Row] | None = None
    behind: tuple[Any, Row] | None = None
    for other in case.right:
        u = time(other[case.righton], case.kinds[1])
        if u is None or (not case.exact and u == t) or (column is not None and other[column] is None):
            continue
        if not all(equal(plainly(row[k.left], k.types[0]), plainly(other[k.right], k.types[1])) for k in case.keys):
            continue
        if u <= t and case.direction != "forward" and (before is None or u >= before[0]):
            before = u, other
        later = behind is None or u < behind[0] or (u == behind[0] and case.direction == "nearest")
        if u >= t and case.direction != "backward" and later:
            behind = u, other
    near = [f for f in (before, behind) if f is not None]
    if not near:
        return None
    best = min(near, key=lambda f: far(t, f[0]))
    if case.tolerance is not None and far(t, best[0]) > case.tolerance[1]:
        return None
    return best[1]


def gap_of(case: Case, row: Row, other: Row | None) -> Any:
    """As microseconds, or a number; None where 64 bits do not hold it."""
    if other is None:
        return None
    a, b = known(row[case.on], case.kinds[0]), known(other[case.righton], case.kinds[1])
    if "double" in case.kinds:
        return 0.0 if float(a) == float(b) else float(a) - float(b)
    if case.kinds[0] == "long":
        return a - b if a - b in I64 else None
    if case.kinds == ("ns", "ns"):
        return (a - b) // 1000 if a - b in I64 else None
    return a // 1000 - b // 1000 if a // 1000 - b // 1000 in I64 else None


@dataclass
class Answer:
    """Rows by the names of fields, and what is told of them."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    told: Counter[tuple[str, str]] = field(default_factory=Counter)


def expected(case: Case) -> Answer:
    out = Answer(told=ignored(case))
    fresh = case.fresh()
    kept = case.kept or case.names()
    shared = set(fresh.values()) & set(case.mine)
    for row in case.left:
        plain = found(case, row)
        for name in shared if plain is not None else ():
            out.told["overwrite", f"the subquery's '{name}' stands instead"] += row[name] is not None
        if case.inner and plain is None:
            continue
        made = {n: plainly(row[n], t) for n, t in case.mine.items()}
        for name, out_name in fresh.items():
            if plain is None and out_name in case.mine:
                continue
            by_itself = case.skipnull and name != case.righton
            other = found(case, row, name) if by_itself else plain
            made[out_name] = None if other is None else plainly(other[name], case.theirs[name])
        for name in shared:
            types = {case.mine[name], case.theirs[name]}
            if types == {pa.int64(), pa.float64()} and made[name] is not None:
                made[name] = float(made[name])
        if case.gap:
            made["age"] = gap_of(case, row, plain)
        if case.chooses(made):
            out.rows.append(tuple(made[n] for n in kept))
    out.told = +out.told
    return out


def ignored(case: Case) -> Counter[tuple[str, str]]:
    """Rows of the right that can match nothing, by why."""
    out: Counter[tuple[str, str]] = Counter()
    for row in case.right:
        t = known(row[case.righton], case.kinds[1])
        if t is None:
            out["drop", "null time"] += 1
        elif case.is_overflowing() and t not in I64:
            continue  # told with those of the left
        elif any(row[k.right] is None for k in case.keys):
            out["drop", "null key"] += 1
    return out


def plainly(value: Any, kind: Any) -> Any:
    """Times as nanoseconds, lengths of time as microseconds."""
    if value is None or not pa.types.is_temporal(kind):
        return value
    if pa.types.is_date(kind):
        return value * 86_400 * NS
    return value * PER[str(kind.unit)] if pa.types.is_timestamp(kind) else value


def given(case: Case, result: Any) -> Answer:
    """The same of what came out."""
    got: pa.Table = result.to_arrow()
    if got.schema.names != (case.kept or case.names()):
        raise AssertionError(f"{case.query()}\nfields {got.schema.names}, not {case.kept or case.names()}")

    def values(column: Any) -> list[Any]:
        kind = column.type
        if pa.types.is_temporal(kind):
            return [plainly(v, kind) for v in column.cast(pa.int64()).to_pylist()]
        return column.to_pylist()  # type: ignore[no-any-return]

    columns = [values(c) for c in got.columns]
    rows = list(zip(*columns, strict=True)) if columns else []
    notes = [n for n in result.notes if n.kind == "drop" or (n.kind == "overwrite" and n.reason.startswith("the sub"))]
    return Answer(rows, Counter({(n.kind, n.reason): n.count for n in notes}))


def same(a: Answer, b: Answer, case: Case) -> bool:
    """NaN is NaN. Fields that nobody reads are not made, so what stands in their place is not told."""
    told = [Counter({k: v for k, v in x.told.items() if case.kept is None or k[0] != "overwrite"}) for x in (a, b)]
    return repr(a.rows) == repr(b.rows) and told[0] == told[1]


def table(rows: list[Row], fields: Mapping[str, pa.DataType], pieces: int) -> pa.Table:
    """In so many pieces as they come, as a file of several batches has them."""

    def array(name: str, kind: pa.DataType, part: list[Row]) -> Any:
        values: list[Any] = [r[name] for r in part]
        if pa.types.is_dictionary(kind):
            return pa.array(values, kind.value_type).dictionary_encode()
        if pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
            return pa.array(values, pa.int64()).cast(kind)
        return pa.array(values, pa.int32()).cast(kind) if pa.types.is_date(kind) else pa.array(values, kind)

    step = max(1, -(-len(rows) // pieces))
    parts = [rows[i : i + step] for i in range(0, len(rows), step)] or [[]]
    batches = [pa.table({n: array(n, kind, part) for n, kind in fields.items()}) for part in parts]
    return pa.concat_tables(batches)
