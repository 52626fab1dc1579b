"""The commands of the local system.

`python -m local` runs the system, `env FUNCTION` prints a function's environment variables, and
`psql` opens psql. `migrate` sets up the database that DATABASE_URL names, and `remove` removes what
`migrate` created.
"""

import argparse
import os
import re
import shlex
import shutil
import signal
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parents[1]
sys.path.insert(1, str(ROOT / "layers" / "shared"))  # for sluice, which this package uses

from local.aws import EmulatedAwsError  # noqa: E402
from local.binaries import PostgresError  # noqa: E402
from local.database import DatabaseUnusable, connect, settings_from_url  # noqa: E402
from local.intrinsics import TemplateError  # noqa: E402
from local.libpq import complete_url, psql_variables  # noqa: E402
from local.state import (  # noqa: E402
    AlreadyRunning,
    StateFolder,
    StateUnusable,
    home_of_system,
)
from local.system import LISTEN, STOP_SIGNALS, Options, StartError, run  # noqa: E402
from local.terminal import Terminal, has_colours  # noqa: E402
from sluice import application  # noqa: E402
from sluice.application import ApplicationError  # noqa: E402
from sluice.settings import SettingsError  # noqa: E402

EXPECTED_ERRORS = (
    AlreadyRunning,
    ApplicationError,
    EmulatedAwsError,
    StartError,
    DatabaseUnusable,
    PostgresError,
    StateUnusable,
    TemplateError,
)
ENVIRON = os.environ  # noqa: TID251 - the local system's own settings; functions have settings.py


def main() -> int:
    """Run the command that the arguments name, and return the exit code."""
    arguments = _arguments()
    home = home_of_system()
    if arguments.command == "env":
        return _print_environment(StateFolder(home), arguments.function)
    if arguments.command == "psql":
        return _open_psql(StateFolder(home), arguments.others)
    if arguments.command in ("migrate", "remove"):
        return _change_database(arguments.command)
    terminal = Terminal(
        sys.stdout,
        verbose=arguments.verbose,
        colour=has_colours(sys.stdout, ENVIRON),
    )
    for signum in STOP_SIGNALS:
        signal.signal(signum, _interrupt)
    try:
        _require_deployable()
        run(
            Options(
                state=home,
                port=_port(arguments.port),
                listen=arguments.listen,
                database_url=_database_url(),
                replica_host=ENVIRON.get("SLUICE_REPLICA_HOST", ""),
                demo_data=_demo_data(),
                built=arguments.built,
                aws_tls=arguments.aws_tls,
                parameters=dict(pair.partition("=")[::2] for pair in arguments.set),
            ),
            terminal,
        )
    except KeyboardInterrupt:  # during the start
        return 0
    except EXPECTED_ERRORS as error:
        terminal.error(str(error))
        return 1
    finally:
        terminal.close()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local", description="Sluice on this machine.")
    parser.add_argument(
        "--port",
        default=ENVIRON.get("PORT") or "3000",
        help="default: PORT, or 3000; 0: any free port",
    )
    parser.add_argument(
        "--listen",
        choices=LISTEN,
        default=LISTEN[0],
        help="the gateway's address; 0.0.0.0 is for a container that publishes the port",
    )
    parser.add_argument("--verbose", action="store_true", help="show the functions' logs")
    parser.add_argument(
        "--built",
        action="store_true",
        help="run the functions and the layer that `sam build` built",
    )
    parser.add_argument(
        "--aws-tls", action="store_true", help="functions call the emulated AWS services over TLS"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a parameter of template.yaml",
    )
    _add_commands(parser)
    arguments, others = parser.parse_known_args()
    if others and arguments.command != "psql":
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    arguments.others = others
    return arguments


def _add_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="command", metavar="")
    env = commands.add_parser("env", help="print a function's environment variables as exports")
    env.add_argument("function", metavar="FUNCTION", nargs="?", default="")
    commands.add_parser(
        "psql",
        help="open psql as the owner of the running system's database; more arguments go to psql",
    )
    commands.add_parser(
        "migrate",
        help="set up the database that DATABASE_URL names; with APP also an application's tables",
    )
    commands.add_parser(
        "remove",
        help="remove what `migrate` created; with DROP_APP also an application's tables",
    )


