"""Help for commands, functions and aggregates, made from the registry: what `help NAME` prints anywhere."""

from __future__ import annotations

from typing import Any

from ..commands.base import REGISTRY, Example, load
from ..planner.catalog import AggregateFunction, Function
from ..planner.text import nearest


def help_for(name: str) -> str | None:
    """The text for a name, or the overview for none; None if nothing bears it."""
    load()
    if not name:
        return overview()
    if name in ("commands", "functions", "aggregates"):
        return _list(name)
    parts = []
    if name in REGISTRY.commands:
        parts.append(command_help(REGISTRY.commands[name]))
    if name in REGISTRY.functions and name[0].isalpha():
        parts.append(function_help(REGISTRY.functions[name], "function"))
    if name in REGISTRY.aggregates:
        parts.append(function_help(REGISTRY.aggregates[name], "aggregate"))
    return "\n\n".join(parts) if parts else None


def near(name: str) -> tuple[str, ...]:
    load()
    names = [*REGISTRY.commands, *(n for n in REGISTRY.functions if n[0].isalpha()), *REGISTRY.aggregates]
    return nearest(name, dict.fromkeys(names))


def overview() -> str:
    lines = ["A query is a pipeline: a source, then stages, joined by |. For example:", "",
             '  textfile access_log | parse access_log | stats count by status | sort -count', "", "commands"]  # fmt: skip
    size = max(map(len, REGISTRY.commands))
    lines += [f"  {n.ljust(size)}  {c.summary}" for n, c in sorted(REGISTRY.commands.items())]
    lines += [
        "",
        "help NAME explains a command, a function or an aggregate; help functions and help aggregates list them",
    ]
    return "\n".join(lines)


def _list(what: str) -> str:
    found: dict[str, Any] = getattr(REGISTRY, what)
    rows = {n: f for n, f in sorted(found.items()) if n[0].isalpha() and not (n[0] == "p" and n[1:].isdigit())}
    size = max(map(len, rows))
    return "\n".join(f"{n.ljust(size)}  {f.summary}" for n, f in rows.items())


def command_help(command: Any) -> str:
    lines = [f"{command.name}: {command.summary}", "", f"  {command.syntax or command.name}"]
    shown = [o for o in command.options or () if not o.hidden and o.tier == 1]
    if shown:
        lines += ["", "options"]
        size = max(len(o.name) for o in shown)
        for o in shown:
            default = "" if o.default in (None, False) else f" (default {_default(o.default)})"
            lines.append(f"  {o.name.ljust(size)}  {o.summary}{default}  [{o.shown_kind}]")
    for example in command.examples:
        lines += ["", *example_lines(example)]
    return "\n".join(lines)


def _default(value: Any) -> str:
    return "t" if value is True else value.text() if hasattr(value, "text") else str(value)


def example_lines(example: Example) -> list[str]:
    lines = [f"example: {example.title}"]
    for name, table in example.given.items():
        lines += [f"  {name}", *("    " + row for row in table.split("\n"))]
    lines += [f"  {example.query}", *("    " + row for row in example.expect.split("\n"))]
    return lines


def function_help(f: Function | AggregateFunction, kind: str) -> str:
    lines = [f"{f.name}: {f.summary}" if f.summary else f.name, "", f"  {f.syntax or f.name + '(...)'}   ({kind})"]
    if f.examples:
        lines += ["", "examples", *(f"  {q}  ->  {v}" for q, v in f.examples)]
    return "\n".join(lines)
