"""The index of a built package: which module enters which name, so that a query imports the modules that it uses alone.

It is written once everything was imported (`setup.py`), beside the modules that it tells of. A tree that was not built has none.
A text: its own hash, the grammar's mark, then a line for each name, in the language's order: number of the list, name, module.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from ..planner.records import dataclass

FILE = Path(__file__).with_name("language.index")
FOLDERS = ("", ".functions", ".aggregates")
LISTS = 4  # commands, functions, aggregates, and what lowers the types of nodes


@dataclass(frozen=True, slots=True)
class Index:
    """`modules`: for each list the module of each name, in order."""

    grammar_mark: str
    modules: tuple[Mapping[str, str], ...]


def read_index() -> Index | None:
    """None where there is none, or what there is was not left whole."""
    with suppress(OSError, ValueError):
        return _parsed(FILE.read_text(encoding="utf-8"))
    return None


def _parsed(text: str) -> Index:
    """ValueError where it is damaged."""
    hash_, _, body = text.partition("\n")
    if hash_ != _hash(body):
        raise ValueError("the index is damaged")
    mark, *lines = body.splitlines()
    modules: tuple[dict[str, str], ...] = tuple({} for _ in range(LISTS))
    package = __package__
    for line in lines:
        number, name, module = line.split("\t")
        modules[int(number)][name] = package + module
    return Index(mark, modules)


def ship_index(index: Index, path: Path = FILE) -> None:
    """Write it to where `read_index` finds it. ValueError if a name is entered by a module of no folder of the language."""
    lines = [index.grammar_mark]
    for number, modules in enumerate(index.modules):
        for name, module in modules.items():
            if not module.startswith(__package__ + ".") or any(c.isspace() for c in name + module):
                raise ValueError(f"'{name}' of {module} cannot be listed")
            lines.append(f"{number}\t{name}\t{module.removeprefix(__package__)}")
    body = "\n".join(lines)
    path.write_text(f"{_hash(body)}\n{body}", encoding="utf-8")


def _hash(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def import_all() -> None:
    """Import every module of `commands`, its functions and aggregates."""
    from pkgutil import iter_modules

    for folder in FOLDERS:
        found = import_module(__package__ + folder)
        for module in sorted(m.name for m in iter_modules(found.__path__) if not m.ispkg):
            import_module(f"{found.__name__}.{module}")
