"""Files of saved queries while one query is bound: what each defines and imports, and which procedure a name means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from typing import Protocol

from . import ast
from .header import Body, Header, Param, Use, has_pipeline, read_body, read_header
from .parsed import Language, Parsed, Query
from .records import dataclass
from .sources import Part, Sources
from .text import Fault, QueryError, Span, error, nearest


class Files(Protocol):
    """Where the session finds saved queries; every path goes through its gate."""

    def read(self, path: str) -> str: ...  # the text; E601, E605, E705 without a place
    def identity(self, path: str) -> str: ...  # the same for the same file, however it is spelled
    def relative(self, path: str, folder: str) -> str: ...
    def folder(self, path: str) -> str: ...
    def find(self, name: str, folder: str) -> str | None: ...  # along the query path, that folder first
    def names(self, folder: str) -> Sequence[tuple[str, str]]: ...  # all of them, with their paths
    def where(self, folder: str) -> str: ...  # the query path, for people


@dataclass(frozen=True, slots=True, eq=False)
class Procedure:
    """Something that `proc` can call: a `def`, or the main query of a file."""

    name: str  # as it is told: without the alias
    params: tuple[Param, ...]
    body: Body
    help: str
    unit: Unit
    span: Span  # of its name; of a file its beginning
    is_main: bool

    @property
    def key(self) -> tuple[str, str]:
        return (self.unit.key, "" if self.is_main else self.name)

    @property
    def kind(self) -> str:
        return "stage" if self.body.is_stage else "source"

    @property
    def signature(self) -> str:
        return ", ".join(p.text for p in self.params)


@dataclass(slots=True, eq=False)
class Unit:
    """One text with its header: a file, or the query string."""

    part: Part
    key: str  # of the file; empty for a query string
    folder: str
    header: Header
    main: Procedure | None = None
    defs: dict[str, Procedure] = field(default_factory=dict)
    uses: dict[str, Unit] = field(default_factory=dict)

    @property
    def file(self) -> str:
        return self.part.file

    def visible(self) -> dict[str, Procedure]:
        """All that its own names reach."""
        out = dict(self.defs)
        for alias, used in self.uses.items():
            if used.main is not None:
                out[alias] = used.main
            out |= {f"{alias}.{n}": d for n, d in used.defs.items()}
        return out


class Library:
    """The files that one bind has read, each once."""

    def __init__(self, sources: Sources, files: Files, language: Language) -> None:
        self.sources, self.files, self.language = sources, files, language
        self._units: dict[str, Unit] = {}
        self._root: Unit | None = None

    def root(self) -> Unit:
        """The query's own text. It has a main query: without one parsing fails."""
        if self._root is not None:
            return self._root
        part = self.sources.parts[0]
        key = self.files.identity(part.file) if part.file else ""
        unit = self._read(part, key, [(key, part.file)] if key else [])
        if unit.main is None:
            self._main(unit)
        self._root = unit
        return unit

    def load(self, path: str, span: Span | None = None, chain: Sequence[tuple[str, str]] = ()) -> Unit:
        """The file's unit; `chain`: the files whose imports are being followed, with their names."""
        key = self.files.identity(path)
        if any(k == key for k, _ in chain):
            told = " -> ".join([n for _, n in chain] + [path])
            raise error(self.sources.text, [Fault(code="E411", message=f"imports go round in a circle: {told}",
                        span=span or Span(0, 0), hint="move what both need into a file of its own")])  # fmt: skip
        if key not in self._units:
            part = self.sources.add(self.files.read(path), path)
            self._units[key] = self._read(part, key, [*chain, (key, path)])
        return self._units[key]

    def _read(self, part: Part, key: str, chain: Sequence[tuple[str, str]]) -> Unit:
        text = self.sources.text
        header = read_header(text, part.base, self.language, is_file=bool(part.file))
        unit = Unit(part, key, self.files.folder(part.file), header)
        for d in header.defs:
            unit.defs[d.name] = Procedure(d.name, d.params, d.body, d.help, unit, d.span, False)
        self._refuse_recursion(unit)
        if has_pipeline(text, header.end):
            self._main(unit)
        for use in header.uses:
            unit.uses[use.alias] = self._used(use, unit, chain)
        return unit

    def _main(self, unit: Unit) -> None:
        if unit.part.file or not unit.header.is_empty:
            body = read_body(self.sources.text, unit.header.end, self.language)
        else:  # of a query string a pipe before the first stage is a slip
            from .parse import parse

            body = Body(parse(self.sources.text, self.language), False)
        name = self._stem(unit.part.file)
        at = Span(unit.part.base, unit.part.base)
        unit.main = Procedure(
            name, tuple(unit.header.params), body, "\n".join(unit.header.help), unit, at, is_main=True
        )

    def _refuse_recursion(self, unit: Unit) -> None:
        """E412 for a `def` that leads back to itself, called or not. Files that do are found when they are called."""
        done: set[str] = set()
        for first in unit.defs:
            path = [(first, calls(unit.defs[first].body.query.stages))]  # a loop: long chains are no nesting
            while path:
                name, left = path[-1]
                found = next(((s, c) for s, c in left if c.name in unit.defs and c.name not in done), None)
                if found is None:
                    done.add(name)
                    path.pop()
                    continue
                stage, call = found
                chain = [n for n, _ in path]
                if call.name in chain:
                    told = " -> ".join([*chain[chain.index(call.name) :], call.name])
                    span = Span(call.span.start, call.span.start + len(ast.quote_name(call.name)))
                    raise error(self.sources.text, [Fault(code="E412", message=f"a procedure calls itself: {told}", span=span,
                                stage=stage.number, command=stage.command)])  # fmt: skip
                path.append((call.name, calls(unit.defs[call.name].body.query.stages)))

    @staticmethod
    def _stem(file: str) -> str:
        return file.replace("\\", "/").rpartition("/")[2].removesuffix(".cq")

    def _used(self, use: Use, unit: Unit, chain: Sequence[tuple[str, str]]) -> Unit:
        try:
            return self.load(self.files.relative(use.path, unit.folder), use.span, chain)
        except QueryError as found:
            if found.text:
                raise
            raise error(self.sources.text, [replace(f, span=use.span) for f in found.faults]) from None

    # names

    def resolve(self, name: str, unit: Unit) -> Procedure | None:
        """A `def` of the file, what an alias gives, or a file on the query path; None if there is none.

        E304 for what an alias or a file does not hold.
        """
        if name in unit.defs:
            return unit.defs[name]
        alias, _, inner = name.partition(".")
        if alias in unit.uses:
            used = unit.uses[alias]
            found = used.defs.get(inner) if inner else used.main
            if found is None:
                raise self._missing_in(used, alias, inner)
            return found
        path = self.files.find(name, unit.folder)
        if path is None:
            return None
        loaded = self.load(path)
        if loaded.main is None:
            raise self._missing_in(loaded, name, "")
        return loaded.main

    def _missing_in(self, used: Unit, alias: str, inner: str) -> QueryError:
        told = f"'{used.file}' has no procedure '{inner}'" if inner else f"'{used.file}' has no query of its own"
        there = [f"{alias}.{n}" for n in used.defs]
        hint = "it has " + ", ".join(there) if there else "it defines nothing"
        near = nearest(f"{alias}.{inner}", there, 1) if inner else ()
        fault = Fault(code="E304", message=told, span=Span(0, 0), hint=hint, suggestions=near)
        return error("", [fault])

    def declared(self) -> Unit:
        """The unit of a header alone, as far as it can be read."""
        part = self.sources.parts[0]
        try:
            return self._read(part, "", [])
        except QueryError:
            return Unit(part, "", self.files.folder(part.file), Header())

    def reachable(self, unit: Unit) -> dict[str, Procedure | QueryError]:
        """What a text can call by name; an error stands for a file that cannot be read. Files without a query are left out."""
        out: dict[str, Procedure | QueryError] = {**unit.visible()}
        for name, path in self.files.names(unit.folder):
            if name in out:
                continue
            try:
                main = self.load(path).main
            except QueryError as found:
                out[name] = found
                continue
            if main is not None:
                out[name] = main
        return out

    def known(self, unit: Unit) -> list[str]:
        """Names that `proc` may call here."""
        return list(dict.fromkeys([*unit.visible(), *(n for n, _ in self.files.names(unit.folder))]))


def calls(stages: Sequence[Parsed]) -> Iterator[tuple[Parsed, ast.Call]]:
    """What the stages and their subqueries call."""
    for stage in stages:
        for part, value in stage.parts:
            if part == "procedure":
                yield stage, value
            elif part == "subquery":
                yield from calls(value)


def numbered(query: Query, prefix: str) -> Query:
    """The query with its stages counted within another: `2` as `3.2`."""

    def stage(s: Parsed) -> Parsed:
        parts = tuple((n, inner(v)) for n, v in s.parts)
        return replace(s, number=prefix + s.number, parts=parts)

    def inner(value: object) -> object:
        if isinstance(value, tuple) and value and all(isinstance(v, Parsed) for v in value):
            return tuple(stage(v) for v in value)
        return value

    def told(f: Fault) -> Fault:
        return replace(f, stage=prefix + f.stage)

    return replace(
        query, stages=tuple(map(stage, query.stages)), faults=tuple(map(told, query.faults)),
        warnings=tuple(map(told, query.warnings)),
    )  # fmt: skip


__all__ = ["Files", "Library", "Procedure", "Unit", "numbered"]
