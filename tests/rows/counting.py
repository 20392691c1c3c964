"""How many tests each row of the language has, by kind."""

from __future__ import annotations

import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cortado.commands.base import Example, load
from cortado.commands.language import language
from cortado.planner.bind import Binder
from cortado.planner.parse import parse
from cortado.planner.parsed import Parsed
from cortado.planner.text import Fault, QueryError, Span
from tests.running import prepared
from tests.specfile import Case, read_specs
from tests.tabletext import parse_table
from tests.worlds import WORLDS

from .reading import Use, dry_stages, has_null, null_fields, subqueries, uses

KINDS = ("plain", "null", "empty", "type", "option", "field", "constant", "property")
TESTS = Path(__file__).parents[1]
LANGUAGE = Path(__file__).with_name("language.txt")
COMMAND_FAULTS = {
    "E310": "option", "E311": "option", "E301": "field", "W301": "field", "E306": "constant", "E307": "constant", "E320": "type",
    "E330": "type", "E340": "type", "E504": "type", "E603": "type", "W320": "type", "W321": "type",
}  # fmt: skip
CALL_FAULTS = {
    "E306": "constant",
    "E307": "constant",
    "E311": "constant",
    "E320": "type",
    "E330": "type",
    "W320": "type",
}
NUMBERS = {"long": "number", "double": "number", "int": "number"}
PERCENTILE = re.compile(r"p\d+\Z")


@dataclass(frozen=True)
class Row:
    """A row of the language: its names, and the kinds of test that cannot be for it."""

    kind: str
    tier: int
    names: tuple[str, ...]
    without: frozenset[str]

    @property
    def name(self) -> str:
        return self.names[0]

    def wanted(self) -> list[str]:
        """The kinds that it must have."""
        kinds = ["plain", "null", "empty", "type"] + (["option", "field"] if self.kind == "command" else [])
        return [k for k in kinds if k not in self.without]


def rows() -> list[Row]:
    out = []
    for line in LANGUAGE.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("# "):
            continue
        kind, tier, *words = line.split()
        without = frozenset(w[1:] for w in words if re.fullmatch(r"-[a-z]+", w))
        names = tuple(w for w in words if w not in ("=",) and not re.fullmatch(r"-[a-z]+", w))
        out.append(Row(kind, int(tier), names, without))
    return out


Key = tuple[str, str]  # kind of row, name


