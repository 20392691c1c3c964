"""Types and schemas: what the binder reasons about, and the one physical Arrow form of each type.

`any` is what is not known before the run. A column of any type may be null.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import field
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from .records import dataclass

if TYPE_CHECKING:
    import pyarrow as pa

NUMERIC = frozenset({"long", "double", "decimal"})
TEMPORAL = frozenset({"date", "duration"})


@dataclass(frozen=True, slots=True)
class Type:
    """`kind` decides how values are kept and computed; `width` is only what `typeof` says (int, short, float)."""

    kind: str
    width: str = ""
    item: Type | None = None  # of an array
    members: tuple[tuple[str, Type], ...] = ()  # of a map with known keys (a struct)
    unit: str = "us"  # of a date: us or ns
    arrow_type: Any = None  # of kind `other` and `decimal`: as stored

    def __str__(self) -> str:
        """The name as `typeof` gives it, with the elements of an array: `array<long>`."""
        if self.kind == "array":
            return f"array<{self.item or ANY}>"
        return self.width or self.kind

    @property
    def is_number(self) -> bool:
        return self.kind in NUMERIC

    def member(self, name: str) -> Type | None:
        return next((t for n, t in self.members if n == name), None)

    @property
    def arrow(self) -> pa.DataType:
        """The physical form inside the engine."""
        import pyarrow as pa

        match self.kind:
            case "bool":
                return pa.bool_()
            case "long":
                return pa.int64()
            case "double":
                return pa.float64()
            case "string" | "any":
                return pa.string()
            case "date":
                return pa.timestamp(self.unit, "UTC")  # type: ignore[call-overload,no-any-return]
            case "duration":
                return pa.duration("us")
            case "months":
                return pa.int64()
            case "ip":
                return pa.binary(17)
            case "binary":
                return pa.binary()
            case "null":
                return pa.null()
            case "array":
                return pa.list_(self.item.arrow if self.item else pa.null())
            case "map":
                if self.members:
                    return pa.struct([(n, t.arrow) for n, t in self.members])
                return pa.map_(pa.string(), self.item.arrow if self.item else pa.string())
        return self.arrow_type  # type: ignore[no-any-return]


BOOL, LONG, DOUBLE, STRING = Type("bool"), Type("long"), Type("double"), Type("string")
INT, SHORT, FLOAT = Type("long", "int"), Type("long", "short"), Type("double", "float")
DATE, DATE_NS, DURATION = Type("date"), Type("date", unit="ns"), Type("duration")
LOAD_TIME = Type("date", "date")  # the moment at which text was read: no time of the data
MONTHS = Type("months", "duration")  # a literal of calendar length: 2mon, 1q, 3y
IP, BINARY, NULL, ANY = Type("ip"), Type("binary"), Type("null"), Type("any")
MAP = Type("map")


def array_of(item: Type) -> Type:
    return Type("array", item=item)


@dataclass(frozen=True, slots=True)
class Schema:
    """Columns in order. `open`: data may add more, so an unknown name is no fault."""

    fields: tuple[tuple[str, Type], ...] = ()
    open: bool = False
    _places: dict[str, int] | None = field(default=None, init=False, repr=False, compare=False)  # made when asked for

    @property
    def places(self) -> dict[str, int]:
        """Where each name stands first. There may be ten thousand."""
        if self._places is None:
            made = {n: i for i, (n, _) in reversed(tuple(enumerate(self.fields)))}
            object.__setattr__(self, "_places", made)  # whole at once: threads share a schema
            return made
        return self._places

    def names(self) -> tuple[str, ...]:
        return tuple(n for n, _ in self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def __contains__(self, name: object) -> bool:
        return name in self.places

    def type(self, name: str) -> Type | None:
        """The field's type; None if there is no such field (`any` while the schema is open)."""
        at = self.places.get(name)
        return self.fields[at][1] if at is not None else ANY if self.open else None

    def index(self, name: str) -> int:
        return self.places[name]

    def put(self, name: str, type_: Type) -> Schema:
        """Overwrites in place; a new field goes to the end. The places are handed on: `eval` may add thousands."""
        places = self.places
        if name in places:
            made = Schema(tuple((n, type_ if n == name else t) for n, t in self.fields), self.open)
        else:
            made = Schema((*self.fields, (name, type_)), self.open)
            places = {**places, name: len(self.fields)}
        object.__setattr__(made, "_places", places)
        return made

    def select(self, names: Iterable[str]) -> Schema:
        known = dict(self.fields)
        return Schema(tuple((n, known[n]) for n in names if n in known), self.open)

    def arrow(self) -> pa.Schema:
        """The schema at the edge: what results, streams and files have."""
        import pyarrow as pa

        return pa.schema([(n, t.arrow) for n, t in self.fields])


def is_list_view(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind)


def holds_decimals(kind: pa.DataType) -> bool:
    """Whether decimals are in it at any depth: `of_arrow` makes doubles of them."""
    if kind.id in _plain():
        return False
    import pyarrow as pa

    t = pa.types
    if t.is_decimal(kind):
        return True
    if isinstance(kind, pa.BaseExtensionType):
        return holds_decimals(kind.storage_type)
    if t.is_dictionary(kind) or t.is_run_end_encoded(kind):
        return holds_decimals(cast(Any, kind).value_type)
    return t.is_nested(kind) and any(holds_decimals(kind.field(i).type) for i in range(kind.num_fields))


