"""SIGTERM ends the command through every `finally`, so that nothing stays behind, and surely.

Python raises what a handler raises wherever the main thread is. There it may be lost: in a `__del__`, in a callback of a
weak reference (the import system has one for each module that it loads), in C code that clears whatever it gets. So whoever
was asked to go is asked again while no such exception is on its way.
"""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

TERMINATED = 143
AGAIN_S = 1.0  # between two times; what is on its way has time to clean up where nothing says that it is


@contextmanager
def terminable() -> Iterator[None]:
    """Within it SIGTERM raises SystemExit(143) in the main thread; behind it SIGTERM ends the process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    leaving = _Leaving()
    signal.signal(signal.SIGTERM, leaving.asked)
    told, sys.unraisablehook = sys.unraisablehook, leaving.lost
    try:
        yield
    except BaseException:
        if leaving.was_asked:  # whatever became of it on the way: Python makes a RuntimeError of it in a `__set_name__`
            raise SystemExit(TERMINATED) from None
        raise
    finally:
        leaving.is_over = True
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        sys.unraisablehook = told


class _Leaving:
    def __init__(self) -> None:
        self.is_over = False
        self.was_asked = False
        self._told = sys.unraisablehook

    def lost(self, what: sys.UnraisableHookArgs) -> None:
        """Our own exception was swallowed: it is raised again soon, and there is nothing to tell of."""
        if not _is_ours(what.exc_value):
            self._told(what)

    def asked(self, number: int, frame: FrameType | None) -> None:
        if self.is_over or _is_under_way():
            return
        if not self.was_asked:
            self.was_asked = True
            _thread.start_new_thread(self._ask_again, ())  # `threading` takes locks that the main thread may hold
        raise SystemExit(TERMINATED)

    def _ask_again(self) -> None:
        main = threading.main_thread().ident
        assert main is not None
        while True:
            time.sleep(AGAIN_S)
            if self.is_over:
                return
            if hasattr(signal, "pthread_kill"):
                signal.pthread_kill(main, signal.SIGTERM)  # wakes it, should it wait for a lock
            else:
                _thread.interrupt_main(signal.SIGTERM)


def _is_under_way() -> bool:
    """Whether the main thread runs a `finally` or an `except` on behalf of a SystemExit of ours."""
    found = sys.exc_info()[1]
    while found is not None:
        if _is_ours(found):
            return True
        found = found.__context__
    return False


def _is_ours(found: BaseException | None) -> bool:
    return isinstance(found, SystemExit) and found.code == TERMINATED
