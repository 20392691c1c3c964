"""`field array dict`, member access, `nullif`, `ip`: values made of other values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ...engine import ip as addresses
from ...engine.arrow import array_from, bools_of, is_valid, lists_from, maps_from, nulls, numbers_of, structs_from
from ...engine.arrow import call as compute
from ...engine.exprs import Eval, Value
from ...engine.jsontext import woven
from ...engine.values import texts_from, to_text, unify
from ...planner import expr as e
from ...planner.types import ANY, IP, NULL, STRING, Type, array_of, join
from ..base import MANY, REGISTRY, CallBinder, function

GROUP = "Reference, type, condition"


# field


def _bind_field(call: CallBinder) -> Type:
    """A constant name is that field; a computed one is any field's text, so all of them become arguments."""
    if call.is_constant(0):
        name = call.constant(0)
        kind = call.schema.type(name) if isinstance(name, str) else None
        known: e.Expr = e.Literal(type=NULL, value=None)
        if kind is not None and isinstance(name, str):
            known = e.FieldRef(type=kind, name=name)
        elif isinstance(name, str):
            call.warn("W301", f"unknown field '{name}'", 0)
        call.replaced = known
        return known.type
    text = REGISTRY.functions["@text"]
    name_type = call.types[0]
    name_arg = call.args[0]
    if name_type.kind not in ("string", "any"):
        name_arg = e.Call(type=STRING, function=text, args=(name_arg,), data=name_type)
    call.data = call.schema.fields
    call.args = [name_arg, *(e.FieldRef(type=t, name=n) for n, t in call.schema.fields)]
    kinds = {t.kind for _, t in call.schema.fields}
    if len(kinds) == 1 and kinds != {"map"}:
        result = join(t for _, t in call.schema.fields)
        call.data = (result, call.schema.fields)
        return result
    call.data = (STRING, call.schema.fields)
    return STRING


@function("field", args=("any",), least=1, most=1, returns=_bind_field, special=True, group=GROUP, syntax="field(E)",
          summary="The field whose name is the value of E; null if there is none. A computed name gives the fields' common type, else text.",
          examples=[('field(concat("no", "such"))', "null"), ('isnull(field(null))', "true")])  # fmt: skip
def field(ev: Eval, name: e.Expr, *fields: e.Expr) -> Value:
    result, known = ev.data
    names = ev.array(ev.run(name))
    out: Any = nulls(ev.n, result.arrow)
    for (label, kind), expr in zip(known, fields, strict=True):
        rows = bools_of(compute("equal", names, texts_from([label])[0]))
        if rows.any():
            out = compute("if_else", array_from(rows), unify(ev.array(ev.run(expr)), kind, result, ev.zone), out)
    return out  # type: ignore[no-any-return]


# members of maps


def _bind_member(call: CallBinder) -> Type:
    kind, key = call.types[0], call.constant(1)
    call.data = (kind, key)
    if kind.kind == "any":
        return ANY
    if kind.kind != "map":
        return NULL
    if kind.members:
        found = kind.member(key)
        if found is None:
            call.warn("W301", f"the map has no member '{key}'")
        return found or NULL
    return kind.item or STRING


@function("@member", args=("any", "any"), returns=_bind_member, group="internal", summary="A member of a map.")
def member(ev: Eval, value: Value, _: Value) -> Value:
    kind, key = ev.data
    array: Any = ev.array(value)
    if kind.kind != "map" or (kind.members and kind.member(key) is None):
        return nulls(ev.n, pa.string() if kind.kind == "any" else pa.null())
    if kind.members:
        return compute("struct_field", array, [key])
    return compute("map_lookup", array, query_key=texts_from([key])[0], occurrence="last")


# array, dict


def _bind_array(call: CallBinder) -> Type:
    item = join(call.types)
    kinds = dict.fromkeys(t.kind for t in call.types if t.kind != "null")
    if item.kind == "string" and len(kinds) > 1:
        call.mixed(f"an array of {', '.join(kinds)} becomes one of text")
    call.data = (item, list(call.types))
    return array_of(item)


@function("array", args=("any",), least=0, most=MANY, returns=_bind_array, group=GROUP, syntax="array(E, ...)",
          summary="An array of the values; nulls stay in it. Values of different types become text.",
          examples=[("array(1, 2)", "array(1, 2)"), ("len(array(null))", "1"), ('string(array(1, "a"))', '"[\\"1\\",\\"a\\"]"')])  # fmt: skip
