"""Stages whose fields only the data knows: what the stages behind them ask for says which fields are wanted.

`parsekv | stats count by user` streams with the one field. Where the fields themselves reach the result, or a stage that
reads whole rows, the rows are held until all fields were seen (`Settle`), and the rest is bound then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from typing import TYPE_CHECKING

from .plan import Here, Limit, Node, Opening
from .records import dataclass
from .types import STRING, Schema

if TYPE_CHECKING:
    from .bind import Binder
    from .parsed import Parsed

REST = "_\1rest"  # stands for all fields that nobody has named; no query can spell it


@dataclass(slots=True)
class Asked:
    """What was looked up while the schema was open and had no such field."""

    names: dict[str, None] = field(default_factory=dict)
    by_pattern: bool = False

    def __bool__(self) -> bool:
        return bool(self.names) or self.by_pattern


def streamed(binder: Binder, node: Opening, stages: Sequence[Parsed]) -> Opening | None:
    """The stage closed by the names that `stages` ask of it; None where they need whole rows, or only the data says
    which type a field has."""
    if not node.streams or any(stage.all("subquery") for stage in stages):
        return None
    wanted: dict[str, None] = {}
    with _on_trial(binder) as asked:
        while True:
            types = [(name, node.guess(name)) for name in wanted]
            if any(kind is None for _, kind in types):
                return None
            found = Schema(tuple((n, t) for n, t in types if t is not None))
            end = _end(binder, node.closed(found), stages, asked)
            if asked.by_pattern:
                return None
            if not asked:
                break
            if asked.names.keys() <= wanted.keys():
                return None
            wanted.update(asked.names)
            asked.names.clear()
    return None if end is None or _reads_rest(end) else node.closed(found)


def _end(binder: Binder, closed: Opening, stages: Sequence[Parsed], asked: Asked) -> Node | None:
    """The first stage that lets no unnamed field through; None if there is none, or names are missing on the way."""
    behind: Node = Here(columns=Schema((*closed.certain().fields, (REST, STRING)), open=True), stage=closed.stage)
    for stage in stages:
        if not stage.known:
            return None
        behind = binder.on_trial(stage, behind)
        if asked or _blurs(behind, closed):
            return None
        if REST not in behind.schema:  # what is open there is open by another stage's data
            return behind
    return None


def _blurs(behind: Node, first: Opening) -> bool:
    """Whether a name that is asked for behind this stage may be its own or the first one's, which would have another type."""
    if not isinstance(behind, Opening) or behind.is_settled or not behind.hands_on:
        return False
    kind = behind.guess(REST)
    return kind is None or kind != first.guess(REST)


def _reads_rest(end: Node) -> bool:
    wanted = frozenset(end.schema.names())
    node = end
    while node.inputs:
        wanted = node.needs(wanted)
        node = node.inputs[0]
    return REST in wanted


def limited(binder: Binder, node: Opening, stage: Parsed) -> Node | None:
    """With a `limit` right behind it only those rows are parsed, and the source ends there; None if it is no limit."""
    if not node.lets_limit_through() or not stage.known or stage.all("subquery"):
        return None
    with _on_trial(binder):
        made = binder.on_trial(stage, Here(columns=node.schema, stage=node.stage))
    if type(made) is not Limit or not isinstance(made.inputs[0], Here):
        return None
    return replace(node, inputs=(replace(made, inputs=node.inputs),))


@contextmanager
def _on_trial(binder: Binder) -> Iterator[Asked]:
    """What is bound in here leaves no fault, note or number behind."""
    kept, outer = binder.keep(), binder.asked
    binder.asked = asked = Asked()
    try:
        yield asked
    finally:
        binder.asked = outer
        binder.put_back(kept)
