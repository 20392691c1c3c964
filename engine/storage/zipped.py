"""Entries of ZIP archives as files that can be read from front to back: what the gate is for files on disk."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from ...planner.text import QueryError, fault, nearest
from .paths import FileStat, Gate
from .unpack import PACKED_SUFFIXES, Limits, Piped, Unpacked

PART = 64 << 10  # bytes at a time: what is lost before a checksum that is not right
FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)


class ZipGate:
    """The entries of one or more archives that match a pattern. A path is `archive/entry`; threads may share it."""

    def __init__(self, gate: Gate, archives: list[str], limits: Limits | None = None) -> None:
        self._gate, self._limits = gate, limits or Limits()
        self._names = {archive: self._names_of(archive) for archive in archives}
        self._entries: dict[str, tuple[str, str]] = {}

    def choose(self, pattern: str) -> None:
        """Narrows it to the entries that match."""
        wanted = _pattern(pattern)
        for archive, names in self._names.items():
            for name in names:
                if name == pattern or wanted.fullmatch(name):
                    self._entries[f"{archive}/{name}"] = (archive, name)
        if self._entries:
            return
        shown = next(iter(self._names)) if len(self._names) == 1 else f"{len(self._names)} archives"
        if re.search(r"[*?]", pattern):
            raise fault("E601", f"no entry of `{shown}` matches `{pattern}`",
                        hint="`*` matches within a folder, `**/` any folders")  # fmt: skip
        every = [name for names in self._names.values() for name in names]
        raise fault("E601", f"`{shown}` has no entry `{pattern}`", suggestions=nearest(pattern, every, 3))

    def _names_of(self, archive: str) -> list[str]:
        with self._opened(archive) as found:
            return sorted({i.filename for i in found.infolist() if not i.is_dir()})

    @contextmanager
    def _opened(self, archive: str) -> Iterator[zipfile.ZipFile]:
        with self._gate.open_stream(archive) as source:
            try:
                found = zipfile.ZipFile(source)
            except FAULTS as why:
                raise fault("E605", f"`{archive}` is no ZIP archive, or is damaged: {why}") from why
            with found:
                yield found

    def names(self) -> list[str]:
        """Of the entries, without the archives."""
        return [name for _, name in self._entries.values()]

    def glob(self, pattern: str) -> list[str]:
        return list(self._entries)

    def is_packed(self, path: str) -> bool:
        """All of them are."""
        return True

    def stat(self, path: str) -> FileStat:
        archive, name = self._entries[path]
        with self._opened(archive) as found:
            return FileStat(found.getinfo(name).file_size, 0)

    def open_stream(self, path: str) -> BinaryIO:
        """From front to back; of a damaged entry all that is good, then E605."""
        archive, name = self._entries[path]
        source = self._gate.open_stream(archive)
        try:
            found = zipfile.ZipFile(source)
            info = found.getinfo(name)
            stream = Entry(path, found.open(info), source, self._limits.for_size(info.compress_size))
        except FAULTS as why:
            source.close()
            raise fault("E605", f"`{path}` cannot be read: {_said(why)}") from why
        except KeyError:
            source.close()
            raise fault("E605", f"`{path}` was replaced while it was read", hint="run the query again") from None
        except BaseException:
            source.close()
            raise
        suffix = next((s for s in PACKED_SUFFIXES if name.lower().endswith(s)), None)
        made = stream if suffix is None else Unpacked(path, Piped(cast(BinaryIO, stream), b""), suffix, self._limits)
        return cast(BinaryIO, made)


class Entry(io.RawIOBase):
    """The bytes of one entry, whose checksum is compared at its end."""

    def __init__(self, name: str, inner: Any, source: BinaryIO, limit: int) -> None:
        self._name, self._inner, self._source, self._limit = name, inner, source, limit
        self._given = 0
        self._fault: QueryError | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        if self._fault is not None:
            raise self._fault
        parts: list[bytes] = []
        left = -1 if size is None or size < 0 else size
        while left:
            part = self._part(PART if left < 0 else min(left, PART))
            if not part:
                break
            parts.append(part)
            left -= len(part) if left > 0 else 0
        if not parts and self._fault is not None:
            raise self._fault
        return b"".join(parts)

    def _part(self, size: int) -> bytes:
        """Empty at the end, and at a fault, which is then kept."""
        if self._fault is not None:
            return b""
        try:
            part: bytes = self._inner.read(size)
        except FAULTS as why:
            self._fault = fault("E605", f"`{self._name}` is cut off or damaged behind byte {self._given}: {_said(why)}")
            return b""
        self._given += len(part)
        if self._given > self._limit:
            self._fault = fault("E701", f"`{self._name}` unpacks to more than {self._limit} bytes, out of proportion to its size",
                                hint="if it is genuine, unpack it to a plain file first")  # fmt: skip
            return b""
        return part

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
            self._source.close()
        super().close()


def _said(why: BaseException) -> str:
    said = str(why) or type(why).__name__
    return "it is encrypted" if "encrypted" in said or "password" in said else said


def _pattern(text: str) -> re.Pattern[str]:
    """`*` and `?` within a folder, `**` over folders."""
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(words.get(w) or re.escape(w) for w in re.findall(r"\*\*/|\*\*|.", text, re.S)), re.S)


__all__ = ["Entry", "ZipGate"]
