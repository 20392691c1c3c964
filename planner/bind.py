"""Names and types: parsed stages to a bound plan, left to right. Collects every fault before it raises BindError."""

from __future__ import annotations

import re
import sys
import threading
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from . import ast
from .args import Args
from .bind_expr import STRICT_CODE, BindStop
from .bind_params import Arguments, Scope
from .bind_procedures import ProcedureBinder, behind_calls, covered_by
from .catalog import AggregateFunction, Function, Note
from .combine import Given
from .expr import Expr, Late, Literal, is_late
from .literals import array_literal, literal_of
from .opening import limited, streamed
from .parsed import Parsed, Query
from .plan import Here, Node, Opening, Pending, Rename, Sample, Settle
from .procedures import Library, Procedure
from .records import dataclass
from .text import Fault, QueryError, Span, error
from .types import ANY, Schema, Type
from .unparse import stage_text

OPEN = Schema(open=True)
FRAMES = 3000  # of Python's calls: room for subqueries that nest 150 deep; what is deeper is refused


class Waits(Exception):
    """The columns of a stage's subquery are known only when that has run: the stage is bound then."""

    def __init__(self, node: Node, nth: int) -> None:
        super().__init__()
        self.node, self.nth = node, nth


@dataclass(slots=True)
class Setting:
    """The `setq` stages of one pipeline while it is bound.

    `givers`: those whose subqueries are to run, up to the first that leaves types open (`is_unsure`), with the names
    under which `Late` expressions ask for their fields.
    """

    ran: dict[str, Schema] = field(default_factory=dict)
    givers: list[tuple[Parsed, Node, tuple[tuple[str, str], ...]]] = field(default_factory=list)
    is_unsure: bool = False


class Commands:
    """What the binder needs of the language: commands, functions and aggregates by name."""

    commands: Mapping[str, Any]
    functions: Mapping[str, Function]
    aggregates: Mapping[str, AggregateFunction]
    later_functions: Mapping[str, int]
    later_aggregates: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class BoundQuery:
    """A query whose names and types are checked."""

    plan: Node
    controls: tuple[Parsed, ...]
    notes: tuple[Note, ...]
    settings: Mapping[str, Any]
    now_us: int  # what now() gives, wherever it stands and whenever the query runs
    explain: str = ""
    header: str = ""  # as written; empty where there is none


