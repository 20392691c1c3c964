"""Bytes: `binary`, `decode`, `tobase64`, `frombase64`, `tohex`, `fromhex`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from ...engine import bytecodec
from ...engine.arrow import is_valid, nulls
from ...engine.exprs import Eval, Value
from ...planner.types import BINARY, STRING, Type
from ..base import CallBinder, function

GROUP = "Reference, type, condition"


def _charset(call: CallBinder) -> str:
    if len(call.args) < 2:
        return "utf-8"
    name = call.constant(1)
    found = bytecodec.charset(name) if isinstance(name, str) else None
    if found is None:
        call.fail(
            "E307",
            f"no character set '{name}'" if isinstance(name, str) else "the character set must be a constant text",
            1,
        )
    return found


def _bind_encode(call: CallBinder) -> Type:
    call.data = (call.types[0].kind, _charset(call))
    return BINARY


def _bind_decode(call: CallBinder) -> Type:
    call.data = (call.types[0].kind, _charset(call))
    return STRING


def _bytes_of(ev: Eval, kind: str, value: Value) -> pa.Array[Any] | None:
    """Binary, or text as its UTF-8; None for a type that is neither (its rows are counted)."""
    array = ev.array(value)
    if kind in ("binary", "string", "any"):
        return array
    if kind != "null":
        ev.reject("type", is_valid(array), array, "string(x)")
    return None


@function("binary", args=("any", "any"), least=1, most=2, returns=_bind_encode, aliases=("encode",), group=GROUP,
          syntax="binary(S[, CS])", summary="Text as bytes, in UTF-8 or another character set; what it lacks is null, counted.",
          examples=[('tohex(binary("aé"))', '"61c3a9"'), ('tohex(encode("é", "latin-1"))', '"e9"')])  # fmt: skip
def binary(ev: Eval, value: Value, *_: Value) -> Value:
    kind, charset = ev.data
    array = _bytes_of(ev, kind, value)
    if array is None or kind == "binary":
        return nulls(ev.n, pa.binary()) if array is None else array
    made, bad = bytecodec.encode(array, charset)
    ev.reject("decode", bad, array)
    return made


@function("decode", args=("any", "any"), least=1, most=2, returns=_bind_decode, group=GROUP, syntax="decode(B[, CS])",
          summary="Bytes as text, in UTF-8 or another character set; undecodable bytes are null, counted.",
          examples=[('decode(fromhex("ea b0 80"))', "null"), ('decode(fromhex("eab080"))', '"가"'), ('decode(fromhex("e9"), "latin-1")', '"é"'), ('decode(fromhex("ff"))', "null")])  # fmt: skip
def decode(ev: Eval, value: Value, *_: Value) -> Value:
    kind, charset = ev.data
    array = _bytes_of(ev, kind, value)
    if array is None:
        return nulls(ev.n, pa.string())
    if kind != "binary":
        return array
    made, bad = bytecodec.decode(array, charset)
    ev.reject("decode", bad, array)
    return made


def _bind_kind(result: Type) -> Callable[[CallBinder], Type]:
    def bind(call: CallBinder) -> Type:
        call.data = call.types[0].kind
        return result

    return bind


def _encoder(name: str, change: Callable[..., Any], summary: str, examples: list[tuple[str, str]]) -> None:
    @function(
        name,
        args=("any",),
        returns=_bind_kind(STRING),
        group=GROUP,
        syntax=f"{name}(E)",
        summary=summary,
        examples=examples,
    )
    def run(ev: Eval, value: Value) -> Value:
        array = _bytes_of(ev, ev.data, value)
        made: pa.Array[Any] = nulls(ev.n, pa.string()) if array is None else change(array)
        return made


def _decoder(
    name: str,
    change: Callable[[pa.Array[Any]], tuple[pa.Array[Any], Any]],
    summary: str,
    examples: list[tuple[str, str]],
) -> None:
    @function(
        name,
        args=("any",),
        returns=_bind_kind(BINARY),
        group=GROUP,
        syntax=f"{name}(E)",
        summary=summary,
        examples=examples,
    )
    def run(ev: Eval, value: Value) -> Value:
        array = _bytes_of(ev, ev.data, value)
        if array is None:
            return nulls(ev.n, pa.binary())
        if pa.types.is_binary(array.type):  # bytes that spell digits or letters
            array, odd = bytecodec.decode(array, "ascii")
            ev.reject("decode", odd, value)
        made, bad = change(array)
        ev.reject("decode", bad, array)
        return made


_encoder("tohex", bytecodec.to_hex, "Bytes, or text's UTF-8, as two lower-case digits a byte.",
         [('tohex("Az")', '"417a"'), ("tohex(null)", "null")])  # fmt: skip
_encoder("tobase64", bytecodec.to_base64, "Bytes, or text's UTF-8, as base64 with padding.",
         [('tobase64("ab")', '"YWI="'), ('tobase64("")', '""')])  # fmt: skip
_decoder("fromhex", bytecodec.from_hex, "Bytes from hexadecimal digits of either case; malformed or odd: null, counted.",
         [('tohex(fromhex("0aFF"))', '"0aff"'), ('isnull(fromhex("abc"))', "true")])  # fmt: skip
_decoder("frombase64", bytecodec.from_base64, "Bytes from base64, padded or not; malformed: null, counted.",
         [('decode(frombase64("YWI="))', '"ab"'), ('isnull(frombase64("Y"))', "true")])  # fmt: skip
