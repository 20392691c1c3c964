"""Compiles the kernels in a process of its own, so that a query at work keeps the interpreter and its memory.

Numba keeps what it compiled; a mark says that it has kept all kernels as they are now. The process lasts some twenty seconds
of processor time and ends by itself, also after the one that asked; others that ask meanwhile wait for the same one.
"""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

fcntl: Any
try:
    import fcntl
except ImportError:  # not on Windows, where several may compile at once
    fcntl = None

_FOLDER = Path(__file__).parent


def is_needed() -> bool:
    """Whether kernels have to be compiled: there is no mark, though one can be left."""
    place = _place()
    return place is not None and not (place / _mark()).exists()


def leave_mark() -> None:
    """All kernels are compiled, and kept."""
    place = _place()
    if place is not None:
        with suppress(OSError):
            (place / _mark()).touch()


def _place() -> Path | None:
    """The folder for marks and compiled kernels: where Numba is told to keep things, else beside the source, else the user's."""
    return next((folder for folder in _folders() if _is_writable(folder)), None)


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
    yield _FOLDER / "__pycache__"
    from platformdirs import user_cache_path

    yield user_cache_path("cortado", appauthor=False) / "kernels"
    private = _private_temporary()
    if private is not None:
        yield private


def _private_temporary() -> Path | None:
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


def keep_compiled() -> None:
    """Tell Numba where to keep what it compiles."""
    import numba

    settings: Any = numba.config
    place = place_to_keep()
    if place != _FOLDER / "__pycache__":  # there it does by itself
        settings.CACHE_DIR = str(place)


def place_to_keep() -> Path:
    """The folder for compiled kernels. Raises ImportError if there is none: to compile takes too long to do it each time."""
    place = _place()
    if place is None:
        raise ImportError("there is no folder in which compiled kernels can be kept: set NUMBA_CACHE_DIR to one")
    return place


def _mark() -> str:
    """Its name changes with the kernels, Python, Numba and the machine."""
    from importlib.metadata import version

    said = [sys.version, version("numba"), *os.uname()] if hasattr(os, "uname") else [sys.version, version("numba")]
    for path in sorted(_FOLDER.glob("*.py")):
        found = path.stat()
        said.append(f"{path.name} {found.st_mtime_ns} {found.st_size}")
    return f"kernels-{hashlib.sha256(repr(said).encode()).hexdigest()[:16]}"


def compile_all(is_ending: Callable[[], bool]) -> None:
    """Starts the process and waits for it, unless this one ends. What it could not do is left for others to do."""
    child = _start()
    if child is None:
        return
    while not is_ending():
        with suppress(subprocess.TimeoutExpired):
            child.wait(0.05)
            return
    child.terminate()  # it takes no notice once it is at work


def _start() -> Any:
    root = str(Path(sys.modules[__name__.split(".")[0]].__file__ or "").parents[1])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    code = f"from {__name__} import work; work()"
    try:
        return subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path}, start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError):  # no other process may be started here
        return None


def work() -> None:
    """What the process does. Whoever wants the processor meanwhile comes first."""
    from . import load

    with suppress(OSError, AttributeError):
        os.nice(10)

    with _alone():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        load.compile_here()


@contextmanager
def _alone() -> Iterator[None]:
    """Only one process compiles at a time; those behind it find all kept. Freed also when the process is killed."""
    place = _place()
    if fcntl is None or place is None:
        yield
        return
    fd = os.open(place / "kernels.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.truncate(fd, 0)
        os.write(fd, b"%d\n" % os.getpid())  # for who would like to know, or to end it
        yield
    finally:
        os.close(fd)
