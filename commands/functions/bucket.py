"""`bucket`: the start of the grid cell that a number, a duration or a date falls into."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ...engine.arrow import array_from
from ...engine.exprs import Eval, Value
from ...engine.strings import Ints, Mask
from ..base import ANY_ARG, DATE_ARG, DOUBLE, DURATION, LONG, NUMBER, REGISTRY, CallBinder, Type, converted, function

LENGTHS = ("duration", "months")
SPANS = (*LENGTHS, "string")


def _bucket_type(call: CallBinder) -> Type:
    value, width, *offset = call.types
    call.data = None
    if value.kind == "duration" and width.kind == "duration" and all(t.kind in ("duration", "null") for t in offset):
        kind = DURATION
    elif value.kind in ("long", "double") and width.kind in LENGTHS:
        call.fail(
            "E307", f"the width of a number's bucket is a number, not a {width}", at=1, hint="such as bucket(x, 10)"
        )
    elif value.kind == "date" or width.kind in SPANS:
        call.args = [converted(call, call.args[0], DATE_ARG), *call.args[1:]]
        return REGISTRY.functions["datetrunc"].bind(call)
    else:
        call.args = [converted(call, a, NUMBER) for a in call.args]
        kind = LONG if all(t.kind in ("long", "null") for t in call.types) else DOUBLE
    fixed = call.constant(1)
    if isinstance(fixed, int | float) and not fixed > 0:
        call.fail("E307", f"the width of a bucket must be above 0, not {fixed}", at=1)
    return kind


@function(
    "bucket", args=(ANY_ARG,), least=2, most=3, returns=_bucket_type, group="numbers",
    syntax="bucket(E, WIDTH[, OFFSET=0])",
    summary="The greatest OFFSET + k * WIDTH that is not above E; for a date the start of its bucket in the session's zone.",
    examples=[("bucket(37, 10)", "30"), ("bucket(-1, 10)", "-10"), ("bucket(37, 10, 5)", "35"), ("bucket(2.6, 0.5)", "2.5")],
)  # fmt: skip
def bucket(ev: Eval, value: Value, width: Value, offset: Value | None = None) -> Value:
    if ev.data is not None or pa.types.is_timestamp(value.type):  # type: ignore[union-attr]
        return REGISTRY.functions["datetrunc"].kernel(ev, value, width)  # type: ignore[no-any-return]
    (x, has_x), (w, has_w) = ev.numbers(value), ev.numbers(width)
    origin, has_origin = (np.zeros(1, np.int64), np.ones(1, np.bool_)) if offset is None else ev.numbers(offset)
    valid = has_x & has_w & has_origin
    narrow = valid & ~(w > 0)
    ev.reject("domain", narrow, width, "a width above 0")
    valid = valid & ~narrow
    if not valid.all():
        x, w = np.where(valid, x, 0), np.where(valid, w, 1)
    if any(v.dtype == np.float64 for v in (x, w, origin)):
        return array_from(_floor_doubles(x, w, origin), ~valid)
    out, beyond = floor_to_grid(x, w, np.where(has_origin, origin, 0))
    ev.reject("overflow", beyond & valid, value, "double(x)")
    return array_from(out, ~valid | beyond, pa.duration("us") if pa.types.is_duration(ev.array(value).type) else None)


def _floor_doubles(x: Ints, width: Ints, origin: Ints) -> Ints:
    """The greatest grid point that is not above x, as the points are written: `0.3` for the third of width 0.1."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        parts = np.rint(1 / width)
        divides = (1 / parts == width) & (parts <= 2.0**53)

        def point(step: Ints) -> Ints:
            return np.where(divides, step / parts, step * width) + origin

        step = np.floor((x - origin) / width)
        step = np.where(point(step + 1) <= x, step + 1, step)
        step = np.where(point(step) > x, step - 1, step)
        out = point(step)
        return np.where(np.isfinite(out), out, x)


def floor_to_grid(x: Ints, width: Ints, origin: Ints) -> tuple[Ints, Mask]:
    """Whole numbers down to origin + k * width (width > 0), and where that lies below 64 bits. No step overflows."""
    one = width.flat[0] if width.size and (width == width.flat[0]).all() else width
    rest = x - x // one * one  # a division by one number is turned into a product, a remainder is not
    if origin.any():
        rest = np.mod(rest - np.mod(origin, width), width)
    with np.errstate(over="ignore"):
        out = x - rest
    return out, out > x
