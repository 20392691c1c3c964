"""Records that are JSON objects, as columns of known types: by Arrow where it can, else one Python object a record."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from ...planner.records import dataclass
from ...planner.types import STRING, Schema, Type
from ..arrow import concat, is_valid, nulls
from ..batch import Column
from ..notes import N_SAMPLES
from . import isodate
from .jsonsurvey import by_arrow, parsed, parsed_leniently
from .jsontextblocks import Records, too_deep
from .jsonvalues import column, text_of
from .refused import Refused

REST = "_rest"
REST_TYPE = Type("map", item=STRING)
BY_HAND = 256  # records in a block that Arrow refuses, below which it is not cut further


class Fault(NamedTuple):
    """What does not fit in one record. `stands`: the value is kept all the same."""

    row: int
    reason: str
    value: str
    stands: bool
    column: str = ""


Pieces = tuple[dict[str, Any], list[Fault]]


def mixed_fields(places: Iterable[str]) -> frozenset[str]:
    """Fields at or above the places that mix kinds; a name may have dots: any prefix that is a field."""
    paths = (re.split(r"\.|\[\]", p) for p in places)
    return frozenset(".".join(p[: i + 1]) for p in paths for i in range(len(p)))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordReader:
    """`data`: the fields and their types. `mixed`: those known to hold values of several kinds, as text. `rest`: keys that
    are no field go into the column `_rest`. `tells`: such keys are told, unless they go there. `arrow`: Arrow may try.
    `hint`: said of values that do not fit."""

    data: Schema
    mixed: frozenset[str] = frozenset()
    rest: bool = False
    zone: str = "UTC"
    tells: bool = True
    lenient: bool = False
    arrow: bool = True
    unknown_hint: str = ""
    date_hint: str = ""
    explicit: Any = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "explicit", pa.schema([(n, _asked(t)) for n, t in self.data.fields]))

    @property
    def unknown(self) -> Literal["infer", "ignore"]:
        """What Arrow does with keys that are no field: in maps they are told in any case."""
        return "infer" if self.tells or self.rest or any(_has_map(t) for _, t in self.data.fields) else "ignore"

    def columns(self, block: Records, refused: Refused) -> dict[str, Column]:
        """Every field of the records: all of them, since what does not fit is told whether it is wanted or not."""
        pieces = list(self._pieces(block, 0, too_deep(block)))
        by_name: dict[str, Column] = {}
        for name, _ in [*self.data.fields, *([(REST, REST_TYPE)] if self.rest else [])]:
            arrays = [made[name] for made, _ in pieces]
            by_name[name] = concat(arrays)
        told: dict[tuple[str, bool], dict[int, Fault]] = {}
        for _, faults in pieces:
            for found in faults:
                told.setdefault((found.reason, found.stands), {}).setdefault(found.row, found)
        for (reason, stands), rows in told.items():
            mask = np.zeros(len(block), np.bool_)
            mask[list(rows)] = True
            self._tell(refused, reason, stands, mask, rows)
        self.read_dates(by_name, refused)
        return by_name

    def _tell(self, refused: Refused, reason: str, stands: bool, mask: Any, rows: dict[int, Fault]) -> None:
        from ..values import texts_from

        texts = texts_from([rows[i].value if i in rows else None for i in range(len(mask))])
        if reason == "mixed":
            refused.ctx.notes.rows(
                refused.at,
                "mixed",
                "mixed",
                refused.bare,
                np.flatnonzero(mask),
                texts,
                "the field is text: other values are kept as their JSON",
            )
        else:
            hint = self.unknown_hint if reason.startswith("unknown key") else ""
            columns = [rows[i].column for i in np.flatnonzero(mask).tolist()]
            refused.rows(reason, mask, texts, hint, told=stands, column=columns)

    def read_dates(self, by_name: dict[str, Column], refused: Refused) -> None:
        """In place of the texts of fields that are dates."""
        for name, kind in self.data.fields:
            text = by_name.get(name)
            if kind.kind != "date" or not isinstance(text, pa.Array) or not pa.types.is_string(text.type):
                continue
            made, doubtful = isodate.parse(text, self.zone, kind.unit)
            refused.rows(
                "date",
                is_valid(text) & ~is_valid(made),
                text,
                self.date_hint,
                column=name,
            )
            refused.rows("dst", doubtful, text, told=True, column=name)
            by_name[name] = made

    def _pieces(self, block: Records, first: int, deep: Any) -> Iterator[Pieces]:
        """Columns of parts of the block with their faults: (row, reason, value, whether the value stands)."""
        table = None if deep.any() or not self.arrow else by_arrow(block, self.explicit, unknown=self.unknown)
        if table is not None:
            made = self._of_arrow(block, table, first)
            if made is not None:
                yield made
                return
        if len(block) <= BY_HAND:
            yield self._by_hand(block, first)
            return
        half = len(block) // 2
        yield from self._pieces(block.slice(0, half), first, deep[:half])
        yield from self._pieces(block.slice(half, len(block)), first + half, deep[half:])

    def _of_arrow(self, block: Records, table: pa.Table, first: int) -> Pieces | None:
        faults: list[Fault] = []
        if self.rest and len(table.column_names) > len(self.explicit):
            return None  # unknown keys are kept as they were written
        made: dict[str, Any] = {}
        for name, kind in self.data.fields:
            array = _one(table.column(name))
            made[name] = _known(array, kind, first, faults, name)
        for name in table.column_names[len(self.explicit) :] if self.tells else ():
            array = _one(table.column(name))
            for row in np.flatnonzero(is_valid(array)).tolist():
                faults.append(Fault(first + row, f"unknown key '{name}'", "", True, name))
        self._spell(block, first, faults)
        if self.rest:
            made[REST] = nulls(len(table), REST_TYPE.arrow)
        return made, faults

    def _spell(self, block: Records, first: int, faults: list[Fault]) -> None:
        """The values of the first few faults of each kind as they were written: no more of them are ever shown."""
        seen: dict[str, int] = {}
        faults.sort()
        for i, (row, reason, _, stands, name) in enumerate(faults):
            seen[reason] = seen.get(reason, 0) + 1
            if seen[reason] <= N_SAMPLES:
                at = row - first
                written = self._by_hand(block.slice(at, at + 1), row)[1]
                value = next((f.value for f in written if f.row == row and f.reason == reason), "")
                faults[i] = Fault(row, reason, value, stands, name)

    def _by_hand(self, block: Records, first: int) -> Pieces:
        """One Python object a record."""
        faults: list[Fault] = []
        rows: list[dict[str, Any]] = []
        for i in range(len(block)):
            raw = block.text(i)
            value = parsed_leniently(raw) if self.lenient else parsed(raw)
            if not isinstance(value, dict):
                faults.append(Fault(first + i, "json", raw[:300].decode("utf-8", "replace"), False))
                value = {}
            rows.append(value)
        known = self.data
        made: dict[str, Any] = {}
        for name, kind in known.fields:
            declared_text = name in self.mixed or kind.kind == "date"

            def refuse(row: int, reason: str, value: Any, name: str = name, quiet: bool = declared_text) -> None:
                if reason == "mixed":
                    if not quiet:  # text of a date field is read as a date, and told there
                        faults.append(Fault(first + row, reason, text_of(value), True, name))
                    return
                if reason.startswith("unknown key"):
                    reason = f"unknown key '{name}.{reason[13:-1]}'"
                stands = reason.startswith(("unknown", "dst"))
                faults.append(Fault(first + row, reason, text_of(value), stands, name))

            read = STRING if kind.kind == "date" else kind
            made[name] = column([row.get(name) for row in rows], read, self.zone, refuse)
        unknown = [{k: v for k, v in row.items() if k not in known and v is not None} for row in rows]
        if self.rest:
            made[REST] = column([u or None for u in unknown], REST_TYPE, "UTC", lambda row, reason, value: None)
        elif self.tells:
            faults += [
                Fault(first + i, f"unknown key '{k}'", text_of(v), True, k)
                for i, u in enumerate(unknown)
                for k, v in u.items()
            ]
        return made, faults


def _asked(kind: Type) -> pa.DataType:
    """What Arrow's parser is asked for: dates as the text that they are."""
    if kind.kind == "date":
        return pa.string()
    return kind.arrow


