"""What this deployment is: the one reader of the environment.

`Settings.from_env(environ)` reads everything at once and, where something is wrong, raises one
`SettingsError` that names every problem. Nothing else in Sluice looks at the environment.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from sluice.env_reader import EnvReader

TlsMode = Literal["verify-full", "off"]
Pooler = Literal["none", "pgbouncer", "rds-proxy"]
Auth = Literal["password", "iam", "none"]  # none: the server asks for no password (trust, peer)

POOLERS: tuple[Pooler, ...] = ("none", "pgbouncer", "rds-proxy")  # libpq_url.py has them, too
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
ADHOC_SQL_MAX_COST = 250_000
ADHOC_SQL_TIMEOUT = 5.0
METRICS_INTERVAL = 60.0
RESUME_SECONDS = 60.0  # an Aurora that is paused resumes in about 15, after a day in more than 30
IMPORTS_MAX_RECEIVE_COUNT = 5
IMPORT_MEGABYTES = 1024
REPLICA_DEADLINE_SHARE = (
    0.5  # of a request's time: the other half is for the primary, should the reader not answer
)
PATIENCE = 4.0  # seconds beyond a statement's own limit until the server is given up


class SettingsError(Exception):
    """The environment cannot be used; `problems` holds one line for each variable at fault."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("settings: " + "; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where the database is and how many connections one execution environment may hold. Times in seconds."""

    host: str  # a name, an address, or the folder of a Unix socket, which starts with /
    name: str
    user: str
    port: int = 5432
    password: str = field(default="", repr=False)
    secret_arn: str = (
        ""  # of a Secrets Manager secret {"username": …, "password": …}, where no password is given
    )
    auth: Auth = (
        "password"  # iam: a token of RDS's, signed by this function's role, stands for both
    )
    tls: TlsMode = "verify-full"
    ca_file: str = ""  # PEM; empty: the system's authorities
    pool_size: int = 1  # a standard Lambda environment runs one request at a time
    pool_overflow: int = 1
    pool_timeout: float = 1.5
    connect_timeout: float = 2.0
    statement_timeout: float = (
        14.0  # this and the next: what the role has, as the migrations give it
    )
    lock_timeout: float = 5.0
    socket_timeout: float = 20.0  # above statement_timeout, so that the server gives up first
    max_idle: float = 240.0  # NAT gateways forget silent flows after 350 s
    prepared_statements: int = (
        64  # that each connection keeps at most; 0 for RDS Proxy, which pins them
    )
    pooler: Pooler = (
        "none"  # between us and the server: what it accepts at startup is in db/session_settings.py
    )
    migrated: bool = True  # False: `make migrate` was not run for it, so that sessions only read
    deadline_share: float = (
        1.0  # of what is left of a request's time, that its server may take to answer
    )

    def for_batch(self) -> "DatabaseSettings":
        """Return these settings for a job that no client waits for: a connection may wait for a paused Aurora."""
        return replace(self, connect_timeout=max(self.connect_timeout, RESUME_SECONDS))

    @classmethod
    def from_url(cls, url: str) -> "DatabaseSettings":
        """Read a URL as psql and SQLAlchemy take it. Raise `SettingsError` with every problem found.

        TLS is verified, but on loopback, on a Unix socket, or with `?sslmode=disable`. `sslrootcert` names the
        file of the authorities. A URL without a password means that the server asks for none.
        """
        from sluice.libpq_url import read_url  # tools read URLs, functions never do

        keywords, problems = read_url(url)
        problems += [
            f"the database URL has no {what}"
            for name, what in (("host", "host"), ("user", "user"), ("dbname", "database"))
            if name not in keywords and not problems
        ]
        if problems:
            raise SettingsError(problems)
        host, sslmode = keywords["host"], keywords.get("sslmode", "")
        is_local = host.startswith("/") or host in ("127.0.0.1", "::1", "localhost")
        certificates = keywords.get("sslrootcert", "")
        return cls(
            host=host,
            port=int(keywords.get("port", 5432)),
            name=keywords["dbname"],
            user=keywords["user"],
            password=keywords.get("password", ""),
            auth="password" if "password" in keywords else "none",
            tls="off" if sslmode == "disable" or (not sslmode and is_local) else "verify-full",
            ca_file="" if certificates == "system" else certificates,
            pooler=next(known for known in POOLERS if known == keywords.get("pooler", "none")),
        )


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """Who this is to AWS: what Lambda puts into every environment. Endpoints are for emulators."""

    region: str = ""
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    credentials_url: str = (
        ""  # where to ask for those three, where they are not given; and with what
    )
    credentials_token: str = field(default="", repr=False)
    secrets_endpoint: str = ""
    dynamodb_endpoint: str = ""
    s3_endpoint: str = ""
    sqs_endpoint: str = ""
    fips: bool = False  # use the hosts whose cryptography is validated for FIPS 140
    ca_file: str = ""  # PEM, of the authorities of AWS's certificates; empty: the system's


@dataclass(frozen=True, slots=True)
class JwtSettings:
    """Whose JSON Web Tokens are taken: `issuer` and `audience` as in their claims, `jwks_url` of the issuer's JWKS."""

    issuer: str
    audience: str
    jwks_url: str
    verified_by_gateway: bool = (
        False  # then the claims in the event are trusted, and no keys are fetched
    )


