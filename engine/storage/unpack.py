"""Compressed files as streams: what is good is handed on first, then the fault is raised.

A stream that grows out of all proportion (a compression bomb) is E701; one that is cut off or damaged is E605
and says how many unpacked bytes came before.
"""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, BinaryIO, Protocol, cast

import pyarrow as pa

from ...planner.records import dataclass
from ...planner.text import QueryError, fault

PACKED_SUFFIXES = (".gz", ".zst", ".bz2", ".xz")
_IN, _OUT = 256 << 10, 1 << 20  # bytes read, bytes unpacked at a time: what a bomb can take before it is seen
_XZ_MEMORY = 512 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """A stream may give `ratio` times its packed size, and `free` bytes whatever its size."""

    ratio: int = 200
    free: int = 64 << 20

    def for_size(self, packed: int) -> int:
        return max(self.free, packed * self.ratio)


class _Member(Protocol):
    """One member of a packed file, as bz2 and lzma have it."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


@cache
def _inflate() -> Any:
    """ISA-L, which is three times as fast as zlib and has its interface; zlib where it is not there."""
    try:
        from isal import isal_zlib
    except ImportError:
        return zlib
    return isal_zlib


class _Gzip:
    """zlib in the shape of the other two."""

    def __init__(self) -> None:
        self._inner = _inflate().decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data)

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        out: bytes = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        return out


_MAGIC = {
    ".gz": (b"\x1f\x8b\x08",),
    ".zst": (b"\x28\xb5\x2f\xfd",),
    ".xz": (b"\xfd7zXZ\0",),
    ".bz2": tuple(b"BZh%d%s" % (n, what) for n in range(1, 10) for what in (b"1AY&SY", b"\x17rE8P\x90")),
}
MAGIC_BYTES = 10  # the longest of them


def packed_as(head: bytes) -> str | None:
    """The suffix of a packed file that begins with these bytes."""
    return next((suffix for suffix, known in _MAGIC.items() if head.startswith(known)), None)


def may_be_packed(byte: bytes) -> bool:
    """Whether packed bytes can begin with this one."""
    return any(m[:1] == byte for known in _MAGIC.values() for m in known)


class Piped:
    """A pipe as a source: its bytes come once, and how many there are is not known. `front` was read of it."""

    def __init__(self, stream: BinaryIO, front: bytes) -> None:
        self._stream, self._front, self.n_read = stream, front, 0
        self.closed = False

    def read(self, size: int) -> bytes:
        out, self._front = self._front[:size], self._front[size:]
        if not out:
            out = self._stream.read(size)
        self.n_read += len(out)
        return out

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


class Fronted(io.RawIOBase):
    """A stream of which `front` was read already."""

    def __init__(self, stream: BinaryIO, front: bytes) -> None:
        self._stream, self._front = stream, front

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        if not self._front:
            return self._stream.read(-1 if size is None else size)
        wanted = len(self._front) if size is None or size < 0 else size
        out, self._front = self._front[:wanted], self._front[wanted:]
        if size is None or size < 0:
            return out + self._stream.read()
        return out if len(out) == size else out + self._stream.read(size - len(out))

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)


_MEMBERS: dict[str, Callable[[], _Member]] = {
    ".gz": _Gzip,
    ".bz2": bz2.BZ2Decompressor,
    ".xz": lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY),
}


class Unpacked(io.RawIOBase):
    """The unpacked bytes of one file. `read` returns all good bytes before it raises, then raises every time."""

    def __init__(self, name: str, source: pa.NativeFile | Piped, suffix: str, limits: Limits) -> None:
        self.name = name
        self.good_bytes = 0  # unpacked so far
        self.fault: QueryError | None = None  # known as soon as the last good byte is unpacked
        self._source, self._suffix, self._limits = source, suffix, limits
        self._head = b""
        if not isinstance(source, Piped):
            self._head = source.read(MAGIC_BYTES)
            source.seek(0)
        self._size = None if isinstance(source, Piped) else int(source.size())
        self._blocks = _zstd_blocks(source) if suffix == ".zst" else _member_blocks(source, _MEMBERS[suffix])
        self._block = memoryview(b"")
        self._at = 0  # in the block

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        wanted = -1 if size is None else size
        parts: list[memoryview] = []
        have = 0
        while wanted < 0 or have < wanted:
            if self._at == len(self._block):
                self._block, self._at = memoryview(self._next_block()), 0
            if not self._block:
                break
            piece = self._block[self._at : len(self._block) if wanted < 0 else self._at + wanted - have]
            self._at += len(piece)
            parts.append(piece)
            have += len(piece)
        if not have and wanted and self.fault is not None:
            raise self.fault
        return b"".join(parts)

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def _next_block(self) -> bytes:
        """Empty at the end, and at a fault, which is then kept."""
        if self.fault is not None:
            return b""
        try:
            block = next(self._blocks, b"")
        except (EOFError, OSError, ValueError, lzma.LZMAError, zlib.error, _inflate().error) as why:
            self.fault = self._not_packed() or fault(
                "E605",
                f"`{self.name}` is cut off or damaged: {self.good_bytes} unpacked bytes before that are good ({why})",
                hint="fetch the file again, or unpack what is left of it first",
            )
            self.fault.__cause__ = why
            return b""
        self.good_bytes += len(block)
        limit = self._limits.for_size(self._source.n_read if isinstance(self._source, Piped) else self._size or 0)
        if self.good_bytes > limit:
            self.fault = fault(
                "E701",
                f"`{self.name}` unpacks to more than {limit} bytes, out of proportion to its size",
                hint="if it is genuine, unpack it to a plain file first",
            )
        return block

    def _not_packed(self) -> QueryError | None:
        """What to say of a file whose first bytes are not those that its name promises; None: they are."""
        known, head = _MAGIC[self._suffix], self._head
        if self.good_bytes or isinstance(self._source, Piped):
            return None
        if any(head.startswith(m) or m.startswith(head) for m in known):
            return None
        return fault(
            "E605", f"`{self.name}` does not hold what its ending says: it begins with {head!r}",
            hint=f"give it the ending that fits; packed files ending in {self._suffix} begin with {known[0]!r}",
        )  # fmt: skip

    def close(self) -> None:
        self._source.close()
        super().close()


def _member_blocks(source: pa.NativeFile | Piped, new: Callable[[], _Member]) -> Iterator[bytes]:
    """Members follow one another; zero bytes after the last are padding. A cut is EOFError."""
    member, begun = new(), False
    while True:
        packed = source.read(_IN)
        if not packed:
            if begun:
                raise EOFError("the end is missing")
            return
        while packed:
            if not begun and not (packed := packed.lstrip(b"\0")):
                break
            begun = True
            yield from _drain(member, packed)
            packed = b""
            if member.eof:
                packed = member.unused_data
                member, begun = new(), False


def _drain(member: _Member, packed: bytes) -> Iterator[bytes]:
    while True:
        block = member.decompress(packed, _OUT)
        if block:
            yield block
        if member.eof or (member.needs_input and len(block) < _OUT):
            return
        packed = b""


def _zstd_blocks(source: pa.NativeFile | Piped) -> Iterator[bytes]:
    """Arrow drops the whole read in which a fault lies, so the last good bytes are fetched one by one (not of a pipe)."""
    size, given = 64 << 10, 0
    if isinstance(source, Piped):
        size = 4 << 10
        stream = pa.CompressedInputStream(pa.PythonFile(cast(Any, source), mode="r"), "zstd")
    else:
        stream = pa.CompressedInputStream(source, "zstd")
        if source.size() == 0:
            return
    while True:
        try:
            block = stream.read(size)
        except (OSError, pa.ArrowException) as why:
            if not isinstance(source, Piped):
                yield from _last_bytes(source, given, size)
            raise EOFError(str(why)) from why
        if not block:
            return
        given += len(block)
        yield block


def _last_bytes(source: pa.NativeFile, given: int, size: int) -> Iterator[bytes]:
    source.seek(0)
    again = pa.CompressedInputStream(source, "zstd")
    for _ in range(given // size):
        again.read(size)
    tail = bytearray()
    try:
        while byte := again.read(1):
            tail += byte
    except (OSError, pa.ArrowException):
        pass
    if tail:
        yield bytes(tail)