class Binder(ProcedureBinder):
    """One bind of one query. Subqueries share it."""

    def __init__(
        self,
        library: Library,
        commands: Any,
        services: Any,
        *,
        params: Mapping[str, Literal],
        settings: dict[str, Any],
        now_us: int,
        evaluate: Callable[[Expr, Binder], tuple[Any, bool]],
        parse_time: Callable[[str, str], int | None],
        check_setting: Callable[[str, Any], Any],
        given: Arguments | None = None,
    ) -> None:
        """`given`: values of the parameters that the query's header declares; `params`: of those that nothing declares."""
        unit = library.root()
        assert unit.main is not None
        self.query: Query = unit.main.body.query
        self.commands, self.services = commands, services
        self.scope = Scope(library, unit, ((unit.main.key, unit.main.name),))
        self._given = given
        self.params: dict[str, Expr] = dict(params)  # literals, and expressions over what `setq` gives
        self.settings, self.now_us = settings, now_us
        self._evaluate, self._parse_time, self._check_setting = evaluate, parse_time, check_setting
        self.faults: list[Fault] = list(self.query.faults)
        self.notes: list[Note] = []
        self.controls: list[Parsed] = []
        self.stage: Parsed = self.query.stages[0] if self.query.stages else _NOTHING
        self._unknown: set[str] = set()  # stages of unknown commands: nobody knows whether rows come from them
        self.asked = None
        self.forgiving = False
        self._sites = 0
        self._silent = 0
        self.must_know = False  # an unknown field is E301, strict or not
        self._setting = Setting()  # of the pipeline being bound
        self._known: dict[tuple[str, int], Node] = {}  # subqueries that have run: by stage and number
        self._again = threading.Lock()  # what waited may come to be known in two branches at once

    def finish(self) -> None:
        if self.faults:
            is_one_text = len(self.scope.library.sources.parts) == 1
            raise error("", sorted(self.faults, key=lambda f: (() if is_one_text else in_order(f.stage), f.span.start)))

    # pipelines

    def bind(self) -> BoundQuery:
        if sys.getrecursionlimit() < FRAMES:  # for the process, and never lowered: other threads may be deeper
            sys.setrecursionlimit(FRAMES)
        try:
            main = self.scope.unit.main
            assert main is not None
            if self._given is not None:
                self.main_params(self._given)
            self.query = self.named_params(self.query, {p.name: p for p in main.params})
            if main.body.is_stage:
                self._no_source(main)
            plan = self.pipeline(self.query.stages, top=True)
        except RecursionError:
            told = "brackets or procedures are nested too deeply"
            self.faults = [Fault(code="E201", message=told, span=Span(0, self.query.end))]
            plan = None
        self.warned(self.query.warnings)
        self.finish()
        assert plan is not None
        header = self.scope.unit.header
        written = "" if header.is_empty else self.text[: header.end].rstrip()
        return BoundQuery(
            plan, tuple(self.controls), tuple(self.notes), self.settings, self.now_us, self.query.explain, written
        )

    def warned(self, found: Sequence[Fault]) -> None:
        for w in found:
            if self.strict:
                self.faults.append(replace(w, code=STRICT_CODE.get(w.code, "E" + w.code[1:]), strict=True))
            else:
                self.notes.append(Note("warn", w.message, w.code, w.stage, "", w.span, w.hint))

    def _no_source(self, main: Procedure) -> None:
        first = self.query.stages[0]
        self.stage = first
        self.fail("E308", f"'{main.name or 'the query'}' is a stage: it needs rows, and no source stands before it",
                  first.command_span, hint=f"call it behind a source: table NAME | proc {main.name}(...)")  # fmt: skip
        self.finish()

    def pipeline(
        self, stages: Sequence[Parsed], *, top: bool = False, ran: Mapping[str, Schema] | None = None
    ) -> Node | None:
        """`ran`: columns of the `setq` subqueries that have run, by the number of their stage."""
        outer, setting, silent = dict(self.params), self._setting, self._silent
        self._setting = Setting(dict(ran or {}))
        self._silent += bool(ran)  # until the last of them: what stands before it was said
        control = self.set_all(stages)
        if top:
            self.controls += control
        node = self._rows(self.inlined([s for s in stages if not self.is_control(s)]), None)
        if node is None and not self.faults:
            self.stage = stages[-1] if stages else self.stage
            span = stages[-1].span if stages else Span(0, self.query.end)
            self.fail("E308", "the query has no source", span, hint="begin with table, json, textfile, csvfile, ...")
        own, self._setting, self._silent = self._setting, setting, silent
        if node is not None and own.givers:
            node = Given(
                span=node.span, stage=node.stage, inputs=(node, *(n for _, n, _ in own.givers)), implied=True,
                names=tuple(names for _, _, names in own.givers), setters=tuple(p for p, _, _ in own.givers),
                rest=self._typed_later(stages, own, outer) if own.is_unsure else None,
            )  # fmt: skip
        if not top:
            self.params = outer
        return node

    def _typed_later(
        self, stages: Sequence[Parsed], own: Setting, params: Mapping[str, Expr]
    ) -> Callable[[Mapping[str, Type]], tuple[Node, Any]]:
        """Binds the pipeline again when its subqueries up to the first whose types are unknown have run."""
        scope, outer = self.scope, self.stage

        def rest(types: Mapping[str, Type]) -> tuple[Node, Any]:
            ran = dict(own.ran)
            for stage, _, names in own.givers:
                ran[stage.number] = Schema(tuple((name, types[key]) for name, key in names))
            with self._again:
                self.faults, self.notes, self.params, self.scope, self.stage = [], [], dict(params), scope, outer
                node = self.pipeline(stages, ran=ran)
                self.finish()
                assert node is not None
                return node, tuple(self.notes)

        return rest

    def set_all(self, stages: Sequence[Parsed]) -> list[Parsed]:
        """Runs what sets parameters; gives those stages."""
        control = [s for s in stages if self.is_control(s)]
        for stage in control:
            self.stage = stage
            self._guarded(stage, None)
        return control

    def is_control(self, stage: Parsed) -> bool:
        found = self.commands.commands.get(stage.command)
        return found is not None and found.control

    def _rows(self, stages: Sequence[Parsed], node: Node | None) -> Node | None:
        for i, stage in enumerate(stages):
            self.stage = stage
            if isinstance(node, Opening) and not node.is_settled:
                at = behind_calls(stages, i)
                moved = limited(self, node, stages[at]) if at < len(stages) else None
                if moved is not None and at == i:
                    node = moved
                    continue
                if moved is not None:
                    return self._rows([*stages[i:at], *stages[at + 1 :]], moved)
                closed = streamed(self, node, stages[i:])
                if closed is None:
                    return self._pending(_waiting_for(node), stages[i:], node)
                self.stage, node = stage, closed
            if node is not None and node.schema.open and stage.known:
                return self._pending(node, stages[i:])
            try:
                node = self._stage(stage, node)
            except Waits as waits:
                return self._waiting(waits, node, stages[i:])
        if isinstance(node, Opening) and not node.is_settled:
            return self._pending(_waiting_for(node), (), node)
        return node

    def on_trial(self, stage: Parsed, before: Node) -> Node:
        self.stage = stage
        return self._stage(stage, before)

    def keep(self) -> tuple[Any, ...]:
        """What binding leaves behind, to be put back after a trial."""
        kept = list(self.faults), list(self.notes), self.stage, self._sites, set(self._unknown)
        self._silent += 1
        return kept

    def put_back(self, kept: tuple[Any, ...]) -> None:
        self.faults, self.notes, self.stage, self._sites, self._unknown = kept
        self._silent -= 1

    def _stage(self, stage: Parsed, before: Node | None) -> Node:
        if not stage.known:
            self._unknown.add(stage.number)
            for part in stage.all("subquery"):
                self.subquery(part)
            return Here(span=stage.span, stage=stage.number, columns=OPEN)
        if stage.frame is None:
            return self._bound(stage, before)
        with self.inside(stage.frame):
            return self._bound(stage, before)

    def _bound(self, stage: Parsed, before: Node | None) -> Node:
        command = self.commands.commands[stage.command]
        if command.anywhere:  # the end of a call: its stages stand before it
            return self._guarded(stage, before)
        if before is None and not command.source:
            self.fail("E308", f"'{stage.command}' needs rows, and no source stands before it", stage.command_span,
                      hint="begin with table, json, textfile, csvfile, ...")  # fmt: skip
        elif before is not None and command.source and before.stage not in self._unknown:
            self.fail("E308", f"'{stage.command}' is a source: it begins a query", stage.command_span,
                      hint="`fields` keeps columns, `union [ table NAME ]` adds rows" if stage.command == "table" else "")  # fmt: skip
            return before
        return self._guarded(stage, before or (None if command.source else Here(columns=OPEN)))

    def _guarded(self, stage: Parsed, before: Node | None) -> Node:
        command = self.commands.commands[stage.command]
        try:
            args = Args(self, stage, command, before)
            node: Node = args.completed(command.bind(args, before))
            args.check_options()
            return node if before is not None else composed(node)
        except BindStop:
            return Here(span=stage.span, stage=stage.number, columns=OPEN)
        except QueryError as found:
            if found.text:
                raise
            named = next((stage.place(p) for p in ("path", "tables", "table") if stage.one(p) is not None), stage.span)
            where = named if found.code.startswith("E6") or found.code == "E705" else stage.span
            for f in found.faults:
                placed = replace(f, stage=stage.number, command=stage.command, span=_span_or(f.span, where))
                self.faults.append(placed)
            return Here(span=stage.span, stage=stage.number, columns=OPEN)

    def _pending(self, node: Node, stages: Sequence[Parsed], opens: Opening | None = None) -> Node:
        """The columns here depend on data: check what can be checked now, bind again when they are known."""
        self._silent += 1
        provisional: Node | None = Here(columns=OPEN if opens is None else opens.schema, stage=node.stage)
        for stage in stages:
            self.stage = stage
            try:
                provisional = self._stage(stage, provisional)
            except Waits:
                provisional = Here(columns=OPEN, stage=stage.number)
        self._silent -= 1
        assert provisional is not None

        def begin(here: Here, found: Schema) -> tuple[Sequence[Parsed], Node | None]:
            if opens is None:
                return stages, here
            self.forgiving = self.forgiving or opens.schema.open
            self._say(found, opens)
            if isinstance(node, Sample):
                return stages, opens.closed(found)
            return stages, replace(opens, inputs=(here,)).closed(found, settled=True)

        return self._later(node, stages, begin, provisional=provisional)

    def _say(self, found: Schema, opens: Opening) -> None:
        """What the rows tell of the fields that were found in them."""
        assert opens.written is not None
        self.stage = opens.written
        for reason, count, hint in getattr(found, "mixes", ()):
            if self.strict:
                self.fail("E504", reason, opens.written.command_span, strict=True, hint=hint)
            else:
                self.note("mixed", reason, opens.written.command_span, hint=hint, count=count)

    def _waiting(self, waits: Waits, before: Node | None, stages: Sequence[Parsed]) -> Node:
        """The columns of a subquery depend on data: its stage and those behind it are bound when it has run."""
        key = (stages[0].number, waits.nth)

        def begin(here: Here, found: Schema) -> tuple[Sequence[Parsed], Node | None]:
            self._known[key] = here
            return stages, before

        self._silent += 1
        self._known[key] = Here(columns=OPEN, stage=waits.node.stage)
        self.stage = stages[0]
        provisional: Node | None = self._rows(stages, before)  # what can be checked now is
        del self._known[key]
        self._silent -= 1
        assert provisional is not None
        return self._later(waits.node, stages, begin, provisional, beside=before)

    def _later(
        self, node: Node, stages: Sequence[Parsed],
        begin: Callable[[Here, Schema], tuple[Sequence[Parsed], Node | None]], provisional: Node, beside: Node | None = None,
    ) -> Pending:  # fmt: skip
        params, scope = dict(self.params), self.scope

        def rest(schema: Schema, slot: int, found: Schema) -> tuple[Node, tuple[Note, ...]]:
            with self._again:
                self.faults, self.notes, self.params, self.scope = [], [], dict(params), scope
                bound = self._rows(*begin(Here(columns=schema, slot=slot), found))
                self.finish()
                assert bound is not None
                return _ended(bound), tuple(self.notes)

        if not stages:
            return Pending(span=node.span, stage=node.stage, inputs=(node,), rest=rest, implied=True)
        first = stages[0]
        body = " | ".join(stage_text(s) for s in stages if not s.calls)  # a call stands for the stages of its procedure
        return Pending(
            span=first.span, stage=first.number, inputs=(node,), rest=rest, body=body, beside=beside,
            covers=covered_by(first), names=_by_name(provisional),
        )  # fmt: skip

    def subquery(self, stages: Sequence[Parsed], nth: int | None = None) -> Node:
        """Its plan. `nth` of the stage's, for a stage that needs to know its columns."""
        outer = self.stage
        known = self._known.get((outer.number, nth)) if nth is not None else None
        if known is not None:
            return known
        node = self.pipeline(stages)
        self.stage = outer
        if nth is not None and node is not None and node.schema.open and not self.faults:
            raise Waits(node, nth)
        return node or Here(columns=OPEN)

    def set_late(self, stage: Parsed, subquery: Callable[[], Node]) -> None:
        """`setq`: the fields of the subquery's first row become parameters, whose values are known when it has run.

        Where only the data says of which types they are, what follows is checked now as far as that goes, and bound
        again with the types.
        """
        own = self._setting
        schema = own.ran.get(stage.number)
        if schema is not None:
            self._silent -= stage.number == next(reversed(own.ran))
            self.params |= {name: Late(type=kind, name=_key(stage, name)) for name, kind in schema.fields}
            return
        node = subquery()
        schema = _by_name(node)
        if schema is None:
            self.fail("E410", "only the data says which parameters this gives", stage.command_span,
                      hint="name them at the end of the subquery: | fields a, b")  # fmt: skip
            return
        names = tuple((name, _key(stage, name)) for name in schema.names())
        self.params |= {name: Late(type=kind, name=_key(stage, name)) for name, kind in schema.fields}
        if own.is_unsure:
            return
        own.givers.append((stage, node, names))
        if node.schema.open:
            own.is_unsure = True
            self._silent += 1

    # settings and parameters

    def set_param(self, name: str, value: ast.Expr, span: Span) -> None:
        """`set NAME = E`: the value is known now; `option.NAME` is a setting of the engine."""
        before = len(self.faults)
        expr = self.typed(value, Schema())
        if len(self.faults) > before:
            self.params[name] = Literal(type=ANY, value=None)
            return
        if is_late(expr):
            if name.startswith("option."):
                self.fail("E410", "a value that a subquery gives cannot be a setting", value.span)
            self.params[name] = expr
            return
        literal = self.constant(expr)
        if not name.startswith("option."):
            self.params[name] = literal
            return
        try:
            self.settings[name[7:]] = self._check_setting(name[7:], literal.value)
        except QueryError as found:
            hint = found.hint
            if literal.value is None and not isinstance(value, ast.Constant):
                hint = f"{hint}; text stands in quotes"
            at = span if found.message.startswith("no setting") else value.span
            self.fail(found.code, found.message, at, hint=hint, suggestions=found.suggestions)

    def parse_time(self, text: str, zone: str = "") -> int | None:
        return self._parse_time(text, zone or self.zone)


