"""Calls of every function as templates: `{N}` a number, `{S}` a text, `{D}` a date, `{C}` a condition, `{A}` anything, `{K}` a small constant."""

from __future__ import annotations

NUMBERS = """
{N} + {N}|{N} - {N}|{N} * {N}|{N} / {N}|-{N}|{S} + {N}|{S} * {S}|-{S}|abs({N})|sign({N})|ceil({N})|floor({N}, {K})|round({N})|round({N}, {K})|trunc({N})
mod({N}, {N})|div({N}, {N})|pow({N}, {K})|exp({N})|log({N})|log2({N})|log10({N})|sqrt({N})|cbrt({N})|sin({N})|atan2({N}, {N})|degrees({N})
long({A})|int({A})|double({A})|long({S})|double({S})|int({S})|len({A})|len({S})|indexof({S}, "a")|indexof({S}, {S}, {K})|lastindexof({S}, {S})
min({N}, {N})|max({N}, {N}, {K})|clip({N}, {K}, 7)|bucket({N}, 3)|bucket({N}, 2.5, {K})|nvl({N}, {N})|nullif({N}, {K})|coalesce({N}, {N}, 1)
if({C}, {N}, {N})|case({C}, {N}, {C}, {N})|case({C}, {N}, {K})|datediff({D}, {D}, "hour")|datediff({D}, {D}, "calmon")|datepart({D}, "week")|datepart({D}, "seconds")
unixtime({D})|seconds({D} - {D})|sumarray(array({N}, {N}))|valueof(array({N}, {N}), {K})|seq()|rand(10, 1)|long(round({N}))|len(split({S}, "a"))
ip2long({S})|ip2int({S})|hash64({A}, {S})|bitand({N}, {N})|bitxor({N}, {K})|shl({N}, {K})|shr({N}, {N})|levenshtein({S}, {S})|similarity({S}, {S})|zscore({N}, {N}, {K})
valueof(foreach(_1 + {N}, array({N}, {N})), {K})|len(numrange({K}, 5))|sumarray(numrange(0, {K}, 0.5))|urlpart({S}, "port")|norminv({N})|normcdf({N})|haversine({N}, {N}, 1, 2)
double(decimal({N}, 2) + {N})|long(decimal({A}, 1))|round(decimal({S}, 3), 1)|len(parsejson({S}))|len(randbytes(3))
"""
TEXTS = """
concat({S}, {N})|concat({A}, "-", {A})|upper({S})|lower({S})|trim({S})|ltrim({S})|rtrim({S})|reverse({S})|left({S}, {K})|right({S}, {K})|substr({S}, {K})|substr({S}, {K}, 2)
lpad({S}, 4, "ab")|rpad({S}, 3)|replace({S}, "a", "zz")|replace({S}, {S}, {S})|replace({S}, '[a-c]+', "<$0>", "re")|extract({S}, '(\\d+)')|extract({S}, 'a|b')
string({A})|string({N})|string({D}, "yyyy-MM-dd HH:mm")|strftime({D}, "%Y-%j %H")|format("%s/%s", {A}, {A})|format("%5d|%.2f", {N}, {N})|typeof({A})|tojson({A})
nvl({S}, "none")|nullif({S}, {S})|if({C}, {S}, null)|case({C}, {S}, "other")|urlencode({S})|urldecode({S})|tobase64(binary({S}))|tohex({S})|decode(binary({S}))
decode(fromhex({S}))|strjoin(",", array({S}, {S}))|strjoin("-", split({S}, "b"))|valueof(extractall({S}, '[a-z]'), {K})|normalize({S})|string(array({N}, {S}))
string(sortarray(array({N}, {N}, {K})))|string(unique(array({S}, {S}, "a")))|string(dict("k", {S}, "l", {N}))|valueof(dict("k", {S}), "k")|string(ip({S}))
md5({A})|sha1({S})|sha256({S})|tohex(hash("sha512", {S}))|long2ip({N})|string(network({S}, 24))|reverseip({S})|kvjoin("=", ";")|kvjoin({S}, "&", "^s")|signature({S})
urlpart({S}, "host")|urlpart({S}, "path")|xpath({S}, "/a")|jsonpath({S}, "$.a")|jsonpath(tojson(dict("k", {S})), "$.k")|string(jsonpath({S}, "$[*]"))|tohex(randbytes({K}))
string(zip(array({N}), array({S}, {S})))|string(foreach(concat(_1, _2), array({S}, {S}), {S}))|string(decimal({N}, 2) * {K})|string(parsejson({S}))|string(numrange({K}, 3))
"""
DATES = """
{D} + 90m|{D} - 1mon|dateadd({D}, "mon", {K})|dateadd({D}, "min", {N})|datetrunc({D}, "1w")|datetrunc({D}, "6h")|datetrunc({D}, "5m", "1m")|date({S})|epoch({N})
date("2026-03-01") + (({D}) - ({D}))|if({C}, {D}, {D})|nvl({D}, date("2026-11-01"))|min({D}, {D})|date(string({D}))|date({S}, "yyyy-MM-dd")|strptime({S}, "%Y-%m-%d")
"""
TRUTHS = """
{C} and {C}|{C} or {C}|not {C}|not({C})|{N} < {N}|{N} == {N}|{N} != {K}|{S} == "a*"|{S} != "*b"|{S} == "한*"|{S} < {S}|{S} >= "ab"|{S} > {N}|{N} == "1*"|{S} in ("12", "r*", "")
{N} in (1, 2, 7)|{N} in ({K}, {N})|{D} < "1970-01-02"|{D} >= {D}|{D} == "1970-*"|between({N}, {K}, 5)|same({N}, {N})|same({S}, {S})|like({S}, {S})|like({S}, "*a*")|match({S}, '^[a-z]+$')
match({S}, 'a.*b|1')|contains({S}, "a")|contains({S}, {S})|startswith({S}, "a")|endswith({S}, {S})|isnull({A})|isnotnull({A})|isnum({A})|isstr({A})|isempty({A})|isnan({N})
bool({S})|bool({N})|{S}|{N}|contains(array({N}, 1), {N})|isnull({N} + {S})|({C}) == ({C})
cidrmatch("10.0.0.0/8", {S})|cidrmatch({S}, {S})|decimal({N}, 1) < {N}|array({N}, {S}) == array({N}, {S})|array({N}) < array({N}, 1)|({D} - {D}) > 2h|ip({S}) == "1.2.3.4"|1mon < 1y
"""


def listed(text: str) -> list[str]:
    """Templates of one kind; a bar inside quotes is no bar between two."""
    out, depth, quote, word = [], 0, "", ""
    for c in text.replace("\n", "|").strip("|") + "|":
        if c == "|" and not depth and not quote:
            out.append(word)
            word = ""
            continue
        quote = "" if c == quote else c if not quote and c in "'\"" else quote
        depth += 0 if quote else (c in "({") - (c in ")}")
        word += c
    return [w for w in out if w]


CALLS = {"long": listed(NUMBERS), "string": listed(TEXTS), "date": listed(DATES), "bool": listed(TRUTHS)}
