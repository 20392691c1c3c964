"""Procedures in a plan: a call is bound by binding the stages of its procedure in its place, with parameters of its own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, NoReturn, cast

from . import ast
from .args import Args
from .bind_expr import BindStop
from .bind_params import Frame, ParameterBinder
from .expr import Expr
from .parsed import Parsed, Query
from .plan import Node, Procedure
from .procedures import Procedure as Called
from .procedures import numbered
from .stages import RawOption
from .text import Fault, QueryError, Span, nearest

GROUPS = frozenset({"serial", "parallel"})  # whose stages are put in place, too
CALL = "proc"  # the command whose stages are put in place


def covered_by(stage: Parsed) -> str:
    """How the numbers begin of the stages that the text of a call stands for, where a stage is one of them or their end."""
    outermost = stage.calls[0] if stage.calls else stage.number if stage.command == CALL else ""
    return outermost and f"{outermost}."


def behind_calls(stages: Sequence[Parsed], i: int) -> int:
    """The first stage from i on that is no end of a call."""
    while i < len(stages) and stages[i].command == CALL and stages[i].known:
        i += 1
    return i


class ProcedureBinder(ParameterBinder):
    """The part of a binder that knows procedures."""

    def inlined(self, stages: Sequence[Parsed], has_rows: bool = False) -> list[Parsed]:
        """The stages with those of procedures in front of the calls, which stay as the end of what they stand for.

        Nothing of a call depends on the rows, so its stages can be bound, tried and put off as any others.
        """
        out: list[Parsed] = []
        is_known = True  # whether rows come to the stage
        for stage in stages:
            if stage.command in GROUPS and stage.known:
                out += self._grouped(stage, has_rows or bool(out))
                if not out:
                    continue
            elif stage.command != CALL or not stage.known:
                out.append(stage)
            else:
                self.stage = stage
                try:
                    out += self._inlined(stage, stage.one("procedure"), has_rows or bool(out), is_known)
                except BindStop:
                    out.append(replace(stage, known=False))
            is_known = is_known and out[-1].known
        return out

    def _grouped(self, stage: Parsed, has_rows: bool) -> list[Parsed]:
        """The stages of `serial` or `parallel`, which say how they might run and never what comes out."""
        self.stage = stage
        with suppress(BindStop):
            Args(cast(Any, self), stage, self.commands.commands[stage.command], None).check_options()
        rows: list[Parsed] = []
        for inner in stage.one("subquery"):
            if self.is_control(inner):
                self.stage = inner
                self.fail("E201", f"'{inner.command}' stands before '{stage.command}', not in it", inner.command_span)
            else:
                rows.append(inner)
        return self.inlined(rows, has_rows)

    def _inlined(self, stage: Parsed, call: ast.Call, has_rows: bool, is_known: bool) -> list[Parsed]:
        called = self._called(call)
        if called.body.is_stage and not has_rows:
            self._stop("E308", f"'{call.name}' is a stage: it needs rows, and no source stands before it", self._name_of(call),
                       hint="its body begins with a pipe")  # fmt: skip
        if not called.body.is_stage and has_rows and is_known:
            self._stop("E308", f"'{call.name}' is a source: it begins a query", self._name_of(call),
                       hint="a procedure whose body begins with a pipe is a stage")  # fmt: skip
        params = self._call_values(called, call)
        outer = self.scope.outer | frozenset(self.params)
        calls = (*self.scope.calls, (called.key, called.name))
        frame = Frame(params, replace(self.scope, unit=called.unit, calls=calls, outer=outer))
        with self.inside(frame):
            query = self.named_params(
                numbered(called.body.query, f"{stage.number}."), {p.name: p for p in called.params}
            )
            self.faults += [f for f in query.faults if f not in self.faults]
            self.warned(query.warnings)
            self.set_all(query.stages)
            rows = [s for s in query.stages if not self.is_control(s)]
            if query.explain:
                rows = [self._explained(query, rows, has_rows)]
            elif not rows and not has_rows:
                self.fail("E308", "the query has no source", query.stages[-1].span,
                          hint="begin with table, json, textfile, csvfile, ...")  # fmt: skip
                raise BindStop
            inner = self.inlined(rows, has_rows)
        return [*(self._framed(s, frame, stage.number) for s in inner), stage]

    def end_of_call(self, args: Args, rows: Node) -> Procedure:
        """The call itself, behind the stages that it stands for."""
        if rows.stage in self._unknown:  # nobody knows whether rows come from here
            self._unknown.add(args.stage)
        return Procedure(**args.common, inputs=(rows,))

    @staticmethod
    def _framed(stage: Parsed, frame: Frame, call: str) -> Parsed:
        return replace(stage, frame=stage.frame or frame, calls=(call, *stage.calls))

    def _explained(self, query: Query, rows: Sequence[Parsed], has_rows: bool) -> Parsed:
        """A file that begins with `explain`, as the stage that explains a subquery."""
        first = query.stages[0]
        if has_rows:
            self.stage = first
            self._stop("E308", "'explain' is a source: it begins a query", first.span)
        analyze = (RawOption("analyze", "t", first.span, first.span),) if query.explain == "analyze" else ()
        return Parsed(first.number, "explain", first.command_span, analyze, (("subquery", tuple(rows)),), first.span)

    def _stop(self, code: str, message: str, span: Span, **more: Any) -> NoReturn:
        self.fail(code, message, span, **more)
        raise BindStop

    def _name_of(self, call: ast.Call) -> Span:
        return Span(call.span.start, call.span.start + len(ast.quote_name(call.name)))

    def _called(self, call: ast.Call) -> Called:
        library, unit = self.scope.library, self.scope.unit
        at = self._name_of(call)
        try:
            found = library.resolve(call.name, unit)
        except QueryError as why:
            if why.text:
                raise
            for f in why.faults:
                self.fail(f.code, f.message, at, hint=f.hint, suggestions=f.suggestions)
            raise BindStop from None
        if found is None:
            known = library.known(unit)
            self._stop("E304", f"no procedure is named '{call.name}'", at, suggestions=nearest(call.name, known, 1),
                       hint=library.files.where(unit.folder))  # fmt: skip
        keys = [k for k, _ in self.scope.calls]
        if found.key in keys:
            names = [n for _, n in self.scope.calls[keys.index(found.key) :]]
            told = " -> ".join([*names, call.name])
            self._stop("E412", f"a procedure calls itself: {told}", at)
        return found

    def _call_values(self, called: Called, call: ast.Call) -> dict[str, Expr]:
        """Values of all parameters of a call, each by its type. Faults stand at the argument."""
        by_name: dict[str, ast.Expr] = {}
        names = [p.name for p in called.params]
        takes = f"it takes {called.signature}" if called.params else "it takes none"
        failed = False
        for i, value in enumerate(call.args):
            if i < len(names):
                by_name[names[i]] = value
                continue
            self.fail("E410", f"{call.name} takes {len(names)} argument{'s' if len(names) != 1 else ''}, not {len(call.args)}",
                      value.span, hint=takes)  # fmt: skip
            failed = True
            break
        for name, value in call.named:
            if name not in names:
                self.fail("E410", f"{call.name} has no parameter '{name}'", self._word_before(value.span, name),
                          suggestions=nearest(name, names, 1), hint=takes)  # fmt: skip
                failed = True
            elif name in by_name:
                self.fail("E410", f"parameter '{name}' is given twice", self._word_before(value.span, name))
                failed = True
            else:
                by_name[name] = value
        out: dict[str, Expr] = {}
        given: dict[str, Expr] = {}
        for p in called.params:
            if p.name in by_name:
                try:
                    given[p.name] = self._argument(p, by_name[p.name], call)
                except BindStop:
                    failed = True
            elif p.default is None:
                self.fail(
                    "E410", f"{call.name} needs its parameter '{p.name}' ({p.type})", self._name_of(call), hint=takes
                )
                failed = True
        if failed:
            raise BindStop
        with self.inside(Frame({}, replace(self.scope, unit=called.unit))):
            for p in called.params:
                out[p.name] = given[p.name] if p.name in given else self._default(p)
                self.params = dict(out)
        return out

    def _word_before(self, value: Span, name: str) -> Span:
        """Where the name of an argument stands: in front of its value."""
        begin = self.text.rfind(name, 0, value.start)
        return Span(begin, begin + len(name)) if begin >= 0 else value

    # of the binder itself

    def warned(self, found: Sequence[Fault]) -> None:
        """What parsing warned of becomes notes, under strict faults."""
        raise NotImplementedError

    def set_all(self, stages: Sequence[Parsed]) -> list[Parsed]:
        raise NotImplementedError
