"""`table NAME, ...`: stored tables and registered objects."""

from __future__ import annotations

import fnmatch
from typing import Any

import pyarrow as pa

from ..engine.notes import At
from ..engine.services import Services
from ..planner import ast
from ..planner.catalog import Relation
from ..planner.expr import Bound, Expr, FieldRef, Literal
from ..planner.parsed import Parsed
from ..planner.plan import Assignment, Filter, Limit, Project, Scan, Sort, SortKey
from ..planner.stages import RawOption
from ..planner.text import nearest
from ..planner.types import DATE, LONG, STRING, Schema
from ..planner.unparse import stage_text
from .base import REGISTRY, Args, Command, Example, Node, Option, kinds, register
from .rowtime import implied_time

FORMATS = {
    ".csv": "csvfile",
    ".tsv": "csvfile",
    ".tab": "csvfile",
    ".json": "jsonfile",
    ".jsonl": "jsonfile",
    ".ndjson": "jsonfile",
    ".parquet": "parquetfile",
    ".arrow": "arrowfile",
    ".arrows": "arrowfile",
    ".feather": "arrowfile",
    ".ipc": "arrowfile",
    ".wav": "wavfile",
}
PACKED = (".gz", ".zst", ".bz2", ".xz")


@register
class Table(Command[Scan]):
    name = "table"
    summary = "Read stored tables, registered objects, or with quotes files by their ending."
    syntax = "table [duration=DUR] [from=T] [to=T] [limit=N] [offset=N] [order={stored,asc,desc}] [time=F] [meta=B] NAME, ..."
    grammar = "tables"
    source = True
    options = (
        Option("duration", kinds.DURATION, "rows of the last so long, by row time"),
        Option("from", kinds.TIME, "rows at or after this time"),
        Option("to", kinds.TIME, "rows before this time"),
        Option("window", kinds.DURATION, "follow growth for so long", tier=2),
        Option("limit", kinds.INT, "read so many rows", least=0),
        Option("offset", kinds.INT, "skip so many rows first", default=0, least=0),
        Option("order", ("stored", "asc", "desc"), "stored order, or by row time"),
        Option("time", kinds.FIELD, "add `_time` as this field read as a date"),
        Option("meta", kinds.BOOL, "add `_table` and `_id`, the row's number in stored order", default=False),
    )
    details = """
    A name is looked for among the objects of the call (`s.query("table t", t=frame)`), registered objects, stored
    tables, and, where the setting `python_lookup` is on, the caller's variables. In double or single quotes it is a
    path, read by its ending; in back quotes always a name. `*` at either end stands for many names (`web*`), `?`
    behind a name makes an absent one no error. An unknown name is E304 with the nearest one. Several names follow
    each other as one input, joined by field name; what one lacks is null there.

    Rows come in stored order. `order=asc` and `order=desc` sort by row time. `from=` is inclusive, `to=` exclusive,
    and `duration=1d` means since that long before now; `duration` excludes the two others. They take compact digits
    (`20261101`, `202611011200`), ISO text, or an expression through a parameter, in the session's zone. Row time is
    `_time`, or the field that `time=` names, or the only date field, which is noted; several are E340. Rows without
    a time are left out of a range and counted.

    Stored tables skip files and row groups that a range or a condition behind the source rules out. A query reads
    the version that was there when it began.
    """
    examples = (
        Example(title="all rows", given={"t": "n:long\n1\n2"}, query="table t", expect="n:long\n1\n2"),
        Example(
            title="a time range: from inclusive, to exclusive",
            given={"t": "_time:date n:long\n2026-11-01T00:00:00Z 1\n2026-11-02T00:00:00Z 2"},
            query="table from=20261101 to=20261102 t | fields n",
            expect="n:long\n1",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        node = self._rows(args)
        stage: dict[str, Any] = {"span": args.span, "stage": args.stage, "implied": True}
        if args.option("meta") and not {"_table", "_id"} <= {*node.schema.names()}:  # one file
            node = self._with_meta(args, node, stage)
        if args.given("time"):
            node = self._with_time(args, node, stage)
        late = {op: e for op, n in ((">=", "from"), ("<", "to")) if (e := args.late_option(n)) is not None}
        low, high = self._range(args)
        if low is not None or high is not None or late:
            node = self._between(args, node, low, high, late, stage)
        if args.given("order"):
            order, name = args.option("order"), ""
        else:  # the session's order is for tables that have a time
            order, name = args.binder.settings["table_order"], "_time" if "_time" in node.schema else ""
            order = order if name else "stored"
        if order != "stored":
            name = name or implied_time(args, node.schema)[0]
            node = Sort(**stage, inputs=(node,), keys=(SortKey(name, order == "desc"),))
        limit, offset = args.option("limit"), args.option("offset")
        if limit is not None or offset:
            node = Limit(**stage, inputs=(node,), offset=offset, count=2**62 if limit is None else limit)
        return node

    # what is read

    def _rows(self, args: Args) -> Node:
        names = args.many("tables")
        if len(names) == 1 and isinstance(names[0], ast.Text):
            return self._file(args, names[0])
        found = [r for n in names for r in self._relations(args, n)]
        if not found:
            from ..engine.sources.memory import relation_of

            found = [relation_of(pa.table({}), "nothing", zone=args.zone)]
        relation: Relation = found[0]
        if len(found) > 1:
            from ..engine.sources.several import SeveralRelation

            several = SeveralRelation(found, ", ".join(r.name for r in found))
            for name in several.mixed():
                said = f"field '{name}' is of several types and became text"
                if args.strict:
                    args.fail("E504", said, args.place("tables"), strict=True)
                else:
                    args.note("mixed", said)
            relation = several
        return Scan(**args.common, relation=relation, key=stage_text(args.parsed))

    def _file(self, args: Args, path: ast.Text) -> Node:
        """A quoted name is a path; its ending says how it is read."""
        bare = path.value.lower()
        for packed in PACKED:
            bare = bare.removesuffix(packed)
        command = REGISTRY.commands[next((c for e, c in FORMATS.items() if bare.endswith(e)), "textfile")]
        p = args.parsed
        options = (RawOption("tab", "t", path.span, path.span),) if bare.endswith((".tsv", ".tab")) else ()
        parsed = Parsed(p.number, command.name, p.command_span, options, (("path", path.value),), p.span, (path.span,))
        return command.bind(Args(args.binder, parsed, command, None), None)

    def _relations(self, args: Args, given: Any) -> list[Relation]:
        services: Services = args.services
        if isinstance(given, ast.Text):
            if args.option("meta"):
                args.abort("E311", "meta=t of several names takes tables, not paths", args.option_span("meta"))
            node = self._file(args, given)
            assert isinstance(node, Scan)
            return [node.relation]
        exact = isinstance(given, ast.Name)
        name = given.name if isinstance(given, ast.Name) else args.path(given)
        optional = not exact and name.endswith("?")
        name = name[:-1] if optional else name
        if not exact and "*" in name:
            names = [n for n in self._known(services) if fnmatch.fnmatchcase(n, name)]
            if not names and not optional:
                args.abort("E304", f"no table matches '{name}'", args.place("tables"), fields=())
            return [r for n in names if (r := self._relation(args, n)) is not None]
        found = self._relation(args, name)
        if found is None and not optional:
            known = self._known(services)
            hint = "tables here: " + ", ".join(known[:12]) if known else "no tables here yet; a path goes in quotes"
            args.abort(
                "E304",
                f"no table is named '{name}'",
                args.place("tables"),
                suggestions=nearest(name, known, 1),
                hint=hint,
            )
        return [found] if found is not None else []

    def _known(self, services: Services) -> list[str]:
        return sorted({*services.given, *services.objects, *services.tables.names()})

    def _relation(self, args: Args, name: str) -> Relation | None:
        services: Services = args.services
        held = services.shadowing(name)
        if held is None and services.tables.exists(name):
            from ..engine.sources.files import note_decimal
            from ..engine.sources.table import TableRelation

            relation = TableRelation(services.tables.snapshot(name), meta=args.option("meta"))
            for column in relation.decimals():
                note_decimal(args, column)
            while services.told:
                args.note("warn", services.told.pop(0), args.place("tables"))
            return relation
        if held is None and services.frame is not None:
            held = services.frame(name)
        if held is None:
            return None
        from ..engine.sources.memory import note_object, relation_of

        at = At(args.stage, self.name, args.span)
        found = relation_of(held, name, zone=args.zone, at=at, spent=services.spent, meta=args.option("meta"))
        note_object(args, found)
        return found

    def _with_meta(self, args: Args, node: Node, stage: dict[str, Any]) -> Node:
        """Of a file: the path as given, and the row's number from 0."""
        span = args.span
        name = Literal(type=STRING, value=node.relation.name if isinstance(node, Scan) else "", span=span)
        counted = args.binder.apply("seq", [], [], span, Schema())
        one = Literal(type=LONG, value=1, span=span)
        number = args.binder.apply("-", [counted, one], [span, span], span, Schema())
        assigns = (
            Assignment(("_table",), Bound(name, ast.Text(value=str(name.value)))),
            Assignment(("_id",), Bound(number, ast.Call(name="seq"))),
        )
        return Project(**stage, inputs=(node,), assigns=assigns)

    # row time

    def _with_time(self, args: Args, node: Node, stage: dict[str, Any]) -> Node:
        given = ast.Field(args.option("time"), args.option_span("time"))
        name, kind = args.binder.field(given, node.schema, always=True)
        ref: Expr = FieldRef(type=kind, name=name)
        span = args.option_span("time")
        function = "epoch" if kind.is_number else "date"
        value = ref if kind.kind == "date" else args.binder.apply(function, [ref], [span], span, Schema())
        parsed = ast.Call(name=function, args=(ast.Name(name=name),))
        return Project(**stage, inputs=(node,), assigns=(Assignment(("_time",), Bound(value, parsed)),))

    def _range(self, args: Args) -> tuple[int | None, int | None]:
        low, high, span = args.option("from"), args.option("to"), args.option("duration")
        if span is None:
            return low, high
        if low is not None or high is not None:
            args.abort("E311", "duration= and from=/to= exclude each other", args.option_span("duration"))
        if span.months:
            import numpy as np

            from ..engine.calendar import add_months

            moved, _ = add_months(np.array([args.now_us], np.int64), -span.months, args.zone)
            return int(moved[0]), None
        return args.now_us - span.ns // 1000, None

    def _between(
        self, args: Args, node: Node, low: int | None, high: int | None, late: dict[str, Expr], stage: dict[str, Any]
    ) -> Node:  # fmt: skip
        """`late`: bounds that a subquery gives, by operator."""
        name, kind = implied_time(args, node.schema)
        span = args.span
        parts: list[tuple[Expr, ast.Expr]] = []
        for op, us in ((">=", low), ("<", high)):
            if us is not None:
                ref = FieldRef(type=kind, name=name, span=span)
                value = Literal(type=DATE, value=us, span=span)
                made = args.binder.apply(op, [ref, value], [span, span], span, node.schema)
                parts.append((made, ast.Call(name=op, op=True, args=(ast.Name(name=name), ast.Text(value=iso(us))))))
        for op, bound in late.items():
            ref = FieldRef(type=kind, name=name, span=span)
            if bound.type.kind not in ("date", "null"):
                bound = args.binder.apply("date", [bound], [bound.span], bound.span, Schema())
            made = args.binder.apply(op, [ref, bound], [span, bound.span], span, node.schema)
            parts.append((made, ast.Call(name=op, op=True, args=(ast.Name(name=name), ast.Text(value="$")))))
        if len(parts) == 1:
            return Filter(**stage, inputs=(node,), predicate=Bound(*parts[0]))
        both = args.binder.apply("and", [e for e, _ in parts], [span, span], span, node.schema)
        parsed = ast.Call(name="and", op=True, args=tuple(p for _, p in parts))
        return Filter(**stage, inputs=(node,), predicate=Bound(both, parsed))


def iso(us: int) -> str:
    import datetime as dt

    return (dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=us)).isoformat() + "Z"
