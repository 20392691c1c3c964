"""Lark trees to the values of `ast`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from . import ast
from .escapes import ESCAPE, SIMPLE_ESCAPES, unicode_escape
from .parsed import Parsed
from .records import dataclass
from .stages import QUOTED, Stage
from .text import Fault, Span, error

if TYPE_CHECKING:
    from lark import Token

DURATION_PART = re.compile(r"(\d+)([a-z]+)")


def too_large(text: str) -> str:
    """What to write instead of a whole number beyond 64 bits."""
    return f"write {text}.0" if text.isdigit() else f"write {int(text, 16)}.0"


@dataclass(slots=True)
class Builder:
    """Lark tree to `ast` values: one method a rule."""

    whole: str
    stage: Stage
    subqueries: Mapping[int, tuple[Parsed, ...]]

    def span(self, node: Any) -> Span:
        base = self.stage.body.start
        if hasattr(node, "type"):
            return Span(base + node.start_pos, base + node.end_pos)
        if node.meta.empty:
            return Span(self.stage.span.end, self.stage.span.end)
        return Span(base + node.meta.start_pos, base + node.meta.end_pos)

    def fail(self, code: str, message: str, span: Span, **more: Any) -> NoReturn:
        raise error(
            self.whole,
            [Fault(code=code, message=message, span=span, stage=self.stage.number, command=self.stage.command, **more)],
        )

    def build(self, node: Any) -> Any:
        if node is None:
            return None
        if hasattr(node, "type"):
            return self.token(node)
        return getattr(self, "on_" + node.data)(node)

    def many(self, node: Any) -> tuple[Any, ...]:
        return tuple(self.build(c) for c in node.children if c is not None)

    # tokens

    def token(self, token: Token) -> Any:
        span, text = self.span(token), str(token)
        match token.type:
            case "STRING":
                return self.cooked(text, span)
            case "RAW_STRING":
                return ast.Text(value=text[1:-1].replace("''", "'"), raw=True, span=span)
            case "NUMBER":
                value = self.number(text)
                if isinstance(value, int) and value > 2**63:
                    self.fail("E307", "a whole number above 9223372036854775807", span, hint=too_large(text))
                return ast.Number(value=value, span=span)
            case "DURATION":
                return self.duration(text, span)
            case "TRUE" | "FALSE" | "NULL":
                return ast.Constant(value={"TRUE": True, "FALSE": False, "NULL": None}[token.type], span=span)
            case "BACKQUOTED":
                return unicodedata.normalize("NFC", text[1:-1].replace("``", "`"))
            case "NAME":
                return unicodedata.normalize("NFC", text)
        return text

    def cooked(self, text: str, span: Span) -> ast.Text:
        out, stars, last, inner = [], [], 0, text[1:-1]
        for found in ESCAPE.finditer(inner):
            out.append(inner[last : found.start()])
            last, body = found.end(), found[1]
            at = Span(span.start + 1 + found.start(), span.start + 1 + found.end())
            if body == "*":
                stars.append(sum(map(len, out)))
            if body in SIMPLE_ESCAPES:
                out.append(SIMPLE_ESCAPES[body])
            elif body[0] == "u" and len(body) > 1:
                try:
                    out.append(unicode_escape(body))
                except ValueError:
                    self.fail(
                        "E104", f"'\\{body}' is half a character", at, hint="pairs such as \\ud83d\\ude00 make one"
                    )
            else:
                hint = "\\u takes four hexadecimal digits" if body == "u" else "or a raw string: '...'"
                self.fail("E104", f"'\\{body}' is no escape", at, suggestions=("\\\\" + body,), hint=hint)
        return ast.Text(value="".join(out) + inner[last:], literal_stars=tuple(stars), span=span)

    @staticmethod
    def number(text: str) -> int | float:
        if text.startswith("0x"):
            return int(text, 16)
        return int(text) if text.isdigit() else float(text)

    def duration(self, text: str, span: Span) -> ast.Duration:
        months = ns = 0
        weeks = True
        for amount, unit in DURATION_PART.findall(text):
            months += int(amount) * ast.DURATION_MONTHS.get(unit, 0)
            ns += int(amount) * ast.DURATION_NS.get(unit, 0)
            weeks = weeks and unit == "w"
        if months and ns:
            self.fail("E307", "calendar and fixed lengths do not mix in one duration", span)
        if not ast.fits(months, ns):
            self.fail("E307", f"'{text}' is longer than 64 bits of microseconds hold", span)
        return ast.Duration(months=months, ns=ns, weeks=weeks, span=span)

    # expressions

    def operator(self, node: Any, name: str, *args: Any) -> ast.Call:
        return ast.Call(name=name, args=args, op=True, span=self.span(node))

    def chain(self, node: Any, name: str) -> ast.Call:
        """Flat, also where brackets nest the same word: null counts as false, so the grouping means nothing."""
        args: list[ast.Expr] = []
        for value in self.many(node):
            args += value.args if isinstance(value, ast.Call) and value.op and value.name == name else (value,)
        return self.operator(node, name, *args)

    def on_disjunction(self, node: Any) -> ast.Call:
        return self.chain(node, "or")

    def on_conjunction(self, node: Any) -> ast.Call:
        return self.chain(node, "and")

    def on_not_(self, node: Any) -> ast.Call:
        return self.operator(node, "not", self.build(node.children[1]))

    def on_in_(self, node: Any) -> ast.Call:
        left, values = node.children
        if values is None:
            self.fail("E306", "in () needs at least one value", self.span(node))
        return self.operator(node, "in", self.build(left), *self.many(values))

    def on_binary(self, node: Any) -> ast.Expr:
        """`a + b + c` leans to the left: a loop, since long chains are no nesting."""
        chain = []
        while getattr(node, "data", "") == "binary":
            chain.append(node)
            node = node.children[0]
        left: ast.Expr = self.build(node)
        for link in reversed(chain):
            left = self.operator(link, str(link.children[1]), left, self.build(link.children[2]))
        return left

    def on_negate(self, node: Any) -> ast.Expr:
        # 2**63 is allowed as a token only for the sake of the least long, -9223372036854775808
        return self.operator(node, "neg", self.build(node.children[1]))

    def on_name_ref(self, node: Any) -> ast.Name:
        return ast.Name(name=self.build(node.children[0]), span=self.span(node))

    def on_literal(self, node: Any) -> Any:
        return self.build(node.children[0])

    def on_call(self, node: Any) -> ast.Call:
        name, args = node.children
        plain, named = self.arguments(args)
        return ast.Call(name=str(name), args=plain, named=named, span=self.span(node))

    def arguments(self, args: Any, hint: str = "") -> tuple[tuple[ast.Expr, ...], tuple[tuple[str, ast.Expr], ...]]:
        """Positional ones, then those with a name."""
        plain, named = [], []
        for a in args.children if args else ():
            if getattr(a, "data", "") == "named_arg":
                named.append((str(self.build(a.children[0])), self.build(a.children[1])))
            elif named:
                self.fail("E201", "a positional argument stands before the named ones", self.span(a), hint=hint)
            else:
                plain.append(self.build(a))
        return tuple(plain), tuple(named)

    def on_procedure(self, node: Any) -> ast.Call:
        name, args = node.children
        plain, named = self.arguments(args, 'several fields in one argument stand in quotes: "a, b"')
        return ast.Call(name=self.build(name), args=plain, named=named, span=self.span(node))

    def on_param(self, node: Any) -> ast.Param:
        return ast.Param(names=(str(node.children[0])[1:],), span=self.span(node))

    def on_param_call(self, node: Any) -> ast.Param:
        names, default = [], None
        values = self.many(node.children[0])
        for i, value in enumerate(values):
            if isinstance(value, ast.Text) and (i == 0 or i + 1 < len(values)):
                names.append(value.value)
            elif i > 0 and i + 1 == len(values):
                default = value
            else:
                self.fail("E410", "a parameter's name is a string", value.span)
        return ast.Param(names=tuple(names), default=default, span=self.span(node))

    # fields

    def on_field(self, node: Any) -> ast.Field:
        token = node.children[0]
        return ast.Field(self.build(token), self.span(node), token.type.endswith("PATTERN"))

    def on_target(self, node: Any) -> ast.Field:
        return ast.Field(self.build(node.children[0]), self.span(node))

    on_place = on_target

    def on_call_field(self, node: Any) -> ast.Field:
        return ast.Field(self.on_call(node).text(), self.span(node))

    def on_param_field(self, node: Any) -> ast.Field:
        param = self.build(node.children[0])
        return ast.Field(param.text(), self.span(node), param=param)

    def on_signed(self, node: Any) -> ast.Signed:
        sign, name = node.children
        return ast.Signed(self.build(name), sign == "-", self.span(node))

    def on_pair(self, node: Any) -> ast.Pair:
        left, right = node.children
        return ast.Pair(self.build(left), self.build(right), self.span(node))

    on_rename = on_pair

    def on_key(self, node: Any) -> ast.Item:
        expr, alias = node.children
        return ast.Item(self.build(expr), None, self.build(alias), None, self.span(node))

    def on_agg(self, node: Any) -> ast.Item:
        expr, where, alias = node.children
        if alias is None and str(getattr(expr, "data", "")) not in ("call", "name_ref"):
            self.fail("E201", "an expression over aggregates needs a name", self.span(node), hint="... as name")
        return ast.Item(self.build(expr), self.build(where), self.build(alias), None, self.span(node))

    def on_filled_item(self, node: Any) -> ast.Item:
        expr, where, alias, fill = node.children
        return ast.Item(self.build(expr), self.build(where), self.build(alias), self.build(fill), self.span(node))

    def on_fill(self, node: Any) -> ast.Expr:
        """A word as a name, else a constant."""
        child = node.children[0]
        if getattr(child, "type", "") == "NAME":
            return ast.Name(name=str(child), span=self.span(child))
        made: ast.Expr = self.build(child)
        return made

    def on_negative(self, node: Any) -> ast.Expr:
        value = self.build(node.children[1]).value
        return ast.Number(value=-value, span=self.span(node))

    def on_assign(self, node: Any) -> ast.Assign:
        *targets, expr = self.many(node)
        return ast.Assign(tuple(targets), expr, self.span(node))

    def on_anchor(self, node: Any) -> tuple[str, ast.Field]:
        return self.build(node.children[0]), self.build(node.children[1])

    def on_pattern(self, node: Any) -> str:
        token = node.children[0]
        inner = str(token)[1:-1]
        return inner.replace('\\"', '"') if token.type == "STRING" else inner.replace("''", "'")

    def on_archive(self, node: Any) -> Any:
        return self.on_path(node)

    def on_profile(self, node: Any) -> Any:
        return self.on_path(node)

    def on_sql(self, node: Any) -> Any:
        """A string of ours, or the text as it stands: that is masked, so it is read from the whole."""
        token, span = node.children[0], self.span(node)
        if getattr(token, "type", "") not in ("STRING", "RAW_STRING"):
            return self.build(token)
        written = self.whole[span.start : span.end]
        value = written if written[:1] not in QUOTED else self.build(token).value
        return ast.Text(value=value, raw=True, span=span)

    def on_path(self, node: Any) -> Any:
        token = node.children[0]
        return self.on_pattern(node) if getattr(token, "type", "") in ("STRING", "RAW_STRING") else self.build(token)

    def on_table(self, node: Any) -> Any:
        """A bare name is a str; a quoted one is a path (raw text); a back-quoted one is a table's name."""
        token = node.children[0]
        match getattr(token, "type", ""):
            case "STRING" | "RAW_STRING":
                return ast.Text(value=self.on_pattern(node), raw=True, span=self.span(node))
            case "BACKQUOTED":
                return ast.Name(name=self.build(token), span=self.span(node))
        return self.build(token)

    def on_column_def(self, node: Any) -> ast.Column:
        name, kind = node.children
        return ast.Column(self.build(name), self.build(kind), self.span(name), self.span(kind))

    def on_subquery(self, node: Any) -> tuple[Parsed, ...]:
        return self.subqueries[self.span(node).start]

    def first(self, node: Any) -> Any:
        return self.build(node.children[0])

    on_count = on_word = on_by_names = on_by_keys = on_columns = on_by_pairs = first
    on_names = on_signed_names = on_pairs = on_keys = on_aggs = on_filled = on_assigns = many
    on_renames = on_anchors = on_tables = on_columns_def = many