def _key(stage: Parsed, name: str) -> str:
    return f"{stage.number}:{name}"


def _by_name(node: Node) -> Schema | None:
    """The columns of a subquery, of type any where only the data has the type; None: nobody knows their names."""
    if not node.schema.open:
        return node.schema
    if isinstance(node, Given):
        return _by_name(node.inputs[0])
    return node.names if isinstance(node, Pending) else None


def composed(source: Node) -> Node:
    """Names of a source in NFC, as the names of a query are: a file from another system may have them in parts."""
    names = source.schema.names()
    apart = {n: made for n in names if (made := unicodedata.normalize("NFC", n)) != n and made not in names}
    pairs = {made: n for n, made in apart.items()}  # of two that become one, the last
    if not pairs:
        return source
    return Rename(
        span=source.span, stage=source.stage, inputs=(source,), implied=True,
        pairs=tuple((n, made) for made, n in pairs.items()),
    )  # fmt: skip


def in_order(stage: str) -> tuple[tuple[int, str], ...]:
    """Stages as they run: `2` before `10`, `3.1` before `3b.1`; what is of no stage comes first."""
    parts = [re.match(r"(\d*)(.*)", part) for part in stage.split(".")]
    return tuple((int(m[1] or 0), m[2]) for m in parts if m is not None)


_NOTHING = Parsed("1", "", Span(0, 0), (), (), Span(0, 0))


def _ended(plan: Node) -> Node:
    """A plan whose last stage has columns that only the data knows ends with what waits for them."""
    if not plan.schema.open or isinstance(plan, Pending):
        return plan
    return Pending(
        inputs=(plan,), rest=lambda rows, slot, found: (Here(columns=rows, slot=slot), ()), implied=True,
        span=plan.span, stage=plan.stage,
    )  # fmt: skip


def _waiting_for(opens: Opening) -> Settle:
    """What must run before the stage can: its first rows, if they can be read again, else all of them are held."""
    again = opens.by_sample and all(n.repeats() for n in opens.inputs[0].walk())
    kind = Sample if again else Settle
    return kind(span=opens.span, stage=opens.stage, written=opens.written, inputs=opens.inputs, opens=opens)


def _span_or(span: Span, other: Span) -> Span:
    return span if span.end > span.start else other


__all__ = ["Args", "Arguments", "BindStop", "Binder", "BoundQuery", "array_literal", "literal_of"]
