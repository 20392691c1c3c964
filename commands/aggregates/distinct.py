"""dc, estdc, values, array, mode, entropy: what values there are."""

from __future__ import annotations

from typing import Any

from ...engine.operators.states.base import Maker
from ...planner.catalog import CallBinder
from ...planner.types import DOUBLE, LONG, Type, array_of
from ..base import aggregate


@aggregate(
    "dc",
    returns=LONG,
    syntax="dc(E)",
    summary="How many distinct values there are, exactly; null is none.",
    examples=(("dc(x)", "3"), ("dc(x > 1)", "2")),
)
def dc(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.states.distinct import Distinct

    return Maker(lambda: Distinct(types[0], counted=False), "dc")


def _bits(call: CallBinder) -> Type:
    call.data = 16
    if len(call.args) > 1:
        bits = call.whole(1)
        if bits is None or not 4 <= bits <= 24:
            call.fail("E307", f"the second argument of `{call.name}` is a number of bits: from 4 to 24", 1)
        call.data = bits
    return LONG


@aggregate(
    "estdc",
    most=2,
    returns=_bits,
    aliases=("estdcount",),
    syntax="estdc(E[, BITS=16])",
    summary="About how many distinct values there are, by 2^BITS registers (HyperLogLog); off by about 1.04 / 2^(BITS/2).",
    examples=(("estdc(x)", "3"), ("estdc(x > 1, 12)", "2")),
)
def estdc(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.states.sketch import Estimate

    return Maker(lambda: Estimate(types[0], data or 16))


def _capped(call: CallBinder) -> Type:
    if len(call.args) > 1:
        cap = call.whole(1)
        if cap is None or cap < 1:
            call.fail(
                "E307", f"the second argument of `{call.name}` is how many values to keep: a whole number from 1", 1
            )
        call.data = cap
    return array_of(call.types[0])


@aggregate(
    "values",
    most=2,
    returns=_capped,
    syntax="values(E[, N])",
    summary="Distinct values, ascending; N keeps the first N of them, which is noted.",
    examples=(("values(x)", "[1, 2, 3]"), ("values(x > 1)", "[false, true]")),
)
def values(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.states.distinct import Distinct

    return Maker(lambda: Distinct(types[0], counted=False, cap=data), "values")


@aggregate(
    "array",
    most=2,
    returns=_capped,
    ordered=True,
    syntax="array(E[, N])",
    summary="All values in input order; N keeps the first N of them, which is noted.",
    examples=(("array(x)", "[1, 2, 3]"), ("array(x * 2)", "[2, 4, 6]")),
)
def array(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.states.held import Everything

    return Maker(lambda: Everything(types[0], data))


def _mode_bind(call: CallBinder) -> Type:
    return call.types[0]


@aggregate(
    "mode",
    returns=_mode_bind,
    syntax="mode(E)",
    summary="Most frequent value; of ties the least.",
    examples=(("mode(x)", "1"), ("mode(x > 1)", "true")),
)
def mode(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.states.distinct import Distinct

    return Maker(lambda: Distinct(types[0], counted=True), "mode")


@aggregate(
    "entropy",
    returns=DOUBLE,
    syntax="entropy(E)",
    summary="Entropy of the distinct values, in bits.",
    examples=(("entropy(x)", "1.584962500721156"), ("entropy(x > 9)", "0.0")),
)
def entropy(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.states.distinct import Distinct

    return Maker(lambda: Distinct(types[0], counted=True), "entropy")
