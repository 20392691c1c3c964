"""What `help NAME` prints anywhere: the pages of the reference, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..commands.base import REGISTRY, load
from ..commands.language import language
from ..engine.parsers import PARSERS
from ..engine.settings import SETTINGS
from ..planner.text import NAMES, nearest
from . import reference as pages
from .document import Code, Head, Page, Prose, Rows
from .procedurehelp import procedure_help

TOPICS = ("commands", "functions", "aggregates", "operators", "settings", "errors", "parsers")


def help_for(name: str, procedures: Mapping[str, Any] | None = None) -> str | None:
    """The text for a name, or the overview for none; None if nothing bears it. `procedures`: those of the session, by name."""
    load()
    if not name:
        return overview().plain()
    found = [page.plain() for page in pages_of(name)]
    if procedures and name in procedures:
        found.append(procedure_help(name, procedures[name]))
    return "\n\n".join(found) if found else None


def pages_of(name: str) -> Iterator[Page]:
    """A name may be that of a command, a function and an aggregate at once."""
    if name in TOPICS:
        path = f"{name}/README.md" if name in TOPICS[:3] else f"{name}.md"
        yield pages.pages()[path]
        return
    if name in REGISTRY.commands:
        yield pages.command_page(REGISTRY.commands[name])
    functions = pages.shown_functions(REGISTRY)
    if name in functions:
        yield pages.function_page(functions[name])
    if name in REGISTRY.aggregates:
        yield pages.aggregate_page(REGISTRY.aggregates[name])
    yield from _others(name)


def _others(name: str) -> Iterator[Page]:
    """What is no command and no function: operators, parsers, settings, parameters, codes."""
    operators = {n: f for n, f in pages.operators(REGISTRY).items() if n != "in"}
    if name in operators:
        yield pages.operator_page(operators[name])
    if name in PARSERS:
        yield pages.parser_page(PARSERS[name])
    setting = name.removeprefix("option.")
    if setting in SETTINGS:
        yield pages.setting_page(setting)
    if name in ("$", "$()"):
        yield parameters()
    if name.upper() in NAMES:
        yield pages.code_page(name.upper())
    for code, word in NAMES.items():
        if name == word:
            yield pages.code_page(code)


def parameters() -> Page:
    ways = """set least = 500 | table weblog | search status >= $least
s.query("table weblog | search status >= $least", least=500)
cortado run FILE.cq -p least=500"""
    told = "A parameter's value: of `set`, of the caller, of a saved query's header. It is never pasted as text."
    syntax = Code('$NAME   $("NAME")   $("NAME", "OTHER", DEFAULT)')
    return Page("$", told, [syntax, Prose("The first that is not null."), Head("Examples"), Code(ways)])


def missing(name: str) -> str:
    """What to say of a name that nothing bears."""
    load()
    later = {**REGISTRY.later_commands, **REGISTRY.later_functions, **REGISTRY.later_aggregates}
    if name in later:
        return f"'{name}' is not in this version"
    if name in REGISTRY.product:
        return language().unknown(name)[1]
    names = [*REGISTRY.commands, *pages.shown_functions(REGISTRY), *REGISTRY.aggregates, *SETTINGS, *PARSERS, *TOPICS]
    foreign = tuple(n for n in language().unknown(name)[2] if n in REGISTRY.commands)
    near = nearest(name, dict.fromkeys(names)) or foreign
    return f"nothing is named '{name}'" + (
        f"; did you mean {' or '.join(near)}?" if near else "; help lists all commands"
    )


def overview() -> Page:
    example = Code("textfile access_log | parse access_log | stats count by status | sort -count")
    told = Rows(
        [(n, c.summary) for n, c in sorted(REGISTRY.commands.items()) if n[0].isalpha()], ("name", "what it does")
    )
    more = f"help NAME explains a command, a function, an operator, a setting or a code; help {', '.join(TOPICS[1:-1])} or {TOPICS[-1]} lists them."
    first = "a source, then stages, joined by |. For example:"
    return Page("A query is a pipeline", first, [example, Head("Commands"), told, Prose(more)])