@cache
def _plain() -> dict[int, Type]:
    """By the number of an Arrow type that has no parameters."""
    import pyarrow as pa

    made = {
        BOOL: (pa.bool_(),), SHORT: (pa.int8(), pa.int16(), pa.uint8()), INT: (pa.int32(), pa.uint16()),
        LONG: (pa.int64(), pa.uint32(), pa.uint64()), FLOAT: (pa.float16(), pa.float32()), DOUBLE: (pa.float64(),),
        STRING: (pa.string(), pa.large_string(), pa.string_view()), DATE: (pa.date32(), pa.date64()),
        BINARY: (pa.binary(), pa.large_binary(), pa.binary_view()), NULL: (pa.null(),),
    }  # fmt: skip
    return {kind.id: type_ for type_, kinds in made.items() for kind in kinds}


def of_arrow(kind: pa.DataType) -> Type:
    """The type of an Arrow column, before it is brought to its physical form (`engine.arrow.normalise`)."""
    plain = _plain().get(kind.id)  # a table may have thousands of columns
    if plain is not None:
        return plain
    import pyarrow as pa

    t = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return Type("ip") if kind.extension_name == "cortado.ip" else of_arrow(kind.storage_type)
    if t.is_decimal(kind):  # they compute as doubles until they are a type of their own
        return DOUBLE
    if t.is_dictionary(kind) or t.is_run_end_encoded(kind):
        return of_arrow(cast(Any, kind).value_type)
    if t.is_timestamp(kind):
        return DATE_NS if kind.unit == "ns" else DATE
    if t.is_duration(kind):
        return DURATION
    if t.is_fixed_size_binary(kind) and kind.byte_width == 17:
        return IP
    if t.is_fixed_size_binary(kind):
        return BINARY
    if t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind) or is_list_view(kind):
        return array_of(of_arrow(cast(Any, kind).value_type))
    if t.is_struct(kind):
        return Type("map", members=tuple((f.name, of_arrow(f.type)) for f in kind))
    if t.is_map(kind):
        return Type("map", item=of_arrow(kind.item_type))
    return Type("other", width=str(kind), arrow_type=kind)


def value_of(map_: Type) -> Type:
    """The type that holds every value of a map."""
    return join(t for _, t in map_.members) if map_.members else map_.item or STRING


def join(types: Iterable[Type]) -> Type:
    """The type that holds all of `types`: numbers widen, null gives way, any other mix is text."""
    left = [t for t in types if t.kind != "null"]
    if not left:
        return NULL
    if any(t.kind == "any" for t in left):
        return ANY
    kinds = {t.kind for t in left}
    if len(kinds) == 1:
        first = left[0]
        if all(t == first for t in left):
            return first
        match first.kind:
            case "long":
                return max(left, key=lambda t: ("short", "int", "long").index(t.width or "long"))
            case "date":
                return DATE_NS if any(t.unit == "ns" for t in left) else DATE
            case "array":
                return array_of(join(t.item or NULL for t in left))
            case "decimal":
                return max(left, key=lambda t: t.arrow_type.scale)
            case "map":
                if all(t.members for t in left):
                    names = dict.fromkeys(n for t in left for n, _ in t.members)
                    joined = tuple((n, join(t.member(n) or NULL for t in left)) for n in names)
                    return Type("map", members=joined)
                return Type("map", item=join(value_of(t) for t in left))
            case "other":
                return STRING  # of two types that nobody computes with, text
        return Type(first.kind)
    if kinds == {"long", "decimal"}:
        finest = max((t for t in left if t.kind == "decimal"), key=lambda t: t.arrow_type.scale)
        return finest if finest.arrow_type.scale <= 19 else DOUBLE  # 19 digits more hold any long
    if kinds <= {"long", "double", "decimal"}:
        return DOUBLE
    return STRING


def scalar(value: Any, type_: Type) -> pa.Scalar[Any]:
    """One value as an Arrow scalar, built from buffers: `pa.scalar` imports pandas where it is installed.

    Dates and durations are given as integers in their unit. Lists and maps may take the slow way.
    """
    import pyarrow as pa

    kind = type_.arrow
    if value is None:
        return cast(Any, pa).nulls(1, kind)[0]  # type: ignore[no-any-return]
    match type_.kind:
        case "bool":
            data = pa.py_buffer(b"\1" if value else b"\0")
        case "long" | "date" | "duration" | "months":
            data = pa.py_buffer(struct.pack("<q", value))
        case "double":
            data = pa.py_buffer(struct.pack("<d", value))
        case "string" | "any" | "binary":
            raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else bytes(value)
            offsets = pa.py_buffer(struct.pack("<ii", 0, len(raw)))
            return pa.Array.from_buffers(kind, 1, [None, offsets, pa.py_buffer(raw)])[0]
        case "ip":
            data = pa.py_buffer(bytes(value))
        case _:
            return pa.scalar(value, kind)
    return pa.Array.from_buffers(kind, 1, [None, data])[0]
