"""Row groups of Parquet files of which only the rows are read that a filter, or a sort's bound, lets through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from ...planner.catalog import ScanRequest
from ...planner.types import Type
from ..batch import Batch, Origin
from ..context import Context
from ..operators.filter import Choice
from ..storage.pagechunk import Chunks
from .choosing import Chooser, Group, Predicate, Refused, Test, predicates_of
from .columnar import Maker
from .groupstats import Range, column_range
from .pruning import Bound

if TYPE_CHECKING:
    from .parquet import GroupPart, ParquetFile, ParquetRelation


class Bounded(Test, Protocol):
    """A test by a sort's bound, as it is now."""

    def bound(self, kind: Type) -> Bound: ...
    @property
    def nulls_first(self) -> bool: ...


class Floor(Protocol):
    """The bound of a sort with a limit, which tightens while rows come: those behind it are wanted no more."""

    field: str
    descending: bool

    def now(self) -> Bounded | None: ...


class ChosenRows:
    """What stands behind a source of row groups and asks for some of its rows."""

    def __init__(self, relation: ParquetRelation, request: ScanRequest) -> None:
        self._relation, self._request = relation, request
        self._choice: Choice | None = None
        self._predicates: tuple[Predicate, ...] = ()
        self._maker: Maker | None = None
        self._floor: Floor | None = None

    def choose(self, choice: Choice) -> None:
        found = predicates_of(choice.predicate, choice.schema, choice.at)
        if found is not None and all(self._is_stored(n) for p in found for n in p.fields):
            self._choice, self._predicates = choice, found

    def watch(self, floor: Floor) -> None:
        if self._is_stored(floor.field):
            self._floor = floor

    def stored(self, name: str) -> str:
        """The files' name of a field: `_time` of time=F is F."""
        time = self._relation.options.time
        return time if name == "_time" and time is not None else name

    def _is_stored(self, name: str) -> bool:
        return self.stored(name) in self._relation.data and self.stored(name) not in self._relation.hive

    # -- whole row groups --

    def work_order(self, parts: Sequence[GroupPart]) -> list[int] | None:
        """Those first that hold what a sort puts first, so that its bound is soon a good one."""
        floor = self._floor
        if floor is None or len(parts) < 2:
            return None
        ranges = [self._range(p.group.file, p.group.number, floor.field) for p in parts]
        ends = [None if r is None else r.high if floor.descending else r.low for r in ranges]
        known = [(end, -i if floor.descending else i) for i, end in enumerate(ends) if end is not None]
        if len({type(end) for end, _ in known}) > 1:
            return None
        known.sort(reverse=floor.descending)
        unknown = [i for i, end in enumerate(ends) if end is None]
        return unknown + [abs(i) for _, i in known]

    def is_behind(self, file: ParquetFile, number: int) -> bool:
        """Whether no row of a row group can come before the sort's bound."""
        test = self._floor.now() if self._floor is not None else None
        if test is None:
            return False
        name = self.stored(test.fields[0])
        if name not in file.schema.names:
            return not test.nulls_first
        if test.nulls_first and not _has_no_null(file, number, name):
            return False
        found = self._range(file, number, name)
        kind = self._relation.data.type(name)
        return found is not None and kind is not None and not found.may_hold(test.bound(kind))

    def _range(self, file: ParquetFile, number: int, name: str) -> Range | None:
        at = file.schema.get_field_index(self.stored(name))
        if at < 0:
            return None
        group = file.metadata.row_group(number)
        kind = file.schema.field(at).type
        return column_range(file.metadata, group, self.stored(name), kind, self._relation.options.zone)

    # -- rows --

    def batches(self, part: GroupPart, step: int, ctx: Context) -> Iterator[Batch] | None:
        """The wanted rows; None: they are to be read as if all were."""
        tests = self._tests() if ctx.compiled else []
        if not tests:
            return None
        file, source = part.group.file, part.source
        names = {self.stored(n) for t in tests for n in t.fields}
        maker = self._carrying(source.maker)
        if not (maker.is_quiet and source.maker.is_quiet and names <= set(file.schema.names)):
            return None
        wanted = maker.columns_of(file)
        with source.opened(file) as raw:
            chunks = Chunks(raw, file.leaves, part.group.number, names | set(wanted))
            if not chunks.names:
                return None
            chooser = Chooser(Group(chunks, part.general, self.stored, maker.normal, ctx), frozenset(wanted))
            try:
                chooser.narrow(tests)
            except Refused:
                return None
            columns = [chooser.column(name) for name in wanted] if chooser.n_left else []
        given = pa.RecordBatch.from_arrays(columns, names=wanted) if columns else None
        return self._made(chooser, given, maker, part, step, ctx)

    def _tests(self) -> list[Test]:
        floor = self._floor.now() if self._floor is not None else None
        return [*self._predicates, *([floor] if floor is not None else [])]

    def _carrying(self, whole: Maker) -> Maker:
        """Behind a filter only the fields that it hands on are made."""
        choice = self._choice
        if choice is None:
            return whole
        if self._maker is None:
            schema = choice.schema.select(choice.carried)
            self._maker = Maker(self._relation, schema, replace(self._request, fields=choice.carried))
        return self._maker

    def _made(
        self, chooser: Chooser, given: pa.RecordBatch | None, maker: Maker, part: GroupPart, step: int, ctx: Context
    ) -> Iterator[Batch]:  # fmt: skip
        mark = self._choice.mark if self._choice is not None else None
        for low in range(0, chooser.n_left, step):
            size = min(step, chooser.n_left - low)
            piece = given.slice(low, size) if given is not None else None
            row = part.group.skipped + (low if chooser.rows is None else 0)
            picks = () if chooser.rows is None else (chooser.rows[low : low + size],)
            origin = Origin(part.seq, part.shown, 0, row, picks, chosen_by=mark)
            yield from maker.batches(piece, size, part.group.file, origin, ctx, part.group.before)


def _has_no_null(file: ParquetFile, number: int, name: str) -> bool:
    group = file.metadata.row_group(number)
    found = next((c for c in map(group.column, range(group.num_columns)) if c.path_in_schema == name), None)
    stats = found.statistics if found is not None else None
    return bool(stats is not None and stats.has_null_count and stats.null_count == 0)
