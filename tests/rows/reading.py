"""What a query uses, read by the language's own parser: commands, functions, aggregates, and where nulls can come from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cortado.commands.base import REGISTRY
from cortado.commands.language import language
from cortado.engine.sources.jsonlenient import BadJson, objects
from cortado.planner import ast
from cortado.planner.parsed import Parsed
from cortado.planner.text import Span


@dataclass(frozen=True)
class Use:
    """One command, function or aggregate in a query. `parts`: its arguments, or the parts of the stage."""

    kind: str
    name: str
    span: Span
    stage: str
    parts: tuple[Any, ...] = ()


def uses(stages: Iterable[Parsed]) -> Iterator[Use]:
    for stage in stages:
        yield Use("command", stage.command, stage.span, stage.number, stage.parts)
        for name, value in stage.parts:
            yield from _within(value, stage.number, keys=name.startswith("by"))


def subqueries(thing: Any) -> Iterator[tuple[Parsed, ...]]:
    """Pipelines in brackets, those within them too."""
    for part in thing if isinstance(thing, tuple | list) else ():
        if isinstance(part, tuple | list):
            if part and all(isinstance(p, Parsed) for p in part):
                yield tuple(part)
                for stage in part:
                    yield from subqueries(stage.parts)
            else:
                yield from subqueries(part)


def _within(thing: Any, stage: str, keys: bool = False) -> Iterator[Use]:
    if isinstance(thing, Parsed):
        yield from uses((thing,))
    elif isinstance(thing, ast.Item) and not keys:
        yield from _item(thing, stage)
    elif isinstance(thing, ast.Call):
        yield Use("function", thing.name, thing.span, stage, thing.args)
        yield from _within(thing.args, stage)
    elif isinstance(thing, tuple | list):
        for part in thing:
            yield from _within(part, stage, keys)
    elif dataclasses.is_dataclass(thing):
        for field in dataclasses.fields(thing):
            yield from _within(getattr(thing, field.name), stage, keys)


def _item(item: ast.Item, stage: str) -> Iterator[Use]:
    """What stands where an aggregate is expected: a name, a call, or an expression over such calls."""
    yield from _aggregate(item.expr, stage, outermost=True)
    yield from _within(item.where, stage)


def _aggregate(e: Any, stage: str, outermost: bool = False) -> Iterator[Use]:
    if isinstance(e, ast.Name) and outermost:
        yield Use("aggregate", e.name, e.span, stage)
    elif isinstance(e, ast.Call) and (outermost or e.name in REGISTRY.aggregates) and not e.op:
        yield Use("aggregate", e.name, e.span, stage, e.args)
        yield from _within(e.args, stage)
    elif isinstance(e, ast.Call):
        yield Use("function", e.name, e.span, stage, e.args)
        for part in e.args:
            yield from _aggregate(part, stage)


def atoms(thing: Any) -> Iterator[Any]:
    """All names and constants below."""
    if isinstance(thing, ast.Name | ast.Constant | ast.Text | ast.Number | ast.Field):
        yield thing
    elif isinstance(thing, tuple | list):
        for part in thing:
            yield from atoms(part)
    elif dataclasses.is_dataclass(thing):
        for field in dataclasses.fields(thing):
            yield from atoms(getattr(thing, field.name))


def has_null(thing: Any, nullish: set[str]) -> bool:
    """Whether a null is written there, or a field that holds one is read."""
    for atom in atoms(thing):
        if isinstance(atom, ast.Constant) and atom.value is None:
            return True
        if isinstance(atom, ast.Name | ast.Field) and atom.name.split(".")[0] in nullish:
            return True
    return False


def null_fields(stages: Iterable[Parsed], known: set[str]) -> set[str]:
    """Fields that hold a null somewhere: of the tables (`known`), of rows written as JSON, assigned."""
    found = set(known)
    for stage in stages:
        if stage.command == "json":
            found |= _json_nulls(stage)
        for sub in subqueries(stage.parts):
            found |= null_fields(sub, found)
        for _, value in stage.parts:
            for part in value if isinstance(value, tuple) else ():
                if isinstance(part, ast.Assign) and has_null(part.expr, found):
                    found |= {t.name for t in part.targets}
    return found


def _json_nulls(stage: Parsed) -> set[str]:
    text = next((a.value for a in atoms(stage.parts) if isinstance(a, ast.Text)), "")
    try:
        rows = objects(text)
    except BadJson:
        return set()
    names = {n for row in rows for n in row}
    return {n for n in names if any(row.get(n) is None for row in rows)}


def dry_stages(stages: Iterable[Parsed], empty_sources: set[str]) -> set[str]:
    """Numbers of the stages that no row reaches."""
    found: set[str] = set()
    dry = False
    for stage in stages:
        if language().is_source(stage.command):
            named = {n for n in _sources(stage) if n}
            dry = bool(named) and named <= empty_sources
        if dry:
            found.add(stage.number)
        for sub in subqueries(stage.parts):
            inner = dry_stages(sub, empty_sources)
            found |= inner | ({stage.number} if sub[-1].number in inner else set())
        dry = dry or _stops(stage)
    return found


def _sources(stage: Parsed) -> Iterator[str]:
    """Names of tables and files that a stage reads."""
    for name, value in stage.parts:
        if name in ("tables", "table", "path"):
            for one in value if isinstance(value, tuple) else (value,):
                yield one if isinstance(one, str) else str(getattr(one, "name", getattr(one, "value", "")))


def _stops(stage: Parsed) -> bool:
    """No row gets past it."""
    if stage.command == "drop":
        return True
    found = list(atoms([value for _, value in stage.parts]))
    if stage.command in ("limit", "head", "tail"):
        return len(found) > 0 and getattr(found[-1], "value", None) == 0
    if stage.command in ("search", "where"):
        return len(found) == 1 and isinstance(found[0], ast.Constant) and not found[0].value
    return False
