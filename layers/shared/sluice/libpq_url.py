"""Read a PostgreSQL connection URL into libpq's keywords. Reads no environment and connects to nothing.

Accepts what psql accepts (`postgres://`, hosts or a socket folder in the path or in `?host=`) and what SQLAlchemy
accepts (`postgresql+psycopg://`). Parameters that would change where or how a client connects, and that Sluice
cannot honour, are refused by name: ignoring them would connect to another server than the one meant.
"""

import re
from urllib.parse import parse_qsl, unquote

_URL = re.compile(
    r"(?P<scheme>[a-z0-9+_]*)://(?:(?P<user>[^:@/?#]*)(?::(?P<password>[^@/?#]*))?@)?"
    r"(?P<host>\[[^\]/?#@]*\]|[^:/?#@\[\]]*)(?::(?P<port>[^/?#@\[\]]*))?"
    r"(?:/(?P<dbname>[^?#]*))?(?:\?(?P<query>[^#]*))?"
)
_SCHEME = re.compile(r"(postgres|postgresql)(\+[a-z0-9_]+)?")
_ESCAPES = "in a password, write @ : / ? # % as %40 %3A %2F %3F %23 %25"

POOLER = "pooler"  # the one keyword of Sluice's own: what stands between it and the server
KEYWORDS = ("host", "port", "user", "password", "dbname", "sslmode", "sslrootcert", POOLER)
POOLERS = ("none", "pgbouncer", "rds-proxy")
SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
# They tune a client or name it; Sluice has settings of its own for that.
IGNORED = frozenset(
    [
        *(
            "application_name",
            "fallback_application_name",
            "connect_timeout",
            "keepalives",
            "keepalives_idle",
        ),
        *(
            "keepalives_interval",
            "keepalives_count",
            "tcp_user_timeout",
            "channel_binding",
            "gssencmode",
        ),
        "client_encoding",
    ]
)


def read_url(url: str) -> tuple[dict[str, str], list[str]]:
    """Return the keywords that `url` names and one line for each problem. Keywords that it lacks are absent."""
    found = _URL.fullmatch(url.strip())
    if found is None or not _SCHEME.fullmatch(found["scheme"]):
        return {}, [
            f"the database URL must look like postgresql://user:password@host:5432/database ({_ESCAPES})"
        ]
    if "@" in (found["dbname"] or ""):  # the rest of a password; the message must not show it
        return {}, [
            f"the database URL has an @ after the host; {_ESCAPES}, in a database's name too"
        ]
    keywords = {
        name: unquote(found[name] or "") for name in ("user", "password", "host", "port", "dbname")
    }
    keywords["host"] = keywords["host"].removeprefix("[").removesuffix("]")
    problems = []
    query = (found["query"] or "").replace("+", "%2B")  # libpq reads + as itself
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in KEYWORDS:
            keywords[name] = value
        elif name == "unix_sock":  # pg8000's own name: the socket itself
            folder, _, port = value.rpartition("/.s.PGSQL.")
            keywords |= {"host": folder, "port": port}
        elif name not in IGNORED:
            problems.append(
                f"the database URL has the parameter {name!r}, which Sluice cannot honour: remove it"
            )
    return {name: value for name, value in keywords.items() if value}, problems + _problems(
        keywords
    )


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
        problems.append(f"the database URL's host cannot be read: {host!r}")
    pooler = keywords.get(POOLER, "")
    if pooler and pooler not in POOLERS:
        problems.append(
            f"the database URL's pooler must be one of {', '.join(POOLERS)}, not {pooler!r}"
        )
    sslmode = keywords.get("sslmode", "")
    if sslmode and sslmode not in SSLMODES:
        problems.append(
            f"the database URL's sslmode must be one of {', '.join(SSLMODES)}, not {sslmode!r}"
        )
    return problems
