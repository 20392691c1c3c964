"""Long calls that cannot look at the stop byte (a sort of millions of values): done in a thread of their own.

Whoever needs the result waits and looks. After a cancel nobody waits any more; what was begun ends by itself soon.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from .context import Context

T = TypeVar("T")
LARGE = 4 << 20  # bytes of data from which a call can take long
LOOK_S = 0.02


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

    threading.Thread(target=run, name="cortado-aside", daemon=True).start()
    while not done.wait(LOOK_S):
        ctx.check()
    if failed:
        raise failed[0]
    return got[0]  # type: ignore[no-any-return]
