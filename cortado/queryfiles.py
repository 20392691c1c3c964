"""Where saved queries are found: relative to a file, and along the query path. Every path goes through the session's gate."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from .engine.storage.paths import Gate
from .planner.text import QueryError, fault

ENDING = ".cq"
FOLDER = "queries"  # in the database folder


def decoded(raw: bytes, file: str) -> str:
    """The text of a saved query; E605 if it is no UTF-8."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as why:
        raise fault("E605", f"`{file}` is no UTF-8 text: {why.reason} at byte {why.start:,}") from None


class QueryFiles:
    """`planner.procedures.Files` for one bind. `gate`: the one of the moment, as a query may turn safe; `database`: its folder."""

    def __init__(self, gate: Callable[[], Gate], path: Sequence[str], database: Path | None) -> None:
        self._now, self._path = gate, path
        self._own = database / FOLDER if database is not None else None

    @property
    def _gate(self) -> Gate:
        return self._now()

    def read(self, path: str) -> str:
        return decoded(self._gate.read_bytes(path, self._within(path)), path)

    def identity(self, path: str) -> str:
        try:
            return os.path.realpath(path)
        except (OSError, ValueError):  # no usable path: to read it says so
            return path

    def relative(self, path: str, folder: str) -> str:
        return os.path.normpath(os.path.join(folder, os.path.expanduser(path) if path.startswith("~/") else path))

    def folder(self, path: str) -> str:
        return os.path.dirname(path)

    def find(self, name: str, folder: str) -> str | None:
        """The first file of that name along the query path. Folders that the gate does not open are passed over."""
        if not name or os.path.basename(name) != name or "\0" in name:
            return None
        for place in self._folders(folder):
            path = os.path.join(place, name + ENDING)
            try:
                if self._gate.exists(path, self._within(path)):
                    return path
            except QueryError:
                continue
        return None

    def names(self, folder: str) -> list[tuple[str, str]]:
        """Procedures along the query path with their files, by name; of several files of one name the first."""
        found: dict[str, str] = {}
        for place in self._folders(folder):
            try:
                gate = self._gate if self._within(place) is None else Gate()  # its own folder is open to the engine
                files = gate.list(Path(place or "."))
            except (QueryError, OSError):
                continue
            for file, _ in files:
                if file.endswith(ENDING) and not file.startswith("."):
                    found.setdefault(file.removesuffix(ENDING), os.path.join(place, file))
        return sorted(found.items())

    def where(self, folder: str) -> str:
        own = str(self._own)
        names = {"": "the working folder", own: f"`{FOLDER}` of the database"}
        places = [names.get(p, p) + ("" if self._is_open(p) else " (not open)") for p in self._folders(folder)]
        return "files NAME.cq are looked for in " + ", ".join(dict.fromkeys(places))

    def _is_open(self, place: str) -> bool:
        try:
            self._gate.exists(place or ".", self._within(place))
        except QueryError:
            return False
        return True

    def _folders(self, folder: str) -> Iterator[str]:
        yield folder
        yield from self._path
        if self._own is not None:
            yield str(self._own)

    def _within(self, path: str) -> Path | None:
        """The database's folder of queries, where the path leads into it: its files are open as its tables are."""
        if self._own is None:
            return None
        inside = Path(os.path.abspath(path))
        own = Path(os.path.abspath(self._own))
        return own if inside == own or own in inside.parents else None


__all__ = ["QueryFiles", "decoded"]
