"""Nodes that stand for stages whose columns only the data decides, for calls, and for plans that are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any, ClassVar, TypeAlias

from ..records import dataclass
from ..types import DOUBLE, LONG, STRING, Schema, Type
from .node import Names, Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening(Node):
    """A stage that makes fields which only the data knows. While its schema is open it cannot run; `closed` makes of it
    one that makes these fields and no other."""

    @property
    def is_settled(self) -> bool:
        """Whether it can run: its fields and their types are known."""
        return not self.schema.open

    def guess(self, name: str) -> Type | None:
        """The type of a field of this name, whether the data has it or not; None where only the data says."""
        return None

    def certain(self) -> Schema:
        """The fields that come out of the stage, as it is, whatever the data has."""
        return self.schema

    @property
    def hands_on(self) -> bool:
        """Whether fields of the row go on beside its own."""
        return True

    streams: ClassVar[bool] = True  # names are all that it must be told
    by_sample: ClassVar[bool] = False  # its first rows say what there is to know

    def closed(self, found: Schema, *, settled: bool = False) -> Opening:
        """`settled`: all rows were looked at before, and what was wrong with them was told."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle(Node):
    """Holds the rows in front of a stage whose fields only the data knows, and finds which they are."""

    opens: Opening
    command = "settle"
    blocking = True
    bounded = True

    def derive(self) -> Schema:
        return self.inputs[0].schema.select(n for n in self.inputs[0].schema.names() if n in self.needs(frozenset()))

    @property
    def name(self) -> str:
        return self.opens.name

    def text(self) -> str:
        return self.opens.text()

    def detail(self) -> str:
        return self.opens.detail()

    def needs(self, wanted: Names) -> Names:
        return self.opens.needs(frozenset(self.opens.schema.names()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Settle):
    """Reads the first rows in front of such a stage, which say what there is to know; then they are read again with the rest."""

    def derive(self) -> Schema:
        return Schema(())

    def needs(self, wanted: Names) -> Names:
        return self.opens.needs(frozenset())


# Of the columns of the rows that were waited for, their slot, and for a Settle node the fields that were found in them:
# a plan over Here(slot), and notes.
Rest: TypeAlias = "Callable[[Schema, int, Schema], tuple[Node, Any]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending(Node):
    """Stages behind a node whose columns only the data decides: bound again when that node is done."""

    rest: Rest = field(compare=False, repr=False)
    body: str = ""
    beside: Node | None = field(
        default=None, compare=False, repr=False
    )  # what stands before it, where that is not the input
    covers: str = field(
        default="", compare=False
    )  # stages that begin so are told by `body`: it begins inside a procedure
    names: Schema | None = field(default=None, compare=False, repr=False)  # its columns, where only types are unknown
    command = "..."

    def derive(self) -> Schema:
        return Schema((), open=True)

    @property
    def before(self) -> Node:
        return self.inputs[0] if self.beside is None else self.beside

    def text(self) -> str:
        return self.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure(Node):
    """A call of a procedure, whose stages are its inputs in place. It changes nothing, and goes before the plan runs."""

    command = "proc"

    @property
    def covers(self) -> str:
        return f"{self.stage}."

    def needs(self, wanted: Names) -> Names:
        return wanted

    def lets_filter_through(self, fields: Names) -> bool:
        return True

    def lets_limit_through(self) -> bool:
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Here(Node):
    """The rows that a Pending node waited for. `slot`: which of them."""

    columns: Schema
    slot: int = 0

    def derive(self) -> Schema:
        return self.columns


EXPLAIN = (
    ("stage", STRING), ("operator", STRING), ("detail", STRING), ("mode", STRING), ("order", STRING), ("rows_in", LONG),
    ("rows_out", LONG), ("bytes", LONG), ("ms", DOUBLE), ("memory", LONG), ("spilled", LONG), ("cpu_ms", DOUBLE),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Explain(Node):
    """The rows of a plan. The plan is no input: its rows do not flow into this one."""

    plan: Node
    analyze: bool = False
    command = "explain"

    def derive(self) -> Schema:
        return Schema(EXPLAIN)
