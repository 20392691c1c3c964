"""Loads the compiled kernels: numba is imported only from here, and only when asked.

Kernels are ready when Numba is there and all are known to be kept: each module is loaded from the cache by whoever first
uses it, in some ten milliseconds, as a query needs a few of them. Where they are not kept they are compiled beforehand.
"""

from __future__ import annotations

import importlib
import pkgutil
import threading
import time
from collections.abc import Callable
from types import ModuleType

from . import aside

FIRST = f"{__package__}.words"  # a small one: the first that is loaded makes Numba set itself up, which takes as long as ten others

_lock = threading.Lock()
_loading = threading.Lock()
_thread: threading.Thread | None = None
_is_ready = False
_is_compiling = False  # in another process
_error: BaseException | None = None


def ready() -> bool:
    """Whether kernels may be used: the next import of a module of theirs takes no time that matters."""
    return _is_ready


def failure() -> BaseException | None:
    """Why the kernels could not be loaded, if so; the general kernels go on answering."""
    return _error


def modules() -> list[str]:
    """Full names of the kernel modules."""
    package = importlib.import_module(__package__)
    return sorted(
        f"{package.__name__}.{m.name}"
        for m in pkgutil.iter_modules(package.__path__)
        if m.name not in ("aside", "load", "jit")
    )


def ensure(background: bool) -> None:
    """Make the kernels ready. `background`: in a thread, compiled first if need be, and return at once.

    Without `background` what is not kept is compiled when it is first used, and a failure raises. After a failure in the
    background nothing is tried again.
    """
    global _thread
    if _is_ready:
        return
    if not background:
        _load([FIRST])
        return
    with _lock:
        if _thread is None and _error is None:
            _thread = threading.Thread(target=_quietly, name="cortado-kernels")
            _thread.start()


def wait(timeout_s: float, is_stopped: Callable[[], bool]) -> None:
    """Until the kernels are there, will not come soon (they are being compiled), or the time is up."""
    until = time.monotonic() + timeout_s
    while not _is_ready and _error is None and not is_stopped() and (left := until - time.monotonic()) > 0:
        thread = _thread
        if thread is None or not thread.is_alive() or _is_compiling:
            return
        thread.join(min(left, 0.05))


def _quietly() -> None:
    global _error, _is_compiling
    try:
        aside.place_to_keep()
        if aside.is_needed():
            _is_compiling = True
            aside.compile_all(_is_ending)
            if aside.is_needed():  # no other process could do it
                compile_here(_is_ending)
            _is_compiling = False
        if not _is_ending():
            _load([FIRST])
    except BaseException as why:  # whatever it is, the general kernels answer
        _error = why


def _is_ending() -> bool:
    """The process ends: do not hold it up."""
    return not threading.main_thread().is_alive()


def compile_here(is_stopped: Callable[[], bool] = lambda: False) -> None:
    """Compile what is not kept yet, one module after the other. All are loaded then, and ready."""
    if _load(modules(), is_stopped):
        aside.leave_mark()


def _load(names: list[str], is_stopped: Callable[[], bool] = lambda: False) -> bool:
    """Whether it came to the end."""
    global _is_ready
    with _loading:
        for name in names:
            if is_stopped():
                return False
            _import(name)
        _is_ready = True
        return True


def _import(name: str) -> ModuleType:
    return importlib.import_module(name)
