"""Row groups of Parquet files of which only the rows are read that a filter, or a sort's bound, lets through.

Files read by path and those of stored tables are both groups of rows here; what a column is called in a file, how it becomes
one of the engine's and how batches are made of it is their own matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import get_ident
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.types import Type
from ..batch import Batch, Column, Origin
from ..context import Context
from ..operators.filter import Choice
from ..storage.pagechunk import Chunks, Leaves
from ..storage.pagerows import picked, taken
from ..storage.tally import Tally
from .choosing import Chooser, Group, Predicate, Refused, Test, predicates_of
from .groupstats import Range, chunk_range, has_no_null
from .pruning import Bound

WHOLE_GROUP = 64 << 20  # unpacked bytes of the wanted columns above which a row group is read in pieces
ROWS_A_PAGE = 10_000  # of which one is wanted: then nearly all pages are
MOST_OPEN = 16  # files that are kept open


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


class Form(Protocol):
    """Some fields of a source. Quiet: it can have nothing to tell of a value, and gives all rows that there are."""

    @property
    def is_quiet(self) -> bool: ...


F = TypeVar("F", bound=Form)
F_co = TypeVar("F_co", bound=Form, covariant=True)
F_contra = TypeVar("F_contra", bound=Form, contravariant=True)


class RowGroup(Protocol[F_contra]):
    """A partition of rows that lie together in a Parquet file. `schema`: the file's; `number`: in the file.

    `page_bounds`: whether what page headers tell of their values may be used: it is in the unit of the field, and believed.
    """

    @property
    def leaves(self) -> Leaves: ...
    @property
    def schema(self) -> pa.Schema: ...
    @property
    def number(self) -> int: ...
    @property
    def page_bounds(self) -> bool: ...
    @property
    def n_rows(self) -> int: ...
    @property
    def nbytes(self) -> int: ...
    @property
    def seq(self) -> int: ...
    @property
    def shown(self) -> str: ...
    @property
    def first_row(self) -> int: ...
    def opened(self) -> AbstractContextManager[pa.NativeFile]: ...
    def hides_nan(self, name: str) -> bool:
        """Whether NaN may lie outside the bounds that the footer tells of a column."""

    def general(self, name: str) -> pa.Array[Any]:
        """A column of all rows, as Arrow reads it; nulls if the file lacks it."""

    def columns_of(self, form: F_contra) -> list[str]: ...
    def normal(self, form: F_contra, name: str, array: pa.Array[Any]) -> Column: ...
    def made(
        self, form: F_contra, given: pa.RecordBatch | None, n: int, origin: Origin, ctx: Context
    ) -> Iterator[Batch]: ...  # fmt: skip


class Stored(Protocol[F_co]):
    """The source that the row groups are of."""

    def stored(self, name: str) -> str | None:
        """The files' name of a field; None: it does not lie in them."""

    def kind_of(self, name: str) -> Type | None: ...
    def form(self, fields: Sequence[str] | None) -> F_co:
        """`fields`: None for those that the source was asked for."""


