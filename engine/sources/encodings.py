"""Text of any encoding as UTF-8. What is not text in it comes out as a byte that UTF-8 never has, so that the same
repair, and the same count of lines, holds for every encoding.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from ...planner.text import fault

BOM = codecs.BOM_UTF8
BOMS = (("utf-32-le", codecs.BOM_UTF32_LE), ("utf-32-be", codecs.BOM_UTF32_BE), ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE))  # fmt: skip
PACKED = (
    ("packed by gzip", b"\x1f\x8b\x08", "a file whose name ends in .gz is unpacked"),
    ("packed by zstd", b"\x28\xb5\x2f\xfd", "a file whose name ends in .zst is unpacked"),
    ("packed by xz", b"\xfd7zX", "a file whose name ends in .xz is unpacked"),
    ("a ZIP archive", b"PK\x03\x04", "zipfile reads the files in it"),
)  # no text begins so
INVALID = "cortado.invalid"
_NEVER = b"\xff"


def _invalid(why: UnicodeError) -> tuple[str | bytes, int]:
    if isinstance(why, UnicodeDecodeError):
        return "\udcff", why.end
    assert isinstance(why, UnicodeEncodeError)
    return _NEVER * (why.end - why.start), why.end


codecs.register_error(INVALID, _invalid)


def recoded(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """The chunks as UTF-8."""
    if encoding == "utf-8":
        yield from chunks
        return
    decoder: codecs.IncrementalDecoder | None = None
    for chunk in chunks:
        if decoder is None:
            decoder = codecs.getincrementaldecoder(_with_order(encoding, chunk))(INVALID)
        yield decoder.decode(chunk).encode("utf-8", INVALID)
    if decoder is not None:
        yield decoder.decode(b"", True).encode("utf-8", INVALID)


def _with_order(encoding: str, head: bytes) -> str:
    """UTF-16 and UTF-32 without a mark: the byte order that the first character shows (Python's decoders refuse them)."""
    if encoding not in ("utf-16", "utf-32") or any(head.startswith(mark) for _, mark in BOMS):
        return encoding
    return encoding + ("-be" if head[:1] == b"\0" else "-le")


def check_encoding(head: bytes, shown: str, encoding: str) -> None:
    """Text that begins with the mark of another encoding, or what is packed, is named, not misread."""
    for what, mark, hint in PACKED:
        if head.startswith(mark):
            raise fault("E605", f"`{shown}` is {what}", hint=hint)
    if encoding != "utf-8":
        return
    for name, mark in BOMS:
        if head.startswith(mark):
            raise fault("E605", f"`{shown}` is {name[:6].upper()} text", hint=f"cs={name[:6]} reads it")
