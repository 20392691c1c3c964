"""What the codes of errors and warnings mean, and what to do about them."""

from __future__ import annotations

CLASSES = {
    "1": "ParseError: the text cannot be read",
    "2": "ParseError: the text cannot be read",
    "3": "BindError: names, options and types do not fit; no row was read",
    "4": "BindError: parameters and saved queries do not fit; no row was read",
    "5": "RunError: data, under `strict`",
    "6": "RunError: input and output",
    "7": "LimitError, or Cancelled: a limit was reached or the query was stopped",
    "9": "RunError: a fault of cortado itself",
    "W": "a warning: the query runs; some are errors under `strict`",
}

CODES = {
    "E101": "A character that means nothing where it stands. Names with signs or blanks stand in back quotes.",
    "E102": "A quote is opened and never closed. The place is where it opens.",
    "E104": 'A backslash before a character that it cannot stand before. Write `\\\\` for a backslash, or use single quotes: `\'\\d+\'`.',
    "E201": "A word or sign that cannot stand here; `expected` lists what can. Also: nested deeper than the engine takes.",
    "E203": "Nothing between two pipes, or a pipe at the end. `||` of other languages is `or`.",
    "E204": "A bracket or parenthesis without its partner. The place is where it opens.",
    "E301": "No such field at this pipe: under `strict`, and always in commands that Logpresso does not have. The nearest names are listed.",
    "E302": "No such command. The nearest names, also those that other languages use, are suggested.",
    "E303": "The command belongs to a product around an engine; the hint names the nearest thing here.",
    "E304": "No such table, lookup, procedure, profile or model.",
    "E305": "No such function, or an aggregate where only functions can stand.",
    "E306": "Too few or too many arguments.",
    "E307": "A constant that can never work: a bad regular expression, format, unit, number or length of time.",
    "E308": "The first stage is no source: a query begins with `table`, `textfile`, `csvfile`, `json` or another source.",
    "E309": "The name is reserved for a later version.",
    "E310": "The command has no such option; its options are listed.",
    "E311": "An option's value does not fit, or options do not go together.",
    "E320": "Text where numbers are added up, under `strict`; write `double(x)`.",
    "E330": "Values of types that have no order between them are compared.",
    "E340": "There is no `_time` and several fields are dates: say which with `time=`.",
    "E342": "The times do not lie on one grid: say which step with `every=`.",
    "E350": "Two columns of the result would have one name: rename one with `as`.",
    "E410": "A parameter or setting is missing, unknown, or its value does not fit.",
    "E411": "Saved queries import each other in a circle.",
    "E412": "A procedure calls itself.",
    "E501": "Under `strict`: a value could not be read or converted. `samples` shows where it is from.",
    "E502": "Under `strict`: a row would have been left out, for instance one without a time.",
    "E503": "Under `strict`: `join` or `union` would have replaced a field, or changed its type.",
    "E504": "Under `strict`: a column held values of several types.",
    "E520": "A Python function that the query calls raised an exception.",
    "E601": "No such file, or nothing matches the pattern.",
    "E602": "The file is there already: say `append=t` or `overwrite=t`.",
    "E603": "The stored table is absent, or its fields do not fit what is added: `create=t` makes it, a cast mends a clash.",
    "E604": "A stream that can be read once was read before.",
    "E605": "The file cannot be read: no permission, damaged, or of another format.",
    "E610": "A service, such as a database, cannot be reached or went away.",
    "E701": "More rows or steps than the guard allows; the message names the option that raises it.",
    "E702": "Memory is used up where nothing can be spilled, or the disk for spilled data is full: raise `memory` or `spill_limit`.",
    "E703": "The time that was given to the query is over.",
    "E704": "The query was cancelled.",
    "E705": "Not allowed in safe mode.",
    "E901": "A fault of cortado itself; please report it with the query.",
    "W110": "A comment stage goes on over a line that begins with a command: it may swallow that stage. End the comment with a pipe.",
    "W301": "No such field at this pipe: it is read as null. The nearest names are listed; under `strict` this is E301.",
    "W320": "A column of text is compared with numbers, or given to an aggregate of numbers, which passes over text: write `double(x)`.",
    "W321": "A key of text meets a key of numbers: they never match. Cast one of them.",
    "W322": "The lookup has several rows of one key: the first counts.",
    "W330": "`count(CONDITION)` counts false too: write `countif(CONDITION)` or `count where CONDITION`.",
    "W331": "A text or number alone is a condition that is always true: `search \"error\"` looks at no field, `contains(line, \"error\")` does.",
    "W410": "A parameter that nothing sets is null: set it, or give a default, `$(\"x\", 0)`.",
}  # fmt: skip


def meaning(code: str) -> str:
    """The class of a code's errors."""
    return CLASSES["W" if code[0] == "W" else code[1]]