class ChosenRows(Generic[F]):
    """What stands behind a source of row groups and asks for some of its rows."""

    def __init__(self, source: Stored[F], tally: Tally) -> None:
        self._source, self._tally = source, tally
        self._choice: Choice | None = None
        self._predicates: tuple[Predicate, ...] = ()
        self._whole, self._form = source.form(None), source.form(None)
        self._floor: Floor | None = None

    def choose(self, choice: Choice) -> None:
        found = predicates_of(choice.predicate, choice.schema, choice.at)
        if found is not None and all(self._source.stored(n) for p in found for n in p.fields):
            self._choice, self._predicates = choice, found
            self._form = self._source.form(choice.carried)

    def watch(self, floor: Floor) -> None:
        if self._source.stored(floor.field) is not None:
            self._floor = floor

    def _stored(self, name: str) -> str:
        return self._source.stored(name) or name

    # -- whole row groups --

    def work_order(self, parts: Sequence[RowGroup[F]]) -> list[int] | None:
        """Those first that hold what a sort puts first, so that its bound is soon a good one."""
        floor = self._floor
        if floor is None or len(parts) < 2 or not self._whole.is_quiet:
            return None
        ranges = [_range(part, self._stored(floor.field)) for part in parts]
        ends = [None if r is None else r.high if floor.descending else r.low for r in ranges]
        known = [(end, -i if floor.descending else i) for i, end in enumerate(ends) if end is not None]
        if len({type(end) for end, _ in known}) > 1:
            return None
        known.sort(reverse=floor.descending)
        unknown = [i for i, end in enumerate(ends) if end is None]
        return unknown + [abs(i) for _, i in known]

    def is_behind(self, part: RowGroup[F]) -> bool:
        """Whether no row of a row group can come before the sort's bound."""
        test = self._floor.now() if self._floor is not None else None
        if test is None or not self._is_behind(test, part):
            return False
        self._tally.row_group_behind()
        return True

    def _is_behind(self, test: Bounded, part: RowGroup[F]) -> bool:
        name = self._stored(test.fields[0])
        if name not in part.schema.names:
            return not test.nulls_first
        if test.nulls_first and not has_no_null(part.leaves.column(part.number, name)):
            return False
        found, kind = _range(part, name), self._source.kind_of(name)
        return found is not None and kind is not None and not found.may_hold(test.bound(kind))

    # -- rows --

    def batches(self, part: RowGroup[F], step: int, ctx: Context) -> Iterator[Batch] | None:
        """The wanted rows; None: they are to be read as if all were."""
        tests = self._tests() if ctx.compiled and part.nbytes <= WHOLE_GROUP else []
        if not tests or not (self._form.is_quiet and self._whole.is_quiet):
            return None
        names, known = {self._stored(n) for t in tests for n in t.fields}, set(part.schema.names)
        form, wanted = self._form, part.columns_of(self._form)
        with part.opened() as raw:
            chunks = Chunks(raw, part.leaves, part.number, (names & known) | set(wanted), self._tally)
            if not chunks.names:
                return None
            group = Group(
                chunks, part.general, self._stored, lambda n, a: part.normal(form, n, a), frozenset(names - known),
                part.page_bounds, ctx,
            )  # fmt: skip
            chooser = Chooser(group, frozenset(wanted))
            try:
                chooser.narrow(tests)
            except Refused:
                return None
            columns = [chooser.column(name) for name in wanted] if chooser.n_left else []
        given = pa.RecordBatch.from_arrays(columns, names=wanted) if columns else None
        self._tally.rows_chosen(chooser.n_left, chooser.n_rows)
        return self._made(chooser, given, part, step, ctx)

    @property
    def is_asked(self) -> bool:
        """Whether not all rows are wanted."""
        return bool(self._predicates) or self._floor is not None

    def is_worth_it(self) -> bool:
        """Whether columns are spared by looking for rows first: nobody knows yet, or so few are wanted that pages hold none."""
        return bool(self._tests()) and not self._tally.is_wanted(ROWS_A_PAGE)

    def _tests(self) -> list[Test]:
        floor = self._floor.now() if self._floor is not None else None
        return [*self._predicates, *([floor] if floor is not None else [])]

    def _made(
        self, chooser: Chooser, given: pa.RecordBatch | None, part: RowGroup[F], step: int, ctx: Context
    ) -> Iterator[Batch]:  # fmt: skip
        mark = self._choice.mark if self._choice is not None else None
        for low in range(0, chooser.n_left, step):
            size = min(step, chooser.n_left - low)
            piece = given.slice(low, size) if given is not None else None
            row = part.first_row + (low if chooser.rows is None else 0)
            picks = () if chooser.rows is None else (chooser.rows[low : low + size],)
            origin = Origin(part.seq, part.shown, 0, row, picks, chosen_by=mark)
            yield from part.made(self._form, piece, size, origin, ctx)

    def taken(self, part: RowGroup[F], rows: NDArray[np.int32], ctx: Context) -> Batch | None:
        """These ascending rows of the row group alone; None: it is to be read as a whole."""
        names = part.columns_of(self._whole)
        if not ctx.compiled or not names or part.nbytes > WHOLE_GROUP:
            return None
        with part.opened() as raw:
            chunks = Chunks(raw, part.leaves, part.number, names, self._tally)
            columns = [_taken(part, name, chunks, rows) for name in names]
        origin = Origin(part.seq, part.shown, 0, part.first_row, (rows,))
        given = pa.RecordBatch.from_arrays(columns, names=names)
        return next(iter(part.made(self._whole, given, len(rows), origin, ctx)))


def _range(part: RowGroup[F], name: str) -> Range | None:
    if name not in part.schema.names:
        return None
    chunk, kind = part.leaves.column(part.number, name), part.schema.field(name).type
    return chunk_range(chunk, part.n_rows, kind, has_nan=part.hides_nan(name))


def _taken(part: RowGroup[F], name: str, chunks: Chunks, rows: NDArray[np.int32]) -> pa.Array[Any]:
    chunk = chunks.open(name)
    found = taken(chunk, rows) if chunk is not None else None
    return picked(part.general(name), rows) if found is None else found


class OpenFiles:
    """Files for one reader at a time each; they stay open for the next row group."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], pa.NativeFile] = {}

    @contextmanager
    def opened(self, path: str, make: Any) -> Iterator[pa.NativeFile]:
        key = path, get_ident()
        raw = self._open.pop(key, None) or make()
        yield raw
        if len(self._open) < MOST_OPEN:
            self._open[key] = raw

    def close(self) -> None:
        self._open.clear()
