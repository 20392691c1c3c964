"""`jsonpath`, `parsejson`: values out of JSON text, and out of maps and arrays by the same paths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ...engine import jsonpath as paths
from ...engine.arrow import array_from, call, is_valid, list_sizes, lists_from, nulls
from ...engine.exprs import Eval, Value
from ...engine.jsontext import map_pairs, woven
from ...engine.sources.jsonvalues import Seen, column, settled
from ...engine.values import texts_from, unify
from ...planner import expr as e
from ...planner.records import dataclass
from ...planner.types import NULL, STRING, array_of, join
from ..base import ANY_ARG, CallBinder, Type, function
from .arrays import element_at, elements

GROUP = "arrays and maps"
TEXTS = ("string", "any")


@dataclass(frozen=True, slots=True)
class Walk:
    """A path over a typed value: how far the types go; what is left is looked for in JSON text."""

    kind: Type
    steps: tuple[paths.Step, ...]


def _jsonpath_type(call_: CallBinder) -> Type:
    path = call_.constant(1)
    if not isinstance(path, str):
        call_.fail("E307", "the path must be a constant text", at=1, hint='such as "$.a.b[0]"')
    try:
        steps = paths.parse(path)
    except paths.BadPath as why:
        call_.fail("E307", str(why), at=1)
    kind = call_.types[0]
    if kind.kind not in ("array", "map", "null", *TEXTS):
        call_.fail("E330", f"jsonpath looks into JSON text, maps and arrays, not {kind}", at=0)
    call_.data = Walk(kind, steps)
    call_.args = call_.args[:1]
    return _found(call_, kind, steps)


def _found(call_: CallBinder, kind: Type, steps: tuple[paths.Step, ...]) -> Type:
    """The type of what the path leads to."""
    if kind.kind in TEXTS:
        return array_of(STRING) if None in steps else STRING
    if not steps or kind.kind == "null":
        return array_of(kind) if None in steps else kind
    step, rest = steps[0], steps[1:]
    inner = _step(kind, step)
    if inner is None:
        if isinstance(step, str) and kind.kind == "map":
            call_.warn("W301", f"the map has no member '{step}'", at=1, fields=[n for n, _ in kind.members])
        return array_of(NULL) if None in steps else NULL
    found = _found(call_, inner, rest)
    return found if step is not None or None in rest else array_of(found)


def _step(kind: Type, step: paths.Step) -> Type | None:
    """The type one step further in; None where there is nothing."""
    if kind.kind == "array":
        return None if isinstance(step, str) else kind.item or NULL
    if kind.kind != "map" or isinstance(step, int):
        return None
    if step is None:
        return join(t for _, t in kind.members) if kind.members else kind.item or STRING
    return kind.member(step) if kind.members else kind.item or STRING


@function(
    "jsonpath", args=(ANY_ARG,), least=2, most=2, returns=_jsonpath_type, group=GROUP,
    syntax='jsonpath(V, "$.a.b[0]")',
    summary="What a path names in JSON text, as text (objects and arrays as JSON), or in a map or array, in its own type; no hit "
    "is null. The path is constant: .name, [\"name\"], [0], [-1]; [*] and .* give an array of all hits. Text that is no JSON is null, counted.",
    examples=[
        ("jsonpath('{\"a\":{\"b\":[7,8]}}', \"$.a.b[1]\")", '"8"'), ("string(jsonpath('[{\"a\":1},{\"a\":2}]', \"$[*].a\"))", '"[\\"1\\",\\"2\\"]"'),
        ('jsonpath(dict("a", array(1, 2)), "$.a[-1]")', "2"), ("jsonpath('{\"a\":1}', \"$.b\")", "null"),
    ],
)  # fmt: skip
def jsonpath(ev: Eval, value: Value) -> Value:
    walk: Walk = ev.data
    found: Value = _walk(ev, ev.array(value), walk.kind, walk.steps, np.arange(ev.n))
    return found


def _walk(ev: Eval, array: Any, kind: Type, steps: tuple[paths.Step, ...], row: Any) -> Any:
    """The hits of each value of `array`; `row`: the row of the batch that each belongs to, for what is refused."""
    many = None in steps
    if kind.kind in TEXTS and (steps or kind is ev.data.kind):  # `$` alone reads the text that the call was given
        return _in_text(ev, array, steps, row)
    if not steps or kind.kind == "null":
        return _no_lists(len(array), kind) if many else array
    step, rest = steps[0], steps[1:]
    inner = _step(kind, step)
    if inner is None:
        return _no_lists(len(array), NULL) if many else nulls(len(array), pa.null())
    if step is not None:
        return _walk(ev, _into(array, kind, step), inner, rest, row)
    items, owner, sizes = _all(array, kind, inner, ev.zone)
    found = _walk(ev, items, inner, rest, row[owner])
    if None not in rest:
        return lists_from(sizes, found, is_valid(array))
    lists, _, counts = elements(found)
    total = np.bincount(owner, weights=counts, minlength=len(array)).astype(np.int64)
    return lists_from(total, lists, is_valid(array))


def _no_lists(n: int, kind: Type) -> Any:
    return nulls(n, array_of(kind).arrow)


def _in_text(ev: Eval, text: Any, steps: tuple[paths.Step, ...], row: Any) -> Any:
    find = paths.all_at_path if None in steps else paths.at_path
    found, bad = find(text, steps, ev.compiled)
    if bad.any():
        rows = np.zeros(ev.n, np.bool_)
        rows[row[bad]] = True
        shown = text if len(text) == ev.n else None
        ev.reject("json", rows, shown)
    return found


def _into(array: Any, kind: Type, step: str | int) -> Any:
    if isinstance(step, int):
        return element_at(array, np.full(len(array), step), np.ones(len(array), np.bool_))
    if kind.members:
        return call("struct_field", array, [step])
    return call("map_lookup", array, query_key=texts_from([step])[0], occurrence="last")


def _all(array: Any, kind: Type, inner: Type, zone: str) -> tuple[Any, Any, Any]:
    """All elements or members, the value each belongs to, and how many each value has."""
    if kind.kind == "array":
        return elements(array)
    if not kind.members:
        sizes = list_sizes(array)
        return map_pairs(array)[1], np.repeat(np.arange(len(array)), sizes), sizes
    valid = is_valid(array)
    parts = [unify(call("struct_field", array, [n]), t, inner, zone) for n, t in kind.members]
    sizes = np.where(valid, len(parts), 0)
    kept = np.repeat(valid, len(parts))
    items = woven(parts, len(array)).filter(array_from(kept))
    return items, np.repeat(np.arange(len(array)), sizes), sizes


# parsejson


def _parsejson_type(call_: CallBinder) -> Type:
    """A constant is read now, so its types are known; of a column it is a map of texts."""
    kind = call_.types[0]
    text = call_.constant(0)
    call_.data = kind
    if kind.kind not in ("null", *TEXTS):
        call_.fail("E330", f"parsejson reads text, not {kind}", at=0, hint="tojson(x) makes text")
    if not isinstance(text, str):
        return Type("map", item=STRING)
    try:
        value = paths.loads(text)
    except (ValueError, RecursionError):
        return Type("map", item=STRING)
    seen = Seen()
    seen.add(value)
    found = settled(seen.type())
    for path, kinds in seen.mixes("$"):
        call_.mixed(f"{path} mixes {', '.join(kinds)}: it becomes text")
    call_.data = e.Literal(type=found, value=value)
    return found


@function(
    "parsejson", args=(ANY_ARG,), returns=_parsejson_type, group=GROUP,
    syntax="parsejson(S)",
    summary="JSON text as a map: of a constant text with the types of its values (also an array or a number), of a column "
    "a map of texts, in which numbers stay as written and inner objects and arrays are JSON. No JSON, or no object: null, counted.",
    examples=[('valueof(parsejson(\'{"a":1,"b":[2,3]}\'), "a")', "1"), ("parsejson('[1,2]')", "array(1, 2)"), ("isnull(parsejson('{oops'))", "true")],
)  # fmt: skip
def parsejson(ev: Eval, value: Value) -> Value:
    if isinstance(ev.data, e.Literal):
        made = column([ev.data.value], ev.data.type, ev.zone, lambda row, reason, value: None)
        return made.take(array_from(np.zeros(ev.n, np.int64)))
    text = ev.array(value)
    if ev.data.kind == "null":
        return nulls(ev.n, Type("map", item=STRING).arrow)
    made, bad, other = paths.objects(text, ev.compiled)
    ev.reject("json", bad, text)
    ev.reject("type", other, text, 'no object; jsonpath(x, "$[*]") reads arrays')
    return made
