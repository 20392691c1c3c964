"""What a window is asked for: orders, frames, and the columns that are computed over them."""

from __future__ import annotations

from collections.abc import Sequence

from ....planner.expr import Expr
from ....planner.records import dataclass
from ....planner.types import Schema, Type
from ..states.base import Maker


@dataclass(frozen=True, slots=True)
class Length:
    """A distance in time: calendar months and ticks of the time column, one of them 0."""

    months: int = 0
    ticks: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """Which rows of its group a row sees.

    `by_time`: rows whose time is from `before` earlier to `after` later (`Length`), else by count in the order (int, which
    may be -1: from the next, or to the previous row on). None: all to the end. `open_low`, `open_high`: a row at just that
    distance is not seen. `own_time`: False: of the rows of its own time, those up to itself. `sees_self`: False: all
    but itself. `seen`: the rows are those of two sides; a column tells which are seen, by the others only. `prevailing`: the
    last of them in front of the frame is in it.
    """

    by_time: bool = False
    before: Length | int | None = None
    after: Length | int | None = 0
    open_low: bool = False
    open_high: bool = False
    own_time: bool = True
    sees_self: bool = True
    seen: int | None = None
    prevailing: bool = False


WHOLE = Frame(before=None, after=None)


@dataclass(frozen=True, slots=True)
class Sorting:
    """The order of a group's rows: by a column, or as they came. `is_time`: rows without a value are left out."""

    column: int | None = None
    is_time: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """One column to compute. Arguments and `where` are columns of the rows as they come in.

    `least`: fewer values in the frame give null; None: never. `sorting` and `frame` are places in the program's lists.
    """

    maker: Maker
    args: tuple[int, ...]
    where: int | None
    type: Type
    sorting: int
    frame: int
    least: int | None


@dataclass(frozen=True, slots=True)
class Program:
    """`keys`: columns of the rows as they come in, with their types. `places`: where each column goes in `schema`.

    `carried`: how many of the columns that come in go out again (those behind them were computed for this).
    """

    keys: tuple[tuple[int, Type], ...]
    sortings: tuple[Sorting, ...]
    frames: tuple[Frame, ...]
    columns: tuple[Column, ...]
    types: tuple[Type, ...]  # of all columns that come in
    carried: int
    places: tuple[int, ...]
    schema: Schema

    def arguments(self) -> list[int]:
        """Columns whose values are needed: arguments and conditions, and which rows are seen."""
        found = {i for c in self.columns for i in (*c.args, *(() if c.where is None else (c.where,)))}
        return sorted(found | {f.seen for f in self.frames if f.seen is not None})


@dataclass(frozen=True, slots=True)
class Computed:
    """An expression to be evaluated beside the fields. Only rows where one of `guards` holds may refuse values."""

    expr: Expr
    guards: tuple[int, ...] = ()  # numbers of other expressions


Expressions = Sequence[Computed]
