"""`curvefit [degree=3] [coef=B] X, Y [by G, ...]`: a polynomial through points."""

from __future__ import annotations

from typing import Any

from ..planner.records import dataclass
from ..planner.types import DOUBLE, LONG
from .base import Args, Command, Example, Node, Option, kinds, lowers, register
from .scoring import number_fields
from .whole import Held, group_keys, held_fields

MOST = 50
COEFS = (("power", LONG), ("coef", DOUBLE), ("stderr", DOUBLE), ("r2", DOUBLE))


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveFit(Held):
    degree: int
    coefs: bool
    command = "curvefit"


@lowers(CurveFit)
@register
class CurveFitCommand(Command[CurveFit]):
    name = "curvefit"
    summary = "Fit a polynomial to points by least squares."
    syntax = "curvefit [degree=3] [coef=B] [nulls={keep,drop}] X, Y [by G, ...]"
    grammar = "names [by_names]"
    tier = 3
    options = (
        Option("degree", kinds.INT, "of the polynomial: 0 to 50", default=3, least=0),
        Option("coef", kinds.BOOL, "the coefficients instead of the points", default=False),
        Option("nulls", ("keep", "drop"), "drop: rows with a null key are left out and noted", default="keep"),
    )
    details = """
The columns are the keys, `_x` (X of each row, ascending; equal ones in input order) and `_p`, the value of the polynomial there. With
`coef=t` there is a row for each power from 0 to `degree` instead: `power`, `coef` (its coefficient), `stderr` (the coefficient's
standard error; null where there are no more points than coefficients) and `r2`, the part of the variance of Y that the curve tells
(null where Y does not vary).

The fit is a QR factorisation over Chebyshev polynomials on the range of X, so high degrees and X far from 0 (years, times as numbers) are
no trouble; coefficients of powers of X are taken from it exactly.

A row with a null, a NaN or an infinity in X or Y takes no part and is counted. A group with no more different X than the
degree has no rows, which is counted (`drop`). X and Y are numbers; text is an error (E320).

Rows are sorted by the keys. Blocking; values spill to disk until their group is computed.
"""
    examples = (
        Example(
            title="a line through four points",
            given={"t": "x:long y:double\n3 7.0\n1 3.0\n2 5.0\n4 9.0"},
            query="table t | curvefit degree=1 x, y | eval _p = round(_p, 9)",
            expect="_x:long _p:double\n1 3.0\n2 5.0\n3 7.0\n4 9.0",
        ),
        Example(
            title="coefficients, for each key",
            given={"t": "g:string x:long y:long\na 0 1\na 1 2\na 2 5\nb 0 4\nb 1 2\nb 2 0"},
            query="table t | curvefit degree=2 coef=t x, y by g | eval coef = abs(round(coef, 9)) | fields g, power, coef",
            expect="g:string power:long coef:double\na 0 1.0\na 1 0.0\na 2 1.0\nb 0 4.0\nb 1 2.0\nb 2 0.0",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        names = args.fields(args.many("names"), always=True)
        number_fields(args, names)
        written = max(len(names), len(args.many("names")))
        if len(names) == 1 and len(args.many("names")) == 2:
            args.fail("E201", f"X and Y are both '{names[0]}'", args.place("names"), hint="curvefit X, Y")
        elif len(names) != 2 or written != 2:
            args.fail("E201", f"curvefit takes two fields, X and Y, not {written}", args.place("names"))
        degree, coefs = args.option("degree"), args.option("coef")
        if degree > MOST:
            args.fail("E311", f"'degree' cannot be {degree}", args.option_span("degree"), hint=f"0 to {MOST}")
        x = args.schema.type(names[0]) if names else None
        made = COEFS if coefs else (("_x", LONG if x is not None and x.kind == "long" else DOUBLE), ("_p", DOUBLE))
        return CurveFit(
            **args.common, inputs=(source,), keys=group_keys(args, [n for n, _ in made]),
            aggs=held_fields(names, args.schema), made=made, degree=degree, coefs=coefs,
            drop_null_keys=args.option("nulls") == "drop",
        )  # fmt: skip

    def lower(self, node: CurveFit) -> list[Any]:
        from ..engine.notes import At
        from ..engine.operators.aggregate import AggregateSink
        from ..engine.operators.curvefit import CurveTransform

        at = At(node.stage, node.name, node.span)
        sink = AggregateSink(node, node.inputs[0].schema, at)
        return [sink, CurveTransform(node.key_types, node.degree, node.coefs, at)]
