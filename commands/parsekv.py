"""`parsekv`: fields out of `key=value` text."""

from __future__ import annotations

from typing import Any

from ..engine.pairs import PairForm
from ..planner.plan import Settle
from .base import Args, Command, Example, Node, Option, kinds, lowers, register
from .textparse import ERRORS, FIELD, OVERLAY, TextParse, errors_field, lower_pairs, source_field, wanted_names


@lowers(TextParse)
@register
class ParseKv(Command[TextParse]):
    name = "parsekv"
    summary = "Fields out of text that is written as key=value; values may stand in quotes."
    syntax = 'parsekv [field=line] [kvdelim="="] [pairdelim=" "] [overlay=f] [errors=F] [F, ...]'
    grammar = "[names]"
    options = (
        FIELD,
        Option("kvdelim", kinds.DELIMITER, "what stands between a key and its value", default="="),
        Option("pairdelim", kinds.DELIMITER, "what stands between pairs", default=" "),
        OVERLAY,
        ERRORS,
    )
    details = """
Every key becomes a text field. Blanks around keys and values are trimmed, a value may stand in double or single quotes,
in which `\\"`, `\\'` and `\\\\` are unescaped; a quote that is never closed is an ordinary character. Words without
`kvdelim` are passed over. `a=` is empty text; a key that a row lacks is null. If a key stands twice in a row, the last
value counts. Only the first `kvdelim` of a pair parts it, so `url=/x?a=b` has the value `/x?a=b`.

With `overlay=f` the parsed fields go on, and those of the row that begin with `_`. With `overlay=t` the whole row does;
a key that is there overwrites the field of that name, and a row that lacks it keeps its value (as text). A text without a
pair is counted (`reject`, "no pair") and its row goes on; null is no fault.

Named fields (`parsekv user, status`) are the only ones made, and the stage streams. Without names the stages behind it say
what they want: `parsekv | stats count by user` streams, too. Where the fields themselves reach the result, a writer or a
stage that reads whole rows, the rows are held (on disk if memory does not suffice) until all keys were seen; the fields
then stand in the order in which they first appear in the input. A name that no row has is null there, without a warning.
"""
    examples = (
        Example(
            title="all keys, in the order in which they first appear",
            given={"t": 'line:string\n"user=ann ip=10.0.0.1"\n"ip=10.0.0.2 msg=\\"not found\\""'},
            query="table t | parsekv",
            expect='user:string ip:string msg:string\nann 10.0.0.1 null\nnull 10.0.0.2 "not found"',
        ),
        Example(
            title="other delimiters, two fields",
            given={"t": 'line:string\n"a: 1; b: 2; c: 3"'},
            query='table t | parsekv kvdelim=":" pairdelim=";" c, a',
            expect="c:string a:string\n3 1",
        ),
        Example(
            title="the lines that hold no pair",
            given={"t": 'line:string\n"user=ann"\n"-- rotated --"'},
            query="table t | parsekv overlay=t errors=why user | search isnotnull(why) | fields line, why",
            expect='line:string why:string\n"-- rotated --" "no pair"',
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        field, _ = source_field(args)
        kv, pair = args.option("kvdelim"), args.option("pairdelim")
        for name, given in (("kvdelim", kv), ("pairdelim", pair)):
            if not given:
                args.abort("E311", f"'{name}' cannot be empty", args.option_span(name), hint="it takes text")
        if kv == pair:
            args.abort("E311", "'kvdelim' and 'pairdelim' cannot be the same", args.option_span("pairdelim"))
        names = wanted_names(args)
        errors = errors_field(args)
        if errors and names is not None and errors in names:
            args.fail("E350", f"two fields are named '{errors}'", args.option_span("errors"))
        form = PairForm(kv.encode(), pair.encode())
        return TextParse(
            **args.common,
            inputs=(source,),
            field=field,
            form=form,
            names=names,
            overlay=args.option("overlay"),
            errors=errors,
        )

    def lower(self, node: TextParse | Settle) -> Any:
        return lower_pairs(node)
