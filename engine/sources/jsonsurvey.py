"""What a look at JSON files says: whether records are lines, which fields there are, of which types."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import Any, Literal

import pyarrow as pa

from ...planner.records import dataclass
from ...planner.text import QueryError, fault
from ...planner.types import STRING, Schema, Type, of_arrow
from .files import FIRST_CHUNK, FileOptions, Input, check_encoding
from .jsontextblocks import Records, are_objects, stream_lines, stream_values, too_deep
from .jsonvalues import DEEPEST_TYPE, Seen, settled, whole
from .jsonvalues import survey as survey_values

HALVES = re.compile(rb"\\u[dD][89a-fA-F]")  # escapes of surrogates, which may stand alone
BOM = b"\xef\xbb\xbf"


@dataclass(slots=True)
class JsonFile:
    input: Input
    is_lines: bool
    begin: int = 0  # bytes of the mark


@dataclass(frozen=True, slots=True)
class Surveyed(Schema):
    """Fields that records were found to have. `mixed`: places that hold values of several kinds, as text; `mixes`: what is to
    be said of them, of how many values, and a hint."""

    mixed: frozenset[str] = frozenset()
    mixes: tuple[tuple[str, int, str], ...] = ()


@dataclass(slots=True)
class Survey:
    files: list[JsonFile] = field(default_factory=list)
    types: dict[str, Type] = field(default_factory=dict)
    mixed: dict[str, dict[str, int]] = field(default_factory=dict)


def survey(inputs: Sequence[Input], options: FileOptions) -> Survey:
    """Fields and types of the first `infer` records of all files."""
    out, left, first = Survey(), options.infer, True
    seen: dict[str, Seen] = {}
    for source in inputs:
        chunks = _quiet(source.sample_text())
        head = b""
        while len(head.strip()) < FIRST_CHUNK and (chunk := next(chunks, b"")):
            head += chunk
        check_encoding(head, source.shown, options.encoding)
        begin = len(BOM) if head.startswith(BOM) else 0
        head = head[begin:]
        if not head.strip() and not options.declared.fields and first and len(inputs) == 1:
            raise fault(
                "E605", f"`{source.shown}` is empty", hint='schema="a: long, b: date" reads it as a table without rows'
            )
        first = False
        file = JsonFile(source, is_lines(head), begin)
        out.files.append(file)
        blocks = (stream_lines if file.is_lines else stream_values)(chunks, head)
        while left > 0 and (block := next(blocks, None)) is not None:
            block = block.slice(0, left)
            left -= len(block)
            merge(seen, sampled(block))
    for name, kinds in seen.items():
        out.types[name] = settled(kinds.type())
        if options.declared.type(name) is None:
            out.mixed.update(kinds.mixes(name))
    out.types.update(options.declared.fields)
    return out


def is_lines(head: bytes) -> bool:
    """Whether the records are lines: not so if the file is an array, or its first line holds no whole object."""
    text = head.lstrip()
    if text[:1] == b"[":
        return False
    line = text.split(b"\n", 1)[0]
    if text[:1] != b"{" or line == text:
        return True
    try:
        json.loads(line)
        return True
    except (ValueError, RecursionError):
        # a broken line, or one object over several? only the second goes on with a key or a bracket
        return line.rstrip() not in (b"{",) and not line.rstrip().endswith((b",", b"[", b"{", b":"))


def _quiet(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """What can be read of a damaged file; the fault is told when the file is read, behind its good records."""
    seen = False
    try:
        for chunk in chunks:
            seen = True
            yield chunk
    except QueryError:
        if not seen:
            raise


def sampled(block: Records, lenient: bool = False) -> dict[str, Seen]:
    """What the block's fields hold. Arrow says it at once where no field mixes kinds."""
    table = None if too_deep(block).any() else by_arrow(block, None)
    if table is not None:
        return {
            name: _seen(table.schema.field(i).type, len(table) - table.column(i).null_count)
            for i, name in enumerate(table.column_names)
        }
    read = parsed_leniently if lenient else parsed
    return survey_values(read(block.text(i)) for i in range(len(block)))


def _seen(kind: pa.DataType, n: int, depth: int = 0) -> Seen:
    """An Arrow type as a survey of values; text that looks like a time is text."""
    out = Seen(depth)
    type_ = of_arrow(kind)
    if type_.kind == "date" or (depth >= DEEPEST_TYPE and type_.kind in ("array", "map")):
        type_ = STRING
    out.counts[type_.kind] = n
    if type_.kind == "array":
        out.item = _seen(kind.value_type, n, depth + 1)  # type: ignore[attr-defined]
    elif type_.kind == "map":
        out.members = {f.name: _seen(f.type, n, depth + 1) for f in kind}  # type: ignore[attr-defined]
    return out


def merge(into: dict[str, Seen], more: dict[str, Seen]) -> None:
    for name, seen in more.items():
        old = into.get(name)
        if old is None:
            into[name] = seen
            continue
        for kind, n in seen.counts.items():
            old.counts[kind] = old.counts.get(kind, 0) + n
        merge(old.members, seen.members)
        if seen.item is not None:
            items = {"": old.item} if old.item is not None else {}
            merge(items, {"": seen.item})
            old.item = items[""]


def parsed(raw: bytes) -> Any:
    """The value of a record; a string stands for one that is broken."""
    try:
        value = json.loads(raw)
        return whole(value) if HALVES.search(raw) else value
    except (ValueError, RecursionError):
        return ""


def parsed_leniently(raw: bytes) -> Any:
    """As `parsed`; JSON as people write it is JSON, too."""
    value = parsed(raw)
    if isinstance(value, dict):
        return value
    from .jsonlenient import BadJson, loads

    try:
        return whole(loads(raw.decode("utf-8", "replace")))
    except BadJson:
        return ""


def by_arrow(
    block: Records, schema: pa.Schema | None, unknown: Literal["infer", "ignore"] = "infer"
) -> pa.Table | None:
    """The block parsed by Arrow; None where it refuses, or sees other records than the lines. `unknown`: infer or ignore,
    keys that are not in the schema."""
    import pyarrow.json as pj

    if not len(block):
        return pa.table({}) if schema is None else schema.empty_table()
    if not are_objects(block):
        return None
    low, high = int(block.start[0]), int(block.stop[-1])
    text: Any = pa.BufferReader(block.buffer.slice(low, high - low))
    try:
        table = pj.read_json(
            text,
            read_options=pj.ReadOptions(use_threads=False, block_size=high - low + 1),
            parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior=unknown),
        )
    except (pa.ArrowException, ValueError):
        return None
    return table if len(table) == len(block) else None
