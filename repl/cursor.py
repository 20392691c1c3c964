"""Where the cursor stands in a query that is being written: text in, no error ever."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..planner.stages import DOUBLE, SINGLE

OPTION = re.compile(r"\s+([^\W\d][\w.]*)=(?!=)((?:\"(?:\\.|[^\"\\])*\"|'(?:''|[^'])*'|\$\([^()]*\)|[^\s\"'\[\]|])*)")
COMMAND = re.compile(r"\s*([^\W\d]\w*(?:-\w*)*)")
WORD = re.compile(r"[\w.@]*\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """`prefix`: the pipeline before the stage, parameters of outer ones in front. `stage`: the stage so far, comments and
    closed subqueries blank. `quote`: the open quote and what stands behind it. `word`: what is being written."""

    prefix: str
    stage: str
    quote: str
    inside: str
    in_comment: bool
    is_first: bool

    @property
    def command(self) -> str:
        found = COMMAND.match(self.stage)
        return found[1] if found else ""

    @property
    def is_command(self) -> bool:
        """Whether the command itself is being written."""
        return COMMAND.fullmatch(self.stage) is not None or not self.stage.strip()

    @property
    def word(self) -> str:
        found = WORD.search(self.stage)
        return found[0] if found and not self.quote else ""

    def options(self) -> tuple[dict[str, str], str]:
        """Finished options, and the rest of the stage behind them: it begins with an option if that is still open."""
        found = COMMAND.match(self.stage)
        at, done = (found.end() if found else 0), dict[str, str]()
        while (option := OPTION.match(self.stage, at)) and option.end() < len(self.stage):
            done[option[1]] = option[2]
            at = option.end()
        return done, self.stage[at:]


@dataclass(slots=True)
class _Level:
    """One open bracket: where its pipeline and its last stage begin."""

    begin: int
    stage: int
    sets: list[tuple[int, int]]  # stages that set parameters


def place(text: str) -> Place:
    """The place at the end of `text`."""
    masked = list(text)
    levels = [_Level(0, 0, [])]
    i, quote, opened = 0, "", 0
    comment = False
    while i < len(text):
        c = text[i]
        if quote:
            if c == "\\" and quote == '"':
                i += 1
            elif (c in DOUBLE and quote == '"') or (c in SINGLE and quote == "'") or c == quote:
                quote = ""
        elif comment:
            if c == "|":
                comment = False
                _pipe(text, levels[-1], i)
            else:
                masked[i] = " "
        elif c == "#" and not "".join(masked[levels[-1].stage : i]).strip() and text[i + 1 : i + 2].isspace():
            comment, masked[i] = True, " "
        elif (
            text.startswith("//", i)
            and (i == 0 or text[i - 1].isspace())
            and text[i + 2 : i + 3] in ("", " ", "\n", "/", "\t")
        ):
            end = text.find("\n", i)
            if end < 0:
                return Place("", "", "", "", True, False)
            masked[i:end] = " " * (end - i)
            i = end
        elif c in DOUBLE or c == "`" or (c in SINGLE and not (i and (text[i - 1].isalnum() or text[i - 1] == "_"))):
            quote, opened = ('"' if c in DOUBLE else "'" if c in SINGLE else c), i
        elif c in "|｜":
            _pipe(text, levels[-1], i)
        elif c == "[":
            levels.append(_Level(i + 1, i + 1, []))
        elif c == "]" and len(levels) > 1:
            begin = levels.pop().begin
            masked[begin:i] = " " * (i - begin)
        i += 1
    here = levels[-1]
    stage = "".join(masked[here.stage :])
    prefix = text[here.begin : max(here.begin, here.stage - 1)]
    outer = [text[a:b].strip() for level in levels[:-1] for a, b in level.sets]
    if here.stage == here.begin:
        stage = stage[_explained(stage) :]
    else:
        prefix = prefix[_explained(prefix) :]
    return Place(
        " | ".join([*outer, *([prefix] if prefix.strip() else [])]), stage, quote,
        text[opened + 1 :] if quote else "", comment, not _has_rows(text[here.begin : here.stage]),
    )  # fmt: skip


def _explained(text: str) -> int:
    """Length of an `explain` before a query; `explain` with a subquery is a stage."""
    found = re.match(r"\s*explain\s+(?:analyze\s+)?(?=\w*\Z|\w)", text)
    return found.end() if found and not text[found.end() :].startswith("analyze=") else 0


def _pipe(text: str, level: _Level, at: int) -> None:
    if re.match(r"\s*set\s", text[level.stage : at]):
        level.sets.append((level.stage, at))
    level.stage = at + 1


def _has_rows(prefix: str) -> bool:
    """Whether a stage that is no `set` and no comment stands in the prefix."""
    return any(part.strip() and not re.match(r"\s*(set\s|setq\s|#\s)", part) for part in prefix.split("|"))


__all__ = ["Place", "place"]