@dataclass(frozen=True, slots=True)
class GraphqlSettings:
    """What one GraphQL request may ask. All but `max_cost` are judged before the document is validated."""

    introspection: bool = False
    max_tokens: int = 2_000
    max_depth: int = 12
    max_aliases: int = 30
    max_cost: int = 10_000  # nodes it could return, and the work of its statements


@dataclass(frozen=True, slots=True)
class AdhocSqlSettings:
    """The role that analytics by SQL works as, and what one statement may take: PostgreSQL's cost, and seconds."""

    database: DatabaseSettings
    max_cost: float = ADHOC_SQL_MAX_COST
    timeout: float = ADHOC_SQL_TIMEOUT


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the layer needs to know, read once for each execution environment."""

    database: DatabaseSettings
    cursor_key: bytes = field(repr=False)
    api_keys_table: str = ""
    rate_limit_table: str = ""
    # So many requests in so many seconds.
    rate_tiers: Mapping[str, tuple[int, int]] = field(
        default_factory=lambda: {"default": (100, 60)}
    )
    aws: AwsSettings = AwsSettings()
    jwt: JwtSettings | None = None  # none are taken
    adhoc_sql: AdhocSqlSettings | None = None  # there is no analytics by SQL
    replica: DatabaseSettings | None = None  # everything is read from the database itself
    imports_bucket: str = ""  # what of imports a function has not been given, it has no use for
    imports_queue_url: str = ""
    imports_dead_letter_queue_url: str = ""
    imports_max_receive_count: int = (
        IMPORTS_MAX_RECEIVE_COUNT  # of a message, until it is in the dead-letter queue
    )
    imports_max_bytes: int = IMPORT_MEGABYTES * 1024**2  # of a file
    stale_if_error_seconds: float = (
        300.0  # how old an answer may be that is given while the database is away; 0: none is
    )
    service: str = "sluice"  # what metrics are of
    function: str = ""  # its name
    version: str = "$LATEST"  # of the function, a number once it is published
    metrics_interval: float = METRICS_INTERVAL  # between two lines of them, while all is well
    log_level: str = "INFO"
    server_timing: bool = False  # tells whoever asks what an answer took
    cors_origins: tuple[str, ...] = ()  # `loopback`: all of this machine; `*`: all
    graphql: GraphqlSettings = GraphqlSettings()
    app: str = ""  # the application whose tables migrations make; empty: none
    analyst_connections: int = 50  # the connection limit that migrations give the analyst's role

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read `SLUICE_*`; raise `SettingsError` with every problem found."""
        env = EnvReader(environ)
        database = _database(env)
        settings = cls(
            database=database,
            cursor_key=env.text("SLUICE_CURSOR_KEY").encode(),
            api_keys_table=env.text("SLUICE_API_KEYS_TABLE"),
            rate_limit_table=env.text("SLUICE_RATE_LIMIT_TABLE"),
            rate_tiers=env.tiers("SLUICE_RATE_TIERS", default="default=100/60"),
            jwt=_jwt(env),
            adhoc_sql=_adhoc_sql(env, database),
            replica=_replica(env, database),
            aws=_aws(env),
            imports_bucket=env.text("SLUICE_IMPORTS_BUCKET", default=""),
            imports_queue_url=env.text("SLUICE_IMPORTS_QUEUE_URL", default=""),
            imports_dead_letter_queue_url=env.text(
                "SLUICE_IMPORTS_DEAD_LETTER_QUEUE_URL", default=""
            ),
            imports_max_receive_count=env.integer(
                "SLUICE_IMPORTS_MAX_RECEIVE_COUNT",
                default=IMPORTS_MAX_RECEIVE_COUNT,
                least=1,
                most=1_000,
            ),
            imports_max_bytes=env.megabytes(
                "SLUICE_IMPORTS_MAX_MEGABYTES", default=IMPORT_MEGABYTES
            ),
            stale_if_error_seconds=env.integer(
                "SLUICE_STALE_IF_ERROR_SECONDS", default=300, least=0, most=86_400
            ),
            service=env.text("POWERTOOLS_SERVICE_NAME", default="sluice"),
            function=env.text("AWS_LAMBDA_FUNCTION_NAME", default=""),
            version=env.text("AWS_LAMBDA_FUNCTION_VERSION", default="$LATEST"),
            log_level=env.one_of("SLUICE_LOG_LEVEL", LOG_LEVELS, default="INFO"),
            server_timing=env.one_of("SLUICE_SERVER_TIMING", ("on", "off"), default="off") == "on",
            metrics_interval=env.seconds("SLUICE_METRICS_INTERVAL", default=METRICS_INTERVAL),
            cors_origins=tuple(
                o for o in env.text("SLUICE_CORS_ORIGINS", default="").split(",") if o
            ),
            app=env.text("SLUICE_APP", default=""),
            analyst_connections=2
            * env.integer("SLUICE_FUNCTION_CONCURRENCY", default=0, least=0, most=5_000)
            or 50,
            graphql=GraphqlSettings(
                introspection=env.one_of(
                    "SLUICE_GRAPHQL_INTROSPECTION", ("on", "off"), default="off"
                )
                == "on",
                max_tokens=env.integer(
                    "SLUICE_GRAPHQL_MAX_TOKENS", default=2_000, least=1, most=10_000
                ),
                max_depth=env.integer("SLUICE_GRAPHQL_MAX_DEPTH", default=12, least=1, most=50),
                max_aliases=env.integer(
                    "SLUICE_GRAPHQL_MAX_ALIASES", default=30, least=0, most=1_000
                ),
                max_cost=env.integer(
                    "SLUICE_GRAPHQL_MAX_COST", default=10_000, least=1, most=1_000_000
                ),
            ),
        )
        if len(settings.cursor_key) < 16 and settings.cursor_key:
            env.problems.append("SLUICE_CURSOR_KEY must be at least 16 characters")
        _check_auth(env, settings)
        if env.problems:
            raise SettingsError(env.problems)
        return settings


