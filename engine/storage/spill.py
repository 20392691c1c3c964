"""Scratch space of one process: a private folder that is swept even after a crash, and a quota."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa

from ...planner.text import QueryError, fault

try:
    import fcntl
except ImportError:  # Windows: no lock, so the folders of other processes are left alone
    fcntl = None  # type: ignore[assignment]

_PREFIX = "cortado-"
_LOCK = ".lock"


class SpillArea:
    """A 0700 folder below `root`, locked as long as this process lives.

    The lock lies beside the folder, so there is no moment at which a folder has no lock. `limit`: bytes that all open
    files together may hold (setting `spill_limit`); None is half of what is free now. Safe between threads.
    """

    def __init__(self, root: str | Path, limit: int | None = None) -> None:
        self._root = Path(os.path.realpath(root))
        self._root.mkdir(parents=True, exist_ok=True)
        sweep(self._root)
        self.limit = shutil.disk_usage(self._root).free // 2 if limit is None else limit
        self.used = 0
        self.peak = 0
        self._mutex = threading.Lock()
        self._n_files = 0
        self._open: set[SpillFile] = set()
        self._lock_fd = -1
        self.folder = self._make()

    def _make(self) -> Path:
        while True:
            folder = self._root / f"{_PREFIX}{os.getpid()}-{os.urandom(6).hex()}"
            lock = folder.with_name(folder.name + _LOCK)
            fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            if fcntl is not None:
                fcntl.flock(fd, fcntl.LOCK_EX)
            try:
                still_there = os.stat(lock).st_ino == os.fstat(fd).st_ino
            except FileNotFoundError:  # another process swept it before it was locked
                still_there = False
            if still_there:
                folder.mkdir(mode=0o700)
                self._lock_fd = fd
                return folder
            os.close(fd)

    def new_file(self, what: str = "") -> SpillFile:
        """A file to write once and read again. `what` names the owner in messages."""
        with self._mutex:
            self._n_files += 1
            found = SpillFile(self, self.folder / f"{self._n_files:06d}", what)
            self._open.add(found)
        return found

    def make_folder(self, name: str) -> Path:
        """A folder in the area, as for the tables of a session without a database."""
        made = self.folder / name
        made.mkdir(mode=0o700, exist_ok=True)
        return made

    def _charge(self, nbytes: int, what: str) -> None:
        with self._mutex:
            self.used += nbytes
            self.peak = max(self.peak, self.used)
            over = self.used > self.limit
        if over:
            raise full(what, f"more than spill_limit ({self.limit} bytes)")

    def _give(self, file: SpillFile, nbytes: int) -> None:
        with self._mutex:
            self.used -= nbytes
            self._open.discard(file)

    def close(self) -> None:
        """Removes everything. May be called again."""
        for file in list(self._open):
            file.close()
        if self._lock_fd < 0:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.folder.with_name(self.folder.name + _LOCK))
        os.close(self._lock_fd)
        self._lock_fd = -1

    def __enter__(self) -> SpillArea:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SpillFile:
    """One run: written through `write_batch` or `sink`, then read, then gone. One thread at a time."""

    def __init__(self, area: SpillArea, path: Path, what: str) -> None:
        self._area, self._path, self._what = area, path, what
        self._sink: pa.NativeFile | None = None
        self._writer: Any = None
        self._charged = 0
        self._closed = False

    @property
    def nbytes(self) -> int:
        return self._charged

    @property
    def sink(self) -> pa.NativeFile:
        """The file for writing; whoever writes to it himself calls `charge` now and then."""
        if self._sink is None:
            try:
                self._sink = pa.OSFile(str(self._path), "wb")
            except OSError as why:
                raise full(self._what, f"space in the spill folder ({why})") from why
        return self._sink

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Appends to one Arrow IPC stream (the stream format lets dictionaries change from batch to batch)."""
        try:
            if self._writer is None:
                self._writer = pa.ipc.new_stream(self.sink, batch.schema)
            self._writer.write_batch(batch)
        except OSError as why:
            raise full(self._what, f"more room than the disk has ({why})") from why
        self.charge()

    def charge(self) -> None:
        """Counts what was written since the last call; above the quota E702."""
        more = self.sink.tell() - self._charged
        self._charged += more
        self._area._charge(more, self._what)

    def finish(self) -> None:
        """Ends writing. Called by the readers as well."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._sink is not None and not self._sink.closed:
            self.charge()
            self._sink.close()

    def open_read(self, *, last: bool = True) -> pa.NativeFile:
        """The written bytes. With `last` the name is removed now: the space is free when the reader is closed."""
        self.finish()
        reader = pa.OSFile(str(self._path), "rb")
        if last and os.name == "posix":
            os.unlink(self._path)
        return reader

    def batches(self, *, last: bool = True) -> Iterator[pa.RecordBatch]:
        """What `write_batch` took, in order; nothing if it was never called."""
        self.finish()
        if not self._charged:
            return
        with self.open_read(last=last) as source, pa.ipc.open_stream(source) as reader:
            yield from reader

    def close(self) -> None:
        """Gives the space back. Always safe."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(QueryError, OSError):
            self.finish()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        self._area._give(self, self._charged)


def full(what: str, needs: str) -> QueryError:
    whose = f"{what}: " if what else ""
    return fault(
        "E702",
        f"{whose}spilling to disk needs {needs}",
        hint="raise spill_limit, give more memory, or point spill_dir at a larger disk",
    )


def sweep(root: Path) -> list[str]:
    """Removes the folders of processes that are gone: their locks can be taken. Returns the names."""
    if fcntl is None:
        return []
    gone = []
    for entry in sorted(os.listdir(root)):
        if entry.startswith(_PREFIX) and entry.endswith(_LOCK) and _sweep_one(root, entry):
            gone.append(entry.removesuffix(_LOCK))
    return gone


def _sweep_one(root: Path, lock: str) -> bool:
    try:
        fd = os.open(root / lock, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:  # another user's, or gone by now
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(root / lock.removesuffix(_LOCK), ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(root / lock)
        return True
    except OSError:  # its owner lives
        return False
    finally:
        os.close(fd)
