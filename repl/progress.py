"""The progress line: rows, bytes, speed, time; on standard error, only on a terminal, gone when the query ends."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from .render import cut, human, terminal_width

if TYPE_CHECKING:
    from ..session import Progress, Running

FIRST_S, EVERY_S = 0.3, 0.2
CLEAR = "\r\x1b[K"


class Line:
    """Draws in a thread of its own while the query runs. After `stop` nothing of it is left on the screen."""

    def __init__(self, stream: Any, enabled: bool = True) -> None:
        self._stream = stream
        self._enabled = enabled and stream.isatty()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self, running: Running) -> None:
        if self._enabled:
            self._thread = threading.Thread(target=self._draw, args=(running,), name="progress", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """May be called again."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._ended.set()
            thread.join()

    def _draw(self, running: Running) -> None:
        begun, drawn = time.monotonic(), False
        while not self._ended.wait(EVERY_S if drawn else FIRST_S):
            text = progress_text(running.progress, time.monotonic() - begun)
            self._write(CLEAR + cut(text, terminal_width() - 1))
            drawn = True
        if drawn:
            self._write(CLEAR)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def progress_text(p: Progress, elapsed_s: float) -> str:
    """`3,200,000 rows, 712.0 MB of 1.1 GB (64%), 1,600,000 rows/s, 350.0 MB/s, 2.0 s`."""
    share = p.fraction
    whole = f" of {human(p.bytes_total)} ({share:.0%})" if p.bytes_total and share is not None else ""
    seconds = max(elapsed_s, 1e-3)
    return f"{p.rows:,} rows, {human(p.bytes)}{whole}, {p.rows / seconds:,.0f} rows/s, {human(p.bytes / seconds)}/s, {elapsed_s:.1f} s"