def uses_snapstart(environ: Mapping[str, str] = os.environ) -> bool:
    """Does Lambda take a snapshot of this environment once it is initialised, and start others from that?"""
    return environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"


def local_api_keys(environ: Mapping[str, str] = os.environ) -> str:
    """The API keys that only the local system has, each with its meaning; empty in a deployment."""
    return EnvReader(environ).text("SLUICE_LOCAL_API_KEYS", default="")


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """Where X-Ray's daemon listens, and what the trace is of. `header` reads the invocation's own trace header."""

    daemon: tuple[str, int]
    service: str
    header: Callable[[], str]


def trace_settings(environ: Mapping[str, str] = os.environ) -> TraceSettings | None:
    """Return how to trace; None where tracing is off. For every function, also those that work with no Settings."""
    env = EnvReader(environ)
    if env.one_of("SLUICE_TRACING", ("Active", "Disabled"), default="Disabled") == "Disabled":
        return None
    host, _, port = env.text("AWS_XRAY_DAEMON_ADDRESS", default="127.0.0.1:2000").rpartition(":")
    service = env.text("POWERTOOLS_SERVICE_NAME", default="sluice")
    return TraceSettings((host, int(port)), service, lambda: environ.get("_X_AMZN_TRACE_ID", ""))


def origin_key(environ: Mapping[str, str] = os.environ) -> str:
    """Return the key that CloudFront adds to each request; empty where none is in front. For every function, too."""
    return EnvReader(environ).text("SLUICE_ORIGIN_KEY", default="")


