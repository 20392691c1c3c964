"""Where compiled kernels are kept, and the marks that say which of them are.

A mark's name changes with the module, the kernels that it is made of, Python, Numba and the machine. When all modules are
kept one mark says so, as it is quicker to look for one.
"""

from __future__ import annotations

import hashlib
import os
import pkgutil
import re
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
NO_KERNELS = ("aside", "jit", "kept", "load")  # modules of this folder that hold none
WHOLE = "all"

Stamp = tuple[tuple[str, int, int], ...]


@cache
def modules() -> tuple[str, ...]:
    """The names of the kernel modules."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules([str(FOLDER)]) if m.name not in NO_KERNELS))


@cache
def imported_by(module: str) -> Stamp:
    """The modules of kernels and constants that one is made of, itself too: what was kept is stale where one of them changed."""
    met, todo = {module}, [module]
    while todo:
        name = todo.pop()
        text = SourceFileLoader(name, str(FOLDER / f"{name}.py")).get_source(name) or ""
        new = {n for n in re.findall(r"^from \.(\w+) import", text, re.MULTILINE)} - met
        met |= new
        todo += new
    return tuple(_state(n) for n in sorted(met))


def _state(module: str) -> tuple[str, int, int]:
    found = (FOLDER / f"{module}.py").stat()
    return module, found.st_mtime_ns, found.st_size


def large_first(names: Iterable[str]) -> list[str]:
    """By the size of all that they are made of, which says about how long they compile."""
    return sorted(names, key=lambda n: (-sum(size for _, _, size in imported_by(n)), n))


def needed_by(names: Iterable[str]) -> list[str]:
    """These modules of kernels with all that they are made of, in the order given but each behind what it is made of."""
    known, out = frozenset(modules()), list[str]()
    for name in names:
        made_of = [n for n, _, _ in imported_by(name) if n in known and n != name]
        for one in [*sorted(made_of, key=lambda n: len(imported_by(n))), name]:
            if one not in out:
                out.append(one)
    return out


# -- places --


def place() -> Path | None:
    """The folder for marks and compiled kernels: where Numba is told to keep things, else beside the source, else the user's."""
    return next((folder for folder in _folders() if _is_writable(folder)), None)


def place_to_keep() -> Path:
    """The folder for compiled kernels. Raises ImportError if there is none: to compile takes too long to do it each time."""
    found = place()
    if found is None:
        raise ImportError("there is no folder in which compiled kernels can be kept: set NUMBA_CACHE_DIR to one")
    return found


def keep_compiled() -> None:
    """Tell Numba where to keep what it compiles."""
    import numba

    settings: Any = numba.config
    found = place_to_keep()
    if found != FOLDER / "__pycache__":  # there it does by itself
        settings.CACHE_DIR = str(found)


def _is_writable(folder: Path) -> bool:
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        return os.access(folder, os.W_OK)
    return False


def _folders() -> Iterator[Path]:
    told = os.environ.get("NUMBA_CACHE_DIR")
    if told:
        yield Path(told)
        return
    yield FOLDER / "__pycache__"
    from platformdirs import user_cache_path

    yield user_cache_path("cortado", appauthor=False) / "kernels"
    private = private_temporary()
    if private is not None:
        yield private


def private_temporary() -> Path | None:
    """A folder in the system's temporary one that is this user's, and that nobody else may have put anything into."""
    if not hasattr(os, "getuid"):
        return None  # not on Windows, where every user has a cache folder
    folder = Path(tempfile.gettempdir()) / f"cortado-kernels-{os.getuid()}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077:
            return folder
    return None


# -- marks --


def is_complete() -> bool:
    """Whether nothing has to be compiled: all is kept, or nothing can be."""
    found = place()
    return found is None or (found / _mark(WHOLE)).exists()


def having(names: Iterable[str]) -> set[str]:
    """Those of the modules that are kept, with all that they are made of."""
    found = place()
    marks: set[str] = set()
    with suppress(OSError):
        marks = set(os.listdir(found)) if found is not None else marks
    return {n for n in names if _mark(n) in marks} if _mark(WHOLE) not in marks else set(names)


def leave_mark(module: str) -> None:
    """The module is compiled and kept. With the last one the marks of all become one."""
    found = place()
    if found is None:
        return
    with suppress(OSError):
        (found / _mark(module)).touch()
        if module != WHOLE and having(modules()) != set(modules()):
            return
        (found / _mark(WHOLE)).touch()
        for name in modules():
            (found / _mark(name)).unlink(missing_ok=True)


@cache
def _mark(module: str) -> str:
    stamp = tuple(_state(p.stem) for p in sorted(FOLDER.glob("*.py"))) if module == WHOLE else imported_by(module)
    said = repr((_machine(), stamp))
    return f"kernels-{module}-{hashlib.sha256(said.encode()).hexdigest()[:16]}"


@cache
def _machine() -> tuple[str, ...]:
    from importlib.metadata import version

    return (sys.version, version("numba"), *(os.uname() if hasattr(os, "uname") else ()))
