"""Text parsers: each cuts named fields out of a text column. `parse NAME` finds them here, completion and help list them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from ..planner import ast
from ..planner.records import dataclass
from ..planner.types import DATE, LONG, STRING, Type
from .pairs import PairForm

QUOTED = r'(?:[^"\\]|\\.)*'
ACCESS_LOG = (
    r"^(?:-|(\S+)) (?:-|(\S+)) (?:-|(.+?)) \[(?:-|([^\]]+))\] "
    r'"(?:([A-Za-z]+) (' + QUOTED + r"?)(?: ([A-Za-z]+/[0-9.]+))?|" + QUOTED + r')" '
    r"(?:-|(\d{3})) (?:-|(\S+))(?:$| "
    r'(?:"(?:-|(' + QUOTED + r'))(?:"|$)(?: "(?:-|(' + QUOTED + r'))(?:"|$))?)?)'
)
"""Common and combined log format of Apache and nginx. `-` is null. The URL is all between the method and the protocol,
blanks too; a request line of another form leaves its parts null. The last text may be cut off, and more may follow it.
"""


SYSLOG_5424 = (
    r"<(PRI)>1 (?:-|(ISO)) (?:-|(\S+)) (?:-|(\S+)) (?:-|(\S+)) \S+ "
    r'(?:-|(?:\[[^\]"\\]*(?:"(?:[^"\\]|\\.)*"[^\]"\\]*)*\])+)(?:$| \x{FEFF}?(.*))'
)
SYSLOG_3164 = (
    r"(?:<(PRI)>)?([A-Z][a-z]{2} [ 0-3]?\d \d\d:\d\d:\d\d|ISO) +(?:([^\s\[]*[^\s\[:]) +)?"
    r"(?:([^\s:\[]+)(?:\[([^\]\s]*)\])?:(?:\s+|$))?(.*)"
)
ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)"
PRI = r"[0-9]|[1-9][0-9]|1[0-8][0-9]|19[01]"
SYSLOG = f"(?s)^(?:{SYSLOG_5424}|{SYSLOG_3164})$".replace("ISO", ISO).replace("PRI", PRI)
"""RFC 5424, else RFC 3164 as it is found in files: the priority may be missing, the time may be that of RFC 5424, host, program
and process may be missing. `-` is null. The name of the message and structured data are passed over.
"""
ISO_TIME = r"(?s)^\s*\[?(\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?(?:Z|[+-]\d\d:?\d\d))?)?)(?:\]\s*|\s+|$)(.*)$"


def _name(name: str) -> ast.Expr:
    return ast.Name(name=name)


def _call(name: str, *args: ast.Expr, op: bool = False) -> ast.Expr:
    return ast.Call(name=name, args=args, op=op)


def _number(text: ast.Expr) -> ast.Expr:
    return _call("long", text)


def _syslog_time() -> ast.Expr:
    """A time without a year is of this year, or of the last one if that would lie in the future by more than a day."""
    time, text = _name("when"), _name("time")
    tomorrow = _call("dateadd", _call("now"), ast.Text(value="day"), ast.Number(value=1))
    has_no_year = _call("<", text, ast.Text(value="A", raw=True), op=True)
    before = _call("dateadd", time, ast.Text(value="year"), ast.Number(value=-1))
    is_ahead = _call("and", _call("not", has_no_year), _call(">", time, tomorrow, op=True), op=True)
    return _call("if", is_ahead, before, time)


@dataclass(frozen=True, slots=True)
class Field:
    """A field that a parser makes: its value from the groups' texts."""

    name: str
    type: Type
    value: ast.Expr


@dataclass(frozen=True, slots=True)
class Parser:
    """A pattern of RE2, the names of its groups in order (of groups of one name at most one takes part in a match), and
    the fields made of them. `steps`: values that several
    fields are made of."""

    name: str
    summary: str
    pattern: str
    groups: tuple[str, ...]
    made: tuple[Field, ...]
    steps: tuple[Field, ...] = ()
    kernel: str = ""  # a compiled kernel for the same groups
    pairs: PairForm | None = None  # no pattern but pairs: the text has other fields, too

    @property
    def fields(self) -> tuple[tuple[str, Type], ...]:
        return tuple((f.name, f.type) for f in self.made)


def _texts(*names: str) -> tuple[Field, ...]:
    return tuple(Field(n, STRING, _name(n)) for n in names)


def _access_log() -> Parser:
    groups = ("client_ip", "ident", "user", "_time", "method", "url", "protocol", "status", "bytes", "referer", "agent")
    time = _call("date", _name("_time"), ast.Text(value="dd/MMM/yyyy:HH:mm:ss Z"))
    typed = {
        "_time": Field("_time", DATE, time),
        "status": Field("status", LONG, _number(_name("status"))),
        "bytes": Field("bytes", LONG, _number(_name("bytes"))),
    }
    made = tuple(typed.get(n) or Field(n, STRING, _name(n)) for n in groups)
    return Parser(
        "access_log", "web server log, common or combined form", ACCESS_LOG, groups, made, kernel="access_log"
    )


def _syslog() -> Parser:
    groups = ("pri", "time", "host", "app", "pid", "msg") * 2  # of either form
    steps = (
        Field("when", DATE, _call("date", _name("time"))),
        Field("priority", LONG, _number(_name("pri"))),
    )
    priority = _name("priority")
    made = (
        Field("_time", DATE, _syslog_time()),
        *_texts("host", "app"),
        Field("pid", LONG, _number(_name("pid"))),
        Field("severity", LONG, _call("mod", priority, ast.Number(value=8))),
        Field("facility", LONG, _call("div", priority, ast.Number(value=8))),
        *_texts("msg"),
    )
    return Parser("syslog", "syslog lines, RFC 3164 or RFC 5424", SYSLOG, groups, made, steps, kernel="syslog")


def _iso_time() -> Parser:
    made = (Field("_time", DATE, _call("date", _name("time"))), *_texts("msg"))
    return Parser("iso_time", "lines that begin with a date or a time, ISO 8601", ISO_TIME, ("time", "msg"), made)


def _cef() -> Parser:
    from .cef import HEAD

    made = _texts(*HEAD)
    return Parser("cef", "Common Event Format", "", (), made, pairs=PairForm(name="cef"))


def _logfmt() -> Parser:
    return Parser(
        "logfmt", "key=value pairs as Go's and Heroku's logs have them", "", (), (), pairs=PairForm(whole=True)
    )


_MAKERS: Mapping[str, Callable[[], Parser]] = {
    "access_log": _access_log,
    "syslog": _syslog,
    "logfmt": _logfmt,
    "cef": _cef,
    "iso_time": _iso_time,
}


class _Parsers(Mapping[str, Parser]):
    """Each is made when it is first asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Parser] = {}

    def __getitem__(self, name: str) -> Parser:
        found = self._made.get(name)
        if found is None:
            found = self._made.setdefault(name, _MAKERS[name]())
        return found

    def __contains__(self, name: object) -> bool:
        return name in _MAKERS

    def __iter__(self) -> Iterator[str]:
        return iter(_MAKERS)

    def __len__(self) -> int:
        return len(_MAKERS)


PARSERS: Mapping[str, Parser] = _Parsers()


def names() -> Sequence[str]:
    return tuple(PARSERS)
