"""Entry point of the command. SIGTERM is seen to before anything else is imported."""

from __future__ import annotations

from cortado.repl.leaving import terminable


def main() -> None:
    with terminable():
        from cortado.repl.cli import main as command

        command()


if __name__ == "__main__":
    main()
