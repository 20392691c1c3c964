"""Files that appear whole or not at all: written under a hidden name beside the target, then renamed."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

from ...planner.text import QueryError, fault


def exists_already(shown: str, hint: str = "overwrite=t replaces it, append=t adds to it") -> QueryError:
    return fault("E602", f"`{shown}` exists", hint=hint)


class AtomicFile:
    """`stream` takes the bytes; `commit` makes them the target, `abort` forgets them. Both may be called again.

    As a context manager it commits, or aborts after an exception. With `append` the new bytes are joined to what the
    target holds at commit, in a copy, so that a crash leaves the old file whole.
    """

    def __init__(
        self, target: Path, shown: str, *, overwrite: bool = False, append: bool = False, durable: bool = True
    ) -> None:
        self.target = target
        self._shown, self._overwrite, self._append, self._durable = shown, overwrite, append, durable
        if _taken(target, shown) and not overwrite and not append:
            raise exists_already(shown)
        self._aside = self._name_aside()
        self.stream: BinaryIO = _create(self._aside, shown)
        self._done = False

    @property
    def appending(self) -> bool:
        """Whether there is something to append to (then a format may leave out its header)."""
        return self._append and os.path.exists(self.target) and os.path.getsize(self.target) > 0

    def share(self, pool: Handles) -> None:
        """From here on the file is open only while `pool` has room for it; its stream opens it again as it is written."""
        self.stream = cast(BinaryIO, pool.take(self._aside, self.stream))

    def _name_aside(self) -> Path:
        return self.target.parent / f".{os.urandom(6).hex()}.tmp"

    def commit(self) -> None:
        if self._done:
            return
        self._done = True
        try:
            _finish(self.stream, self._durable)
            if self.appending:
                self._join()
            if os.path.exists(self.target):
                shutil.copymode(self.target, self._aside)
            self._publish()
            if self._durable:
                sync_path(self.target.parent)
        except OSError as why:
            raise fault("E605", f"`{self._shown}` cannot be written: {why.strerror or why}") from why
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._aside)

    def _join(self) -> None:
        joined = self._name_aside()
        try:
            with _create(joined, self._shown) as out:
                for part in (self.target, self._aside):
                    with open(part, "rb") as source:
                        shutil.copyfileobj(source, out, 1 << 20)
                _finish(out, self._durable)
            os.replace(joined, self._aside)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(joined)
            raise

    def _publish(self) -> None:
        if self._overwrite or self._append:
            os.replace(self._aside, self.target)
            return
        try:
            os.link(self._aside, self.target)  # fails if the name was taken meanwhile, which a rename does not see
        except FileExistsError as taken:
            raise exists_already(self._shown) from taken
        except OSError:  # a file system without links
            os.replace(self._aside, self.target)

    def abort(self) -> None:
        if self._done:
            return
        self._done = True
        self.stream.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._aside)

    def __enter__(self) -> AtomicFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, trace: TracebackType | None
    ) -> None:
        if why is None:
            self.commit()
        else:
            self.abort()


class Handles:
    """Keeps at most `most` of many files open: those written to last. One thread at a time."""

    def __init__(self, most: int = 128) -> None:
        self._most = most
        self._open: dict[Shared, None] = {}  # the least recently used first

    def take(self, path: Path, stream: BinaryIO) -> Shared:
        made = Shared(path, stream, self)
        self.used(made)
        return made

    def used(self, stream: Shared) -> None:
        self._open.pop(stream, None)
        self._open[stream] = None
        while len(self._open) > self._most:
            oldest = next(iter(self._open))
            self.gone(oldest)
            oldest.suspend()

    def gone(self, stream: Shared) -> None:
        self._open.pop(stream, None)


class Shared:
    """A file that is being written, from front to end; closed at times, and opened again at its end."""

    def __init__(self, path: Path, stream: BinaryIO, pool: Handles) -> None:
        self.name, self.closed = os.fspath(path), False
        self._pool, self._at = pool, 0
        self._stream: BinaryIO | None = stream

    def _opened(self) -> BinaryIO:
        if self._stream is None:
            self._stream = open(self.name, "ab")  # noqa: SIM115
        self._pool.used(self)
        return self._stream

    def suspend(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def write(self, data: bytes) -> int:
        self._opened().write(data)
        n = memoryview(data).nbytes
        self._at += n
        return n

    def tell(self) -> int:
        return self._at

    def writable(self) -> bool:
        return True

    def flush(self) -> None:
        if self._stream is not None:
            self._stream.flush()

    def fileno(self) -> int:
        return self._opened().fileno()

    def close(self) -> None:
        self.closed = True
        self._pool.gone(self)
        self.suspend()


def _taken(path: Path, shown: str) -> bool:
    try:
        os.lstat(path)
        return True
    except FileNotFoundError:
        return False
    except OSError as why:  # a name that is too long would be seen only at commit
        raise fault("E605", f"`{shown}` cannot be written: {why.strerror or why}") from why


def _create(path: Path, shown: str) -> BinaryIO:
    try:
        return open(path, "xb")
    except FileNotFoundError as gone:
        raise fault("E601", f"no folder `{path.parent}` to write `{shown}` in", hint="make the folder first") from gone
    except OSError as why:
        hint = "`ulimit -n` allows more open files" if why.errno == errno.EMFILE else ""
        raise fault("E605", f"`{shown}` cannot be written: {why.strerror or why}", hint=hint) from why


def _finish(stream: BinaryIO, durable: bool) -> None:
    if stream.closed:  # some writers close what they write to
        if durable and isinstance(stream.name, str):
            sync_path(Path(stream.name))
        return
    stream.flush()
    if durable:
        os.fsync(stream.fileno())
    stream.close()


def sync_path(path: Path) -> None:
    """fsync of a file or folder (a folder's sync makes its names durable)."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
