# mypy: disable-error-code="no-untyped-call, no-any-return"
"""Stages of the commands that came after the first ones, for the random pipelines of `made`.

Each function draws one stage over the fields that are alive and says which are alive behind it. A stage of a command
that the registry does not have is never drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from cortado.commands.base import load

if TYPE_CHECKING:
    from .made import Make, Pipe

LONG, DOUBLE, TEXT, BOOL, DATE = "long", "double", "string", "bool", "date"
OTHER = "other"  # arrays, maps and lengths: only functions of any type take them
SIDE = {"k": TEXT, "i": LONG, "b": BOOL}  # fields that a subquery over the table has
Stage = Callable[["Pipe", "Make"], str]


def _by(pipe: Pipe, chance: int = 1) -> str:
    names = [n for n in pipe.subset(2) if pipe.fields[n] != OTHER]
    return " by " + ", ".join(names) if names and pipe.draw(st.integers(0, chance)) == 0 else ""


def _some(pipe: Pipe, *kinds: str) -> list[str]:
    """Up to three fields of these kinds."""
    found = [n for n, k in pipe.fields.items() if k in kinds]
    return list(pipe.draw(st.lists(st.sampled_from(found), min_size=1, max_size=3, unique=True))) if found else []


def _only(pipe: Pipe, fields: dict[str, str]) -> None:
    pipe.fields.clear()
    pipe.fields.update(fields)


def dedup(pipe: Pipe, make: Make) -> str:
    keep = make.pick("", "", "keep=last ", "keep=first limit=2 ")
    return f"dedup {keep}" + make.pick("", ", ".join(_some(pipe, LONG, TEXT, BOOL, DATE, DOUBLE)))


def fillnull(pipe: Pipe, make: Make) -> str:
    dates, how = _some(pipe, DATE), make.pick("value", "prev", "next", "linear" if _some(pipe, DATE) else "next")
    names = _some(pipe, *((LONG, DOUBLE) if how in ("value", "linear") else (LONG, DOUBLE, TEXT, BOOL, DATE)))
    gap = make.pick("", "", "maxgap=1 ", "maxgap=2 ")
    if how == "linear":
        names = [n for n in names if n != dates[0]]
        gap = f"time={dates[0]} " + make.pick(gap, "maxgap=40d ")
        pipe.fields.update({n: DOUBLE for n in names})
    value = make.pick("value=0 ", "value=7 ") if how == "value" else f"method={how} "
    return f"fillnull {value}{gap}{', '.join(names)}{_by(pipe)}" if names else "bypass"


def sample(pipe: Pipe, make: Make) -> str:
    share = make.pick("count=0", "count=2", "count=5", "ratio=0", "ratio=0.3", "ratio=0.5", "ratio=1")
    return f"sample {share} seed={make.pick(0, 7)}{_by(pipe)}"


def bin(pipe: Pipe, make: Make) -> str:
    dates, name = _some(pipe, DATE), pipe.fresh()
    if dates and make.pick(True, False):
        pipe.fields[name] = DATE
        return f"bin span={make.pick('1h', '6h', '1d', '1w', '1mon')} {dates[0]} as {name}"
    field = make.of(LONG) or make.of(DOUBLE)
    if field is None:
        return "bypass"
    pipe.fields[name] = DOUBLE
    return f"bin span={make.pick('2', '5', '0.5', '10')} {field} as {name}"


def explode(pipe: Pipe, make: Make) -> str:
    name = pipe.fresh()
    pipe.fields[name] = TEXT
    text = make.of(TEXT) or '"a b"'
    array = make.pick(f'split({text}, "")', f'split({text}, " ")', f"extractall({text}, '[a-z]')")
    return f"eval {name} = {array} | explode {name}"


def prev(pipe: Pipe, make: Make) -> str:
    names = [n for n in pipe.subset(2) if f"prev_{n}" not in pipe.fields]
    if not names:
        return "bypass"
    pipe.fields.update({f"prev_{n}": pipe.fields[n] for n in names})
    return f"prev {make.pick('', 'n=2 ')}{', '.join(names)}" + _by(pipe)


def repeat(pipe: Pipe, make: Make) -> str:
    return f"repeat count={make.pick(0, 1, 2, 3)}"


def unpivot(pipe: Pipe, make: Make) -> str:
    names = _some(pipe, make.pick(LONG, DOUBLE, TEXT))
    if not names:
        return "bypass"
    kind, key, value = pipe.fields[names[0]], pipe.fresh(), pipe.fresh()
    for n in names:
        del pipe.fields[n]
    pipe.fields.update({key: TEXT, value: kind})
    return f"unpivot name={key} value={value}{make.pick('', ' nulls=keep', ' nulls=drop')} {', '.join(names)}"


def top(pipe: Pipe, make: Make) -> str:
    names = [n for n in _some(pipe, LONG, TEXT, BOOL, DATE) if n not in ("count", "percent")]
    if not names:
        return "bypass"
    _only(pipe, {**{n: pipe.fields[n] for n in names}, "count": LONG, "percent": DOUBLE})
    return f"{make.pick('top', 'rare')} limit={make.pick(0, 1, 3)} {', '.join(names)}"


def union(pipe: Pipe, make: Make) -> str:
    inner = make.pick(
        "table t",
        "table t | limit 3",
        "table t | search i > 0",
        "table t | fields k, i",
        "table t | stats count as i by k",
    )
    return f"union [ {inner} ]" + make.pick("", "", " [ table t | tail 2 ]")


def join(pipe: Pipe, make: Make) -> str:
    pairs = [(n, f) for n, k in pipe.fields.items() for f, kind in SIDE.items() if k == kind]
    if not pairs:
        return "bypass"
    here, there = make.pick(*pairs)
    kind = make.pick("", "type=left ", "type=leftonly ", "type=right ", "type=rightonly ", "type=full ")
    nulls, name = make.pick("", "nulls=match "), pipe.fresh()
    if kind.startswith("type=rightonly"):
        _only(pipe, {here: pipe.fields[here], name: LONG})
    elif not kind.startswith("type=leftonly"):
        pipe.fields[name] = LONG
    inner = make.pick(
        f"table t | stats max(j) as {name} by {there}", f"table t | eval {name} = id | fields {there}, {name} | limit 9"
    )
    return f"join {kind}{nulls}{here}{f' as {there}' if here != there else ''} [ {inner} ]"


def lookup(pipe: Pipe, make: Make) -> str:
    pairs = [(n, f) for n, k in pipe.fields.items() for f, kind in SIDE.items() if k == kind]
    if not pairs:
        return "bypass"
    here, there = make.pick(*pairs)
    name = pipe.fresh()
    pipe.fields[name] = LONG
    return f"lookup t {there} as {here} output j as {name}"


def _aggregates(pipe: Pipe, make: Make) -> tuple[str, dict[str, str]]:
    from .made import AGGREGATES

    items, out = [], {}
    for template in pipe.draw(st.lists(st.sampled_from(sorted(AGGREGATES)), min_size=1, max_size=2)):
        field = make.pick(*pipe.fields)
        text = template.replace("NUM", make.number(1)).replace("ANY", field).replace("COND", make.condition(1))
        name = pipe.fresh()
        out[name] = AGGREGATES[template] or (pipe.fields[field] if "ANY" in template else DOUBLE)
        items.append(f"{text} as {name}")
    return ", ".join(items), out


def _grouping(pipe: Pipe, make: Make, command: str) -> str:
    by = _some(pipe, LONG, TEXT, BOOL, DATE)[:2]
    if not by or "_level" in pipe.fields:
        return "bypass"
    items, out = _aggregates(pipe, make)
    _only(pipe, {**{n: pipe.fields[n] for n in by}, **out, "_level": LONG})
    return f"{command} {items} by {', '.join(by)}"


def rollup(pipe: Pipe, make: Make) -> str:
    return _grouping(pipe, make, "rollup")


def cube(pipe: Pipe, make: Make) -> str:
    return _grouping(pipe, make, "cube")


def pivot(pipe: Pipe, make: Make) -> str:
    texts = [n for n in _some(pipe, TEXT) if n not in ("red", "blue")]
    keys = [n for n in _some(pipe, LONG, BOOL, DATE) if n not in ("red", "blue")][:1]
    if not texts:
        return "bypass"
    _only(pipe, {**{n: pipe.fields[n] for n in keys}, "red": LONG, "blue": LONG})
    return f"pivot values=red,blue count{' by ' + keys[0] if keys else ''} for {texts[0]}"


def timechart(pipe: Pipe, make: Make) -> str:
    dates = _some(pipe, DATE)
    if not dates:
        return "bypass"
    keys = [n for n in _some(pipe, TEXT, LONG, BOOL) if n != "_time"][:1]
    items, out = _aggregates(pipe, make)
    _only(pipe, {"_time": DATE, **{n: pipe.fields[n] for n in keys}, **out})
    numbers = set(out.values()) <= {LONG, DOUBLE}
    fill = make.pick("", "", "fill=0 " if numbers and "seq()" not in items else "", "fill=null ", "fill=prev ")
    return f"timechart span={make.pick('1d', '6h', '1w')} time={dates[0]} {fill}long=t {items}" + (
        f" by {keys[0]}" if keys else ""
    )


def eventstats(pipe: Pipe, make: Make) -> str:
    items, out = _aggregates(pipe, make)
    by = _by(pipe)
    pipe.fields.update(out)
    return f"eventstats {items}{by}"


WINDOWED = ["sum(i)", "count", "avg(NUM)", "min(ANY)", "max(ANY)", "first(ANY)", "last(ANY)", "lag(ANY)", "lead(ANY)", "delta(NUM)",
            "row()", "dc(ANY)", "median(NUM)", "mode(ANY)", "entropy(ANY)"]  # fmt: skip


def window(pipe: Pipe, make: Make) -> str:
    template = make.pick(*WINDOWED).replace("sum(i)", "sum(NUM)")
    field, name, dates = make.pick(*pipe.fields), pipe.fresh(), _some(pipe, DATE)
    frames = ["", "rows=1 ", "rows=3 ", "rows=5 min=2 ", "before=1 after=1 "]
    frames += [f"span={s} time={dates[0]} " for s in ("7h", "1d", "30d")] if dates else []
    frame = make.pick(*frames) if not template.startswith(("lag", "lead", "delta", "row")) else ""
    frame = frame if template != "count" else frame.replace("min=2 ", "")
    text = template.replace("NUM", make.number(1)).replace("ANY", field)
    by = _by(pipe)
    pipe.fields[name] = (
        DOUBLE
        if "ANY" not in template
        else LONG
        if template.startswith("dc")
        else DOUBLE
        if template.startswith("entropy")
        else pipe.fields[field]
    )
    return f"window {frame}{text} as {name}{by}"


def dtw(pipe: Pipe, make: Make) -> str:
    """Distances of groups to a pattern, matches in them, pairs of them, or rows that are series."""
    own = ("_distance", "_rank", "_len", "_flat", "_zscore")
    numbers = [n for n in _some(pipe, LONG, DOUBLE) if n not in own]
    keys = [n for n in _some(pipe, LONG, TEXT, BOOL) if n not in (*own, *numbers[:1])]
    orders = [n for n in pipe.fields if n not in numbers[:1]]
    if not numbers or not orders or "_distance" in pipe.fields or "_flat" in pipe.fields:
        return "bypass"
    how = f"window={make.pick('0', '1p', '0.5', 'none')} znorm={make.pick('t', 'f')} pattern={make.pick('1,2', '0,3,1', '2')}"
    mode = make.pick("wide", "distance", "search", "matrix")
    if mode == "wide" and len(numbers) > 1:
        pipe.fields.update({"_distance": DOUBLE, "_flat": BOOL})
        return f"dtw {how} nulls={make.pick('null', 'drop', 'linear')} {', '.join(numbers)}"
    place = f"order={make.pick(*orders)}"
    if mode == "matrix" and keys:
        _only(pipe, {"a": pipe.fields[keys[0]], "b": pipe.fields[keys[0]], "_distance": DOUBLE})
        return f"dtw mode=matrix {how.rsplit(' ', 1)[0]} {place} {numbers[0]} by {keys[0]}"
    by = {k: pipe.fields[k] for k in keys[:2]}
    text = f"{numbers[0]} by {', '.join(by)}" if by else numbers[0]
    if mode == "search":
        _only(pipe, {**by, "_start": LONG, "_end": LONG, "_distance": DOUBLE, "_rank": LONG})
        return f"dtw mode=search top={make.pick(1, 3)} {how} {place} {text} | fields - _start_time, _end_time"
    _only(pipe, {**by, "_distance": DOUBLE, "_rank": LONG, "_len": LONG, "_flat": BOOL})
    return f"dtw top={make.pick(1, 4, 99)} {how} nulls={make.pick('null', 'drop')} {place} {text}"


def parsekv(pipe: Pipe, make: Make) -> str:
    texts = [n for n in _some(pipe, TEXT) if n not in ("x", "y")]
    if not texts:
        return "bypass"
    pipe.fields.update({"x": TEXT, "y": TEXT})
    return f"parsekv field={texts[0]} overlay=t x, y"


def tojson(pipe: Pipe, make: Make) -> str:
    name = pipe.fresh()
    names = make.pick("", ", ".join(pipe.subset(3)))
    pipe.fields[name] = TEXT
    return f"tojson output={name} {names}".rstrip()


def describe(pipe: Pipe, make: Make) -> str:
    names = [n for n in pipe.subset(3)]
    _only(pipe, {"field": TEXT, "type": TEXT, "count": LONG, "nulls": LONG, "distinct": LONG})
    return f"describe {', '.join(names)} | fields field, type, count, nulls, distinct"


def boxplot(pipe: Pipe, make: Make) -> str:
    by = [n for n in _some(pipe, TEXT, BOOL) if n not in ("min", "max", "count")][:1]
    number = make.number(1)
    _only(pipe, {**{n: pipe.fields[n] for n in by}, "min": DOUBLE, "max": DOUBLE, "count": LONG})
    return f"boxplot {number}{' by ' + by[0] if by else ''}" + f" | fields {', '.join(pipe.fields)}"


def stl(pipe: Pipe, make: Make) -> str:
    """In order of rows, or of a date on whose grid they may not be; a sum of parts that is their F."""
    numbers, dates = _some(pipe, LONG, DOUBLE), _some(pipe, DATE)
    if not numbers or {"_trend", "_error", "_seasonal"} & set(pipe.fields):
        return "bypass"
    period = make.pick("2", "3", "none", "auto", "2,4")
    seasons = {"none": [], "2,4": ["_seasonal_2", "_seasonal_4"]}.get(period, ["_seasonal"])
    if set(seasons) & set(pipe.fields):
        return "bypass"
    by, time = _by(pipe), f"time={dates[0]} " if dates else ""
    pipe.fields.update(dict.fromkeys(["_trend", *seasons, "_error"], DOUBLE))
    return f"stl period={period} robust={make.pick('t', 'f')} {time}{numbers[0]}{by}"


def correlate(pipe: Pipe, make: Make) -> str:
    own = ("field_x", "field_y", "lag", "corr", "n", "p")
    numbers = _some(pipe, LONG, DOUBLE)
    keys = [n for n in _some(pipe, TEXT, BOOL) if n not in own][:1]
    lag = make.pick("", "lag=1 ", "lag=3 ") if len(numbers) > 1 else "lag=2 "
    if not numbers:
        return "bypass"
    kinds = {"field_x": TEXT, "field_y": TEXT, "lag": LONG, "corr": DOUBLE, "n": LONG, "p": DOUBLE}
    _only(pipe, {**{k: pipe.fields[k] for k in keys}, **kinds})
    method = make.pick("pearson", "spearman", "kendall")
    return f"correlate method={method} {lag}{', '.join(numbers)}" + (f" by {keys[0]}" if keys else "")


def curvefit(pipe: Pipe, make: Make) -> str:
    numbers = _some(pipe, LONG, DOUBLE)
    keys = [n for n in _some(pipe, TEXT, BOOL) if n not in ("_x", "_p")][:1]
    if len(numbers) < 2:
        return "bypass"
    _only(pipe, {**{k: pipe.fields[k] for k in keys}, "_x": pipe.fields[numbers[0]], "_p": DOUBLE})
    return f"curvefit degree={make.pick(1, 2, 3)} {numbers[0]}, {numbers[1]}" + (f" by {keys[0]}" if keys else "")


def anomalies(pipe: Pipe, make: Make) -> str:
    names = _some(pipe, LONG, DOUBLE, TEXT, BOOL)
    if not names or {"_score", "_scorer"} & set(pipe.fields):
        return "bypass"
    by, scorer = _by(pipe), make.pick(0, 1, 2)
    pipe.fields.update({"_score": DOUBLE, **({"_scorer": TEXT} if scorer else {})})
    top = f"scorer={scorer} " if scorer else ""
    return f"anomalies {top}size=5 sample={make.pick(2, 256)} seed={make.pick(0, 3)} {', '.join(names)}{by}"


def patterns(pipe: Pipe, make: Make) -> str:
    texts = _some(pipe, TEXT)
    if not texts:
        return "bypass"
    how = f"field={texts[0]} similarity={make.pick('0.3', '0.5', '1')}"
    if make.pick(True, False):
        labels = {"_pattern_id": LONG, "_pattern": TEXT, "_pattern_args": OTHER}
        if set(labels) & set(pipe.fields):
            return "bypass"
        by = _by(pipe)
        pipe.fields.update(labels)
        return f"patterns mode=label {how}{by}"
    _only(pipe, {"pattern": TEXT, "count": LONG})
    return f"patterns {how} | fields pattern, count"


def forecast(pipe: Pipe, make: Make) -> str:
    """Of days, or of rows: what they say of a step cannot be E342."""
    numbers, dates = _some(pipe, LONG, DOUBLE), _some(pipe, DATE)
    made = ("_future", "_lower", "_upper", "_trend")
    if not numbers or set(made) & set(pipe.fields):
        return "bypass"
    by, time = _by(pipe), f"time={dates[0]} every=1d " if dates else ""
    if numbers[0] in by.replace(",", " ").split() or (dates and dates[0] in by.replace(",", " ").split()):
        by = ""
    model = make.pick(
        "auto", "best", "ANN", "MAdM", "naive", "snaive", "linear", "theta", "tsb", "stl", "bakeoff", "trees"
    )
    period, fill = make.pick("auto", "none", "3"), make.pick("auto", "missing", "linear", "zero")
    pipe.fields.update(dict.fromkeys(made, DOUBLE))
    return f"forecast count={make.pick(1, 3)} model={model} period={period} fill={fill} {time}{numbers[0]}{by}"


def histogram(pipe: Pipe, make: Make) -> str:
    numbers = _some(pipe, LONG, DOUBLE)
    if not numbers:
        return "bypass"
    text = f"histogram bins={make.pick(1, 3, 7)} {numbers[0]}"
    _only(pipe, {"count": LONG})
    return f"{text} | fields count"


STAGES: dict[str, Stage] = {
    f.__name__: f
    for f in (dedup, fillnull, bin, explode, prev, repeat, sample, unpivot, dtw, top, union, join, lookup, rollup, cube, pivot, timechart,
              eventstats, window, parsekv, tojson, describe, boxplot, stl, correlate, curvefit, anomalies, patterns, histogram, forecast)
    if f.__name__ in load().commands
}  # fmt: skip


WITH_SUBQUERY = frozenset({"union", "join", "lookup"})  # they read the table itself


def grow(pipe: Pipe, make: Make, name: str) -> str:
    made: Any = STAGES[name](pipe, make)
    return str(made)
