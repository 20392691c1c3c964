"""`typeof`: the name of a value's type, as part 3 of the language page has it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ...engine.arrow import array_from, call, is_valid, nulls
from ...engine.exprs import Eval, Value, plain
from ...planner.types import STRING, Type
from ..base import CallBinder, function


def _bind(call_: CallBinder) -> Type:
    call_.data = call_.types[0]
    return STRING


@function(
    "typeof", args=("any",), returns=_bind, spans=(0,), group="Reference, type, condition", syntax="typeof(E)",
    summary="The type's name: bool short int long float double string date duration ipv4 ipv6 array map binary; null for null.",
    examples=[("typeof(1)", '"int"'), ("typeof(3000000000)", '"long"'), ("typeof(1.5)", '"double"'), ("typeof(null)", "null")],
)  # fmt: skip
def typeof(ev: Eval, value: Value) -> Value:
    type_: Type = ev.data
    column = value if not isinstance(value, pa.Scalar) else plain(value, ev.n)
    if type_.kind == "null":
        return nulls(ev.n, pa.string())
    valid = is_valid(column) if isinstance(column, pa.Array) else column.length >= 0
    if type_.kind == "ip":
        from ...engine.ip import bytes_of_ips

        six = array_from(bytes_of_ips(plain(column, ev.n))[:, 0] == 6)
        return call("if_else", array_from(valid), call("if_else", six, "ipv6", "ipv4"), None)
    name = type_.kind if type_.kind in ("array", "map") else "string" if type_.kind == "any" else str(type_)
    return call("if_else", array_from(np.asarray(valid)), name, None)
