"""Parse a PostgreSQL connection URL into libpq's keywords.

Accepts what psql accepts (`postgres://`, a host, or a socket directory in the path or in `?host=`)
and what SQLAlchemy accepts (`postgresql+psycopg://`). Some parameters would change the server or
the way of connecting, and Sluice does not support them. They are rejected by name: ignoring one
could connect to the wrong server. This module reads no environment variables and opens no
connection.
"""

import re
from urllib.parse import parse_qsl, unquote

from sluice.database_settings import POOLERS

_URL = re.compile(
    r"(?P<scheme>[a-z0-9+_]*)://(?:(?P<user>[^:@/?#]*)(?::(?P<password>[^@/?#]*))?@)?"
    r"(?P<host>\[[^\]/?#@]*\]|[^:/?#@\[\]]*)(?::(?P<port>[^/?#@\[\]]*))?"
    r"(?:/(?P<dbname>[^?#]*))?(?:\?(?P<query>[^#]*))?"
)
_SCHEME = re.compile(r"(postgres|postgresql)(\+[a-z0-9_]+)?")
_ESCAPES = "in a password, write @ : / ? # % as %40 %3A %2F %3F %23 %25"

POOLER = "pooler"  # Sluice's own keyword: the pooler between a client and the server
KEYWORDS = ("host", "port", "user", "password", "dbname", "sslmode", "sslrootcert", POOLER)
SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
# Parameters that tune or name a client. Sluice has its own settings for that.
IGNORED = frozenset(
    {
        "application_name",
        "fallback_application_name",
        "connect_timeout",
        "keepalives",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_count",
        "tcp_user_timeout",
        "channel_binding",
        "gssencmode",
        "client_encoding",
    }
)


def parse_url(url: str) -> tuple[dict[str, str], list[str]]:
    """Return the keywords in `url`, and one line for each problem. The URL may be incomplete."""
    match = _URL.fullmatch(url.strip())
    if match is None or not _SCHEME.fullmatch(match["scheme"]):
        example = "postgresql://user:password@host:5432/database"
        return {}, [f"the database URL must look like {example} ({_ESCAPES})"]
    if "@" in (match["dbname"] or ""):  # the rest of a password; the message must not show it
        return {}, [f"the database URL has an @ after the host; {_ESCAPES}, in a database name too"]
    parts = ("user", "password", "host", "port", "dbname")
    keywords = {name: unquote(match[name] or "") for name in parts}
    keywords["host"] = keywords["host"].removeprefix("[").removesuffix("]")
    problems = _read_query(match["query"] or "", keywords) + _problems(keywords)
    return {name: value for name, value in keywords.items() if value}, problems


def parse_complete_url(url: str) -> tuple[dict[str, str], list[str]]:
    """Parse a URL as `parse_url` does, require host, user and database, and add two defaults.

    `sslmode` is disable on loopback and on a Unix socket, and verify-full otherwise, unless the
    URL has it. `sslrootcert` is removed if it names the system's certificate authorities.
    """
    keywords, problems = parse_url(url)
    problems += [
        f"the database URL has no {what}"
        for name, what in (("host", "host"), ("user", "user"), ("dbname", "database"))
        if name not in keywords and not problems
    ]
    host = keywords.get("host", "")
    is_local = host.startswith("/") or host in ("127.0.0.1", "::1", "localhost")
    keywords.setdefault("sslmode", "disable" if is_local else "verify-full")
    if keywords.get("sslrootcert") == "system":
        del keywords["sslrootcert"]
    return keywords, problems


def _read_query(query: str, keywords: dict[str, str]) -> list[str]:
    """Add the parameters of the query string to `keywords`, and return the problems."""
    problems = []
    literal_plus = query.replace("+", "%2B")  # libpq reads + as itself
    for name, value in parse_qsl(literal_plus, keep_blank_values=True):
        if name in KEYWORDS:
            keywords[name] = value
        elif name == "unix_sock":  # pg8000's own name, with the path of the socket itself
            directory, _, port = value.rpartition("/.s.PGSQL.")
            keywords |= {"host": directory, "port": port}
        elif name not in IGNORED:
            problems.append(
                f"the database URL has the parameter {name!r}, "
                "which Sluice does not support: remove it"
            )
    return problems


def _problems(keywords: dict[str, str]) -> list[str]:
    problems = []
    port = keywords.get("port", "")
    if "," in port:
        problems.append("the database URL names several hosts or ports; name the one to use")
    elif port and not (re.fullmatch(r"[0-9]{1,5}", port) and 1 <= int(port) <= 65535):
        problems.append(f"the database URL's port must be a number from 1 to 65535, not {port!r}")
    host = keywords.get("host", "")
    if "," in host:
        problems.append(f"the database URL names several hosts ({host}); name the one to use")
    elif not host.startswith("/") and not re.fullmatch(r"[A-Za-z0-9._:%-]*", host):
        problems.append(f"the database URL's host is invalid: {host!r}")
    for name, choices in ((POOLER, POOLERS), ("sslmode", SSLMODES)):
        value = keywords.get(name, "")
        if value and value not in choices:
            problems.append(
                f"the database URL's {name} must be one of {', '.join(choices)}, not {value!r}"
            )
    return problems
