"""The settings of a database and of the connections to it. settings.py reads them."""

from typing import Literal, NamedTuple

TlsMode = Literal["verify-full", "off"]
Pooler = Literal["none", "pgbouncer", "rds-proxy"]
Auth = Literal["password", "iam", "none"]  # none: the server asks for no password (trust, peer)

POOLERS: tuple[Pooler, ...] = ("none", "pgbouncer", "rds-proxy")
SECRET_FIELDS = frozenset(
    {"password", "secret_access_key", "session_token", "credentials_token", "cursor_key"}
)
RESUME_SECONDS = 60.0  # a paused Aurora resumes in about 15, after a day in more than 30


class SettingsError(Exception):
    """The environment variables are invalid; `problems` has one line for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("settings: " + "; ".join(problems))
        self.problems = problems


def repr_without_secrets(values: NamedTuple) -> str:
    """Return the `repr` of a named tuple, without its `SECRET_FIELDS`.

    `%` formatting with the tuple itself, and `json.dumps`, would still write them.
    """
    shown = [f"{k}={v!r}" for k, v in values._asdict().items() if k not in SECRET_FIELDS]
    return f"{type(values).__name__}({', '.join(shown)})"


class DatabaseSettings(NamedTuple):
    """A database, and the connections of one execution environment to it. Times are in seconds."""

    host: str  # a name, an address, or the directory of a Unix socket, which starts with /
    name: str
    user: str
    port: int = 5432
    password: str = ""
    secret_arn: str = ""  # of a secret {"username": …, "password": …}, if there is no password
    auth: Auth = "password"  # iam: an RDS token, signed by this function's role
    tls: TlsMode = "verify-full"
    ca_file: str = ""  # PEM; empty: the system's certificate authorities
    pool_size: int = 1  # a Lambda execution environment runs one request at a time
    pool_overflow: int = 1
    pool_timeout: float = 1.5
    connect_timeout: float = 2.0
    statement_timeout: float = 14.0  # this and the next are set on the role by migrations
    lock_timeout: float = 5.0
    socket_timeout: float = 20.0  # above statement_timeout, so that the server's timeout ends first
    max_idle: float = 240.0  # NAT gateways drop idle connections after 350 s
    prepared_statements: int = 64  # at most, for each connection; RDS Proxy: 0, see _database
    pooler: Pooler = "none"  # decides the startup parameters, see db/session_settings.py
    search_path: tuple[str, ...] = ()  # the schemas of the application; empty: public
    migrated: bool = True  # False: `make migrate` was not run, so sessions are read-only
    deadline_share: float = 1.0  # the longest wait, as a part of the request's remaining time

    def __repr__(self) -> str:
        return repr_without_secrets(self)

    def for_batch(self) -> "DatabaseSettings":
        """Return these settings for batch jobs, whose connections wait for a paused Aurora."""
        return self._replace(connect_timeout=max(self.connect_timeout, RESUME_SECONDS))

    @classmethod
    def from_url(cls, url: str) -> "DatabaseSettings":
        """Read a URL that psql or SQLAlchemy accepts. Raise `SettingsError` with every problem.

        TLS is verified unless `sslmode` is disable, the default on loopback and a Unix socket.
        `sslrootcert` names the file of certificate authorities. A URL without a password means
        that the server asks for none.
        """
        from sluice.libpq_url import parse_complete_url  # for tools; functions never parse a URL

        keywords, problems = parse_complete_url(url)
        if problems:
            raise SettingsError(problems)
        return cls(
            host=keywords["host"],
            port=int(keywords.get("port", 5432)),
            name=keywords["dbname"],
            user=keywords["user"],
            password=keywords.get("password", ""),
            auth="password" if "password" in keywords else "none",
            tls="off" if keywords["sslmode"] == "disable" else "verify-full",
            ca_file=keywords.get("sslrootcert", ""),
            pooler=next(known for known in POOLERS if known == keywords.get("pooler", "none")),
        )
