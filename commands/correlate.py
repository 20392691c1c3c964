"""`correlate [method=M] [lag=N] F, ... [by G, ...]`: how fields go together, pair by pair."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

from ..planner.records import dataclass
from ..planner.types import DOUBLE, LONG, STRING
from .base import Args, Command, Example, Node, Option, kinds, lowers, register
from .scoring import number_fields
from .whole import Held, group_keys, held_fields

if TYPE_CHECKING:
    from ..engine.operators.correlate import Pair

COLUMNS = (("field_x", STRING), ("field_y", STRING), ("lag", LONG), ("corr", DOUBLE), ("n", LONG), ("p", DOUBLE))
MOST_ROWS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlate(Held):
    fields: tuple[str, ...]
    method: str
    lag: int
    command = "correlate"


@lowers(Correlate)
@register
class CorrelateCommand(Command[Correlate]):
    name = "correlate"
    summary = "Correlation of each two fields, at lags if wanted."
    syntax = "correlate [method={pearson,spearman,kendall}] [lag=N] [nulls={keep,drop}] F, ... [by G, ...]"
    grammar = "names [by_names]"
    tier = 3
    options = (
        Option(
            "method",
            ("pearson", "spearman", "kendall"),
            "of values, of ranks, or of orders of pairs",
            default="pearson",
        ),
        Option("lag", kinds.INT, "every lag from -N to N rows", default=0, least=0),
        Option("nulls", ("keep", "drop"), "drop: rows with a null key are left out and noted", default="keep"),
    )
    details = """
A row for each two fields in the order in which they are written, and for each lag: the keys, `field_x`, `field_y`, `lag`, `corr`, `n`
(pairs of values), and `p`, how likely a correlation at least as strong is by chance (two-sided).

With `lag=N` there are all lags from -N to N: at lag 2 a row's `field_x` meets the `field_y` of two rows later in its group, at
lag -2 of two rows before. Rows go in input order: sort them by time before. One field alone with `lag=N` meets itself, at the lags 1 to N.

`pearson` is that of exact sums, to the bit, as `corr(X, Y)` is. `spearman` is the same of ranks, where equal values share their mean rank.
`kendall` is tau-b. The p of the first two is Student's t with n - 2 degrees of freedom (exact for normal values); of tau it is
counted out up to 33 pairs without ties, else normal with the variance corrected for ties, as scipy has them.

A pair with a null is skipped. NaN and infinities are no values and are counted (`drop`). Without spread, or with one pair,
`corr` is null; with fewer than three pairs `p` is (that of tau with fewer than two). Fields are numbers; text is an error (E320).
More than 1,000,000 rows a group are E311.

Rows are sorted by the keys. Blocking; values spill to disk until their group is computed.
"""
    examples = (
        Example(
            title="three fields, pair by pair",
            given={"t": "a:long b:long c:double\n1 2 4.0\n2 4 3.0\n3 6 1.0\n4 8 2.0"},
            query="table t | correlate a, b, c | eval corr = round(corr, 6), p = round(p, 6)",
            expect="field_x:string field_y:string lag:long corr:double n:long p:double\na b 0 1.0 4 0.0\na c 0 -0.8 4 0.2\nb c 0 -0.8 4 0.2",
        ),
        Example(
            title="which lag fits best",
            given={"t": "x:long y:long\n1 9\n5 1\n2 5\n8 2\n3 8\n4 3"},
            query="table t | correlate lag=1 x, y | sort -corr | limit 1 | fields lag, corr, n",
            expect="lag:long corr:double n:long\n1 1.0 5",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        names = tuple(dict.fromkeys(args.fields(args.many("names"), always=True)))
        number_fields(args, names)
        lag = args.option("lag")
        if len(names) < 2 and not lag:
            args.fail("E201", "correlate needs two fields, or one and lag=N", args.place("names"))
        n_rows = max(1, len(names) * (len(names) - 1) // 2) * (2 * lag + 1)
        if n_rows > MOST_ROWS:
            args.fail(
                "E311",
                f"{n_rows:,} rows a group: more than {MOST_ROWS:,}",
                args.option_span("lag"),
                hint="a smaller lag",
            )
        return Correlate(
            **args.common, inputs=(source,), keys=group_keys(args, [n for n, _ in COLUMNS]),
            aggs=held_fields(names, args.schema), made=COLUMNS, fields=names, method=args.option("method"), lag=lag,
            drop_null_keys=args.option("nulls") == "drop",
        )  # fmt: skip

    def lower(self, node: Correlate) -> list[Any]:
        from ..engine.notes import At
        from ..engine.operators.aggregate import AggregateSink
        from ..engine.operators.correlate import CorrelateTransform

        at = At(node.stage, node.name, node.span)
        made = CorrelateTransform(node.fields, _pairs(len(node.fields), node.lag), node.method, node.key_types, at)
        return [AggregateSink(node, node.inputs[0].schema, at), made]


def _pairs(n_fields: int, lag: int) -> list[Pair]:
    from ..engine.operators.correlate import Pair

    if n_fields == 1:
        return [Pair(0, 0, k) for k in range(1, lag + 1)]
    return [Pair(x, y, k) for x, y in combinations(range(n_fields), 2) for k in range(-lag, lag + 1)]
