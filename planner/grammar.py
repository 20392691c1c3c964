"""The parser's tables: base.lark with the rules of the commands."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .parsed import Language

if TYPE_CHECKING:
    from lark import Lark

BASE = Path(__file__).with_name("base.lark")
EXPRESSION = "lone_expression"  # the start rule of what is no stage: a default in a header
SHIPPED = Path(__file__).with_name("language.tables")  # those of the whole language, made when the package is built
KEPT_FILES = 64  # in the cache folder; the others go by age


def grammar(language: Language, commands: frozenset[str]) -> Lark:
    """LALR tables that can read `commands`."""
    return _tables(language).reading(commands)


@lru_cache(maxsize=8)
def _tables(language: Language) -> _Tables:
    return _Tables(language)


class _Tables:
    """What a process has of a language's tables.

    A package that was built brings those of the whole language, which are read in 5 ms. Elsewhere
    the first query gets tables of its own commands, made in 30 to 40 ms, as many processes read one query only; what needs
    others gets those of the whole language, made in 140 ms. Either are found in the user's cache folder in a few
    milliseconds once they were made, the whole ones for the first query, too.
    """

    def __init__(self, language: Language) -> None:
        self._language = language
        self._held: list[tuple[frozenset[str], Lark]] = []
        self._lock = threading.Lock()

    def reading(self, commands: frozenset[str]) -> Lark:
        whole = frozenset(self._language.names())
        wanted = commands & whole
        with self._lock:
            for names, tables in self._held:
                if wanted <= names:
                    return tables
            self._held.append(self._found(whole, wanted))
            return self._held[-1][1]

    def _found(self, whole: frozenset[str], wanted: frozenset[str]) -> tuple[frozenset[str], Lark]:
        shipped = _shipped(whole_mark(self._language)) if SHIPPED.exists() else None
        if shipped is not None:
            return whole, shipped
        of_all = _Recipe(self._language, whole)
        folder = cache_folder()
        names = whole if self._held or of_all.is_kept(folder) else wanted
        return names, _Recipe(self._language, names).tables(folder)


class _Recipe:
    """The grammar's text for some commands, and tables made of it."""

    def __init__(self, language: Language, commands: frozenset[str]) -> None:
        rules, self._starts = language.grammar(commands)
        self._source = BASE.read_text(encoding="utf-8") + rules

    def mark(self) -> str:
        return hashlib.sha256(repr((self._starts, self._source)).encode()).hexdigest()

    def is_kept(self, folder: Path | None) -> bool:
        return folder is not None and self._file(folder).exists()

    def tables(self, folder: Path | None) -> Lark:
        from lark import Lark

        how: dict[str, Any] = {
            "parser": "lalr",
            "start": [*self._starts, EXPRESSION],
            "propagate_positions": True,
            "maybe_placeholders": True,
        }
        if folder is not None:
            with suppress(OSError):  # a cache that cannot be written is no reason to fail
                if not self.is_kept(folder):
                    _make_room(folder)
                return Lark(self._source, cache=str(self._file(folder)), **how)
        return Lark(self._source, **how)

    def _file(self, folder: Path) -> Path:
        key = hashlib.sha256(self._source.encode()).hexdigest()[:16]
        return folder / f"grammar-{sys.version_info[0]}{sys.version_info[1]}-{key}.lark"


def whole_mark(language: Language) -> str:
    """A hash of the text of the whole language's grammar."""
    return language.grammar_mark() or _Recipe(language, frozenset(language.names())).mark()


def _shipped(mark: str) -> Lark | None:
    """From what came with the package; None where that is of another grammar, or for another version of Lark."""
    from lark import Lark

    own = _own_mark(mark)
    with suppress(OSError), SHIPPED.open("rb") as file:
        if file.read(len(own)) == own:
            return Lark.load(file)
    return None


def _own_mark(mark: str) -> bytes:
    import lark

    return hashlib.sha256(f"{lark.__version__} {mark}".encode()).hexdigest().encode()


def ship_tables(language: Language, path: Path = SHIPPED) -> None:
    """Write the tables of the whole language to where `grammar` finds them."""
    with path.open("wb") as file:
        file.write(_own_mark(whole_mark(language)))
        _Recipe(language, frozenset(language.names())).tables(None).save(file)


def _make_room(folder: Path) -> None:
    """For one more file. Of those that were made first some may be in use: they are made again."""
    kept = sorted(folder.glob("grammar-*.lark"), key=lambda path: path.stat().st_mtime_ns)
    for path in kept[: max(0, len(kept) - KEPT_FILES + 1)]:
        path.unlink(missing_ok=True)


@lru_cache(maxsize=1)
def cache_folder() -> Path | None:
    """The user's cache folder for this program, private to the user; None where none can be made."""
    try:
        from platformdirs import user_cache_dir

        folder = Path(user_cache_dir("cortado"))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder if os.access(folder, os.W_OK) else None
    except OSError:
        return None
