"""`anomalies [sample=N] [size=N] [scorer=N] [seed=N] F, ... [by G, ...] [[ TRAIN ]]`: rows that few random cuts set apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..planner import ast, combine
from ..planner.expr import Bound, FieldRef, Literal
from ..planner.plan import Assignment, Filter, Keep, Project
from ..planner.records import dataclass
from ..planner.types import BOOL, DOUBLE, STRING
from .base import Args, Command, Example, Node, Option, kinds, lowers, register
from .scoring import NUMBERS, Scored, lowered, number_fields

KINDS = (*NUMBERS, "date", "duration", "bool", "string")
ASKED = "\0-1 asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomalies(Scored):
    """With `trains` the last of `fields` says which rows are scored, the others are learnt from."""

    sample: int
    size: int
    scorer: int
    seed: int
    trains: bool
    command = "anomalies"


@lowers(Anomalies)
@register
class AnomaliesCommand(Command[Anomalies]):
    name = "anomalies"
    summary = "How unusual each row is among the others, by an isolation forest."
    syntax = "anomalies [sample=256] [size=100] [scorer=N] [seed=0] F, ... [by G, ...] [[ TRAIN ]]"
    grammar = "[names] [by_names] [subquery]"
    tier = 3
    options = (
        Option("sample", kinds.INT, "rows that each tree is grown on", default=256, least=2),
        Option("size", kinds.INT, "trees of the forest", default=100, least=1),
        Option("scorer", kinds.INT, "adds _scorer, the so many fields that set a row apart most", least=1),
        Option("seed", kinds.INT, "of the random draws", default=0),
        Option("model", kinds.TEXT, "a model that was kept", tier=4),
    )
    details = """
Adds `_score`, from 0 to 1: near 1 for rows that stand alone, above 0.5 worth a look, well below it for usual ones; 0.5 for all
rows if all are equal. It is the isolation forest of Liu, Ting & Zhou (2008): each of `size` trees cuts a sample of `sample` rows, always a
random field at a random point, until rows stand alone; a row that takes few cuts is unusual. The score is 2 to the power of
minus (mean number of cuts / the number that is usual for such a sample).

Fields are numbers, dates, durations, booleans (0 and 1), or text. A text counts as often as it is among the rows that are
learnt from, so rare values are low numbers, and unseen ones 0. Scales do not matter.

With a subquery its rows are learnt from, by the same fields and keys, and the rows that come in are scored; otherwise each row
is scored among its own group. `scorer=N` adds `_scorer`, the names of N fields by commas, first the one that sets the
row apart most. What a field weighs: over all cuts of the field that the row passes, the bits that the cut tells (log2 of the rows before by the
rows behind it) less 1, the bits of a cut in halves. Over all fields that is how many cuts the row's way is shorter than that of a row that
is halved away.

A row with a null, a NaN or an infinity among the fields has no score and is counted, and is not learnt from. A group with fewer than 2
rows to learn from passes with nulls (`drop`). The same rows in the same order and the same seed give the same scores. Models
that are kept (`model=M`) come in a later version.

Blocking; input order is kept. Rows spill when memory is short; one group must fit.
"""
    examples = (
        Example(
            title="the odd one out, and why",
            given={"t": "x:long y:long\n1 5\n2 5\n3 4\n2 6\n3 5\n1 4\n2 400\n3 6"},
            query="table t | anomalies scorer=1 x, y | eval _score = round(_score, 3) | search _score > 0.6",
            expect="x:long y:long _score:double _scorer:string\n2 400 0.704 y",
        ),
        Example(
            title="new rows against known ones",
            given={"known": "x:long\n1\n2\n3\n4\n5\n6", "new": "x:long\n3\n90"},
            query="table new | anomalies x [ table known ] | eval odd = _score > 0.5 | fields x, odd",
            expect="x:long odd:bool\n3 false\n90 true",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        args.check_options()
        names = tuple(args.fields(args.many("names"), always=True))
        number_fields(args, names, KINDS, takes="numbers, dates, durations, booleans and texts")
        if not names and not args.given("model"):
            args.abort("E201", "anomalies needs a field")
        by = tuple(args.fields(args.many("by_names"), always=True))
        top = args.option("scorer")
        if top is not None and top > len(names):
            args.fail("E311", f"'scorer' cannot be {top}: there are {len(names)} fields", args.option_span("scorer"))
        made = (("_score", DOUBLE), *((("_scorer", STRING),) if top else ()))
        trains = args.has("subquery")
        rows = self._with_training(args, source, (*names, *by)) if trains else source
        node = Anomalies(
            **args.common, inputs=(rows,), fields=(*names, *((ASKED,) if trains else ())), by=by, made=made,
            sample=args.option("sample"), size=args.option("size"), scorer=top or 0, seed=args.option("seed"), trains=trains,
        )  # fmt: skip
        return self._without_training(args, node) if trains else node

    def _with_training(self, args: Args, source: Node, names: Sequence[str]) -> Node:
        """The rows that come in, then those that are learnt from; a column says which."""
        train = args.subquery()
        for name in names:
            kind, theirs = args.schema.type(name), train.schema.type(name)
            if theirs is None:
                if not train.schema.open:
                    args.fail(
                        "E301",
                        f"the subquery has no field '{name}'",
                        args.place("subquery"),
                        fields=train.schema.names(),
                    )
            elif (
                kind is not None
                and _family(kind.kind) != _family(theirs.kind)
                and "" not in (_family(kind.kind), _family(theirs.kind))
            ):
                args.fail("E330", f"'{name}' is {kind} here and {theirs} in the subquery", args.place("subquery"))
        common: dict[str, Any] = {"span": args.span, "stage": args.stage, "implied": True}
        known = Keep(**common, inputs=(train,), names=tuple(dict.fromkeys(names)))
        parts = [Project(**common, inputs=(n,), assigns=(_flag(f),)) for n, f in ((source, True), (known, False))]
        return combine.Union(**common, inputs=tuple(parts))

    def _without_training(self, args: Args, node: Node) -> Node:
        common: dict[str, Any] = {"span": args.span, "stage": args.stage, "implied": True}
        is_asked = Bound(FieldRef(type=BOOL, name=ASKED), ast.Name(name=ASKED))
        rows = Filter(**common, inputs=(node,), predicate=is_asked)
        return Keep(**common, inputs=(rows,), names=(ASKED,), drop=True)

    def lower(self, node: Anomalies) -> list[Any]:
        from ..engine.operators.window.isolation import Isolation

        fields = node.fields[:-1] if node.trains else node.fields
        state = Isolation(
            arity=len(node.fields), inputs=len(node.fields), fields=fields, sample=node.sample, size=node.size,
            top=node.scorer, seed=node.seed, trains=node.trains,
        )  # fmt: skip
        return lowered(node, state, ["score", "scorer"][: len(node.made)])


def _flag(value: bool) -> Assignment:
    literal = Literal(type=BOOL, value=value)
    return Assignment((ASKED,), Bound(literal, ast.Constant(value=value)))


def _family(kind: str) -> str:
    """Types whose values are compared; empty: not known."""
    if kind in ("null", "any"):
        return ""
    return "number" if kind in ("long", "double", "decimal") else kind
