"""What every node of a plan says of itself; one that says nothing is never optimised wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from ..records import dataclass
from ..text import Span
from ..types import Schema
from ..unparse import stage_text

if TYPE_CHECKING:
    from ..parsed import Parsed

Names = frozenset[str]


class Order(Enum):
    """What a node does with the order of its rows."""

    KEEPS = "keeps"
    SETS = "sets"  # its output has an order of its own
    NEEDS = "needs"  # takes its rows in sequence
    FREE = "free"  # the order of its input does not matter


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One stage. `schema` is derived once, when the node is made; `dataclasses.replace` derives it anew."""

    span: Span = field(default=Span(0, 0), compare=False, repr=False)
    stage: str = field(default="", compare=False, repr=False)  # as users count: "2", in a subquery "3.1"
    written: Parsed | None = field(default=None, compare=False, repr=False)
    implied: bool = field(
        default=False, compare=False, repr=False
    )  # by an option of the source before it: prints nothing
    inputs: tuple[Node, ...] = ()
    schema: Schema = field(init=False, compare=False, repr=False)

    command: ClassVar[str] = ""
    blocking: ClassVar[bool] = False
    order: ClassVar[Order] = Order.KEEPS
    writes: ClassVar[bool] = False  # gets all rows whatever stands below it
    bounded: ClassVar[bool] = False  # what it needs is known, also while nobody knows what is read of it

    def __post_init__(self) -> None:
        object.__setattr__(self, "schema", self.derive())

    def derive(self) -> Schema:
        """The columns that come out; by default those that go in."""
        return self.inputs[0].schema

    @property
    def name(self) -> str:
        """The command as the user wrote it (`where` is a Filter, as `search` is)."""
        return self.written.command if self.written is not None else self.command

    @property
    def needs_order(self) -> bool:
        return self.order is Order.NEEDS

    def text(self) -> str:
        """Canonical stage; parsing and binding it gives an equal node."""
        return stage_text(self.written) if self.written is not None else self.command

    def detail(self) -> str:
        """What `explain` shows behind the operator's name."""
        whole = self.text()
        return whole.split(" ", 1)[1] if " " in whole else ""

    def foretold(self) -> str:
        """What the plan can say of the run beforehand; once it ran, what was done is said instead."""
        return ""

    def needs(self, wanted: Names) -> Names:
        """Fields of the input that must be there so that the fields `wanted` of the output can be."""
        return frozenset(self.inputs[0].schema.names())

    def needs_each(self, wanted: Names) -> tuple[Names, ...]:
        """The same for each input."""
        return (
            tuple(frozenset(n.schema.names()) for n in self.inputs) if len(self.inputs) != 1 else (self.needs(wanted),)
        )

    def prune(self, wanted: Names) -> Node:
        """The same node made to produce no more than needed; the rows' wanted fields stay the same."""
        return self

    def lets_filter_through(self, fields: Names) -> bool:
        """True if a filter over these fields may stand before this node instead of behind it."""
        return False

    def lets_limit_through(self) -> bool:
        """True if each row in gives exactly one row out, in the same order."""
        return False

    def repeats(self) -> bool:
        """True if it gives the same rows when its input is read again, and does nothing else."""
        return False

    def refuses_nothing(self) -> bool:
        """True if nothing is ever noted of its rows, so that fewer of them leave the notes as they are."""
        return False

    @property
    def before(self) -> Node:
        """The stage before this one; its other inputs are subqueries of its own."""
        return self.inputs[0]

    def walk(self) -> Iterator[Node]:
        """Self, then inputs: from the result back to the sources. A loop: long pipelines are no nesting."""
        todo: list[Node] = [self]
        while todo:
            node = todo.pop()
            yield node
            todo.extend(reversed(node.inputs))


def line_of(plan: Node) -> list[Node]:
    """The plan's nodes from its result down to the source, along the first inputs. A loop: only subqueries nest."""
    line = [plan]
    while line[-1].inputs:
        line.append(line[-1].inputs[0])
    return line


def rebuilt(above: list[Node], made: Node) -> Node:
    """`made` below the nodes `above`, of which the last stands next to it; their subqueries stay."""
    from dataclasses import replace

    for node in reversed(above):
        made = replace(node, inputs=(made, *node.inputs[1:]))
    return made
