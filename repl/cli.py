"""The `cortado` command: the prompt, one query, a saved query, help. Results to standard output, all else to standard error.

Nothing of the engine is imported here: `--help` and `--version` answer at once.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from typing import Any

import click

from cortado.repl.shared import DONE, FAILED, FORMATS, INTERRUPTED, Gone, pairs, standard_input

PARAM_HELP = "A parameter; may be given more than once."


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
                help="How results are written (default: by the ending of --output; table on a terminal, else csv).",
            ),
            click.option(
                "--output", metavar="FILE", help="Write the result to a file, which appears when it is whole."
            ),
            click.option("--threads", type=click.IntRange(1), metavar="N", help="Workers that run at once."),
            click.option("--memory", metavar="SIZE", help="Memory that queries may use, such as 2GB."),
            click.option("--timeout", metavar="SPAN", help="Give up after so long, such as 30s or 5m."),
            click.option("--timezone", metavar="ZONE", help="Time zone of parsing, buckets and display."),
            click.option("--strict", is_flag=True, help="Unknown fields and bad data are errors."),
            click.option("--fail-on-reject", is_flag=True, help="Exit with 4 if rows were rejected or dropped."),
            click.option("--safe", is_flag=True, help="Files only below the working folder, no Python."),
            click.option("--analyze", is_flag=True, help="Show what each operator did."),
            click.option("--no-progress", is_flag=True, help="No progress line."),
            click.option("--debug", is_flag=True, hidden=True),
            click.option(
                "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A setting; may be given more than once."
            ),
        )
    ):
        function = option(function)
    return function


class Commands(click.Group):
    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as why:
            ways = "cortado -c QUERY runs a query, cortado run FILE a saved one"
            raise click.UsageError(f"{why.message} {ways}.", ctx) from None


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-c", "text", metavar="QUERY", help="Run one query; - reads it from standard input.")
@click.option("-p", "params", multiple=True, metavar="NAME=VALUE", help=PARAM_HELP)
@click.option("--version", is_flag=True, help="Print the version.")
@shared
@click.pass_context
def cli(ctx: click.Context, /, text: str | None, params: tuple[str, ...], version: bool, **options: Any) -> None:
    """An embedded, piped query engine for logs and time series. Without arguments: the prompt."""
    if version:
        from cortado import __version__

        click.echo(f"cortado {__version__}")
        ctx.exit(DONE)
    given = pairs(params, "-p")
    if ctx.invoked_subcommand is not None:
        if text is not None:
            raise click.UsageError(f"-c runs a query of its own: it does not go with '{ctx.invoked_subcommand}'")
        ctx.obj = {**options, "params": given}
        return
    if text is None and sys.stdin is not None and sys.stdin.isatty():
        from .app import prompt

        ctx.exit(prompt(options))
    from .batch import run_text

    ctx.exit(run_text(standard_input() if text in (None, "-") else str(text), given, options))


@cli.command()
@click.argument("file", type=click.Path(), metavar="FILE")
@click.option("-p", "params", multiple=True, metavar="NAME=VALUE", help=PARAM_HELP)
@shared
@click.pass_context
def run(ctx: click.Context, /, file: str, params: tuple[str, ...], **options: Any) -> None:
    """Run a saved query: a file, or the name of one on the query path. `help FILE` tells its parameters."""
    from .batch import run_saved

    ctx.exit(run_saved(file, {**ctx.obj["params"], **pairs(params, "-p")}, merged(ctx, options)))


@cli.command()
@click.argument("query")
@click.option("-p", "params", multiple=True, metavar="NAME=VALUE", help=PARAM_HELP)
@shared
@click.pass_context
def explain(ctx: click.Context, /, query: str, params: tuple[str, ...], **options: Any) -> None:
    """Show how a query will run, as written and optimised; with --analyze what each operator did. - reads standard input."""
    from .batch import explain_text

    text = standard_input() if query == "-" else query
    ctx.exit(explain_text(text, {**ctx.obj["params"], **pairs(params, "-p")}, merged(ctx, options)))


@cli.command()
@click.argument("file", default="-")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if the file is not formatted.")
@click.pass_context
def fmt(ctx: click.Context, /, file: str, check: bool) -> None:
    """Format a saved query in place: a line a stage. - (or nothing) reads standard input and writes standard output."""
    from .batch import format_file

    ctx.exit(format_file(file, check))


@cli.command(name="help")
@click.argument("name", required=False)
@click.pass_context
def help_(ctx: click.Context, /, name: str | None) -> None:
    """Explain a command, a function, an aggregate or a saved query; `commands`, `functions`, `aggregates`, `settings` list them."""
    from .helptext import help_for

    found = help_for(name or "")
    if found is None:
        from .batch import help_saved

        ctx.exit(help_saved(str(name), ctx.obj))
    click.echo(found)


@cli.command()
@click.pass_context
def warm(ctx: click.Context, /) -> None:
    """Compile the kernels now, so that the first large query need not."""
    from .batch import warm_up

    ctx.exit(warm_up())


def merged(ctx: click.Context, options: dict[str, Any]) -> dict[str, Any]:
    """Options may stand before or behind the subcommand; those behind win."""
    outer = ctx.obj
    out = {k: v if v not in (None, False, ()) else outer.get(k, v) for k, v in options.items()}
    out["settings"] = (*outer["settings"], *options["settings"])
    return out


def main() -> None:
    """The command, to its exit status."""
    gc.disable()  # imports make many objects and no garbage; a session turns it on again
    # as quick as Arrow's own choice, which keeps tens of megabytes that nobody uses; read when Arrow is imported
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # workers divide the work; threads of its own wait by spinning
    _check_streams()
    try:
        status = cli(prog_name="cortado", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as why:
        why.show()
        status = why.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        status = INTERRUPTED
        exec(
            ""
        )  # an interrupt within exec, as dataclasses use it, left a mark to die by the signal: this takes it away
    except (Gone, BrokenPipeError):
        status = DONE
        _forget(sys.stdout)
    except OSError as why:
        click.echo(f"standard output cannot be written: {why.strerror or why}", err=True)
        status = FAILED
        _forget(sys.stdout)
    gc.freeze()  # the interpreter would look through all that there is once more before it leaves
    sys.exit(status or DONE)


def _check_streams() -> None:
    """Whoever started the program may have closed them; then the next file that is opened takes their place."""
    if sys.stderr is None:
        os.open(os.devnull, os.O_WRONLY)  # takes its number
        sys.stderr = io.StringIO()
    if sys.stdout is None:
        click.echo("standard output is closed", err=True)
        sys.exit(FAILED)


def _forget(stream: Any) -> None:
    """What is still buffered for a reader that is gone must not fail again at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