@dataclass
class Tally:
    """Tests by row and kind; and the types that each function was called with, place by place."""

    counts: dict[Key, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    types: dict[Key, list[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(list))
    unread: list[str] = field(default_factory=list)  # queries that do not parse

    def add(self, key: Key, kind: str) -> None:
        self.counts[key][kind] += 1

    def of(self, row: Row) -> Counter[str]:
        total: Counter[str] = Counter()
        for name in row.names:
            total += self.counts[(row.kind, name)]
        calls = [t for name in row.names for t in self.types[(row.kind, name)]]
        total["type"] += _unusual(calls)
        return total


def _unusual(calls: list[tuple[str, ...]]) -> int:
    """Calls with an argument of another type than most calls have in that place."""
    usual: dict[int, Counter[str]] = defaultdict(Counter)
    for call in calls:
        for i, kind in enumerate(call):
            if kind not in ("null", "any"):
                usual[i][kind] += 1
    most = {i: found.most_common(1)[0][0] for i, found in usual.items()}
    return sum(any(kind not in ("null", "any", most.get(i)) for i, kind in enumerate(call)) for call in calls)


# the tests


def cases() -> Iterator[Case]:
    for path in [*sorted(TESTS.rglob("*.spec")), *sorted(TESTS.rglob("*.err"))]:
        yield from read_specs(path)
    for command in load().commands.values():
        for i, example in enumerate(command.examples):
            yield of_example(command.name, i, example)


def of_example(name: str, number: int, example: Example) -> Case:
    givens = [
        (key.rpartition(":")[0] or "table", key.rpartition(":")[2], text.removesuffix("\n"))
        for key, text in example.given.items()
    ]
    return Case(f"{name}-{number}", 0, givens, {}, {}, example.query, expect=example.expect)


def calls() -> Iterator[tuple[Key, str]]:
    """Examples of functions and aggregates, as expressions."""
    registry = load()
    for name, f in registry.functions.items():
        for expression, _ in f.examples:
            yield ("function", name), f'json "{{}}" | eval got = {expression}'
    for name, a in registry.aggregates.items():
        for expression, _ in a.examples:
            command = "timechart" if a.span_only else "window" if a.window_only else "stats"
            yield ("aggregate", name), f"table t | {command} {expression} as got"


def drawn(n: int = 400) -> list[str]:
    """Pipelines as the property tests draw them."""
    from hypothesis import Phase, given, settings

    from tests.property.made import pipelines

    found: list[str] = []

    @settings(max_examples=n, database=None, derandomize=True, deadline=None, phases=[Phase.generate])
    @given(pipelines(most=7))
    def collect(query: str) -> None:
        found.append(query)

    collect()
    return found


# what a test is of


def count() -> Tally:
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        for i, case in enumerate(cases()):
            inside = Path(folder) / str(i)
            inside.mkdir()
            _count_case(tally, case, inside)
    for key, query in calls():
        used = _parsed(tally, query)
        tally.add(key, "plain")
        for use in uses(used):
            if (use.kind, use.name) == key and has_null(use.parts, set()):
                tally.add(key, "null")
    for query in drawn():
        for key in {(u.kind, u.name) for u in uses(_parsed(tally, query))}:
            tally.add(key, "property")
    return tally


def _parsed(tally: Tally, query: str) -> tuple[Parsed, ...]:
    try:
        return parse(query, language()).stages
    except QueryError:
        tally.unread.append(query)
        return ()


def _count_case(tally: Tally, case: Case, folder: Path) -> None:
    try:
        parsed = parse(case.query, language())
    except QueryError as found:
        for fault in found.faults:
            _blame(tally, fault, [])
        return
    used = list(uses(parsed.stages))
    try:
        with prepared(case, WORLDS["plain"], folder) as (session, tables), observed(tally) as warned:
            session.query(case.query, sources=tables, params=case.params)
    except QueryError as found:
        for fault in found.faults:
            _blame(tally, fault, used)
        return
    for fault in warned:
        _blame(tally, fault, used)
    if case.error is not None:  # while it runs: of the data
        return
    _count_uses(tally, case, parsed.stages, used)


def _blame(tally: Tally, fault: Fault, used: list[Use]) -> None:
    """Counts a fault for its command, and for the innermost call that it points into."""
    if fault.command and fault.code in COMMAND_FAULTS:
        tally.add(("command", fault.command), COMMAND_FAULTS[fault.code])
    inner = [u for u in used if u.kind != "command" and _holds(u.span, fault.span)]
    if inner and fault.code in CALL_FAULTS:
        use = min(inner, key=lambda u: u.span.end - u.span.start)
        tally.add((use.kind, use.name), CALL_FAULTS[fault.code])


def _holds(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _count_uses(tally: Tally, case: Case, stages: tuple[Parsed, ...], used: list[Use]) -> None:
    tables = {
        n: parse_table(text)
        for kind, n, text in case.givens
        if kind in ("table", "stored", "parquet", "arrow", "arrows")
    }
    named = {w for w in re.findall(r"[\w./-]+", case.query)}
    nulls = {c for n, t in tables.items() if n in named for c in t.column_names if t[c].null_count}
    nullish = null_fields(stages, nulls)
    empty = {n for kind, n, text in case.givens if _is_empty(kind, text)}
    dry = dry_stages(stages, empty)
    expected = case.expect or ""
    seen: set[tuple[Key, str]] = set()
    for use in used:
        key = (use.kind, use.name)
        if use.stage in dry:
            seen.add((key, "empty"))
        else:
            seen.add((key, "plain"))
        if use.kind == "command":
            if nullish or re.search(r"(^|\s)null(\s|$)", expected):
                seen.add((key, "null"))
            if any(
                re.match(rf"{re.escape(use.stage)} (reject (type|number|date)|mixed) ?", n) for n in case.notes or ()
            ):
                seen.add((key, "type"))
        elif has_null(use.parts, nullish) or (not use.parts and use.kind == "aggregate" and nullish):
            seen.add((key, "null"))
    for key, kind in seen:
        tally.add(key, kind)


def _is_empty(kind: str, text: str) -> bool:
    if kind in ("table", "stored", "parquet", "arrow", "arrows"):
        return parse_table(text).num_rows == 0
    return not text.removesuffix("\\c").strip()


@contextmanager
def observed(tally: Tally) -> Iterator[list[Fault]]:
    """Notes the types of the arguments of every call that is bound; gives the warnings."""
    apply, aggregate, warn = Binder.apply, Binder._aggregate, Binder.warn
    warned: list[Fault] = []

    def seen_warn(self: Any, code: str, message: str, span: Any = None, *more: Any, **named: Any) -> Any:
        if span is not None:
            command = self.stage.command if self.stage is not None else ""
            warned.append(Fault(code=code, message=message, span=span, command=command))
        return warn(self, code, message, span, *more, **named)

    def seen_apply(self: Any, name: str, args: Any, *more: Any, **named: Any) -> Any:
        tally.types[("function", name)].append(tuple(_kind(a.type.kind) for a in args))
        return apply(self, name, args, *more, **named)

    def seen_aggregate(self: Any, e: Any, *more: Any, **named: Any) -> Any:
        made: Any = aggregate(self, e, *more, **named)
        if made is not None:
            tally.types[("aggregate", e.name)].append(tuple(_kind(a.type.kind) for a in made.args))
        return made

    Binder.apply, Binder._aggregate, Binder.warn = seen_apply, seen_aggregate, seen_warn  # type: ignore[method-assign]
    try:
        yield warned
    finally:
        Binder.apply, Binder._aggregate, Binder.warn = apply, aggregate, warn  # type: ignore[method-assign]


def _kind(kind: str) -> str:
    return NUMBERS.get(kind, kind)


def gaps(tally: Tally) -> list[str]:
    """Rows of tier 1 that are absent, and kinds of test that a row lacks: `command sort type`."""
    registry = load()
    have: dict[str, Mapping[str, Any]] = {
        "command": registry.commands,
        "function": registry.functions,
        "aggregate": registry.aggregates,
    }
    out = []
    for row in rows():
        if row.tier > 1 and row.name not in have[row.kind]:
            continue
        if row.name not in have[row.kind] and row.name != "#":
            out.append(f"{row.kind} {row.name} absent")
            continue
        found = tally.of(row)
        out += [f"{row.kind} {row.name} {kind}" for kind in row.wanted() if not found[kind]]
    return out


__all__ = ["KINDS", "Row", "Tally", "count", "gaps", "rows", "subqueries"]
