"""`lookup NAME KEY [as INPUT] output F [as A], ...`: fields of the first row of a table that has the same key."""

from __future__ import annotations

from typing import Any

from ..planner import ast, combine
from ..planner.combine import JoinKey
from ..planner.expr import Bound, Expr, FieldRef, Literal
from ..planner.parsed import Parsed
from ..planner.plan import Assignment, Keep, Node, Project
from ..planner.records import dataclass
from ..planner.types import NULL
from .base import REGISTRY, Args, Command, Example, lowers, register
from .join import join_run, tell_types

HOSTS = "ip:string name:string region:string\na ann north\nb bob south\nb ben east"


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp(combine.Join):
    """A left join with the first match, whose fields overwrite others as the text says."""

    command = "lookup"


@lowers(LookUp)
@register
class Lookup(Command[LookUp]):
    name = "lookup"
    summary = "Add fields of the first row of a table that has the same key."
    syntax = "lookup NAME KEY [as INPUT] output F [as A], ..."
    grammar = "table field [_AS field] _OUTPUT pairs"
    details = (
        "NAME is a registered object, a stored table, or in quotes the path of a file. KEY is the table's field, INPUT the field here "
        "(the same name without `as`). Each row gets the fields of the first row of the table whose KEY equals its INPUT; "
        "a field that is there already is overwritten in place.\n\n"
        "A row without a match, also one whose INPUT is null, gets nulls; an `info` note counts them. Rows of the table whose key an earlier "
        "one has are left alone and counted (W322; E320 under strict). Numbers match across their widths, text never matches a number (W321). "
        "It streams; the table is kept in memory, or in parts on disk."
    )
    examples = (
        Example(
            title="one field, by a field of another name",
            given={"hosts": HOSTS, "t": "client:string\nb\nc"},
            query="table t | lookup hosts ip as client output region",
            expect="client:string region:string\nb south\nc null",
        ),
        Example(
            title="several, under other names",
            given={"hosts": HOSTS, "t": "ip:string\na\nb"},
            query="table t | lookup hosts ip output name as host, region",
            expect="ip:string host:string region:string\na ann north\nb bob south",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        table = self._table(args)
        fields = args.parsed.all("field")
        key, theirs = args.binder.field(fields[0], table.schema)
        given = fields[1] if len(fields) > 1 and fields[1] is not None else fields[0]
        is_told = given is fields[0] and key not in table.schema and key not in args.schema
        name, mine = (key, NULL) if is_told else args.field(given)
        tell_types(args, ast.Pair(given, fields[0], given.span), name, mine, key, theirs, "the lookup's")
        outputs = [(args.binder.field(p.left, table.schema), self._target(args, p)) for p in args.many("pairs")]
        seen: set[str] = set()
        for (_, made), pair in zip(outputs, args.many("pairs"), strict=True):
            if made in seen:
                args.fail("E350", f"two fields are named '{made}'", pair.span, hint="name one with 'as'")
            seen.add(made)
        right = self._columns(args, table, key, [f for f, _ in outputs])
        renamed = tuple((_place(i), made) for i, (_, made) in enumerate(outputs))
        return LookUp(
            **args.common, inputs=(source, right), type="left", keys=(JoinKey(name, key),), renamed=renamed, first=True,
            quiet=True, clashes=tuple(n for _, n in outputs if n in source.schema),
        )  # fmt: skip

    def lower(self, node: LookUp) -> Any:
        return join_run(node)

    def _table(self, args: Args) -> Node:
        """The rows of NAME, as `table NAME` has them."""
        p, command = args.parsed, REGISTRY.commands["table"]
        where = args.place("table")
        parsed = Parsed(p.number, "table", p.command_span, (), (("tables", (args.one("table"),)),), p.span, (where,))
        return command.bind(Args(args.binder, parsed, command, None), None)

    def _target(self, args: Args, pair: ast.Pair) -> str:
        return args.binder.field_name(pair.right or pair.left)

    def _columns(self, args: Args, table: Node, key: str, fields: list[tuple[str, object]]) -> Node:
        """The key, and the wanted fields under names of their own: one may be wanted twice, or be the key."""
        stage: dict[str, Any] = {"span": args.span, "stage": args.stage, "implied": True}
        assigns = []
        for i, (name, _) in enumerate(fields):
            kind = table.schema.type(name)
            value: Expr = Literal(type=NULL, value=None)
            if name in table.schema and kind is not None:
                value = FieldRef(type=kind, name=name)
            assigns.append(Assignment((_place(i),), Bound(value, ast.Name(name=name))))
        wide = Project(**stage, inputs=(table,), assigns=tuple(assigns))
        kept = (*([key] if key in table.schema else []), *(_place(i) for i in range(len(fields))))
        return Keep(**stage, inputs=(wide,), names=kept)


def _place(i: int) -> str:
    return f"output {i}"
