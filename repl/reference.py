"""The reference, made from the registry: a page for each command, function and aggregate, and for what surrounds them.

`python -m cortado.repl.reference docs/reference` writes it; `help NAME` prints its pages.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

from ..catalogue import kind_of
from ..commands.base import REGISTRY, Command, Example, Registry, load
from ..engine.parsers import PARSERS, Parser
from ..engine.settings import SETTINGS
from ..planner.catalog import AggregateFunction, Function
from ..planner.text import NAMES
from .codetexts import CODES, meaning
from .document import Code, Head, Page, Part, Prose, Rows, aligned

COMMAND_GROUPS = {
    "Sources": "table json csvfile jsonfile textfile parquetfile arrowfile python zipfile xmlfile xlsxfile wavfile lookuptable "
    "dbquery load result holidays wget system",
    "Rows and fields": "eval search where fields rename order limit head tail sort dedup fillnull bin explode prev repeat sample "
    "rex parse parsejson parsekv parsecsv parsemap parsexml tojson signature patterns split balance",
    "Aggregation": "stats timechart pivot unpivot rollup cube boxplot top rare describe histogram correlate eventstats curvefit",
    "Combining": "join streamjoin union lookup asof windowjoin mpsearch",
    "Windows and regular series": "window streamstats resample gapfill",
    "Analytics": "forecast stl dtw anomalies kmeans lof rforest tfidf fit apply evaluate track plot",
    "Storing and writing": "import insert create-table alter-table drop-table purge outputcsv outputjson outputtxt outputparquet "
    "outputarrow dboutput",
    "Parameters and control": "set setq evalc proc bypass drop explain peek serial parallel",
}
FUNCTION_GROUPS = {"numbers": "Numbers", "text": "Text", "random": "Random"}
KINDS = {
    "source": "A source: it begins a query.",
    "control": "Runs before the first stage, wherever it stands.",
    "writer": "Writes the rows and passes them on.",
    "blocking": "Blocking: it reads all rows before it gives the first; what does not fit in memory is spilled to disk.",
    "streaming": "Streaming: rows go through as they come.",
}
TAKEN = {
    "text": "text; a value of another type becomes text",
    "number": "a number; text and other types are null, counted `type`",
    "parsed": "a number; text is read as one, and is null, counted `number`, where that fails",
    "integer": "a whole number; a double is cut, text and other types are null, counted `type`",
    "date": "a date; other types are null, counted `type` (`date(x)` reads text)",
    "any": "any value",
    "bool": "true or false; other values count as in `search`: null is false, anything else true",
    "duration": "a length of time; other types are null, counted `type`",
}
SAMPLE = "_time:date x:long\n2026-11-01T00:00:00Z 1\n2026-11-01T00:00:10Z 2\n2026-11-01T00:00:20Z 3"
NOTATION = """In syntax lines `[x]` may be left out, `{a,b}` is a choice and `...` repeats. `F` is a field, `E` an expression, `N` a whole
number, `B` is `t` or `f`, `DUR` a length such as `5m`, `T` a time such as `20261101` or `2026-11-01T10:00`, `RE` a regular
expression, `PATH` a file, in which `*`, `?` and `**` match many, and `[ SUB ]` a pipeline of its own."""


def is_numbered(name: str) -> bool:
    """One of `p1` to `p99`, which share a page."""
    return re.fullmatch(r"p\d+", name) is not None


def shown_functions(registry: Registry) -> dict[str, Function]:
    """Functions that are called by name."""
    return {n: f for n, f in sorted(registry.functions.items()) if n[0].isalpha() and not _is_sign(f)}


def operators(registry: Registry) -> dict[str, Function]:
    return {n: f for n, f in sorted(registry.functions.items()) if f.operator}


def _is_sign(f: Function) -> bool:
    return f.operator and f.name != "in"


# pages


def command_page(command: Command[Any]) -> Page:
    parts: list[Part] = [Code(command.syntax or command.name), Prose(KINDS[kind_of(command)])]
    shown = [o for o in command.options or () if not o.hidden and o.tier == 1]
    if shown:
        parts += [Head("Options"), Rows([_option(o) for o in shown], ("option", "value", "default", "what it does"))]
    if command.details:
        parts += [Head("Details"), Prose(command.details)]
    if command.examples:
        parts += [Head("Examples"), *(p for e in command.examples for p in example_parts(e))]
    return Page(command.name, command.summary, parts)


def _option(option: Any) -> tuple[str, str, str, str]:
    default = "" if option.default is None else _default(option.default)
    return f"{option.name}=", option.shown_kind.strip("{}").replace(",", ", "), default, option.summary


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value.text() if hasattr(value, "text") else value)


def example_parts(example: Example) -> Iterator[Part]:
    yield Prose(example.title[:1].upper() + example.title[1:] + ":")
    for key, text in example.given.items():
        kind, _, name = key.rpartition(":")
        if kind in ("file", "bytes"):
            yield Prose(f"File `{name}`:")
            yield Code(_file(text))
        else:
            what = {"stored": "Stored table", "parquet": "Parquet file"}.get(kind, "Table")
            yield Prose(f"{what} `{name}`:")
            yield Code(aligned(text))
    yield Code(example.query)
    yield Prose("gives")
    yield Code(aligned(example.expect))


def _file(text: str) -> str:
    """The lines of a file; where it holds other escapes they stay, as they would not show."""
    lines = text if re.search(r"\\[^n]", text) else text.replace("\\n", "\n")
    return lines.removesuffix("\n").removesuffix("\\n")


def function_page(f: Function) -> Page:
    parts: list[Part] = [Code(f.syntax or f"{f.name}(...)"), *_also(f, REGISTRY.functions)]
    if f.details:
        parts.append(Prose(f.details))
    parts += [*_arguments(f), Head("Examples"), _pairs(f.examples)]
    return Page(f.name, f.summary, parts)


def _also(f: Function | AggregateFunction, all_: Mapping[str, Any]) -> Iterator[Part]:
    others = _names_of(f, all_)
    if others:
        yield Prose("Also written " + " and ".join(f"`{n}`" for n in others) + ".")


def _names_of(f: Function | AggregateFunction, all_: Mapping[str, Any]) -> list[str]:
    first = f.alias_of or f.name
    return [n for n, g in all_.items() if n != f.name and first in (n, g.alias_of)]


def _arguments(f: Function) -> Iterator[Part]:
    """How the arguments are brought to a type, place by place; nothing where all are taken as they are."""
    if set(f.coerce) <= {"any"}:
        return
    rows: list[tuple[str, str]] = []
    places = list(enumerate(f.coerce, 1))
    for how, group in groupby(places, key=lambda place: place[1]):
        numbers = [n for n, _ in group]
        first, last = numbers[0], numbers[-1]
        rest = last == len(places) and f.most > last
        shown = f"{first} and on" if rest else str(first) if first == last else f"{first} to {last}"
        rows.append((shown, TAKEN[how]))
    yield Rows(rows, ("argument", "is taken as"))


def _pairs(examples: Sequence[tuple[str, str]]) -> Part:
    size = max((len(q) for q, _ in examples), default=0)
    return Code("\n".join(f"{q.ljust(size)}  ->  {value}" for q, value in examples))


def aggregate_page(f: AggregateFunction) -> Page:
    parts: list[Part] = [Code(f.syntax or f"{f.name}(...)"), *_also(f, REGISTRY.aggregates)]
    if f.details:
        parts.append(Prose(f.details))
    timed = f.span_only or f.window_only or any("_time" in q for q, _ in f.examples)
    parts += [
        Head("Examples"),
        Prose(_over(f)),
        Code(aligned(SAMPLE if timed else re.sub(r"^\S+ ", "", SAMPLE, flags=re.M))),
        _pairs(f.examples),
    ]
    return Page(f.name, f.summary, parts)


def _over(f: AggregateFunction) -> str:
    if f.window_only:
        return "In `window`; over these rows, with a value in each:"
    return "Over these rows" + (", in buckets of a minute:" if f.span_only else ":")


def percentiles_page() -> Page:
    page = aggregate_page(REGISTRY.aggregates["p95"])
    return Page("p1 ... p99", page.summary, [Code("p1(E) ... p99(E)"), *page.parts[1:]])


def operators_page() -> Page:
    table = Rows(
        (
            ("f(...)  a.b  ( )", "call, member of a map, grouping"),
            ("-", "sign of a number or of a length of time"),
            ("*  /", "`/` always gives a double; `mod` and `div` are for whole numbers"),
            ("+  -", "numbers; a date and a length of time; they never join text (`concat` does)"),
            ("<  <=  >  >=", "null if a side is null"),
            ("==  !=  in (V, ...)", "false if a side is null; a string literal on the right is a pattern with `*`"),
            ("not", "`not a == b` is `not (a == b)`; `not(E)` is a call; null gives null"),
            ("and", "null counts as false"),
            ("or", "null counts as false"),
            ("=", "only in `eval` and `set`; `a = b = 1` sets both"),
        ),
        ("operator", "rule"),
    )
    intro = "Tightest first. All but the sign, `not` and `=` group from the left."
    found = operators(REGISTRY)
    parts: list[Part] = [Prose(intro), table]
    for name in ("*", "/", "+", "-", "neg", "<", "<=", ">", ">=", "==", "!=", "in", "not", "and", "or"):
        f = found[name]
        parts += [Head(f.syntax), Prose(f.summary), *([Prose(f.details)] if f.details else []), _pairs(f.examples)]
    return Page("operators", "Operators of expressions and how tightly they bind.", parts)


def operator_page(f: Function) -> Page:
    details: list[Part] = [Prose(f.details)] if f.details else []
    return Page(f.name, f.summary, [Code(f.syntax), *details, Head("Examples"), _pairs(f.examples)])


def settings_page() -> Page:
    intro = (
        "`connect(NAME=VALUE)` in Python, `--set NAME=VALUE` on the command line, `.set NAME=VALUE` at the prompt, and "
        "`set option.NAME = VALUE` in a query, save for those that are marked `connect`. `system settings` shows the values."
    )
    rows = [(n, s.summary + (" (connect)" if s.connect_only else "")) for n, s in SETTINGS.items()]
    return Page("settings", "Settings of a session.", [Prose(intro), Rows(rows, ("setting", "what it does"))])


def setting_page(name: str) -> Page:
    setting = SETTINGS[name]
    ways = [f"connect({name}=VALUE)", f"cortado --set {name}=VALUE", f".set {name}=VALUE"]
    ways += [] if setting.connect_only else [f"set option.{name} = VALUE"]
    return Page(
        name, setting.summary[:1].upper() + setting.summary[1:] + ".", [Code("\n".join(ways)), Prose("A setting.")]
    )


def codes_page() -> Page:
    intro = (
        "Codes and their names are stable; texts may improve. 1xx and 2xx are errors of the text, 3xx of names, options and types, "
        "4xx of parameters and saved queries, 5xx of data under `strict`, 6xx of input and output, 7xx of limits; `W` are warnings."
    )
    rows = [(f"{code} {NAMES[code]}", told) for code, told in CODES.items()]
    return Page("errors", "Codes of errors and warnings.", [Prose(intro), Rows(rows, ("code", "what it says"))])


def code_page(code: str) -> Page:
    return Page(f"{code} {NAMES[code]}", CODES[code], [Prose(meaning(code) + ".")])


def parsers_page() -> Page:
    rows = [(n, f"{p.summary}: {_fields(p)}") for n, p in PARSERS.items()]
    return Page("parsers", "What `parse NAME` knows.", [Rows(rows, ("parser", "reads"))])


def parser_page(parser: Parser) -> Page:
    summary = parser.summary[:1].upper() + parser.summary[1:] + "."
    return Page(
        parser.name, summary, [Code(f"parse {parser.name}"), Prose("A parser. Fields: " + _fields(parser) + ".")]
    )


def _fields(parser: Parser) -> str:
    own = ", ".join(f"{n}: {t}" for n, t in parser.fields)
    return own if parser.pairs is None else f"{own}, and the keys of the text" if own else "the keys of the text"


# the folder


def grouped_commands(registry: Registry) -> dict[str, list[str]]:
    """Names by the heading that they stand under."""
    out: dict[str, list[str]] = {}
    placed: set[str] = set()
    for title, names in COMMAND_GROUPS.items():
        here = [n for n in names.split() if n in registry.commands]
        placed.update(here)
        if here:
            out[title] = here
    rest = sorted(n for n in registry.commands.keys() - placed if n[0].isalpha())
    return {**out, "More": rest} if rest else out


def grouped_functions(registry: Registry) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for n, f in shown_functions(registry).items():
        title = FUNCTION_GROUPS.get(f.group, f.group[:1].upper() + f.group[1:] or "More")
        out.setdefault(title, []).append(n)
    return dict(sorted(out.items()))


def _index(title: str, summary: str, intro: str, groups: Mapping[str, Sequence[str]], told: Mapping[str, Any]) -> Page:
    parts: list[Part] = [Prose(intro)] if intro else []
    for head, names in groups.items():
        if head:
            parts.append(Head(head))
        parts.append(Rows([(n, told[n].summary) for n in names], ("name", "what it does"), "{}.md"))
    return Page(title, summary, parts)


def commands_index() -> Page:
    return _index(
        "commands", "Commands: the stages of a query.", NOTATION, grouped_commands(REGISTRY), REGISTRY.commands
    )


def functions_index() -> Page:
    intro = (
        "Null in gives null out, and bad input gives null and is counted, except where a page says otherwise. "
        "Names are lower case. A constant that can never work is an error before the first row is read."
    )
    return _index(
        "functions", "Functions of expressions.", intro, grouped_functions(REGISTRY), shown_functions(REGISTRY)
    )


def aggregates_index() -> Page:
    intro = (
        "For `stats`, `timechart` and the other commands that aggregate. Nulls are ignored; text is no number here "
        "(`sum(double(x))` reads it). `AGG where E as A` counts only the rows where E holds. `p1` to `p99` are "
        "[percentiles](p1-p99.md)."
    )
    names = [n for n in sorted(REGISTRY.aggregates) if not is_numbered(n)]
    windows = [n for n in names if REGISTRY.aggregates[n].window_only]
    groups = {"Everywhere": [n for n in names if n not in windows], "In `window` only": windows}
    return _index("aggregates", "Aggregates: one value of many rows.", intro, groups, REGISTRY.aggregates)


def home_page() -> Page:
    text = """Every command, option, function and aggregate of this version. `cortado help NAME` prints the same.

