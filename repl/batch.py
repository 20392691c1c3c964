"""Queries without a prompt: `-c`, `run`, `explain`, `fmt`, `warm`. Each returns the exit status."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .render import colours, error_text, stats_text, tell
from .shared import DONE, FAILED, INTERRUPTED, LIMIT, REJECTED, USAGE, Gone, default_database, pairs

if TYPE_CHECKING:
    from ..planner.text import QueryError
    from ..session import Query, Session

STATUS = {"1": USAGE, "2": USAGE, "3": USAGE, "4": USAGE, "7": LIMIT}  # by the first digit of an error's code
ENDINGS = {".csv": "csv", ".tsv": "tsv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".md": "markdown", ".html": "html",
           ".parquet": "parquet", ".arrow": "arrow", ".feather": "arrow", ".txt": "table"}  # fmt: skip


def open_session(options: Mapping[str, Any]) -> Session:
    """A session with the settings of the command line."""
    from cortado import connect

    from ..commands.language import language

    settings: dict[str, Any] = dict(pairs(tuple(options.get("settings") or ()), "--set"))
    for name in ("threads", "memory", "timezone"):
        if options.get(name) is not None:
            settings[name] = options[name]
    if options.get("strict"):
        settings["strict"] = True
    if options.get("safe"):
        settings = {"files": [str(Path.cwd())], **settings, "safe": True}
    database = options.get("database")
    language()
    gc.freeze()  # what is imported stays: no collection need look at it
    gc.enable()
    return connect(Path(database) if database else default_database(), **settings)


def seconds(span: str | None) -> float | None:
    """`--timeout`: a duration, or seconds."""
    if span is None:
        return None
    from ..planner.option_values import Unfit, number, parse_duration

    plain = number(span)
    try:
        length = parse_duration(span)
    except Unfit:
        length = None
    if plain is not None and 0 < plain < 1e9:
        return float(plain)
    if length is None or length.months or length.ns <= 0:
        raise click.UsageError(f"--timeout takes a length such as 30s or 5m, not '{span}'")
    return length.ns / 1e9


def guarded(action: Callable[[], int], options: Mapping[str, Any]) -> int:
    """The action's status; errors drawn to standard error, with their status."""
    from ..planner.text import QueryError

    try:
        return action()
    except QueryError as found:
        show_notes(found.notes)
        show_error(found)
        return status_of(found)
    except BrokenPipeError:
        raise Gone from None
    except (KeyboardInterrupt, click.ClickException, click.exceptions.Exit):
        raise
    except Exception as why:
        if options.get("debug"):
            raise
        tell(f"E901 an internal error, please report it: {type(why).__name__}: {why}")
        return FAILED


def status_of(found: QueryError) -> int:
    return INTERRUPTED if found.code == "E704" else STATUS.get(found.code[1], FAILED)


def show_error(found: QueryError) -> None:
    print(error_text(found, colours(sys.stderr)), file=sys.stderr, flush=True)


def show_notes(notes: Iterable[Any]) -> None:
    for note in notes:
        tell(f"note: {note}")


def run_text(text: str, params: Mapping[str, str], options: Mapping[str, Any]) -> int:
    """Parameters of a query string have no declared type: a value is what it looks like (`"10"` with its quotes is text)."""

    def action() -> int:
        with open_session(options) as session:
            return run_query(session.text_query(text, params), session, options)

    return guarded(action, options)


def run_saved(file: str, params: Mapping[str, str], options: Mapping[str, Any]) -> int:
    def action() -> int:
        with open_session(options) as session:
            return run_query(session.saved(file, params, as_text=True), session, options)

    return guarded(action, options)


def help_saved(name: str, options: Mapping[str, Any]) -> int:
    """Prints the help of a saved query: of a file, or of one on the query path."""
    from .helptext import missing
    from .procedurehelp import procedure_help

    def action() -> int:
        with open_session(options) as session:
            found = session.described(name) if name.endswith(".cq") else session.procedures().get(name)
            if found is None:
                click.echo(missing(name), err=True)
                return USAGE
            print(procedure_help(name.removesuffix(".cq").rpartition("/")[2], found))
            return DONE

    return guarded(action, options)


def run_query(query: Query, session: Session, options: Mapping[str, Any]) -> int:
    """Run and write; rows stream where the format lets them."""
    from .output import Target, write_result
    from .progress import Line

    limit = seconds(options.get("timeout"))
    form, output = form_of(options)
    streams_to_terminal = output is None and form in ("csv", "tsv", "json", "jsonl", "markdown") and sys.stdout.isatty()
    line = Line(sys.stderr, enabled=not options.get("no_progress") and not streams_to_terminal)
    running = query.start()
    running.limit(limit)
    line.follow(running)
    try:
        told = write_result(running, Target(form, output, line.stop), session)
    finally:
        line.stop()
    notes = [*running.notes, *told]
    show_notes(notes)
    if options.get("analyze"):
        tell(stats_text(running.stats()))
    if options.get("fail_on_reject") and any(n.kind in ("reject", "drop") for n in notes):
        return REJECTED
    return DONE


def form_of(options: Mapping[str, Any]) -> tuple[str, str | None]:
    """The format, and the file if there is one; E.g. `--output -` is standard output."""
    output = options.get("output")
    if output in (None, "", "-", "/dev/stdout"):
        return str(options.get("form") or ("table" if sys.stdout.isatty() else "csv")), None
    if options.get("form"):
        return str(options["form"]), str(output)
    ending = Path(str(output)).suffix.lower()
    if ending not in ENDINGS:
        raise click.UsageError(f"'{output}' does not say its format: add --format")
    return ENDINGS[ending], str(output)


def explain_text(text: str, params: Mapping[str, str], options: Mapping[str, Any]) -> int:
    def action() -> int:
        from .output import writing

        with open_session(options) as session:
            query = session.text_query(text, params)
            with writing():
                print(query.explain(), flush=True)
            if options.get("analyze"):
                result = query.run(timeout=seconds(options.get("timeout")))
                print()
                print(stats_text(result.stats))
                show_notes(result.notes)
            else:
                show_notes(query.notes)
            return DONE

    return guarded(action, options)


def format_file(file: str, check: bool) -> int:
    def action() -> int:
        from ..engine.storage.paths import Gate
        from ..saved import decoded, formatted
        from .shared import standard_input

        gate = Gate()
        source = standard_input() if file == "-" else decoded(gate.read_bytes(file), file)
        made = formatted(source, file)
        if check:
            if made != source:
                tell(f"{file} is not formatted")
            return FAILED if made != source else DONE
        if file == "-":
            print(made, end="")
        elif made != source:
            with gate.open_write(file, overwrite=True) as out:
                out.stream.write(made.encode())
        return DONE

    return guarded(action, {})


def warm_up() -> int:
    def action() -> int:
        from ..engine.kernels.load import warm

        begun = time.monotonic()
        warm()
        tell(f"the kernels are compiled ({time.monotonic() - begun:.1f} s)")
        return DONE

    return guarded(action, {})
