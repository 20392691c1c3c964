"""Queries laid out: a line break before each pipe, subqueries indented, comments kept. The meaning stays."""

from __future__ import annotations

from dataclasses import field

from .records import dataclass
from .stages import PASTED, QUOTED, SINGLE, Lookup, Pipeline, Stage, cut

STEP = "    "


def format_query(text: str, language: Lookup) -> str:
    """The query a stage a line, without a line end. Idempotent. Raises ParseError where the text cannot be cut into stages."""
    return "\n".join(_pipeline(text, language))


def _pipeline(text: str, language: Lookup) -> list[str]:
    """Lines of a whole pipeline, not indented."""
    whole = cut(text, language)
    lines: list[str] = []
    for i, item in enumerate(_items(text, whole.masked, whole.pipeline)):
        writer = _Writer(text, whole.masked, item, language, "| " if i else "")
        lines += writer.lines()
    return lines


@dataclass(frozen=True, slots=True)
class _Item:
    """What stands between two pipes: comments, a stage (which a comment stage has not), comments."""

    begin: int
    end: int
    stage: Stage | None


def _items(text: str, masked: str, pipeline: Pipeline) -> list[_Item]:
    out: list[_Item] = []
    begin, at, stage = 0, 0, None
    for following in (*pipeline.stages, None):
        until = following.span.start if following else len(text)
        while (pipe := masked.find("|", at, until)) >= 0:  # comments are blank there, and quotes stand in stages only
            out.append(_Item(begin, pipe, stage))
            begin = at = pipe + 1
            stage = None
        if following:
            stage, at = following, following.span.end
    out.append(_Item(begin, len(text), stage))
    return out


@dataclass(slots=True)
class _Writer:
    text: str
    masked: str
    item: _Item
    language: Lookup
    pipe: str
    done: list[str] = field(default_factory=list)
    line: str = ""
    has_code: bool = False  # of the stage: what follows on another line is indented

    def lines(self) -> list[str]:
        item = self.item
        self.line = self.pipe
        body = self._body_begins()
        end = item.stage.span.end if item.stage else body
        self._comments(item.begin, body)
        if item.stage:
            self._stage(body, end)
        self.has_code = False
        self._comments(end, item.end)
        self._break()
        return self.done

    def _body_begins(self) -> int:
        """Where the stage begins, `explain` before it included: comments are blank in the masked text."""
        if self.item.stage is None:
            return self.item.end
        return next(i for i in range(self.item.begin, self.item.stage.span.end) if not self.masked[i].isspace())

    def _break(self) -> None:
        """Ends the line that is being written, if anything stands on it."""
        if self.line.strip():
            self.done.append(self.line.rstrip())
        self.line = STEP if self.has_code else ""

    def _add(self, word: str) -> None:
        self.line += word

    def _comments(self, begin: int, end: int) -> None:
        """Comments outside of a stage: `//` to the end of their line, and a comment stage with all its lines."""
        at, fresh = begin, False
        while at < end:
            if self.text[at].isspace() or self.text[at] == "\ufeff":
                fresh = fresh or self.text[at] == "\n"
                at += 1
                continue
            if self.text.startswith("#", at):
                self._comment_stage(self.text[at:end])
                return
            stop = self._line_end(at, end)
            self._line_comment(self.text[at:stop], fresh)
            at, fresh = stop, False

    def _line_end(self, at: int, end: int) -> int:
        found = self.text.find("\n", at, end)
        return end if found < 0 else found

    def _comment_stage(self, text: str) -> None:
        first, *rest = (line.strip() for line in text.rstrip().split("\n"))
        self._add(first)
        self.done.append(self.line.rstrip())
        self.done += [STEP + line if line and self.pipe else line for line in rest]
        self.line = ""

    def _line_comment(self, comment: str, fresh: bool) -> None:
        """On the line that it ends, or on one of its own where it has one."""
        if fresh and self.line.strip() not in ("", "|"):
            self._break()
        if self.line.strip() and not self.line.endswith(" "):
            self._add(" ")
        self._add(comment.strip())
        self._break()

    def _stage(self, begin: int, end: int) -> None:
        assert self.item.stage is not None
        text, subqueries, foreign = self.text, self.item.stage.subqueries, self.item.stage.foreign
        if self.pipe and not self.line.strip() and self.done:
            self.line = STEP  # a comment stands between the pipe and its command
        self.has_code = True
        at, blank, fresh = begin, False, False
        while at < end:
            c = text[at]
            if foreign is not None and at == foreign.start:
                self._blank(blank)
                self._add(text[at : foreign.end])
                at, blank, fresh = foreign.end, False, False
            elif at in subqueries:
                self._blank(blank)
                self._subquery(subqueries[at])
                at, blank, fresh = subqueries[at].span.end + 1, False, False
            elif c.isspace() or c.translate(PASTED) == " ":
                blank, fresh = True, fresh or c == "\n"
                at += 1
            elif self._is_line_comment(at):
                stop = self._line_end(at, end)
                self._line_comment(text[at:stop], fresh)
                at, blank, fresh = stop, False, False
            else:
                self._blank(blank)
                stop = self._quoted(at) or at + 1
                self._add(text[at:stop])
                at, blank, fresh = stop, False, False

    def _blank(self, wanted: bool) -> None:
        if wanted and self.line.strip() and not self.line.endswith(" "):
            self._add(" ")

    def _is_line_comment(self, at: int) -> bool:
        return self.text.startswith("//", at) and self.masked[at] == " "

    def _quoted(self, at: int) -> int | None:
        """Where the string that opens here ends."""
        text, c = self.text, self.text[at]
        if c not in QUOTED or (c in SINGLE and at > 0 and (text[at - 1].isalnum() or text[at - 1] == "_")):
            return None
        found = QUOTED[c].match(text, at)
        return found.end() if found else None

    def _subquery(self, inner: Pipeline) -> None:
        lines = _pipeline(self.text[inner.span.start : inner.span.end], self.language)
        if len(lines) == 1 and len(inner.stages) == 1 and "#" not in lines[0] and " //" not in f" {lines[0]}":
            self._add(f"[ {lines[0]} ]")
            return
        self._add("[")
        self.done.append(self.line)
        self.done += [STEP + line if line else line for line in lines]
        self.line = "  ]"


__all__ = ["format_query"]
