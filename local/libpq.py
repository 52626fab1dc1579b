"""Complete a database URL as psql does: from PG* variables, the password file, and defaults.

The result names the host, port, user and database. A password that is not found is left out,
because the server may not need one (trust, peer).
"""

import getpass
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

from sluice.libpq_url import parse_url
from sluice.settings import SettingsError

VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "dbname": "PGDATABASE",
    "password": "PGPASSWORD",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}
# the defaults of Debian and of PostgreSQL
SOCKET_FOLDERS = (Path("/var/run/postgresql"), Path("/tmp"))  # noqa: S108


def complete_url(url: str, environ: Mapping[str, str]) -> str:
    """Return `url` with its missing parts filled in. Raise SettingsError with all problems."""
    keywords, problems = parse_url(url)
    if problems:
        raise SettingsError(problems)
    for keyword, variable in VARIABLES.items():
        if value := environ.get(variable):
            keywords.setdefault(keyword, value)
    keywords.setdefault("port", "5432")
    keywords.setdefault("user", getpass.getuser())
    keywords.setdefault("dbname", keywords["user"])
    keywords.setdefault("host", _default_host(keywords["port"]))
    if "password" not in keywords:
        password = password_from_file(_password_file(environ), keywords)
        if password:
            keywords["password"] = password
    completed = _write_url(keywords)
    problems = parse_url(completed)[1]
    if problems:  # the value of a PG* variable is not valid
        raise SettingsError(problems)
    return completed


def password_from_file(file: Path, keywords: Mapping[str, str]) -> str:
    """Return the password of the first matching line of a .pgpass file, empty if there is none.

    Like libpq, it ignores a file that other users may read.
    """
    try:
        if not file.is_file() or stat.S_IMODE(file.stat().st_mode) & 0o077:
            return ""
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    host = "localhost" if keywords["host"].startswith("/") else keywords["host"]
    expected = [host, keywords["port"], keywords["dbname"], keywords["user"]]
    for line in lines:
        if line.startswith("#"):
            continue
        fields = [
            re.sub(r"\\(.)", r"\1", part) for part in re.findall(r"(?:^|:)((?:\\.|[^:\\])*)", line)
        ]
        pairs = zip(fields, expected, strict=False)
        matches = all(field in ("*", value) for field, value in pairs)
        if len(fields) == 5 and matches:
            return fields[4]
    return ""


def _password_file(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("PGPASSFILE") or Path.home() / ".pgpass")


def _default_host(port: str) -> str:
    """Return the folder with a server's Unix socket if it exists, as libpq does, or localhost."""
    for folder in SOCKET_FOLDERS:
        if (folder / f".s.PGSQL.{port}").is_socket():
            return str(folder)
    return "localhost"


def psql_variables(url: str) -> dict[str, str]:
    """Return the environment variables with which psql connects to the complete `url`."""
    keywords = parse_url(url)[0]
    return {
        variable: keywords[keyword]
        for keyword, variable in VARIABLES.items()
        if keyword in keywords
    }


def _write_url(keywords: Mapping[str, str]) -> str:
    user, password = (quote(keywords.get(name, ""), safe="") for name in ("user", "password"))
    host = keywords["host"]
    url_host = f"[{host}]" if ":" in host else quote(host, safe="")
    login = f"{user}:{password}" if password else user
    query = urlencode(
        {name: keywords[name] for name in ("sslmode", "sslrootcert") if name in keywords}
    )
    address = f"{login}@{url_host}:{keywords['port']}/{quote(keywords['dbname'], safe='')}"
    return f"postgresql://{address}" + (f"?{query}" if query else "")
