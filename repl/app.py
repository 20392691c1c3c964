"""The prompt: multi-line editing, history, completion; Ctrl-C stops the query and keeps the session."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.application.current import get_app
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import Completer, Completion, ThreadedCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.styles import Style

from ..planner.text import QueryError
from ..session import Session
from .batch import open_session
from .complete import candidates
from .highlight import STYLE, QueryLexer
from .meta import Meta, Quit, State
from .progress import Line


class QueryCompleter(Completer):
    def __init__(self, session: Session) -> None:
        self._session = session

    def get_completions(self, document: Document, complete_event: Any) -> Iterable[Completion]:
        for c in candidates(document.text_before_cursor, self._session):
            yield Completion(c.text, -c.replaces, display_meta=c.about or c.kind)


def is_complete(text: str) -> bool:
    """Whether Enter runs the query: brackets and quotes are closed and no pipe is left open. An empty last line always does."""
    bare = text.strip()
    if not bare or bare.startswith(".") or bare.split()[0] == "help" or text.endswith("\n"):
        return True
    masked = re.sub(r'"(?:\\.|[^"\\])*"|(?<!\w)\'(?:\'\'|[^\'])*\'|`[^`]*`', "x", bare)
    if re.search(r"\"|(?<!\w)'|`", masked):
        return False
    return masked.count("[") <= masked.count("]") and not masked.endswith(("|", "\\", ","))


def bindings() -> KeyBindings:
    keys = KeyBindings()

    @Condition
    def done() -> bool:
        return is_complete(get_app().current_buffer.text)

    @keys.add("enter", filter=done)
    def _accept(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def _newline(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys


def history() -> History:
    """Kept in the user's data folder, readable by the user alone."""
    from platformdirs import user_data_path

    path = user_data_path("cortado") / "history"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))


def prompt(options: Mapping[str, Any]) -> int:
    """Runs the prompt until the end of input; the exit status."""
    session = open_session(options)
    state = State(session, dict(options))
    warm = threading.Thread(target=_warm, args=(session,), daemon=True)
    warm.start()
    print("cortado: a query, `help`, or `.help`; Esc Enter for a new line, Ctrl-D to leave")
    lines: PromptSession[str] = PromptSession(
        history=history(), lexer=QueryLexer(), completer=ThreadedCompleter(QueryCompleter(session)), complete_while_typing=True,
        auto_suggest=AutoSuggestFromHistory(), multiline=True, key_bindings=bindings(), style=Style.from_dict(STYLE),
        prompt_continuation=lambda width, number, wrapped: "   ... ", enable_open_in_editor=True,
        bottom_toolbar=lambda: signature(get_app().current_buffer.document.text_before_cursor),
    )  # fmt: skip
    try:
        return _loop(lines, state)
    finally:
        session.close()


def _warm(session: Session) -> None:
    """What the first query needs, loaded while the user types."""
    from contextlib import suppress

    with suppress(Exception):
        session.query('json "{}"')


def _loop(lines: PromptSession[str], state: State) -> int:
    while True:
        try:
            text = lines.prompt("cortado> ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            return 0
        try:
            handle(text, state)
        except Quit:
            return 0


def handle(text: str, state: State) -> None:
    """One entry: a meta command, help, or a query. Never raises but for leaving."""
    bare = text.strip()
    if not bare:
        return
    try:
        if bare.startswith("."):
            Meta(state).run(bare)
        elif bare.split()[0] == "help":
            from .helptext import help_for

            name = bare[4:].strip()
            print(help_for(name) or f"nothing is named '{name}'")
        else:
            run(bare, state)
    except QueryError as found:
        print(found, file=sys.stderr)
    except Quit:
        raise
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    except Exception as why:
        if state.options.get("debug"):
            raise
        print(f"E901 an internal error, please report it: {type(why).__name__}: {why}", file=sys.stderr)


def run(text: str, state: State) -> None:
    """A query, with progress; Ctrl-C cancels it."""
    from .output import write_result

    begun = time.monotonic()
    running = state.session.query(text).start()
    Line(sys.stderr, enabled=not state.options.get("no_progress")).follow(running)
    try:
        write_result(running, state.mode, state.take_output(), state.session)
    except KeyboardInterrupt:
        running.cancel()
        running.wait(5)
        print("interrupted", file=sys.stderr)
        return
    state.last = running
    state.notes = running.notes
    if state.timer:
        print(f"{time.monotonic() - begun:.3f} s")
    if state.notes:
        n = len(state.notes)
        print(f"{n} note{'' if n == 1 else 's'}: {state.notes[0]}" + ("" if n == 1 else f"\n... .notes shows all {n}"))


def signature(before: str) -> str:
    """The syntax of the call or the command at the cursor."""
    from ..commands.base import REGISTRY
    from .complete import last_stage

    stage, _ = last_stage(before)
    opened = re.search(r"([^\W\d]\w*)\([^()]*\Z", stage)
    if opened:
        f = REGISTRY.functions.get(opened[1]) or REGISTRY.aggregates.get(opened[1])
        if f is not None:
            return f" {f.syntax or f.name + '(...)'}  {f.summary}"
    word = re.match(r"\s*([^\W\d][\w-]*)\s", stage)
    command = REGISTRY.commands.get(word[1]) if word else None
    return f" {command.syntax}" if command else ""
