"""The progress line: rows, bytes, speed, time; on standard error, only on a terminal, gone when the query ends."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from .render import human

if TYPE_CHECKING:
    from ..session import Progress, Running

FIRST_S, EVERY_S = 0.5, 0.2


class Line:
    """Draws in a thread of its own while the query runs."""

    def __init__(self, stream: Any, enabled: bool = True) -> None:
        self._stream = stream
        self._enabled = enabled and stream.isatty()

    def follow(self, running: Running) -> None:
        if self._enabled:
            threading.Thread(target=self._draw, args=(running,), name="progress", daemon=True).start()

    def _draw(self, running: Running) -> None:
        begun, drawn = time.monotonic(), False
        while not running.wait(FIRST_S if not drawn else EVERY_S):
            self._stream.write("\r\x1b[K" + progress_text(running.progress, time.monotonic() - begun))
            self._stream.flush()
            drawn = True
        if drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def progress_text(p: Progress, elapsed_s: float) -> str:
    """`3.2 M rows, 712.0 MB of 1.1 GB (64 %), 350.0 MB/s, 2.0 s`."""
    whole = f" of {human(p.bytes_total)} ({p.fraction:.0%})" if p.bytes_total and p.fraction is not None else ""
    speed = f"{human(p.bytes / max(elapsed_s, 1e-3))}/s"
    return f"{p.rows:,} rows, {human(p.bytes)}{whole}, {p.rows / max(elapsed_s, 1e-3):,.0f} rows/s, {speed}, {elapsed_s:.1f} s"
