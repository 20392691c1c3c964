"""`python -m cortado`: the `cortado` command, where no script of that name is on the path."""

from cortado.repl.__main__ import main

if __name__ == "__main__":
    main()
