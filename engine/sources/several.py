"""Several relations one after the other, joined by field name: types widened, what one lacks is null."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.catalog import Pushdown, Relation, ScanRequest
from ...planner.expr import Expr, fields_of
from ...planner.records import dataclass
from ...planner.types import Schema, Type, join
from ..arrow import nulls
from ..batch import Batch, Column
from ..context import Context
from ..notes import At
from ..operator import Partition, Source
from ..operators.filter import Choice
from ..storage.tally import Tallied, Tally

MORSEL = 2 << 20  # bytes of a text file among tables: `target` counts rows here


class SeveralRelation:
    def __init__(self, parts: Sequence[Relation], name: str) -> None:
        self.name, self._parts = name, list(parts)
        names = dict.fromkeys(n for p in parts for n in p.schema.names())
        fields = tuple((n, join(t for p in parts for m, t in p.schema.fields if m == n)) for n in names)
        self.schema = Schema(fields, any(p.schema.open for p in parts))

    def mixed(self) -> list[str]:
        """Fields whose kinds differ so that they became text."""
        out = []
        for name, made in self.schema.fields:
            kinds = {t.kind for p in self._parts for m, t in p.schema.fields if m == name} - {"null"}
            if made.kind == "string" and len(kinds) > 1:
                out.append(name)
        return out

    def pushdown(self, predicate: Expr) -> Pushdown:
        """A part may prune only by fields that are of the same kind in it as in the whole."""
        same = all(p.schema.type(n) == self.schema.type(n) for p in self._parts for n in fields_of(predicate))
        return (
            Pushdown.PRUNES
            if same and all(p.pushdown(predicate) is not Pushdown.NO for p in self._parts)
            else Pushdown.NO
        )

    def scan(self, request: ScanRequest) -> SeveralSource:
        wanted = self.schema.names() if request.fields is None else request.fields
        sources = []
        for p in self._parts:
            sources.append(p.scan(replace(request, fields=tuple(n for n in wanted if n in p.schema))))
        return SeveralSource(sources, self.schema.select(wanted))

    def describe(self, request: ScanRequest) -> str:
        return "; ".join(
            p.describe(
                replace(
                    request,
                    fields=None if request.fields is None else tuple(n for n in request.fields if n in p.schema),
                )
            )
            for p in self._parts
        )


class SeveralSource:
    def __init__(self, parts: Sequence[Source], schema: Schema) -> None:
        self._parts, self.schema = list(parts), schema
        hints = [getattr(p, "nbytes_hint", None) for p in parts]
        self.nbytes_hint: int | None = None if None in hints else sum(h for h in hints if h is not None)
        self._choice: Choice | None = None

    def choose(self, choice: Choice) -> None:
        """Parts whose fields are of the whole's types may apply a filter."""
        self._choice = choice
        for part in self._alike(fields_of(choice.predicate), "choose"):
            part.choose(replace(choice, carried=tuple(n for n in choice.carried if n in part.schema)))

    def watch(self, floor: Any) -> None:
        for part in self._alike((floor.field,), "watch"):
            part.watch(floor)

    def _alike(self, names: Iterable[str], able: str) -> list[Any]:
        asked = list(names)
        same = (p for p in self._parts if all(p.schema.type(n) == self.schema.type(n) for n in asked))
        return [p for p in same if hasattr(p, able)]

    def describe_run(self) -> str:
        """What parts of one kind tell, added up."""
        return Tally.sum(p.tally for p in self._parts if isinstance(p, Tallied)).told()

    def partitions(self, target: int) -> Sequence[Partition]:
        made: list[Partition] = []
        for source in self._parts:
            wanted = max(target, MORSEL) if getattr(source, "bytewise", False) else target
            for part in source.partitions(wanted):
                made.append(_Shifted(part, len(made), source.schema, self.schema, self._choice))
        return made

    def close(self) -> None:
        for source in self._parts:
            if hasattr(source, "close"):
                source.close()


@dataclass(frozen=True, slots=True)
class _Shifted:
    """A partition under another number and with the columns of the whole, or with those that a filter hands on."""

    part: Partition
    seq: int
    own: Schema
    whole: Schema
    choice: Choice | None

    def batches(self, ctx: Context) -> Iterator[Batch]:
        for batch in self.part.batches(ctx):
            choice, own, whole = self.choice, self.own, self.whole
            if choice is not None and batch.origin.chosen_by is choice.mark:
                own = own.select([n for n in choice.carried if n in own])
                whole = whole.select(choice.carried)
            columns = tuple(_column(batch, own, n, t, ctx) for n, t in whole.fields)
            yield Batch(batch.n_rows, columns, replace(batch.origin, seq=self.seq))


def _column(batch: Batch, own: Schema, name: str, wanted: Type, ctx: Context) -> Column:
    if name not in own:
        return nulls(batch.n_rows, wanted.arrow)
    i = own.index(name)
    held = own.type(name)
    return converted(batch.columns[i], held, wanted, batch, i, ctx) if held is not None else batch.columns[i]


def converted(
    column: Column, held: Type, wanted: Type, batch: Batch, i: int, ctx: Context, at: At | None = None
) -> Column:
    """The column in the wider type. `at`: of the stage that refuses dates which nanoseconds do not hold."""
    if held.kind == wanted.kind and held.arrow == wanted.arrow:
        return column
    array: pa.Array[Any] = batch.array(i)
    if held.kind == "null":
        return nulls(len(array), wanted.arrow)
    from ..values import BEYOND_NS, to_text, unify

    def refuse(beyond: NDArray[np.bool_]) -> None:
        assert at is not None
        texts = to_text(array, held, ctx.settings.timezone)
        ctx.notes.rows(at, "reject", "overflow", batch, np.flatnonzero(beyond), texts, BEYOND_NS)

    return unify(array, held, wanted, ctx.settings.timezone, None if at is None else refuse)
