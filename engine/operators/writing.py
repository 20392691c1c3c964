"""What the writer commands share: their common options, and the node that a stage becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...planner import options as kinds
from ...planner.options import Option
from ..storage.unpack import PACKED_SUFFIXES
from ..values import without_months
from .writers import WriteFile, parts_of

if TYPE_CHECKING:
    from ...planner.bind import Args
    from ...planner.plan import Node

SHARED = (
    Option("append", kinds.BOOL, "add to the file if there is one", default=False),
    Option("overwrite", kinds.BOOL, "replace the file if there is one", default=False),
    Option("partition", kinds.BOOL, "a file for each value of {FIELD} or {logtime:FORMAT} in the path", default=False),
)


def write_node(args: Args, source: Node, form: Any) -> WriteFile:
    """The bound stage: fields and what stands in braces are checked here."""
    path = args.path(args.one("path"))
    if path == "-":
        args.abort(
            "E311",
            "a writer takes a file, not `-`",
            args.place("path"),
            hint="the command line writes results to standard output",
        )
    if args.option("append") and args.option("overwrite"):
        args.abort(
            "E311", "append= and overwrite= exclude each other", args.option_span("overwrite"), hint="choose one"
        )
    _check_packing(args, path, form)
    fields = tuple(args.fields(args.many("names"))) or source.schema.names()
    _check_path(args, path, source)
    durable = bool(args.services.settings.get("durable", True))
    return WriteFile(
        **args.common, inputs=(source,), form=form, path=path, fields=fields, append=args.option("append"),
        overwrite=args.option("overwrite"), partition=args.option("partition"), durable=durable, gate=args.services.gate,
    )  # fmt: skip


def typed_node(args: Args, source: Node, form: Any) -> WriteFile:
    """As `write_node`, of a form that keeps types: what it has no type for is told."""
    node = write_node(args, source, form)
    for name in node.fields:
        kind = source.schema.type(name)
        if kind is not None and without_months(kind) != kind:
            args.note("info", f"field '{name}' is a calendar length: the file has its text", hint="such as 1mon")
    return node


def _check_packing(args: Args, path: str, form: Any) -> None:
    """Formats that are read from their end are packed inside, or cannot be added to once they are packed."""
    suffix = path.lower().rsplit(".", 1)[-1]
    if f".{suffix}" not in PACKED_SUFFIXES:
        return
    if form.packs == "inside":
        args.abort("E311", f"a file that is packed as .{suffix} as a whole could not be read", args.place("path"),
                   hint="codec=zstd packs its pages")  # fmt: skip
    if form.packs == "whole" and args.option("append"):
        args.abort("E311", f"append= adds to no file that is packed as .{suffix}", args.option_span("append"),
                   hint="codec=zstd packs its buffers, and can be added to")  # fmt: skip


def _check_path(args: Args, path: str, source: Node) -> None:
    from ..dateletters import BadFormat, java

    for part in parts_of(path):
        if part.kind in ("now", "logtime"):
            try:
                java(part.name)
            except BadFormat as why:
                args.abort("E307", f"the date format in the path cannot be read: {why}", args.place("path"))
        if part.kind == "text" or part.kind == "now":
            continue
        name = "_time" if part.kind == "logtime" else part.name
        known = source.schema.type(name) if name in source.schema else None
        if not args.option("partition"):
            if known is not None:
                args.abort("E311", f"'{{{part.name}}}' in the path needs partition=t", args.place("path"))
            continue
        if known is None:
            args.binder.unknown(name, args.place("path"), source.schema, always=True)
        elif part.kind == "logtime" and known.kind != "date":
            args.abort("E340", "'_time' is no date field", args.place("path"), hint="logtime is the row's _time")
