"""The `cortado` command: the prompt, one query, a saved query, help. Results to standard output, all else to standard error."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

FORMATS = ("table", "vertical", "csv", "tsv", "json", "jsonl", "markdown", "html", "parquet", "arrow")
DONE, FAILED, USAGE, LIMIT, REJECTED, INTERRUPTED = 0, 1, 2, 3, 4, 130


def shared(function: Any) -> Any:
    """Options of every call that runs queries."""
    for option in reversed(
        (
            click.option(
                "--db",
                "database",
                metavar="DIR",
                help="Database folder (default: $CORTADO_DB, else the user's data folder).",
            ),
            click.option(
                "--format",
                "form",
                type=click.Choice(FORMATS),
                help="How results are written (default: table on a terminal, else csv).",
            ),
            click.option("--output", metavar="FILE", help="Write the result to a file; its ending decides the format."),
            click.option("--threads", type=click.IntRange(1), help="Workers that run at once."),
            click.option("--memory", metavar="SIZE", help="Memory that queries may use, such as 2GB."),
            click.option("--timeout", metavar="SPAN", help="Give up after so long, such as 30s or 5m."),
            click.option("--timezone", metavar="ZONE", help="Time zone of parsing, buckets and display."),
            click.option("--strict", is_flag=True, help="Unknown fields and bad data are errors."),
            click.option("--fail-on-reject", is_flag=True, help="Exit with 4 if rows were rejected or dropped."),
            click.option("--safe", is_flag=True, help="Files only below the working folder, no Python."),
            click.option("--analyze", is_flag=True, help="Run the query and show what each operator did."),
            click.option("--no-progress", is_flag=True, help="No progress line."),
            click.option("--debug", is_flag=True, hidden=True),
            click.option(
                "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A setting; may be given more than once."
            ),
        )
    ):
        function = option(function)
    return function


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-c", "text", metavar="QUERY", help="Run one query; - reads it from standard input.")
@click.option("-p", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of the query.")
@click.option("--version", is_flag=True, help="Print the version.")
@shared
@click.pass_context
def cli(ctx: click.Context, /, text: str | None, params: tuple[str, ...], version: bool, **options: Any) -> None:
    """An embedded, piped query engine for logs and time series. Without arguments: the prompt."""
    if version:
        from cortado import __version__

        click.echo(f"cortado {__version__}")
        return
    if ctx.invoked_subcommand is not None:
        ctx.obj = options
        return
    from .batch import run_text

    if text is not None:
        query = sys.stdin.read() if text == "-" else text
        sys.exit(run_text(query, pairs(params, "-p"), options))
    if not sys.stdin.isatty():
        sys.exit(run_text(sys.stdin.read(), pairs(params, "-p"), options))
    from .app import prompt

    sys.exit(prompt(options))


@cli.command()
@click.argument("file", type=click.Path())
@click.option("-p", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of the saved query.")
@shared
@click.pass_context
def run(ctx: click.Context, /, file: str, params: tuple[str, ...], **options: Any) -> None:
    """Run a saved query."""
    from .batch import run_saved

    sys.exit(run_saved(file, pairs(params, "-p"), merged(ctx, options)))


@cli.command()
@click.argument("query")
@shared
@click.pass_context
def explain(ctx: click.Context, /, query: str, **options: Any) -> None:
    """Show how a query will run, as written and optimised; with --analyze what each operator did."""
    from .batch import explain_text

    sys.exit(explain_text(query, merged(ctx, options)))


@cli.command()
@click.argument("file", required=False)
def fmt(file: str | None) -> None:
    """Format a query: a line a stage. FILE is a saved query (changed in place) or - for standard input."""
    from .batch import format_file

    sys.exit(format_file(file))


@cli.command(name="help")
@click.argument("name", required=False)
def help_(name: str | None) -> None:
    """Explain a command, a function or an aggregate."""
    from .helptext import help_for

    found = help_for(name or "")
    if found is None:
        from .helptext import near

        click.echo(
            f"nothing is named '{name}'"
            + (f"; did you mean {', '.join(near(name or ''))}?" if near(name or "") else ""),
            err=True,
        )
        sys.exit(USAGE)
    click.echo(found)


@cli.command()
def warm() -> None:
    """Compile the kernels now, so that the first large query need not."""
    from .batch import warm_up

    sys.exit(warm_up())


def merged(ctx: click.Context, options: dict[str, Any]) -> dict[str, Any]:
    """Options may stand before or behind the subcommand."""
    outer = ctx.obj or {}
    return {k: v if v not in (None, False, ()) else outer.get(k, v) for k, v in options.items()}


def pairs(given: tuple[str, ...], flag: str) -> dict[str, str]:
    out: dict[str, str] = {}
    for item in given:
        name, sign, value = item.partition("=")
        if not sign or not name:
            raise click.UsageError(f"{flag} takes NAME=VALUE, not '{item}'")
        out[name] = value
    return out


def default_database() -> Path:
    if named := os.environ.get("CORTADO_DB"):
        return Path(named)
    from platformdirs import user_data_dir

    return Path(user_data_dir("cortado")) / "db"


def main() -> None:
    """Entry point of the command."""
    try:
        cli(prog_name="cortado")
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader went away, as `| head` does
        devnull = os.open(os.devnull, os.O_WRONLY)  # gate: standard output only
        os.dup2(devnull, sys.stdout.fileno())
        sys.exit(DONE)


if __name__ == "__main__":
    main()
