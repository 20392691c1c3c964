"""`join [type=...] KEY [as RKEY], ... [ SUB ]`: rows together with those of a subquery that have the same keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..planner import ast, combine
from ..planner.combine import JoinKey
from ..planner.plan import Node
from ..planner.types import NULL, Type, join
from .base import Args, Command, Example, Option, kinds, lowers, register

TYPES = ("inner", "left", "leftonly", "right", "rightonly", "full", "cross")
ALONE = ("right", "full", "rightonly")  # those with rows of the subquery alone
TABLES = {"p": "ip:string hits:long\na 1\nb 2\nc 3\na 4", "h": "ip:string name:string\na ann\nb bob\nd dan"}


class Joining(Command[combine.Join]):
    """What `join` and `streamjoin` share."""

    may_spill = True

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        kind, pairs = args.option("type"), args.many("pairs")
        if kind == "cross" and pairs:
            args.fail("E311", "a cross join takes no key: it pairs all rows", pairs[0].left.span)
        if kind != "cross" and not pairs:
            hint = (
                "the fields that both sides share, before the [" if args.given("type") else "type=cross pairs all rows"
            )
            args.abort("E201", f"{self.name} needs a key", args.place("subquery"), hint=hint)
        right = args.subquery()
        keys = tuple(self._key(args, p, source, right) for p in pairs)
        suffix = args.option("suffix")
        theirs = {k.right for k in keys}
        shared = [n for n in right.schema.names() if n in source.schema and n not in theirs]
        if kind == "leftonly":
            shared = []
        elif kind == "rightonly":  # nothing else of the left comes out
            shared = [n for n in shared if n in {k.left for k in keys}]
        renamed = tuple((n, n + suffix) for n in shared) if suffix else ()
        if suffix:
            self._check_renamed(args, source, right, renamed)
        else:
            self._tell_lost_keys(args, kind, [k for k in keys if k.left in shared])
            if kind == "rightonly":
                shared = []
            tell_retyped(args, source, right, shared, "suffix= keeps both")
        self._check_keys(args, kind, keys)
        return combine.Join(
            **args.common, inputs=(source, right), type=kind, keys=keys, renamed=renamed,
            clashes=() if suffix else tuple(shared), nulls_match=args.option("nulls") == "match", may_spill=self.may_spill,
        )  # fmt: skip

    def lower(self, node: combine.Join) -> Any:
        return join_run(node)

    def _key(self, args: Args, pair: ast.Pair, left: Node, right: Node) -> JoinKey:
        name, mine = args.field(pair.left)
        given = pair.right or pair.left
        other, theirs = args.binder.field(given, right.schema)
        tell_types(args, pair, name, mine, other, theirs)
        return JoinKey(name, other)

    def _check_renamed(
        self, args: Args, left: Node, right: Node, renamed: Sequence[tuple[str, str]]
    ) -> None:  # fmt: skip
        for name, made in renamed:
            if made in left.schema or made in right.schema:
                args.fail(
                    "E350",
                    f"the subquery's '{name}' would be '{made}', which there is already",
                    args.option_span("suffix"),
                )

    def _tell_lost_keys(self, args: Args, kind: str, lost: Sequence[JoinKey]) -> None:
        """Keys of rows without a left whose name here is that of another field of the subquery."""
        for key in lost if kind in ALONE else ():
            said = f"the subquery's '{key.left}' stands instead of its key '{key.right}' in rows without a partner"
            if args.strict:
                args.fail("E503", said, args.place("subquery"), strict=True)
            else:
                args.note("overwrite", said, args.place("subquery"), "suffix= keeps both")

    def _check_keys(self, args: Args, kind: str, keys: Sequence[JoinKey]) -> None:
        seen: dict[str, list[str]] = {}
        for key, pair in zip(keys, args.many("pairs"), strict=False):
            said, before = f"the key '{key.left}' is given twice", seen.setdefault(key.left, [])
            if key.right in before:
                args.fail("E350", said, pair.left.span)
            elif before and kind in ALONE:
                said += f", for '{before[0]}' and '{key.right}': a row without a partner may have two values"
                args.fail("E350", said, pair.left.span, hint=f"eval a copy of '{key.left}' for the second")
            before.append(key.right)


def join_run(node: combine.Join) -> Any:
    from ..engine.lower import at_of
    from ..engine.operators.joinrun import JoinRun

    return JoinRun(node, at_of(node))


def tell_retyped(args: Args, left: Node, right: Node, shared: Sequence[str], hint: str) -> None:
    """A field of two types becomes one of the type that holds both."""
    for name in shared:
        mine, theirs = left.schema.type(name) or NULL, right.schema.type(name) or NULL
        made = join([mine, theirs])
        if made.kind == mine.kind or mine.kind == "null":
            continue
        said = f"'{name}' is {mine} and the subquery's is {theirs}: it became {made}"
        if args.strict:
            args.fail("E503", said, args.place("subquery"), strict=True)
        else:
            args.note("overwrite", said, args.place("subquery"), hint)


def tell_types(
    args: Args, pair: ast.Pair, name: str, mine: Type, other: str, theirs: Type, whose: str = "the subquery's"
) -> None:  # fmt: skip
    """W321 where no value of one field can equal one of the other."""
    from ..engine.operators.joinkeys import comparable

    if mine.kind in ("any", "null") or theirs.kind in ("any", "null") or comparable(mine, theirs):
        return
    hint = "bring them to one type with eval: "
    number = "long" if "long" in (mine.kind, theirs.kind) else "double"
    text = {mine.kind, theirs.kind} & {"string"}
    hint += (
        f"{number}({name if mine.kind == 'string' else other})"
        if text and "binary" not in (mine.kind, theirs.kind)
        else "string(...)"
    )
    args.warn(
        "W321", f"'{name}' is {mine} and {whose} '{other}' is {theirs}: they never match",
        pair.left.span, hint=hint,
    )  # fmt: skip


OPTIONS = (
    Option("type", TYPES, "which rows without a partner stay; only: these alone", default="inner"),
    Option(
        "suffix",
        kinds.TEXT,
        "a field that both sides have is kept twice, the subquery's under its name with this added",
    ),
    Option("nulls", ("never", "match"), "whether a null key equals a null key", default="never"),
)
DETAILS = (
    "Every pair of rows whose keys are equal gives a row, in the order of the rows that come in, then of the subquery's. "
    "`KEY as RKEY` names the key as it is here and in the subquery; the right key is not repeated.\n\n"
    "| type | gives |\n| --- | --- |\n| `inner` | pairs |\n| `left` | pairs, and rows without a partner |\n"
    "| `leftonly` | rows without a partner, with their own fields |\n"
    "| `right` | pairs, then the subquery's rows without a partner |\n"
    "| `rightonly` | only the latter: keys under their name here, then the subquery's other fields |\n"
    "| `full` | pairs and the partnerless rows of both sides, the subquery's last |\n| `cross` | every row with every row; no key |\n\n"
    "Null keys match nothing, unless `nulls=match`. Numbers match across their widths (`1` and `1.0`), NaN matches NaN; text never matches a number (W321).\n\n"
    "Of a field that both sides have, and that is no key, the subquery's value stands in rows that matched, which an `overwrite` note counts "
    "(E503 under strict); with `suffix=` both are kept.\n\n"
    "The subquery runs first and is kept by its keys; what does not fit into memory is cut into parts on disk. The rows that come in "
    "stream by, on all threads. Which side is kept never changes the result."
)


@lowers(combine.Join)
@register
class Join(Joining):
    name = "join"
    summary = "Put rows together with those of a subquery that have the same keys."
    syntax = "join [type={inner,left,leftonly,right,rightonly,full,cross}] [suffix=S] [nulls={never,match}] KEY [as RKEY], ... [ SUB ]"
    grammar = "[pairs] subquery"
    options = OPTIONS
    details = DETAILS
    examples = (
        Example(
            title="all matches",
            given=TABLES,
            query="table p | join ip [ table h ]",
            expect="ip:string hits:long name:string\na 1 ann\nb 2 bob\na 4 ann",
        ),
        Example(
            title="rows without a partner stay",
            given=TABLES,
            query="table p | join type=full ip [ table h ]",
            expect="ip:string hits:long name:string\na 1 ann\nb 2 bob\nc 3 null\na 4 ann\nd null dan",
        ),
        Example(
            title="what is not there",
            given=TABLES,
            query="table p | join type=leftonly ip [ table h ]",
            expect="ip:string hits:long\nc 3",
        ),
    )