def _port(given: str) -> int:
    if re.fullmatch("[0-9]{1,5}", given) and int(given) <= 65535:
        return int(given)
    raise StartError(
        f"PORT must be a number from 0 to 65535 (0 takes any free port), not {given!r}"
    )


def _database_url() -> str:
    given = ENVIRON.get("DATABASE_URL", "")
    try:
        return complete_url(given, ENVIRON) if given else ""
    except SettingsError as error:
        raise DatabaseUnusable(f"DATABASE_URL: {'; '.join(error.problems)}") from error


def _demo_data() -> bool:
    """Return whether SLUICE_SEED is demo, or is empty and the database is the embedded one."""
    seed = ENVIRON.get("SLUICE_SEED", "")
    if seed not in ("", "demo", "none"):
        raise StartError(f"SLUICE_SEED must be demo or none, not {seed!r}")
    return seed == "demo" or (not seed and not ENVIRON.get("DATABASE_URL"))


def _require_deployable() -> None:
    """Raise StartError for an application of the tests, which no function finds in its layer."""
    app = application.current()
    if not app.folder.is_relative_to(ROOT / "layers"):
        folders = (path.parent for path in (ROOT / "layers/shared").glob("*/application.py"))
        known = sorted(folder.name for folder in folders if folder.name != "sluice")
        raise StartError(
            f"the application {app.name} is one of the tests, so no function can serve it; "
            f"APP must be one of these: {', '.join(known)}"
        )


def _change_database(command: str) -> int:
    """Run `make migrate` or `make remove` and return the exit code."""
    from local import migration_commands

    try:
        url = _database_url()
        if not url:
            raise DatabaseUnusable(
                f"make {command} needs the URL of a database: DATABASE_URL=postgresql://…"
            )
        with connect(settings_from_url(url)):  # `connect` raises errors that name the remedy
            pass
        if command == "remove":
            return migration_commands.remove(url, ENVIRON.get("DROP_APP", ""))
        concurrency = ENVIRON.get("FUNCTION_CONCURRENCY") or "0"
        if not re.fullmatch("[0-9]{1,4}", concurrency):
            raise DatabaseUnusable(
                f"FUNCTION_CONCURRENCY must be a number from 0 to 9999, not {concurrency!r}"
            )
        only_plan = ENVIRON.get("PLAN", "") not in ("", "0")
        return migration_commands.migrate(
            url, ENVIRON.get("APP", ""), function_concurrency=int(concurrency), only_plan=only_plan
        )
    except DatabaseUnusable as error:
        print(f"sluice: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _print_environment(state: StateFolder, function: str) -> int:
    published = state.read("functions.json")
    if published is None:
        print("sluice: not running; start it with: make run", file=sys.stderr)
        return 1
    if function not in published:
        problem = "name a function: make env FUNCTION=…"
        if function:
            problem = f"there is no function {function!r}"
        print(f"sluice: {problem}; there are {', '.join(published)}", file=sys.stderr)
        return 1
    for name, value in published[function].items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def _open_psql(state: StateFolder, arguments: list[str]) -> int:  # noqa: RET503 - execve does not return
    """Replace this process by psql, connected to the running system's database.

    The password is passed in a variable, so that it is not in the process list.
    """
    published = state.read("local.json")
    if published is None:
        print("sluice: not running; start it with: make run", file=sys.stderr)
        return 1
    program = shutil.which("psql")
    if program is None:
        print(
            "sluice: psql was not found; install PostgreSQL's client (Debian: postgresql-client)",
            file=sys.stderr,
        )
        return 1
    kept = {
        name: value
        for name, value in ENVIRON.items()
        if name not in ("PGHOSTADDR", "PGSERVICE", "PGOPTIONS")
    }
    environ = kept | psql_variables(published["database_url"])
    os.execve(program, [program, *arguments], environ)  # noqa: S606 - no shell is needed


def _interrupt(signum: int, frame: object) -> NoReturn:
    """Interrupt the start, and ignore further signals while the parts stop."""
    for each in STOP_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt
