"""What sources of typed columns share (Parquet, Arrow): fields of several files joined, folders, `from=`/`to=`, batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.catalog import ScanRequest
from ...planner.expr import Expr
from ...planner.records import dataclass
from ...planner.types import STRING, Schema, Type, holds_decimals, join, of_arrow
from ..arrow import coded, is_valid, numbers_of
from ..batch import Batch, Column, Origin
from ..context import Context
from ..exprs import INFOS
from ..normalise import is_quiet, normalise
from ..notes import At
from .files import FileOptions, extras, needed, with_extras
from .hive import constant_of, type_of_values
from .pruning import Bound, bounds
from .quarantine import Quarantine
from .refused import Refused

CODED_KINDS = ("long", "date")
TOLD_ONLY = frozenset({"dst"})  # reasons of a value that stands all the same


class ColumnFile(Protocol):
    """One file as it was found at bind."""

    @property
    def path(self) -> str: ...
    @property
    def schema(self) -> pa.Schema: ...  # names are there once
    @property
    def hive(self) -> dict[str, str | None]: ...


@dataclass(slots=True)
class Survey:
    """What the files say of their columns."""

    files: list[Any] = field(default_factory=list)
    types: dict[str, Type] = field(default_factory=dict)
    hive: dict[str, Type] = field(default_factory=dict)
    decimals: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    renamed: list[str] = field(default_factory=list)
    mixed: dict[str, dict[str, int]] = field(default_factory=dict)  # by kind, how many files have the field so


def survey_of(files: Iterable[ColumnFile]) -> Survey:
    """Fields joined by name, types widened; `key=value` folders become fields."""
    out = Survey()
    parts: dict[str, list[Type]] = {}
    for file in files:
        out.files.append(file)
        for column in file.schema:
            parts.setdefault(column.name, []).append(of_arrow(column.type))
            if holds_decimals(column.type) and column.name not in out.decimals:
                out.decimals.append(column.name)
    for name, types in parts.items():
        out.types[name] = join(types)
        kinds = Counter(t.kind for t in types if t.kind != "null")
        if out.types[name].kind == "string" and len(kinds) > 1:
            out.mixed[name] = dict(kinds)
        if out.types[name].kind == "other":
            out.others.append(name)
    for name in dict.fromkeys(n for f in out.files for n in f.hive):
        if name not in out.types:
            out.hive[name] = type_of_values([f.hive.get(name) for f in out.files])
    return out


def first_line(why: BaseException) -> str:
    return (str(why).splitlines() or [type(why).__name__])[0].split(". Detail: ")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """`from=` and `to=`: rows of this time only, in microseconds; to is exclusive."""

    field: str
    low: int | None = None
    high: int | None = None


class ColumnarRelation:
    """The rows of one or more files, one after the other, joined by field name."""

    def __init__(
        self, gate: Any, found: Survey, options: FileOptions, name: str, at: At,
        *, columns: Sequence[str] | None = None, window: Window | None = None,
    ) -> None:  # fmt: skip
        self.gate, self.name, self.options, self.at, self.window = gate, name, options, at, window
        self.files, self.hive = found.files, found.hive
        self.data = Schema((*found.types.items(), *found.hive.items()))
        shown = self.data if columns is None else self.data.select(columns)
        self.schema = with_extras(shown, options, len(found.files))

    def bounds_of(self, filters: Sequence[Expr]) -> tuple[Bound, ...]:
        """Bounds of the files' own fields. `_time` of time=F is the field F where that is a date."""
        time = self.options.time
        named = time if time is not None and (self.data.type(time) or STRING).kind == "date" else None
        out = []
        for bound in bounds(filters):
            if bound.field == "_time" and time is not None:
                if named is None:
                    continue  # text or a number that is read as a date
                bound = Bound(named, bound.op, bound.value, bound.type)
            out.append(bound)
        return tuple(out)

    def bounds_of_window(self) -> tuple[Bound, ...]:
        window = self.window
        if window is None:
            return ()
        kind = self.data.type(window.field) or STRING
        if kind.kind != "date":
            return ()
        out = []
        if window.low is not None:
            out.append(Bound(window.field, ">=", window.low, kind))
        if window.high is not None:
            out.append(Bound(window.field, "<=" if kind.unit == "ns" else "<", window.high, kind))
        return tuple(out)

    def file_may_hold(self, file: ColumnFile, found: Sequence[Bound]) -> bool:
        """What the names of its folders say."""
        for bound in found:
            kind = self.hive.get(bound.field)
            if kind is None or kind.kind not in ("long", "double", "string"):
                continue
            value = file.hive.get(bound.field)
            if value is None:
                return False
            typed: Any = value if kind.kind == "string" else float(value) if kind.kind == "double" else int(value)
            if isinstance(bound.value, str) == isinstance(typed, str) and not bound.may_hold(typed, typed):
                return False
        return True

    def is_quiet(self, name: str) -> bool:
        """Whether no file can have a value of this field that is refused."""
        kind, zone = self.data.type(name), self.options.zone
        found = (f.schema.field(name).type for f in self.files if name in f.schema.names)
        return kind is not None and all(is_quiet(t, kind, zone) for t in found)