- [Commands](commands/README.md): the stages of a query
- [Functions](functions/README.md) and [operators](operators.md): what expressions are made of
- [Aggregates](aggregates/README.md): one value of many rows
- [Parsers](parsers.md) that `parse` knows
- [Settings](settings.md) of a session
- [Codes](errors.md) of errors and warnings

The pages are made from the source by `python -m cortado.repl.reference docs/reference`; each example runs as a test."""
    return Page("Reference", "", [Prose(text)])


@lru_cache(maxsize=1)
def pages() -> dict[str, Page]:
    """All pages by their path in the folder."""
    load()
    out = {"README.md": home_page(), "operators.md": operators_page(), "settings.md": settings_page(),
           "errors.md": codes_page(), "parsers.md": parsers_page(), "commands/README.md": commands_index(),
           "functions/README.md": functions_index(), "aggregates/README.md": aggregates_index()}  # fmt: skip
    out |= {f"commands/{n}.md": command_page(c) for n, c in REGISTRY.commands.items() if n[0].isalpha()}
    out |= {f"functions/{n}.md": function_page(f) for n, f in shown_functions(REGISTRY).items()}
    out |= {f"aggregates/{n}.md": aggregate_page(f) for n, f in REGISTRY.aggregates.items() if not is_numbered(n)}
    out["aggregates/p1-p99.md"] = percentiles_page()
    return out


def main(folder: str) -> None:
    """Writes all pages and removes those that nothing stands for any more."""
    root = Path(folder)
    for path, page in pages().items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page.markdown(), encoding="utf-8")
    for old in root.rglob("*.md"):
        if old.relative_to(root).as_posix() not in pages():
            old.unlink()


if __name__ == "__main__":
    main(sys.argv[1])