def _one(column_: Any) -> pa.Array[Any]:
    return column_.chunk(0) if column_.num_chunks == 1 else concat([*column_.chunks, nulls(0, column_.type)])


def _known(array: Any, kind: Type, first: int, faults: list[Fault], path: str) -> Any:
    """The array without members that the type does not have; those are told."""
    if kind.kind == "date" or array.type == kind.arrow:
        return array
    if kind.kind == "map" and kind.members:
        from ..arrow import structs_from

        parts = [
            _known(array.field(array.type.get_field_index(n)), t, first, faults, f"{path}.{n}") for n, t in kind.members
        ]
        for name in [f.name for f in array.type if kind.member(f.name) is None]:
            extra = array.field(name)
            for row in np.flatnonzero(is_valid(extra)).tolist():
                faults.append(Fault(first + row, f"unknown key '{path}.{name}'", "", True, path))
        return structs_from([n for n, _ in kind.members], parts, is_valid(array))
    if kind.kind == "array" and kind.item is not None:
        from ..arrow import list_sizes, lists_from

        inner: list[Fault] = []
        flat = _known(array.flatten(), kind.item, 0, inner, path)
        owner = np.repeat(np.arange(len(array)), list_sizes(array))
        faults += [f._replace(row=first + int(owner[f.row])) for f in inner]
        return lists_from(list_sizes(array), flat, is_valid(array))
    return array.cast(kind.arrow)


def _has_map(kind: Type) -> bool:
    return kind.kind == "map" or (kind.item is not None and _has_map(kind.item))
