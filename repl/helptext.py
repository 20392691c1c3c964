"""Help for commands, functions and aggregates, made from the registry: what `help NAME` prints anywhere."""

from __future__ import annotations

from collections.abc import Iterator
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
    if name == "settings":
        from ..engine.settings import SETTINGS

        return _rows({n: s.summary for n, s in SETTINGS.items()})
    parts = [*_other(name)]
    if name in REGISTRY.commands:
        parts.append(command_help(REGISTRY.commands[name]))
    if name in REGISTRY.functions and name[0].isalpha():
        parts.append(function_help(REGISTRY.functions[name], "function"))
    if name in REGISTRY.aggregates:
        parts.append(function_help(REGISTRY.aggregates[name], "aggregate"))
    return "\n\n".join(parts) if parts else None


def _other(name: str) -> Iterator[str]:
    """Help for what is no command and no function: parsers, settings, parameters, error codes."""
    from ..engine.parsers import PARSERS
    from ..engine.settings import SETTINGS, defaults
    from ..planner.text import NAMES

    if name in PARSERS:
        fields = ", ".join(f"{n}: {t}" for n, t in PARSERS[name].fields)
        yield f"{name}: {PARSERS[name].summary}\n\n  parse {name}   (parser)\n\nfields: {fields}"
    setting = name.removeprefix("option.")
    if setting in SETTINGS:
        where = f"connect({setting}=...), --set {setting}=VALUE"
        where += "" if SETTINGS[setting].connect_only else f", set option.{setting} = VALUE"
        yield f"{setting}: {SETTINGS[setting].summary}\n\n  {where}   (setting, default {defaults()[setting]})"
    if name in ("$", "$()"):
        yield PARAMETERS
    if name.upper() in NAMES:
        kind = "a warning" if name.upper().startswith("W") else "an error"
        yield f"{name.upper()}: {NAMES[name.upper()]}, {kind}"


PARAMETERS = """$: A parameter's value: of `set`, of the caller, of a saved query's header. Never pasted text.

  $NAME, $("NAME"), $("NAME", "OTHER", DEFAULT)   (the first that is not null)

examples
  set least = 500 | table weblog | search status >= $least
  s.query("table weblog | search status >= $least", least=500)
  cortado run FILE.cq -p least=500"""


def missing(name: str) -> str:
    """What to say of a name that nothing bears."""
    load()
    later = {**REGISTRY.later_commands, **REGISTRY.later_functions, **REGISTRY.later_aggregates}
    if name in later:
        return f"'{name}' is not in this version"
    names = [*REGISTRY.commands, *(n for n in REGISTRY.functions if n[0].isalpha()), *REGISTRY.aggregates]
    near = nearest(name, dict.fromkeys(names))
    return f"nothing is named '{name}'" + (
        f"; did you mean {' or '.join(near)}?" if near else "; help lists all commands"
    )


def overview() -> str:
    example = "  textfile access_log | parse access_log | stats count by status | sort -count"
    commands = _rows({n: c.summary for n, c in sorted(REGISTRY.commands.items())}, "  ")
    more = "help NAME explains a command, a function or an aggregate; help functions, help aggregates and help settings list them"
    return f"A query is a pipeline: a source, then stages, joined by |. For example:\n\n{example}\n\ncommands\n{commands}\n\n{more}"


def _list(what: str) -> str:
    found: dict[str, Any] = getattr(REGISTRY, what)
    return _rows(
        {n: f.summary for n, f in sorted(found.items()) if n[0].isalpha() and not (n[0] == "p" and n[1:].isdigit())}
    )


def _rows(told: dict[str, str], indent: str = "") -> str:
    size = max(map(len, told))
    return "\n".join(f"{indent}{n.ljust(size)}  {summary}".rstrip() for n, summary in told.items())


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
