"""The parser's tables: base.lark with the rules of the commands."""

from __future__ import annotations

import hashlib
import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .parsed import Language

if TYPE_CHECKING:
    from lark import Lark

BASE = Path(__file__).with_name("base.lark")
EXPRESSION = "lone_expression"  # the start rule of what is no stage: a default in a header


def grammar(language: Language, commands: frozenset[str]) -> Lark:
    """LALR tables that can read `commands`.

    Those of the whole language come from a file in the user's cache folder in 9 ms (140 ms the first time). Where no
    such file can be kept, only the commands of the query are built, in 30 to 40 ms.
    """
    folder = cache_folder()
    return _tables(language, frozenset(language.names()) if folder is not None else commands, folder)


@lru_cache(maxsize=64)
def _tables(language: Language, commands: frozenset[str], folder: Path | None) -> Lark:
    from lark import Lark

    rules, starts = language.grammar(commands)
    source = BASE.read_text(encoding="utf-8") + rules
    how: dict[str, Any] = {
        "parser": "lalr",
        "start": [*starts, EXPRESSION],
        "propagate_positions": True,
        "maybe_placeholders": True,
    }
    if folder is not None:
        key = hashlib.sha256(source.encode()).hexdigest()[:16]
        try:
            return Lark(
                source, cache=str(folder / f"grammar-{sys.version_info[0]}{sys.version_info[1]}-{key}.lark"), **how
            )
        except OSError:
            pass  # a cache that cannot be written is no reason to fail
    return Lark(source, **how)


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
