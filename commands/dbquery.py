"""`dbquery PROFILE SQL`: rows of a database."""

from __future__ import annotations

from typing import Any

from ..engine.notes import At
from ..planner import ast
from ..planner.plan import Scan
from ..planner.sqltext import parameters
from ..planner.text import QueryError
from .base import Args, Command, Example, Node, Option, kinds, register

ALL_ROWS = 1_000_000_000


@register
class DbQueryCommand(Command[Scan]):
    name = "dbquery"
    summary = "Read the rows of an SQL query on a database that is registered as a profile."
    syntax = "dbquery [infer={N,all}] [time=F] [tz=ZONE] [limit=N] [offset=N] PROFILE SQL"
    grammar = "profile sql"
    foreign = True
    source = True
    options = (
        Option("infer", kinds.TEXT, "SQLite: rows that are looked at before the types are fixed: a number, or all"),
        Option("limit", kinds.INT, "read so many rows", least=0),
        Option("offset", kinds.INT, "skip so many rows first", default=0, least=0),
        Option("time", kinds.FIELD, "the field that holds the row's time; adds `_time`"),
        Option("tz", kinds.ZONE, "time zone of times without one"),
    )
    details = """
    PROFILE names a database: `session.profile(NAME, driver=, uri=)`, `connect(profiles=)`, or `profiles.toml` in the
    user's configuration folder. One that there is not is E304, which lists those there are. Drivers are ADBC's, and
    come with `pip install 'cortado[adbc]'` for SQLite and PostgreSQL.

    SQL stands in quotes (`"..."` with the escapes of strings, `'...'` raw), or as it is, up to the next pipe; `||`
    and pipes in SQL's own strings, names and comments are SQL's, and so are brackets that balance.

    `:name` is a parameter of the query (`set`, `$name` elsewhere), also one of `setq` with PostgreSQL. Its value is
    bound and is never part of the text; one that nothing sets is null, with W410. In strings and comments, behind a
    name (`a[1:n]`) and in `x::int` a colon means what it means in SQL.

    The database only reads (other statements are E307): PostgreSQL's transactions are read only, SQLite's connection is `query_only`. SQL that
    the database does not take is E307 before a row is read, one that cannot be reached E610. Rows come batch by
    batch, in the database's order; a database that goes away, or an error in the middle, is E610 behind the rows
    that were read. A cancel ends the statement in PostgreSQL; in SQLite it is left behind to end by itself.

    **Types.** Decimals are doubles, noted; UUIDs, JSON and types that Arrow lacks (addresses, ranges, enumerations,
    composites) are text, as PostgreSQL shows them; arrays are arrays of one dimension; intervals and times of day
    pass through, noted; infinite times are null. Times without a zone are of `tz=`, else of the session's zone, in
    which PostgreSQL works as well. SQLite's columns have no types of their own: they are those of the first 20,000
    rows (`infer=`), for which the SQL is run at bind too; a later value that does not fit is E605. A date is bound
    there as text, `2026-11-01 09:30:00` in the session's zone. Two columns of one name: the later one is `name_2`.

    It is off in safe mode (E705).
    """
    examples = (
        Example(
            title="rows of a table, and what follows is no SQL any more",
            given={
                "sqlite:shop.db": "create table item (id integer, name text); insert into item values (1, 'tea'), (2, 'milk')"
            },
            query="dbquery shop select id, name || '!' as name from item order by id | search id > 1",
            expect="id:long name:string\n2 milk!",
        ),
        Example(
            title="a parameter is bound",
            given={
                "sqlite:shop.db": "create table item (id integer, name text); insert into item values (1, 'tea'), (2, 'milk')"
            },
            query='set wanted = "tea" | dbquery shop "select id from item where name = :wanted"',
            expect="id:long\n1",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        from ..engine.sources.adbc import Database
        from ..engine.sources.database import DbRelation, statement_of, survey
        from ..engine.sources.files import FileOptions, note_decimal, scan_of

        if args.binder.settings.get("safe"):
            args.abort("E705", "databases are not read in safe mode")
        try:
            profile = args.services.profiles.find(args.path(args.one("profile")))
        except QueryError as why:
            args.abort_as(why, "profile")
        database = args.services.profiles.opened(profile, Database)
        sql = self._sql(args)
        values = {name: self._value(args, name, low, high) for name, low, high in parameters(sql)}
        options = FileOptions(zone=args.option("tz") or args.zone, time=args.option("time"))
        sample = self._sample(args)
        try:
            statement = statement_of(database, sql, values)
            found = survey(database, statement, options.zone, sample)
        except QueryError as why:
            args.abort_as(why, "profile" if why.code == "E610" else "sql")
        for name in found.survey.renamed:
            args.note("info", f"a column name is there twice: the later one is '{name}'")
        for name in found.survey.decimals:
            note_decimal(args, name)
        for name in found.survey.others:
            kind = found.survey.types[name]
            args.note("info", f"field '{name}' is of type {kind}: it passes through, functions see its text")
        if options.time is not None and options.time not in found.survey.types:
            from ..planner.types import Schema

            args.binder.unknown(
                options.time, args.option_span("time"), Schema(tuple(found.survey.types.items())), always=True
            )
        at = At(args.stage, self.name, args.span)
        return scan_of(args, DbRelation(database, found, statement, options, at, sample))

    def _sql(self, args: Args) -> str:
        given = args.one("sql")
        found = given.value if isinstance(given, ast.Text) else args.path(given)
        if not found.strip():
            args.abort("E307", "the SQL is empty", args.place("sql"))
        return str(found)

    def _value(self, args: Args, name: str, low: int, high: int) -> Any:
        from ..planner.text import Span

        place = args.place("sql")
        at = place
        if self._is_bare(args):
            at = Span(place.start + low, place.start + high)
        return args.binder.param(ast.Param(names=(name,), span=at))

    def _is_bare(self, args: Args) -> bool:
        """Whether the SQL stands without quotes, so that places in it are places in the query."""
        given, place = args.one("sql"), args.place("sql")
        return isinstance(given, ast.Text) and place.end - place.start == len(given.value)

    def _sample(self, args: Args) -> int:
        said = args.option("infer")
        said = str(args.binder.settings.get("infer", 20_000)) if said is None else said
        if said == "all":
            return ALL_ROWS
        count = int(said) if said.isdecimal() else 0
        if not 0 < count < 1 << 31:
            args.abort("E311", f"'infer' cannot be {said}", args.option_span("infer"),
                       hint="it takes a number of rows, or all")  # fmt: skip
        return count
