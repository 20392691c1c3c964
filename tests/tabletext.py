"""Tables as text: a header of `name:type`, then a row a line. How specs, examples and expectations write them.

Cells are parted by blanks; `"..."` holds blanks (with JSON's escapes), `null` is null. Names may stand in back quotes.
Dates are ISO 8601 with offset, durations such as 1h30m, arrays and maps JSON without blanks or in quotes.
"""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
import re
from typing import Any

import pyarrow as pa

CELL = re.compile(r'\s*("(?:\\.|[^"\\])*"|`(?:``|[^`])*`:\S+|\S+)')
ARROW = {
    "string": pa.string(), "long": pa.int64(), "int64": pa.int64(), "int": pa.int32(), "short": pa.int16(), "int8": pa.int8(),
    "uint64": pa.uint64(), "double": pa.float64(), "float64": pa.float64(), "float": pa.float32(), "bool": pa.bool_(),
    "date": pa.timestamp("us", "UTC"), "date_ns": pa.timestamp("ns", "UTC"), "naive": pa.timestamp("us"), "day": pa.date32(),
    "duration": pa.duration("us"), "binary": pa.binary(), "null": pa.null(), "dict": pa.dictionary(pa.int32(), pa.string()),
    "array<long>": pa.list_(pa.int64()), "array<string>": pa.list_(pa.string()), "array<double>": pa.list_(pa.float64()),
    "array<bool>": pa.list_(pa.bool_()), "array<date>": pa.list_(pa.timestamp("us", "UTC")),
}  # fmt: skip
UNIT_US = {
    "w": 604_800_000_000,
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1000,
    "us": 1,
}


def header_of(line: str) -> list[tuple[str, str]]:
    out = []
    for cell in CELL.findall(line):
        name, _, kind = cell.rpartition(":")
        out.append((name[1:-1].replace("``", "`") if name.startswith("`") else name, kind))
    return out


def parse_table(text: str) -> pa.Table:
    lines = [line for line in text.strip("\n").split("\n") if line.strip()]
    header = header_of(lines[0])
    rows = []
    for line in lines[1:]:
        cells = CELL.findall(line)
        assert len(cells) == len(header), f"{len(cells)} cells under {len(header)} columns: {line!r}"
        rows.append([cell_value(c, kind) for c, (_, kind) in zip(cells, header, strict=True)])
    fields = [pa.field(name, arrow_type(kind)) for name, kind in header]
    columns = [pa.array([r[i] for r in rows], f.type) for i, f in enumerate(fields)]
    return pa.table(columns, schema=pa.schema(fields)) if fields else pa.table({})


def arrow_type(kind: str) -> Any:
    if kind in ARROW:
        return ARROW[kind]
    outer, _, inner = kind.removesuffix(">").partition("<")
    match outer:
        case "array":
            return pa.list_(arrow_type(inner))
        case "mapof":
            return pa.map_(pa.string(), arrow_type(inner))
        case "map":
            return pa.struct([(n, arrow_type(t)) for n, _, t in (m.partition("=") for m in _parts(inner))])
        case "decimal":
            return pa.decimal128(*map(int, inner.split(",")))
    raise KeyError(kind)


def _parts(text: str) -> list[str]:
    """Cut at the commas that stand in no brackets."""
    out, depth = [""], 0
    for c in text:
        depth += {"<": 1, ">": -1}.get(c, 0)
        if c == "," and not depth:
            out.append("")
        else:
            out[-1] += c
    return out


def cell_value(cell: str, kind: str) -> Any:
    if cell == "null":
        return None
    if cell.startswith('"'):
        cell = json.loads(cell)
        if kind in ("string", "dict"):
            return cell
    match kind:
        case "string" | "dict":
            return cell
        case "long" | "int64" | "int" | "short" | "int8" | "uint64":
            return int(cell)
        case "double" | "float64" | "float":
            return float(cell)
        case "bool":
            return {"true": True, "false": False}[cell]
        case "date" | "date_ns":
            return moment(cell)
        case "naive":
            return dt.datetime.fromisoformat(cell)
        case "day":
            return dt.date.fromisoformat(cell)
        case "duration":
            return duration(cell)
        case "binary":
            return bytes.fromhex(cell)
    if kind.startswith("decimal<"):
        return decimal.Decimal(cell)
    return (
        [tuple(pair) for pair in json.loads(cell)] if kind.startswith("mapof<") else json_value(json.loads(cell), kind)
    )


def json_value(value: Any, kind: str) -> Any:
    """Elements that JSON has no form for stand as text."""
    if isinstance(value, list) and kind.startswith("array<"):
        return [json_value(v, kind[6:-1]) for v in value]
    fine = kind in ("date", "duration", "binary") or kind.startswith("decimal<")
    return cell_value(value, kind) if isinstance(value, str) and fine else value


