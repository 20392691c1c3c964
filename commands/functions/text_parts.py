"""`urlpart kvjoin signature xpath`: parts of URLs and XML, a whole row as text, what is left of a text without its words."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...engine import regex, xmlpath
from ...engine.arrow import array_from, call, is_valid
from ...engine.exprs import Eval, Value
from ...engine.numbertext import to_long
from ...engine.regextiers import extract, search
from ...engine.strings import weave
from ...planner import expr as e
from ..base import LONG, STRING, TEXT, CallBinder, Type, converted, function

GROUP = "text"

# urlpart

_HEAD = r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?"
_AUTHORITY = _HEAD + r"//(?:[^/?#]*@)?"
_TAIL = r"(?://[^/?#]*)?"
URL_PARTS = {
    "scheme": r"^([A-Za-z][A-Za-z0-9+.-]*):",
    "user": _HEAD + r"//([^/?#:@]*)(?::[^/?#]*)?@",
    "password": _HEAD + r"//[^/?#:@]*:([^/?#]*)@",
    "host": _AUTHORITY + r"(?:\[([^\]/?#]*)\]|([^:/?#\[\]]+))(?::[0-9]*)?(?:[/?#]|$)",
    "port": _AUTHORITY + r"(?:\[[^\]/?#]*\]|[^:/?#\[\]]*):([0-9]+)(?:[/?#]|$)",
    "path": _HEAD + _TAIL + r"([^?#]*)",
    "query": r"^[^?#]*\?([^#]*)",
    "fragment": r"^[^#]*#(?s:(.*))",
}
SAME = {"protocol": "scheme", "ref": "fragment", "username": "user"}


def _urlpart_type(call_: CallBinder) -> Type:
    name = call_.constant(1)
    part = SAME.get(name, name) if isinstance(name, str) else None
    if part not in URL_PARTS:
        said = f"a URL has no part '{name}'" if isinstance(name, str) else "the part must be a constant text"
        call_.fail("E307", said, at=1, hint=", ".join(URL_PARTS))
    call_.data, call_.args = part, call_.args[:1]
    return LONG if part == "port" else STRING


@function(
    "urlpart", args=(TEXT,), least=2, most=2, returns=_urlpart_type, spans=(0,), group=GROUP, tier=2,
    syntax='urlpart(S, "scheme|user|password|host|port|path|query|fragment")',
    summary="A part of a URL as it is written there (the port as a number, a v6 host without its brackets); a part that is not there is null.",
    examples=[
        ('urlpart("https://a.example:8443/x/y?q=1#top", "host")', '"a.example"'), ('urlpart("https://a.example:8443/x", "port")', "8443"),
        ('urlpart("/x/y?q=1", "query")', '"q=1"'), ('urlpart("/x/y", "host")', "null"),
    ],
)  # fmt: skip
def urlpart(ev: Eval, text: Value) -> Value:
    part: str = ev.data
    column: Any = ev.array(text)
    pattern = regex.compile_re2(URL_PARTS[part])
    found: Any = extract(column, pattern, range(1, pattern.n_groups + 1), compiled=ev.compiled)
    if part == "host":
        return call("coalesce", *found)
    if part != "port":
        return found[0]  # type: ignore[no-any-return]
    made, beyond = to_long(found[0])
    ev.reject("overflow", beyond, column)
    return made


# kvjoin


def _kvjoin_type(call_: CallBinder) -> Type:
    """The fields become arguments, so that the planner knows they are read."""
    pattern = regex.constant_pattern(call_, 2) if len(call_.args) > 2 else None
    names = [n for n, _ in call_.schema.fields if pattern is None or _is_found(n, pattern)]
    separators = [converted(call_, a, TEXT) for a in call_.args[:2]]
    fields = [converted(call_, e.FieldRef(type=t, name=n), TEXT) for n, t in call_.schema.fields if n in set(names)]
    call_.data, call_.args = tuple(names), [*separators, *fields]
    return STRING


def _is_found(name: str, pattern: regex.Pattern) -> bool:
    from ...engine.values import texts_from

    return bool(search(texts_from([name]), pattern, compiled=False)[0])


@function(
    "kvjoin", args=("any",), least=2, most=3, returns=_kvjoin_type, group=GROUP, tier=2,
    syntax="kvjoin(KVSEP, PAIRSEP[, RE])",
    summary="The row's fields as text, `name KVSEP value` joined by PAIRSEP in the order of the columns; nulls are left out. With RE only "
    "the fields in whose names it is found.",
    examples=[('kvjoin("=", "&")', '""'), ('kvjoin("=", "&", "^src_")', '""')],
)  # fmt: skip
def kvjoin(ev: Eval, between: Value, behind: Value, *fields: Value) -> Value:
    parts: list[Any] = [_text("")]
    seen = np.zeros(ev.n, np.bool_)
    for name, value in zip(ev.data, fields, strict=True):
        column = ev.array(value)
        there = is_valid(column)
        shown = array_from(there)
        parts += [call("if_else", array_from(seen & there), behind, None), call("if_else", shown, name, None)]
        parts += [call("if_else", shown, between, None), column]
        seen |= there
    made = weave(parts, ev.n)
    known = is_valid(ev.array(between)) & is_valid(ev.array(behind))
    return made if known.all() else call("if_else", array_from(known), made, None)


def _text(value: str) -> Any:
    from ...planner.types import scalar

    return scalar(value, STRING)


# signature


@function(
    "signature", args=(TEXT,), group=GROUP, tier=2,
    syntax="signature(S)",
    summary="The text without letters, digits and what stands in double quotes (of which one is left): lines of one form have one signature.",
    examples=[("signature('10.0.0.1 - [x] \"GET /\" 200')", "\"... - [] \\\" \""), ("signature(null)", "null")],
)  # fmt: skip
def signature(ev: Eval, text: Value) -> Value:
    column = call("replace_substring_regex", ev.array(text), pattern=r'"[^"]*("|$)', replacement=r"\1")
    return call("replace_substring_regex", column, pattern=r"[\p{L}\p{Nd}]+", replacement="")


# xpath


def _xpath_type(call_: CallBinder) -> Type:
    path = call_.constant(1)
    if not isinstance(path, str):
        call_.fail("E307", "the path must be a constant text", at=1, hint='such as "/order/item[1]/@id"')
    try:
        call_.data = xmlpath.parse(path)
    except xmlpath.BadPath as why:
        call_.fail(
            "E307",
            str(why),
            at=1,
            hint="steps are /name, //name, *, .., [1], [last()], [@a='x'], [b='x']; the last may be @a or text()",
        )
    call_.args = call_.args[:1]
    return STRING


@function(
    "xpath", args=(TEXT,), least=2, most=2, returns=_xpath_type, group=GROUP, tier=2,
    syntax="xpath(XML, PATH)",
    summary="The text of the first element or attribute that a path finds in XML; no hit is null, text that is no XML is null, counted.",
    examples=[("xpath('<o><i id=\"7\">tea</i></o>', '/o/i/@id')", '"7"'), ("xpath('<o><i>tea</i></o>', '//i')", '"tea"'), ("xpath('<o/>', '/o/x')", "null")],
)  # fmt: skip
def xpath(ev: Eval, text: Value) -> Value:
    column = ev.array(text)
    found, bad = xmlpath.first(column, ev.data)
    ev.reject("xml", bad, column)
    return found