def log_level(environ: Mapping[str, str] = os.environ) -> str:
    """For a function that works with no shop, and so with no Settings, which complain of a level that is none."""
    return EnvReader(environ).one_of("SLUICE_LOG_LEVEL", LOG_LEVELS, default="INFO")


def _database(env: EnvReader) -> DatabaseSettings:
    pooler: Pooler = env.one_of("SLUICE_DB_POOLER", POOLERS, default="none")
    return DatabaseSettings(
        host=env.text("SLUICE_DB_HOST"),
        port=env.integer("SLUICE_DB_PORT", default=5432, least=1, most=65535),
        name=env.text("SLUICE_DB_NAME"),
        user=env.text("SLUICE_DB_USER"),
        password=env.text("SLUICE_DB_PASSWORD", default=""),
        secret_arn=env.text("SLUICE_DB_SECRET_ARN", default=""),
        auth=env.one_of("SLUICE_DB_AUTH", ("password", "iam", "none"), default="password"),
        tls=env.one_of("SLUICE_DB_TLS", ("verify-full", "off"), default="verify-full"),
        ca_file=env.text("SLUICE_DB_CA_FILE", default=""),
        pool_size=env.integer("SLUICE_DB_POOL_SIZE", default=1, least=1, most=100),
        pool_overflow=env.integer("SLUICE_DB_POOL_OVERFLOW", default=1, least=0, most=100),
        pool_timeout=env.seconds("SLUICE_DB_POOL_TIMEOUT", default=1.5),
        connect_timeout=env.seconds("SLUICE_DB_CONNECT_TIMEOUT", default=2.0),
        statement_timeout=env.seconds("SLUICE_DB_STATEMENT_TIMEOUT", default=14.0),
        lock_timeout=env.seconds("SLUICE_DB_LOCK_TIMEOUT", default=5.0),
        socket_timeout=env.seconds("SLUICE_DB_SOCKET_TIMEOUT", default=20.0),
        max_idle=env.seconds("SLUICE_DB_MAX_IDLE", default=240.0),
        # A named statement makes RDS Proxy keep the server connection for one client.
        migrated=env.one_of("SLUICE_DB_MIGRATED", ("on", "off"), default="on") == "on",
        prepared_statements=env.integer(
            "SLUICE_DB_PREPARED_STATEMENTS",
            default=0 if pooler == "rds-proxy" else 64,
            least=0,
            most=1_000,
        ),
        pooler=pooler,
    )


def _aws(env: EnvReader) -> AwsSettings:
    url = env.text("AWS_CONTAINER_CREDENTIALS_FULL_URI", default="")
    env.check_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
    region = env.text("AWS_REGION", default="")
    fips = env.one_of("AWS_USE_FIPS_ENDPOINT", ("true", "false"), default="false") == "true"
    if fips and region.startswith("cn-"):
        env.problems.append(
            "AWS_USE_FIPS_ENDPOINT cannot be true in a region of China, which has no such hosts"
        )
    return AwsSettings(
        region=region,
        fips=fips,
        ca_file=env.text("AWS_CA_BUNDLE", default=""),
        access_key_id=env.text("AWS_ACCESS_KEY_ID", default=""),
        secret_access_key=env.text("AWS_SECRET_ACCESS_KEY", default=""),
        session_token=env.text("AWS_SESSION_TOKEN", default=""),
        credentials_url=url,
        credentials_token=env.text("AWS_CONTAINER_AUTHORIZATION_TOKEN", default=""),
        secrets_endpoint=env.text("AWS_ENDPOINT_URL_SECRETS_MANAGER", default=""),
        dynamodb_endpoint=env.text("AWS_ENDPOINT_URL_DYNAMODB", default=""),
        s3_endpoint=env.text("AWS_ENDPOINT_URL_S3", default=""),
        sqs_endpoint=env.text("AWS_ENDPOINT_URL_SQS", default=""),
    )


