"""At most T tasks at once over all queries of a session."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

LOOK_S = 0.002
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
        """Whether someone waits and the calling thread's task has had its quantum; a thread without a task has no slot."""
        since = getattr(self._mine, "since", None)
        return bool(self._waiting) and since is not None and time.perf_counter() - since >= QUANTUM_S

    def lend(self) -> None:
        """Called by a task that runs: whoever waits goes first, then this task goes on. Hold no lock around it."""
        if not self.wanted():
            return
        back = threading.Event()
        self.give()
        if not self.take(back.set):
            back.wait()
        self.begin()

    def rest(self, until: Callable[[], bool]) -> None:
        """Called by a task that cannot go on: others have its slot until it can. `until` is asked every few milliseconds."""
        has_slot = getattr(self._mine, "since", None) is not None
        if has_slot:
            self.give()
        while not until():
            time.sleep(LOOK_S)
        if has_slot:
            back = threading.Event()
            if not self.take(back.set):
                back.wait()
            self.begin()

    @property
    def n_free(self) -> int:
        return self._free


class Claim:
    """What one scheduler has and wants of the slots: at most one request at a time, so that none takes all turns."""

    def __init__(self, slots: Slots, wake: Callable[[], None]) -> None:
        self._slots, self._wake = slots, wake
        self._lock = threading.Lock()
        self._n_granted = 0
        self._is_waiting = self._is_over = False

    def take(self) -> bool:
        """A slot for one task, which gives it back itself. False: `wake` is called when there may be one."""
        with self._lock:
            if self._n_granted:
                self._n_granted -= 1
                return True
            if self._is_waiting:
                return False
            self._is_waiting = True  # before it may be granted
        if not self._slots.take(self._granted):
            return False
        with self._lock:
            self._is_waiting = False
        return True

    def give_back(self) -> None:
        """There is nothing to do for slots that were waited for."""
        with self._lock:
            n, self._n_granted = self._n_granted, 0
        for _ in range(n):
            self._slots.give()

    def close(self) -> None:
        with self._lock:
            self._is_over = True
        self._slots.withdraw(self._granted)
        self.give_back()

    def _granted(self) -> None:
        """Called by the task that gives its slot."""
        with self._lock:
            if not self._is_over:
                self._n_granted += 1
                self._is_waiting = False
                self._wake()
                return
        self._slots.give()