def moment(text: str) -> dt.datetime:
    value = dt.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return value if value.tzinfo else value.replace(tzinfo=dt.UTC)


def duration(text: str) -> dt.timedelta:
    sign = -1 if text.startswith("-") else 1
    total = sum(int(n) * UNIT_US[u] for n, u in re.findall(r"(\d+)(ms|us|[wdhms])", text))
    return dt.timedelta(microseconds=sign * total)


def type_name(kind: pa.DataType) -> str:
    """The type of a result column, as headers write it."""
    t = pa.types
    if t.is_string(kind) or t.is_large_string(kind):
        return "string"
    if t.is_int64(kind):
        return "long"
    if t.is_float64(kind):
        return "double"
    if t.is_boolean(kind):
        return "bool"
    if t.is_timestamp(kind):
        return "date_ns" if kind.unit == "ns" else "date"
    if t.is_duration(kind):
        return "duration"
    if t.is_binary(kind):
        return "binary"
    if t.is_null(kind):
        return "null"
    if t.is_decimal(kind):
        return f"decimal<{kind.precision},{kind.scale}>"
    if t.is_map(kind):
        return f"mapof<{type_name(kind.item_type)}>"
    if t.is_list(kind):
        return f"array<{type_name(kind.value_type)}>"
    if t.is_struct(kind):
        return "map<" + ",".join(f"{f.name}={type_name(f.type)}" for f in kind) + ">"
    return str(kind)


def cell_text(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return repr(value)
        case dt.datetime():
            return value.isoformat().replace("+00:00", "Z")
        case dt.timedelta():
            return duration_text(value)
        case bytes():
            return value.hex() or '""'
        case list() | dict():
            whole = json.dumps(value, default=cell_text, separators=(",", ":"), ensure_ascii=False)
            return json.dumps(whole, ensure_ascii=False) if re.search(r"\s", whole) else whole
        case str():
            plain = bool(re.fullmatch(r'[^\s"`]+', value)) and value != "null"
            return value if plain else json.dumps(value, ensure_ascii=False)
    return str(value)


def duration_text(value: dt.timedelta) -> str:
    us = (value.days * 86_400 + value.seconds) * 10**6 + value.microseconds
    sign, us = ("-", -us) if us < 0 else ("", us)
    out = []
    for unit, size in list(UNIT_US.items())[1:]:
        if us >= size:
            out.append(f"{us // size}{unit}")
            us %= size
    return sign + ("".join(out) or "0s")


def values_of(table: pa.Table) -> list[tuple[Any, ...]]:
    """Rows as Python values."""
    columns = []
    for column in table.columns:
        if (
            pa.types.is_timestamp(column.type) and column.type.tz
        ):  # Python finds no two equal in an hour that comes twice
            column = column.cast(pa.timestamp(column.type.unit, "UTC"))
        if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
            columns.append(
                [
                    None if v is None else v
                    for v in column.cast(pa.timestamp("us", column.type.tz), safe=False).to_pylist()
                ]
            )
        else:
            columns.append(column.to_pylist())
    return list(zip(*columns, strict=True)) if columns else [()] * table.num_rows


def table_text(table: pa.Table) -> str:
    """The table as specs write it, columns lined up."""
    header = [f"{_name(f.name)}:{type_name(f.type)}" for f in table.schema]
    rows = [header, *[[cell_text(v) for v in row] for row in values_of(table)]]
    widths = [max(len(r[i]) for r in rows) for i in range(len(header))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def _name(name: str) -> str:
    return name if re.fullmatch(r"[^\s:`\"]+", name) else "`" + name.replace("`", "``") + "`"


def same_value(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return (a == b and math.copysign(1, a) == math.copysign(1, b)) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same_value, a, b))
    return bool(a == b) and type(a) is type(b)


def differences(actual: pa.Table, expected: pa.Table) -> str:
    """Empty when both are equal: names, types, rows, order and float bits."""
    heads = [[f"{f.name}:{type_name(f.type)}" for f in t.schema] for t in (actual, expected)]
    wanted = [h.replace(":int64", ":long").replace(":float64", ":double") for h in heads[1]]
    a, b = values_of(actual), values_of(expected)
    same_rows = len(a) == len(b) and all(
        len(x) == len(y) and all(map(same_value, x, y)) for x, y in zip(a, b, strict=True)
    )
    if heads[0] == wanted and same_rows:
        return ""
    return f"expected\n{table_text(expected)}\n\ngot\n{table_text(actual)}"