class Maker:
    """Record batches of one file to batches with the wanted columns."""

    def __init__(self, relation: ColumnarRelation, schema: Schema, request: ScanRequest) -> None:
        self._relation, self._schema = relation, schema
        options = relation.options
        self._silent = frozenset() if options.is_judged else request.unjudged(schema.names())
        self._quarantine = Quarantine.of(options.quarantine, relation.at)
        self._wanted = set(needed(schema, options))
        self._read = set(self._wanted)
        self.coded: frozenset[str] = frozenset()
        if relation.window is not None:
            self._read.add(relation.window.field)
        if options.is_judged:  # a record is left out by any of its values, not by those alone that somebody wants
            self._read |= {n for n in relation.data.names() if n not in relation.hive and not relation.is_quiet(n)}
            self._read |= {options.time} if options.time is not None else set()

    @cached_property
    def is_quiet(self) -> bool:
        """Whether it can have nothing to tell of a value, and gives all rows that there are."""
        relation = self._relation
        options, time = relation.options, relation.options.time
        if options.is_judged or relation.window is not None:
            return False
        if time is not None and (relation.data.type(time) or STRING).kind != "date":
            return False  # read as one, and refused where it is none
        own = [n for n in self._read if n not in relation.hive]
        return all(n not in relation.data or relation.is_quiet(n) for n in own)

    def code(self, names: Collection[str]) -> None:
        """What stands behind only groups by these, and by their buckets: numbers and dates may be dictionaries, too."""
        relation, time = self._relation, self._relation.options.time
        stored = {time if n == "_time" and time is not None else n for n in names}
        read_else = {n for n in self._schema.names() if n not in names}
        if self.is_quiet:
            self.coded = frozenset(
                n for n in stored - read_else if (relation.data.type(n) or STRING).kind in CODED_KINDS
            )

    def normal(self, name: str, array: pa.Array[Any]) -> Column:
        """A column of a field of which nothing can be told."""
        relation = self._relation
        return normalise(array, relation.data.type(name) or STRING, relation.options.zone)

    def begin(self, ctx: Context) -> None:
        """Called once, before anything is read."""
        if self._quarantine is not None:
            self._quarantine.begin(ctx)

    def columns_of(self, file: ColumnFile) -> list[str]:
        """Fields of the file that must be read, in its order."""
        return [n for n in file.schema.names if n in self._read]

    def batches(
        self, given: pa.RecordBatch | None, n: int, file: ColumnFile, origin: Origin, ctx: Context, before: int = 0
    ) -> Iterator[Batch]:
        """`before`: rows of the file before the partition."""
        relation = self._relation
        options, window = relation.options, relation.window
        bare = Batch(n, (), origin)
        refused = Refused(relation.at, options.bad, ctx, bare, self._quarantine, silent=self._silent, before=before)
        named: dict[str, Column] = {}
        for i, name in enumerate(given.schema.names if given is not None else ()):
            assert given is not None
            array, kind = given.column(i), relation.data.type(name) or STRING
            if name in self.coded and isinstance(array, pa.DictionaryArray) and not _is_dictionary(file, name):
                named[name] = coded(array.indices, normalise(array.dictionary, kind, options.zone))
                continue
            named[name] = normalise(array, kind, options.zone, _teller(refused, name, array, kind, options))
        for name, kind in relation.hive.items():
            if name in self._wanted or (window is not None and name == window.field):
                named[name] = constant_of(file.hive.get(name), kind, n, options.zone)
        columns = extras(named, self._schema, relation.data, options, origin.source, refused)
        inside = None if window is None else _inside(window, named, refused)
        yield from refused.batches(columns, inside)


def _is_dictionary(file: ColumnFile, name: str) -> bool:
    """Whether the file itself has the field as one; of any type of codes, and what stands where null is may be anything."""
    return bool(pa.types.is_dictionary(file.schema.field(name).type))


def _inside(window: Window, named: dict[str, Column], refused: Refused) -> NDArray[np.bool_]:
    """The rows of the window; a row without a time is left out and told."""
    column, n = named.get(window.field), refused.bare.n_rows
    if not isinstance(column, pa.Array):
        refused.left_out("no time", np.ones(n, np.bool_))
        return np.zeros(n, np.bool_)
    valid, ticks = is_valid(column), numbers_of(column)
    scale = 1000 if column.type.unit == "ns" else 1
    refused.left_out("no time", ~valid)
    keep = valid
    if window.low is not None:
        keep = keep & (ticks >= window.low * scale)
    if window.high is not None:
        keep = keep & (ticks < window.high * scale)
    return keep


def _teller(refused: Refused, name: str, array: Any, kind: Type, options: FileOptions) -> Any:
    n = refused.bare.n_rows

    def told(reason: str, rows: Any, values: Any, hint: str) -> None:
        if name in refused.silent:
            return
        if values is None or len(rows) != n:  # inside a list or map: the row is not known
            if not options.is_judged:
                refused.ctx.notes.count(
                    refused.at, "info" if reason in INFOS else "reject", reason, int(np.count_nonzero(rows)), hint
                )
                return
            rows, values = _rows_with(array, kind, options.zone, reason), array
        if reason in INFOS:
            refused.info(reason, np.flatnonzero(rows), values, hint, name)
        else:
            refused.rows(reason, rows, values, hint, told=reason in TOLD_ONLY, column=name)

    return told


def _rows_with(array: Any, kind: Type, zone: str, reason: str) -> NDArray[np.bool_]:
    """The rows in whose lists or maps a value is refused: halves are looked at until single rows are left."""
    out = np.zeros(len(array), np.bool_)
    todo = [(0, len(array))]
    while todo:
        low, high = todo.pop()
        seen = _reasons(array.slice(low, high - low), kind, zone)
        if reason not in seen:
            continue
        if high - low == 1:
            out[low] = True
        else:
            middle = (low + high) // 2
            todo += [(low, middle), (middle, high)]
    return out


def _reasons(array: Any, kind: Type, zone: str) -> list[str]:
    seen: list[str] = []
    normalise(array, kind, zone, lambda reason, rows, values, hint: seen.append(reason))
    return seen


__all__ = ["ColumnFile", "ColumnarRelation", "Maker", "Survey", "Window", "first_line", "survey_of"]
