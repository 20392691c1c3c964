"""The columns of a join's rows from those of both sides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.combine import Matched
from ...planner.records import dataclass
from ...planner.types import Schema, Type
from ..arrow import array_from, call, coded, decode, gathered, nulls
from ..batch import Batch, Column, Origin
from ..values import unify
from .keytable import Ids

CODED = 4  # a text column of the right is handed on as codes while it has at most so many rows for one of a batch


@dataclass(frozen=True, slots=True)
class Field:
    """One column: from the left, from the right, or the right's where there is a match (`clash`)."""

    name: str
    type: Type
    left: int | None
    right: int | None
    clash: bool = False
    is_key: bool = False  # of rows without a left, the right's


def fields_of(node: Matched) -> list[Field]:
    left, right = node.left.schema, node.right.schema
    theirs = {ours: right.index(t) for t, ours in node.fresh()}
    keys = {k.left: k.right for k in node.keys} if node.type in ("right", "full") else {}
    out = []
    for name, kind in node.schema.fields:
        mine = left.index(name) if name in left else None
        if name in keys and name not in theirs:
            out.append(Field(name, kind, mine, right.index(keys[name]) if keys[name] in right else None, is_key=True))
        elif name in theirs:
            clash = mine is not None and not node.quiet
            out.append(Field(name, kind, mine if clash else None, theirs[name], clash))
        else:
            out.append(Field(name, kind, mine, None))
    return out


class Rows(Protocol):
    """Of the right, by place in its schema."""

    @property
    def columns(self) -> Any: ...


class Joiner:
    """Makes batches of pairs of rows."""

    def __init__(self, node: Matched, built: Rows, zone: str) -> None:
        fields = fields_of(node)
        self._needed = sorted(
            {f.left for f in fields if f.left is not None}
        )  # columns of the left; fields count in them
        self._fields = [f if f.left is None else replace(f, left=self._needed.index(f.left)) for f in fields]
        self._left, self._right = Schema(tuple(node.left.schema.fields[i] for i in self._needed)), node.right.schema
        self._built, self._zone = built, zone

    def pairs(self, left: Batch, rows: Ids, picked: Ids | None = None) -> Batch:
        """`rows`: of the right, for each row of the left, or for each of those `picked`; -1 where there is none."""
        left = left.select(self._needed)
        if picked is not None:
            left = left.take(picked)
        lacks = rows < 0
        missing = lacks if lacks.any() else None
        made = [self._column(f, left, rows, missing) for f in self._fields]
        return Batch(left.n_rows, tuple(made), left.origin)

    def _column(self, f: Field, left: Batch, rows: Ids, missing: NDArray[np.bool_] | None) -> Column:
        if f.clash:
            return self._either(f, left, rows, missing)
        if f.left is not None:
            held = self._left.fields[f.left][1]
            return left.columns[f.left] if _alike(held, f.type) else unify(left.array(f.left), held, f.type, self._zone)
        if f.right is None or f.is_key:  # a key that the left does not have
            return nulls(left.n_rows, f.type.arrow)
        return self._taken(f, rows, missing)

    def _either(self, f: Field, left: Batch, rows: Ids, missing: NDArray[np.bool_] | None) -> Column:
        theirs = self._taken(f, rows, missing)
        if missing is None:
            return theirs
        assert f.left is not None
        mine = unify(left.array(f.left), self._left.fields[f.left][1], f.type, self._zone)
        if isinstance(theirs, pa.DictionaryArray):
            theirs = decode(theirs)
        if pa.types.is_null(f.type.arrow):
            return mine
        return call("if_else", array_from(missing), mine, theirs)

    def _taken(self, f: Field, rows: Ids, missing: NDArray[np.bool_] | None) -> Column:
        assert f.right is not None
        column, held = self._built.columns[f.right], self._right.fields[f.right][1]
        at = array_from(rows, missing)
        if isinstance(column, pa.DictionaryArray):
            made: Any = gathered(column, at)
            return made if _alike(held, f.type) else unify(decode(made), held, f.type, self._zone)
        if held.kind == "string" and f.type.kind == "string" and len(column) <= CODED * len(rows):
            return coded(at, column)
        return unify(gathered(column, at), held, f.type, self._zone)

    def alone(self, rows: NDArray[Any], origin: Origin) -> Batch:
        """Rows of the right without a left."""
        n, out = len(rows), []
        taken = rows.astype(np.int32)
        for f in self._fields:
            out.append(nulls(n, f.type.arrow) if f.right is None else self._taken(f, taken, None))
        return Batch(n, tuple(out), origin)


class RightJoiner(Joiner):
    """Of `rightonly`: keys under the left's names, then the right's other fields."""

    def __init__(self, node: Matched, built: Rows, zone: str) -> None:
        super().__init__(node, built, zone)
        right = node.right.schema
        source = {k.left: k.right for k in node.keys} | {ours: t for t, ours in node.fresh()}
        self._fields = [
            Field(n, t, None, right.index(source[n]) if source[n] in right else None) for n, t in node.schema.fields
        ]


def _alike(a: Type, b: Type) -> bool:
    return a == b or (a.kind == b.kind and a.arrow == b.arrow)