def array(ev: Eval, *values: Value) -> Value:
    item, types = ev.data
    if not values:
        return lists_from(np.zeros(ev.n, np.int32), nulls(0, item.arrow))
    columns = [unify(ev.array(v), t, item, ev.zone) for v, t in zip(values, types, strict=True)]
    return lists_from(np.full(ev.n, len(values)), woven(columns, ev.n))


def _bind_dict(call: CallBinder) -> Type:
    if len(call.args) % 2:
        call.fail("E306", f"dict takes keys and values in pairs, not {len(call.args)} arguments")
    keys, kinds = call.args[0::2], call.types[1::2]
    if all(isinstance(k, e.Literal) and isinstance(k.value, str) for k in keys) and keys:
        last: dict[str, int] = {}
        for i, k in enumerate(keys):
            last[k.value] = 2 * i + 1  # type: ignore[attr-defined]
        call.data = ("struct", tuple(last.items()), kinds)
        return Type("map", members=tuple((name, call.types[i]) for name, i in last.items()))
    item = join(kinds)
    call.data = ("map", item if item.kind != "null" else STRING, list(call.types))
    return Type("map", item=call.data[1])


@function("dict", args=("any",), least=0, most=MANY, returns=_bind_dict, group=GROUP, syntax="dict(K, V, ...)",
          summary="A map of the pairs; the last of equal keys wins, a pair with a null key is left out.",
          examples=[('string(dict("a", 1, "b", null))', '"{\\"a\\":1,\\"b\\":null}"'), ('string(dict("a", 1, "a", 2))', '"{\\"a\\":2}"')])  # fmt: skip
def dict_(ev: Eval, *values: Value) -> Value:
    if ev.data[0] == "struct":
        return _struct(ev, values)
    _, item, types = ev.data
    n, width = ev.n, len(values) // 2
    if not width:
        return maps_from(np.zeros(n, np.int32), texts_from([]), nulls(0, item.arrow))
    keys = [
        to_text(ev.array(v), t, ev.zone) if t.kind != "null" else nulls(n, pa.string())
        for v, t in zip(values[0::2], types[0::2], strict=True)
    ]
    items = [unify(ev.array(v), t, item, ev.zone) for v, t in zip(values[1::2], types[1::2], strict=True)]
    keep = _kept_keys(keys, n)
    missing = np.zeros(n, np.bool_)
    for key in keys:
        missing |= ~is_valid(key)
    ev.reject("type", missing, None, "a key is null")
    flat = array_from(keep.ravel())
    return maps_from(keep.sum(axis=1), _filtered(keys, flat, n), _filtered(items, flat, n))


def _filtered(columns: list[Any], flat: Any, n: int) -> Any:
    return compute("filter", woven(columns, n), flat)


def _struct(ev: Eval, values: tuple[Value, ...]) -> Value:
    _, places, _ = ev.data
    names = [name for name, _ in places]
    return structs_from(names, [ev.array(values[i]) for _, i in places])


def _kept_keys(keys: list[Any], n: int) -> Any:
    """n x pairs: not null, and the last of its name in the row."""
    keep = np.stack([is_valid(k) for k in keys], axis=1)
    for i in range(len(keys)):
        for j in range(i + 1, len(keys)):
            again = compute("fill_null", compute("equal", keys[i], keys[j]), False)
            keep[:, i] &= ~np.asarray(again.to_numpy(zero_copy_only=False))
    return keep


# ip


def _bind_ip(call: CallBinder) -> Type:
    call.data = call.types[0]
    return IP


@function("ip", args=("any",), returns=_bind_ip, group=GROUP, syntax="ip(E)",
          summary="An IPv4 or IPv6 address from text, or an IPv4 address from its number; anything else is null, counted.",
          examples=[('string(ip(" 10.0.0.1 "))', '"10.0.0.1"'), ('string(ip("2001:db8:0:0::1"))', '"2001:db8::1"'), ("string(ip(1))", '"0.0.0.1"'), ('ip("1.2.3")', "null")])  # fmt: skip
def ip(ev: Eval, value: Value) -> Value:
    kind: Type = ev.data
    array = ev.array(value)
    if kind.kind == "ip":
        return array
    if kind.kind in ("string", "any"):
        made = addresses.parse(array)
        ev.reject("ip", is_valid(array) & ~is_valid(made), array)
        return made
    if kind.kind == "long":
        made, beyond = addresses.from_numbers(numbers_of(array), ~is_valid(array))
        ev.reject("ip", beyond, array)
        return made
    if kind.kind != "null":
        ev.reject("type", is_valid(array), array)
    return nulls(ev.n, IP.arrow)
