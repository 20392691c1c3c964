"""`patterns [field=line] [mode={stats,label}] [similarity=0.5] [depth=4] [by G, ...]`: templates of log lines."""

from __future__ import annotations

from typing import Any

from ..planner import ast
from ..planner.plan import Names, Node, Order, Sort, SortKey
from ..planner.records import dataclass
from ..planner.types import DATE, DOUBLE, LOAD_TIME, LONG, NULL, STRING, Schema, Type, array_of
from .base import Args, Command, Example, Option, kinds, lowers, register
from .rowtime import row_time
from .scoring import Scored, lowered

COLUMNS = ("pattern_id", "pattern", "count", "ratio", "first", "last", "sample")
LABELS = (("_pattern_id", LONG), ("_pattern", STRING), ("_pattern_args", array_of(STRING)))


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternLabels(Scored):
    similarity: float
    depth: int
    command = "patterns"


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternStats(Node):
    """A row a template. `time` None: first and last are numbers of rows."""

    field: str
    by: tuple[str, ...]
    time: str | None
    similarity: float
    depth: int
    command = "patterns"
    blocking = True
    order = Order.NEEDS

    def derive(self) -> Schema:
        before = self.inputs[0].schema
        when: Type = LONG if self.time is None else before.type(self.time) or DATE
        kinds_ = (LONG, STRING, LONG, DOUBLE, when, when, STRING)
        return Schema((*((n, before.type(n) or NULL) for n in self.by), *zip(COLUMNS, kinds_, strict=True)))

    def needs(self, wanted: Names) -> Names:
        return frozenset((self.field, *self.by, *((self.time,) if self.time is not None else ())))


@lowers(PatternStats)
@lowers(PatternLabels)
@register
class PatternsCommand(Command[Any]):
    name = "patterns"
    summary = "The templates that log lines are made of, and how many lines each has."
    syntax = "patterns [field=line] [mode={stats,label}] [similarity=0.5] [depth=4] [time=F] [by G, ...]"
    grammar = "[by_names]"
    tier = 3
    options = (
        Option("field", kinds.FIELD, "the text", default="line"),
        Option("mode", ("stats", "label"), "a row a template, or the rows with their template", default="stats"),
        Option(
            "similarity",
            kinds.NUMBER,
            "the part of a line's tokens that must agree with a template's, 0 to 1",
            default=0.5,
        ),
        Option(
            "depth", kinds.INT, "of the tree; its first depth - 2 tokens tell a line from others", default=4, least=2
        ),
        Option("time", kinds.FIELD, "the time of a row; default _time, or the only date field"),
    )
    details = """
A line's tokens are what blanks separate. A word with a digit is masked, `<*>`: a run of letters, digits, `_ . + -` and all beyond
ASCII, and several that colons join (`10:00:01`, `10.0.0.1:80`), so `user=u42,` is `user=<*>,`. Then the tree of Drain (He and others,
2017) finds the template: lines of one number of tokens, whose first `depth - 2` tokens are equal, are compared token by token; where at
least `similarity` of them agree the line joins the template that agrees most (the oldest of several), and tokens that differ become
`<*>`; else the line is a template of its own. A node of the tree has 100 branches, further tokens share one. Rows are taken in
input order, so the answer is the same for any number of threads. Templates that have become equal are one.

`mode=stats` gives the keys and `pattern_id` (from 1, in order of appearance), `pattern`, `count`, `ratio` (of the lines of the
group), `first` and `last` (the least and greatest row time, or numbers of rows, from 1, where rows have no time of their own), and `sample`,
the first line, cut at 200 characters; sorted by the keys, then by `count`, greatest first, then by `pattern_id`. It streams: memory
holds templates, not lines (E702 if there are too many).

`mode=label` keeps all rows in their order and adds `_pattern_id`, `_pattern` (as it is after the last line) and
`_pattern_args`, an array of what stands in each masked place. Blocking; rows spill, but one group must fit.

With `by` each key has templates of its own. A row without a text takes no part (`drop`) and in label mode has nulls.
"""
    examples = (
        Example(
            title="two templates",
            given={
                "log": 'line:string\n"login of anna from 10.0.0.1:22"\n"login of ben from 10.0.0.7:22"\n"disk /dev/sda1 full"\n'
                '"login of cyd from 10.0.0.9:22"'
            },
            query="table log | patterns | fields pattern_id, pattern, count, ratio, first, last",
            expect='pattern_id:long pattern:string count:long ratio:double first:long last:long\n1 "login of <*> from <*>" 3 0.75 1 4\n2 "disk /dev/<*> full" 1 0.25 3 3',
        ),
        Example(
            title="rows with their template",
            given={"log": 'line:string\n"took 12 ms"\n"took 7 ms"\n"gone"'},
            query="table log | patterns mode=label | fields _pattern_id, _pattern, _pattern_args",
            expect='_pattern_id:long _pattern:string _pattern_args:array<string>\n1 "took <*> ms" ["12"]\n1 "took <*> ms" ["7"]\n2 gone []',
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        name = args.option("field")
        name, type_ = args.field(ast.Field(name, args.option_span("field")), always=True)
        if type_.kind not in ("string", "null", "any"):
            args.fail(
                "E320",
                f"patterns takes text; '{name}' is {type_}",
                args.option_span("field"),
                hint=f"eval {name} = string({name})",
            )
        similarity = args.option("similarity")
        if not 0 <= similarity <= 1:
            args.fail(
                "E311", f"'similarity' cannot be {similarity}", args.option_span("similarity"), hint="a part: 0 to 1"
            )
        by = tuple(args.fields(args.many("by_names"), always=True))
        time = self._time(args)
        if args.option("mode") == "label":
            if args.given("time"):
                args.fail("E311", "time= goes with mode=stats", args.option_span("time"))
            return PatternLabels(
                **args.common, inputs=(source,), fields=(name,), by=by, made=LABELS, similarity=float(similarity),
                depth=args.option("depth"),
            )  # fmt: skip
        for key in by:
            if key in COLUMNS:
                args.fail("E350", f"two columns are named '{key}'", args.place("by_names"), hint="rename it before")
        made = PatternStats(
            **args.common,
            inputs=(source,),
            field=name,
            by=by,
            time=time,
            similarity=float(similarity),
            depth=args.option("depth"),
        )
        keys = (*map(SortKey, by), SortKey("count", descending=True))
        return Sort(span=args.span, stage=args.stage, implied=True, inputs=(made,), keys=keys)

    def _time(self, args: Args) -> str | None:
        if args.option("mode") == "label":
            return None
        dates = [t for _, t in args.schema.fields if t.kind == "date" and t != LOAD_TIME]
        if args.given("time") or dates:
            return row_time(args)[0]
        return None

    def lower(self, node: Any) -> list[Any]:
        from ..engine.notes import At

        before, at = node.inputs[0].schema, At(node.stage, node.name, node.span)
        if isinstance(node, PatternLabels):
            from ..engine.operators.window.labels import Labels

            return lowered(node, Labels(depth=node.depth, similarity=node.similarity), ["id", "pattern", "args"])
        from ..engine.operators.patterns import MaskTransform, PatternsSink

        line = before.index(node.field)
        time = None if node.time is None else before.index(node.time)
        keys = [(before.index(n), before.type(n) or NULL) for n in node.by]
        sink = PatternsSink(node.schema, keys, line, time, len(before), node.depth, node.similarity, at)
        return [MaskTransform(line, before.type(node.field) or STRING, at), sink]
