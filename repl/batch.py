"""Queries without a prompt: `-c`, `run`, `explain`, `fmt`, `warm`. Each returns the exit status."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .__main__ import DONE, FAILED, INTERRUPTED, LIMIT, REJECTED, USAGE, default_database, pairs

if TYPE_CHECKING:
    from ..session import Query, Running, Session

CODES = {"1": USAGE, "2": USAGE, "3": USAGE, "4": USAGE, "5": FAILED, "6": FAILED, "7": LIMIT}
ENDINGS = {".csv": "csv", ".tsv": "tsv", ".json": "json", ".jsonl": "jsonl", ".md": "markdown", ".html": "html", ".parquet": "parquet",
           ".arrow": "arrow", ".txt": "table"}  # fmt: skip


def open_session(options: Mapping[str, Any]) -> Session:
    from cortado import connect

    settings: dict[str, Any] = dict(pairs(options.get("settings") or (), "--set"))
    for name in ("threads", "memory", "timezone"):
        if options.get(name) is not None:
            settings[name] = options[name]
    if options.get("strict"):
        settings["strict"] = True
    if options.get("safe"):
        settings |= {"safe": True, "files": [str(Path.cwd())]}
    database = options.get("database")
    return connect(Path(database) if database else default_database(), **settings)


def seconds(span: str | None) -> float | None:
    """`--timeout`: a duration, or seconds."""
    if span is None:
        return None
    from ..planner.option_values import number, parse_duration

    plain = number(span)
    if plain is not None and plain > 0:
        return float(plain)
    length = parse_duration(span)
    if length is None or length.months or length.ns <= 0:
        raise click.UsageError(f"--timeout takes a length such as 30s or 5m, not '{span}'")
    return length.ns / 1e9


def guarded(action: Callable[[], int], debug: bool = False) -> int:
    """The action's status; errors drawn to standard error, with their status."""
    from cortado import QueryError

    try:
        return action()
    except QueryError as found:
        click.echo(str(found), err=True)
        show_notes(found.notes)
        if found.code == "E704":
            return INTERRUPTED
        return CODES.get(found.code[1], FAILED)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as why:
        if debug:
            raise
        click.echo(f"E901 an internal error, please report it: {type(why).__name__}: {why}", err=True)
        return FAILED


def run_text(text: str, params: Mapping[str, Any], options: Mapping[str, Any]) -> int:
    def action() -> int:
        with open_session(options) as session:
            return run_query(session.query(text, params=params), session, options)

    return guarded(action, bool(options.get("debug")))


def run_saved(file: str, params: Mapping[str, str], options: Mapping[str, Any]) -> int:
    def action() -> int:
        with open_session(options) as session:
            return run_query(session.file(file, as_text=True, **params), session, options)

    return guarded(action, bool(options.get("debug")))


def run_query(query: Query, session: Session, options: Mapping[str, Any]) -> int:
    """Run and write; rows stream where the format lets them."""
    from .output import write_result

    form = form_of(options)
    limit = seconds(options.get("timeout"))
    running = start(query, options)
    status = DONE
    try:
        with timer(running, limit):
            write_result(running, form, options.get("output"), session)
    except KeyboardInterrupt:
        running.cancel()
        with suppress(Exception):
            running.wait(2)
        raise
    notes = running.notes
    show_notes(notes)
    if options.get("analyze"):
        show_stats(running)
    if options.get("fail_on_reject") and any(n.kind in ("reject", "drop") for n in notes):
        status = REJECTED
    return status


def form_of(options: Mapping[str, Any]) -> str:
    if options.get("form"):
        return str(options["form"])
    output = options.get("output")
    if output:
        return ENDINGS.get(Path(output).suffix.lower(), "csv")
    return "table" if sys.stdout.isatty() else "csv"


def start(query: Query, options: Mapping[str, Any]) -> Running:
    from .progress import Line

    line = Line(sys.stderr, enabled=not options.get("no_progress"))
    running = query.start()
    line.follow(running)
    return running


class timer:
    """Cancels the query when the time is up, and makes E703 of it."""

    def __init__(self, running: Running, limit: float | None) -> None:
        self._running, self._limit = running, limit

    def __enter__(self) -> None:
        if self._limit is None:
            return
        import threading

        self._late = False

        def stop() -> None:
            self._late = True
            self._running.cancel()

        self._timer = threading.Timer(self._limit, stop)
        self._timer.daemon = True
        self._timer.start()

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        if self._limit is None:
            return
        self._timer.cancel()
        if self._late and value is not None:
            from ..planner.text import Fault, Span, error

            text = self._running.text
            said = f"the query took longer than {self._limit:g} s"
            raise error(text, [Fault(code="E703", message=said, span=Span(0, len(text)))]) from None


def show_notes(notes: Any) -> None:
    for note in notes:
        click.echo(f"note: {note}", err=True)


def show_stats(running: Running) -> None:
    from .render import stats_text

    click.echo(stats_text(running.stats()), err=True)


def explain_text(text: str, options: Mapping[str, Any]) -> int:
    def action() -> int:
        with open_session(options) as session:
            query = session.query(text)
            if not options.get("analyze"):
                click.echo(query.explain())
                return DONE
            result = query.run()
            from .render import stats_text

            click.echo(query.explain())
            click.echo()
            click.echo(stats_text(result.stats))
            return DONE

    return guarded(action, bool(options.get("debug")))


def format_file(file: str | None) -> int:
    def action() -> int:
        from ..commands.language import language
        from ..engine.storage.paths import Gate
        from ..planner.format import format_query
        from ..saved import read_saved

        gate = Gate()
        source = sys.stdin.read() if file in (None, "-") else gate.read_bytes(str(file)).decode("utf-8-sig")
        saved = read_saved(source, file or "-")
        body = saved.text
        at = len(body) - len(body.lstrip())
        made = source[:at] + format_query(body[at:], language()) + "\n"
        if file in (None, "-"):
            click.echo(made, nl=False)
        else:
            with gate.open_write(str(file), overwrite=True) as out:
                out.stream.write(made.encode())
        return DONE

    return guarded(action)


def warm_up() -> int:
    from ..engine.kernels.load import ensure

    begun = time.monotonic()
    ensure(background=False)
    click.echo(f"kernels are compiled ({time.monotonic() - begun:.1f} s)")
    return DONE
