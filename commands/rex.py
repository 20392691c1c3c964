"""`rex field=F "RE"`: named groups of the first match become fields."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import replace
from typing import Any

from ..engine.notes import At
from ..engine.regex import Pattern, PatternError, compile_re2
from ..engine.regexpython import compile_python, names_of
from ..planner.plan import Filter, Names, Scan
from ..planner.records import dataclass
from ..planner.text import Span
from ..planner.types import STRING, Schema, array_of
from .base import Args, Command, Example, Node, Option, kinds, lowers, register
from .textparse import ERRORS, errors_field

ENGINES = ("auto", "re2", "python", "java", "pcre")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rex(Node):
    field: str
    pattern: str
    targets: tuple[tuple[int, str], ...]  # group number, field
    engine: str = "auto"
    max: int | None = None
    errors: str = ""
    machine: Any = dataclasses.field(
        default=None, compare=False, repr=False
    )  # Pattern of RE2, or the text for Python's
    command = "rex"

    def derive(self) -> Schema:
        schema = self.inputs[0].schema
        for _, name in self.targets:
            schema = schema.put(name, STRING if self.max is None else array_of(STRING))
        return schema.put(self.errors, STRING) if self.errors else schema

    def needs(self, wanted: Names) -> Names:
        """A field that was there before keeps its value where nothing matches, so it is needed too."""
        old = frozenset(self.inputs[0].schema.names())
        return (wanted - {self.errors} & old) | ({self.field} & old)

    def makes(self) -> Names:
        return frozenset((self.errors, *(n for _, n in self.targets)))

    def prune(self, wanted: Names) -> Node:
        kept = tuple(t for t in self.targets if t[1] in wanted)
        return self if len(kept) == len(self.targets) else replace(self, targets=kept)

    def lets_filter_through(self, fields: Names) -> bool:
        return fields.isdisjoint(self.makes())

    def lets_limit_through(self) -> bool:
        return True

    def repeats(self) -> bool:
        return True

    def detail(self) -> str:
        regex = _tier(self)
        made = ", ".join(n for _, n in self.targets) or "nothing (only counts rows without a match)"
        return f"{self.field} -> {made} ({regex})"


@lowers(Rex)
@register
class RexCommand(Command[Rex]):
    name = "rex"
    summary = "Find a regular expression; its named groups become fields. Rows without a match pass unchanged and are counted."
    syntax = 'rex field=F [engine={auto,re2,python}] [max=N] [errors=F] "RE"'
    grammar = "pattern"
    options = (
        Option("field", kinds.FIELD, "the field to search in"),
        Option("engine", ENGINES, "auto: linear time unless the pattern needs look-around", default="auto"),
        ERRORS,
        Option("max", kinds.INT, "take so many matches of each group, as arrays", least=1),
    )
    details = r"""
    The pattern is searched for anywhere in the text; `^` and `$` tie it to the ends. Named groups, `(?<name>...)`
    or `(?P<name>...)`, become text fields (unnamed groups do not). The first match counts; `max=N` takes up to N
    matches and gives arrays. In either kind of quotes the pattern is raw: `\d` is written `\d`.

    A row without a match passes unchanged and is counted `reject` with its first samples; a group that took no part
    in the match writes nothing, so a field of that name keeps its value. `errors=F` adds a text field with the reason
    ("no match"), null where there is none; the row is counted all the same. A value that is no text is turned into
    text first. The other fields stay.

    Matching takes linear time. `explain` names the machine that is meant: the span kernel, for texts, classes, gaps,
    alternatives and optional parts (`^(?<ip>\S+) .* (?<n>\d+)$`); a text that every match holds, searched for before RE2 looks
    at those rows; or RE2 for all rows. What is found is the same. Small input, and what the kernel is not sure of, goes
    to RE2; `explain analyze` names what ran. A pattern with look-around or a back-reference runs in Python's engine
    instead, one row at a time, which is noted, and refused in safe mode (E705); `engine=re2` refuses it everywhere. What RE2
    refuses for another reason, as `a{2000}`, is E307, and runs with `engine=python` alone. `match` and its kin do the same. What both know means the same there: `\d`, `\w`, `\s`, `\b` and `[[:alpha:]]` are of ASCII,
    and `$` is the end of the text.
    """
    examples = (
        Example(
            title="the address and the size of an access log's lines",
            given={"t": 'line:string\n"10.0.0.1 GET / 512"\n"10.0.0.2 GET /x 80"'},
            query='table t | rex field=line "^(?<ip>\\S+).* (?<bytes>\\S+)$" | fields ip, bytes',
            expect="ip:string bytes:string\n10.0.0.1 512\n10.0.0.2 80",
        ),
        Example(
            title="a line without a match passes, with null",
            given={"t": "line:string\nuser=ann\n--"},
            query="table t | rex field=line 'user=(?<user>\\w+)'",
            expect="line:string user:string\nuser=ann ann\n-- null",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        if not args.given("field"):
            args.abort("E310", "rex needs field=", hint='rex field=line "..."')
        name, _ = args.field(args.option("field"), span=args.option_span("field"))
        text = args.one("pattern")
        machine = self._machine(args, text)
        names = machine.names if isinstance(machine, Pattern) else _python_names(machine)
        targets = tuple((i, n) for i, n in enumerate(names, 1) if n)
        if not targets:
            args.abort(
                "E307", "the pattern names no group", args.place("pattern"), hint="name what you want: (?<name>...)"
            )
        errors = errors_field(args)
        if errors in {n for _, n in targets}:
            args.fail("E350", f"two fields are named '{errors}'", args.option_span("errors"))
        return Rex(**args.common, errors=errors, inputs=(source,), field=name, pattern=text, targets=targets, engine=args.option("engine"),
                   max=args.option("max"), machine=machine)  # fmt: skip

    def _machine(self, args: Args, text: str) -> Pattern | str:
        """RE2's pattern, or the text for Python's machine: that of look-around and its like, or where it is asked for."""
        engine = args.option("engine")
        if engine == "python":
            return self._python(args, text, None)
        try:
            return compile_re2(text)
        except PatternError as why:
            refused = why
        if engine == "re2":
            args.abort("E307", f"RE2 refuses the pattern: {refused.message}", _at(args, refused))
        if not refused.beyond_re2:
            hint = "engine=python reads it" if not args.services.safe and _is_python(text) else ""
            args.abort("E307", f"the pattern cannot be read: {refused.message}", _at(args, refused), hint=hint)
        spelled = self._python(args, text, refused)
        args.note("info", "the pattern needs Python's regular expressions", args.place("pattern"),
                  hint=f"{refused.message}; this is slower and one row at a time")  # fmt: skip
        return spelled

    def _python(self, args: Args, text: str, refused: PatternError | None) -> str:
        """`refused`: why RE2 does not take it."""
        where = args.place("pattern") if refused is None else _at(args, refused)
        hint = "" if refused is None else refused.message
        if args.services.safe:
            args.abort("E705", "only linear-time regular expressions run in safe mode", where, hint=hint)
        try:
            return compile_python(text).pattern
        except re.error as why:
            args.abort("E307", f"the pattern cannot be read: {why.msg}", where, hint=hint)

    def lower(self, node: Rex) -> Any:
        from ..engine.operators.rex import RexTransform

        before = node.inputs[0].schema
        at = At(node.stage, "rex", node.span)
        numbers, names = [g for g, _ in node.targets], [n for _, n in node.targets]
        is_line = _is_line(node.inputs[0], node.field)
        return RexTransform(
            node.field, node.machine, numbers, names, before, node.schema, at, node.max, node.errors, is_line
        )


def _tier(node: Rex) -> str:
    """The machine that is meant to look for the pattern."""
    from ..engine.regextiers import PYTHON, RE2, tier_of

    if isinstance(node.machine, str):
        return PYTHON
    return tier_of(node.machine, [g for g, _ in node.targets]) if node.max is None else RE2


def _is_line(source: Node, field: str) -> bool:
    """Whether the field is a line of a text file as it stands there, so that it holds no newline."""
    while isinstance(source, Filter) or (isinstance(source, Rex) and field not in source.makes()):
        source = source.inputs[0]
    return field == "line" and isinstance(source, Scan) and getattr(source.relation, "has_single_lines", False)


def _at(args: Args, why: PatternError) -> Span:
    """The offending part inside the pattern, as far as no escaped quote stands before it."""
    whole = args.place("pattern")
    start = min(whole.start + 1 + why.offset, whole.end)
    return Span(start, min(max(start + why.length, start + 1), whole.end))


def _python_names(pattern: str) -> tuple[str, ...]:
    return names_of(re.compile(pattern))


def _is_python(pattern: str) -> bool:
    try:
        compile_python(pattern)
    except re.error:
        return False
    return True
