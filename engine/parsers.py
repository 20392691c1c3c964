"""Text parsers: each cuts named fields out of a text column. `parse NAME` finds them here, completion and help list them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..planner.types import DATE, LONG, STRING, Type

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


@dataclass(frozen=True, slots=True)
class Parser:
    """A pattern of RE2 whose groups are the fields, in order. `time_format`: of a field that is a date."""

    name: str
    summary: str
    pattern: str
    fields: tuple[tuple[str, Type], ...]
    time_format: str = ""
    kernel: str = ""  # a compiled kernel for the same groups


PARSERS: Mapping[str, Parser] = {
    "access_log": Parser(
        "access_log",
        "web server log, common or combined form",
        ACCESS_LOG,
        (
            ("client_ip", STRING), ("ident", STRING), ("user", STRING), ("_time", DATE), ("method", STRING), ("url", STRING),
            ("protocol", STRING), ("status", LONG), ("bytes", LONG), ("referer", STRING), ("agent", STRING),
        ),
        "dd/MMM/yyyy:HH:mm:ss Z",
        kernel="access_log",
    )
}  # fmt: skip
LATER = ("syslog", "logfmt", "cef", "iso_time")


def names() -> Sequence[str]:
    return tuple(PARSERS)
