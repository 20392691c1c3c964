"""`bitand bitor bitxor shl shr` over 64 bits, in two's complement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...engine.arrow import array_from
from ...engine.exprs import Eval, Value
from ..base import INTEGER, LONG, CallBinder, Type, function

GROUP = "numbers"


def _bitwise(name: str, compute: Callable[[Any, Any], Any], summary: str, examples: list[tuple[str, str]]) -> None:
    @function(name, args=(INTEGER, INTEGER), returns=LONG, group=GROUP, tier=2, syntax=f"{name}(A, B)", summary=summary,
              examples=examples)  # fmt: skip
    def kernel(ev: Eval, a: Value, b: Value) -> Value:
        (x, has_x), (y, has_y) = ev.numbers(a), ev.numbers(b)
        return array_from(compute(x, y), ~(has_x & has_y))


_bitwise(
    "bitand", np.bitwise_and, "The bits that both numbers have.", [("bitand(12, 10)", "8"), ("bitand(-1, 255)", "255")]
)
_bitwise(
    "bitor",
    np.bitwise_or,
    "The bits that one of the numbers has.",
    [("bitor(12, 10)", "14"), ("bitor(1, null)", "null")],
)
_bitwise(
    "bitxor",
    np.bitwise_xor,
    "The bits that just one of the numbers has.",
    [("bitxor(12, 10)", "6"), ("bitxor(5, -1)", "-6")],
)


def _shift_type(call: CallBinder) -> Type:
    by = call.constant(1)
    if isinstance(by, int | float) and by < 0:
        call.fail("E307", f"{call.name} shifts by 0 bits or more, not by {by}", at=1)
    return LONG


def _shift(name: str, compute: Callable[[Any, Any], Any], summary: str, examples: list[tuple[str, str]]) -> None:
    @function(name, args=(INTEGER, INTEGER), returns=_shift_type, group=GROUP, tier=2, syntax=f"{name}(A, N)",
              summary=summary, examples=examples)  # fmt: skip
    def kernel(ev: Eval, value: Value, by: Value) -> Value:
        (x, has_x), (n, has_n) = ev.numbers(value), ev.numbers(by)
        valid = has_x & has_n
        below = valid & (n < 0)
        ev.reject("domain", below, by, "shift by 0 bits or more")
        return array_from(compute(x, np.where(valid, n, 0)), ~valid | below)


def _shl(x: Any, n: Any) -> Any:
    return np.where(n > 63, 0, x << np.clip(n, 0, 63))


def _shr(x: Any, n: Any) -> Any:
    return x >> np.clip(n, 0, 63)


_shift("shl", _shl, "The bits moved N places up; what passes bit 63 is gone.",
       [("shl(1, 10)", "1024"), ("shl(1, 63)", "-9223372036854775808"), ("shl(1, 64)", "0")])  # fmt: skip
_shift("shr", _shr, "The bits moved N places down; the sign stays, as in Java's >>.",
       [("shr(1024, 3)", "128"), ("shr(-1, 70)", "-1")])  # fmt: skip
