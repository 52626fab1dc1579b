"""Generate a client of the application's API, for `make sdk`.

The generators write the types and operations; `clients/` has the layer that is written by hand.
"""

import argparse
import json
import sys
from pathlib import Path

from scripts import openapi
from scripts.sdk import python, typescript
from sluice import application

ROOT = Path(__file__).parents[2]
GENERATORS = {"py": python.generate, "ts": typescript.generate}


def main() -> int:
    """Write the package, and print where it is and how to try it."""
    parser = argparse.ArgumentParser(prog="make sdk")
    parser.add_argument("--lang", default="")
    parser.add_argument("--out", default="")
    parser.add_argument("--document", default="", help="a file, instead of the declarations")
    arguments = parser.parse_args()
    if arguments.lang not in GENERATORS:
        shown = (
            f"LANG={arguments.lang} is no language of make sdk" if arguments.lang else "Set LANG"
        )
        print(f"{shown}: make sdk LANG=ts, or make sdk LANG=py", file=sys.stderr)
        return 1
    name = application.current().name
    folder = Path(arguments.out or f"clients/generated/{arguments.lang}-{name}")
    try:
        text = Path(arguments.document).read_text() if arguments.document else openapi.render()
        document = json.loads(text)
    except (OSError, ValueError) as error:
        print(f"DOCUMENT={arguments.document} cannot be read: {error}", file=sys.stderr)
        return 1
    try:
        usage = GENERATORS[arguments.lang](document, name, folder.absolute())
    except FileNotFoundError as error:
        print(f"{error.filename} was not found: install Node.js 20 or newer", file=sys.stderr)
        return 1
    print(f"{folder} has the client. {usage}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
