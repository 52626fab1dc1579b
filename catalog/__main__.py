"""The commands that compare an application with a database.

python -m catalog adopt --help
"""

import sys
from importlib import import_module

# The module with `main(arguments)`.
COMMANDS = {"adopt": "catalog.adopt.command", "drift": "catalog.report.command"}


def main(arguments: list[str]) -> int:
    """Run the command that the first argument names; return the exit code."""
    name, *others = arguments or [""]
    if name not in COMMANDS:
        print(f"usage: python -m catalog {{{','.join(COMMANDS)}}} …", file=sys.stderr)
        return 2
    return int(import_module(COMMANDS[name]).main(others))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
