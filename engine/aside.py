"""Long calls that cannot look at the stop byte (a sort of millions of values): done in a thread of their own.

Whoever needs the result waits and looks. After a cancel nobody waits any more; what was begun ends by itself soon.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from .context import Context

T = TypeVar("T")
LARGE = 4 << 20  # bytes of data from which a call can take long
LOOK_S = 0.02
MOST_IDLE = 8  # threads that wait for calls; making one for each costs more, and it has no memory of its own yet


class Helper:
    """A thread that does one call after another."""

    def __init__(self) -> None:
        self.calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._work, name="cortado-aside", daemon=True).start()

    def _work(self) -> None:
        while True:
            self.calls.get()()
            if len(idle) >= MOST_IDLE:
                return
            idle.append(self)


idle: deque[Helper] = deque()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=idle.clear)  # their threads are not in the child


def _helper() -> Helper:
    try:
        return idle.pop()
    except IndexError:
        return Helper()


def aside(ctx: Context, nbytes: int, call: Callable[[], T]) -> T:
    """The value of `call`, which works on so many bytes; raises Stopped as soon as the query is cancelled."""
    if nbytes < LARGE:
        return call()
    done = threading.Event()
    got: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            got.append(call())
        except BaseException as why:
            failed.append(why)
        finally:
            done.set()

    _helper().calls.put(run)
    while not done.wait(LOOK_S):
        ctx.check()
    if failed:
        raise failed[0]
    return got[0]  # type: ignore[no-any-return]
