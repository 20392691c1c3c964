# mypy: disable-error-code="call-overload, unused-ignore, arg-type, no-untyped-call, type-arg, no-any-return, untyped-decorator, comparison-overlap"
"""Random tables, expressions and pipelines for the property tests."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from . import stages
from .calls import CALLS

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
LONG, DOUBLE, TEXT, BOOL, DATE = "long", "double", "string", "bool", "date"
ARROW = {LONG: pa.int64(), DOUBLE: pa.float64(), TEXT: pa.string(), BOOL: pa.bool_(), DATE: pa.timestamp("us", "UTC")}
COLUMNS = {"i": LONG, "j": LONG, "x": DOUBLE, "s": TEXT, "k": TEXT, "b": BOOL, "d": DATE}
Fields = dict[str, str]
HOLE = re.compile(r"\{([NSDCAK])\}")


def some(examples: int) -> settings:
    """The same examples in each run; CORTADO_FUZZ=N takes N times as many, other ones for each --hypothesis-seed."""
    factor = os.environ.get("CORTADO_FUZZ")
    return settings(
        max_examples=examples * int(factor or 1), derandomize=factor is None, deadline=None, database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
    )  # fmt: skip


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "i": st.integers(-3, 5),
    "j": st.sampled_from([0, 1, -1, 7, 100, 2**31, 2**53 + 1, 2**62, 2**63 - 1, -(2**63)]),
    "x": st.sampled_from([0.0, -0.0, 1.5, -2.25, 3.0, 1e300, 1e-300, float("inf"), float("-inf"), float("nan")]),
    "s": st.sampled_from(
        ["", "a", "ab", "A", "12", " 7 ", "1.5", "0x1f", "a*b", "한글", "x=1 y=22", "2026-11-01", "nan"]
    ),
    "k": st.sampled_from(["red", "green", "blue"]),
    "b": st.booleans(),
    "d": st.integers(-10, 400).map(lambda h: EPOCH + dt.timedelta(hours=h * 7, minutes=h % 60)),
}


@st.composite
def tables(draw: Any, most: int = 24, names: tuple[str, ...] = tuple(COLUMNS)) -> pa.Table:
    n = draw(st.integers(0, most))
    columns = {"id": pa.array(range(n), pa.int64())}
    for name in names:
        values = draw(st.lists(st.one_of(st.none(), VALUES[name], VALUES[name]), min_size=n, max_size=n))
        columns[name] = pa.array(values, ARROW[COLUMNS[name]])
    return pa.table(columns)


@dataclass
class Make:
    """Draws texts of expressions over `fields`. `refusing`: those that may refuse values are among them."""

    draw: Callable[[st.SearchStrategy[Any]], Any]
    fields: Fields
    refusing: bool = True

    def pick(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def of(self, kind: str) -> str | None:
        found = [n for n, k in self.fields.items() if k == kind]
        return str(self.pick(*found)) if found else None

    def number(self, depth: int = 2) -> str:
        leaf = self.of(self.pick(LONG, DOUBLE)) or str(self.draw(st.integers(-3, 9)))
        if depth == 0 or self.draw(st.integers(0, 2)) == 0:
            return leaf
        if self.refusing and self.draw(st.booleans()):
            return self.call(LONG, depth)
        a, b = self.number(depth - 1), self.number(depth - 1)
        plain = [f"({a} + {b})", f"({a} - {b})", f"({a} * {b})", f"-{a}", f"nvl({a}, {b})", f"if({self.condition(depth - 1)}, {a}, {b})",
                 f"min({a}, {b})", f"abs({a})", f"case({self.condition(0)}, {a})", f"len({self.text(0)})"]  # fmt: skip
        return str(self.pick(*plain, *([f"({a} / {b})", f"mod({a}, {b})", f"long({self.text(0)})", f"sqrt({a})", f"({self.text(0)} + {a})"]
                                      if self.refusing else ())))  # fmt: skip

    def call(self, kind: str, depth: int) -> str:
        """A call of any function that gives this kind."""
        template = str(self.pick(*CALLS[kind]))

        def hole(found: re.Match[str]) -> str:
            kinds = {"N": LONG, "S": TEXT, "D": DATE, "C": BOOL}
            if found[1] == "K":
                return str(self.draw(st.integers(-2, 4)))
            return self.any(kinds.get(found[1]) or self.pick(LONG, TEXT, DATE, BOOL), depth - 1)

        return HOLE.sub(hole, template)

    def any(self, kind: str, depth: int) -> str:
        match kind:
            case "long":
                return self.number(depth)
            case "string":
                return self.text(depth)
            case "date":
                return self.call(DATE, depth) if depth > 0 else self.of(DATE) or 'date("2026-02-28")'
        return f"({self.condition(depth)})"

    def text(self, depth: int = 1) -> str:
        leaf = self.of(TEXT) or '"t"'
        if depth == 0 or self.draw(st.booleans()):
            return leaf
        if self.refusing and self.draw(st.booleans()):
            return self.call(TEXT, depth)
        return str(self.pick(f"concat({leaf}, {self.number(0)})", f"upper({leaf})", f"substr({leaf}, 0, 2)", f'replace({leaf}, "a", "zz")',
                             f"string({self.number(0)})", f'nvl({leaf}, "none")', f"if({self.condition(0)}, {leaf}, null)"))  # fmt: skip

    def condition(self, depth: int = 2) -> str:
        if depth == 0 or self.draw(st.integers(0, 2)) == 0:
            return self.comparison()
        if self.refusing and self.draw(st.integers(0, 2)) == 0:
            return f"({self.call(BOOL, depth)})"
        a, b = self.condition(depth - 1), self.condition(depth - 1)
        return str(self.pick(f"({a} and {b})", f"({a} or {b})", f"(not {a})", self.comparison()))

    def comparison(self) -> str:
        op = self.pick("==", "!=", "<", "<=", ">", ">=")
        kind = self.pick(LONG, TEXT, BOOL, DATE, "null")
        match kind:
            case "long":
                return f"{self.number(1)} {op} {self.number(0)}"
            case "string":
                wild = self.pick('== "a*"', '!= "*b"', 'in ("12", "r*", "")', '== "한*"', f'{op} "ab"')
                return f"{self.text(0)} {wild}"
            case "bool":
                return self.of(BOOL) or "true"
            case "date":
                field = self.of(DATE)
                return f'{field} {self.pick("<", ">=")} "1970-01-02"' if field else "1 > 0"
        return f"{self.pick('isnull', 'isnotnull')}({self.pick(*self.fields)})"


AGGREGATES = {
    "count": LONG, "sum(NUM)": None, "avg(NUM)": DOUBLE, "min(ANY)": None, "max(ANY)": None, "dc(ANY)": LONG, "first(ANY)": None,
    "last(ANY)": None, "argmax(ANY, NUM)": None, "range(NUM)": DOUBLE, "percentile(NUM, 90)": DOUBLE, "sum(seq())": LONG, "count where COND": LONG, "countif(COND)": LONG, "median(NUM)": DOUBLE, "stddev(NUM)": DOUBLE, "mode(ANY)": None,
}  # fmt: skip


@dataclass
class Pipe:
    """A pipeline while it grows: its stages, and the fields that are alive."""

    draw: Callable[[st.SearchStrategy[Any]], Any]
    fields: Fields
    refusing: bool = True
    made: int = 0

    def grow(self) -> str:
        make = Make(self.draw, self.fields, self.refusing)
        kind = make.pick(
            "search",
            "eval",
            "eval",
            "search",
            "rename",
            "sort",
            "limit",
            "tail",
            "stats",
            "rex",
            "order",
            *(s for s in stages.STAGES if self.refusing or s not in stages.WITH_SUBQUERY),
        )
        return stages.grow(self, make, kind) if kind in stages.STAGES else str(getattr(self, kind)(make))

    def search(self, make: Make) -> str:
        limit = f"limit={self.draw(st.integers(0, 9))} " if self.draw(st.integers(0, 5)) == 0 else ""
        return f"search {limit}{make.condition()}"

    def eval(self, make: Make) -> str:
        kind = make.pick(LONG, TEXT, BOOL, *((DATE,) if self.refusing else ()))
        value = make.any(kind, 2)
        over = list(self.fields) if self.draw(st.integers(0, 3)) == 0 else []
        name = make.pick(*over) if over else self.fresh()
        if kind == LONG:  # whole or not shows in the result; both are numbers here
            kind = DOUBLE
        self.fields[name] = kind
        return f"eval {name} = {value}"

    def fresh(self) -> str:
        self.made += 1
        return f"n{self.made}"

    def subset(self, most: int = 4) -> list[str]:
        names = list(self.fields)
        return list(
            self.draw(st.lists(st.sampled_from(names), min_size=1, max_size=min(most, len(names)), unique=True))
        )

    def rename(self, make: Make) -> str:
        old, new = make.pick(*self.fields), self.fresh()
        self.fields[new] = self.fields.pop(old)
        return f"rename {old} as {new}"

    def sort(self, make: Make) -> str:
        keys = ", ".join(make.pick("", "-") + n for n in self.subset(3))
        limit = f"limit={self.draw(st.integers(0, 9))} " if self.draw(st.integers(0, 3)) == 0 else ""
        nulls = make.pick("", "", "nulls=last ", "nulls=first ")
        return f"sort {limit}{nulls}{keys}"

    def limit(self, make: Make) -> str:
        return str(
            make.pick(
                f"limit {self.draw(st.integers(0, 12))}",
                f"limit {self.draw(st.integers(0, 5))} {self.draw(st.integers(0, 9))}",
            )
        )

    def tail(self, make: Make) -> str:
        return f"tail {self.draw(st.integers(0, 9))}"

    def order(self, make: Make) -> str:
        names = self.subset(2)
        return "order " + ", ".join(names)

    def rex(self, make: Make) -> str:
        name = self.fresh()
        field = make.of(TEXT) or "nosuch"
        self.fields[name] = TEXT
        return f"rex field={field} '(?<{name}>[a-z0-9]+)'" if field != "nosuch" else f'eval {name} = "t"'

    def stats(self, make: Make) -> str:
        by = self.subset(2) if self.draw(st.booleans()) else []
        items, out = [], {n: self.fields[n] for n in by}
        for template in self.draw(st.lists(st.sampled_from(sorted(AGGREGATES)), min_size=1, max_size=3)):
            field = make.pick(*self.fields)
            text = template.replace("NUM", make.number(1)).replace("ANY", field).replace("COND", make.condition(1))
            name = self.fresh()
            out[name] = AGGREGATES[template] or (self.fields[field] if "ANY" in template else DOUBLE)
            items.append(f"{text} as {name}")
        self.fields.clear()
        self.fields.update(out)
        return f"stats {', '.join(items)}" + (f" by {', '.join(by)}" if by else "")


@st.composite
def pipelines(draw: Any, most: int = 5, refusing: bool = True) -> str:
    pipe = Pipe(draw, {"id": LONG, **COLUMNS}, refusing)
    stages = ["table t"]
    for _ in range(draw(st.integers(1, most))):
        if draw(st.integers(0, 7)) == 0:
            names = pipe.subset(5)
            stages.append("fields " + ", ".join(names))
            kept = {n: pipe.fields[n] for n in names}
            pipe.fields.clear()
            pipe.fields.update(kept)
        else:
            stages.append(pipe.grow())
    return " | ".join(stages)


@st.composite
def conditions(draw: Any, refusing: bool = False) -> str:
    return Make(draw, {"id": LONG, **COLUMNS}, refusing).condition()