def _check_auth(env: EnvReader, settings: Settings) -> None:
    """Can each role prove who it is, and that without telling anybody who listens?"""
    database, adhoc_sql = settings.database, settings.adhoc_sql
    if database.auth == "password" and not database.password and not database.secret_arn:
        env.problems.append(
            "SLUICE_DB_PASSWORD or SLUICE_DB_SECRET_ARN must be set, or SLUICE_DB_AUTH be iam"
        )
    if database.auth == "iam" or (adhoc_sql is not None and adhoc_sql.database.auth == "iam"):
        if database.tls != "verify-full":
            env.problems.append(
                "SLUICE_DB_TLS must be verify-full for IAM tokens, which go over the wire as they are"
            )
        if not settings.aws.region:
            env.problems.append("AWS_REGION must be set for IAM tokens")


def _replica(env: EnvReader, database: DatabaseSettings) -> DatabaseSettings | None:
    """`host` or `host:port` of a replica, where everybody logs in as they do at the database itenv."""
    place = env.text("SLUICE_REPLICA_HOST", default="")
    if not place:
        return None
    found = re.fullmatch(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(?::(\d{1,5}))?", place, re.ASCII)
    port = database.port if found is None or found[2] is None else int(found[2])
    if found is None or not 1 <= port <= 65535:
        env.problems.append(f"SLUICE_REPLICA_HOST must be a host, or host:port, not {place!r}")
        return None
    return replace(
        database, host=found[1].strip("[]"), port=port, deadline_share=REPLICA_DEADLINE_SHARE
    )


def _adhoc_sql(env: EnvReader, database: DatabaseSettings) -> AdhocSqlSettings | None:
    """The same server as another role; None where it has no way to prove who it is."""
    password = env.text("SLUICE_ANALYST_PASSWORD", default="")
    secret_arn = env.text("SLUICE_ANALYST_SECRET_ARN", default="")
    user = env.text("SLUICE_ANALYST_USER", default="sluice_analyst")
    max_cost = env.integer(
        "SLUICE_ANALYST_MAX_COST", default=ADHOC_SQL_MAX_COST, least=1, most=10**12
    )
    auth: Auth = env.one_of("SLUICE_ANALYST_AUTH", ("password", "iam"), default="password")
    if auth == "password" and not password and not secret_arn:
        return None
    role = replace(
        database,
        user=user,
        auth=auth,
        password=password,
        secret_arn=secret_arn,
        pool_size=1,
        pool_overflow=0,
        prepared_statements=0,  # no two are the same
        statement_timeout=ADHOC_SQL_TIMEOUT,
        lock_timeout=0.2,
        socket_timeout=ADHOC_SQL_TIMEOUT + PATIENCE,
    )
    return AdhocSqlSettings(role, max_cost)


def _jwt(env: EnvReader) -> JwtSettings | None:
    issuer, audience = (
        env.text("SLUICE_JWT_ISSUER", default=""),
        env.text("SLUICE_JWT_AUDIENCE", default=""),
    )
    jwks_url = (
        env.text("SLUICE_JWT_JWKS_URL", default="") or f"{issuer.rstrip('/')}/.well-known/jwks.json"
    )
    verified_by = env.one_of("SLUICE_JWT_VERIFIED_BY", ("function", "gateway"), default="function")
    if not issuer:
        return None
    if not audience:
        env.problems.append("SLUICE_JWT_AUDIENCE must be set where SLUICE_JWT_ISSUER is")
    env.check_url("SLUICE_JWT_JWKS_URL", jwks_url)
    return JwtSettings(issuer, audience, jwks_url, verified_by_gateway=verified_by == "gateway")
