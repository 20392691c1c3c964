"""`hash md5 sha1 sha256 hash64`: digests of bytes, and a 64-bit hash that stays the same for ever."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ...engine import bytecodec, hashing
from ...engine.arrow import array_from, is_valid, nulls
from ...engine.exprs import Eval, Value
from ...engine.values import to_text
from ...planner.types import BINARY, LONG, STRING
from ..base import ANY_ARG, MANY, CallBinder, Type, function

GROUP = "IP, hash"


def _bytes(ev: Eval, kind: Type, value: Value) -> pa.Array[Any]:
    """Bytes as they are, anything else as its text. Times are written in UTC, so that no setting changes a hash."""
    array = ev.array(value)
    if kind.kind in ("binary", "string", "any"):
        return array
    return nulls(ev.n, pa.string()) if kind.kind == "null" else to_text(array, kind, "UTC")


def _hash_type(call: CallBinder) -> Type:
    name = call.constant(0)
    if not isinstance(name, str) or name.lower().replace("-", "") not in hashing.DIGESTS:
        said = f"no hash '{name}'" if isinstance(name, str) else "the name of the hash must be a constant text"
        call.fail("E307", said, at=0, hint=", ".join(hashing.DIGESTS))
    call.data = name.lower().replace("-", ""), call.types[1]
    return BINARY


@function(
    "hash", args=(ANY_ARG, ANY_ARG), returns=_hash_type, group=GROUP,
    syntax='hash("md5|sha1|sha256|sha384|sha512", E)',
    summary="The digest of bytes, or of a value's text in UTF-8, as binary.",
    examples=[('tohex(hash("md5", "abc"))', '"900150983cd24fb0d6963f7d28e17f72"'), ('len(tohex(hash("sha512", "")))', "128"), ('hash("md5", null)', "null")],
)  # fmt: skip
def hash_(ev: Eval, _: Value, value: Value) -> Value:
    algorithm, kind = ev.data
    return hashing.digests(_bytes(ev, kind, value), algorithm)


def _kind(call: CallBinder) -> Type:
    call.data = call.types[0]
    return STRING


def _digest(algorithm: str, examples: list[tuple[str, str]]) -> None:
    @function(
        algorithm, args=(ANY_ARG,), returns=_kind, group=GROUP, syntax=f"{algorithm}(E)",
        summary=f"The {algorithm.upper()} of bytes, or of a value's text in UTF-8, as lower-case hexadecimal text.",
        examples=examples,
    )  # fmt: skip
    def run(ev: Eval, value: Value) -> Value:
        return bytecodec.to_hex(hashing.digests(_bytes(ev, ev.data, value), algorithm))


_digest("md5", [('md5("")', '"d41d8cd98f00b204e9800998ecf8427e"'), ("md5(null)", "null")])
_digest("sha1", [('sha1("abc")', '"a9993e364706816aba3e25717850c26c9cd0d89d"'), ('sha1(1) == sha1("1")', "true")])
_digest("sha256", [('left(sha256("abc"), 16)', '"ba7816bf8f01cfea"'), ("sha256(null)", "null")])


def _hash64_type(call: CallBinder) -> Type:
    call.data = list(call.types)
    return LONG


@function(
    "hash64", args=(ANY_ARG,), least=1, most=MANY, returns=_hash64_type, group=GROUP,
    syntax="hash64(E, ...)",
    summary="A 64-bit hash, the same in every run and version: XXH64 of the bytes or the text's UTF-8, as a signed long. "
    "The hash of one argument is the seed of the next (first: 0); times are hashed as their text in UTC.",
    examples=[('hash64("")', "-1205034819632174695"), ('hash64("a", "b") == hash64("ab")', "false"), ("hash64(1, null)", "null")],
)  # fmt: skip
def hash64(ev: Eval, *values: Value) -> Value:
    out = np.zeros(ev.n, np.uint64)
    valid = np.ones(ev.n, np.bool_)
    for kind, value in zip(ev.data, values, strict=True):
        column = _bytes(ev, kind, value)
        valid &= is_valid(column)
        out = hashing.xxh64(column, out, ev.compiled)
    return array_from(out.view(np.int64), ~valid)
