"""At most T tasks at once over all queries of a session."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

QUANTUM_S = 0.005  # a task keeps its slot at least this long: handing it over costs some 0.1 ms


class Slots:
    """A freed slot goes to whoever has waited longest: he is called, and must use it or give it on."""

    def __init__(self, n: int) -> None:
        self._free = n
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self._mine = threading.local()

    def take(self, granted: Callable[[], None]) -> bool:
        """True: the slot is yours now. False: `granted` is called, once, when it is."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            self._waiting.append(granted)
            return False

    def withdraw(self, granted: Callable[[], None]) -> bool:
        """No longer waiting; False if the slot was granted meanwhile."""
        with self._lock:
            try:
                self._waiting.remove(granted)
            except ValueError:
                return False
            return True

    def give(self) -> None:
        with self._lock:
            if not self._waiting:
                self._free += 1
                return
            granted = self._waiting.popleft()
        granted()

    def begin(self) -> None:
        """The calling thread starts a task; its quantum begins."""
        self._mine.since = time.perf_counter()

    def wanted(self) -> bool:
        """Whether someone waits and the calling thread's task has had its quantum."""
        return bool(self._waiting) and time.perf_counter() - getattr(self._mine, "since", 0.0) >= QUANTUM_S

    def lend(self) -> None:
        """Called by a task that runs: whoever waits goes first, then this task goes on. Hold no lock around it."""
        if not self.wanted():
            return
        back = threading.Event()
        self.give()
        if not self.take(back.set):
            back.wait()
        self.begin()

    @property
    def n_free(self) -> int:
        return self._free
