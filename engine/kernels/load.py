"""Loads the compiled kernels: numba is imported only from here, and only when asked.

Kernels are ready when Numba is there and the modules that the query names are known to be kept: each is loaded from the cache
by whoever first uses it, in some ten milliseconds. Where they are not kept they are compiled aside, those that are asked for
first, and a query that has begun on the general ways goes on with them between two morsels.
"""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

from . import aside, kept

if TYPE_CHECKING:
    from subprocess import Popen

FIRST = "words"  # a small one: the first that is loaded makes Numba set itself up, which takes as long as ten others
LOOK_S, LOOK_LATER_S = 0.03, 0.3  # between two looks at what was compiled: while a long query wants it, and else
HURRY_S = 8.0  # for so long a query leaves processors to those who compile for it

Names = frozenset[str] | None  # None: all modules

_lock = threading.Lock()
_loading, _setting_up = threading.Lock(), threading.Lock()
_thread: threading.Thread | None = None
_asked: list[tuple[Callable[[], Names], bool]] = []  # what the thread has not begun with
_is_ready = False
_is_set_up = False  # Numba is there, and has loaded a first kernel
_is_compiling = False  # in other processes
_helpers = 0  # processes that compile what a query waits for
_have: frozenset[str] = frozenset()  # that are kept, while not all are
_error: BaseException | None = None


def ready(names: Names = None) -> bool:
    """Whether these kernels may be used: the next import of a module of theirs takes no time that matters."""
    return _is_ready or (_is_set_up and names is not None and names <= _have)


def failure() -> BaseException | None:
    """Why the kernels could not be loaded, if so; the general kernels go on answering."""
    return _error


def is_compiling() -> bool:
    """Whether some are ready, or may be soon, but not all."""
    return _is_compiling


def helpers() -> int:
    """How many processes compile what a long query wants: they are of more use to it than as many of its own threads."""
    return _helpers


def _every() -> Names:
    return None


def ensure(background: bool, names: Callable[[], Names] = _every, is_urgent: bool = True) -> None:
    """Make kernels ready. `background`: in a thread, compiled first if need be, and return at once.

    Without `background` what is not kept is compiled when it is first used, and a failure raises. After a failure in the
    background nothing is tried again. `names`: asked, by the thread, only where something has to be compiled. `is_urgent`:
    compiled with as much right to the processors as the query has.
    """
    global _thread
    if not background:
        if not _is_ready:
            _set_up()
            _all_are_ready()
        return
    with _lock:
        if _is_ready or _error is not None:
            return
        _asked.append((names, is_urgent))
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_quietly, name="cortado-kernels")
            _thread.start()


def wait(
    timeout_s: float, is_there: Callable[[], bool], is_stopped: Callable[[], bool], compiling_s: float = 0
) -> None:
    """Until the kernels are there or the time is up; where they are being compiled, `compiling_s`."""
    begun = time.monotonic()
    while not is_there() and _error is None and not is_stopped():
        left = begun + (compiling_s if _is_compiling else timeout_s) - time.monotonic()
        thread = _thread
        if left <= 0 or thread is None or not thread.is_alive():
            return
        thread.join(min(left, LOOK_S))


def _quietly() -> None:
    global _error, _helpers
    try:
        kept.place_to_keep()
        if kept.is_complete():
            _set_up()
            _all_are_ready()
        else:
            _compile_aside()
    except BaseException as why:  # whatever it is, the general kernels answer
        _error = why
    finally:
        _helpers = 0


def _compile_aside() -> None:
    """Ends when all are kept, or those that were asked for are and other processes compile the rest."""
    global _is_compiling, _have, _helpers
    wanted: set[str] = set()
    children: list[Popen[bytes]] = []
    hurried = 0.0
    _is_compiling = True
    while not _is_ending():
        for names, is_urgent in (asked := _take_asked()):
            wish = names()
            todo = [FIRST, *kept.large_first(kept.modules() if wish is None else wish)]
            wanted.update(todo)
            children += aside.start(todo, is_urgent)
            if is_urgent:
                _helpers, hurried = len(children), time.monotonic()
                importlib.import_module(f"{__package__}.jit")  # Numba; a first kernel follows once it is compiled
        are_gone = all(child.poll() is not None for child in children)
        have = frozenset(kept.having(kept.modules()))
        is_there = wanted <= have
        if FIRST in have and (hurried or is_there):
            _set_up()
        _have = have
        if is_there or time.monotonic() > hurried + HURRY_S:
            _helpers = 0
        if len(have) == len(kept.modules()):
            _all_are_ready()
            return
        if are_gone and not asked:
            if not is_there:  # no other process could do it
                compile_here(_is_ending)
                return
            if _is_over():
                return
        time.sleep(LOOK_S if hurried and not is_there else LOOK_LATER_S)
    for child in children:
        child.terminate()  # it takes no notice once it is at work


def _is_over() -> bool:
    """Whether nobody has asked meanwhile; who asks now finds no thread."""
    global _thread
    with _lock:
        if _asked:
            return False
        _thread = None
        return True


def _take_asked() -> list[tuple[Callable[[], Names], bool]]:
    with _lock:
        taken = _asked[:]
        _asked.clear()
    return taken


def _is_ending() -> bool:
    """The process ends: do not hold it up."""
    return not threading.main_thread().is_alive()


def compile_here(is_stopped: Callable[[], bool] = lambda: False) -> None:
    """Compile what is not kept yet, one module after the other, beside other processes that may do so. All are ready then."""
    if aside.compile_each([FIRST, *kept.modules()], is_stopped):
        _set_up()
        _all_are_ready()


def _all_are_ready() -> None:
    global _is_ready, _is_compiling
    _is_ready, _is_compiling = True, False


def _set_up() -> None:
    global _is_set_up
    with _setting_up:
        if not _is_set_up:
            load_module(FIRST)
            _is_set_up = True


def load_module(name: str) -> ModuleType:
    """A module of kernels by its short name: from what is kept, else compiled."""
    with _loading:
        return importlib.import_module(f"{__package__}.{name}")


def warm() -> None:
    """Compile all that is not kept, with as many processes as are of use, and load it."""
    names = [FIRST, *kept.modules()]
    children = [] if kept.is_complete() else aside.start(names, is_urgent=True, is_helped=True)
    aside.compile_each(names)
    for child in children:
        child.wait()
    for name in names:  # also what was thrown away since a mark was left
        load_module(name)
    kept.leave_mark(kept.WHOLE)
