"""Compiles kernels in processes of their own, so that a query at work keeps the interpreter and its memory.

What the query waits for comes first, by as many processes as there are processors for, then the rest at low priority. A process
ends by itself, also after the one that asked. Each module is claimed by the process that compiles it, so that those of several
queries share the work.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import kept

if TYPE_CHECKING:
    import subprocess

fcntl: Any
try:
    import fcntl
except ImportError:  # not on Windows, where several may compile the same
    fcntl = None

MOST = 3  # processes for what one query wants
LOCKS = ("kernels.lock", "kernels2.lock", "kernels3.lock")  # who compiles the rest, and who helps at it
PAUSE_S = 0.02
SELDOM = (200_000, 20, 20)  # collections of garbage, of which a compiler makes little for the objects that it keeps


def start(names: Sequence[str], is_urgent: bool, is_helped: bool = False) -> list[subprocess.Popen[bytes]]:
    """Processes that compile these modules, and then all others. None where no process can be started.

    `is_urgent`: at the priority of the query, which then has little use of the time that it loses. `is_helped`: this process
    is one of them.
    """
    numbers = range(int(is_helped), min(MOST, processors()) if is_urgent else 1)
    return [child for number in numbers if (child := _start(names, is_urgent, number)) is not None]


def processors() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start(names: Sequence[str], is_urgent: bool, number: int) -> subprocess.Popen[bytes] | None:
    import subprocess

    root = str(Path(sys.modules[__name__.split(".")[0]].__file__ or "").parents[1])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    code = f"from {__name__} import work; work({list(names)!r}, {is_urgent}, {number})"
    try:
        return subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path}, start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError):  # no other process may be started here
        return None


def work(names: Sequence[str], is_urgent: bool, number: int) -> None:
    """What the process does. `number`: 0, or that of one that helps, for the rest only while processors are idle."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    gc.set_threshold(*SELDOM)
    if not is_urgent:
        _step_back()
    compile_each(names)
    _step_back()
    with _alone(LOCKS[number]) as is_mine:
        if is_mine:
            compile_each(kept.modules(), _is_busy if number else lambda: False)


def _step_back() -> None:
    """Whoever wants the processor comes first."""
    with suppress(OSError, AttributeError):
        os.nice(10)


def _is_busy() -> bool:
    return not hasattr(os, "getloadavg") or os.getloadavg()[0] > processors() + 0.5


def compile_each(
    names: Sequence[str],
    is_stopped: Callable[[], bool] = lambda: False,
) -> bool:
    """Until each module is kept, here or by another process that is at it. Whether it came to the end."""
    from .load import load_module

    todo, done = kept.needed_by(names), set[str]()
    while True:
        done |= kept.having(todo)
        todo = [n for n in todo if n not in done]
        if not todo or is_stopped():
            return not todo
        waiting = frozenset(todo)
        for name in todo:
            if _made_of(name) & waiting:
                continue
            with _claimed(name) as is_mine:
                if not is_mine:
                    continue
                if not kept.having([name]):
                    load_module(name)
                    kept.leave_mark(name)
                    done.add(name)  # also where no mark can be left
                break
        else:
            time.sleep(PAUSE_S)


def _made_of(name: str) -> set[str]:
    return {n for n, _, _ in kept.imported_by(name)} - {name}


@contextmanager
def _claimed(name: str) -> Iterator[bool]:
    """Whether this process is the one to compile the module. A claim ends with the process."""
    fd = _opened("kernels.claims")
    if fd is None:
        yield True
        return
    with open(fd, "r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, kept.modules().index(name))
        except OSError:
            yield False
            return
        yield True


@contextmanager
def _alone(lock: str) -> Iterator[bool]:
    """Whether no other process is at it. Freed also when the process is killed."""
    fd = _opened(lock)
    if fd is None:
        yield True
        return
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        os.truncate(fd, 0)
        os.write(fd, b"%d\n" % os.getpid())  # for who would like to know, or to end it
        yield True
    finally:
        os.close(fd)


def _opened(name: str) -> int | None:
    """A file to lock. None: there are no locks here, or it is another user's; then the same may be compiled twice."""
    place = kept.place()
    if fcntl is None or place is None:
        return None
    with suppress(OSError):
        return os.open(place / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    return None
