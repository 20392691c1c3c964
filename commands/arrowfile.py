"""`arrowfile PATH`: Arrow IPC files and streams."""

from __future__ import annotations

from ..planner.plan import Scan
from .base import Args, Command, Example, Node, register
from .columns import OPTIONS, SYNTAX, bind_columns


@register
class ArrowFileCommand(Command[Scan]):
    name = "arrowfile"
    summary = "Read Arrow IPC files and streams (Feather among them): only the fields that the query needs."
    syntax = f"arrowfile {SYNTAX}"
    grammar = "path"
    source = True
    options = OPTIONS
    details = """
    Both forms of the Arrow IPC format are read, whatever the name ends in: the *file* (Feather version 2), whose
    record batches are read by all workers at once, and the *stream*, which is read from front to back; so are
    compressed buffers (LZ4, Zstandard), dictionaries, run-end encoding, views and nested types. Streams that follow
    one another in one file are read as one, if they have the same columns. Paths, packed files, `-` and `_file` are
    as with `csvfile`.

    Fields are joined by name over several files, types widen as in mixed columns. Folders named `key=value` become
    fields; a condition on one of them leaves files unread. `from=` and `to=` keep rows by time, from inclusive and
    to exclusive: by `time=`, else `_time`, else the only date field.

    Every record batch is checked before it is used. A damaged one is E605 and says which; rows before it have
    passed by then. The format has no checksums: damage that leaves the bytes well formed cannot be seen. A stream
    that ends without its end mark is read, and noted.

    `bad=` and `quarantine=` take what the types of the language cannot hold (whole numbers of 2^63 and more, times
    beyond 64 bits of their unit) and what `time=` cannot read. In the quarantine `line` is the number of the row and
    `raw` the text of the value.
    """
    examples = (
        Example(
            title="two fields of a file",
            given={"arrow:p.arrow": "a:long b:string c:double\n1 x 0.5\n2 null 1.5"},
            query="arrowfile columns=c,a p.arrow",
            expect="c:double a:long\n0.5 1\n1.5 2",
        ),
        Example(
            title="a stream, of which only one field is read",
            given={"arrows:p.arrows": "a:long b:string\n1 x\n2 null"},
            query="arrowfile p.arrows | stats count(b) as b",
            expect="b:long\n1",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        from ..engine.sources.ipc import IpcRelation, survey

        return bind_columns(args, survey, IpcRelation)
