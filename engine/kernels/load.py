"""Loads the compiled kernels: numba is imported only from here, and only when asked."""

from __future__ import annotations

import importlib
import pkgutil
import threading
import time
from collections.abc import Callable
from types import ModuleType

from . import aside

_lock = threading.Lock()
_loading = threading.Lock()
_thread: threading.Thread | None = None
_is_ready = False
_is_compiling = False  # in another process
_error: BaseException | None = None


def ready() -> bool:
    """Whether every kernel module is there."""
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
    """Import the kernel modules: compiled now, or loaded from the cache. `background`: in a thread, and return at once.

    Without `background` a module that fails to load raises. After a failure in the background nothing is tried again.
    """
    global _thread
    if _is_ready:
        return
    if not background:
        _load()
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
        if aside.is_needed():
            _is_compiling = True
            aside.compile_all(_is_ending)
            _is_compiling = False
        _load(_is_ending)
    except BaseException as why:  # whatever it is, the general kernels answer
        _error = why


def _is_ending() -> bool:
    """The process ends: do not hold it up."""
    return not threading.main_thread().is_alive()


def compile_here() -> None:
    """Compile what is not kept yet, one module after the other."""
    _load()


def _load(is_stopped: Callable[[], bool] = lambda: False) -> None:
    global _is_ready
    with _loading:
        for name in modules():
            if is_stopped():
                return
            _import(name)
        _is_ready = True
        aside.leave_mark()


def _import(name: str) -> ModuleType:
    return importlib.import_module(name)
