"""The prompt: multi-line editing, history, completion; Ctrl-C stops the query and keeps the session."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import click
from prompt_toolkit import PromptSession
from prompt_toolkit.application.current import get_app
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import Completer, Completion, ThreadedCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition, completion_is_selected, has_completions
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.styles import Style

from ..commands.index import import_all
from ..commands.language import language
from ..planner.header import has_pipeline, read_header
from ..planner.procedures import Procedure
from ..planner.stages import cut
from ..planner.text import QueryError
from ..session import Query, Session, header_end
from ..sheet import safe_lines
from .batch import open_session, show_error
from .complete import Offers
from .cursor import place
from .highlight import STYLE, QueryLexer
from .history import history
from .meta import Meta, Quit, State
from .progress import Line
from .render import tell

STRING = re.compile(r'"(?:\\.|[^"\\])*"|(?<!\w)\'(?:\'\'|[^\'])*\'|`[^`]*`')


class QueryCompleter(Completer):
    """Asks for the session each time: `.open` changes it."""

    def __init__(self, session: Callable[[], Session]) -> None:
        self._session = session
        self._offers: Offers | None = None

    @property
    def offers(self) -> Offers:
        held = self._offers
        if held is None or held.session is not self._session():
            held = self._offers = Offers(self._session())
        return held

    def get_completions(self, document: Document, complete_event: Any) -> Iterable[Completion]:
        try:
            found = self.offers.at(document.text_before_cursor)
        except Exception:  # whatever goes wrong, typing goes on
            return
        for c in found:
            yield Completion(c.text, -c.replaces, display_meta=f"{c.kind}  {c.about}" if c.about else c.kind)


def is_complete(text: str) -> bool:
    """Whether Enter runs the entry: quotes and brackets are closed and no pipe is left open. An empty last line always runs it."""
    bare = text.strip()
    if not bare or bare.startswith(".") or bare.split()[0] == "help" or text.endswith("\n"):
        return True
    try:
        header = read_header(text, 0, language(), is_file=False)
        if not header.is_empty and not has_pipeline(text, header.end):
            return False
        whole = cut(text, language(), header.end)
    except QueryError as found:
        end = found.span.end >= len(text.rstrip())
        return not (
            found.code == "E102"
            or (found.code == "E204" and text[found.span.start] in "[(")
            or (found.code == "E203" and end)
        )
    code = STRING.sub("x", whole.masked).rstrip()
    return code.count("(") <= code.count(")") and not code.endswith((",", "="))


def bindings() -> KeyBindings:
    keys = KeyBindings()

    @Condition
    def done() -> bool:
        return is_complete(get_app().current_buffer.text)

    @keys.add("enter", filter=done & ~completion_is_selected)
    def _accept(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("enter", filter=has_completions & completion_is_selected)
    def _choose(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        buffer.complete_state = None
        if buffer.document.text_before_cursor.endswith("/"):  # a folder: on to what is in it
            buffer.start_completion()

    @keys.add("escape", "enter")
    def _newline(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys


def prompt(options: Mapping[str, Any], **terminal: Any) -> int:
    """Runs the prompt until the end of input; the exit status. `terminal`: input and output of prompt-toolkit."""
    try:
        session = open_session(options)
    except QueryError as found:
        show_error(found)
        return 2
    state = State(session, dict(options), lambda query: show(query, state))
    threading.Thread(target=_warm, args=(session,), name="warm", daemon=True).start()
    print("cortado: a query, help, or .help; Esc Enter for a new line, Ctrl-D to leave")
    completer = QueryCompleter(lambda: state.session)
    lines: PromptSession[str] = PromptSession(
        history=history(), lexer=QueryLexer(lambda: state.session.registry), completer=ThreadedCompleter(completer),
        complete_while_typing=True, auto_suggest=AutoSuggestFromHistory(), multiline=True, key_bindings=bindings(),
        style=Style.from_dict(STYLE), prompt_continuation=lambda width, number, wrapped: "    ...> ", enable_open_in_editor=True,
        bottom_toolbar=lambda: signature(get_app().current_buffer.document.text_before_cursor, state.session), **terminal,
    )  # fmt: skip
    try:
        return _loop(lines, state, completer)
    finally:
        state.session.close()


def _warm(session: Session) -> None:
    """What the first query needs, loaded while the user types."""
    with suppress(Exception):
        session.query('json "{}"').run()
    import_all()  # what completion and help list


def _loop(lines: PromptSession[str], state: State, completer: QueryCompleter) -> int:
    while True:
        try:
            text = lines.prompt("cortado> ")
            handle(text, state)
            completer.offers.forget()
        except KeyboardInterrupt:  # at an empty prompt, or between a query and the prompt
            continue
        except (EOFError, Quit):
            return 0


def handle(text: str, state: State) -> None:
    """One entry: a `.` command, help, or a query. Tells every error; raises only to leave."""
    bare = text.strip()
    if not bare:
        return
    try:
        if bare in ("quit", "exit"):
            raise Quit
        if bare.startswith("."):
            Meta(state).run(bare)
        elif bare.split()[0] == "help" and "|" not in bare:
            from .helptext import help_for, missing

            name = bare[4:].strip()
            print(help_for(name, state.session.procedures()) or missing(name))
        else:
            show(state.session.query(bare), state)
    except QueryError as found:
        state.notes = list(found.notes)
        show_error(found)
    except click.ClickException as why:
        tell(why.format_message())
    except (Quit, EOFError):
        raise
    except KeyboardInterrupt:
        tell("interrupted")
    except Exception as why:
        if state.options.get("debug"):
            raise
        tell(f"E901 an internal error, please report it: {type(why).__name__}: {why}")


def show(query: Query, state: State) -> None:
    """Runs a query, with progress, and shows its rows; Ctrl-C cancels it."""
    from .batch import seconds
    from .output import LIMITED, write_result

    begun = time.monotonic()
    target = state.target()
    running = query.start()
    running.limit(seconds(state.options.get("timeout")))
    line = Line(
        sys.stderr,
        enabled=not state.options.get("no_progress") and (target.form in LIMITED or target.output is not None),
    )
    line.follow(running)
    target.before = line.stop
    try:
        told = write_result(running, target, state.session)
    finally:
        line.stop()
        sys.stdout.flush()
    state.last, state.notes = running, [*running.notes, *told]
    if target.output is not None:
        print(f"written to {target.output}")
    if state.timer:
        print(f"{time.monotonic() - begun:.3f} s")
    if state.notes:
        n = len(state.notes)
        first = safe_lines(str(state.notes[0]))
        tell(f"note: {first}" if n == 1 else f"note: {first}\n{n - 1} more: .notes shows all")


def signature(before: str, session: Session) -> str:
    """The syntax of the call or of the command at the cursor."""
    here = place(before[header_end(before) :])
    if here.in_comment or here.is_command:
        return ""
    if called := re.match(r"\s*proc\s+([^\W\d][\w.]*|`[^`]+`)\(", here.stage):
        found = session.procedures(before).get(called[1].strip("`"))
        if isinstance(found, Procedure):
            return f" {called[1]}({found.signature})  {found.help.partition(chr(10))[0]}"
    registry = session.registry
    opened = re.search(r"([^\W\d]\w*)\([^()]*\Z", here.stage)
    if opened:
        f = registry.functions.get(opened[1]) or registry.aggregates.get(opened[1])
        if f is not None:
            return f" {f.syntax or f.name + '(...)'}  {f.summary}"
    command = registry.commands.get(here.command)
    return f" {command.syntax or command.name}  {command.summary}" if command else ""
