"""The ways to write `key=value` that there are parsers for."""

from __future__ import annotations

import json
import re
from typing import Any

import pyarrow as pa

from . import cef
from .arrow import call
from .operators.pairs import Dialect
from .pairs import PairForm, tokens
from .values import texts_from

_MARK = b"\xff"  # a byte that no text holds
_ESCAPES = ((b'\\"', b'"'), (b"\\'", b"'"), (b"\\n", b"\n"), (b"\\t", b"\t"), (b"\\r", b"\r"), (b"\\/", b"/"))


def pairs_dialect(form: PairForm) -> Dialect:
    def of(texts: Any, check: Any) -> Any:
        return tokens(texts, form, check)

    return Dialect(of, unescape_all if form.whole else unescape_quotes, form=form)


def unescape_quotes(text: pa.Array[Any]) -> pa.Array[Any]:
    """`\\"`, `\\'` and `\\\\`; a backslash before anything else is one."""
    return call("replace_substring_regex", text, pattern=r"""\\(["'\\])""", replacement=r"\1")


def unescape_all(text: pa.Array[Any]) -> pa.Array[Any]:
    """As above, and `\\n`, `\\t`, `\\r`, `\\/`, `\\uXXXX`."""
    if call("match_substring", text, pattern="\\u").true_count:  # type: ignore[attr-defined]
        return texts_from([None if v is None else _UNICODE.sub(_read, v) for v in text.to_pylist()])
    text = call("replace_substring", text, pattern=b"\\\\", replacement=_MARK)
    for written, meant in _ESCAPES:
        text = call("replace_substring", text, pattern=written, replacement=meant)
    return call("replace_substring", text, pattern=_MARK, replacement=b"\\")


_UNICODE = re.compile(r"\\(?:(u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4})|(.))", re.S)


def _read(found: re.Match[str]) -> str:
    if found[1]:
        return str(json.loads(f'"\\{found[1]}"')).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return {"n": "\n", "t": "\t", "r": "\r", '"': '"', "'": "'", "/": "/", "\\": "\\"}.get(found[2], found[0])


LOGFMT = PairForm(whole=True)
CEF = PairForm(name="cef")


def dialect_of(form: PairForm) -> Dialect:
    return Dialect(cef.tokens, cef.unescape, cef.head, cef.HEAD) if form == CEF else pairs_dialect(form)


__all__ = ["CEF", "LOGFMT", "Dialect", "PairForm", "dialect_of", "pairs_dialect"]
